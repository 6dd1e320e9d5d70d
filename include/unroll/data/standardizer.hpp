#pragma once

#include <cmath>
#include <limits>

#include "unroll/core/option_checks.hpp"
#include "unroll/data/dataset.hpp"

namespace unroll {

/// Standardization of features: z = (x - mean) / deviation, with mean and population standard deviation of each feature
/// over all steps of the training data. Fit it on training data only; statistics of test data would leak. A feature
/// that is constant in the training data is only centred.
template <std::floating_point S>
class Standardizer {
 public:
  /// Computes mean and deviation. Throws ValueError if the data have no steps.
  explicit Standardizer(const Dataset<S>& training)
      : mean_(VectorX<double>::Zero(training.features())), deviation_(VectorX<double>::Zero(training.features())) {
    double steps = 0;
    for (Index s = 0; s < training.size(); ++s) steps += double(training.length(s));
    require<ValueError>(steps > 0, "standardizer: steps of all sequences must be at least 1, got 0");
    // Two passes: a difference of squares loses all digits if the mean is large.
    for (Index s = 0; s < training.size(); ++s) mean_ += training.sequence(s).template cast<double>().rowwise().sum();
    mean_ /= steps;
    for (Index s = 0; s < training.size(); ++s)
      deviation_ +=
          (training.sequence(s).template cast<double>().colwise() - mean_).array().square().matrix().rowwise().sum();
    deviation_ = (deviation_ / steps).unaryExpr([](double x) { return std::sqrt(x); });
    for (Index k = 0; k < mean_.size(); ++k)
      if (deviation_[k] <= steps * std::numeric_limits<double>::epsilon() * std::abs(mean_[k])) deviation_[k] = 1;
  }

  /// Standardizes the data in place. Throws ShapeError for another number of features.
  void apply(Dataset<S>& data) const {
    data.transform([this](MatrixX<S>& sequence) { apply(sequence); });
  }
  void apply(MatrixX<S>& sequence) const {
    detail::check_equal("standardizer", "features", sequence.rows(), mean_.size());
    for (Index k = 0; k < mean_.size(); ++k)
      sequence.row(k) =
          ((sequence.row(k).template cast<double>().array() - mean_[k]) / deviation_[k]).template cast<S>();
  }

  const VectorX<double>& mean() const { return mean_; }
  /// Standard deviation per feature; 1 for a constant feature.
  const VectorX<double>& deviation() const { return deviation_; }

 private:
  VectorX<double> mean_, deviation_;
};

}  // namespace unroll
