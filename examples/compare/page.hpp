#pragma once
// Page and text of a comparison of runs.

#include "runs.hpp"

namespace compare {

/// Compared runs with the tests of one measure; empty `measure`: the runs have none.
struct Comparison {
  std::vector<Run> runs;
  std::string measure;
  std::vector<PairTest> tests;
};

/// Tests all pairs by `measure`; empty: the first measure of the runs. Throws ValueError if no run has the measure.
Comparison compare_runs(std::vector<Run> runs, const std::string& measure);

/// Values of the measures, and results of the tests.
std::string text_of(const Comparison& comparison);

/// Writes report.html and its files into the folder. Returns an empty string if all figures were drawn, otherwise the
/// reason why not.
std::string write_page(const Comparison& comparison, const std::filesystem::path& folder);

}  // namespace compare
