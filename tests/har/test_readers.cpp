#include <fstream>
#include <har/readers.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"
#if defined(HAR_HDF5)
#include <unroll/io/formats/hdf5.hpp>
#endif

namespace test_readers {

using namespace unroll;
using namespace har;
namespace fs = std::filesystem;

namespace {

void write(const fs::path& file, const std::string& words) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << words;
}

std::string numbers(int count, double first) {
  std::string line;
  for (int k = 0; k < count; ++k) line += "  " + text(first + k);
  return line + "\n";
}

/// Smartphone data of three people: two training windows of three steps and one test window.
struct Smartphone {
  support::TemporaryFolder folder;
  fs::path root = folder.path / "UCI HAR Dataset";

  Smartphone() {
    double first = 0;
    for (const std::string part : {"train", "test"}) {
      for (const std::string sensor : {"body_acc", "body_gyro", "total_acc"})
        for (const std::string axis : {"x", "y", "z"}) {
          first += 10;
          write(root / part / "Inertial Signals" / (sensor + "_" + axis + "_" + part + ".txt"),
                numbers(3, first) + (part == "train" ? numbers(3, first + 3) : ""));
        }
      write(root / part / ("y_" + part + ".txt"), part == "train" ? "6\n1\n" : "2\n");
      write(root / part / ("subject_" + part + ".txt"), part == "train" ? "1\n3\n" : "2\n");
    }
  }
  Recordings read() const { return read_recordings(root, 0); }
};

std::string wisdm_lines(int user, const std::string& activity, int count, double time = 1e9) {
  std::string lines;
  for (int k = 0; k < count; ++k) lines += text(user, ",", activity, ",", time + 5e7 * k, ",", k, ",2,3;\n");
  return lines;
}

struct OneFile {
  support::TemporaryFolder folder;
  fs::path path;

  OneFile(const std::string& name, const std::string& words) : path(folder.path / name) { write(path, words); }
};

}  // namespace

TEST_CASE("uci har: a window has nine signals as channels, and labels begin at 0") {
  const Smartphone files;
  const Recordings read = read_recordings(files.folder.path, 0);  // folder that contains the data
  REQUIRE(read.train.size() == 2);
  CHECK(read.train.features() == 9);
  CHECK(read.train.length(0) == 3);
  CHECK(read.train.labels(0)[0] == 5);
  CHECK(read.train.sequence(1)(8, 2) == 95);
  CHECK(read.test.labels(0)[0] == 1);
  CHECK(read.test.sequence(0)(0, 0) == 100);
  CHECK(read.classes[5] == "laying");
  CHECK(read.people.size() == 2);
  CHECK(read.other_people);
}

TEST_CASE("uci har: refuses inconsistent files with the name of the file") {
  const Smartphone files;
  const fs::path train = files.root / "train";
  const auto with = [&](const fs::path& file, const std::string& words, const std::string& said) {
    std::ifstream before(file);
    const std::string kept{std::istreambuf_iterator<char>(before), {}};
    write(file, words);
    CHECK_THROWS_MATCHES(files.read(), FileError, says(said));
    write(file, kept);
  };
  const fs::path gyro = train / "Inertial Signals" / "body_gyro_y_train.txt";
  with(train / "y_train.txt", "6\n7\n",
       "y_train.txt: the number of window 2 must be a whole number from 1 to 6, got 7");
  with(train / "y_train.txt", "6\n", "must have 2 lines with one number, one per window, got 1");
  with(train / "subject_train.txt", "1\n2\n", "person 2 must not be in both the training and the test data");
  with(gyro, numbers(3, 0), "body_gyro_y_train.txt: must have 2 windows of 3 steps, as the first signal, got 1 of 3");
  with(gyro, numbers(3, 0) + "1 2\n", "line 2: the line must have 3 fields");
  with(gyro, numbers(3, 0) + "1 2 x\n", "line 2: field 3 must be a finite number, got 'x'");
  CHECK_NOTHROW(files.read());
  fs::remove(gyro);
  CHECK_THROWS_MATCHES(files.read(), FileError, says("body_gyro_y_train.txt: no such file"));
}

TEST_CASE("wisdm: a window has one activity, one person and no break, and defects are counted") {
  const OneFile file(
      "raw.txt",
      wisdm_lines(1, "Walking", 7) + "\n\n1,Walking,2000000000,1,2;\n1,Jogging,0,1,2,3;\n" +
          wisdm_lines(1, "Jogging", 5) + wisdm_lines(1, "Jogging", 2, 9e9) +
          "2,Jogging,1000000000,7,8,9,;2,Jogging,1050000000,4,5,6\n;,\n3,Sitting,x,1,2,3;\n1e30,Sitting,1,1,2,3;\n");
  const Recordings read = read_recordings(file.path, 2);
  CHECK(read.classes == std::vector<std::string>{"Jogging", "Walking"});
  CHECK(read.train.size() == 3 + 2 + 1);
  CHECK(read.train.labels(0)[0] == 1);
  CHECK(read.train.sequence(1)(0, 1) == 3);
  CHECK(read.train.sequence(5)(0, 0) == 0);  // starts after the break
  REQUIRE(read.test.size() == 1);            // a superfluous comma, two records in a line, no semicolon
  CHECK(read.test.sequence(0)(2, 1) == 6);
  CHECK(read.people == std::vector<Index>(6, 1));
  CHECK(read.other_people);
  CHECK(read.remarks[1] == "16 valid records; 3 invalid ones and 1 without a time omitted");
}

