#include "readers.hpp"

#include <algorithm>
#include <fstream>

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

bool has_part(const std::string& name, const char* part) { return name.find(part) != name.npos; }

/// Reads NAME_TRAIN.ts and NAME_TEST.ts of a folder, given one of the two.
Recordings read_ts_pair_of(const fs::path& one) {
  std::string train = one.filename().string();
  const auto at = std::max(int(train.rfind("_TRAIN")), int(train.rfind("_TEST")));
  require<FileError>(at >= 0, one.string(), ": the name must end with _TRAIN.ts or _TEST.ts");
  const std::string name = train.substr(0, std::size_t(at));
  return read_ts_pair((one.parent_path() / (name + "_TRAIN.ts")).string(),
                      (one.parent_path() / (name + "_TEST.ts")).string());
}

Recordings read_folder(const fs::path& folder, Index window) {
  if (fs::exists(folder / "train" / "Inertial Signals")) return read_smartphone_folder(folder);
  if (fs::exists(folder / "UCI HAR Dataset")) return read_smartphone_folder(folder / "UCI HAR Dataset");
  const fs::path raw = folder / "WISDM_ar_v1.1_raw.txt";
  if (fs::exists(raw)) return read_wisdm(raw.string(), window);
  std::vector<fs::path> pairs;
  for (const auto& entry : fs::directory_iterator(folder))
    if (has_part(entry.path().filename().string(), "_TRAIN.ts")) pairs.push_back(entry.path());
  require<FileError>(
      pairs.size() == 1, folder.string(),
      ": the folder must contain 'train/Inertial Signals', 'UCI HAR Dataset', 'WISDM_ar_v1.1_raw.txt' or "
      "one NAME_TRAIN.ts, found ",
      pairs.empty() ? "none of them" : text(pairs.size(), " files NAME_TRAIN.ts"));
  return read_ts_pair_of(pairs.front());
}

}  // namespace

Recordings read_recordings(const fs::path& path, Index window) {
  require<FileError>(fs::exists(path), path.string(), ": no such file");
  if (fs::is_directory(path)) return read_folder(path, window);
  const std::string begin = beginning(path);
  if (begin.starts_with("\x89HDF")) return read_course_file(path.string());
  if (path.extension() == ".ts") return read_ts_pair_of(path);
  if (std::ranges::count(begin, ',') >= 5 || has_part(begin, ";")) return read_wisdm(path.string(), window);
  throw FileError(
      text(path.string(),
           ": must be HDF5, a .ts file or the raw text of WISDM; recordings with a label at every step need --stream"));
}

Recordings read_ts_pair(const std::string& train_file, const std::string& test_file) {
  auto train = read_ts<float>(train_file);
  require<FileError>(train.classes.size() >= 2, train_file, ": must have class labels of at least 2 classes, got ",
                     train.classes.size());
  auto test = read_ts<float>(test_file, {.classes = train.classes});
  require<FileError>(!test.labels.empty(), test_file, ": must have class labels, found none");
  Recordings both{train.name,
                  train.classes,
                  to_dataset(std::move(train)),
                  to_dataset(std::move(test)),
                  {"training data " + train_file, "test data     " + test_file}};
  require<FileError>(both.test.features() == both.train.features(), test_file, ": must have ", both.train.features(),
                     " channels, as ", train_file, ", got ", both.test.features());
  return both;
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

Dataset<float> windows_of(const Hdf5File& file, const char* x, const char* y) {
  const auto sizes = file.shape(x).sizes;
  require<FileError>(sizes.size() == 3 && sizes[0] > 0 && sizes[1] > 0 && sizes[2] > 0, file.path(), ": ", x,
                     ": the shape must be [windows, steps, channels], got ", sizes.size(), " dimensions");
  const auto values = file.read<float>(x);
  const Index count = Index(sizes[0]), steps = Index(sizes[1]), channels = Index(sizes[2]);
  std::vector<MatrixX<float>> windows;
  for (Index k = 0; k < count; ++k)
    windows.emplace_back(Eigen::Map<const MatrixX<float>>(values.data() + k * steps * channels, channels, steps));
  return Dataset<float>::labelled(std::move(windows), labels_of(file, y, count), Index(file.shape(y).sizes.at(1)));
}

}  // namespace

Recordings read_course_file(const std::string& path) {
  const Hdf5File file(path);
  Recordings read{"course", {}, windows_of(file, "trX", "trY"), windows_of(file, "tstX", "tstY"), {"data " + path}};
  require<FileError>(read.test.features() == read.train.features() && read.test.classes() == read.train.classes(), path,
                     ": tstX and tstY must have as many channels and classes as trX and trY");
  read.classes = {"downstairs", "jogging", "sitting", "standing", "upstairs", "walking"};
  for (Index k = 6; k < read.train.classes(); ++k) read.classes.push_back(text("class ", k));
  read.classes.resize(std::size_t(read.train.classes()));
  return read;
}
#else
Recordings read_course_file(const std::string& path) {
  throw FileError(path + ": this program was built without HDF5 (libhdf5-dev)");
}
#endif

}  // namespace har
