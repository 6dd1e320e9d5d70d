#include <clocale>
#include <cmath>
#include <filesystem>
#include <string>
#include <unroll/io/dataset.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_ts {

using namespace unroll;

namespace {

const std::filesystem::path data = std::filesystem::path(UNROLL_TEST_DATA) / "data";
const std::filesystem::path activities = std::filesystem::path(UNROLL_EXAMPLE_DATA) / "har/data";

const std::string header = "@problemName Small\n@timestamps false\n@classLabel true walk run\n@data\n";

double total(const LabelledSequences<double>& set) {
  double sum = 0;
  for (const auto& sequence : set.sequences) sum += sequence.sum();
  return sum;
}

}  // namespace

TEST_CASE("ts: reads Japanese Vowels with sequences of different lengths") {
  const auto train = read_ts<double>(data / "JapaneseVowels_TRAIN.ts"),
             test = read_ts<double>(data / "JapaneseVowels_TEST.ts");
  CHECK(train.name == "JapaneseVowels");
  CHECK(train.classes == std::vector<std::string>{"1", "2", "3", "4", "5", "6", "7", "8", "9"});
  REQUIRE(train.sequences.size() == 270);
  REQUIRE(test.sequences.size() == 370);
  for (Index speaker = 0; speaker < 9; ++speaker)
    CHECK(std::count(train.labels.begin(), train.labels.end(), speaker) == 30);
  Index shortest = 100, longest = 0;
  for (const auto* set : {&train, &test})
    for (const auto& sequence : set->sequences) {
      CHECK(sequence.rows() == 12);
      shortest = std::min(shortest, sequence.cols()), longest = std::max(longest, sequence.cols());
    }
  CHECK(shortest == 7);
  CHECK(longest == 29);
  // First line: the first two values, and the first of channel 2. The sums over all values are from another program.
  CHECK(train.sequences[0].cols() == 20);
  CHECK(train.sequences[0](0, 0) == 1.860936);
  CHECK(train.sequences[0](0, 1) == 1.891651);
  CHECK(train.sequences[0](1, 0) == -0.207383);
  CHECK(total(train) == Approx(-1057.452303).epsilon(1e-12));
  CHECK(total(test) == Approx(-2146.51343).epsilon(1e-12));
}

TEST_CASE("ts: reads Basic Motions with six channels of 100 steps") {
  const auto train = read_ts(activities / "BasicMotions_TRAIN.ts"), test = read_ts(activities / "BasicMotions_TEST.ts");
  for (const auto* set : {&train, &test}) {
    REQUIRE(set->sequences.size() == 40);
    CHECK(set->classes == std::vector<std::string>{"Standing", "Running", "Walking", "Badminton"});
    for (Index label = 0; label < 4; ++label) CHECK(std::count(set->labels.begin(), set->labels.end(), label) == 10);
    for (const auto& sequence : set->sequences) CHECK((sequence.rows() == 6 && sequence.cols() == 100));
  }
  CHECK(train.sequences[0](0, 2) == -0.903497f);
  CHECK(total(read_ts<double>(activities / "BasicMotions_TRAIN.ts")) == Approx(646.184441).epsilon(1e-12));
  CHECK(total(read_ts<double>(activities / "BasicMotions_TEST.ts")) == Approx(-278.362599).epsilon(1e-12));
}

TEST_CASE("ts: reads one channel, percent-sign comments and the last of two problem names") {
  const auto train = read_ts<double>(data / "UnitTest_TRAIN.ts"), test = read_ts<double>(data / "UnitTest_TEST.ts");
  CHECK(train.name == "UnitTest");
  CHECK(test.name == "Chinatown");
  CHECK(train.sequences.size() == 20);
  CHECK(test.sequences.size() == 22);
  CHECK(train.sequences[0].rows() == 1);
  CHECK(train.sequences[0].cols() == 24);
  CHECK(train.sequences[0](0, 0) == 573);
  CHECK(total(train) == 305436);
  CHECK(total(test) == 347122);
}

TEST_CASE("ts: reads every value of a small file") {
  const auto set = parse_ts("# about\n% this\n\n" + header + "1,2.5,-3e-2:4,+5,.5:run\n\n# more\n7:8:walk\n");
  CHECK(set.name == "Small");
  REQUIRE(set.sequences.size() == 2);
  CHECK(set.sequences[0] == (MatrixX<float>(2, 3) << 1, 2.5f, -3e-2f, 4, 5, .5f).finished());
  CHECK(set.sequences[1] == (MatrixX<float>(2, 1) << 7, 8).finished());
  CHECK(set.labels == std::vector<Index>{1, 0});
  CHECK(set.classes == std::vector<std::string>{"walk", "run"});
}

