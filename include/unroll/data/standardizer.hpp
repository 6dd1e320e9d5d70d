#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "unroll/core/option_checks.hpp"
#include "unroll/data/dataset.hpp"
#include "unroll/data/lazy_dataset.hpp"

namespace unroll {

/// Standardization of features: z = (x - mean) / deviation, with mean and population standard deviation of each feature
/// over all steps of the training data. Fit it on training data only; statistics of test data would leak. A feature
/// that is constant in the training data is only centred.
template <std::floating_point S>
class Standardizer {
 public:
  /// Computes mean and deviation; reads a LazyDataset twice. Throws ValueError if the data have no steps.
  explicit Standardizer(const Dataset<S>& training) { measure(training); }
  explicit Standardizer(const LazyDataset<S>& training) { measure(training); }
  /// The same for some of several inputs, by name; the features of the others are not changed. Throws ValueError for
  /// a name that the data do not have.
  Standardizer(const Dataset<S>& training, const std::vector<std::string>& inputs) { measure(training, inputs); }
  Standardizer(const LazyDataset<S>& training, const std::vector<std::string>& inputs) { measure(training, inputs); }

  /// Standardizer with a given mean and deviation per feature. Throws ShapeError for different sizes, ValueError unless
  /// all are finite and the deviations above 0.
  Standardizer(VectorX<double> mean, VectorX<double> deviation)
      : mean_(std::move(mean)), deviation_(std::move(deviation)) {
    detail::check_equal("standardizer", "deviations", deviation_.size(), mean_.size());
    for (Index k = 0; k < mean_.size(); ++k) {
      detail::check_option(is_finite(mean_[k]), "standardizer", text("mean of feature ", k), "finite", mean_[k]);
      detail::check_positive("standardizer", text("deviation of feature ", k), deviation_[k]);
    }
  }

  /// Standardizes the data in place. Throws ShapeError for another number of features.
  void apply(Dataset<S>& data) const;
  /// Standardizes the sequences when they are read.
  void apply(LazyDataset<S>& data) const {
    data = data.mapped([own = *this](Dataset<S> one) { return own.apply(one), one; });
  }
  void apply(MatrixX<S>& sequence) const {
    detail::check_equal("standardizer", "features", sequence.rows(), mean_.size());
    for (Index t = 0; t < sequence.cols(); ++t)
      for (Index k = 0; k < mean_.size(); ++k) sequence(k, t) = S((double(sequence(k, t)) - mean_[k]) / deviation_[k]);
  }

  const VectorX<double>& mean() const { return mean_; }
  /// Standard deviation per feature; 1 for a constant feature.
  const VectorX<double>& deviation() const { return deviation_; }

 private:
  template <class Data>
  void measure(const Data& training, const std::vector<std::string>& inputs) {
    for (const std::string& name : inputs) (void)training.inputs().rows(name);
    measure(training);
    Index row = 0;
    for (const auto& [name, rows] : training.inputs()) {
      if (std::ranges::find(inputs, name) == inputs.end())
        mean_.segment(row, rows).setZero(), deviation_.segment(row, rows).setOnes();
      row += rows;
    }
  }
  template <class Data>
  void measure(const Data& training) {
    double steps = 0;
    mean_ = sums(training, [&](Index k, double x) { return steps += k == 0, x; });
    require<ValueError>(steps > 0, "standardizer: steps of all sequences must be at least 1, got 0");
    mean_ /= steps;
    // Two passes: a difference of squares loses all digits if the mean is large.
    deviation_ = sums(training, [&](Index k, double x) { return (x - mean_[k]) * (x - mean_[k]); });
    for (Index k = 0; k < mean_.size(); ++k) {
      deviation_[k] = std::sqrt(deviation_[k] / steps);
      if (deviation_[k] <= steps * std::numeric_limits<double>::epsilon() * std::abs(mean_[k])) deviation_[k] = 1;
    }
  }

  /// Sums of f(k, value of feature k) over all steps, one sequence after the other.
  template <class Data, class F>
  static VectorX<double> sums(const Data& data, F&& f) {
    VectorX<double> all = VectorX<double>::Zero(data.features());
    detail::each_sample(data, [&](const Dataset<S>& part, Index s) {
      const auto& x = part.sequence(s);
      for (Index k = 0; k < all.size(); ++k) {
        double sum = 0;
        for (Index t = 0; t < x.cols(); ++t) sum += f(k, double(x(k, t)));
        all[k] += sum;
      }
    });
    return all;
  }

  VectorX<double> mean_, deviation_;
};

// Outside of the class, so that a program which links the component `compiled` does not compile it again.
template <std::floating_point S>
void Standardizer<S>::apply(Dataset<S>& data) const {
  data.transform([this](MatrixX<S>& sequence) { apply(sequence); });
}

}  // namespace unroll
