#include <cmath>
#include <cstring>
#include <filesystem>
#include <limits>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/simd/activations.hpp>
#include <vector>

#include "simd/lane_types.hpp"
#include "support/catch.hpp"

namespace test_activations {

namespace {

using namespace unroll;

/// |got - want| in units in the last place of `want`; 1e30 if exactly one of them is NaN or infinite, or if `want` is 0
/// and `got` is not.
template <class Scalar>
double ulps(Scalar got, long double want) {
  using Limits = std::numeric_limits<Scalar>;
  const auto rounded = static_cast<Scalar>(want);
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : 1e30;
  if (std::isinf(got) || std::isinf(rounded) || want == 0) return got == rounded ? 0 : 1e30;
  int exponent = 0;
  std::frexp(want, &exponent);
  const int least = std::max(exponent, Limits::min_exponent) - Limits::digits;
  return static_cast<double>(std::abs(got - want) / std::ldexp(1.0L, least));
}

/// Arguments of all magnitudes and both signs, denser where the functions are curved.
template <class Scalar>
std::vector<Scalar> arguments() {
  using Limits = std::numeric_limits<Scalar>;
  std::vector<Scalar> out;
  for (int e = Limits::min_exponent - Limits::digits; e <= Limits::max_exponent; ++e) {
    const int steps = e < -12 || e > 11 ? 7 : 1500;
    for (int i = 0; i < steps; ++i) out.push_back(std::ldexp(Scalar(0.5) + Scalar(i) / Scalar(2 * steps), e));
  }
  const std::size_t positive = out.size();
  for (std::size_t i = 0; i < positive; ++i) out.push_back(-out[i]);
  return out;
}

/// Largest error over all arguments, with a different argument in each lane.
template <class V, class F, class Reference>
double worst_error(F&& function, Reference&& reference) {
  using Scalar = typename V::Scalar;
  auto x = arguments<Scalar>();
  x.resize(x.size() / std::size_t(V::size) * std::size_t(V::size));
  double worst = 0;
  Scalar at = 0;
  for (std::size_t i = 0; i < x.size(); i += std::size_t(V::size)) {
    const auto y = lanes_of(function(V::load(&x[i])));
    for (std::size_t j = 0; j < y.size(); ++j) {
      const double error = ulps(y[j], reference(static_cast<long double>(x[i + j])));
      if (error > worst) worst = error, at = x[i + j];
    }
  }
  UNSCOPED_INFO("error " << worst << " at " << at);
  return worst;
}

long double softplus(long double x) { return std::max(x, 0.0L) + std::log1p(std::exp(-std::abs(x))); }

long double gelu(long double x) { return x * std::erfc(-x / std::sqrt(2.0L)) / 2; }

// Extra tolerance for compilers without fused multiply-add, or where long double is no wider than double.
constexpr double slack = std::numeric_limits<long double>::digits > std::numeric_limits<double>::digits ? 0 : 1;

}  // namespace

TEMPLATE_TEST_CASE("elementary functions: errors are within the documented bounds", "[activations]", ALL_LANES) {
  const auto worst = [](auto&& function, auto&& reference) { return worst_error<TestType>(function, reference); };
  CHECK(worst([](auto x) { return exp(x); }, [](long double x) { return std::exp(x); }) < 1.25 + slack);
  CHECK(worst([](auto x) { return Exp2{}.value(x); }, [](long double x) { return std::exp2(x); }) < 1.25 + slack);
  CHECK(worst([](auto x) { return log(x); }, [](long double x) { return std::log(x); }) < 2.0 + slack);
  CHECK(worst([](auto x) { return tanh(x); }, [](long double x) { return std::tanh(x); }) < 2.75 + slack);
  CHECK(worst([](auto x) { return Sigmoid{}.value(x); }, [](long double x) { return 1 / (1 + std::exp(-x)); }) <
        2.5 + slack);
  CHECK(worst([](auto x) { return Softplus{}.value(x); }, softplus) < 3.0 + slack);
  CHECK(worst([](auto x) { return Softsign{}.value(x); }, [](long double x) { return x / (1 + std::abs(x)); }) <
        1.75 + slack);
  CHECK(worst([](auto x) { return Elu{}.value(x); }, [](long double x) { return x > 0 ? x : std::expm1(x); }) <
        1.25 + slack);
  CHECK(worst([](auto x) { return Gelu{}.value(x); }, gelu) < 5.0 + slack);
  CHECK(worst([](auto x) { return Expm1{}.value(x); }, [](long double x) { return std::expm1(x); }) < 2.25 + slack);
  CHECK(worst([](auto x) { return Log1p{}.value(x); }, [](long double x) { return std::log1p(x); }) < 3.0 + slack);
  CHECK(worst([](auto x) { return Floor{}.value(x); }, [](long double x) { return std::floor(x); }) == 0);
}

TEMPLATE_TEST_CASE("gelu and silu: errors of values and slopes are within the documented bounds", "[activations]",
                   ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  constexpr long double eps = std::numeric_limits<Scalar>::epsilon(), least = std::numeric_limits<Scalar>::min();
  // Errors in units of `eps` times the magnitudes of the terms of the result, where subnormal ones count as `least`. A
  // factor 1 - sigmoid has the rounding error of that difference.
  const auto check = [&](auto&& function, auto&& want, auto&& size) {
    long double worst = 0;
    for (const Scalar x : arguments<Scalar>())
      if (std::isfinite(x * x))
        worst = std::max(
            worst, std::abs(through<TestType>(function, x) - want((long double)x)) / (eps * size((long double)x)));
    CHECK(worst < 3 + slack);
  };
  const auto phi = [](long double x) { return std::exp(-x * x / 2) / std::sqrt(8 * std::atan(1.0L)); };
  const auto below = [](long double x) { return std::erfc(-x / std::sqrt(2.0L)) / 2; };
  check([](auto x) { return Gelu{}.slope(x); }, [&](long double x) { return below(x) + x * phi(x); },
        [&](long double x) { return below(x) + std::abs(x) * phi(x) + least; });

  const auto logistic = [](long double x) { return 1 / (1 + std::exp(-x)); };
  const auto sloping = [&](long double u) { return logistic(u) * logistic(-u); };
  check([](auto x) { return Silu{}.value(x); }, [&](long double x) { return x * logistic(x); },
        [&](long double x) { return std::abs(x) * (logistic(x) + least) + least; });
  check([](auto x) { return Silu{}.slope(x); }, [&](long double x) { return logistic(x) + x * sloping(x); },
        [&](long double x) {
          return (1 + std::min(std::abs(x), x < 0 ? 1000.0L : 40.0L)) * logistic(x) + (1 + std::abs(x)) * least;
        });

  const long double root = std::sqrt(2 / std::atan(1.0L));  // 2 sqrt(2 / pi)
  const auto inner = [&](long double x) { return root * (x + 0.044715L * x * x * x); };
  const auto growth = [&](long double x) { return std::abs(x) * root * (1 + 0.134145L * x * x); };
  const auto conditioned = [&](long double x) { return 1 + std::max(-inner(x), 0.0L); };
  check([](auto x) { return GeluTanh{}.value(x); }, [&](long double x) { return x * logistic(inner(x)); },
        [&](long double x) { return std::abs(x) * (logistic(inner(x)) * conditioned(x) + least) + least; });
  check([](auto x) { return GeluTanh{}.slope(x); },
        [&](long double x) { return logistic(inner(x)) + (x < 0 ? -1 : 1) * growth(x) * sloping(inner(x)); },
        [&](long double x) {
          const long double size = (1 + std::min(growth(x), x < 0 ? 1e4L : 200.0L)) * logistic(inner(x));
          return size * conditioned(x) + (1 + growth(x)) * least;
        });
}

TEMPLATE_TEST_CASE("elementary functions: limits, overflow and NaN are handled", "[activations]", ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  using Limits = std::numeric_limits<Scalar>;
  const Scalar infinity = Limits::infinity(), nan = Limits::quiet_NaN(), least = Limits::denorm_min();
  const auto at = [](auto function, Scalar x) { return through<TestType>(function, x); };
  const auto exp_ = [](auto x) { return exp(x); };
  const auto log_ = [](auto x) { return log(x); };
  const auto tanh_ = [](auto x) { return tanh(x); };
  const auto value_of = [](auto activation) { return [=](auto x) { return activation.value(x); }; };

  CHECK(at(exp_, infinity) == infinity);
  CHECK(at(exp_, -infinity) == 0);
  CHECK(at(exp_, 0) == 1);
  CHECK(at(exp_, Limits::max()) == infinity);
  CHECK(at(exp_, std::log(least) + Scalar(0.2)) == least);
  CHECK(at(exp_, std::nextafter(std::log(Limits::max()), Scalar(0))) < infinity);
  CHECK(at(value_of(Exp2{}), infinity) == infinity);
  CHECK(at(value_of(Exp2{}), -infinity) == 0);
  CHECK(at(value_of(Exp2{}), Limits::max_exponent - 1) == std::ldexp(Scalar(1), Limits::max_exponent - 1));
  CHECK(at(value_of(Exp2{}), Limits::max_exponent) == infinity);
  CHECK(at(value_of(Exp2{}), Limits::min_exponent - Limits::digits) == least);
  CHECK(at(log_, infinity) == infinity);
  CHECK(at(log_, 0) == -infinity);
  CHECK(at(log_, -Scalar(0)) == -infinity);
  CHECK(at(log_, 1) == 0);
  CHECK(std::isnan(at(log_, -least)));
  CHECK(std::isnan(at(log_, -infinity)));
  CHECK(at(tanh_, infinity) == 1);
  CHECK(at(tanh_, -infinity) == -1);
  CHECK(at(tanh_, least) == least);
  CHECK(std::signbit(at(tanh_, -Scalar(0))));
  CHECK(at(value_of(Sigmoid{}), infinity) == 1);
  CHECK(at(value_of(Sigmoid{}), -infinity) == 0);
  CHECK(at(value_of(Softplus{}), infinity) == infinity);
  CHECK(at(value_of(Softplus{}), -infinity) == 0);
  CHECK(at(value_of(Elu{}), -infinity) == -1);
  for (const auto end : {infinity, Limits::max()}) {
    CHECK(at(value_of(Gelu{}), end) == end);
    CHECK(at(value_of(Gelu{}), -end) == 0);
    CHECK(at(value_of(GeluTanh{}), end) == end);
    CHECK(at(value_of(GeluTanh{}), -end) == 0);
    CHECK(at([](auto x) { return Gelu{}.slope(x); }, end) == 1);
    CHECK(at([](auto x) { return Gelu{}.slope(x); }, -end) == 0);
    CHECK(at([](auto x) { return GeluTanh{}.slope(x); }, end) == 1);
    CHECK(at([](auto x) { return GeluTanh{}.slope(x); }, -end) == 0);
    CHECK(at(value_of(Silu{}), end) == end);
    CHECK(at(value_of(Silu{}), -end) == 0);
    CHECK(at([](auto x) { return Silu{}.slope(x); }, end) == 1);
    CHECK(at([](auto x) { return Silu{}.slope(x); }, -end) == 0);
    CHECK(at(value_of(Silu{}), end) == end);
    CHECK(at(value_of(Silu{}), -end) == 0);
    CHECK(at([](auto x) { return Silu{}.slope(x); }, end) == 1);
    CHECK(at([](auto x) { return Silu{}.slope(x); }, -end) == 0);
  }
  CHECK(at(value_of(Softsign{}), infinity) == 1);
  CHECK(at(value_of(Softsign{}), -infinity) == -1);

  const auto keeps_nan = [&](auto... functions) { return (std::isnan(at(functions, nan)) && ...); };
  CHECK(keeps_nan(exp_, log_, tanh_, value_of(Identity{}), value_of(Sigmoid{}), value_of(Relu{}), value_of(LeakyRelu{}),
                  value_of(Elu{}), value_of(HardSigmoid{}), value_of(HardTanh{}), value_of(Softplus{}),
                  value_of(Softsign{}), value_of(Gelu{}), value_of(GeluTanh{}), value_of(Silu{}), value_of(Exp2{}),
                  value_of(Sqrt{}), value_of(Square{}), value_of(Abs{}), value_of(Expm1{}), value_of(Log1p{}),
                  value_of(Sin{}), value_of(Cos{}), value_of(Sign{}), value_of(Floor{}), value_of(Fract{}),
                  value_of(Softcap{})));
}

TEMPLATE_TEST_CASE("sin and cos: errors are within the documented bounds at all magnitudes", "[activations]",
                   ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  double worst = 0;
  for (const Scalar x : arguments<Scalar>()) {
    if (std::abs(x) > Scalar(1e15)) continue;  // long double's own reduction
    const Scalar sine = through<TestType>([](auto v) { return sin(v); }, x);
    const Scalar cosine = through<TestType>([](auto v) { return cos(v); }, x);
    worst = std::max({worst, ulps(sine, std::sin((long double)x)), ulps(cosine, std::cos((long double)x))});
  }
  CHECK(worst < 2.5 + slack);
  CHECK(std::signbit(through<TestType>([](auto v) { return sin(v); }, -Scalar(0))));
  CHECK(through<TestType>([](auto v) { return cos(v); }, Scalar(0)) == 1);
  const Scalar infinity = std::numeric_limits<Scalar>::infinity();
  for (const Scalar x : {infinity, -infinity}) {
    CHECK(std::isnan(through<TestType>([](auto v) { return sin(v); }, x)));
    CHECK(std::isnan(through<TestType>([](auto v) { return cos(v); }, x)));
    CHECK(through<TestType>([](auto v) { return floor(v); }, x) == x);
  }
}

TEST_CASE("sign, floor and fract: values between and at the jumps", "[activations]") {
  const auto at = [](auto function, double x) {
    return through<Doubles>([&](auto v) { return function.value(v); }, x);
  };
  CHECK(at(Sign{}, -2.5) == -1);
  CHECK(at(Sign{}, 0) == 0);
  CHECK(at(Sign{}, 1e-300) == 1);
  CHECK(at(Floor{}, -0.25) == -1);
  CHECK(at(Floor{}, 3) == 3);
  CHECK(at(Floor{}, 2.5) == 2);
  CHECK(at(Floor{}, 3.5) == 3);
  CHECK(at(Floor{}, -1e300) == -1e300);
  CHECK(at(Fract{}, -0.25) == 0.75);
  CHECK(at(Fract{}, 7.5) == 0.5);
  CHECK(at(Softcap{.cap = 5}, 1e9) == 5);
  CHECK(at(Softcap{.cap = 5}, 5) == Approx(5 * std::tanh(1.0)));
}

TEST_CASE("tanh: is odd to the last bit", "[activations]") {
  for (const double x : arguments<double>()) {
    REQUIRE(through<Doubles>([](auto v) { return tanh(v); }, -x) ==
            -through<Doubles>([](auto v) { return tanh(v); }, x));
  }
}

TEST_CASE("activations: a number has the same bits alone and among others", "[activations]") {
  const auto same = [](auto activation) {
    for (const float x : arguments<float>()) {
      const auto value = [&](auto v) { return activation.value(v); };
      const float wide = through<Floats>(value, x), single = through<OneFloat>(value, x);
      if (std::memcmp(&wide, &single, sizeof wide) != 0) return false;
    }
    return true;
  };
  CHECK(same(Sigmoid{}));
  CHECK(same(Tanh{}));
  CHECK(same(Softplus{}));
  CHECK(same(Elu{}));
  CHECK(same(Exp{}));
  CHECK(same(Exp2{}));
  CHECK(same(Gelu{}));
  CHECK(same(GeluTanh{}));
  CHECK(same(Silu{}));
  CHECK(same(Sin{}));
  CHECK(same(Cos{}));
  CHECK(same(Expm1{}));
  CHECK(same(Log1p{}));
  CHECK(same(Floor{}));
}

namespace {

/// Compares an activation with golden numbers: torch values "NAME" and derivatives "d_NAME" at the arguments "x".
template <class V, class A>
void check_against_golden(const A& activation, const std::string& name) {
  const auto file = read_safetensors(std::filesystem::path(UNROLL_TEST_DATA) / "golden/scalar/functions.safetensors");
  const auto x = file.at("x").to<double>(), y = file.at(name).to<double>(), d = file.at("d_" + name).to<double>();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double value = through<V>([&](auto v) { return activation.value(v); }, x[i]);
    INFO(name << " at " << x[i] << ": " << value << " instead of " << y[i]);
    if (std::isinf(x[i]) && name == "softsign") continue;  // here the limit, in torch NaN
    if (std::isnan(y[i])) {
      CHECK(std::isnan(value));
      continue;
    }
    CHECK((value == y[i] || std::abs(value - y[i]) <= 1e-12 * std::abs(y[i]) + 1e-300));

    // At the kinks of hard_sigmoid the derivative of torch's clamp is one-sided; here it is 0, as in
    // torch.nn.Hardsigmoid.
    const bool kink = name == "hardsigmoid_onnx" && std::abs(x[i]) == 2.5;
    if (!std::isfinite(x[i]) || !std::isfinite(d[i]) || kink) continue;
    const double slope = through<V>([&](auto v) { return activation.slope(v); }, A::by_output ? value : x[i]);
    INFO("slope " << slope << " instead of " << d[i]);
    CHECK(std::abs(slope - d[i]) <= 1e-15 + 1e-12 * std::abs(d[i]));
  }
}

}  // namespace