TEST_CASE("ts: line ends, blanks, byte order mark and locale do not change the content") {
  const std::string plain = header + "1,2.5:3,4:run\n5:6:walk\n";
  const auto want = parse_ts(plain);
  std::string windows = "\xEF\xBB\xBF";
  for (const char c : plain) windows += c == '\n' ? std::string(" \t\r\n") : std::string(1, c);
  const char* old = std::setlocale(LC_ALL, nullptr);
  const std::string saved = old ? old : "C";
  const bool comma = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr;  // decimal comma, if installed
  INFO("decimal comma " << comma);
  for (const std::string& text : std::vector<std::string>{
           windows, plain.substr(0, plain.size() - 1), header + " 1 , 2.5 : 3 , 4 : run \n5:6:walk",
           "@TIMESTAMPS FALSE\n@problemname Small\n@classlabel True walk run\n@DATA\n1,2.5:3,4:run\n5:6:walk"}) {
    const auto got = parse_ts(text);
    CHECK(got.name == want.name);
    CHECK(got.sequences == want.sequences);
    CHECK(got.labels == want.labels);
    CHECK(got.classes == want.classes);
  }
  std::setlocale(LC_ALL, saved.c_str());
  std::string mac = plain;
  std::ranges::replace(mac, '\n', '\r');
  CHECK(parse_ts(mac).sequences == want.sequences);
  CHECK(parse_ts(mac).classes == want.classes);
  CHECK_THROWS_MATCHES(parse_ts(mac + "1:x\r"), FileError, says("line 7: the label must be one of"));
}

TEST_CASE("ts: allocations for a series do not grow with the number of classes") {
  std::string file = "@classLabel true";
  constexpr int classes = 2000;
  const auto name = [](int k) { return "a class with no short name " + std::to_string(k); };
  std::vector<std::string> names;
  for (int k = 0; k < classes; ++k) names.push_back(name(k));
  file += " a\n@data\n";
  for (int k = 0; k < classes; ++k) file += "1:" + name(k) + "\n";
  const support::AllocationCount allocations;
  const auto set = parse_ts(file, {.classes = names});
  const auto count = allocations.count();
  CHECK(set.labels.back() == classes - 1);
  CHECK(count < 10 * classes);  // an edit distance for each pair would need 8 million
}

TEST_CASE("ts: reads a file without labels") {
  for (const auto* keys : {"@classLabel false\n@data\n", "@data\n"}) {
    const auto set = parse_ts(keys + std::string("1,2:3,4\n5:6\n"));
    CHECK(set.labels.empty());
    CHECK(set.classes.empty());
    REQUIRE(set.sequences.size() == 2);
    CHECK(set.sequences[0] == (MatrixX<float>(2, 2) << 1, 2, 3, 4).finished());
  }
}

TEST_CASE("ts: classes of the options replace those of the header") {
  const TsOptions options{.classes = {"run", "sit", "walk"}};
  const auto set = parse_ts(header + "1:walk\n2:run\n", options);
  CHECK(set.classes == options.classes);
  CHECK(set.labels == std::vector<Index>{2, 0});
  CHECK(parse_ts("@classLabel true\n@data\n1:walk\n", options).labels == std::vector<Index>{2});
  CHECK_THROWS_MATCHES(parse_ts(header + "1:walk\n2:run\n", {.classes = {"run", "swim"}}), FileError,
                       says("line 5: the label must be one of 2 classes, got 'walk'; the nearest: 'run', 'swim'"));
}

TEST_CASE("ts: missing values are refused, dropped with their step, or kept") {
  const std::string text = header + "1,?,3,4:5,6,NaN,8:run\n";
  CHECK_THROWS_MATCHES(parse_ts(text), FileError,
                       says("line 5: channel 1, value 2 is missing; set the option missing"));
  CHECK(parse_ts(text, {.missing = MissingValues::drop_step}).sequences[0] ==
        (MatrixX<float>(2, 2) << 1, 4, 5, 8).finished());
  const auto kept = parse_ts(text, {.missing = MissingValues::keep_nan}).sequences[0];
  REQUIRE(kept.cols() == 4);
  CHECK(std::isnan(kept(0, 1)));
  CHECK(std::isnan(kept(1, 2)));
  CHECK(kept.array().isNaN().count() == 2);
  CHECK(kept(1, 3) == 8);
  CHECK_THROWS_MATCHES(parse_ts(header + "1,?:?,2:run\n", {.missing = MissingValues::drop_step}), FileError,
                       says("line 5: at least 1 step of the series must have all values"));
}

