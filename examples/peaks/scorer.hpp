#pragma once
// Peaks of a histogram, and how those that are predicted compare with those that are true.

#include <span>
#include <vector>

#include "unroll/core/types.hpp"

namespace peaks {

/// When some bins are a peak, and when two peaks are the same. Lengths are in bins.
struct Search {
  double threshold = 1e-2;  // least value of each of its bins
  double integral = 0.2;    // least sum of them
  unroll::Index width = 3;  // fewest bins
  double distance = 5;      // at most, between a true peak and its prediction

  /// The same lengths in mm for bins of another width than 0.1 mm.
  Search scaled_to(double bin_width) const;
};

/// Mean positions of all peaks, in bins from 0. A bin that is NaN neither belongs to a peak nor ends one.
std::vector<double> find_peaks(std::span<const float> values, const Search& search);

struct Peak {
  double position;
  bool matched;        // some peak of the other kind is near
  bool scored = true;  // false: predicted where the truth is NaN, so no false positive
};

struct Comparison {
  std::vector<Peak> truth, predicted;
};

/// Several peaks may match the same one. A prediction in a NaN bin can find a true peak, but is no false positive.
/// `of_prediction`: what a predicted peak is, where that shall differ.
Comparison compare(std::span<const float> truth, std::span<const float> prediction, const Search& search,
                   const Search& of_prediction);
Comparison compare(std::span<const float> truth, std::span<const float> prediction, const Search& search);

/// Counts over events; sums of parts are the counts of the whole.
struct Score {
  unroll::Index found = 0, missed = 0, extra = 0, events = 0;

  Score& operator+=(const Comparison& event);
  /// Share of true peaks that are found; 0 when there are none.
  double efficiency() const;
  /// False positives per event.
  double false_rate() const;
  /// What balances both: 2 found / (2 found + missed + extra).
  double f1() const;
};

}  // namespace peaks
