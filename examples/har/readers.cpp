#include "readers.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <optional>

#include "../support/names.hpp"
#include "series_file.hpp"
#include "unroll/io/dataset.hpp"
#if defined(HAR_HDF5)
#include "unroll/io/formats/hdf5.hpp"
#endif

namespace har {

using namespace unroll;
namespace fs = std::filesystem;

namespace {

std::string beginning(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::string bytes(64, '\0');
  stream.read(bytes.data(), std::ssize(bytes));
  bytes.resize(std::size_t(stream.gcount()));
  return bytes;
}

constexpr const char *train_end = "_TRAIN.ts", *test_end = "_TEST.ts";

Recordings read_ts_pair_of(const fs::path& one) {
  const auto [train, test] = ts_pair_of(one);
  return read_ts_pair(train, test);
}

/// Raw text of WISDM: a file, or that in its folder. Empty for other formats.
std::optional<std::string> wisdm_file(const fs::path& path) {
  if (fs::is_directory(path)) {
    const fs::path raw = path / "WISDM_ar_v1.1_raw.txt";
    return fs::exists(raw) ? std::optional(raw.string()) : std::nullopt;
  }
  const std::string begin = beginning(path);
  if (begin.starts_with("\x89HDF") || path.extension() == ".ts") return std::nullopt;
  const bool found = std::ranges::count(begin, ',') >= 5 || std::ranges::count(begin, ';') > 0;
  return found ? std::optional(path.string()) : std::nullopt;
}

Recordings read_folder(const fs::path& folder, Index window) {
  if (fs::exists(folder / "train" / "Inertial Signals")) return read_smartphone_folder(folder);
  if (fs::exists(folder / "UCI HAR Dataset")) return read_smartphone_folder(folder / "UCI HAR Dataset");
  if (const auto raw = wisdm_file(folder)) return read_wisdm(*raw, window);
  // Archives have folders NAME with the pair NAME, and sometimes a second version of it.
  if (const auto named = folder / (fs::canonical(folder).filename().string() + train_end); fs::exists(named))
    return read_ts_pair_of(named);
  std::vector<std::string> pairs;
  for (const auto& entry : fs::directory_iterator(folder))
    if (const std::string name = entry.path().filename().string(); name.ends_with(train_end)) pairs.push_back(name);
  std::sort(pairs.begin(), pairs.end());
  require<FileError>(
      !pairs.empty(), folder.string(),
      ": the folder must contain 'train/Inertial Signals', 'UCI HAR Dataset', 'WISDM_ar_v1.1_raw.txt' or "
      "NAME_TRAIN.ts, found none of them");
  require<FileError>(pairs.size() == 1, folder.string(), ": the folder must contain one NAME_TRAIN.ts, found ",
                     example::quoted_list(pairs), "; --data also takes one of these files");
  return read_ts_pair_of(folder / pairs.front());
}

}  // namespace

std::pair<std::string, std::string> ts_pair_of(const fs::path& one) {
  std::string train = one.filename().string();
  const auto at = std::max(int(train.rfind("_TRAIN")), int(train.rfind("_TEST")));
  require<FileError>(at >= 0, one.string(), ": the name must end with _TRAIN.ts or _TEST.ts");
  const std::string name = train.substr(0, std::size_t(at));
  return {(one.parent_path() / (name + train_end)).string(), (one.parent_path() / (name + test_end)).string()};
}

Recordings read_recordings(const fs::path& path, Index window) {
  require<FileError>(fs::exists(path), path.string(), ": no such file");
  if (fs::is_directory(path)) return read_folder(path, window);
  const std::string begin = beginning(path);
  if (begin.starts_with("\x89HDF")) return read_course_file(path.string());
  if (path.extension() == ".ts") return read_ts_pair_of(path);
  if (const auto raw = wisdm_file(path)) return read_wisdm(*raw, window);
  throw FileError(text(path.string(),
                       ": must be HDF5, a .ts file or the raw text of WISDM; recordings with a label at every step "
                       "need the verb stream"));
}

namespace {

/// Test data of a pair, whose training data have these classes and channels.
Dataset<float> read_test(const std::string& file, const std::vector<std::string>& classes, Index channels,
                         const std::string& train_file) {
  auto test = read_series(file, classes);
  require<FileError>(!test.labels.empty(), file, ": must have class labels, found none");
  Dataset<float> data = to_dataset(std::move(test));
  require<FileError>(data.features() == channels, file, ": must have ", channels, " channels, as ", train_file,
                     ", got ", data.features());
  return data;
}

void check_classes(const std::vector<std::string>& classes, const std::string& file) {
  require<FileError>(classes.size() >= 2, file, ": must have class labels of at least 2 classes, got ", classes.size());
}

std::vector<std::string> remarks_of(const std::string& train_file, const std::string& test_file) {
  return {"training data " + train_file, "test data     " + test_file};
}

}  // namespace

Recordings read_ts_pair(const std::string& train_file, const std::string& test_file) {
  auto train = read_series(train_file);
  check_classes(train.classes, train_file);
  const std::string name = train.name;
  const auto classes = train.classes;
  Dataset<float> data = to_dataset(std::move(train));
  Dataset<float> test = read_test(test_file, classes, data.features(), train_file);
  return {name, classes, std::move(data), std::move(test), remarks_of(train_file, test_file)};
}

LazyRecordings read_ts_pair_lazily(const std::string& train_file, const std::string& test_file) {
  const SeriesFile file(train_file);
  check_classes(file.classes(), train_file);
  auto train = file.data();
  Dataset<float> test = read_test(test_file, file.classes(), train.features(), train_file);
  return {file.name(), file.classes(), std::move(train), std::move(test), remarks_of(train_file, test_file)};
}

LazyRecordings read_lazily(const fs::path& path) {
  require<FileError>(fs::exists(path), path.string(), ": no such file");
  if (beginning(path).starts_with("\x89HDF")) return read_course_file_lazily(path.string());
  require<FileError>(path.extension() == ".ts", path.string(),
                     ": must be HDF5 or a .ts file to read windows one by one (--lazy)");
  const auto [train, test] = ts_pair_of(path);
  return read_ts_pair_lazily(train, test);
}

namespace {

/// Data set with the numbers of the labels' names in `classes`.
Dataset<float> renumbered(const Dataset<float>& data, const std::vector<std::string>& names,
                          const std::vector<std::string>& classes, const std::string& where) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < data.size(); ++s) {
    const std::string& name = names[std::size_t(data.labels(s)[0])];
    const auto at = std::ranges::find(classes, name);
    require<FileError>(
        at != classes.end(), where, ": the class must be one of ", [&] { return example::quoted_list(classes); },
        ", the classes of the model, got ", [&] { return detail::in_quotes(name); });
    sequences.push_back(data.sequence(s));
    labels.push_back(at - classes.begin());
  }
  return Dataset<float>::labelled(std::move(sequences), labels, std::ssize(classes));
}

}  // namespace

