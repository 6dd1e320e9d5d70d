#include <fstream>
#include <hcp/files.hpp>
#include <limits>
#include <unroll/io/formats/npz.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_files {

using namespace unroll;
using namespace hcp;

namespace {

/// Files of two participants: three sequences of up to four steps and two regions.
struct Files {
  support::TemporaryFolder folder;
  std::filesystem::path x = folder.path / "X.npy", meta = folder.path / "meta.csv";
  std::vector<float> values;

  Files() {
    for (int k = 0; k < 24; ++k) values.push_back(float(k % 5) - float(k % 3));
    write();
    describe("participant,class,run,length\n100610,twomen,1,4\n100610,0,2,3\n102311,starwars,4,4\n");
  }
  void write() { write_npy(x, Tensor::of(values, {3, 4, 2})); }
  void describe(const std::string& text) { std::ofstream(meta) << text; }
  Data read(Index steps = 0) const { return read_recordings(x, meta, steps); }
};

}  // namespace

TEST_CASE("recordings: sequences, clips and participants equal those of the files") {
  Files files;
  const Data data = files.read();
  REQUIRE(data.clips.size() == 3);
  CHECK(data.participants == std::vector<std::string>{"100610", "102311"});
  CHECK(data.participant == std::vector<Index>{0, 0, 1});
  CHECK(data.clips.labels(0) == Labels::Constant(4, 1));
  CHECK(data.clips.labels(1) == Labels::Constant(3, 0));
  CHECK(data.clips.labels(2) == Labels::Constant(4, 14));
  // Step 2 of sequence 1, region 1 against region 0: row-major [sequences x steps x regions]; z-scoring scales by one
  // factor.
  const auto at = [&](Index s, Index t, Index r) { return files.values[std::size_t((s * 4 + t) * 2 + r)]; };
  const float scale = (data.clips.sequence(1)(0, 0) - data.clips.sequence(1)(0, 1)) / (at(1, 0, 0) - at(1, 1, 0));
  CHECK(data.clips.sequence(1)(1, 2) - data.clips.sequence(1)(0, 2) == Approx(scale * (at(1, 2, 1) - at(1, 2, 0))));
  CHECK(std::abs(data.clips.sequence(1).mean()) < 1e-6f);
  CHECK(files.read(2).clips.length(0) == 2);
  CHECK(files.read(2).clips.length(2) == 2);
}

TEST_CASE("recordings: accepts columns in any order, npz archives and other number types") {
  Files files;
  const Data plain = files.read();
  files.describe(
      "run, length ,class,site,participant\r\n1,4,1,A,100610\r\n\r\n2,3,testretest,A,100610\r\n4,4,14,B,102311\r\n");
  const Data other = files.read();
  for (Index s = 0; s < 3; ++s) CHECK(other.clips.sequence(s) == plain.clips.sequence(s));
  CHECK(other.participants == plain.participants);
  const auto archive = files.folder.path / "all.npz";
  const std::vector<double> wide(files.values.begin(), files.values.end());
  write_npz(archive, {{"X", Tensor::of(wide, {3, 4, 2})}, {"Y", Tensor::of(wide, {24})}});
  CHECK(read_recordings(archive, files.meta, 0).clips.sequence(2) == plain.clips.sequence(2));
  write_npz(archive, {{"a", Tensor::of(wide, {3, 4, 2})}, {"b", Tensor::of(wide, {24})}});
  CHECK_THROWS_MATCHES(read_recordings(archive, files.meta, 0), FileError,
                       says("must contain one array or an array X, found 2 arrays without X"));
}

TEST_CASE("recordings: classes are the clips, those of the file, or those that are given") {
  Files files;
  CHECK(files.read().classes == clip_names());
  files.describe("participant,class,run,length\na,house,1,4\na,face,2,3\nb,house,4,4\n");
  const Data own = files.read();
  CHECK(own.classes == std::vector<std::string>{"face", "house"});
  CHECK(own.clips.classes() == 2);
  CHECK(own.clips.labels(0)[0] == 1);
  const Data given = read_recordings(files.x, files.meta, 0, {"house", "face", "tool"});
  CHECK(given.clips.classes() == 3);
  CHECK(given.clips.labels(0)[0] == 0);
  CHECK_THROWS_MATCHES(
      read_recordings(files.x, files.meta, 0, {"house", "fice"}), FileError,
      says("line 3: class must be a number from 0 to 1 or the name of a class, got 'face'; the nearest: 'fice'"));
  std::ofstream(files.folder.path / "names") << "house\n\n face \n";
  CHECK(read_names(files.folder.path / "names") == std::vector<std::string>{"house", "face"});
  std::ofstream(files.folder.path / "names") << "house\nhouse\n";
  CHECK_THROWS_MATCHES(read_names(files.folder.path / "names"), FileError, says("must occur once, got 'house' again"));
}

TEST_CASE("recordings: names in quotes, with commas and blanks") {
  Files files;
  files.describe(
      "\"participant\",\"class\",\"run\",\"length\"\n\"Ann, B.\",\"house\",1,4\n\"Ann, B.\",\"a \"\"face\"\"\",2,3\n"
      "bob,house,4,4\n");
  const Data data = files.read();
  CHECK(data.participants == std::vector<std::string>{"Ann, B.", "bob"});
  CHECK(data.classes == std::vector<std::string>{"a \"face\"", "house"});
  CHECK(data.participant == std::vector<Index>{0, 0, 1});
}

