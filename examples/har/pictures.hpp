#pragma once
// Learning curve and confusion matrix as data, gnuplot scripts and pictures.

#include <filesystem>

#include "training.hpp"

namespace har {

struct Pictures {
  std::vector<std::string> files;  // what was drawn
  std::string missing;             // otherwise, why not
};

/// Writes curve.dat, curve.gp, confusion.dat and confusion.gp into the folder and lets gnuplot draw them.
Pictures draw(const std::filesystem::path& folder, const Options& options, const Data& data,
              const std::vector<Run>& runs);

/// Of all runs together.
unroll::ConfusionMatrix::Counts confusion_of_all(const std::vector<Run>& runs);

}  // namespace har