NewRecordings part_of(Recordings recordings, const std::vector<std::string>& classes, const std::string& part) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels, persons;
  const auto take = [&](const Dataset<float>& data, const std::vector<Index>& people) {
    for (Index s = 0; s < data.size(); ++s) sequences.push_back(data.sequence(s)), labels.push_back(data.labels(s)[0]);
    persons.insert(persons.end(), people.begin(), people.end());
  };
  if (part == "training" || part == "all") take(recordings.train, recordings.people);
  if (part != "training") take(recordings.test, recordings.test_people);
  require<FileError>(!sequences.empty(), recordings.name, ": the part '", part, "' must have windows, got none");
  const auto all = Dataset<float>::labelled(std::move(sequences), labels, std::ssize(recordings.classes));
  return {recordings.name,
          renumbered(all, recordings.classes, classes, recordings.name),
          true,
          std::move(persons),
          recordings.sample_rate,
          std::move(recordings.remarks)};
}

NewRecordings read_new(const fs::path& path, Index window, const std::vector<std::string>& classes,
                       const std::string& part) {
  require<FileError>(fs::exists(path), path.string(), ": no such file");
  if (path.extension() == ".ts") {
    auto file = read_series(path.string(), classes);
    const bool labelled = !file.labels.empty();
    std::string name = file.name;
    return {std::move(name), to_dataset(std::move(file)), labelled, {}, {}, {"data " + path.string()}};
  }
  if (const auto text_file = wisdm_file(path))
    return part_of(read_wisdm(*text_file, window, !part.empty() && part != "all"), classes, part);
  return part_of(read_recordings(path, window), classes, part);
}

Dataset<float> read_validation(const fs::path& file, const std::vector<std::string>& classes, Index channels) {
  auto read = read_series(file.string(), classes);
  require<FileError>(!read.labels.empty(), file.string(), ": must have class labels, found none");
  Dataset<float> data = to_dataset(std::move(read));
  require<FileError>(data.features() == channels, file.string(), ": must have ", channels,
                     " channels, as the training data, got ", data.features());
  return data;
}

