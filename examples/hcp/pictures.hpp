#pragma once
// Accuracy over time, confusion matrix and controls as gnuplot scripts and pictures.

#include <filesystem>

#include "study.hpp"

namespace hcp {

struct Pictures {
  std::vector<std::string> files;  // what was drawn
  std::string missing;             // otherwise, why not
};

/// Writes data, accuracy.gp, confusion.gp and, where controls were run, controls.gp into the folder and lets gnuplot
/// draw them.
Pictures draw(const std::filesystem::path& folder, const Options& options, const Results& results);

}  // namespace hcp
