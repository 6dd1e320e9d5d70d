#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <unroll/core/random.hpp>
#include <unroll/simd/lanes.hpp>
#include <vector>

#include "simd/lane_types.hpp"
#include "support/catch.hpp"

namespace test_lanes {

namespace {

/// 1, 2, 3, ... with alternating signs.
template <class V>
auto sample() {
  std::array<typename V::Scalar, static_cast<std::size_t>(V::size)> out;
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<typename V::Scalar>(i % 2 ? -int(i) - 1 : int(i) + 1);
  return out;
}

/// Two pages, the second without access rights. `before_end` returns memory that ends at the boundary.
class Fence {
 public:
  Fence() : page_(static_cast<std::size_t>(sysconf(_SC_PAGESIZE))) {
    start_ = static_cast<char*>(mmap(nullptr, 2 * page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(start_ != MAP_FAILED);
    REQUIRE(mprotect(start_ + page_, page_, PROT_NONE) == 0);
  }
  ~Fence() { munmap(start_, 2 * page_); }
  Fence(const Fence&) = delete;
  Fence& operator=(const Fence&) = delete;

  template <class Scalar>
  Scalar* before_end(int count) {
    return reinterpret_cast<Scalar*>(start_ + page_) - count;
  }

 private:
  std::size_t page_;
  char* start_;
};

}  // namespace

TEMPLATE_TEST_CASE("lanes: operators work on each lane separately", "[lanes]", ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  const auto numbers = sample<TestType>();
  const auto a = TestType::load(numbers.data()), b = TestType::constant(3);
  auto sum = a, difference = a, product = a, quotient = a;
  sum += b, difference -= b, product *= b, quotient /= b;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const Scalar x = numbers[i];
    CHECK(lanes_of(a + b)[i] == x + 3);
    CHECK(lanes_of(a - b)[i] == x - 3);
    CHECK(lanes_of(a * b)[i] == x * 3);
    CHECK(lanes_of(a / b)[i] == x / 3);
    CHECK(lanes_of(-a)[i] == -x);
    CHECK(lanes_of(sum)[i] == x + 3);
    CHECK(lanes_of(difference)[i] == x - 3);
    CHECK(lanes_of(product)[i] == x * 3);
    CHECK(lanes_of(quotient)[i] == x / 3);
    CHECK(lanes_of(fma(a, b, b))[i] == x * 3 + 3);
    CHECK(lanes_of(abs(a))[i] == std::abs(x));
    CHECK(lanes_of(sqrt(abs(a)))[i] == std::sqrt(std::abs(x)));
    CHECK(lanes_of(max(a, b))[i] == std::max(x, Scalar(3)));
    CHECK(lanes_of(min(a, b))[i] == std::min(x, Scalar(3)));
    CHECK(lanes_of(select_greater(a, b, a, -b))[i] == (x > 3 ? x : -3));
  }
  CHECK(std::signbit(lanes_of(-TestType::constant(0))[0]));
}

TEMPLATE_TEST_CASE("lanes: roots and quotients are rounded correctly at every width", "[lanes]", ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  using Word = std::conditional_t<sizeof(Scalar) == 4, std::uint32_t, std::uint64_t>;
  const unroll::Random random(7, unroll::Purpose::data);
  const auto same = [](Scalar a, Scalar b) {
    return std::bit_cast<Word>(a) == std::bit_cast<Word>(b) || (std::isnan(a) && std::isnan(b));
  };
  std::uint64_t drawn = 0;
  int wrong = 0;
  for (int k = 0; k < 20000; ++k) {
    std::array<Scalar, std::size_t(TestType::size)> x, y;
    for (std::size_t i = 0; i < x.size(); ++i) {  // all magnitudes, also subnormal, infinite and NaN
      x[i] = std::bit_cast<Scalar>(static_cast<Word>(random.bits(drawn++)));
      y[i] = std::bit_cast<Scalar>(static_cast<Word>(random.bits(drawn++)));
    }
    const auto a = TestType::load(x.data()), b = TestType::load(y.data());
    const auto roots = lanes_of(sqrt(abs(a))), quotients = lanes_of(a / b);
    for (std::size_t i = 0; i < x.size(); ++i)
      wrong += !same(roots[i], std::sqrt(std::abs(x[i]))) + !same(quotients[i], x[i] / y[i]);
  }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("lanes: partial loads and stores access nothing beyond n", "[lanes]", ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  constexpr int size = TestType::size;
  const auto numbers = sample<TestType>();
  Fence fence;
  for (int n = 0; n <= size; ++n) {
    Scalar* const end = fence.before_end<Scalar>(n);  // an access to one more number ends the test
    Scalar* const guard = fence.before_end<Scalar>(n + 1);
    *guard = 77;
    TestType::load(numbers.data()).store_partial(end, n);
    CHECK(*guard == 77);
    const auto loaded = lanes_of(TestType::load_partial(end, n));
    for (int i = 0; i < size; ++i) {
      const auto at = static_cast<std::size_t>(i);
      CHECK(loaded[at] == (i < n ? numbers[at] : 0));
    }
    std::vector<Scalar> inside(static_cast<std::size_t>(2 * size), 55);
    TestType::load(numbers.data()).store_partial(inside.data(), n);
    for (int i = n; i < 2 * size; ++i) CHECK(inside[static_cast<std::size_t>(i)] == 55);
  }
}

TEMPLATE_TEST_CASE("lanes: loads and stores of several column ends access nothing else", "[lanes]", ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  constexpr int ends = TestType::ends, end_rows = TestType::end_rows;
  REQUIRE(ends * end_rows == TestType::size);
  const auto numbers = sample<TestType>();
  const auto v = TestType::load(numbers.data());
  Fence fence;
  for (int n = 0; n <= end_rows; ++n)
    for (const int stride : {n, end_rows + 3}) {
      Scalar* const columns = fence.before_end<Scalar>(stride * (ends - 1) + n);
      std::fill_n(columns, stride * (ends - 1) + n, Scalar(55));
      v.store_ends(columns, stride, n);
      for (int i = 0; i < stride * (ends - 1) + n; ++i) {
        const int row = i % std::max(stride, 1), column = i / std::max(stride, 1);
        CHECK(columns[i] == (row < n ? numbers[static_cast<std::size_t>(column * end_rows + row)] : 55));
      }
      const auto loaded = lanes_of(TestType::load_ends(columns, stride, n));
      for (int i = 0; i < TestType::size; ++i)
        CHECK(loaded[static_cast<std::size_t>(i)] == (i % end_rows < n ? numbers[static_cast<std::size_t>(i)] : 0));
    }
}

TEMPLATE_TEST_CASE("lanes: comparisons of NaN and of equal numbers have the documented result", "[lanes]", ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  const auto nan = TestType::constant(std::numeric_limits<Scalar>::quiet_NaN()), one = TestType::constant(1);
  const auto two = TestType::constant(2), zero = TestType::constant(0);
  const auto is_nan = [](TestType v) {
    for (const Scalar x : lanes_of(v)) {
      if (!std::isnan(x)) return false;
    }
    return true;
  };
  CHECK(is_nan(max(nan, one)));
  CHECK(is_nan(min(nan, one)));
  CHECK(lanes_of(max(one, nan))[0] == 1);
  CHECK(lanes_of(min(one, nan))[0] == 1);
  CHECK(lanes_of(select_greater(nan, one, one, two))[0] == 2);
  CHECK(lanes_of(select_greater(one, nan, one, two))[0] == 2);
  CHECK(lanes_of(select_greater(one, one, one, two))[0] == 2);
  CHECK(std::signbit(lanes_of(max(-zero, zero))[0]));
  CHECK_FALSE(std::signbit(lanes_of(max(zero, -zero))[0]));
}

#ifdef EIGEN_VECTORIZE_FMA
TEMPLATE_TEST_CASE("lanes: fma rounds once at every width", "[lanes]", ALL_LANES) {
  using Scalar = typename TestType::Scalar;
  const Scalar x = 1 + std::numeric_limits<Scalar>::epsilon();
  const auto a = TestType::constant(x), square = a * a;
  for (const Scalar rest : lanes_of(fma(a, a, -square))) CHECK(rest == std::fma(x, x, -x * x));
  CHECK(std::fma(x, x, -x * x) != 0);
}
#endif

}  // namespace test_lanes
