#include <algorithm>
#include <cmath>
#include <set>

#include "readers.hpp"
#include "unroll/io/formats/csv.hpp"

namespace har {

using namespace unroll;
namespace fs = std::filesystem;

namespace {

struct SmartphonePart {
  Dataset<float> windows;
  std::vector<Index> people;  // of each window
};

/// Reads a file with one integer from 1 to `largest` per line.
std::vector<Index> read_numbers(const fs::path& file, Index count, Index largest) {
  const auto table = read_csv<double>(file, {.separator = ' ', .header = CsvHeader::no});
  require<FileError>(table.values.rows() == 1 && table.values.cols() == count, file.string(), ": must have ", count,
                     " lines with one number, one per window, got ", table.values.cols(), " lines with ",
                     table.values.rows());
  std::vector<Index> numbers;
  for (Index k = 0; k < count; ++k) {
    const double value = table.values(0, k);
    require<FileError>(
        value >= 1 && value <= double(largest) && value == std::floor(value), [&] { return file.string(); },
        ": the number of window ", k + 1, " must be a whole number from 1 to ", largest, ", got ", value);
    numbers.push_back(Index(value));
  }
  return numbers;
}

/// Windows [channels x steps], from one file per channel with one window per line.
std::vector<MatrixX<float>> read_signals(const fs::path& folder, const std::string& part) {
  std::vector<MatrixX<float>> windows;
  Index channel = 0;
  for (const char* sensor : {"body_acc", "body_gyro", "total_acc"})
    for (const char* axis : {"x", "y", "z"}) {
      const fs::path file = folder / text(sensor, "_", axis, "_", part, ".txt");
      const MatrixX<float> values = read_csv<float>(file, {.separator = ' ', .header = CsvHeader::no}).values;
      if (windows.empty()) windows.assign(std::size_t(values.cols()), MatrixX<float>(9, values.rows()));
      require<FileError>(values.rows() == windows.front().cols() && values.cols() == std::ssize(windows), file.string(),
                         ": must have ", windows.size(), " windows of ", windows.front().cols(),
                         " steps, as the first signal, got ", values.cols(), " of ", values.rows());
      for (std::size_t k = 0; k < windows.size(); ++k) windows[k].row(channel) = values.col(Index(k)).transpose();
      ++channel;
    }
  return windows;
}

SmartphonePart read_part(const fs::path& folder, const std::string& part) {
  auto windows = read_signals(folder / part / "Inertial Signals", part);
  const Index count = std::ssize(windows);
  auto labels = read_numbers(folder / part / ("y_" + part + ".txt"), count, 6);
  for (Index& label : labels) --label;
  auto people = read_numbers(folder / part / ("subject_" + part + ".txt"), count, 1000);
  return {Dataset<float>::labelled(std::move(windows), labels, 6), std::move(people)};
}

}  // namespace

Recordings read_smartphone_folder(const fs::path& folder) {
  SmartphonePart train = read_part(folder, "train"), test = read_part(folder, "test");
  const std::set<Index> trained(train.people.begin(), train.people.end()),
      tested(test.people.begin(), test.people.end());
  for (const Index person : tested)
    require<FileError>(!trained.contains(person), folder.string(), ": person ", person,
                       " must not be in both the training and the test data");
  require<FileError>(train.windows.length(0) == test.windows.length(0), folder.string(), ": test windows must have ",
                     train.windows.length(0), " steps, as training windows, got ", test.windows.length(0));
  return {
      "UCI HAR",
      {"walking", "walking upstairs", "walking downstairs", "sitting", "standing", "laying"},
      std::move(train.windows),
      std::move(test.windows),
      {"data " + folder.string(), text(trained.size(), " training persons, ", tested.size(), " other test persons")},
      std::move(train.people),
      true,
      std::move(test.people),
      {"body_acc_x", "body_acc_y", "body_acc_z", "body_gyro_x", "body_gyro_y", "body_gyro_z", "total_acc_x",
       "total_acc_y", "total_acc_z"},
      50};
}

}  // namespace har
