#pragma once
// Time series files (.ts) of the UEA/UCR archives (Bagnall et al. 2018, arXiv:1811.00075) and of the packages sktime
// and aeon.

#include <concepts>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/formats/detail/class_numbers.hpp"
#include "unroll/io/formats/detail/ts_series.hpp"
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
  /// Time stamp of each step of each sequence, in increasing order; empty if the file has none. Numbers are those of
  /// the file, dates are seconds since the beginning of 1970.
  std::vector<VectorX<double>> stamps = {};
  bool dates = false;  // whether the time stamps of the file are dates
};

/// Options of read_ts.
struct TsOptions {
  /// Of '?' and NaN in the file, and of values that a channel of a series lacks: the last ones of a channel that is
  /// shorter than the others, or those at time stamps that it does not have. A missing target is only read with
  /// keep_nan.
  MissingValues missing = MissingValues::refuse;
  /// Classes to use instead of the header's, so that labels of training and test files agree; empty: the header's.
  std::vector<std::string> classes = {};
};

namespace detail {

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
  auto kind = detail::TsStamps::none;
  const std::size_t most = 250'000 + text.size() / 16;  // a series takes about 100 bytes besides its values
  while (auto line = lines.next()) {
    if (detail::is_ts_comment(*line)) continue;
    lines.expect(data.sequences.size() < most, "the file must have at most ", most,
                 " series, 250000 and one for 16 bytes, got more");
    if (header.labelled)
      data.labels.push_back(detail::class_number(classes, detail::take_ts_end(*line, "class label", lines), lines));
    if (header.has_targets) data.targets.push_back(detail::take_ts_target<Scalar>(*line, options.missing, lines));
    auto series = header.stamped ? detail::parse_stamped_series<Scalar>(*line, options.missing, kind, header, lines)
                                 : detail::parse_plain_series<Scalar>(*line, options.missing, header, lines);
    if (options.missing == MissingValues::drop_step) detail::drop_missing_steps(series, lines);
    data.sequences.push_back(std::move(series.values));
    if (header.stamped) data.stamps.push_back(std::move(series.stamps));
  }
  data.dates = kind == detail::TsStamps::dates;
  lines.expect(!data.sequences.empty(), "the file must have at least 1 series after @data, got 0");
  return data;
}

/// Sequences of a .ts file. The file has comments ('#' or '%'), a header of lines `@key value`, `@data`, then one
/// series per line with channels separated by ':', values by ',' and the class label or target last. With @timestamps
/// true each value is (time stamp,value); a stamp is a number or a date such as 2015-01-31 10:00:00. Values are rounded
/// to Scalar. Line ends of Unix, Windows and old Mac and a UTF-8 byte-order mark are accepted.
///
/// Throws FileError, with file, line, expected and actual content, for: a label that is not a class of the header, text
/// instead of a number, channels of different numbers, series without steps, missing values (see TsOptions), time
/// stamps that do not increase within a channel or are both numbers and dates.
template <std::floating_point Scalar = float>
LabelledSequences<Scalar> read_ts(const std::filesystem::path& path, const TsOptions& options = {}) {
  return parse_ts<Scalar>(detail::read_text(path), options, path.string());
}

}  // namespace unroll
