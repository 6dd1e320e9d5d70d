#pragma once
// Results of a study as text, tables and JSON.

#include <unroll/core/tables/data_table.hpp>

#include "study.hpp"

namespace har {

/// Name of a setting: "batch 10, 50 units, rate 0.05".
std::string name_of(const Setting& setting);

/// Name of the test data: "test sequences", or "test sequences of other people than the training data" if that is
/// known.
std::string tested_text(const Data& data);

/// Table of the page of a study, with the name of its file.
struct StudyTable {
  std::string name, caption;
  unroll::DataTable table;
};
/// Tables I to VII of a study: training, validation and test accuracies of all settings, losses, epochs and time, the
/// selected setting with the baselines, and the runs.
std::vector<StudyTable> study_tables(const Study& study, const Options& options, const Data& data);

std::string outcome_text(const Run& run);
std::string study_text(const Study& study, const Options& options, const Data& data);
std::string study_markdown(const Study& study, const Options& options, const Data& data);
/// Table with one line per run.
std::string study_csv(const Study& study);
nlohmann::json study_json(const Study& study, const Options& options, const Data& data);

/// Options of a study with its lists and ranges.
nlohmann::json study_options_json(const Options& options);

}  // namespace har
