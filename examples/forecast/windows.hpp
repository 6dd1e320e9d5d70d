#pragma once
// Series on the scale of the network, divided in time, and their windows.

#include <optional>

#include "plan.hpp"
#include "series.hpp"
#include "unroll/data/dataset.hpp"

namespace forecast {

/// Parts of the data. They differ in time: the steps of a series before `training` are training data, those before
/// `validation` are validation data, and the others test data. Of a regression, a whole series is in one part.
enum class Part { training, validation, test };
struct Borders {
  unroll::Index training = 0, validation = 0;
};

/// The last step that a forecast knows.
struct Origin {
  std::size_t series = 0;
  unroll::Index step = 0;
};

/// Series of all files, and their division.
struct Data {
  SeriesSet set;
  std::vector<Borders> borders;  // by series
  std::vector<std::string> remarks = {};

  /// End of the steps of a part.
  unroll::Index end_of(std::size_t series, Part part) const;
  unroll::Index begin_of(std::size_t series, Part part) const;
};

/// Series on the scale of the network. Each value depends on values of the same and earlier steps only.
class Windows {
 public:
  /// Throws ValueError for values that are not above 0 with a logarithm, and for other channels than those of the plan.
  Windows(const Plan& plan, const SeriesSet& set);

  const SeriesSet& set() const { return set_; }

  /// Sets mean and deviation of inputs and outputs in the plan from the training part. Throws ValueError if there are
  /// too few training steps.
  void fit_scale(Plan& plan, const Data& data) const;

  /// Origins whose first step is in a part. `whole`: all steps of the horizon are.
  std::vector<Origin> origins(const Plan& plan, const Data& data, Part part, bool whole) const;
  /// Origins of all steps of a series from `begin` on, so that the whole horizon is known.
  std::vector<Origin> origins_from(const Plan& plan, std::size_t series, unroll::Index begin) const;

  /// Standardized input [channels x window]; of a regression the whole series.
  unroll::MatrixX<float> input(const Plan& plan, const Origin& origin) const;
  /// Targets of the loss, standardized; NaN for missing values and those at or after step `end`.
  unroll::Dataset<float> dataset(const Plan& plan, const std::vector<Origin>& origins, Part part,
                                 const Data& data) const;

  /// Value of a target `step` steps after the origin, NaN if it is missing; of a regression the value of the series.
  double truth(const Origin& origin, unroll::Index target, unroll::Index step) const;
  /// Value on the scale of the network's outputs whose sum with an output is the level of the forecast.
  double anchor(const Origin& origin, unroll::Index target, unroll::Index step) const;
  /// Level, i.e. value or its logarithm, of a target at a step, with the last known value in place of a missing one.
  double level(std::size_t series, unroll::Index target, unroll::Index step) const {
    return levels_[series](target, step);
  }
  /// Value of a level.
  double value(double level) const;
  /// Level of a value.
  double level_of(double value) const;
  /// Inputs of a series on the scale of the transform [channels x steps]; the first `lag` columns are 0.
  const unroll::MatrixX<double>& inputs(std::size_t series) const { return inputs_[series]; }

 private:
  /// Targets before standardization [numbers x origins]; NaN at or after the end of the part.
  unroll::MatrixX<double> targets(const Plan& plan, const std::vector<Origin>& origins, Part part,
                                  const Data& data) const;

  const SeriesSet& set_;
  unroll::Index lag_;
  bool logarithmic_;
  std::vector<unroll::MatrixX<double>> levels_, inputs_;
};

}  // namespace forecast
