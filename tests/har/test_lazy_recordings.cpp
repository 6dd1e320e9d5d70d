// Training windows that are read when a batch needs them give the results of windows in memory.

#include <fstream>
#include <har/readers.hpp>
#include <har/runs.hpp>
#include <har/series_file.hpp>
#include <unroll/io/dataset.hpp>
#include <unroll/io/formats/ts.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"
#if defined(HAR_HDF5)
#include <unroll/io/formats/hdf5_writer.hpp>
#endif

namespace test_lazy_recordings {

using namespace unroll;
using namespace har;
namespace fs = std::filesystem;

namespace {

const std::string train_file = HAR_DATA "_TRAIN.ts", test_file = HAR_DATA "_TEST.ts";

struct OneFile {
  support::TemporaryFolder folder;
  fs::path path = folder.path / "x_TRAIN.ts";

  explicit OneFile(const std::string& words) { std::ofstream(path, std::ios::binary) << words; }
};

const std::string header = "@problemName x\n# a comment\n@timeStamps false\n@univariate false\n@classLabel true a b\n";

void check_same(const LazyDataset<float>& lazy, const Dataset<float>& data) {
  REQUIRE(lazy.size() == data.size());
  CHECK(lazy.classes() == data.classes());
  for (Index s = data.size(); s-- > 0;) {
    CHECK(lazy.read(s).sequence(0) == data.sequence(s));
    CHECK(lazy.read(s).labels(0) == data.labels(s));
    CHECK(lazy.length(s) == data.length(s));
  }
}

void check_same(const LazyRecordings& lazy, const Recordings& recordings) {
  CHECK(lazy.name == recordings.name);
  CHECK(lazy.classes == recordings.classes);
  CHECK(lazy.remarks == recordings.remarks);
  check_same(lazy.train, recordings.train);
  CHECK(lazy.test.sequence(1) == recordings.test.sequence(1));
}

}  // namespace

TEST_CASE("series file: reads each series as a reader of the whole file does") {
  check_same(read_ts_pair_lazily(train_file, test_file), read_ts_pair(train_file, test_file));
  check_same(read_lazily(test_file), read_recordings(test_file, 0));
}

TEST_CASE("series file: keeps the places of series after comments, empty lines and line ends of Windows") {
  const OneFile one(header + "@DATA\r\n\r\n1,2:3,4: a\r\n# between\n  5:6:b");
  const SeriesFile file(one.path.string());
  CHECK(file.name() == "x");
  CHECK(file.classes() == std::vector<std::string>{"a", "b"});
  check_same(file.data(), to_dataset(read_ts<float>(one.path)));
}

TEST_CASE("series file: refuses what the reader of the whole file refuses, before training") {
  const auto refused = [](const std::string& words, const std::string& message) {
    CHECK_THROWS_MATCHES(SeriesFile(OneFile(words).path.string()), FileError, says(message));
  };
  refused(header + "@data\n1,2:3,4:a\n1,x:3,4:b\n", "x_TRAIN.ts: header and series 1, line 7: channel 1");
  refused(header + "@data\n1,2:3,4:c\n", "series 0");
  refused(header + "@data\n", "must have at least 1 series after @data, got 0");
  refused(header + "1,2:3,4:a\n", "must have at least 1 series after @data, got 0");
  refused("@problemName x\n@timeStamps false\n@univariate true\n@classLabel false\n@data\n1,2\n",
          "must have class labels, found none");
  CHECK_THROWS_MATCHES(SeriesFile("missing.ts"), FileError, says("missing.ts: no such file"));
  const OneFile shrinking(header + "@data\n1,2:3,4:a\n1,2:3,4:b\n");
  const auto data = SeriesFile(shrinking.path.string()).data();
  fs::resize_file(shrinking.path, fs::file_size(shrinking.path) - 4);
  CHECK_THROWS_MATCHES(data.read(1), FileError, says("as when it was opened"));
}

TEST_CASE("lazy recordings: refuses formats whose windows cannot be read one by one") {
  const support::TemporaryFolder folder;
  std::ofstream(folder.path / "raw.txt") << "1,Walking,1,2,3,4;\n";
  for (const fs::path& path : {folder.path, folder.path / "raw.txt"})
    CHECK_THROWS_MATCHES(read_lazily(path), FileError,
                         says("must be HDF5 or a .ts file to read windows one by one (--lazy)"));
  CHECK_THROWS_MATCHES(read_lazily(folder.path / "no.ts"), FileError, says("no such file"));
}

TEST_CASE("lazy recordings: training gives the bits of training on recordings in memory") {
  const Data in_memory = prepare(read_ts_pair(train_file, test_file)),
             lazy = prepare(read_ts_pair_lazily(train_file, test_file));
  CHECK(data_fingerprint(in_memory) == data_fingerprint(lazy));
  CHECK(in_memory.mean == lazy.mean);
  CHECK(in_memory.deviation == lazy.deviation);
  for (const bool every_step : {false, true}) {
    Options options;
    options.every_step = every_step, options.validation = "0.3", options.epochs = 2, options.setting = {7, 3, 0.05};
    options.running.threads = 2;
    const support::TemporaryFolder folder, other;
    const auto run = [&](const Data& data, const fs::path& path) {
      return Runs(options, data, path).train({{options.setting, 1, 2}, {options.setting, 2, 2}}, true, true);
    };
    const auto one = run(in_memory, folder.path), two = run(lazy, other.path);
    for (std::size_t k = 0; k < 2; ++k) {
      REQUIRE(one[k].record.history.size() == 2);
      CHECK(one[k].record.history[1].loss == two[k].record.history[1].loss);
      CHECK(one[k].record.history[1].validation_loss == two[k].record.history[1].validation_loss);
      CHECK(one[k].training.loss == two[k].training.loss);
      CHECK(one[k].validation.top == two[k].validation.top);
      CHECK(one[k].test.loss == two[k].test.loss);
    }
  }
}

#if defined(HAR_HDF5)
TEST_CASE("lazy recordings: reads windows of HDF5 files one by one") {
  const support::TemporaryFolder folder;
  const fs::path path = folder.path / "data.h5";
  const auto write = [&](double label) {
    std::vector<float> x(24), y{1, 0, 0, 1, float(label), 0};
    for (std::size_t k = 0; k < x.size(); ++k) x[k] = float(k);
    Hdf5Writer file;
    for (const std::string part : {"tr", "tst"}) {
      file.add<float>(part + "X", x, {3, 4, 2});
      file.add<float>(part + "Y", y, {3, 2});
    }
    const auto bytes = file.bytes();
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
  };
  write(1);
  check_same(read_lazily(path), read_recordings(path, 0));
  write(0.5);
  CHECK_THROWS_MATCHES(read_lazily(path), FileError, says("trY, row 2: must have one 1 and otherwise 0"));
}
#endif

}  // namespace test_lazy_recordings
