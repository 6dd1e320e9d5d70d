#pragma once
// Results of a study as text and for programs.

#include "study.hpp"

namespace har {

/// Summary of the runs of one setting.
struct Row {
  Setting setting;
  std::vector<unroll::Summary> top;  // of the test data, over runs that did not diverge; empty if all did
  unroll::Summary validation = {};   // top-1 of the validation data, over the same runs
  unroll::Index diverged = 0;
  double epochs = 0, seconds = 0;  // means
};
std::vector<Row> rows_of(const Study& study);

/// The setting with the best mean top-1 of the validation data. The test data are not used for the selection.
const Row& chosen_of(const std::vector<Row>& rows);

/// Name of a setting: "batch 10, 50 units, rate 0.05".
std::string name_of(const Setting& setting);

/// Name of the test data: "test sequences", or "test sequences of other people than the training data" if that is
/// known.
std::string tested_text(const Data& data);

std::string outcome_text(const Outcome& run, bool resumed);
std::string study_text(const Study& study, const Options& options, const Data& data);
std::string study_markdown(const Study& study, const Options& options, const Data& data);
/// Table with one line per run.
std::string study_csv(const Study& study);
std::string study_json(const Study& study, const Options& options, const Data& data);

}  // namespace har
