#include <atomic>
#include <cfenv>
#include <limits>
#include <optional>
#include <stdexcept>
#include <thread>
#include <unroll/threads/flush_to_zero.hpp>
#include <unroll/threads/thread_pool.hpp>

#include "support/catch.hpp"

namespace test_flush_to_zero {

using unroll::FlushToZero;

namespace {

/// Whether a subnormal result is flushed to 0; computed at run time.
template <class Scalar>
bool result_is_flushed() {
  volatile Scalar least = std::numeric_limits<Scalar>::min();
  volatile Scalar result = least / 2;
  return result == 0;
}

template <class Scalar>
bool operand_is_flushed() {
  volatile Scalar subnormal = std::numeric_limits<Scalar>::denorm_min();
  volatile Scalar large = 1 / std::numeric_limits<Scalar>::min();
  volatile Scalar result = subnormal * large;
  return result == 0;
}

bool flushed() {
  return result_is_flushed<float>() && operand_is_flushed<float>() && result_is_flushed<double>() &&
         operand_is_flushed<double>();
}
bool kept() {
  return !result_is_flushed<float>() && !operand_is_flushed<float>() && !result_is_flushed<double>() &&
         !operand_is_flushed<double>();
}

constexpr bool has_effect = unroll::detail::flush_bits != 0;

}  // namespace

TEST_CASE("flush to zero: holds within the scope and restores the previous mode") {
  CHECK(kept());
  {
    const FlushToZero scope;
    CHECK(flushed() == has_effect);
    {
      const FlushToZero within;
      CHECK(flushed() == has_effect);
    }
    CHECK(flushed() == has_effect);
  }
  CHECK(kept());
}

TEST_CASE("flush to zero: a bit set by the caller remains set alone") {
  const auto before = unroll::detail::floating_point_mode();
  const auto own = unroll::detail::flush_bits & (~unroll::detail::flush_bits + 1);  // the lowest bit
  unroll::detail::set_floating_point_mode(before | own);
  {
    const FlushToZero scope;
    CHECK(flushed() == has_effect);
  }
  const auto after = unroll::detail::floating_point_mode();
  unroll::detail::set_floating_point_mode(before);
  CHECK((after & unroll::detail::flush_bits) == own);
}

TEST_CASE("flush to zero: an exception restores the mode") {
  try {
    const FlushToZero scope;
    throw std::runtime_error("anything");
  } catch (const std::runtime_error&) {
    CHECK(kept());
  }
}

TEST_CASE("flush to zero: rounding mode and raised flags are unchanged") {
  std::feclearexcept(FE_ALL_EXCEPT);
  std::fesetround(FE_UPWARD);
  {
    const FlushToZero scope;
    volatile float one = 1, zero = 0;
    volatile float infinite = one / zero;
    CHECK(infinite > 1);
    CHECK(std::fegetround() == FE_UPWARD);
  }
  CHECK(std::fegetround() == FE_UPWARD);
  CHECK(std::fetestexcept(FE_DIVBYZERO) != 0);
  std::fesetround(FE_TONEAREST);
  std::feclearexcept(FE_ALL_EXCEPT);
}

TEST_CASE("flush to zero: other threads are not affected") {
  const FlushToZero scope;
  bool begun_before = false;
  // A thread may inherit the mode of its creator; when it leaves its scope, the mode here must not change.
  std::thread other([&] {
    const FlushToZero own;
    begun_before = flushed() == has_effect;
  });
  other.join();
  CHECK(begun_before);
  CHECK(flushed() == has_effect);
}

TEST_CASE("flush to zero: tasks of a pool have the mode of the thread that runs them") {
  for (const bool started_within : {false, true}) {
    std::optional<unroll::ThreadPool> pool;
    {
      std::optional<FlushToZero> scope;
      if (started_within) scope.emplace();
      pool.emplace(3);
    }
    for (const bool flushes : {true, false, true}) {
      std::optional<FlushToZero> scope;
      if (flushes) scope.emplace();
      std::atomic<int> right = 0;
      pool->run(64, [&](unroll::Index) {
        right += flushes ? flushed() == has_effect : kept();
        std::this_thread::yield();
      });
      CHECK(right == 64);
    }
  }
}

}  // namespace test_flush_to_zero
