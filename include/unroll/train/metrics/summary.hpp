#pragma once
// Numbers that are told about a run, or about several runs of one experiment.

#include <cmath>
#include <numbers>

#include "unroll/losses/reduction.hpp"

namespace unroll {

/// exp of the mean negative log likelihood in nats. Whether the end of sentence counts is decided by whether it is
/// labelled.
inline double perplexity(const LossValue& loss) { return std::exp(loss.value()); }

/// The same mean in bits: bits per character where the symbols are characters.
inline double bits_per_symbol(const LossValue& loss) { return loss.value() / std::numbers::ln2; }

/// Mean and spread of one result over several seeds. Both forms of the standard deviation are named, because papers
/// rarely say which is meant, and with three seeds they differ by a factor of 1.22.
struct Summary {
  Index count = 0;
  double mean = 0;                  ///< 0 for no values
  double population_deviation = 0;  ///< sqrt(sum (x - mean)^2 / n), NumPy's default
  double sample_deviation = 0;      ///< sqrt(sum (x - mean)^2 / (n - 1)); 0 for fewer than two values
};

/// Throws NonFiniteError with the place of a value that is NaN or infinite: a run that diverged is not to be averaged
/// away.
inline Summary summarize(InVector<double> values) {
  for (Index i = 0; i < values.size(); ++i) {
    require<NonFiniteError>(is_finite(values[i]), "summary: value ", i, " of ", values.size(), " is ", values[i]);
  }
  Summary summary{.count = values.size()};
  if (values.size() == 0) return summary;
  const auto n = double(values.size());
  summary.mean = values.mean();
  // In two passes: the difference of mean square and squared mean loses all digits when the spread is small.
  const double squares = (values.array() - summary.mean).square().sum();
  summary.population_deviation = std::sqrt(squares / n);
  if (values.size() > 1) summary.sample_deviation = std::sqrt(squares / (n - 1));
  return summary;
}

}  // namespace unroll
