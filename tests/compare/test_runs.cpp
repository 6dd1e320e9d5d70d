// Reading of runs, their measures and the choice of tests.

#include <cmath>
#include <support/catch.hpp>

#include "small_runs.hpp"
#include "unroll/core/error.hpp"

namespace test_runs {

using namespace compare;
using namespace small_runs;
using support::TemporaryFolder;
using unroll::FileError;
using unroll::ValueError;

std::vector<Run> two_runs(const TemporaryFolder& folder, const RunScores& a, const RunScores& b) {
  return read_runs({write_run(folder.path / "a", a), write_run(folder.path / "b", b)}, {});
}

/// Reason why two runs with these scores are not tested; empty if they are.
std::string refused(const RunScores& a, const RunScores& b, const std::string& measure = "top-1") {
  const TemporaryFolder folder;
  return test_pairs(two_runs(folder, a, b), measure).front().refused;
}

TEST_CASE("scores: what is written is read again") {
  const TemporaryFolder folder;
  RunScores scores = scores_of(first_right);
  scores.curves.push_back({"validation loss", "nats", {{NAN, 0.1, 1e-300}}});
  scores.groups = "people", scores.group_of.assign(14, 3);
  scores.measures.push_back({.name = "loss",
                             .unit = "",
                             .larger_is_better = false,
                             .scale = 1,
                             .seeds = {{std::vector<double>(14, 0.1), std::vector<double>(14, 2)}}});
  write_scores(folder.path, scores);
  const RunScores read = example::read_scores(folder.path);
  CHECK(read.seeds == scores.seeds);
  CHECK(std::isnan(read.curves[1].seeds[0][0]));
  CHECK(read.curves[1].seeds[0][2] == 1e-300);
  CHECK(read.groups == "people");
  CHECK(read.group_of == scores.group_of);
  CHECK(read.measures[0].larger_is_better);
  CHECK_FALSE(read.measures[1].larger_is_better);
  CHECK(read.measures[1].seeds[0].parts == scores.measures[1].seeds[0].parts);
  CHECK(read.measures[1].seeds[0].wholes == scores.measures[1].seeds[0].wholes);
}

TEST_CASE("scores: invalid files are refused") {
  const TemporaryFolder folder;
  const std::string good =
      R"({"version": 1, "seeds": [1], "curves": [{"name": "c", "unit": "", "seeds": [[1, null]]}], "items": "i", )"
      R"("tested": "t", "groups": "", "group_of": [0, 1], "measures": [{"name": "m", "unit": "", )"
      R"("larger_is_better": true, "scale": 1, "seeds": [{"parts": [1, 2], "wholes": [1, 1]}]}]})";
  const auto read = [&](const std::string& text) {
    std::ofstream(folder.path / "scores.json") << text;
    return example::read_scores(folder.path);
  };
  CHECK_NOTHROW(read(good));
  const std::pair<const char*, const char*> changes[] = {{"\"version\": 1", "\"version\": 2"},
                                                         {"\"seeds\": [1]", "\"seeds\": []"},
                                                         {"\"seeds\": [1]", "\"seeds\": [-1]"},
                                                         {"\"seeds\": [1]", "\"seeds\": 1.5"},
                                                         {"[[1, null]]", "[[1], [2]]"},
                                                         {"[[1, null]]", "[[1, \"a\"]]"},
                                                         {"[0, 1]", "[0]"},
                                                         {"[0, 1]", "[0, -1]"},
                                                         {"[0, 1]", "[0, 1e300]"},
                                                         {"\"items\": \"i\"", "\"items\": 3"},
                                                         {"\"tested\"", "\"other\""},
                                                         {"\"parts\": [1, 2]", "\"parts\": [1, null]"},
                                                         {"\"parts\": [1, 2]", "\"parts\": []"},
                                                         {"\"wholes\": [1, 1]", "\"wholes\": [1]"},
                                                         {"\"wholes\": [1, 1]", "\"wholes\": [1, -1]"},
                                                         {"\"wholes\": [1, 1]", "\"wholes\": [0, 0]"},
                                                         {"\"scale\": 1", "\"scale\": 0"},
                                                         {"\"measures\": [{", "\"measures\": [3, {"},
                                                         {"]}]}", "]}]"}};
  for (const auto& [part, other] : changes) {
    std::string text = good;
    text.replace(text.find(part), std::string(part).size(), other);
    CAPTURE(text);
    CHECK_THROWS_AS(read(text), FileError);
  }
}

TEST_CASE("curves: histories give losses and accuracies that were measured") {
  unroll::Epoch epoch{.epoch = 1, .loss = 2};
  const auto curves = example::curves_of({{epoch}, {epoch, epoch}}, "bits", 3);
  REQUIRE(curves.size() == 1);
  CHECK(curves[0].name == "training loss");
  CHECK(curves[0].unit == "bits");
  CHECK(curves[0].seeds == std::vector<std::vector<double>>{{6}, {6, 6}});
  epoch.validation_accuracy = 0.5;
  CHECK(example::curves_of({{epoch}}, "nats", 1, "test")[1].name == "test accuracy");
  CHECK(example::curves_of({{epoch}})[1].seeds[0][0] == 50);
}

TEST_CASE("runs: labels are the names of the folders, or paths if names are equal") {
  const TemporaryFolder folder;
  const std::string a = write_run(folder.path / "x" / "gru", scores_of(first_right)),
                    b = write_run(folder.path / "y" / "gru", scores_of(first_right)),
                    c = write_run(folder.path / "lstm", scores_of(first_right));
  CHECK(read_runs({a + "/", c}, {})[0].label == "gru");
  CHECK(read_runs({a, b}, {})[0].label == a);
  CHECK(read_runs({a, b}, {"one", "two"})[1].label == "two");
}

TEST_CASE("runs: folders without a complete run are refused") {
  const TemporaryFolder folder;
  const std::string good = write_run(folder.path / "good", scores_of(first_right));
  const auto other = folder.path / "other";
  const auto read = [&] { return read_runs({good, other.string()}, {}); };
  CHECK_THROWS_MATCHES(read(), FileError, says("other: the folder must contain a run, but has no config.json"));
  write_run(other, scores_of(first_right));
  std::filesystem::remove(other / "scores.json");
  CHECK_THROWS_MATCHES(read(), FileError, says("other: the run of har train has no scores.json"));
  for (const char* text : {"", "{", "[1]", "{\"program\": \"har\"}", "{\"program\": 1, \"verb\": \"train\"}"}) {
    CAPTURE(text);
    write_run(other, scores_of(first_right));
    std::ofstream(other / "config.json") << text;
    CHECK_THROWS_AS(read(), FileError);
  }
}

TEST_CASE("runs: one run and a folder that is given twice are refused") {
  const TemporaryFolder folder;
  const std::string a = write_run(folder.path / "a", scores_of(first_right));
  std::filesystem::create_directory_symlink(a, folder.path / "link");
  CHECK_THROWS_MATCHES(read_runs({a}, {}), ValueError, says("runs must be at least 2, got 1"));
  for (const std::string& again : {a, a + "/../a", (folder.path / "link").string()})
    CHECK_THROWS_MATCHES(read_runs({a, again}, {}), ValueError,
                         says("must be in different folders, got this one twice"));
}

TEST_CASE("runs: labels of another number and equal ones are refused") {
  const TemporaryFolder folder;
  const std::string a = write_run(folder.path / "a", scores_of(first_right)),
                    b = write_run(folder.path / "b", scores_of(first_right));
  CHECK_THROWS_MATCHES(read_runs({a, b}, {"x"}), ValueError, says("--labels must have 2 names"));
  CHECK_THROWS_MATCHES(read_runs({a, b}, {"x", "x"}), ValueError, says("--labels must be different"));
}

TEST_CASE("measures: units are items or groups, and values are means over seeds") {
  const TemporaryFolder folder;
  RunScores scores = scores_of({1, 0, 1, 1});
  scores.seeds = {1, 2}, scores.curves.clear();
  scores.measures[0].seeds.push_back({{1, 1, 1, 1}, {1, 1, 1, 3}});
  const auto items = units_of(two_runs(folder, scores, scores)[0], scores.measures[0]);
  CHECK(items.size() == 4);
  CHECK(items.parts[1] == 0.5);
  CHECK(items.wholes[3] == 2);
  scores.groups = "people", scores.group_of = {7, 2, 7, 2};
  const Run run = two_runs(folder, scores, scores)[0];
  const Units people = units_of(run, scores.measures[0]);
  REQUIRE(people.size() == 2);
  CHECK(people.parts[0] == 1.5);  // group 2
  CHECK(people.wholes[0] == 3);
  CHECK(people.parts[1] == 2);
  CHECK(run.units() == "people");
  CHECK(value_of(run, scores.measures[0]).value == Approx(100 * 3.5 / 5));
}

TEST_CASE("measures: limits over seeds are those of Student's t") {
  const TemporaryFolder folder;
  RunScores scores = scores_of({1, 1});
  scores.seeds = {1, 2, 3}, scores.curves[0].seeds.resize(3);
  scores.measures[0].scale = 1;
  scores.measures[0].seeds = {{{1, 1}}, {{2, 2}}, {{3, 3}}};
  const Value value = value_of(two_runs(folder, scores, scores)[0], scores.measures[0]);
  CHECK(value.value == 2);
  REQUIRE(value.over_seeds);
  CHECK(value.over_seeds->low == Approx(2 - 2.484138).epsilon(1e-5));  // 4.302653 / sqrt(3)
  CHECK(value.over_seeds->high == Approx(2 + 2.484138).epsilon(1e-5));
  CHECK(value.over_units->low == 2);
}

TEST_CASE("measures: one unit or one seed has no limits") {
  const TemporaryFolder folder;
  RunScores scores = scores_of({1, 0});
  scores.groups = "people", scores.group_of = {0, 0};
  const Value value = value_of(two_runs(folder, scores, scores)[0], scores.measures[0]);
  CHECK_FALSE(value.over_units);
  CHECK_FALSE(value.over_seeds);
}

TEST_CASE("tests: right answers of single items are compared by the McNemar test") {
  const TemporaryFolder folder;
  const auto pairs = test_pairs(two_runs(folder, scores_of(first_right), scores_of(second_right)), "top-1");
  REQUIRE(pairs.size() == 1);
  CHECK(pairs[0].method == "McNemar, exact");
  CHECK(pairs[0].p == Approx(0.021484375));
  CHECK(pairs[0].corrected == pairs[0].p);
  CHECK(pairs[0].difference == Approx(100 * 8 / 14.0));
  CHECK(pairs[0].limits.low > 0);
  CHECK(pairs[0].limits.high > pairs[0].difference);
}

TEST_CASE("tests: groups, several seeds and other numbers are compared by the permutation test") {
  const TemporaryFolder folder;
  RunScores a = scores_of(first_right), b = scores_of(second_right);
  for (RunScores* scores : {&a, &b})
    scores->groups = "people", scores->group_of = {0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4};
  const auto of_people = test_pairs(two_runs(folder, a, b), "top-1");
  CHECK(of_people[0].method == "permutation, exact");
  CHECK(of_people[0].p == Approx(4.0 / 16));  // four people differ: three with 3 for the first run, one with 1 against
  a = scores_of(first_right), b = scores_of(second_right);
  b.seeds = {1, 2}, b.curves.clear(), b.measures[0].seeds.push_back(b.measures[0].seeds[0]);
  CHECK(test_pairs(two_runs(folder, a, b), "top-1")[0].method == "permutation, exact");
  a.measures[0].seeds[0].parts[0] = 0.5;
  CHECK(test_pairs(two_runs(folder, a, scores_of(second_right)), "top-1")[0].method == "permutation, exact");
}

TEST_CASE("tests: pairs without common items are refused with the reason") {
  const RunScores a = scores_of(first_right);
  CHECK(refused(a, a).empty());
  CHECK(refused(a, scores_of(second_right, "other")) == "their test data differ");
  RunScores b = a;
  b.measures[0].name = "loss";
  CHECK(refused(a, b) == "'b' has no measure 'top-1'");
  b = a, b.measures[0].unit = "nats";
  CHECK(refused(a, b) == "the units of the measure differ");
  b = a, b.groups = "people", b.group_of.assign(14, 0);
  CHECK(refused(a, b) == "the groups of their test data differ");
  CHECK(refused(b, b) == "a test needs at least 2 people");
}

TEST_CASE("tests: runs of different programs are refused") {
  const TemporaryFolder folder;
  const RunScores scores = scores_of(first_right);
  const auto runs = read_runs(
      {write_run(folder.path / "a", scores), write_run(folder.path / "b", scores, R"("model": "lstm")", "hcp")}, {});
  CHECK(test_pairs(runs, "top-1")[0].refused == "they are runs of different programs, har and hcp");
}

TEST_CASE("tests: Holm's correction counts the pairs that were tested") {
  const TemporaryFolder folder;
  const auto runs = read_runs(
      {write_run(folder.path / "a", scores_of(first_right)), write_run(folder.path / "b", scores_of(second_right)),
       write_run(folder.path / "c", scores_of(second_right)),
       write_run(folder.path / "d", scores_of(second_right, "other"))},
      {});
  const auto pairs = test_pairs(runs, "top-1");
  REQUIRE(pairs.size() == 6);
  CHECK(pairs[0].corrected == Approx(3 * 0.021484375));
  CHECK(pairs[1].corrected == Approx(3 * 0.021484375));
  CHECK(pairs[2].refused == "their test data differ");
  CHECK(pairs[3].p == 1);
}

TEST_CASE("settings: those that differ are listed, without the folder of the results") {
  const TemporaryFolder folder;
  const auto runs = read_runs(
      {write_run(folder.path / "a", scores_of({1, 0}), R"("cell": "gru", "units": 8, "rate": [1, 2])"),
       write_run(folder.path / "b", scores_of({1, 0}), R"("cell": "lstm", "units": 8, "rate": [1], "new": true)")},
      {});
  const auto settings = settings_that_differ(runs);
  REQUIRE(settings.size() == 3);
  CHECK(settings[0].name == "cell");
  CHECK(settings[0].values == std::vector<std::string>{"gru", "lstm"});
  CHECK(settings[1].values == std::vector<std::string>{"[1,2]", "[1]"});
  CHECK(settings[2].values == std::vector<std::string>{"", "true"});
}

}  // namespace test_runs