TEMPLATE_TEST_CASE("activations: values and slopes agree with PyTorch", "[activations][golden]", Doubles, OneDouble) {
  check_against_golden<TestType>(Sigmoid{}, "sigmoid");
  check_against_golden<TestType>(Tanh{}, "tanh");
  check_against_golden<TestType>(Relu{}, "relu");
  check_against_golden<TestType>(LeakyRelu{}, "leaky_relu");
  check_against_golden<TestType>(Elu{}, "elu");
  check_against_golden<TestType>(HardSigmoid{}, "hardsigmoid_onnx");
  check_against_golden<TestType>(HardTanh{}, "hardtanh");
  check_against_golden<TestType>(Softplus{}, "softplus");
  check_against_golden<TestType>(Softsign{}, "softsign");
  check_against_golden<TestType>(Exp{}, "exp");
}

TEMPLATE_TEST_CASE("activations: every slope is the derivative of its value", "[activations]", Identity, Sigmoid, Tanh,
                   Relu, LeakyRelu, Elu, HardSigmoid, HardTanh, Softplus, Softsign, Gelu, GeluTanh, Silu, Exp, Exp2,
                   Log, Sqrt, Square, Abs, Expm1, Log1p, Sin, Cos, Sign, Floor, Fract, Softcap) {
  STATIC_REQUIRE(Activation<TestType>);
  const TestType activation;
  const auto value = [&](double x) { return through<OneDouble>([&](auto v) { return activation.value(v); }, x); };
  const bool positive_only = TestType::name == "log" || TestType::name == "sqrt" || TestType::name == "log1p";
  for (const double x : {-3.1, -1.7, -0.4, -1e-3, 2e-3, 0.3, 0.9, 2.2, 4.5}) {
    if (positive_only && x < 0) continue;
    const double h = 1e-5 * std::min(1.0, std::abs(x)), numeric = (value(x + h) - value(x - h)) / (2 * h);
    const double seen = TestType::by_output ? value(x) : x;
    INFO(TestType::name << " at " << x);
    CHECK(through<Doubles>([&](auto v) { return activation.slope(v); }, seen) ==
          Approx(numeric).epsilon(1e-7).margin(1e-9 + std::numeric_limits<double>::epsilon() * std::abs(value(x)) / h));
  }
}

