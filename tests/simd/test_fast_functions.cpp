#include <cmath>
#include <limits>
#include <unroll/simd/fast_functions.hpp>

#include "simd/lane_types.hpp"
#include "support/catch.hpp"

namespace test_fast_functions {

namespace {

using namespace unroll;

struct Errors {
  double absolute = 0, ulps = 0;
};

/// Largest errors over floats of both signs from 2^-20 to 32.
template <class V, class F, class Reference>
Errors errors(F&& function, Reference&& reference) {
  Errors worst;
  for (float x = 0x1p-20f; x < 32; x *= 1.00003f)
    for (const float sign : {-1.0f, 1.0f}) {
      const double want = reference(double(sign * x)), got = through<V>(function, sign * x);
      int exponent = 0;
      std::frexp(want, &exponent);
      worst.absolute = std::max(worst.absolute, std::abs(got - want));
      worst.ulps = std::max(worst.ulps, std::abs(got - want) / std::ldexp(1.0, exponent - 24));
      if (!(std::abs(got) <= 1)) worst.absolute = 1;
    }
  return worst;
}

}  // namespace

TEMPLATE_TEST_CASE("fast functions: errors are within the documented bounds", "", Floats, QuarterFloats, OneFloat) {
  const auto tanh_errors = errors<TestType>([](auto x) { return fast_tanh(x); }, [](double x) { return std::tanh(x); });
  CHECK(tanh_errors.absolute < 4.1e-7);
  CHECK(tanh_errors.ulps < 7);  // 5 with fused multiply-add
  const auto sigmoid_errors =
      errors<TestType>([](auto x) { return fast_sigmoid(x); }, [](double x) { return 1 / (1 + std::exp(-x)); });
  CHECK(sigmoid_errors.absolute < 2.2e-7);
}

TEMPLATE_TEST_CASE("fast functions: limits, NaN and subnormal numbers are handled", "", Floats, QuarterFloats,
                   OneFloat) {
  const auto tanh_ = [](float x) { return through<TestType>([](auto v) { return fast_tanh(v); }, x); };
  const auto sigmoid_ = [](float x) { return through<TestType>([](auto v) { return fast_sigmoid(v); }, x); };
  const float infinity = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN(), least = std::numeric_limits<float>::denorm_min();
  for (const float x : {infinity, 100.0f, 9.02f}) {
    CHECK(tanh_(x) == 1);
    CHECK(tanh_(-x) == -1);
    CHECK(sigmoid_(2 * x) == 1);
    CHECK(sigmoid_(-2 * x) == 0);
  }
  CHECK(std::isnan(tanh_(nan)));
  CHECK(std::isnan(sigmoid_(nan)));
  CHECK(tanh_(least) == least);
  CHECK(tanh_(0) == 0);
  CHECK(sigmoid_(0) == 0.5f);
}

}  // namespace test_fast_functions
