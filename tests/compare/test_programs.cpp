// Runs of the example programs, compared by the program compare.

#include <nlohmann/json.hpp>
#include <support/kill_test.hpp>

#include "support/scores.hpp"
#include "unroll/io/input_file.hpp"

namespace test_programs {

using support::Arguments;
using support::status_of;
using support::TemporaryFolder;

/// Report of the comparison of two runs of a program.
nlohmann::json compared(const TemporaryFolder& folder, const std::string& program, const Arguments& a,
                        const Arguments& b) {
  Arguments folders;
  for (const auto& [name, arguments] : {std::pair("a", a), std::pair("b", b)}) {
    Arguments all = arguments;
    folders.push_back((folder.path / name).string());
    all.insert(all.end(), {"--out", folders.back(), "--quiet"});
    REQUIRE(status_of(program, all) == 0);
  }
  const auto out = folder.path / "page";
  folders.insert(folders.end(), {"--out", out.string()});
  REQUIRE(status_of(COMPARE_PROGRAM, folders) == 0);
  return nlohmann::json::parse(unroll::detail::read_text(out / "report.json"));
}

std::vector<std::string> names(const nlohmann::json& list) {
  std::vector<std::string> all;
  for (const auto& each : list) all.push_back(each["name"]);
  return all;
}

TEST_CASE("comparison: two short runs of word2vec have curves and tested pairs of words") {
  const TemporaryFolder folder;
  const Arguments run{"train",   TEST_FOLDER "/word2vec/seasons.txt", "--min-count", "2", "--dimension", "8",
                      "--pairs", TEST_FOLDER "/word2vec/pairs.txt",   "--epochs"};
  Arguments a = run, b = run;
  a.push_back("2"), b.push_back("3");
  const auto page = compared(folder, WORD2VEC_PROGRAM, a, b);
  CHECK(names(page["tables"]) == std::vector<std::string>{"runs", "settings", "measures", "tests"});
  CHECK(names(page["figures"]) == std::vector<std::string>{"measure", "curve_1"});
  CHECK(page["tables"][1]["numbers"]["rows"] == nlohmann::json{{"epochs", "2", "3"}});
  CHECK(page["tables"][3]["numbers"]["rows"][0][4] == "McNemar, exact");
  CHECK(page["files"].contains("../a/report.html"));
}

TEST_CASE("comparison: two short runs of har have curves and tested sequences") {
  const TemporaryFolder folder;
  const Arguments run{"train", "--epochs", "1", "--seeds", "1", "--units", "4", "--cell"};
  Arguments a = run, b = run;
  a.push_back("gru"), b.push_back("elman");
  const auto page = compared(folder, HAR_PROGRAM, a, b);
  CHECK(names(page["tables"]) == std::vector<std::string>{"runs", "settings", "measures", "tests"});
  CHECK(page["tables"][2]["numbers"]["rows"][0][5] == "40 test sequences");
  CHECK(names(page["figures"]).size() == 5);  // the measure; loss and accuracy of training and test data
}

TEST_CASE("comparison: the scores of hcp are those of its results") {
  const TemporaryFolder folder;
  REQUIRE(status_of(HCP_PROGRAM, {"train",
                                  "--participants",
                                  "6",
                                  "--regions",
                                  "12",
                                  "--steps",
                                  "30",
                                  "--units",
                                  "8",
                                  "--epochs",
                                  "1",
                                  "--test-participants",
                                  "3",
                                  "--folds",
                                  "0",
                                  "--seeds",
                                  "2",
                                  "--out",
                                  folder.path.string(),
                                  "--quiet"}) == 0);
  const auto scores = example::read_scores(folder.path);
  const auto metrics = nlohmann::json::parse(unroll::detail::read_text(folder.path / "metrics.json"));
  REQUIRE(scores.measures.at(0).seeds.size() == 2);
  for (std::size_t k = 0; k < 2; ++k) {
    const auto& [parts, wholes] = scores.measures[0].seeds[k];
    REQUIRE(parts.size() == 3);
    CHECK((parts[0] + parts[1] + parts[2]) / (wholes[0] + wholes[1] + wholes[2]) ==
          Approx(metrics["runs"][k]["accuracy"]["value"].get<double>()));
  }
}

}  // namespace test_programs
