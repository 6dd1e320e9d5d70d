#pragma once
// Time series files (.ts) of the UEA/UCR archives (Bagnall et al. 2018, arXiv:1811.00075) and of the packages sktime
// and aeon.

#include <algorithm>
#include <cctype>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <unordered_set>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/types.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/formats/detail/class_numbers.hpp"
#include "unroll/io/formats/missing_values.hpp"
#include "unroll/io/input_file.hpp"

namespace unroll {

/// Sequences with one class or one number each, from a .ts file.
template <std::floating_point Scalar = float>
struct LabelledSequences {
  std::string name;                        // name of the problem, from the header
  std::vector<MatrixX<Scalar>> sequences;  // [channels x steps], lengths may differ
  std::vector<Index> labels;               // indices into `classes`; empty if the file has no labels
  std::vector<std::string> classes;        // in the order of the header
  std::vector<Scalar> targets = {};        // NaN: missing; empty if the file has no regression targets
};

/// Options of read_ts.
struct TsOptions {
  /// Of '?' and NaN in the file. A missing target is only read with keep_nan.
  MissingValues missing = MissingValues::refuse;
  /// Classes to use instead of the header's, so that labels of training and test files agree; empty: the header's.
  std::vector<std::string> classes = {};
};

namespace detail {

struct TsHeader {
  std::string name;
  bool labelled = false, has_targets = false, equal_length = false;
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

inline void read_ts_classes(std::string_view names, TsHeader& header, const TextLines& lines) {
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
    lines.expect(!ts_flag(value, key, lines), key,
                 " must be false, got true; store the values without time stamps, or the times as a further channel");
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
inline TsHeader read_ts_header(TextLines& lines) {
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

/// Channels of a line, after their sizes have been checked. No memory for values is allocated before.
inline std::vector<std::string_view> split_ts_channels(std::string_view line, TsHeader& header,
                                                       const TextLines& lines) {
  std::vector<std::string_view> channels;
  for (std::string_view rest = line;;) {
    const bool last = rest.find(':') == rest.npos;
    channels.push_back(take_until(rest, ':'));
    if (last) break;
  }
  const auto count = static_cast<Index>(channels.size());
  if (header.channels == 0) header.channels = count;
  lines.expect(count == header.channels, "the series must have ", header.channels,
               " channels, as the header or the first series, got ", count);
  const auto steps_of = [](std::string_view channel) {
    return 1 + static_cast<Index>(std::ranges::count(channel, ','));
  };
  lines.expect(!std::ranges::all_of(channels, [](auto channel) { return trimmed(channel).empty(); }),
               "the series must have at least 1 step, got 0");
  const Index steps = steps_of(channels[0]);
  if (header.equal_length && header.steps == 0) header.steps = steps;
  lines.expect(header.steps == 0 || steps == header.steps, "the series must have ", header.steps,
               " steps, as every series of this file, got ", steps);
  for (std::size_t c = 1; c < channels.size(); ++c) {
    const Index found = steps_of(channels[c]);
    lines.expect(found == steps, "channel ", c + 1, " must have ", steps, " values, as channel 1, got ", found,
                 "; write ? for missing values");
  }
  return channels;
}

/// A value, or NaN for a missing value. `place` is its name in messages, or returns it. Throws FileError for a missing
/// value if `missing` is refuse.
template <class Scalar, class F>
Scalar parse_ts_value(std::string_view word, MissingValues missing, F&& place, const TextLines& lines) {
  if (const auto value = parse_number<Scalar>(word)) return *value;
  const bool absent = word == "?" || lower_case(word) == "nan";
  lines.expect(absent, place, " must be a finite number, got ", [&] { return in_quotes(word); });
  lines.expect(missing != MissingValues::refuse, place, " is missing; set the option missing");
  return std::numeric_limits<Scalar>::quiet_NaN();
}

/// Removes the steps with missing values. Throws FileError if no step remains.
template <class Scalar>
void drop_missing_steps(MatrixX<Scalar>& series, const TextLines& lines) {
  const Index rows = series.rows();
  std::vector<Scalar> kept;
  for (Index step = 0; step < series.cols(); ++step) {
    const Scalar* const values = &series(0, step);
    if (std::none_of(values, values + rows, is_nan<Scalar>)) kept.insert(kept.end(), values, values + rows);
  }
  lines.expect(!kept.empty(), "at least 1 step of the series must have all values, got 0");
  series.resize(rows, Index(kept.size()) / rows);
  std::copy(kept.begin(), kept.end(), series.data());
}

template <class Scalar>
MatrixX<Scalar> parse_ts_series(std::string_view line, const TsOptions& options, TsHeader& header,
                                const TextLines& lines) {
  const auto channels = split_ts_channels(line, header, lines);
  MatrixX<Scalar> series(static_cast<Index>(channels.size()),
                         1 + static_cast<Index>(std::ranges::count(channels[0], ',')));
  for (Index c = 0; c < series.rows(); ++c) {
    std::string_view rest = channels[static_cast<std::size_t>(c)];
    for (Index t = 0; t < series.cols(); ++t)
      series(c, t) = parse_ts_value<Scalar>(
          trimmed(take_until(rest, ',')), options.missing, [&] { return text("channel ", c + 1, ", value ", t + 1); },
          lines);
  }
  if (options.missing == MissingValues::drop_step) drop_missing_steps(series, lines);
  return series;
}

/// Removes the part after the last ':' from the line and returns it.
inline std::string_view take_ts_end(std::string_view& line, std::string_view what, const TextLines& lines) {
  const auto colon = line.rfind(':');
  lines.expect(colon != line.npos, "the line must end with ':' and a ", what, ", got no ':'");
  const auto end = trimmed(line.substr(colon + 1));
  line = line.substr(0, colon);
  return end;
}

/// Target of a series. It is not part of a step, so that no option drops it.
template <class Scalar>
Scalar take_ts_target(std::string_view& line, MissingValues missing, const TextLines& lines) {
  const std::string_view word = take_ts_end(line, "target", lines);
  const auto treatment = missing == MissingValues::keep_nan ? missing : MissingValues::refuse;
  return parse_ts_value<Scalar>(word, treatment, "the target", lines);
}

}  // namespace detail

/// Parses `text` in the .ts format; `file` is its name in messages. See `read_ts`.
template <std::floating_point Scalar = float>
LabelledSequences<Scalar> parse_ts(std::string_view text, const TsOptions& options = {},
                                   std::string_view file = "text in memory") {
  detail::TextLines lines(text, file);
  detail::TsHeader header = detail::read_ts_header(lines);
  LabelledSequences<Scalar> data{header.name, {}, {}, options.classes.empty() ? header.classes : options.classes};
  lines.expect(!header.labelled || !data.classes.empty(),
               "@classLabel must have at least 1 class, got 0; set the option classes");
  const detail::ClassNumbers classes = detail::number_classes("ts", data.classes);
  while (auto line = lines.next()) {
    if (detail::is_ts_comment(*line)) continue;
    if (header.labelled)
      data.labels.push_back(detail::class_number(classes, detail::take_ts_end(*line, "class label", lines), lines));
    if (header.has_targets) data.targets.push_back(detail::take_ts_target<Scalar>(*line, options.missing, lines));
    data.sequences.push_back(detail::parse_ts_series<Scalar>(*line, options, header, lines));
  }
  lines.expect(!data.sequences.empty(), "the file must have at least 1 series after @data, got 0");
  return data;
}

/// Sequences of a .ts file. The file has comments ('#' or '%'), a header of lines `@key value`, `@data`, then one
/// series per line with channels separated by ':', values by ',' and the class label or target last. Values are rounded
/// to Scalar. Line ends of Unix, Windows and old Mac and a UTF-8 byte-order mark are accepted.
///
/// Throws FileError, with file, line, expected and actual content, for: a label that is not a class of the header, text
/// instead of a number, channels of different numbers or lengths, series without steps, missing values (see TsOptions),
/// time stamps.
template <std::floating_point Scalar = float>
LabelledSequences<Scalar> read_ts(const std::filesystem::path& path, const TsOptions& options = {}) {
  return parse_ts<Scalar>(detail::read_text(path), options, path.string());
}

}  // namespace unroll
