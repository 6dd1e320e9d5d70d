#pragma once
// Summary statistics of a run, or of several runs of one experiment.

#include <cmath>
#include <numbers>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Perplexity: exp of the mean loss in nats, the number of equally likely symbols that would be as hard to predict. The
/// end of a sentence counts if it is labelled. Unknown tokens count, so report their share as well: many of them lower
/// the perplexity.
inline double perplexity(double nats) { return std::exp(nats); }

/// Mean loss in bits; bits per character if the symbols are characters.
inline double bits_per_symbol(double nats) { return nats / std::numbers::ln2; }

/// Mean and standard deviation of a result over several seeds. Both forms of the standard deviation are given: papers
/// rarely state which one they use, and with three seeds they differ by a factor of 1.22.
struct Summary {
  Index count = 0;
  double mean = 0;                  ///< 0 without values
  double population_deviation = 0;  ///< sqrt(sum (x - mean)^2 / n), NumPy's default
  double sample_deviation = 0;      ///< sqrt(sum (x - mean)^2 / (n - 1)); 0 for fewer than two values
};

/// Summary of `values`. Throws NonFiniteError, with the index, for a value that is not finite, so that the mean cannot
/// hide a run that diverged.
inline Summary summarize(InVector<double> values) {
  for (Index i = 0; i < values.size(); ++i) {
    require<NonFiniteError>(is_finite(values[i]), "summary: value ", i, " of ", values.size(), " must be finite, got ",
                            values[i]);
  }
  Summary summary{.count = values.size()};
  if (values.size() == 0) return summary;
  const auto n = double(values.size());
  summary.mean = values.mean();
  // Two passes: the difference of mean square and squared mean loses all digits if the spread is small.
  const double squares = (values.array() - summary.mean).square().sum();
  summary.population_deviation = std::sqrt(squares / n);
  if (values.size() > 1) summary.sample_deviation = std::sqrt(squares / (n - 1));
  return summary;
}

}  // namespace unroll
