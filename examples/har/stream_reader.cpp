#include <algorithm>
#include <cmath>

#include "readers.hpp"
#include "unroll/core/random.hpp"
#include "unroll/io/formats/csv.hpp"

namespace har {

using namespace unroll;
namespace fs = std::filesystem;

StreamParts divide_in_time(std::string name, std::vector<std::string> classes, const std::vector<Stream>& streams,
                           double share) {
  StreamParts parts{std::move(name), std::move(classes), {}, {}, {}, true};
  for (const Stream& stream : streams) {
    const Index steps = stream.labels.size(),
                later = std::clamp<Index>(std::llround(share * double(steps)), 1, steps - 1);
    parts.train.push_back({stream.channels.leftCols(steps - later), stream.labels.head(steps - later)});
    parts.test.push_back({stream.channels.rightCols(later), stream.labels.tail(later)});
  }
  return parts;
}

namespace {

/// Stream of a table [fields x steps] whose last row holds the labels.
Stream stream_of(const MatrixX<float>& table, const fs::path& file) {
  require<FileError>(table.rows() >= 2 && table.cols() >= 2, file.string(),
                     ": must have channels and a label in at least 2 lines, got ", table.rows(), " columns and ",
                     table.cols(), " lines");
  Stream stream{table.topRows(table.rows() - 1), Labels(table.cols())};
  for (Index t = 0; t < table.cols(); ++t) {
    const float label = table(table.rows() - 1, t);
    require<FileError>(
        label == std::floor(label) && std::abs(label) < 1000, [&] { return file.string(); }, ": the label of step ",
        t + 1, " must be a whole number (a class from 0; negative: not scored), got ", label);
    stream.labels[t] = Index(label);
  }
  return stream;
}

bool has_commas(const fs::path& file) {
  const std::string content = detail::read_text(file);
  const auto first = detail::TextLines(content, {}).next();
  return first && first->find(',') != first->npos;
}

/// Reads a file of the Daphnet data set: time, nine channels and a label 0, 1 or 2.
Stream read_daphnet(const fs::path& file) {
  const MatrixX<float> table = read_csv<float>(file, {.separator = ' ', .header = CsvHeader::no}).values;
  require<FileError>(table.rows() == 11, file.string(),
                     ": must have 11 fields (time, nine channels and a label), separated by blanks, got ",
                     table.rows());
  Stream stream = stream_of(table.bottomRows(10), file);
  stream.labels.array() -= 1;
  return stream;
}

Stream read_stream(const fs::path& file, bool commas) {
  if (!commas) return read_daphnet(file);
  return stream_of(
      read_csv<float>(file, {.without = {"timestamp", "time", "Timestamp", "Time", "", "Unnamed: 0"}}).values, file);
}

std::vector<fs::path> files_of(const fs::path& path) {
  require<FileError>(fs::exists(path), path.string(), ": no such file");
  if (!fs::is_directory(path)) return {path};
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(path))
    if (entry.path().extension() == ".csv" || entry.path().extension() == ".txt") files.push_back(entry.path());
  require<FileError>(!files.empty(), path.string(), ": must contain recordings .csv or .txt, found none");
  std::ranges::sort(files);
  return files;
}

VectorX<Index> steps_by_class(const std::vector<Stream>& streams, Index classes) {
  VectorX<Index> counts = VectorX<Index>::Zero(classes);
  for (const Stream& stream : streams)
    for (const Index label : stream.labels)
      if (label >= 0) ++counts[label];
  return counts;
}

void check_classes(const std::vector<Stream>& streams, const char* part, Index classes, const fs::path& path) {
  const VectorX<Index> counts = steps_by_class(streams, classes);
  require<FileError>((counts.array() > 0).count() >= 2, path.string(), ": the ", part,
                     " steps must have at least two classes, got 1");
}

/// Concatenates all windows in random order.
Stream join(const Dataset<float>& windows) {
  Index steps = 0;
  for (Index s = 0; s < windows.size(); ++s) steps += windows.length(s);
  Stream stream{MatrixX<float>(windows.features(), steps), Labels(steps)};
  Index at = 0;
  for (const Index s : permutation(windows.size(), Random(1, Purpose::shuffle))) {
    stream.channels.middleCols(at, windows.length(s)) = windows.sequence(s);
    stream.labels.segment(at, windows.length(s)).setConstant(windows.labels(s)[0]);
    at += windows.length(s);
  }
  return stream;
}

}  // namespace

StreamParts join_recordings(const Recordings& recordings) {
  StreamParts parts{recordings.name + ", joined",
                    recordings.classes,
                    {join(recordings.train)},
                    {join(recordings.test)},
                    recordings.remarks};
  parts.remarks.push_back("recordings concatenated in random order, those of the test separately");
  return parts;
}

StreamParts read_streams(const fs::path& path, double test_share) {
  if (path.extension() == ".ts") return join_recordings(read_recordings(path, 0));
  const auto files = files_of(path);
  const bool commas = has_commas(files.front());
  std::vector<Stream> streams;
  Index largest = 1;
  for (const fs::path& file : files) {
    streams.push_back(read_stream(file, commas));
    require<FileError>(streams.back().channels.rows() == streams.front().channels.rows(), file.string(), ": must have ",
                       streams.front().channels.rows(), " channels, as ", files.front().string(), ", got ",
                       streams.back().channels.rows());
    largest = std::max(largest, streams.back().labels.maxCoeff());
  }
  std::vector<std::string> classes{"not frozen", "frozen"};
  if (commas) classes.clear();
  for (Index k = std::ssize(classes); k <= largest; ++k) classes.push_back(text(k));
  auto parts = divide_in_time(path.filename().string(), std::move(classes), streams, test_share);
  check_classes(parts.train, "training", largest + 1, path);
  check_classes(parts.test, "test", largest + 1, path);
  parts.remarks = {text("data ", path.string(), ", ", files.size(), files.size() == 1 ? " recording" : " recordings")};
  return parts;
}

}  // namespace har