TEST_CASE("activations: parameters change value and slope", "[activations]") {
  const auto value = [](auto a, double x) { return through<Doubles>([&](auto v) { return a.value(v); }, x); };
  const auto slope = [](auto a, double x) { return through<Doubles>([&](auto v) { return a.slope(v); }, x); };
  CHECK(value(LeakyRelu{.negative_slope = 0.25}, -2) == -0.5);
  CHECK(slope(LeakyRelu{.negative_slope = 0.25}, -0.5) == 0.25);
  CHECK(value(Elu{.alpha = 3}, -1) == Approx(3 * std::expm1(-1.0)));
  CHECK(slope(Elu{.alpha = 3}, 3 * std::expm1(-1.0)) == Approx(3 * std::exp(-1.0)));
  CHECK(value(HardSigmoid{.alpha = 0.5, .beta = 0.25}, 1) == 0.75);
  CHECK(slope(HardSigmoid{.alpha = 0.5, .beta = 0.25}, 0.75) == 0.5);
  CHECK(value(HardTanh{.low = -2, .high = 0.5}, 3) == 0.5);
  CHECK(value(HardTanh{.low = -2, .high = 0.5}, -3) == -2);
  CHECK(slope(HardTanh{.low = -2, .high = 0.5}, -2) == 0);
}

