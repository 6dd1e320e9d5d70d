#pragma once
// The study's table, in words for people and for programs.

#include "study.hpp"

namespace har {

/// What the seeds of one setting gave.
struct Row {
  Setting setting;
  std::vector<unroll::Summary> top;  // of the test data, runs that did not diverge; empty without any
  unroll::Summary validation = {};   // top-1 of the validation data, likewise
  unroll::Index diverged = 0;
  double epochs = 0, seconds = 0;  // means
};
std::vector<Row> rows_of(const Study& study);

/// The one with the best mean top-1 of the validation data: the test data decide nothing.
const Row& chosen_of(const std::vector<Row>& rows);

/// "batch 10, 50 units, rate 0.05"
std::string name_of(const Setting& setting);

/// "test sequences of people who were not trained on", as far as that is known.
std::string tested_text(const Data& data);

std::string outcome_text(const Outcome& run, bool resumed);
std::string study_text(const Study& study, const Options& options, const Data& data);
std::string study_markdown(const Study& study, const Options& options, const Data& data);
/// A line for each run.
std::string study_csv(const Study& study);
std::string study_json(const Study& study, const Options& options, const Data& data);

}  // namespace har
