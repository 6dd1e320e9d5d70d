#pragma once
// Run folders with made-up scores.

#include <fstream>
#include <support/temporary.hpp>

#include "compare/runs.hpp"

namespace small_runs {

using example::ItemMeasure;
using example::RunScores;

/// Scores of one seed that has the items of `right` right.
inline RunScores scores_of(const std::vector<double>& right, const std::string& tested = "t") {
  RunScores scores{.seeds = {1}, .items = "test sequences", .tested = tested};
  scores.curves.push_back({"training loss", "nats", {{1.5, 0.75, 0.5}}});
  scores.measures.push_back({.name = "top-1", .unit = "%", .seeds = {{right}}});
  return scores;
}

/// Writes a run folder and returns its path.
inline std::string write_run(const std::filesystem::path& folder, const RunScores& scores,
                             const std::string& options = R"("cell": "gru")", const std::string& program = "har") {
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "config.json") << R"({"program": ")" << program << R"(", "verb": "train", "out": ")"
                                        << folder.filename().string() << "\", " << options << "}";
  example::write_scores(folder, scores);
  return folder.string();
}

/// 14 items: the first network alone has 9 of them right, the second one alone 1.
inline const std::vector<double> first_right{1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 0},
    second_right{0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0};

}  // namespace small_runs