TEST_CASE("activations: slopes at kinks equal those of PyTorch", "[activations]") {
  const auto slope = [](auto a, double x) { return through<Doubles>([&](auto v) { return a.slope(v); }, x); };
  CHECK(slope(Relu{}, 0) == 0);
  CHECK(slope(LeakyRelu{}, 0) == 0.01);
  CHECK(slope(HardTanh{}, 1) == 0);
  CHECK(slope(HardTanh{}, -1) == 0);
  CHECK(slope(HardSigmoid{}, 0) == 0);
  CHECK(slope(HardSigmoid{}, 1) == 0);
  CHECK(slope(Abs{}, 0) == 0);
}

TEST_CASE("activations: refuse a parameter that hides the branch", "[activations]") {
  const auto leaky = [](double slope) { return LeakyRelu{.negative_slope = slope}; };
  CHECK_THROWS_MATCHES(leaky(0), ValueError,
                       says("leaky_relu: parameter must be 1.1754944e-38 to 3.4028235e+38, got 0"));
  CHECK_THROWS_AS(leaky(-0.1), ValueError);
  CHECK_THROWS_AS(leaky(std::numeric_limits<double>::quiet_NaN()), ValueError);
  CHECK_THROWS_MATCHES((Elu{.alpha = -1}), ValueError, says("elu"));
  STATIC_REQUIRE(Elu{.alpha = 2}.alpha == 2);
}

