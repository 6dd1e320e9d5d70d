#include <unroll/check/learning.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/sgd.hpp>

#include "support/catch.hpp"

namespace test_learning {

using namespace unroll;

namespace {

/// Model y = W x + b to be fitted to two points, which is possible only with the bias.
struct Fit {
  Sequential<double, Dense> model;
  SGD<double> optimizer;
  MatrixX<double> x = MatrixX<double>::Ones(1, 2);
  long calls = 0;

  explicit Fit(bool biased, double rate = 0.2)
      : model(1, Dense{.units = 1, .biased = biased}), optimizer({.learning_rate = rate}) {
    x(0, 1) = 0;
  }
  OverfitResult run(const OverfitOptions& options = {}) {
    return overfit(
        model, x, Timeline::rectangular(2, 1),
        [&](const auto& output, auto& d_output) {  // targets 3 and 1
          ++calls;
          d_output(0, 0) = output(0, 0) - 3, d_output(0, 1) = output(0, 1) - 1;
          return d_output.squaredNorm() / 2;
        },
        optimizer, options);
  }
};

}  // namespace

TEST_CASE("overfit: stops when the loss reaches the target") {
  Fit fit(true);
  const auto result = fit.run({.updates = 300, .target = 1e-4});
  CHECK(result.reached);
  CHECK(result.first == 5);
  CHECK(result.last < 1e-4);
  CHECK(result.updates < 300);
  CHECK(fit.calls == result.updates + 1);  // includes the loss after the last update
  CHECK(result.text().find("loss 5 at first, ") == 0);
  CHECK(result.text().find("the model can learn these examples by heart") != std::string::npos);
}

TEST_CASE("overfit: reports a failure when the model cannot fit its examples") {
  Fit fit(false);  // its output at x = 0 is 0 for every weight
  const auto result = fit.run({.updates = 100});
  CHECK(!result.reached);
  CHECK(result.updates == 100);
  CHECK(result.last == Approx(0.5));
  CHECK(result.text().find("0.5 after 100 updates: the model did NOT learn") != std::string::npos);
}

TEST_CASE("overfit: returns the loss and keeps the parameters when updates is 0") {
  Fit fit(true);
  const auto result = fit.run({.updates = 0});
  CHECK(result.updates == 0);
  CHECK(result.first == result.last);
  CHECK(fit.model.parameters().values().isZero(0));
}

TEST_CASE("overfit: refuses an infinite parameter when the loss is finite") {
  auto model = sequential<double>(1, Dense{.units = 1}, Activate<Tanh>{});
  SGD<double> optimizer({.learning_rate = 1e308});
  const MatrixX<double> x = MatrixX<double>::Constant(1, 1, 4);
  const auto loss = [](const auto& output, auto& d_output) {  // 4.5 at first; tanh hides the infinite weight afterwards
    d_output(0, 0) = output(0, 0) - 3;
    return d_output.squaredNorm() / 2;
  };
  CHECK_THROWS_MATCHES(overfit(model, x, Timeline::rectangular(1, 1), loss, optimizer, {.updates = 1}), NonFiniteError,
                       says("overfit: parameter '0.weight' must be finite, got inf"));
}

TEST_CASE("overfit: refuses a non-finite loss and names its cause") {
  Fit fit(true, 1e200);
  CHECK_THROWS_MATCHES(fit.run(), NonFiniteError, says("overfit: loss must be finite, got "));
  Fit bad(true);
  bad.model.parameters()["0.bias"](0, 0) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_MATCHES(bad.run(), NonFiniteError, says(" after 0 updates; parameter '0.bias'"));
  Fit input(true);
  input.x(0, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_MATCHES(input.run(), NonFiniteError, says("input at sample 1, step 0"));
}

TEST_CASE("update ratios: are the norms of update and weight for each block") {
  ParameterTable table;
  table.add("w", Role::input_weight, 2, 1);
  table.add("b", Role::bias, 1, 1);
  table.add("still", Role::bias, 2, 1);
  Parameters<float> before(table), after(before);
  before["w"] << 3, 4;
  after["w"] << 3, 4.5;
  after["b"] << 2;
  const auto ratios = update_ratios(before, after);
  REQUIRE(ratios.size() == 3);
  CHECK(ratios[0].name == "w");
  CHECK(ratios[0].ratio == 0.1);
  CHECK(ratios[0].update == 0.5);
  CHECK(ratios[0].weight == 5);
  CHECK(std::isinf(ratios[1].ratio));  // moved away from zero
  CHECK(ratios[2].ratio == 0);         // zero and not moved: not 0 / 0
  CHECK(report(ratios) ==
        "w: update/weight 0.1 (0.5 / 5)\n"
        "b: update/weight inf (2 / 0)\n"
        "still: update/weight 0 (0 / 0)\n");
  CHECK_THROWS_MATCHES(update_ratios(before, Parameters<float>()), ShapeError,
                       says("as many entries as before, 5, got 0"));
}

}  // namespace test_learning
