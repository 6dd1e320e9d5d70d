#pragma once
// Series of a .ts file, read at once or one by one.

#include <cstddef>
#include <ios>
#include <string>
#include <vector>

#include "unroll/data/lazy_dataset.hpp"
#include "unroll/io/formats/ts.hpp"

namespace har {

/// Series of a .ts file with or without classes, which are `classes` unless these are empty. Throws FileError as
/// read_ts, and for missing values and values of a regression.
unroll::LabelledSequences<float> read_series(const std::string& path, const std::vector<std::string>& classes = {});

/// File .ts with a class for each series. The header and the place of each series are in memory.
class SeriesFile {
 public:
  /// Reads the file once, series by series. Throws FileError as read_series, with the number of the series, and if the
  /// file has no class labels.
  explicit SeriesFile(std::string path);

  const std::string& name() const { return name_; }
  const std::vector<std::string>& classes() const { return classes_; }
  /// The series, each of which is read when it is needed.
  unroll::LazyDataset<float> data() const;

 private:
  struct Line {
    std::streamoff begin;
    std::size_t size;
  };

  /// Finds the header and the lines of the series.
  void scan();

  std::string path_, header_, name_;
  std::vector<std::string> classes_;
  std::vector<Line> lines_;
  std::vector<unroll::Index> lengths_;
};

}  // namespace har
