#include "series.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <limits>

#include "../support/fingerprint.hpp"
#include "../support/texts.hpp"
#include "dates.hpp"
#include "unroll/io/formats/csv.hpp"
#include "unroll/io/formats/npy.hpp"
#include "unroll/io/formats/ts.hpp"

namespace forecast {

using namespace unroll;
using example::index_names;
using example::is_text;

namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) { return std::ranges::find(names, name) != names.end(); }

/// Whether a column has dates, by its name: "date", or "date_utc" if its first value is a text.
bool is_date_name(std::string name, std::string_view value) {
  for (char& letter : name) letter = char(std::tolower(static_cast<unsigned char>(letter)));
  if (is_text(value)) name.resize(std::min(name.size(), name.find_first_of("_ ")));
  return contains({"date", "time", "datetime", "timestamp", "year", "quarter", "month", "week", "day", "ds"}, name);
}

/// First two lines of a table.
struct Beginning {
  Names names, values;

  Beginning(const std::string& text, const std::string& file, char separator) {
    unroll::detail::CsvFields line(text, file, separator, '\0');
    if (line.next()) names.assign(line.all.begin(), line.all.end());
    require<FileError>(separator != ',' || names.size() != 1 || names[0].find(';') == std::string::npos, file,
                       ": fields must be separated by commas, or by tabs in a .tsv file, got the first line ",
                       [&] { return unroll::detail::in_quotes(names[0]); });
    if (line.next() && line.all.size() == names.size()) values.assign(line.all.begin(), line.all.end());
  }

  /// Column of dates; empty: none.
  std::string dates(const ReadOptions& options) const {
    if (options.date == "none") return {};
    if (options.date != "auto") return options.date;
    for (std::size_t k = 0; k < names.size(); ++k)
      if (is_date_name(names[k], values.empty() ? "0" : std::string_view(values[k])) &&
          !contains(options.columns, names[k]) && !contains(options.exogenous, names[k]))
        return names[k];
    return {};
  }

  /// Refuses texts in the columns of channels.
  void check_channels(const std::string& file, const std::string& date, const ReadOptions& options) const {
    for (std::size_t k = 0; k < values.size(); ++k) {
      const bool channel = options.columns.empty()
                               ? names[k] != date && names[k] != options.series && !contains(index_names, names[k])
                               : contains(options.columns, names[k]) || contains(options.exogenous, names[k]);
      require<FileError>(
          !channel || !is_text(values[k]), file, ": column ", [&] { return unroll::detail::in_quotes(names[k]); },
          " must have numbers, got ", [&] { return unroll::detail::in_quotes(values[k]); },
          "; --date is the column of dates, --series that of names, and --columns are the channels");
    }
  }
};

/// Whether the first line has names: a field that is not a number.
bool has_names(const std::string& text, const std::string& file, char separator) {
  unroll::detail::CsvFields first(text, file, separator, '\0');
  return first.next() && std::ranges::any_of(first.all, is_text);
}

/// Table of the channels: those of the options, or all columns with `exogenous` last.
NumberTable<double> read_channels(const std::string& text, const std::string& file, CsvOptions csv,
                                  const std::string& date, const ReadOptions& options) {
  if (!has_names(text, file, csv.separator)) return parse_csv<double>(text, csv, file);
  csv.with = options.columns;
  if (csv.with.empty()) {
    csv.without = options.exogenous;
    csv.without.insert(csv.without.end(), index_names.begin(), index_names.end());
    if (!date.empty()) csv.without.push_back(date);
    if (options.exogenous.empty()) return parse_csv<double>(text, csv, file);
    csv.with = parse_csv<double>(text, csv, file).names, csv.without.clear();
  }
  csv.with.insert(csv.with.end(), options.exogenous.begin(), options.exogenous.end());
  return parse_csv<double>(text, csv, file);
}

