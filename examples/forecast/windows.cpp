#include "windows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "../support/names.hpp"
#include "scale.hpp"
#include "unroll/data/standardizer.hpp"

namespace forecast {

using namespace unroll;

namespace {

constexpr double missing = std::numeric_limits<double>::quiet_NaN();

void check_positive(const SeriesSet& set, std::size_t k) {
  const MatrixX<double>& values = set.series[k].values;
  for (Index t = 0; t < values.cols(); ++t)
    for (Index c = 0; c < set.targets; ++c)
      require<ValueError>(!(values(c, t) <= 0), name_of(set, k), ": ", set.channels[std::size_t(c)], " at step ", t,
                          " must be above 0 with --transform log, got ", values(c, t));
}

/// Refuses targets without different values in the training part.
void check_varies(const Data& data, const SeriesSet& set) {
  const bool regression = !set.values.empty();
  for (Index c = 0; c < set.targets; ++c) {
    std::set<double> values;
    for (std::size_t k = 0; k < set.series.size() && values.size() < 2; ++k) {
      const Index end = data.end_of(k, Part::training);
      if (regression && end > 0) values.insert(set.values[k]);
      for (Index t = 0; !regression && t < end && values.size() < 2; ++t)
        if (const double value = set.series[k].values(c, t); !std::isnan(value)) values.insert(value);
    }
    require<ValueError>(values.size() > 1, set.source, ": ",
                        regression ? "the values of the series" : set.channels[std::size_t(c)],
                        " must vary in the training part, got only ", values.empty() ? NAN : *values.begin());
  }
}

}  // namespace

Index Data::end_of(std::size_t k, Part part) const {
  return part == Part::training     ? borders[k].training
         : part == Part::validation ? borders[k].validation
                                    : set.series[k].values.cols();
}

Index Data::begin_of(std::size_t k, Part part) const {
  return part == Part::training ? 0 : part == Part::validation ? borders[k].training : borders[k].validation;
}

Windows::Windows(const Plan& plan, const SeriesSet& set)
    : set_(set), lag_(plan.lag()), logarithmic_(plan.logarithmic()) {
  require<ValueError>(
      set.channels == plan.channels && set.targets == plan.targets, set.source, ": the channels must be ",
      [&] { return example::quoted_list(plan.channels); }, ", as those of the model, got ",
      [&] { return example::quoted_list(set.channels); });
  for (std::size_t k = 0; k < set.series.size(); ++k) {
    if (logarithmic_) check_positive(set, k);
    const MatrixX<double> values = filled(set.series[k]);
    levels_.push_back(values.topRows(set.targets));
    if (logarithmic_) levels_.back() = levels_.back().array().log().matrix();
    MatrixX<double> inputs = values;
    inputs.topRows(set.targets) = levels_.back();
    for (Index t = 0; t < inputs.cols() && lag_ > 0; ++t)
      for (Index c = 0; c < set.targets; ++c)
        inputs(c, t) = t < lag_ ? 0 : levels_.back()(c, t) - levels_.back()(c, t - lag_);
    inputs_.push_back(std::move(inputs));
  }
}

double Windows::value(double level) const { return logarithmic_ ? std::exp(level) : level; }
double Windows::level_of(double value) const { return logarithmic_ ? std::log(value) : value; }

double Windows::truth(const Origin& origin, Index target, Index step) const {
  if (!set_.values.empty()) return set_.values[origin.series];
  const MatrixX<double>& values = set_.series[origin.series].values;
  const Index at = origin.step + step;
  return at < values.cols() ? values(target, at) : missing;
}

double Windows::anchor(const Origin& origin, Index target, Index step) const {
  if (lag_ == 0) return 0;
  const Index back = (step + lag_ - 1) / lag_ * lag_;  // the nearest known value at a distance of whole lags
  return levels_[origin.series](target, origin.step + step - back);
}

std::vector<Origin> Windows::origins(const Plan& plan, const Data& data, Part part, bool whole) const {
  std::vector<Origin> all;
  for (std::size_t k = 0; k < set_.series.size(); ++k) {
    const Index begin = data.begin_of(k, part), end = data.end_of(k, part);
    if (plan.regression()) {
      if (end > begin) all.push_back({k, end - 1});
      continue;
    }
    const Index last = end - 1 - (whole ? plan.horizon : 1);
    for (Index t = std::max(begin - 1, plan.first_origin()); t <= last; ++t) all.push_back({k, t});
  }
  return all;
}

std::vector<Origin> Windows::origins_from(const Plan& plan, std::size_t series, Index begin) const {
  const Index steps = set_.series[series].values.cols();
  std::vector<Origin> all;
  if (plan.regression()) return begin == 0 ? std::vector<Origin>{{series, steps - 1}} : all;
  for (Index t = std::max(begin - 1, plan.first_origin()); t + plan.horizon < steps; ++t) all.push_back({series, t});
  return all;
}

MatrixX<float> Windows::input(const Plan& plan, const Origin& origin) const {
  const MatrixX<double>& all = inputs_[origin.series];
  MatrixX<double> window = plan.regression() ? all : all.middleCols(origin.step - plan.window + 1, plan.window).eval();
  for (Index c = 0; c < window.rows(); ++c) {
    const Scale scale = input_scale(plan, *this, origin, c);
    window.row(c) = (window.row(c).array() - scale.mean) / scale.deviation;
  }
  return window.cast<float>();
}

MatrixX<double> Windows::targets(const Plan& plan, const std::vector<Origin>& origins, Part part,
                                 const Data& data) const {
  MatrixX<double> all(plan.output_numbers(), Index(origins.size()));
  for (Index n = 0; n < all.cols(); ++n) {
    const Origin& origin = origins[std::size_t(n)];
    for (Index c = 0, row = 0; c < plan.targets; ++c)
      for (Index h = 1; h <= plan.output_steps(); ++h, ++row) {
        const bool known = plan.regression() || origin.step + h < data.end_of(origin.series, part);
        const double value = known ? truth(origin, c, h) : missing;
        all(row, n) =
            plan.regression() ? value : target_scale(plan, *this, origin, c).of(level_of(value) - anchor(origin, c, h));
      }
  }
  return all;
}

void Windows::fit_scale(Plan& plan, const Data& data) const {
  std::vector<MatrixX<double>> known;
  for (std::size_t k = 0; k < set_.series.size(); ++k)
    if (const Index end = data.end_of(k, Part::training); end > lag_)
      known.push_back(inputs_[k].middleCols(lag_, end - lag_));
  const std::vector<Origin> origins = this->origins(plan, data, Part::training, !plan.recursive());
  require<ValueError>(origins.size() >= 2, data.set.source, ": the training part must have at least ",
                      plan.regression() ? text("2 series") : text(plan.first_origin() + plan.horizon + 2, " steps"),
                      ", for 2 windows of ", plan.window, " steps, got ", origins.size(), " windows");
  check_varies(data, set_);
  const Standardizer<double> inputs(Dataset<double>::unlabelled(std::move(known)));
  plan.input_mean.assign(inputs.mean().begin(), inputs.mean().end());
  plan.input_deviation.assign(inputs.deviation().begin(), inputs.deviation().end());
  const MatrixX<double> targets = this->targets(plan, origins, Part::training, data);
  plan.output_mean.clear(), plan.output_deviation.clear();
  for (Index row = 0; row < targets.rows(); ++row) {
    double sum = 0, squares = 0, count = 0;
    for (const double target : targets.row(row))
      if (!std::isnan(target)) sum += target, ++count;
    require<ValueError>(count > 0, data.set.source, ": the training part must have values of all steps of the horizon");
    const double mean = sum / count;
    for (const double target : targets.row(row))
      if (!std::isnan(target)) squares += (target - mean) * (target - mean);
    const double deviation = std::sqrt(squares / count);
    plan.output_mean.push_back(mean);
    plan.output_deviation.push_back(deviation > 1e-12 * std::abs(mean) ? deviation : 1);
  }
}

Dataset<float> Windows::dataset(const Plan& plan, const std::vector<Origin>& origins, Part part,
                                const Data& data) const {
  const MatrixX<double> numbers = targets(plan, origins, part, data);
  const Index quantiles = plan.output_quantiles();
  MatrixX<float> all(plan.outputs(), numbers.cols());
  for (Index row = 0; row < all.rows(); ++row) {
    const Index number = row / quantiles;
    for (Index n = 0; n < all.cols(); ++n)
      all(row, n) = float((numbers(number, n) - plan.output_mean[std::size_t(number)]) /
                          plan.output_deviation[std::size_t(number)]);
  }
  std::vector<MatrixX<float>> inputs;
  for (const Origin& origin : origins) inputs.push_back(input(plan, origin));
  return Dataset<float>::valued(std::move(inputs), all);
}

}  // namespace forecast
