#include <unroll/cells/gru.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

using namespace unroll;
using namespace model_run;

namespace {

Matrix<double> tokens(std::initializer_list<double> numbers) {
  return Eigen::Map<const Matrix<double>>(numbers.begin(), 1, Index(numbers.size()));
}

}  // namespace

TEST_CASE("an embedding looks up a column for each token, and its gradient goes back to that column") {
  Sequential model(1, Embedding<double>{.size = 4, .dimension = 3});
  model.initialise(1);
  const auto table = model.parameters()["0.weight"];
  CHECK(table.rows() == 3);
  CHECK(table.cols() == 4);
  CHECK(table.norm() > 1);
  const auto timeline = Timeline::from_lengths({3, 2});
  decltype(model)::Tape tape;
  const Matrix<double> out = model.forward(tokens({2, 0, 2, 3, 0}), timeline, tape);
  for (const auto& [column, token] : {std::pair<Index, Index>{0, 2}, {1, 0}, {2, 2}, {3, 3}, {4, 0}})
    CHECK(out.col(column) == table.col(token));
  auto gradient = model.parameters().zeros_like();
  Matrix<double> d_x;
  const Matrix<double> d_out = noise(3, 5);
  model.backward(tape, d_out, gradient, &d_x);
  const auto d_table = gradient["0.weight"];
  CHECK(d_table.col(0) == d_out.col(1) + d_out.col(4));
  CHECK(d_table.col(1).isZero(0));
  CHECK(d_table.col(2) == d_out.col(0) + d_out.col(2));
  CHECK(d_x.isZero(0));
}

TEST_CASE("a language model's gradients are right") {
  Sequential model(1, Embedding<double>{.size = 5, .dimension = 3}, Recurrent<Gru<double>>{.units = 4},
                   Dense<double>{.units = 5});
  model.initialise(2);
  const auto timeline = Timeline::from_lengths({4, 1, 3});
  const Matrix<double> x = tokens({0, 4, 2, 3, 1, 0, 2, 2});
  decltype(model)::Tape tape;
  Matrix<double> d_output;
  const auto loss = [&] {
    const Matrix<double> out = model.forward(x, timeline, tape);
    return weighted()(out, d_output);
  };
  loss();
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, d_output, gradient);
  const auto report = check_gradient(loss, model.parameters().values(), gradient.values(),
                                     [&](Index k) { return entry_name(model.parameters().table(), k); });
  INFO(report.text());
  CHECK(report.worst < 1e-6);
}

TEST_CASE("numbers that are no token are refused") {
  Sequential model(1, Embedding<float>{.size = 4, .dimension = 2});
  decltype(model)::Tape tape;
  const auto run = [&](float number) {
    model.forward(Matrix<float>(Matrix<float>::Constant(1, 1, number)), Timeline::rectangular(1, 1), tape);
  };
  run(3);
  for (const float number : {-1.F, 4.F, 1.5F, std::numeric_limits<float>::quiet_NaN()})
    CHECK_THROWS_MATCHES(run(number), ValueError, says("layer 0 (embedding): expects token numbers from 0 to 3, got"));
  CHECK_THROWS_MATCHES(Sequential(2, Embedding<float>{.size = 4, .dimension = 2}), ShapeError,
                       says("expects one token number per step, what comes in has 2 features"));
  CHECK_THROWS_MATCHES(Sequential(1, Embedding<float>{.dimension = 2}), ShapeError, says("got 0 and 2"));
}
