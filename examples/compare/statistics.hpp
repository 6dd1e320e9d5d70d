#pragma once
// Statistics of a comparison of runs on the same test data: bootstrap limits, paired tests, correction for several
// tests.

#include <vector>

#include "unroll/core/types.hpp"

namespace compare {

/// Measure of independent units, such as people: the sum of `parts` divided by the sum of `wholes`.
struct Units {
  unroll::VectorX<double> parts, wholes;  // one value for each unit

  unroll::Index size() const { return parts.size(); }
  double ratio() const { return parts.sum() / wholes.sum(); }
};

struct Limits {
  double low, high;
};

/// 95 % limits of the ratio by the percentile bootstrap over units (Efron 1979): 2.5 % and 97.5 % quantiles over 10,000
/// samples of the units with replacement. The samples are the same in every call. Throws ValueError for fewer than 2
/// units.
Limits bootstrap_limits(const Units& units);
/// The same for a.ratio() - b.ratio(), where a sample has the same units of both. Throws ShapeError for different
/// numbers of units.
Limits bootstrap_limits(const Units& a, const Units& b);

/// Exact McNemar test: two-sided p value of the counts of items that only one of two classifiers has right. p is 1
/// if both are 0.
double mcnemar_test(unroll::Index only_first, unroll::Index only_second);

/// Result of a paired permutation test. `exact`: all permutations were counted, otherwise 20,000 random ones.
struct Permutation {
  double p;
  bool exact;
};

/// Paired permutation test of a.ratio() = b.ratio(), two-sided (Fisher 1935; for ratios of sums Noreen 1989): the share
/// of the exchanges of a and b within units whose difference is at least as large as the observed one. The random
/// exchanges are the same in every call. Throws ValueError for fewer than 2 units, ShapeError for different numbers of
/// units.
Permutation permutation_test(const Units& a, const Units& b);

/// p values after Holm's correction (1979): the probability of one or more false positives among all tests is at most
/// the threshold.
std::vector<double> holm(const std::vector<double>& p);

}  // namespace compare