TEST_CASE("ts: a shorter channel lacks its last values") {
  const std::string file = header + "1,2,3:4:run\n5:6,7:walk\n8,9::run\n";
  const auto kept = parse_ts(file, {.missing = MissingValues::keep_nan}).sequences;
  CHECK(kept[0].row(0) == Eigen::RowVector3f(1, 2, 3));
  CHECK(kept[0](1, 0) == 4);
  CHECK(kept[0].array().isNaN().count() == 2);
  CHECK((std::isnan(kept[1](0, 1)) && kept[1](1, 1) == 7));
  CHECK((kept[2].cols() == 2 && kept[2].row(1).array().isNaN().all()));
  const auto dropped = parse_ts(header + "1,2,3:4,5:run\n", {.missing = MissingValues::drop_step}).sequences;
  CHECK(dropped[0] == (MatrixX<float>(2, 2) << 1, 2, 4, 5).finished());
  CHECK_THROWS_MATCHES(parse_ts(file, {.missing = MissingValues::drop_step}), FileError,
                       says("line 7: at least 1 step of the series must have all values"));
  CHECK_THROWS_MATCHES(
      parse_ts("@equalLength true\n@seriesLength 2\n" + header + "1,2,3:4:run\n", {.missing = MissingValues::keep_nan}),
      FileError, says("line 7: the series must have 2 steps, as every series of this file, got 3"));
}

