#include "series_file.hpp"

#include <fstream>
#include <memory>

namespace har {

using namespace unroll;

namespace {

/// Refuses gaps in a series, and series of a regression. `first`: number of the first series.
LabelledSequences<float> checked(LabelledSequences<float> all, const std::string& path, Index first) {
  require<FileError>(all.targets.empty(), path,
                     ": must have classes, got values of a regression, which the program forecast reads");
  for (std::size_t k = 0; k < all.sequences.size(); ++k)
    require<FileError>(all.sequences[k].allFinite(), path, ": series ", first + Index(k) + 1,
                       " must have a number in each place, got missing values; har does not fill gaps");
  return all;
}

LabelledSequences<float> parsed(const std::string& header, const std::string& line, const std::string& path, Index k) {
  const std::string place = text(path, ": header and series ", k);
  return checked(parse_ts<float>(header + line, {.missing = MissingValues::keep_nan}, place), path, k);
}

/// Bytes [begin, begin + size) of a file.
std::string read_bytes(std::ifstream& stream, std::streamoff begin, std::size_t size, const std::string& path) {
  std::string bytes(size, '\0');
  stream.clear();
  stream.seekg(begin);
  stream.read(bytes.data(), std::streamsize(size));
  require<FileError>(stream.good(), path, ": must have ", size, " bytes from ", begin, " on, as when it was opened");
  return bytes;
}

}  // namespace

LabelledSequences<float> read_series(const std::string& path, const std::vector<std::string>& classes) {
  return checked(read_ts<float>(path, {.missing = MissingValues::keep_nan, .classes = classes}), path, 0);
}

SeriesFile::SeriesFile(std::string path) : path_(std::move(path)) {
  scan();
  std::ifstream stream(path_, std::ios::binary);
  for (Index k = 0; k < std::ssize(lines_); ++k) {
    const Line& line = lines_[std::size_t(k)];
    const auto one = parsed(header_, read_bytes(stream, line.begin, line.size, path_), path_, k);
    require<FileError>(!one.labels.empty(), path_, ": must have class labels, found none");
    if (k == 0) name_ = one.name, classes_ = one.classes;
    lengths_.push_back(one.sequences.front().cols());
  }
}

void SeriesFile::scan() {
  std::ifstream stream(path_, std::ios::binary);
  require<FileError>(stream.good(), path_, ": no such file");
  bool in_data = false;
  std::streamoff begin = 0;
  for (std::string line; std::getline(stream, line); begin += std::streamoff(line.size()) + 1) {
    const std::string_view word = unroll::detail::trimmed(line);
    if (!in_data)
      header_ += line + "\n", in_data = unroll::detail::lower_case(word) == "@data";
    else if (!word.empty() && !unroll::detail::is_ts_comment(word))
      lines_.push_back({begin, line.size()});
  }
  require<FileError>(!lines_.empty(), path_, ": the file must have at least 1 series after @data, got 0");
}

LazyDataset<float> SeriesFile::data() const {
  const auto stream = std::make_shared<std::ifstream>(path_, std::ios::binary);
  const auto read = [stream, path = path_, header = header_, lines = lines_, classes = std::ssize(classes_)](Index k) {
    const Line& line = lines[std::size_t(k)];
    auto one = parsed(header, read_bytes(*stream, line.begin, line.size, path), path, k);
    return Dataset<float>::labelled(std::move(one.sequences), one.labels, classes);
  };
  return {std::ssize(lines_), read, {.lengths = lengths_}};
}

}  // namespace har
