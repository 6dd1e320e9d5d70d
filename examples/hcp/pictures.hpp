#pragma once
// HTML report of a study: accuracy over time, confusion matrix, attention, controls.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "study.hpp"

namespace hcp {

/// Writes report.html and its files into the folder. `model` may be null; `shown` are participants for the pictures of
/// its attention. Returns an empty string if all figures were drawn, otherwise the reason.
std::string write_report(const std::filesystem::path& folder, const nlohmann::json& settings, const Data& data,
                         const std::vector<unroll::Index>& shown, const Model* model, const Results& results);

}  // namespace hcp
