#pragma once
// Scores of a run for its comparison with other runs (program compare): the file scores.json of a run folder.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "unroll/train/history.hpp"

namespace example {

/// Name of the file in a run folder. RunFolder::begin removes it and it is written last, so it exists only after all
/// results were written.
inline constexpr const char* scores_file = "scores.json";

/// Values after every epoch, one list for each seed; NaN: not measured.
struct EpochValues {
  std::string name, unit;
  std::vector<std::vector<double>> seeds;
};

/// Measure of tested items: the sum of `parts` over the items, divided by the sum of `wholes`, times `scale`.
struct ItemMeasure {
  /// Values of one seed, one for each item. Empty `wholes`: all are 1.
  struct Values {
    std::vector<double> parts, wholes = {};
  };

  std::string name, unit;
  bool larger_is_better = true;
  double scale = 100;
  std::vector<Values> seeds = {};
};

/// Scores of the runs of a run folder, one run for each seed.
struct RunScores {
  std::vector<std::uint64_t> seeds;
  std::vector<EpochValues> curves = {};
  std::string items = {};                    ///< kind of the tested items: "test sequences"; empty: nothing was tested
  std::string tested = {};                   ///< hash of the tested items; only runs with equal ones are paired
  std::string groups = {};                   ///< kind of the independent groups of items: "people"; empty: each item
  std::vector<unroll::Index> group_of = {};  ///< group of each item; empty: each item is a group
  std::vector<ItemMeasure> measures = {};    ///< the first one is compared unless another one is requested
};

/// Loss and accuracy after every epoch. `scale` converts the loss from nats to `unit`; `other`: name of the data that
/// are evaluated after every epoch.
std::vector<EpochValues> curves_of(const std::vector<unroll::History>& histories, const std::string& unit = "nats",
                                   double scale = 1, const std::string& other = "validation");

/// Writes the file of a run folder. Throws FileError.
void write_scores(const std::filesystem::path& folder, const RunScores& scores);

/// Reads the file of a run folder. Throws FileError for a missing or invalid file.
RunScores read_scores(const std::filesystem::path& folder);

}  // namespace example
