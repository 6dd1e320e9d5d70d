#pragma once
// The study's table, in words for people and for programs.

#include "study.hpp"

namespace har {

/// What the seeds of one setting gave.
struct Row {
  Setting setting;
  std::vector<unroll::Summary> top;  // of the runs that did not diverge; empty without any
  unroll::Index diverged = 0;
  double epochs = 0, seconds = 0;  // means
};
std::vector<Row> rows_of(const Study& study);

/// The best by its mean top-1.
const Row& best_of(const std::vector<Row>& rows);

std::string outcome_text(const Outcome& run, bool resumed);
std::string study_text(const Study& study, const Options& options, const Data& data);
std::string study_markdown(const Study& study, const Options& options, const Data& data);
/// A line for each run.
std::string study_csv(const Study& study);
std::string study_json(const Study& study, const Options& options, const Data& data);

}  // namespace har