TEST_CASE("ts: many short channels and a long one do not allocate their product") {
  std::string line = "1";
  for (int k = 0; k < 5000; ++k) line += ",1";
  for (int k = 0; k < 5000; ++k) line += ":1";
  CHECK_THROWS_MATCHES(parse_ts("@data\n" + line + "\n", {.missing = MissingValues::keep_nan}), FileError,
                       says("line 2: the channels must have similar lengths, got 10001 values in 5001 channels"));
  CHECK_THROWS_MATCHES(parse_ts("@timestamps true\n@data\n" + std::string(300'000, ':') + "\n"), FileError,
                       says("line 3: the channels must have values, got 100001 channels with 0"));
}

TEST_CASE("ts: time stamps are separate from the values") {
  const std::string start = "@timestamps true\n@classLabel true a b\n@data\n";
  const auto set = parse_ts(start + "(0,1.5),(2.5,?),(3,4):( 0 , 5 ) , (2.5,6),(3,7):a\n(-1e3,8):(-1e3,9):b\n",
                            {.missing = MissingValues::keep_nan});
  REQUIRE(set.sequences.size() == 2);
  CHECK((set.sequences[0](0, 0) == 1.5f && std::isnan(set.sequences[0](0, 1)) && set.sequences[0](0, 2) == 4));
  CHECK(set.sequences[0].row(1) == Eigen::RowVector3f(5, 6, 7));
  CHECK(set.sequences[1] == (MatrixX<float>(2, 1) << 8, 9).finished());
  REQUIRE(set.stamps.size() == 2);
  CHECK(set.stamps[0] == Eigen::Vector3d(0, 2.5, 3));
  CHECK(set.stamps[1] == VectorX<double>::Constant(1, -1000));
  CHECK_FALSE(set.dates);
  CHECK(set.labels == std::vector<Index>{0, 1});
  const auto dropped =
      parse_ts(start + "(0,1),(2,?),(3,4):(0,5),(2,6),(3,7):a\n", {.missing = MissingValues::drop_step});
  CHECK(dropped.stamps[0] == Eigen::Vector2d(0, 3));
  CHECK(to_dataset(dropped).length(0) == 2);
  CHECK(dropped.sequences[0] == (MatrixX<float>(2, 2) << 1, 4, 5, 7).finished());
  CHECK(parse_ts(header + "1:run\n").stamps.empty());
}

TEST_CASE("ts: dates are seconds since 1970") {
  const std::string start = "@timeStamps true\n@targetLabel true\n@data\n";
  const auto set =
      parse_ts(start + "(1969-12-31 23:59:59,1),(1970-01-01,2),(2015-01-31T10:00:00.25,3),(2016-02-29 10:01,4):-7\n");
  CHECK(set.dates);
  CHECK(set.stamps[0] == Eigen::Vector4d(-1, 0, 1422698400.25, 1456740060));
  CHECK(set.targets == std::vector<float>{-7});
  CHECK(set.sequences[0] == Eigen::RowVector4f(1, 2, 3, 4));
  for (const char* date : {"2015-02-29", "2015-13-01", "2015-1-01", "2015-01-01 24:00:00", "2015-01-01 10:60:00",
                           "2015-01-01 10:00:60", "2015-01-01 10:00:00.", "2015-01-01 10:00:00.5e1", "2015-01-01x",
                           "2015-01-01 10", "", "nan", "inf", "?", "2015/01/01", "10:00:00"}) {
    INFO(date);
    CHECK_THROWS_MATCHES(parse_ts(start + "(" + date + ",1):2\n"), FileError,
                         says("line 4: channel 1, value 1 must have a number or a date such as"));
  }
}

TEST_CASE("ts: channels with other time stamps lack values") {
  const std::string start = "@timestamps true\n@data\n", line = "(1,10),(3,30):(2,200),(3,300):\n";
  const auto kept = parse_ts(start + line, {.missing = MissingValues::keep_nan});
  CHECK(kept.stamps[0] == Eigen::Vector3d(1, 2, 3));
  const auto& values = kept.sequences[0];
  CHECK((values.rows() == 3 && values.cols() == 3 && values.array().isNaN().count() == 5));
  CHECK((values(0, 0) == 10 && values(0, 2) == 30 && values(1, 1) == 200 && values(1, 2) == 300));
  CHECK_THROWS_MATCHES(parse_ts(start + line), FileError,
                       says("line 3: channel 1 must have a value at each of the 3 time stamps of the series, got 2"));
  const auto dropped = parse_ts(start + "(1,10),(3,30):(2,200),(3,300)\n", {.missing = MissingValues::drop_step});
  CHECK(dropped.stamps[0] == VectorX<double>::Constant(1, 3));
  CHECK(dropped.sequences[0] == Eigen::Vector2f(30, 300));
}

TEST_CASE("ts: damaged time stamps are refused") {
  const auto refuse = [](const std::string& line, const std::string& message) {
    INFO(line);
    CHECK_THROWS_MATCHES(parse_ts("@timestamps true\n@data\n(5,1)\n" + line + "\n"), FileError,
                         says("line 4: " + message));
  };
  refuse("1,2", "channel 1, value 1 must be (time stamp,value), got '1,2'");
  refuse("(1,2", "channel 1, value 1 must be (time stamp,value), got '(1,2'");
  refuse("(1)", "channel 1, value 1 must be (time stamp,value), got '1'");
  refuse("(1,2),", "channel 1, value 2 must be followed by ',' and another value, or by nothing");
  refuse("(1,2)(2,3)", "channel 1, value 2 must be followed by ','");
  refuse("(1,2),(1,3)", "channel 1, value 2 must have a later time stamp, got '1'");
  refuse("(2015-01-01,2)", "channel 1, value 1 must have a number, as the stamps before, got '2015-01-01'");
  refuse("(1,x)", "channel 1, value 1 must be a finite number, got 'x'");
  refuse("(1,?)", "channel 1, value 1 is missing; set the option missing");
}

TEST_CASE("ts: reads regression targets") {
  const std::string file = "@targetLabel true\n@classLabel false\n@data\n1,2:3,4:0.5\n5:6: -1e2 \n";
  const auto set = parse_ts(file);
  CHECK(set.targets == std::vector<float>{0.5f, -100});
  CHECK(set.labels.empty());
  CHECK(set.sequences[1] == (MatrixX<float>(2, 1) << 5, 6).finished());
  const auto valued = to_dataset(set);
  CHECK(valued.kind() == TargetKind::values);
  CHECK(valued.values(1) == MatrixX<float>::Constant(1, 1, -100));
  CHECK_THROWS_MATCHES(parse_ts("@targetLabel true\n@data\n1,2\n"), FileError,
                       says("line 3: the line must end with ':' and a target, got no ':'"));
  CHECK_THROWS_MATCHES(parse_ts("@targetLabel true\n@data\n1:walk\n"), FileError,
                       says("line 3: the target must be a finite number, got 'walk'"));
}

TEST_CASE("ts: a missing target is refused or kept, and its series is never dropped") {
  const std::string start = "@targetLabel true\n@data\n";
  for (const auto missing : {MissingValues::refuse, MissingValues::drop_step})
    CHECK_THROWS_MATCHES(parse_ts(start + "3,4:?\n", {.missing = missing}), FileError,
                         says("line 3: the target is missing; set the option missing"));
  const auto kept = parse_ts(start + "1,?:2\n3,4:?\n", {.missing = MissingValues::keep_nan});
  CHECK(kept.targets[0] == 2);
  CHECK(std::isnan(kept.targets[1]));
}

TEST_CASE("ts: an error message names the defect and its line") {
  const auto refuse = [](const std::string& text, const std::string& message) {
    INFO(text);
    CHECK_THROWS_MATCHES(parse_ts(text, {}, "walk.ts"), FileError, says("walk.ts" + message));
  };
  refuse("", ": the file must have a line @data, got none");
  refuse("# only comments\n", ": the file must have a line @data, got none");
  refuse("@problemName X\n1,2,3\n", ", line 2: a header line must begin with '@', got '1,2,3'");
  refuse(header, ", line 4: the file must have at least 1 series after @data, got 0");
  refuse("@timestamps maybe\n@data\n", ", line 1: @timestamps must be true or false, got 'maybe'");
  refuse("@targetLabel maybe\n@data\n", ", line 1: @targetlabel must be true or false, got 'maybe'");
  refuse("@classLabel true a\n@targetLabel true\n@data\n1:a\n",
         ", line 3: a file must have class labels or targets, got both");
  for (const char* empty : {":run\n", " :run\n", "::run\n"})
    refuse(header + empty, ", line 5: the series must have at least 1 step, got 0");
  refuse("@univariate perhaps\n@data\n", ", line 1: @univariate must be true or false, got 'perhaps'");
  refuse("@dimensions 0\n@data\n", ", line 1: @dimensions must be a whole number of at least 1, got '0'");
  refuse("@dimensions 99999999999999999999\n@data\n", ", line 1: @dimensions must be a whole number of at least 1");
  refuse("@seriesLength 2.5\n@data\n", ", line 1: @serieslength must be a whole number of at least 1");
  refuse("@classLabel\n@data\n", ", line 1: @classlabel must be true or false, got ''");
  refuse("@classLabel true a b a\n@data\n", ", line 1: @classLabel must have different classes, got 'a' twice");
  refuse("@classLabel true\n@data\n1:a\n", ", line 2: @classLabel must have at least 1 class, got 0");
  refuse(header + "1,2:3,4:run\n1,2:3:walk\n", ", line 6: channel 2 must have 2 values, as the longest channel, got 1");
  refuse(header + "1:2,3:4,5:run\n", ", line 5: channel 1 must have 2 values, as the longest channel, got 1");
  for (const char* empty : {"", " "})
    refuse(header + "1:" + empty + ":run\n", ", line 5: channel 2 must have 1 values, as the longest channel, got 0");
  refuse(header + "1:2:run\n1:2:3:walk\n",
         ", line 6: the series must have 2 channels, as the header or the first series, got 3");
  refuse("@dimensions 3\n" + header + "1:2:run\n", ", line 6: the series must have 3 channels");
  refuse("@univariate true\n" + header + "1:2:run\n", ", line 6: the series must have 1 channels");
  refuse("@equalLength true\n@seriesLength 3\n" + header + "1,2:run\n",
         ", line 7: the series must have 3 steps, as every series of this file, got 2");
  refuse("@equalLength true\n" + header + "1,2:run\n1:walk\n", ", line 7: the series must have 2 steps");
  refuse(header + "1,2:jog\n", ", line 5: the label must be one of 2 classes, got 'jog'; the nearest: 'run', 'walk'");
  refuse(header + "1,2\n", ", line 5: the line must end with ':' and a class label, got no ':'");
  refuse(header + "1,2:\n", ", line 5: the label must be one of 2 classes, got ''");
  refuse(header + "1,2,x:run\n", ", line 5: channel 1, value 3 must be a finite number, got 'x'");
  for (const auto* word :
       {"1.5.2", "0x10", "1e", "--1", "+-1", "+", "inf", "-infinity", "1e39", "1e999", "1;2", "(0", "nano"})
    refuse(header + "1:" + word + ":run\n", ", line 5: channel 2, value 1 must be a finite number, got '");
  // The length in the header is not binding without @equalLength true.
  CHECK(parse_ts("@seriesLength 3\n@equalLength false\n" + header + "1,2:run\n").sequences[0].cols() == 2);
  CHECK(parse_ts<double>(header + "1e39:run\n").sequences[0](0, 0) == 1e39);  // in the range of double
  CHECK(parse_ts(header + "1e-60:run\n").sequences[0](0, 0) == 0);
  CHECK_THROWS_MATCHES(read_ts(data / "Nothing.ts"), FileError, says("Nothing.ts: no such file"));
}

}  // namespace test_ts
