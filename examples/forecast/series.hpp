#pragma once
// Time series from files.

#include <string>
#include <vector>

#include "unroll/core/types.hpp"

namespace forecast {

/// Recording of one or more channels.
struct Series {
  std::string name;                     // empty for the only one
  unroll::MatrixX<double> values;       // [channels x steps]; NaN: missing
  std::vector<std::string> dates = {};  // one per step; empty: none
};

/// All series of a file, with the same channels.
struct SeriesSet {
  std::string source;
  std::vector<std::string> channels;  // first those that are forecast, then those that are only inputs
  unroll::Index targets = 0;          // number of channels that are forecast
  std::vector<Series> series;
  std::vector<double> values = {};  // regression: the value of each series; empty: none

  unroll::Index steps() const;    // of all series
  unroll::Index missing() const;  // values
};

/// How files are read.
struct ReadOptions {
  std::vector<std::string> columns = {};    // channels that are forecast; empty: all others
  std::vector<std::string> exogenous = {};  // channels that are only inputs
  std::string date = "auto";                // CSV: column of dates; "auto": by its name; "none"
  std::string series = {};                  // CSV: column with the name of the series; empty: one series
  std::string values = {};                  // regression: .npy file of one value per series
  bool fills = false;                       // missing values are allowed
};

/// Reads .csv, .tsv, .ts or .npy. A .npy file has the shape [steps], [series x steps] or [series x channels x steps].
/// Throws FileError or ValueError for other files, missing values without `fills`, a first value that is missing, and
/// channels that do not exist.
SeriesSet read_series(const std::string& file, const ReadOptions& options);

/// Values of a series with the last known value in place of missing ones.
unroll::MatrixX<double> filled(const Series& series);

/// Hash of the first `steps` steps of a series.
std::string fingerprint(const Series& series, unroll::Index steps);
/// Hash of all series and their values.
std::string fingerprint(const SeriesSet& set);

/// Names of a series for messages: "FILE" or "FILE, series NAME".
std::string name_of(const SeriesSet& set, std::size_t number);

}  // namespace forecast
