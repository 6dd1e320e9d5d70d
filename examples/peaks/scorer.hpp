#pragma once
// Peaks of a histogram, and comparison of predicted and true peaks.

#include <span>
#include <vector>

#include "unroll/core/types.hpp"

namespace peaks {

/// Definition of a peak and of matching peaks. Lengths are in bins.
struct Search {
  double threshold = 1e-2;  // minimum value of each bin of a peak
  double integral = 0.2;    // minimum sum of its bins
  unroll::Index width = 3;  // minimum number of its bins
  double distance = 5;      // maximum distance between matching true and predicted peaks

  /// Lengths converted from bins of 0.1 mm to bins of `bin_width` mm.
  Search scaled_to(double bin_width) const;
};

/// Peak of a histogram.
struct Candidate {
  double position;  // mean over its bins, in bins from 0, weighted by value
  double height;    // largest value
  double sum;       // of its bins
};

/// Peaks in the order of their positions. A NaN bin neither belongs to a peak nor ends one.
std::vector<Candidate> candidates(std::span<const float> values, const Search& search);

/// Mean position of each peak, in bins from 0, weighted by value. A NaN bin neither belongs to a peak nor ends one.
std::vector<double> find_peaks(std::span<const float> values, const Search& search);

struct Peak {
  double position;
  bool matched;        // a peak of the other histogram is near
  bool scored = true;  // false: predicted in a NaN bin of the truth, so no false positive
};

struct Comparison {
  std::vector<Peak> truth, predicted;
};

/// Matches true and predicted peaks; several peaks may match the same one. A prediction in a NaN bin can match a true
/// peak, but is never a false positive. `of_prediction`: definition of a predicted peak, if it differs from that of a
/// true one.
Comparison compare(std::span<const float> truth, std::span<const float> prediction, const Search& search,
                   const Search& of_prediction);
Comparison compare(std::span<const float> truth, std::span<const float> prediction, const Search& search);

/// Counts over events. Counts of disjoint parts add up.
struct Score {
  unroll::Index found = 0, missed = 0, extra = 0, events = 0;

  Score& operator+=(const Comparison& event);
  Score& operator+=(const Score& other);
  /// Share of true peaks that are found; 0 if there are none.
  double efficiency() const;
  /// False positives per event.
  double false_rate() const;
  /// F1 score: 2 found / (2 found + missed + extra); 0 if all are 0.
  double f1() const;
};

}  // namespace peaks