TEST_CASE("recordings: a mixture of clips and other classes names --classes, unless the classes are fixed") {
  Files files;
  files.describe("participant,class,run,length\na,twomen,1,4\na,face,2,3\nb,twomen,4,4\n");
  const auto message = [&](const std::vector<std::string>& classes) {
    try {
      (void)read_recordings(files.x, files.meta, 0, classes);
    } catch (const FileError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CHECK(message({}).find("line 3: class must be a number from 0 to 14 or the name of a clip, got 'face'") !=
        std::string::npos);
  CHECK(message({}).ends_with("; --classes FILE gives other names"));
  CHECK(message(clip_names()).find("got 'face'") != std::string::npos);
  CHECK(message(clip_names()).find("--classes") == std::string::npos);
}

TEST_CASE("recordings: new ones need no classes, and no metadata") {
  Files files;
  const Data known = files.read();
  files.describe("length,participant\n4,a\n3,b\n4,a\n");
  const auto read = [&](const std::filesystem::path& meta) {
    return read_unlabelled(files.x, meta, 0, {"face", "house"});
  };
  const Data data = read(files.meta);
  CHECK(data.clips.labels(0)[0] == -1);
  CHECK(data.participant == std::vector<Index>{0, 1, 0});
  CHECK(data.clips.sequence(1) == known.clips.sequence(1));
  files.values[(1 * 4 + 3) * 2] = files.values[(1 * 4 + 3) * 2 + 1] = 0;
  files.write();
  const Data alone = read({});
  CHECK(alone.clips.length(0) == 4);
  CHECK(alone.clips.length(1) == 3);
  CHECK(alone.clips.sequence(1) == known.clips.sequence(1));
  CHECK(alone.participants[2] == "sequence 2");
  files.describe("participant\na\nb\na\n");
  CHECK_THROWS_MATCHES(read(files.meta), FileError, says("the column names must include 'length'; expected length"));
}

TEST_CASE("z-score: is correct for values of any scale and fails for constant values") {
  MatrixX<float> tiny{{1e-12f, 3e-12f}}, large{{1e6f, 1e6f + 1}}, flat{{1e6f, 1e6f}};
  CHECK(z_score(tiny));
  CHECK(tiny.isApprox(MatrixX<float>{{-1, 1}}));
  CHECK(z_score(large));
  CHECK(large.isApprox(MatrixX<float>{{-1, 1}}));
  CHECK_FALSE(z_score(flat));
}

TEST_CASE("recordings: values after the end of a sequence are ignored") {
  Files files;
  const Data plain = files.read();
  files.values[(1 * 4 + 3) * 2] = std::numeric_limits<float>::quiet_NaN();
  files.write();
  CHECK(files.read().clips.sequence(1) == plain.clips.sequence(1));
}

TEST_CASE("recordings: refuses invalid metadata and arrays with their place") {
  Files files;
  const auto refuses = [&](const std::string& words) { CHECK_THROWS_MATCHES(files.read(), Error, says(words)); };
  const std::string first = "participant,class,run,length\n";
  const auto with = [&](const std::string& text, const std::string& words) {
    files.describe(text);
    refuses(words);
  };
  with(first + "p,1,1,4\np,2,1,4\n", "must have 2 sequences, as ");
  with(first + "p,1,1,4\np,matrix,1,4\np,2,1,4\n",
       "line 3: class must be a number from 0 to 14 or the name of a clip, got 'matrix'; the nearest: ");
  with(first + "p,1,1,4\np,15,1,4\np,2,1,4\n", "the name of a clip, got '15'");
  with(first + "p,1,1,4\np,3,1,5\np,2,1,4\n", "the length of sequence 1 must be at most 4");
  with(first + "p,1,1,4\np,3,1,0\n", "line 3: length must be at least 1, got 0");
  with(first + "p,1,1,4\np,3,1,four\n", "line 3: length must be a whole number, got 'four'");
  with(first + "p,1,x,4\n", "line 2: run must be a whole number, got 'x'");
  with(first + "p,1,1\n", "line 2: expected 4 fields, found 3");
  with(first + "p,1,1,4\np,1,1,4\n", "line 3: participant 'p', clip '1', run 1 must have one line only");
  with(first + ",1,1,4\n", "the name of the participant must not be empty");
  with("participant,clip,run,length\np,1,1,4\n", "the column names must include 'class'");
  with(first, "expected one line per sequence");
  with("", "found nothing");
  std::filesystem::remove(files.meta);
  refuses("meta.csv: no such file");
  files.describe(first + "p,1,1,4\np,2,1,4\nq,1,1,4\n");
  CHECK(files.read().clips.size() == 3);

  files.values[(2 * 4 + 1) * 2 + 1] = std::numeric_limits<float>::infinity();
  files.write();
  refuses("sequence 2 (participant 'q', clip twomen), step 1, region 1 must be finite, got inf");
  files.values.assign(24, 0.5f);
  files.write();
  refuses("sequence 0 must not be constant");
  write_npy(files.x, Tensor::of(files.values, {12, 2}));
  refuses("the array must be [sequences x steps x regions], got the shape [12, 2]");
  write_npy(files.x, Tensor::of(std::vector<float>{}, {3, 4, 0}));
  refuses("got the shape [3, 4, 0]");
  std::ofstream(files.x) << "no array";
  refuses("X.npy: a .npy file must have at least 10 bytes");
}

}  // namespace test_files