TEST_CASE("wisdm: a recording ends when the time decreases") {
  const OneFile file(
      "raw.txt", wisdm_lines(1, "Walking", 3, 9e9) + wisdm_lines(1, "Walking", 3, 8e9) + wisdm_lines(2, "Jogging", 2));
  CHECK(read_recordings(file.path, 2).train.size() == 1 + 1);  // six consecutive records would be three windows
}

TEST_CASE("wisdm: refuses data of one person, short recordings and broken records") {
  CHECK_THROWS_MATCHES(read_recordings(OneFile("a.txt", wisdm_lines(1, "Walking", 9)).path, 2), FileError,
                       says("must have records of at least 2 people, got 1"));
  CHECK_THROWS_MATCHES(read_recordings(OneFile("a.txt", wisdm_lines(1, "A", 9) + wisdm_lines(2, "A", 9)).path, 0),
                       FileError, says("the training data must have a continuous recording of --window 150 steps"));
  CHECK_THROWS_MATCHES(read_recordings(OneFile("a.txt", "x;y;z\n").path, 2), FileError,
                       says("found only 3 invalid ones"));
}

TEST_CASE("read recordings: the content of a path selects the reader") {
  const fs::path data = UNROLL_EXAMPLE_DATA "/har/data";
  CHECK(read_recordings(data, 0).train.size() == 40);
  CHECK(read_recordings(data / "BasicMotions_TEST.ts", 0).name == "BasicMotions");
  CHECK_THROWS_MATCHES(read_recordings(data / "nothing", 0), FileError, says("nothing: no such file"));
  CHECK_THROWS_MATCHES(read_recordings(OneFile("x.csv", "a,b\n1,2\n").path, 0), FileError,
                       says("need the verb stream"));
  CHECK_THROWS_MATCHES(read_recordings(OneFile("x.ts", "").path, 0), FileError,
                       says("must end with _TRAIN.ts or _TEST.ts"));
  CHECK_THROWS_MATCHES(read_recordings(support::TemporaryFolder().path, 0), FileError, says("found none of them"));
}

TEST_CASE("read recordings: a folder has the pair of its name, or one pair") {
  const support::TemporaryFolder folder;
  const fs::path gun = folder.path / "Gun";
  const auto series = [](int count) {
    std::string lines = "@univariate true\n@classLabel true a b\n@data\n";
    for (int k = 0; k < count; ++k) lines += k % 2 == 0 ? "1,2:a\n" : "3,4:b\n";
    return lines;
  };
  const auto write_pair = [&](const std::string& name, int count) {
    for (const char* part : {"_TRAIN.ts", "_TEST.ts"}) write(gun / (name + part), series(count));
  };
  write_pair("Gun_eq", 4);
  write(gun / "Gun_TRAIN.tsv", "no pair");
  CHECK(read_recordings(gun, 0).train.size() == 4);
  write_pair("Other", 4);
  CHECK_THROWS_MATCHES(read_recordings(gun, 0), FileError,
                       says("must contain one NAME_TRAIN.ts, found 'Gun_eq_TRAIN.ts', 'Other_TRAIN.ts'; --data also"));
  write_pair("Gun", 6);
  CHECK(read_recordings(gun, 0).train.size() == 6);
  CHECK(read_recordings(gun / "", 0).train.size() == 6);
}

TEST_CASE("streams: a line has channels and a label, and the last part is test data") {
  const OneFile file("s.csv", "timestamp,x,y,label\n0:01,1,2,0\n\n0:02,3,4,1\n0:03,5,6,-1\n0:04,7,8,0\n0:05,9,10,1\n");
  const StreamParts parts = read_streams(file.path, 0.4);
  REQUIRE(parts.train.size() == 1);
  CHECK(parts.train[0].labels == (Labels(3) << 0, 1, -1).finished());
  CHECK(parts.train[0].channels(1, 2) == 6);
  CHECK(parts.test[0].labels == (Labels(2) << 0, 1).finished());
  CHECK(parts.test[0].channels(0, 0) == 7);
  CHECK(parts.later);
}

