// The page and the text of a comparison.

#include <nlohmann/json.hpp>
#include <support/catch.hpp>

#include "compare/page.hpp"
#include "small_runs.hpp"
#include "unroll/core/error.hpp"
#include "unroll/io/input_file.hpp"

namespace test_page {

using namespace compare;
using namespace small_runs;
using support::TemporaryFolder;
using unroll::detail::read_text;

/// Runs of two networks and one of another program, with pages.
struct Page {
  TemporaryFolder folder;
  Comparison comparison;
  nlohmann::json json;
  std::string html;

  explicit Page(std::vector<std::string> labels = {"gru", "lstm", "<b>"}, std::uint64_t seeds = 3) {
    RunScores other = scores_of(first_right, "other");
    other.seeds = {1};
    for (std::uint64_t seed = 2; seed <= seeds; ++seed) {
      other.seeds.push_back(seed);
      other.curves[0].seeds.push_back({1, 1});
      other.measures[0].seeds.push_back(other.measures[0].seeds[0]);
    }
    const std::vector<std::string> folders{
        write_run(folder.path / "gru", scores_of(first_right)),
        write_run(folder.path / "lstm run", scores_of(second_right), R"("cell": "lstm")"),
        write_run(folder.path / "other", other, R"("model": "lstm")", "hcp")};
    std::ofstream(folder.path / "lstm run" / "report.html") << "page";
    comparison = compare_runs(read_runs(folders, labels), {});
    const auto out = folder.path / "out" / "page";
    std::filesystem::create_directories(out);
    write_page(comparison, out);
    json = nlohmann::json::parse(read_text(out / "report.json"));
    html = read_text(out / "report.html");
  }

  /// Rows of a table.
  nlohmann::json rows(const std::string& name) const {
    for (const auto& table : json["tables"])
      if (table["name"] == name) return table["numbers"]["rows"];
    return {};
  }
};

TEST_CASE("page: has runs, settings, measures, tests and curves") {
  const Page page;
  CHECK(page.rows("runs").size() == 3);
  CHECK(page.rows("runs")[0][4] == "14 test sequences");
  CHECK(page.rows("settings").size() == 3);  // program, cell, model
  const auto measures = page.rows("measures");
  REQUIRE(measures.size() == 3);
  CHECK(measures[0][2].get<double>() == Approx(1200.0 / 14));
  CHECK(measures[0][7].is_null());
  CHECK(measures[2][7].is_number());
  const auto tests = page.rows("tests");
  REQUIRE(tests.size() == 1);
  CHECK(tests[0][0] == "gru - lstm");
  CHECK(tests[0][5].get<double>() == Approx(0.021484375));
  REQUIRE(page.json["figures"].size() == 2);
  CHECK(page.json["figures"][0]["name"] == "measure");
  CHECK(page.json["figures"][1]["caption"].get<std::string>().starts_with("training loss (nats)"));
  CHECK(page.json["figures"][1]["numbers"]["columns"] ==
        nlohmann::json{"epoch", "gru", "lstm", "<b>", "<b>, low", "<b>, high"});
  CHECK(page.json["metrics"]["rows"].size() == 3);
}

TEST_CASE("page: two seeds have no limits over seeds") {
  const auto measures = Page({"gru", "lstm", "b"}, 2).rows("measures");
  REQUIRE(measures.size() == 3);
  CHECK(measures[2][7].is_null());
  CHECK(measures[2][8].is_null());
}

TEST_CASE("page: names the assumption of each test, and pairs that are not tested") {
  const std::string words = Page().json["text"].dump();
  CHECK(words.find("it assumes that test sequences are independent") != words.npos);
  CHECK(words.find("No paired test of 'gru' and '<b>': they are runs of different programs") != words.npos);
  CHECK(words.find("permutation") == words.npos);
  CHECK(words.find("Holm") == words.npos);
}

TEST_CASE("page: links to the pages of the runs") {
  const Page page;
  CHECK(page.html.find("href=\"./../../lstm%20run/report.html\"") != page.html.npos);
  CHECK(page.html.find("/gru/report.html") == page.html.npos);  // the run has no page
}

TEST_CASE("page: labels are text") { CHECK(Page().html.find("<b>") == std::string::npos); }

TEST_CASE("page: runs without measures have curves only") {
  const TemporaryFolder folder;
  RunScores scores = scores_of({1});
  scores.measures.clear();
  const Comparison comparison =
      compare_runs(read_runs({write_run(folder.path / "a", scores), write_run(folder.path / "b", scores)}, {}), {});
  CHECK(comparison.tests.empty());
  CHECK(text_of(comparison) == "the runs have no measures\n");
  write_page(comparison, folder.path);
  const std::string page = read_text(folder.path / "report.html");
  CHECK(page.find("The runs tested nothing") != page.npos);
  CHECK(page.find("The settings of all runs are equal") != page.npos);
  CHECK(page.find("training loss (nats)") != page.npos);
}

TEST_CASE("measure: another one is tested if it is requested") {
  const TemporaryFolder folder;
  RunScores scores = scores_of(first_right);
  scores.measures.push_back(scores.measures[0]);
  scores.measures[1].name = "top-2";
  const auto runs = read_runs({write_run(folder.path / "a", scores), write_run(folder.path / "b", scores)}, {});
  CHECK(compare_runs(runs, {}).measure == "top-1");
  CHECK(compare_runs(runs, "top-2").measure == "top-2");
  CHECK_THROWS_MATCHES(compare_runs(runs, "top-3"), unroll::ValueError,
                       says("--measure must be top-1 or top-2, got 'top-3'"));
}

TEST_CASE("text: has measures with limits, tests and refused pairs") {
  const std::string text = text_of(Page().comparison);
  CHECK(text.find("top-1 (%)  gru   85.71  64.29 to 100") != text.npos);
  CHECK(text.find("gru - lstm  57.14") != text.npos);
  CHECK(text.find("McNemar, exact  0.021") != text.npos);
  CHECK(text.find("No paired test of 'gru' and '<b>'") != text.npos);
}

}  // namespace test_page
