#pragma once
// Fields of the lines of a CSV file.

#include <algorithm>
#include <cctype>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/text_lines.hpp"

namespace unroll::detail {

/// Splitter of lines into fields. Quoted fields may contain separators, line ends and doubled quotes (RFC 4180). Files
/// with tabs often have quotes that are text: there a field is quoted only if its closing quote ends it in this line.
class CsvFields {
 public:
  /// Lines that begin with `comment` are skipped, unless it is '\0'.
  CsvFields(std::string_view text, std::string_view file, char separator, char comment)
      : lines(text, file), blanks_(separator == '\t' ? " " : " \t"), separator_(separator), comment_(comment) {
    const auto letter = static_cast<unsigned char>(separator);
    const bool possible =
        std::isalnum(letter) == 0 && std::string_view("\"\r\n+-.").find(separator) == std::string_view::npos;
    require<ValueError>(possible && separator != '\0', "csv: the separator must be no letter, digit, quote, sign, ",
                        "point or line end, got ", [&] {
                          return in_quotes({&separator_, 1});
                        });
  }

  /// Reads the fields of the next non-blank line into `all`; false at the end. They are valid until the next call.
  bool next() {
    auto line = lines.next_whole();
    while (line && comment_ != '\0' && trimmed(*line).front() == comment_) line = lines.next_whole();
    if (!line) return false;
    all.clear(), unquoted_.clear();
    std::string_view rest = separator_ == ' ' ? trimmed(*line) : *line;
    for (bool more = true; more;) {
      skip_blanks(rest);
      lines.expect(all.size() < most_fields, "the line must have at most ", most_fields, " fields, got more");
      all.push_back(is_quoted(rest) ? take_quoted(*line, rest) : take_plain(rest));
      skip_blanks(rest);
      more = !rest.empty();
      if (separator_ == ' ') continue;
      lines.expect(!more || rest.front() == separator_, "field ", all.size(),
                   " must end with its closing quote, got text after it");
      rest.remove_prefix(more);
    }
    return true;
  }

  TextLines lines;
  std::vector<std::string_view> all;

 private:
  static constexpr std::size_t most_fields = 500'000;  // views of them take more memory than the line

  void skip_blanks(std::string_view& rest) const {
    rest.remove_prefix(std::min(rest.find_first_not_of(blanks_), rest.size()));
  }

  /// Whether `rest` begins with a quoted field.
  bool is_quoted(std::string_view rest) const {
    if (!rest.starts_with('"') || separator_ != '\t') return rest.starts_with('"');
    std::size_t end = rest.find('"', 1);
    while (end != rest.npos && rest.substr(end + 1).starts_with('"')) end = rest.find('"', end + 2);
    if (end == rest.npos) return false;
    rest.remove_prefix(end + 1), skip_blanks(rest);
    return rest.empty() || rest.front() == separator_;
  }

  std::string_view take_plain(std::string_view& rest) const {
    const auto end = std::min(separator_ == ' ' ? rest.find_first_of(blanks_) : rest.find(separator_), rest.size());
    const std::string_view field = rest.substr(0, end);
    rest.remove_prefix(end);
    return field.substr(0, field.find_last_not_of(blanks_) + 1);
  }

  /// Removes a quoted field from `rest`, the end of `line`. `line` is extended if the quotes are still open at its end.
  std::string_view take_quoted(std::string_view& line, std::string_view& rest) {
    bool doubled = false;
    for (std::size_t at = 1;; ++at) {
      at = rest.find('"', at);
      if (at == rest.npos) {
        at = rest.size() - 1;
        lines.expect(lines.extend(line), "field ", all.size() + 1, " must have a closing quote, got none");
        rest = {rest.data(), std::size_t(line.data() + line.size() - rest.data())};
      } else if (rest.substr(at + 1).starts_with('"')) {
        doubled = true, ++at;
      } else {
        const std::string_view inside = rest.substr(1, at - 1);
        rest.remove_prefix(at + 1);
        return doubled ? without_doubles(inside) : inside;
      }
    }
  }

  std::string_view without_doubles(std::string_view inside) {
    std::string& field = unquoted_.emplace_back();
    for (std::size_t k = 0; k < inside.size(); ++k) {
      field += inside[k];
      if (inside[k] == '"') ++k;
    }
    return field;
  }

  std::string_view blanks_;
  char separator_, comment_;
  std::deque<std::string> unquoted_;
};

/// Finite number with this decimal point in the range of `Scalar`, or nullopt.
template <class Scalar>
std::optional<Scalar> csv_number(std::string_view field, char decimal) {
  if (decimal == '.') return parse_number<Scalar>(field);
  if (field.find('.') != field.npos) return std::nullopt;
  std::string pointed(field);
  std::ranges::replace(pointed, decimal, '.');
  return parse_number<Scalar>(pointed);
}

/// Whether the field in lower case is one of the words.
template <std::size_t n>
bool is_one_of(std::string_view field, const std::string_view (&words)[n]) {
  std::string word(field.substr(0, 16));
  for (char& c : word) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return std::ranges::find(words, word) != std::ranges::end(words);
}

/// Whether a label is missing.
inline bool is_missing_label(std::string_view field) {
  static constexpr std::string_view words[] = {"", "nan", "na", "n/a", "<na>", "?"};
  return is_one_of(field, words);
}

/// Whether a field is text that programs write for a missing number. "none" and "null" may be names of classes.
inline bool is_missing_number(std::string_view field) {
  static constexpr std::string_view words[] = {"null", "none", "-nan", "+nan"};
  return is_missing_label(field) || is_one_of(field, words);
}

/// Whether a field is text that programs write for an infinite number.
inline bool is_infinite(std::string_view field) {
  if (field.starts_with('-') || field.starts_with('+')) field.remove_prefix(1);
  static constexpr std::string_view words[] = {"inf", "infinity"};
  return is_one_of(field, words);
}

}  // namespace unroll::detail