namespace {

/// User-defined activation function.
struct Cube {
  static constexpr std::string_view name = "cube", latex = "\\mathrm{cube}";
  static constexpr bool by_output = false;
  template <class V>
  V value(V x) const {
    return x * x * x;
  }
  template <class V>
  V slope(V x) const {
    return V::constant(3) * x * x;
  }
};

struct WithoutSlope {
  static constexpr std::string_view name = "broken", latex = "b";
  static constexpr bool by_output = false;
  template <class V>
  V value(V x) const {
    return x;
  }
};

}  // namespace

TEMPLATE_TEST_CASE("apply: changes every entry of a matrix, block, vector or map and no other", "[activations]", float,
                   double) {
  STATIC_REQUIRE(Activation<Cube>);
  STATIC_REQUIRE_FALSE(Activation<WithoutSlope>);
  for (const Index rows : {0, 1, 3, 16, 37}) {
    const MatrixX<TestType> before = MatrixX<TestType>::Random(rows + 2, 5);
    MatrixX<TestType> m = before;
    apply(Cube{}, m.block(1, 1, rows, 3));
    MatrixX<TestType> wanted = before;
    wanted.block(1, 1, rows, 3) = before.block(1, 1, rows, 3).array().cube();
    CHECK(m.isApprox(wanted));
    CHECK(m.row(0) == before.row(0));
    CHECK(m.row(rows + 1) == before.row(rows + 1));
    m = before;
    apply(Cube{}, m);
    CHECK(m.isApprox(MatrixX<TestType>(before.array().cube())));
    VectorX<TestType> v = before.col(0);
    apply(Cube{}, v);
    CHECK(v.isApprox(VectorX<TestType>(before.col(0).array().cube())));
    apply(Cube{}, Eigen::Map<MatrixX<TestType>>(v.data(), 1, v.size()));
    CHECK(v.isApprox(VectorX<TestType>(before.col(0).array().cube().cube())));
  }
}

}  // namespace test_activations
