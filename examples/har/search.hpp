#pragma once
// Settings of a study: all combinations of lists, or random ones of lists and ranges.

#include <optional>
#include <string>
#include <vector>

#include "options.hpp"

namespace har {

/// Value (low = high) or range of a hyperparameter.
struct Range {
  double low = 0, high = 0;
};

/// Range of the text "3" or "1:8". Empty for other text, and unless 0 < low <= high.
std::optional<Range> range_of(const std::string& text);

/// Settings of a study in the order of the tables. Grid: all combinations, ordered by batch, then units, then rate.
/// Otherwise `trials` different ones: of each hyperparameter one entry of its list is drawn, and of a range a value
/// whose logarithm is uniform; units and batch are rounded, rates to three digits. Depends on the first seed. Throws
/// ValueError if there are fewer different settings than trials.
std::vector<Setting> settings_of(const Options& options);

/// Numbers of epochs after which a search by successive halving removes the worse half of `settings` settings; the last
/// number is `epochs` (Jamieson and Talwalkar 2016, arXiv:1502.07943). The first is 1 or more.
std::vector<unroll::Index> halving_epochs(unroll::Index settings, unroll::Index epochs);

}  // namespace har
