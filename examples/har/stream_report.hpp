#pragma once
// The table of models on streams, in words for people and for programs.

#include "stream_task.hpp"

namespace har {

/// What the seeds of one model gave.
struct StreamRow {
  std::string model;
  unroll::Summary accuracy, f1, area;  // the last two of the rarest class
  double seconds = 0;                  // of training, mean
};
std::vector<StreamRow> rows_of(const StreamResults& results);

std::string streams_text(const Options& options, const StreamParts& parts);
std::string stream_run_text(const StreamRun& run);
/// As text with columns that stand below each other, or as markdown.
std::string table_text(const Options& options, const StreamParts& parts, const StreamResults& results, bool markdown);
std::string streams_csv(const StreamResults& results);
std::string streams_json(const Options& options, const StreamParts& parts, const StreamResults& results);

}  // namespace har
