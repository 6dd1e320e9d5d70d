#pragma once
// Text files line by line, numbers independent of the locale.

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

/// Without blanks at both ends; '\r' counts as one.
inline std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r";
  const auto first = text.find_first_not_of(blanks);
  return first == text.npos ? std::string_view{} : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// Takes the part before the first `separator` off the front of `text`; all of it when there is none.
inline std::string_view take_until(std::string_view& text, char separator) {
  const auto end = text.find(separator);
  return std::exchange(text, end == text.npos ? std::string_view{} : text.substr(end + 1)).substr(0, end);
}

/// Without the mark that some editors put before UTF-8.
inline std::string_view without_mark(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  return text;
}

/// Takes the first line off the front of `text`. It ends with "\n", "\r\n" or a lone "\r" (Unix, Windows, old Mac),
/// which belong to no line, or with the text. Every reader of texts cuts lines here.
inline std::string_view take_line(std::string_view& text) {
  const auto end = std::ranges::find_if(text, [](char c) { return c == '\n' || c == '\r'; });
  const std::string_view line = text.substr(0, std::size_t(end - text.begin()));
  text.remove_prefix(line.size());
  text.remove_prefix(text.starts_with("\r\n") ? 2 : std::min<std::size_t>(1, text.size()));
  return line;
}

/// The lines of a text that have something in them, and the number by which an editor finds them.
class TextLines {
 public:
  /// `file` names the text in messages; both texts must outlive this object.
  TextLines(std::string_view text, std::string_view file) : rest_(without_mark(text)), file_(file) {}

  /// The next line without blanks at both ends.
  std::optional<std::string_view> next() {
    const auto line = next_whole();
    return line ? std::optional(trimmed(*line)) : std::nullopt;
  }

  /// The same with its blanks.
  std::optional<std::string_view> next_whole() {
    while (!rest_.empty()) {
      ++number_;
      if (const auto line = take_line(rest_); !trimmed(line).empty()) return line;
    }
    return std::nullopt;
  }

  /// Makes `line`, the one read last, longer by the line end and the line behind it; false at the end of the text.
  bool extend(std::string_view& line) {
    if (rest_.empty()) return false;
    ++number_;
    const std::string_view more = take_line(rest_);
    line = {line.data(), std::size_t(more.data() + more.size() - line.data())};
    return true;
  }

  /// Throws FileError, naming the file and the line read last, unless `condition` holds.
  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    require<FileError>(condition, file_, ", line ", number_, ": ", parts...);
  }

  std::string_view file() const { return file_; }

 private:
  std::string_view rest_, file_;
  std::size_t number_ = 0;
};

/// A finite number that `Scalar` can hold, or nothing.
template <std::floating_point Scalar>
std::optional<Scalar> parse_number(std::string_view text) {
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);  // from_chars knows no plus sign
  // Read as double: a float too small to tell from 0 is no reason to refuse a file.
  const std::optional<double> value = read_double(text);
  // Also false for NaN and infinity, which from_chars reads as words.
  if (!value || !(std::abs(*value) <= double(std::numeric_limits<Scalar>::max()))) return std::nullopt;
  return static_cast<Scalar>(*value);
}

}  // namespace unroll::detail
