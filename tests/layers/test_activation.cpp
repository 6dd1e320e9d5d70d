#include <unroll/layers/activation.hpp>
#include <unroll/layers/dense.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_activation {

using namespace unroll;
using namespace model_run;

namespace {

/// User-defined activation function with a derivative computed from the argument.
struct Cube {
  static constexpr std::string_view name = "cube", latex = "x^3";
  static constexpr bool by_output = false;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V x) const {
    return x * x * x;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V slope(V x) const {
    return V::constant(3) * x * x;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("activation layers: gradients match central differences", "", Softplus, LeakyRelu, Gelu, GeluTanh,
                   Silu, Cube) {
  for (const Index features : {1, 3, 9}) {
    const auto report =
        gradients(sequential<double>(features, Activate<TestType>{}, Dense{.units = 2}, Activate<TestType>{}));
    INFO(report.text());
    CHECK(report.worst < 1e-5);
  }
}

TEST_CASE("activation layers: compute the function with its parameters") {
  Sequential model(5, Activate<LeakyRelu>{{.negative_slope = 0.25}});
  const auto timeline = Timeline::from_lengths({3, 1});
  decltype(model)::Tape tape;
  const MatrixX<float> x = noise(5, 4).cast<float>();
  const MatrixX<float> y = model.forward(x, timeline, tape);
  CHECK(same_bits(y, x.cwiseMax(0.25f * x)));
  MatrixX<float> d_x;
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, MatrixX<float>::Ones(5, 4), gradient, &d_x);
  CHECK(same_bits(d_x, (x.array() > 0).select(MatrixX<float>::Ones(5, 4), 0.25f)));
}

TEST_CASE("activation layers: read non-contiguous columns and write gradients there") {
  const ActivationLayer<double, Cube> cube(Activate<Cube>{});
  const MatrixX<double> wide = noise(11, 6);
  decltype(cube)::Tape tape;
  const auto timeline = Timeline::rectangular(1, 6);
  const ConstView<double> x = view(wide.topRows(5));
  const auto y = cube.forward(nullptr, {x, &timeline}, {}, {}, tape).values;
  CHECK(same_bits(y, x.array().cube().matrix()));
  MatrixX<double> d_wide = MatrixX<double>::Ones(7, 6);
  const MatrixX<double> ones = MatrixX<double>::Ones(5, 6);
  cube.backward(nullptr, {x, &timeline}, {}, view(ones), {}, tape, nullptr,
                {d_wide.data(), 5, 6, Eigen::OuterStride<>(7)}, nullptr);
  CHECK(d_wide.topRows(5).isApprox(3 * x.array().square().matrix(), 1e-14));
  CHECK((d_wide.bottomRows(2).array() == 1).all());
}

TEST_CASE("activation layers: an overflow is located by sample and step") {
  auto model = sequential<double>(1, Activate<Cube>{});
  decltype(model)::Tape tape;
  const auto timeline = Timeline::rectangular(1, 3);
  MatrixX<double> x = noise(1, 3);
  x(0, 1) = 1e200;
  model.forward(x, timeline, tape);
  CHECK(model.locate_non_finite(tape) == "layer 0 (cube): its output at sample 0, step 1");
}

TEST_CASE("prelu: gradients match central differences") {
  for (const Index features : {1, 3, 9, 19})
    for (const bool per_feature : {false, true}) {
      const PRelu layer{.per_feature = per_feature};
      const auto report = gradients(sequential<double>(2, Dense{.units = features}, layer, Dense{.units = 2}, layer));
      INFO(report.text());
      CHECK(report.worst < 1e-5);
    }
}

TEST_CASE("prelu: computes the function with one slope for all features or one per feature") {
  const MatrixX<double> x{{1, -2, 0}, {-3, 4, -0.5}}, d_y{{1, 2, 3}, {4, 5, 6}};
  const auto timeline = Timeline::rectangular(3, 1);
  const auto check = [&](bool per_feature, const VectorX<double>& slopes, const VectorX<double>& d_slopes) {
    Sequential<double, PRelu> model(2, PRelu{.per_feature = per_feature});
    REQUIRE(model.parameters().table().names() == "0.weight");
    model.initialise(1);
    CHECK((model.parameters().values().array() == 0.25).all());
    model.parameters().values() = slopes;
    decltype(model)::Tape tape;
    const double first = slopes[0], second = slopes[slopes.size() - 1];
    CHECK(model.forward(x, timeline, tape) == MatrixX<double>{{1, -2 * first, 0}, {-3 * second, 4, -0.5 * second}});
    auto gradient = model.parameters().zeros_like();
    MatrixX<double> d_x;
    model.backward(tape, d_y, gradient, &d_x);
    CHECK(d_x == MatrixX<double>{{1, 2 * first, 3 * first}, {4 * second, 5, 6 * second}});
    CHECK(gradient.values() == d_slopes);
  };
  check(false, VectorX<double>{{0.5}}, VectorX<double>{{-4.0 - 12 - 3}});
  check(true, VectorX<double>{{0.5, -2}}, VectorX<double>{{-4.0, -12.0 - 3}});
}

TEST_CASE("prelu: an infinite initial slope is refused, not-a-number is not hidden") {
  CHECK_THROWS_MATCHES(sequential<double>(1, PRelu{.initial = INFINITY}), ValueError,
                       says("layer 0 (prelu): initial must be finite in double, got inf"));
  auto model = sequential<double>(1, PRelu{});
  model.initialise(1);
  decltype(model)::Tape tape;
  const auto timeline = Timeline::rectangular(1, 1);
  CHECK(std::isnan(model.forward(MatrixX<double>::Constant(1, 1, NAN), timeline, tape)(0, 0)));
}

}  // namespace test_activation
