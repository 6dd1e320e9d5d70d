#include <unroll/layers/dense.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_dense {

using namespace unroll;
using namespace model_run;

TEST_CASE("dense: outputs equal W x + b in every column") {
  const bool biased = GENERATE(true, false);
  auto model = sequential<double>(3, Dense{.units = 4, .biased = biased});
  randomise(model);
  const auto timeline = Timeline::from_lengths({2, 0, 3});
  const MatrixX<double> x = noise(3, 5);
  decltype(model)::Tape tape;
  const MatrixX<double> out = model.forward(x, timeline, tape);
  MatrixX<double> want = model.parameters()["0.weight"] * x;
  if (biased) want.colwise() += model.parameters()["0.bias"].col(0);
  CHECK(out.isApprox(want, 1e-14));
  CHECK(model.parameters().size() == (biased ? 16 : 12));
  CHECK((model.parameters().table().find("0.bias") != nullptr) == biased);
  const auto report = gradients(model);
  INFO(report.text());
  CHECK(report.worst < 1e-7);
}

TEST_CASE("dense: reads a block of a larger matrix") {
  auto model = sequential<double>(3, Dense{.units = 4});
  randomise(model);
  const MatrixX<double> whole = noise(7, 5);
  const MatrixX<double> copy = whole.middleRows(2, 3);
  decltype(model)::Tape one, two;
  const auto timeline = Timeline::rectangular(1, 5);
  CHECK(same_bits(model.forward(view(whole.middleRows(2, 3)), timeline, one), model.forward(copy, timeline, two)));
}

TEST_CASE("dense: refuses sizes out of range") {
  const auto units = [](Index n) { sequential<double>(3, Dense{.units = n}); };
  CHECK_THROWS_MATCHES(units(0), ShapeError, says("layer 0 (dense): units must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(units(-3), ShapeError, says("got -3"));
  CHECK_THROWS_MATCHES(units(std::numeric_limits<Index>::max()), ShapeError,
                       says("layer 0 (dense): parameters: matrix"));
  CHECK_THROWS_MATCHES(sequential<double>(0, Dense{.units = 1}), ShapeError,
                       says("features per step must be 1 to 1099511627776, got 0"));
  CHECK_THROWS_AS(sequential<double>(std::numeric_limits<Index>::max(), Dense{.units = 4}), ShapeError);
}

}  // namespace test_dense
