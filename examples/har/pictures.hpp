#pragma once
// Pages with pictures: of a run, of a study, of streams.

#include <filesystem>

#include "inspection.hpp"
#include "stream_task.hpp"
#include "study.hpp"

namespace har {

// Each writes report.html and what belongs to it into the folder. Empty when all pictures are drawn, otherwise why not.

std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const std::vector<Run>& runs, const Inspection& seen);

std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const Study& study);

std::string write_report(const std::filesystem::path& folder, const Options& options, const StreamParts& parts,
                         const StreamResults& results);

}  // namespace har
