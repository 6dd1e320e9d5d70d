#pragma once
// A study as a page with pictures: accuracy over time, confusion matrix, controls.

#include <filesystem>

#include "study.hpp"

namespace hcp {

/// Writes report.html and what belongs to it into the folder. Empty when all pictures are drawn, otherwise why not.
std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const Model& model, const Results& results);

}  // namespace hcp
