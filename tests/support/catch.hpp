// An include guard in place of #pragma once: this header is precompiled, ccache returns the precompiled header of a
// text that differs in comments only, and GCC recognises #pragma once there by the text.
#ifndef UNROLL_TESTS_SUPPORT_CATCH_HPP
#define UNROLL_TESTS_SUPPORT_CATCH_HPP

// Catch2 for the tests, version 2 (Debian 12) or 3, and a matcher of messages that works in both.

#include <exception>
#include <string>
#include <string_view>
#include <utility>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif

namespace support {

#if __has_include(<catch2/catch_all.hpp>)
template <class T>
using MatcherBase = Catch::Matchers::MatcherBase<T>;
#else
template <class T>
using MatcherBase = Catch::MatcherBase<T>;
#endif

class Says : public MatcherBase<std::exception> {
 public:
  explicit Says(std::string part) : part_(std::move(part)) {}

  bool match(const std::exception& thrown) const override {
    return std::string_view(thrown.what()).find(part_) != std::string_view::npos;
  }

  std::string describe() const override { return "says \"" + part_ + "\""; }

 private:
  std::string part_;
};

}  // namespace support

/// Matcher of exceptions whose message contains `part`:
///     CHECK_THROWS_MATCHES(cell.step(x), unroll::ShapeError, says("features must be 64"))
inline support::Says says(std::string part) { return support::Says(std::move(part)); }

#endif
