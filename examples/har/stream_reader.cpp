#include <algorithm>
#include <cmath>
#include <set>

#include "../support/texts.hpp"
#include "readers.hpp"
#include "unroll/core/random.hpp"
#include "unroll/io/detail/diagnostics.hpp"
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
    parts.train.push_back(
        {stream.channels.leftCols(steps - later), stream.labels.head(steps - later), stream.name, stream.person});
    parts.test.push_back({stream.channels.rightCols(later), stream.labels.tail(later), stream.name, stream.person});
  }
  return parts;
}

namespace {

/// Classes of the last row of a table [fields x steps].
Labels labels_of(const MatrixX<float>& table, const fs::path& file) {
  Labels labels(table.cols());
  for (Index t = 0; t < table.cols(); ++t) {
    const float label = table(table.rows() - 1, t);
    require<FileError>(
        label == std::floor(label) && std::abs(label) < 1000, [&] { return file.string(); }, ": the label of step ",
        t + 1, " must be a whole number (a class from 0; negative: not scored), got ", label);
    labels[t] = Index(label);
  }
  return labels;
}

/// Stream of a table [fields x steps] whose last row holds the labels; a table of `channels` rows has none.
Stream stream_of(const MatrixX<float>& table, const fs::path& file, Index channels) {
  if (table.rows() == channels) return {table, Labels::Constant(table.cols(), -1)};
  require<FileError>(table.rows() >= 2 && table.cols() >= 2, file.string(),
                     ": must have channels and a label in at least 2 lines, got ", table.rows(), " columns and ",
                     table.cols(), " lines");
  return {table.topRows(table.rows() - 1), labels_of(table, file)};
}

bool has_commas(const fs::path& file) {
  const std::string content = detail::read_text(file);
  const auto first = detail::TextLines(content, {}).next();
  return first && first->find(',') != first->npos;
}

/// Person of a recording of the Daphnet data set: S06 of S06R02E0; empty for other names.
std::string person_of(const std::string& name) {
  const std::size_t end = name.find('R');
  const bool known = end != name.npos && end > 1 && name[0] == 'S' &&
                     name.substr(1, end - 1).find_first_not_of("0123456789") == name.npos;
  return known ? name.substr(0, end) : std::string();
}

/// Reads a file of the Daphnet data set: time, nine channels and a label 0, 1 or 2.
Stream read_daphnet(const fs::path& file, Index channels) {
  const MatrixX<float> table = read_csv<float>(file, {.separator = ' ', .header = CsvHeader::no}).values;
  if (table.rows() == 10 && channels == 9) return stream_of(table.bottomRows(9), file, 9);
  require<FileError>(table.rows() == 11, file.string(),
                     ": must have 11 fields (time, nine channels and a label), separated by blanks, got ",
                     table.rows());
  Stream stream = stream_of(table.bottomRows(10), file, 0);
  stream.labels.array() -= 1;
  return stream;
}

/// Names of columns that are no channels.
const std::vector<std::string> not_channels = [] {
  std::vector<std::string> names{"timestamp", "time", "Timestamp", "Time"};
  names.insert(names.end(), example::index_names.begin(), example::index_names.end());
  return names;
}();

/// Name of the last column if its first value is a text. Throws FileError if the first value of another column is one.
std::string class_column(const fs::path& file) {
  const std::string content = unroll::detail::read_text(file);
  unroll::detail::CsvFields line(content, file.string(), ',', '\0');
  const auto is_text = [&](std::size_t k) { return example::is_text(line.all[k]); };
  if (!line.next()) return {};
  const std::vector<std::string> names(line.all.begin(), line.all.end());
  for (std::size_t k = 0; k < names.size(); ++k)
    if (!is_text(k) && !names[k].empty()) return {};  // no line of names
  if (!line.next() || line.all.size() != names.size()) return {};
  for (std::size_t k = 0; k + 1 < names.size(); ++k)
    require<FileError>(
        !is_text(k) || std::ranges::find(not_channels, names[k]) != not_channels.end(), [&] { return file.string(); },
        ": column ", [&] { return unroll::detail::in_quotes(names[k]); }, " must have numbers, got ",
        [&] { return unroll::detail::in_quotes(line.all[k]); },
        "; a column of times must have the name timestamp or time, and classes are in the last column");
  return is_text(names.size() - 1) ? names.back() : std::string();
}

/// Reads a CSV file. `classes`: names of the classes, if the last column has texts.
Stream read_table(const fs::path& file, Index channels, const std::vector<std::string>& classes) {
  const std::string column = class_column(file);
  require<FileError>(!column.empty() || channels > 0 || classes.empty(), file.string(),
                     ": must have texts in the last column, as the other files, got numbers");
  const auto table = read_csv<float>(file, {.without = not_channels,
                                            .labels = column,
                                            .classes = column.empty() ? std::vector<std::string>() : classes,
                                            .missing = MissingValues::keep_nan});
  const Index rows = table.values.rows() - (column.empty() && table.values.rows() != channels ? 1 : 0);
  for (Index t = 0; t < table.values.cols(); ++t)
    for (Index c = 0; c < rows; ++c)
      require<FileError>(
          !std::isnan(table.values(c, t)), [&] { return file.string(); }, ": channel ", c + 1, " at step ", t + 1,
          " must be a number, got a missing value; har does not fill gaps");
  if (column.empty()) return stream_of(table.values, file, channels);
  require<FileError>(channels == 0 || table.values.rows() == channels, file.string(), ": must have ", channels,
                     " channels, as the model, got ", table.values.rows());
  return {table.values, table.labels};
}

/// `channels`: number of those of a model, for files without labels; 0: the file must have labels.
Stream read_stream(const fs::path& file, bool commas, Index channels, const std::vector<std::string>& classes) {
  Stream stream = commas ? read_table(file, channels, classes) : read_daphnet(file, channels);
  stream.name = file.stem().string();
  stream.person = person_of(stream.name);
  return stream;
}

/// Recordings of a file or folder.
std::vector<Stream> read_all(const std::vector<fs::path>& files, bool commas, Index channels,
                             const std::vector<std::string>& classes) {
  std::vector<Stream> streams;
  for (const fs::path& file : files) {
    streams.push_back(read_stream(file, commas, channels, classes));
    const Index expected = channels > 0 ? channels : streams.front().channels.rows();
    require<FileError>(streams.back().channels.rows() == expected, file.string(), ": must have ", expected,
                       " channels, as ", channels > 0 ? "the model" : files.front().string(), ", got ",
                       streams.back().channels.rows());
  }
  return streams;
}

/// Classes of CSV files whose last columns have texts, in alphabetical order; empty: numbers.
std::vector<std::string> text_classes(const std::vector<fs::path>& files) {
  std::set<std::string> classes;
  for (const fs::path& file : files)
    if (const std::string column = class_column(file); !column.empty())
      for (const std::string& name : example::read_texts(file, column))
        if (!unroll::detail::is_missing_label(name)) classes.insert(name);
  return {classes.begin(), classes.end()};
}

constexpr double daphnet_rate = 64;  // steps per second

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

void check_classes(const std::vector<Stream>& streams, const char* part, const std::vector<std::string>& classes,
                   double test_share, const fs::path& path) {
  const VectorX<Index> counts = steps_by_class(streams, std::ssize(classes));
  Index most = 0;
  counts.maxCoeff(&most);
  require<FileError>((counts.array() > 0).count() >= 2, path.string(), ": the ", part,
                     " steps must have at least two classes, got only ",
                     unroll::detail::in_quotes(classes[std::size_t(most)]), "; the last ", 100 * test_share,
                     " % of each recording are the test part (--test-share)");
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
  StreamParts parts{recordings.name + ", joined", recordings.classes,    {join(recordings.train)},
                    {join(recordings.test)},      recordings.remarks,    false,
                    recordings.channels,          recordings.sample_rate};
  parts.remarks.push_back("recordings concatenated in random order, those of the test separately");
  return parts;
}

StreamParts read_streams(const fs::path& path, double test_share) {
  if (path.extension() == ".ts") return join_recordings(read_recordings(path, 0));
  const auto files = files_of(path);
  const bool commas = has_commas(files.front());
  const std::vector<std::string> texts = commas ? text_classes(files) : std::vector<std::string>();
  const std::vector<Stream> streams = read_all(files, commas, 0, texts);
  Index largest = 1;
  for (const Stream& stream : streams) largest = std::max(largest, stream.labels.maxCoeff());
  std::vector<std::string> classes{"not frozen", "frozen"};
  if (commas) classes = texts;
  for (Index k = std::ssize(classes); k <= largest; ++k) classes.push_back(text(k));
  auto parts = divide_in_time(path.filename().string(), std::move(classes), streams, test_share);
  check_classes(parts.train, "training", parts.classes, test_share, path);
  check_classes(parts.test, "test", parts.classes, test_share, path);
  parts.remarks = {text("data ", path.string(), ", ", files.size(), files.size() == 1 ? " recording" : " recordings")};
  if (!commas) parts.sample_rate = daphnet_rate;
  return parts;
}

NewStreams read_new_streams(const fs::path& path, Index channels, const std::vector<std::string>& classes) {
  NewStreams read{path.filename().string(), {}, true, {}, {"data " + path.string()}};
  if (path.extension() == ".ts") {
    const NewRecordings series = read_new(path, 0, classes, {});
    read.name = series.name, read.labelled = series.labelled;
    for (Index s = 0; s < series.windows.size(); ++s) {
      const MatrixX<float>& x = series.windows.sequence(s);
      require<FileError>(x.rows() == channels, path.string(), ": must have ", channels, " channels, as the model, got ",
                         x.rows());
      const Index label = series.labelled ? series.windows.labels(s)[0] : -1;
      read.streams.push_back({x, Labels::Constant(x.cols(), label), text("series ", s + 1)});
    }
    return read;
  }
  const auto files = files_of(path);
  const bool commas = has_commas(files.front());
  read.streams = read_all(files, commas, channels, classes);
  if (!commas) read.sample_rate = daphnet_rate;
  read.labelled = false;
  for (const Stream& stream : read.streams) {
    const Index largest = stream.labels.maxCoeff();
    require<FileError>(largest < std::ssize(classes), path.string(), ": labels of ", stream.name, " must be below ",
                       classes.size(), ", the number of classes of the model, got ", largest);
    read.labelled = read.labelled || largest >= 0;
  }
  return read;
}

}  // namespace har