TEST_CASE("har readers: a byte order mark and line ends of old Mac do not change the data") {
  const auto mac = [](std::string words) {
    std::ranges::replace(words, '\n', '\r');
    return "\xEF\xBB\xBF" + words;
  };
  const std::string raw = wisdm_lines(1, "Walking", 4) + wisdm_lines(2, "Jogging", 3);
  const Recordings read = read_recordings(OneFile("raw.txt", mac(raw)).path, 2);
  CHECK(read.remarks[1] == "7 valid records; 0 invalid ones and 0 without a time omitted");
  CHECK(read.train.sequence(0)(0, 1) == 1);
  const StreamParts parts = read_streams(OneFile("s.csv", mac("\n,x,label\n0,1,0\n1,3,1\n2,5,0\n3,7,1\n")).path, 0.5);
  CHECK(parts.train[0].channels == (MatrixX<float>(1, 2) << 1, 3).finished());  // without pandas's index column
  CHECK(parts.test[0].labels == (Labels(2) << 0, 1).finished());
}

TEST_CASE("streams: reads a folder of Daphnet files, whose label 0 is not scored") {
  const support::TemporaryFolder folder;
  const auto line = [](int time, int label) { return text(time, " 1 2 3 4 5 6 7 8 9 ", label, "\n"); };
  write(folder.path / "S01R01.txt", line(15, 0) + line(31, 1) + line(46, 2) + line(62, 1) + line(78, 2));
  write(folder.path / "S01R02.txt", line(15, 1) + line(31, 2) + line(46, 1) + line(62, 2));
  const StreamParts parts = read_streams(folder.path, 0.4);
  CHECK(parts.train.size() == 2);
  CHECK(parts.train[0].channels.rows() == 9);
  CHECK(parts.train[0].labels == (Labels(3) << -1, 0, 1).finished());
  CHECK(parts.classes[1] == "frozen");
}

TEST_CASE("streams: texts in the last column are classes, which all files of a folder share") {
  const support::TemporaryFolder folder;
  write(folder.path / "a.csv", "x,class\n1,walk\n2,rest\n3,\n4,walk\n5,rest\n6,walk\n");
  write(folder.path / "b.csv", "x,class\n1,run\n2,walk\n3,run\n4,rest\n");
  const StreamParts parts = read_streams(folder.path, 0.5);
  CHECK(parts.classes == std::vector<std::string>{"rest", "run", "walk"});
  CHECK(parts.train[0].channels == (MatrixX<float>(1, 3) << 1, 2, 3).finished());
  CHECK(parts.train[0].labels == (Labels(3) << 2, 0, -1).finished());
  CHECK(parts.train[1].labels == (Labels(2) << 1, 2).finished());
  const NewStreams same = read_new_streams(folder.path / "b.csv", 1, {"run", "walk", "rest"});
  CHECK(same.streams[0].labels == (Labels(4) << 0, 1, 0, 2).finished());
  CHECK_THROWS_MATCHES(read_new_streams(folder.path / "b.csv", 1, {"walk", "rest"}), FileError,
                       says("the label must be one of 2 classes, got 'run'"));
  CHECK_THROWS_MATCHES(read_new_streams(folder.path / "b.csv", 2, {"run", "walk", "rest"}), FileError,
                       says("must have 2 channels, as the model, got 1"));
  write(folder.path / "c.csv", "x,class\n1,0\n2,1\n");
  CHECK_THROWS_MATCHES(read_streams(folder.path, 0.5), FileError, says("c.csv: must have texts in the last column"));
}

TEST_CASE("streams: refuses columns of texts and missing values with the name of the column or the step") {
  const auto read = [](const std::string& words) { return read_streams(OneFile("s.csv", words).path, 0.5); };
  CHECK_THROWS_MATCHES(read("date,x,class\n1 May,1,0\n2 May,2,1\n"), FileError,
                       says("column 'date' must have numbers, got '1 May'"));
  CHECK_THROWS_MATCHES(read("x,y,class\n1,2,0\n1,,1\n"), FileError,
                       says("channel 2 at step 2 must be a number, got a missing value"));
}

TEST_CASE("series files: refuses missing values and values of a regression, also one by one") {
  const std::string head = "@problemName p\n@univariate true\n@equalLength true\n@seriesLength 2\n";
  const OneFile gap("G_TRAIN.ts", head + "@classLabel true a b\n@data\n1,2:a\n1,?:b\n");
  const OneFile values("V_TRAIN.ts", head + "@targetLabel true\n@data\n1,2:0.5\n");
  for (const bool lazy : {false, true}) {
    const auto read = [&](const OneFile& one) {
      if (lazy) return void(read_lazily(one.path));
      return void(read_recordings(one.path, 0));
    };
    CHECK_THROWS_MATCHES(read(gap), FileError, says("series 2 must have a number in each place, got missing values"));
    CHECK_THROWS_MATCHES(read(values), FileError, says("which the program forecast reads"));
  }
}

