#include <unroll/check/gradient.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/models/sequential.hpp>

#include "support/catch.hpp"

namespace test_gradient {

using namespace unroll;

namespace {

std::string number(Index k) { return text("entry ", k); }

/// x0^2 + 3 x1 + sin(x2)
struct Example {
  VectorX<double> x = (VectorX<double>(3) << 0.5, -2, 1).finished();
  VectorX<double> gradient = (VectorX<double>(3) << 1, 3, std::cos(1.)).finished();

  GradientReport check(GradientCheckOptions options = {}) {
    return check_gradient([&] { return x[0] * x[0] + 3 * x[1] + std::sin(x[2]); }, x, gradient, number, options);
  }
};

/// Dense layer whose backward pass can have one wrong gradient.
struct Planted : DenseLayer<double> {
  using DenseLayer<double>::DenseLayer;
  Index wrong_weight = -1, wrong_input = -1;

  void backward(const Weights& weights, const Signal<double>& in, const Pass& pass, ConstView<double> d_out,
                const State<double>& d_final, Tape& tape, double* gradient, View<double> d_in,
                State<double>* d_initial) const {
    DenseLayer<double>::backward(weights, in, pass, d_out, d_final, tape, gradient, d_in, d_initial);
    if (wrong_weight >= 0) gradient[wrong_weight] *= 1.01;
    if (wrong_input >= 0 && d_in.data() != nullptr) d_in.data()[wrong_input] += 0.01;
  }
};

GradientReport of_model(Index wrong_weight = -1, Index wrong_input = -1, GradientCheckOptions options = {}) {
  Planted layer(Dense{.units = 2});
  layer.wrong_weight = wrong_weight, layer.wrong_input = wrong_input;
  Sequential model(3, layer);
  model.initialise(1);
  const MatrixX<double> x =
      MatrixX<double>::NullaryExpr(3, 4, [](Index r, Index c) { return 0.3 * double(r + 1) - 0.4 * double(c); });
  return check_gradients(
      model, x, Timeline::rectangular(2, 2),
      [](const auto& output, auto& d_output) {
        d_output = 2 * output;
        return output.squaredNorm();
      },
      {}, options);
}

}  // namespace

TEST_CASE("gradient check: correct gradients pass, and variables are unchanged") {
  Example example;
  const auto before = example.x;
  const auto report = example.check();
  CHECK(report.worst < 1e-8);
  CHECK(report.checked == 3);
  CHECK(example.x == before);
  CHECK(of_model().worst < 1e-7);
  CHECK(of_model().checked == 8 + 12);
}

TEST_CASE("gradient check: a wrong entry is reported with both numbers") {
  Example example;
  example.gradient[1] = 3.03;
  const auto report = example.check();
  CHECK(report.worst == Approx(0.03 / 3.001).epsilon(1e-4));
  CHECK(report.where == "entry 1");
  CHECK(report.analytic == 3.03);
  CHECK(report.numeric == Approx(3));
  CHECK(report.text().find("worst of 3 entries: 0.00999") == 0);
  CHECK(report.text().find(" at entry 1: analytic 3.03, numeric ") != std::string::npos);
}

TEST_CASE("gradient check: a wrong gradient of a model is reported with block and place") {
  // Weights [2 x 3] column by column, then the bias.
  CHECK(of_model(3).where == "0.weight(1, 1)");
  CHECK(of_model(7).where == "0.bias(1, 0)");
  CHECK(of_model(-1, 4).where == "input(1, column 1)");
  CHECK(of_model(-1, 4).worst > 1e-3);
}

TEST_CASE("gradient check: NaN exceeds every other error") {
  Example example;
  example.gradient[1] = std::numeric_limits<double>::quiet_NaN();
  example.gradient[2] = 1e9;
  auto report = example.check();
  CHECK(std::isnan(report.worst));
  CHECK(report.where == "entry 1");
  CHECK(!(report.worst < 1e-6));  // the comparison that tests make
  GradientReport other{.worst = 1, .where = "other", .checked = 2};
  other += report;
  CHECK(other.where == "entry 1");
  report += {.worst = 1e300, .where = "later", .checked = 1};
  CHECK(std::isnan(report.worst));
  const auto loss = [&] { return example.x[0] > 0.5 ? std::nan("") : 0.; };
  CHECK(std::isnan(check_gradient(loss, example.x, VectorX<double>::Zero(3), number).worst));
}

TEST_CASE("gradient check: errors of small gradients are relative to the floor") {
  VectorX<double> x = VectorX<double>::Ones(1), gradient = VectorX<double>::Constant(1, 1e-6);
  const auto loss = [] { return 0.; };
  CHECK(check_gradient(loss, x, gradient, number).worst == Approx(1e-3));
  CHECK(check_gradient(loss, x, gradient, number, {.floor = 1e-6}).worst == Approx(1));
}

TEST_CASE("gradient check: checks at most the given number of entries") {
  VectorX<double> x = VectorX<double>::Zero(1000), gradient = VectorX<double>::Zero(1000);
  Index calls = 0;
  const auto loss = [&] { return double(++calls) * 0; };
  const auto report = check_gradient(loss, x, gradient, number, {.most = 10});
  CHECK(report.checked == 10);
  CHECK(calls == 20);
  CHECK(of_model(-1, -1, {.most = 5}).checked == 10);
}

TEST_CASE("gradient check: checks each entry once when the limit equals their number") {
  VectorX<double> x = VectorX<double>::Zero(20), gradient = VectorX<double>::Zero(20);
  VectorX<Index> moved = VectorX<Index>::Zero(20);
  const auto loss = [&] {
    moved += (x.array() != 0).matrix().cast<Index>();
    return 0.;
  };
  check_gradient(loss, x, gradient, number, {.most = 20});
  CHECK(moved == VectorX<Index>::Constant(20, 2));
}

namespace {

struct TwoLayers {
  using Scalar = double;
  struct Layer {
    static std::vector<Index> state_rows() { return {3}; }
  };
  template <class F>
  void each_layer(F&& f) const {
    for (const std::size_t k : {0u, 1u}) f(Layer(), k);
  }
};

}  // namespace

TEST_CASE("gradient check: random initial states differ between layers and depend on the seed") {
  const auto state = random_state(TwoLayers(), Timeline::rectangular(2, 4), 1);
  REQUIRE(state.size() == 2);
  CHECK(state[0][0].rows() == 3);
  CHECK(state[0][0].cols() == 2);
  CHECK(state[0][0] != state[1][0]);
  CHECK(state[1][0] == random_state(TwoLayers(), Timeline::rectangular(2, 4), 1)[1][0]);
  CHECK(state[1][0] != random_state(TwoLayers(), Timeline::rectangular(2, 4), 2)[1][0]);
}

TEST_CASE("gradient check: refuses a step or floor that is not positive and a gradient of another size") {
  Example example;
  CHECK_THROWS_MATCHES(example.check({.step = 0}), ValueError, says("gradient check: step must be above 0, got 0"));
  CHECK_THROWS_AS(example.check({.floor = -1}), ValueError);
  example.gradient.resize(2);
  CHECK_THROWS_MATCHES(example.check(), ShapeError, says("gradient must have as many entries as variables, 3, got 2"));
}

TEST_CASE("gradient report: an empty report does not change a sum of reports") {
  GradientReport report;
  CHECK(report.text() == "worst of 0 entries: 0 at nothing was checked: analytic 0, numeric 0");
  report += GradientReport{.worst = 2, .where = "there", .checked = 1};
  CHECK(report.where == "there");
  report += GradientReport{};
  CHECK(report.where == "there");
  CHECK(report.checked == 1);
}

}  // namespace test_gradient