SeriesSet read_table(const std::string& file, const ReadOptions& options) {
  const char separator = std::filesystem::path(file).extension() == ".tsv" ? '\t' : ',';
  const std::string text = unroll::detail::read_text(file);
  const Beginning beginning(text, file, separator);
  const std::string date = beginning.dates(options);
  if (has_names(text, file, separator)) beginning.check_channels(file, date, options);
  const auto table =
      read_channels(text, file, {.separator = separator, .labels = options.series, .missing = MissingValues::keep_nan},
                    date, options);
  for (Index line = 0; line < table.labels.size(); ++line)
    require<FileError>(
        table.labels[line] >= 0, file, ": each line must have the name of its series in column ",
        [&] { return unroll::detail::in_quotes(options.series); }, ", got none in line ", line + 1, " of the values");
  const Names dates = date.empty() ? Names() : example::read_texts(file, date);
  require<FileError>(
      date.empty() || Index(dates.size()) == table.values.cols(), file, ": the column ",
      [&] { return unroll::detail::in_quotes(date); }, " must have a date in each of the ", table.values.cols(),
      " lines, got ", dates.size());
  SeriesSet set{file, table.names, 0, {}};
  for (Index k = 0; table.names.empty() && k < table.values.rows(); ++k)
    set.channels.push_back(unroll::text("column ", k + 1));
  const Index count = options.series.empty() ? 1 : Index(table.classes.size());
  for (Index k = 0; k < count; ++k) {
    std::vector<Index> lines;
    for (Index line = 0; line < table.values.cols(); ++line)
      if (options.series.empty() || table.labels[line] == k) lines.push_back(line);
    Series one{options.series.empty() ? std::string() : table.classes[std::size_t(k)], table.values(Eigen::all, lines)};
    for (const Index line : lines)
      if (!dates.empty()) one.dates.push_back(dates[std::size_t(line)]);
    set.series.push_back(std::move(one));
  }
  return set;
}

/// Names of channels in files without names.
Names channel_names(Index channels) {
  if (channels == 1) return {"value"};
  Names names;
  for (Index k = 0; k < channels; ++k) names.push_back(text("channel ", k));
  return names;
}

SeriesSet read_ts_series(const std::string& file) {
  LabelledSequences<double> data = read_ts<double>(file, {.missing = MissingValues::keep_nan});
  SeriesSet set{file, channel_names(data.sequences.front().rows()), 0, {}, data.targets};
  for (std::size_t k = 0; k < data.sequences.size(); ++k) {
    Series one{data.sequences.size() == 1 ? std::string() : text(k), std::move(data.sequences[k])};
    if (!data.stamps.empty() && data.dates) one.dates = dates_of(data.stamps[k]);
    if (!data.stamps.empty() && !data.dates)
      for (const double stamp : data.stamps[k]) one.dates.push_back(text(stamp));
    set.series.push_back(std::move(one));
  }
  return set;
}

SeriesSet read_array(const std::string& file) {
  const Tensor tensor = read_npy(file);
  std::vector<Index> shape = tensor.shape;
  require<FileError>(!shape.empty() && shape.size() <= 3 && tensor.size() > 0, file,
                     ": the shape must be [steps], [series x steps] or [series x channels x steps], got ",
                     [&] { return unroll::detail::shape_text(tensor.shape); });
  if (shape.size() == 1) shape.insert(shape.begin(), 1);
  if (shape.size() == 2) shape.insert(shape.begin() + 1, 1);
  const std::vector<double> numbers = tensor.to<double>();
  SeriesSet set{file, channel_names(shape[1]), 0, {}};
  const Index channels = shape[1], steps = shape[2];
  for (Index k = 0; k < shape[0]; ++k) {
    Series one{shape[0] == 1 ? std::string() : text(k), MatrixX<double>(channels, steps)};
    for (Index c = 0; c < channels; ++c)
      for (Index t = 0; t < steps; ++t) one.values(c, t) = numbers[std::size_t((k * channels + c) * steps + t)];
    set.series.push_back(std::move(one));
  }
  return set;
}

