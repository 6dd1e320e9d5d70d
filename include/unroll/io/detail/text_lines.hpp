#pragma once
// Lines of text files and locale-independent numbers.

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "unroll/core/error.hpp"
#include "unroll/io/detail/read_double.hpp"

namespace unroll::detail {

/// Text without blanks at both ends; '\r' counts as a blank.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Removes the part before the first `separator`, and the separator, from `text` and returns the part; without a
/// separator, all of the text.
inline std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  return std::exchange(text, end == text.npos ? std::string_view{} : text.substr(end + 1)).substr(0, end);
}

/// Text without a UTF-8 byte-order mark.
inline std::string_view without_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

/// Removes the first line from `text` and returns it. A line ends with "\n", "\r\n" or a lone "\r" (Unix, Windows, old
/// Mac), which are not part of it, or with the text. All readers of texts use this definition.
inline std::string_view take_line(std::string_view& text) {
  const auto end = std::ranges::find_if(text, [](char c) { return c == '\n' || c == '\r'; });
  const std::string_view line = text.substr(0, std::size_t(end - text.begin()));
  text.remove_prefix(line.size());
  text.remove_prefix(text.starts_with("\r\n") ? 2 : std::min<std::size_t>(1, text.size()));
  return line;
}

/// Non-blank lines of a text, with their line numbers for messages.
class TextLines {
 public:
  /// `file` names the text in messages; both must outlive this object.
  TextLines(std::string_view text, std::string_view file) : rest_(without_mark(text)), file_(file) {}

  /// Next line without blanks at both ends; nullopt at the end of the text.
  std::optional<std::string_view> next() {
    const auto line = next_whole();
    return line ? std::optional(trimmed(*line)) : std::nullopt;
  }

  /// Next line with its blanks; nullopt at the end of the text.
  std::optional<std::string_view> next_whole() {
    while (!rest_.empty()) {
      ++number_;
      if (const auto line = take_line(rest_); !trimmed(line).empty()) return line;
    }
    return std::nullopt;
  }

  /// Extends `line`, which must be the last line read, by its line end and the following line; false at the end of the
  /// text.
  bool extend(std::string_view& line) {
    if (rest_.empty()) return false;
    ++number_;
    const std::string_view more = take_line(rest_);
    line = {line.data(), std::size_t(more.data() + more.size() - line.data())};
    return true;
  }

  /// Throws FileError, with the file and the number of the last line read, unless `condition` holds.
  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    require<FileError>(condition, file_, ", line ", number_, ": ", parts...);
  }

  std::string_view file() const { return file_; }

 private:
  std::string_view rest_, file_;
  std::size_t number_ = 0;
};

/// Finite number in the range of `Scalar`, or nullopt.
template <std::floating_point Scalar>
std::optional<Scalar> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-"))
    text.remove_prefix(1);  // from_chars does not accept a plus sign
  // Parses a double, so that a float too small to represent becomes 0 instead of an error.
  const std::optional<double> value = read_double(text);
  // Also rejects NaN and infinity, which from_chars accepts as words.
  if (!value || !(std::abs(*value) <= double(std::numeric_limits<Scalar>::max()))) return std::nullopt;
  return static_cast<Scalar>(*value);
}

}  // namespace unroll::detail
