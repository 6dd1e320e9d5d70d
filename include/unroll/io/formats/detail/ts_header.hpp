#pragma once
// Header of a .ts file.

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/text_lines.hpp"

namespace unroll::detail {

struct TsHeader {
  std::string name;
  bool labelled = false, has_targets = false, equal_length = false, stamped = false;
  std::vector<std::string> classes;
  Index channels = 0, steps = 0;  // 0: unknown before the first series
};

inline bool ts_flag(std::string_view word, std::string_view key, const TextLines& lines) {
  lines.expect(word == "true" || word == "false", key, " must be true or false, got ", [&] { return in_quotes(word); });
  return word == "true";
}

inline Index ts_count(std::string_view word, std::string_view key, const TextLines& lines) {
  Index count = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), count);
  lines.expect(error == std::errc{} && end == word.data() + word.size() && count > 0, key,
               " must be a whole number of at least 1, got ", [&] { return in_quotes(word); });
  return count;
}

/// Removes the first word from `text` and returns it; empty at the end.
inline std::string_view take_word(std::string_view& text) {
  text = trimmed(text);
  const auto end = std::min(text.find_first_of(" \t"), text.size());
  const auto word = text.substr(0, end);
  text.remove_prefix(end);
  return word;
}

inline std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

[[gnu::cold]] inline void read_ts_classes(std::string_view names, TsHeader& header, const TextLines& lines) {
  header.classes.clear();
  std::unordered_set<std::string_view> known;
  for (auto word = take_word(names); !word.empty(); word = take_word(names)) {
    lines.expect(
        known.insert(word).second, "@classLabel must have different classes, got ", [&] { return in_quotes(word); },
        " twice");
    header.classes.emplace_back(word);
  }
}

/// Keys are compared without case, because the archives contain both @timestamps and @timeStamps. Unknown keys are
/// ignored.
inline void read_ts_key(std::string_view line, TsHeader& header, const TextLines& lines) {
  const std::string key = lower_case(take_word(line));
  const std::string_view names = trimmed(line);
  const std::string value = lower_case(take_word(line));
  if (key == "@problemname") {
    header.name = names;
  } else if (key == "@timestamps") {
    header.stamped = ts_flag(value, key, lines);
  } else if (key == "@targetlabel") {
    header.has_targets = ts_flag(value, key, lines);
  } else if (key == "@univariate") {
    if (ts_flag(value, key, lines)) header.channels = 1;
  } else if (key == "@dimensions" || key == "@dimension") {
    header.channels = ts_count(value, key, lines);
  } else if (key == "@equallength") {
    header.equal_length = ts_flag(value, key, lines);
  } else if (key == "@serieslength") {
    header.steps = ts_count(value, key, lines);
  } else if (key == "@classlabel") {
    header.labelled = ts_flag(value, key, lines);
    if (header.labelled) read_ts_classes(line, header, lines);
  }
}

inline bool is_ts_comment(std::string_view line) { return line.starts_with('#') || line.starts_with('%'); }

/// Header of a .ts file, up to and including the line @data.
[[gnu::cold]] inline TsHeader read_ts_header(TextLines& lines) {
  TsHeader header;
  while (const auto line = lines.next()) {
    if (is_ts_comment(*line)) continue;
    lines.expect(
        line->starts_with('@'), "a header line must begin with '@', got ", [&] { return in_quotes(*line); },
        "; the first series follows @data");
    if (lower_case(*line) == "@data") {
      lines.expect(!(header.labelled && header.has_targets),
                   "a file must have class labels or targets, got both @classlabel and @targetlabel true");
      if (!header.equal_length) header.steps = 0;
      return header;
    }
    read_ts_key(*line, header, lines);
  }
  throw FileError(text(lines.file(), ": the file must have a line @data, got none"));
}

}  // namespace unroll::detail