TEST_CASE("streams: concatenated windows keep their labels, and the test file is test data") {
  const fs::path file = UNROLL_EXAMPLE_DATA "/har/data/BasicMotions_TRAIN.ts";
  const Recordings windows = read_recordings(file, 0);
  const StreamParts parts = read_streams(file, 0.3);
  REQUIRE(parts.train.size() == 1);
  CHECK(parts.train[0].labels.size() == 4000);
  CHECK(parts.test[0].channels.cols() == 4000);
  Index found = 0;
  for (Index s = 0; s < windows.test.size(); ++s)
    for (Index k = 0; k < 40; ++k)
      found += parts.test[0].channels.middleCols(100 * k, 100) == windows.test.sequence(s) &&
               (parts.test[0].labels.segment(100 * k, 100).array() == windows.test.labels(s)[0]).all();
  CHECK(found == 40);
  CHECK_FALSE(parts.later);  // time and people of the test are unknown
  CHECK(windows.people.empty());
  CHECK_FALSE(windows.other_people);
}

TEST_CASE("streams: refuses data of one class, invalid labels and lines of other lengths") {
  const auto read = [](const std::string& words) { return read_streams(OneFile("s.csv", words).path, 0.5); };
  CHECK_THROWS_MATCHES(read("1,0\n1,0\n1,0\n1,1\n"), FileError,
                       says("the training steps must have at least two classes, got only '0'; the last 50 % of each"));
  CHECK_THROWS_MATCHES(read("1,0\n1,1\n1,1\n1,1\n"), FileError,
                       says("the test steps must have at least two classes, got only '1'"));
  CHECK_THROWS_MATCHES(
      read("1,0\n1,0.5\n"), FileError,
      says("the label of step 2 must be a whole number (a class from 0; negative: not scored), got 0.5"));
  CHECK_THROWS_MATCHES(read("1,0\n1\n"), FileError, says("line 2: the line must have 2 fields"));
  CHECK_THROWS_MATCHES(read(""), FileError, says("the file must have lines of numbers"));
  CHECK_THROWS_MATCHES(read_streams(support::TemporaryFolder().path, 0.5), FileError, says("found none"));
}

#if defined(HAR_HDF5)
namespace {

/// HDF5 file of the course, with configurable shapes and labels.
struct Course {
  std::vector<hsize_t> x{3, 4, 2};
  std::vector<double> labels{0, 1, 1, 0, 0, 1};
  support::TemporaryFolder folder;

  static void add(hid_t file, const char* name, const std::vector<hsize_t>& sizes, const std::vector<double>& values) {
    const detail::Hdf5Handle space(H5Screate_simple(int(sizes.size()), sizes.data(), nullptr), H5Sclose);
    const detail::Hdf5Handle set(H5Dcreate2(file, name, H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
                                 H5Dclose);
    H5Dwrite(set, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }
  fs::path write() const {
    const fs::path path = folder.path / "data.h5";
    const detail::Hdf5Handle file(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    std::vector<double> values(24);
    for (std::size_t k = 0; k < values.size(); ++k) values[k] = double(k);
    for (const std::string part : {"tr", "tst"}) {
      add(file, (part + "X").c_str(), x, values);
      add(file, (part + "Y").c_str(), {labels.size() / 2, 2}, labels);
    }
    return path;
  }
};

}  // namespace

TEST_CASE("course file: reads windows, steps, channels and one-hot labels") {
  const Recordings read = read_recordings(Course().write(), 0);
  REQUIRE(read.train.size() == 3);
  CHECK(read.train.length(0) == 4);
  CHECK(read.train.sequence(1)(1, 2) == 8 + 5);
  CHECK(read.train.labels(0)[0] == 1);
  CHECK(read.test.labels(1)[0] == 0);
  CHECK(read.classes == std::vector<std::string>{"downstairs", "jogging"});
}

TEST_CASE("course file: refuses other shapes, invalid labels and truncated files") {
  const auto with = [](auto&& change, const std::string& said) {
    Course course;
    change(course);
    CHECK_THROWS_MATCHES(read_recordings(course.write(), 0), FileError, says(said));
  };
  with([](Course& c) { c.x = {3, 8}; }, "trX: the shape must be [windows, steps, channels], got 2 dimensions");
  with([](Course& c) { c.labels[1] = 0.5; }, "trY, row 0: must have one 1 and otherwise 0");
  with([](Course& c) { c.labels[0] = 1; }, "trY, row 0");
  with([](Course& c) { c.labels.resize(4); }, "trY: the shape must be [3, classes]");
  const Course course;
  const fs::path path = course.write();
  fs::resize_file(path, fs::file_size(path) / 2);
  CHECK_THROWS_AS(read_recordings(path, 0), FileError);
}
#endif

}  // namespace test_readers