/// Keeps the channels of the options, in their order.
void select(SeriesSet& set, const ReadOptions& options) {
  Names names = options.columns;
  if (names.empty())
    for (const std::string& name : set.channels)
      if (!contains(options.exogenous, name)) names.push_back(name);
  set.targets = Index(names.size());
  names.insert(names.end(), options.exogenous.begin(), options.exogenous.end());
  std::vector<Index> rows;
  for (const std::string& name : names) {
    const auto found = std::ranges::find(set.channels, name);
    require<ValueError>(
        found != set.channels.end(), set.source, ": there is no channel ",
        [&] { return unroll::detail::in_quotes(name); }, "; the nearest: ",
        [&] {
          return unroll::detail::nearest_names(name, {set.channels.begin(), set.channels.end()});
        });
    rows.push_back(found - set.channels.begin());
  }
  for (Series& one : set.series) one.values = one.values(rows, Eigen::all).eval();
  set.channels = std::move(names);
}

void check_values(const SeriesSet& set, bool fills) {
  for (std::size_t k = 0; k < set.series.size(); ++k) {
    const MatrixX<double>& values = set.series[k].values;
    for (Index t = 0; t < values.cols(); ++t)
      for (Index c = 0; c < values.rows(); ++c) {
        const double value = values(c, t);
        const auto place = [&] { return text(name_of(set, k), ": ", set.channels[std::size_t(c)], " at step ", t); };
        require<FileError>(!std::isinf(value), place, " must be finite, got ", value);
        require<FileError>(fills || !std::isnan(value), place,
                           " must be a number, got none; --missing last repeats the last value");
        require<FileError>(t > 0 || !std::isnan(value), place, " must be a number, got none: a series must begin with ",
                           "a value");
      }
  }
}

}  // namespace

Index SeriesSet::steps() const {
  Index all = 0;
  for (const Series& one : series) all += one.values.cols();
  return all;
}

Index SeriesSet::missing() const {
  Index all = 0;
  for (const Series& one : series) all += one.values.array().isNaN().count();
  return all;
}

SeriesSet read_series(const std::string& file, const ReadOptions& options) {
  const std::string kind = std::filesystem::path(file).extension().string();
  require<ValueError>(contains({".csv", ".tsv", ".ts", ".npy"}, kind),
                      "--data must be a .csv, .tsv, .ts or .npy file, ", "got ",
                      [&] { return unroll::detail::in_quotes(file); });
  SeriesSet set = kind == ".ts" ? read_ts_series(file) : kind == ".npy" ? read_array(file) : read_table(file, options);
  select(set, options);
  require<ValueError>(set.targets > 0, file, ": at least 1 channel must be forecast, got 0: all are in --exogenous");
  if (!options.values.empty()) set.values = read_npy(options.values).to<double>();
  require<FileError>(set.values.empty() || set.values.size() == set.series.size(), options.values, ": must have ",
                     set.series.size(), " values, one for each series, got ", set.values.size());
  for (const double value : set.values)
    require<FileError>(std::isfinite(value), options.values.empty() ? file : options.values,
                       ": the value of each series must be finite, got ", value);
  if (!set.values.empty()) set.targets = 1;  // the value; all channels are inputs
  check_values(set, options.fills);
  return set;
}

MatrixX<double> filled(const Series& series) {
  MatrixX<double> values = series.values;
  for (Index t = 1; t < values.cols(); ++t)
    for (Index c = 0; c < values.rows(); ++c)
      if (std::isnan(values(c, t))) values(c, t) = values(c, t - 1);
  return values;
}

std::string fingerprint(const Series& series, Index steps) {
  const Index rows = series.values.rows();
  return example::Fingerprint()
      .add(&rows, sizeof rows)
      .add(series.values.data(), std::size_t(rows * std::min(steps, series.values.cols())) * sizeof(double))
      .text();
}

std::string fingerprint(const SeriesSet& set) {
  example::Fingerprint all;
  for (const Series& one : set.series) {
    const std::string own = fingerprint(one, one.values.cols());
    all.add(own.data(), own.size());
  }
  return all.add(set.values.data(), set.values.size() * sizeof(double)).text();
}

std::string name_of(const SeriesSet& set, std::size_t number) {
  const std::string& name = set.series[number].name;
  return name.empty() ? set.source : text(set.source, ", series ", unroll::detail::in_quotes(name));
}

}  // namespace forecast
