#pragma once
// HTML report of a study: accuracy over time, confusion matrix, controls.

#include <filesystem>

#include "study.hpp"

namespace hcp {

/// Writes report.html and its files into the folder. Returns an empty string if all figures were drawn, otherwise the
/// reason.
std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const Model& model, const Results& results);

}  // namespace hcp
