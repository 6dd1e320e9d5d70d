#pragma once
// Results of the models on streams, as text and for programs.

#include <nlohmann/json.hpp>

#include "../support/scores.hpp"
#include "stream_task.hpp"

namespace har {

/// Summary of the runs of one model.
struct StreamRow {
  std::string model;
  unroll::Summary accuracy, f1, area;  // f1 and area are those of the rarest class
  double seconds = 0;                  // of training, mean
};
std::vector<StreamRow> rows_of(const StreamResults& results);

std::string streams_text(const Options& options, const StreamParts& parts);
std::string stream_run_text(const StreamRun& run);
/// Table as aligned text or as markdown.
std::string table_text(const Options& options, const StreamParts& parts, const StreamResults& results, bool markdown);
std::string streams_csv(const StreamResults& results);
/// Curves and test results of the network that is saved, all seeds, for comparisons with other runs.
example::RunScores scores_of(const StreamParts& parts, const StreamResults& results);
nlohmann::json streams_json(const Options& options, const StreamParts& parts, const StreamResults& results);

}  // namespace har
