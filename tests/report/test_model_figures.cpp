// Data of figures of a model: norms, gradient flow, values over time, weights.

#include "support/catch.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/models/sequential.hpp"
#include "unroll/report/model_figures.hpp"

namespace test_model_figures {

using namespace unroll;

TEST_CASE("norm_per_step: is the mean over sequences with this step", "[report]") {
  const auto timeline = Timeline::from_lengths({1, 3});
  MatrixX<double> columns(2, 4);
  columns << 3, 0, 6, 1, 4, 5, 8, 0;
  CHECK(norm_per_step(columns, timeline) == std::vector<double>{5, 10, 1});
  CHECK_THROWS_AS(norm_per_step(MatrixX<double>(2, 3), timeline), ShapeError);
}

TEST_CASE("gradient_flow: is the norm of the gradient at the input of each step", "[report]") {
  auto model = sequential<double>(2, Dense{.units = 1});
  model.parameters().values().setZero();
  model.parameters().values().head(2) << 3, 4;
  const auto timeline = Timeline::from_lengths({3, 1});
  const MatrixX<double> x = MatrixX<double>::Random(2, timeline.columns());
  const auto flow = gradient_flow(model, x, timeline, [](const auto& output) -> MatrixX<double> {
    MatrixX<double> gradient = MatrixX<double>::Zero(output.rows(), output.cols());
    gradient(0, 0) = 2, gradient(0, 3) = -1;
    return gradient;
  });
  REQUIRE(flow.size() == 3);
  CHECK(flow[0] == Approx(5));  // 10 in the first sequence, 0 in the second
  CHECK(flow[1] == 0);
  CHECK(flow[2] == Approx(5));
  const auto curves = figure::gradient_flow({{"dense", flow}, {"other", flow}});
  CHECK(curves.y.logarithmic);
  CHECK(curves.series[1].x == std::vector<double>{0, 1, 2});
}

TEST_CASE("figure: over_time shows the columns of one sample in order", "[report]") {
  const auto timeline = Timeline::from_lengths({1, 3});
  MatrixX<float> columns(1, 4);
  columns << 1, 2, 3, 4;
  const auto map = figure::over_time(columns, timeline, 1, "state");
  CHECK(map.values.rows() == 1);
  CHECK(map.values == (MatrixX<double>(1, 3) << 1, 3, 4).finished());
  CHECK(figure::over_time(columns, timeline, 0, "state").values(0, 0) == 2);
  CHECK_THROWS_MATCHES(figure::over_time(columns, timeline, 2, "state"), ShapeError,
                       says("sample must be 0 to 1, got 2"));
}

TEST_CASE("figure: weights shows a block by its name", "[report]") {
  ParameterTable table;
  table.add("0.weight", Role::input_weight, 2, 3);
  Parameters<float> parameters(table);
  parameters.values() << 1, 2, 3, 4, 5, 6;
  const auto map = figure::weights(parameters, "0.weight");
  CHECK(map.values(1, 2) == 6);
  CHECK(map.value == "0.weight");
  CHECK_THROWS_AS(figure::weights(parameters, "0.bias"), ValueError);
}

}  // namespace test_model_figures
