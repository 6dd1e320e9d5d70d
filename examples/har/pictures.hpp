#pragma once
// HTML reports of a run, a study and streams.

#include <filesystem>

#include "inspection.hpp"
#include "stream_task.hpp"
#include "study.hpp"

namespace har {

// Each writes report.html and its files into the folder and returns an empty string if all figures were drawn,
// otherwise the reason why not.

/// `best`: run of the saved network.
std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const std::vector<Run>& runs, const Run& best, const Inspection& seen);

/// `seen`: the best network of the selected setting.
std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const Study& study, double seconds, const Inspection& seen);

std::string write_report(const std::filesystem::path& folder, const Options& options, const StreamParts& parts,
                         const StreamResults& results);

}  // namespace har
