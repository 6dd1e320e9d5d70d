#pragma once

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <version>

#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 200000
#define UNROLL_WITHOUT_FROM_CHARS
#include <locale>
#endif

#include "unroll/core/requirements.hpp"

namespace unroll::detail {

/// Locale-independent number in `text`, or nullopt unless all of it is a number as parsed by std::from_chars. Before
/// version 20, libc++ has no std::from_chars for double.
inline std::optional<double> read_double(std::string_view text) {
  double value = 0;
#ifdef UNROLL_WITHOUT_FROM_CHARS
  // strtod accepts more than from_chars: leading blanks, plus signs, hexadecimal digits. Infinity is rejected here.
  const std::string copy(text);
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.find_first_of("0123456789.") != 0 || digits.find_first_of("xX") != digits.npos) return std::nullopt;
  static const locale_t plain = newlocale(LC_ALL_MASK, "C", nullptr);
  char* end = nullptr;
  errno = 0;
  value = strtod_l(copy.c_str(), &end, plain);
  const bool outside = errno == ERANGE && (value == 0 || std::abs(value) == HUGE_VAL);
  const bool whole = end == copy.c_str() + copy.size() && !outside;
#else
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = end == text.data() + text.size() && error == std::errc{};
#endif
  return whole ? std::optional(value) : std::nullopt;
}

}  // namespace unroll::detail

#undef UNROLL_WITHOUT_FROM_CHARS