#if defined(HAR_HDF5)
namespace {

/// Column of the 1 in each row.
std::vector<Index> labels_of(const Hdf5File& file, const char* name, Index windows) {
  const auto sizes = file.shape(name).sizes;
  require<FileError>(sizes.size() == 2 && Index(sizes[0]) == windows, file.path(), ": ", name, ": the shape must be [",
                     windows, ", classes]");
  const auto values = file.read<double>(name);
  const Index classes = Index(sizes[1]);
  std::vector<Index> labels;
  for (Index k = 0; k < windows; ++k) {
    const double* row = values.data() + k * classes;
    const auto ones = std::count(row, row + classes, 1.0), zeros = std::count(row, row + classes, 0.0);
    require<FileError>(ones == 1 && zeros == classes - 1, file.path(), ": ", name, ", row ", k,
                       ": must have one 1 and otherwise 0");
    labels.push_back(std::find(row, row + classes, 1.0) - row);
  }
  return labels;
}

/// Windows, steps and channels of an array.
std::array<Index, 3> sizes_of(const Hdf5File& file, const char* x) {
  const auto sizes = file.shape(x).sizes;
  require<FileError>(sizes.size() == 3 && sizes[0] > 0 && sizes[1] > 0 && sizes[2] > 0, file.path(), ": ", x,
                     ": the shape must be [windows, steps, channels], got ", sizes.size(), " dimensions");
  return {sizes[0], sizes[1], sizes[2]};
}

Dataset<float> windows_of(const Hdf5File& file, const char* x, const char* y) {
  const auto [count, steps, channels] = sizes_of(file, x);
  const auto values = file.read<float>(x);
  std::vector<MatrixX<float>> windows;
  for (Index k = 0; k < count; ++k)
    windows.emplace_back(Eigen::Map<const MatrixX<float>>(values.data() + k * steps * channels, channels, steps));
  return Dataset<float>::labelled(std::move(windows), labels_of(file, y, count), Index(file.shape(y).sizes.at(1)));
}

LazyDataset<float> lazy_windows_of(const std::string& path, const char* x, const char* y) {
  const auto file = std::make_shared<const Hdf5File>(path);
  const auto [count, steps, channels] = sizes_of(*file, x);
  const auto labels = labels_of(*file, y, count);
  const Index classes = file->shape(y).sizes.at(1);
  const auto read = [=, steps = steps, channels = channels](Index k) {
    const auto values = file->read<float>(x, k, 1);
    return Dataset<float>::labelled({Eigen::Map<const MatrixX<float>>(values.data(), channels, steps)},
                                    {labels[std::size_t(k)]}, classes);
  };
  return {count, read, {.lengths = std::vector<Index>(std::size_t(count), steps)}};
}

/// Names of the classes and checks of both parts.
template <class Training>
RecordingsOf<Training> course(const std::string& path, Training train, Dataset<float> test) {
  require<FileError>(test.features() == train.features() && test.classes() == train.classes(), path,
                     ": tstX and tstY must have as many channels and classes as trX and trY");
  RecordingsOf<Training> read{"course", {}, std::move(train), std::move(test), {"data " + path}};
  read.classes = {"downstairs", "jogging", "sitting", "standing", "upstairs", "walking"};
  for (Index k = 6; k < read.test.classes(); ++k) read.classes.push_back(text("class ", k));
  read.classes.resize(std::size_t(read.test.classes()));
  return read;
}

}  // namespace

Recordings read_course_file(const std::string& path) {
  const Hdf5File file(path);
  auto train = windows_of(file, "trX", "trY");
  return course(path, std::move(train), windows_of(file, "tstX", "tstY"));
}

LazyRecordings read_course_file_lazily(const std::string& path) {
  auto train = lazy_windows_of(path, "trX", "trY");
  for (Index k = 0; k < train.size(); ++k) (void)train.read(k);  // an error before training
  return course(path, std::move(train), windows_of(Hdf5File(path), "tstX", "tstY"));
}
#else
namespace {

[[noreturn]] void refuse_hdf5(const std::string& path) {
  throw FileError(path + ": this program was built without HDF5 (libhdf5-dev)");
}

}  // namespace

Recordings read_course_file(const std::string& path) { refuse_hdf5(path); }
LazyRecordings read_course_file_lazily(const std::string& path) { refuse_hdf5(path); }
#endif

}  // namespace har
