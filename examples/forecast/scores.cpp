#include "scores.hpp"

#include <cmath>
#include <limits>

namespace forecast {

using namespace unroll;

namespace {

double share(double sum, double count) { return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN(); }

}  // namespace

Scores::Scores(const Plan& plan)
    : horizon_(plan.horizon),
      median_(plan.median()),
      quantiles_(plan.quantiles),
      below_(plan.quantiles.size()),
      sums_(std::size_t(plan.targets * plan.horizon)) {}

void Scores::add(const Windows& windows, const Origin& origin, const MatrixX<double>& forecast,
                 const std::vector<double>& scales) {
  points_ = forecast.cols() == 1 && quantiles_.size() > 1;
  origins_.emplace_back();
  for (Index row = 0; row < forecast.rows(); ++row) {
    const Index target = row / horizon_;
    const double truth = windows.truth(origin, target, row % horizon_ + 1), scale = scales[std::size_t(target)];
    tested_.add(&truth, sizeof truth).add(&scale, sizeof scale);
    if (std::isnan(truth)) continue;
    const double error = forecast(row, points_ ? 0 : median_) - truth;
    Sums sums{.absolute = std::abs(error), .square = error * error, .count = 1};
    if (std::isfinite(scale)) sums.scaled = std::abs(error) / scale, sums.scaled_count = 1;
    for (Index q = 0; q < forecast.cols() && !points_; ++q) {
      const double level = quantiles_[std::size_t(q)], over = forecast(row, q) - truth;
      sums.pinball += (over >= 0 ? (1 - level) * over : -level * over) / double(forecast.cols());
      below_[std::size_t(q)] += over >= 0;
    }
    sums.inside = !points_ && forecast(row, 0) <= truth && truth <= forecast(row, forecast.cols() - 1);
    sums_[std::size_t(row)] += sums, origins_.back() += sums;
  }
}

Scores::Sums& Scores::Sums::operator+=(const Sums& other) {
  absolute += other.absolute, square += other.square, count += other.count, scaled += other.scaled;
  scaled_count += other.scaled_count, pinball += other.pinball, inside += other.inside;
  return *this;
}

Errors Scores::errors(Index target, Index step) const {
  Sums all;
  for (Index row = 0; row < Index(sums_.size()); ++row) {
    if ((target >= 0 && row / horizon_ != target) || (step > 0 && row % horizon_ + 1 != step)) continue;
    all += sums_[std::size_t(row)];
  }
  const double known = has_quantiles() && !points_ ? all.count : 0;
  return {share(all.absolute, all.count),
          std::sqrt(share(all.square, all.count)),
          share(all.scaled, all.scaled_count),
          share(all.pinball, points_ ? 0 : all.count),
          share(all.inside, known),
          Index(all.count)};
}

std::vector<double> Scores::shares() const {
  std::vector<double> shares;
  for (const double below : below_) shares.push_back(share(below, points_ ? 0 : double(errors().count)));
  return shares;
}

std::vector<example::ItemMeasure> Scores::measures() const {
  std::vector<example::ItemMeasure> all;
  const auto add = [&](const std::string& name, double Sums::*part, double Sums::*whole) {
    example::ItemMeasure measure{.name = name, .unit = "", .larger_is_better = false, .scale = 1, .seeds = {{}}};
    double count = 0;
    for (const Sums& origin : origins_) {
      measure.seeds[0].parts.push_back(origin.*part), measure.seeds[0].wholes.push_back(origin.*whole);
      count += origin.*whole;
    }
    if (count > 0) all.push_back(std::move(measure));
  };
  add("MASE", &Sums::scaled, &Sums::scaled_count);
  add("mean absolute error", &Sums::absolute, &Sums::count);
  std::string levels;
  for (const double level : quantiles_) levels += text(levels.empty() ? "" : ", ", level);
  if (has_quantiles() && !points_) add("pinball loss of the quantiles " + levels, &Sums::pinball, &Sums::count);
  return all;
}

example::RunScores scores_of(const Plan& plan, const std::vector<Origin>& origins,
                             const std::vector<std::pair<std::uint64_t, const Scores*>>& seeds) {
  example::RunScores all{.seeds = {}, .items = "test series", .tested = seeds.front().second->tested()};
  for (const auto& [seed, scores] : seeds) {
    all.seeds.push_back(seed);
    std::vector<example::ItemMeasure> measures = scores->measures();
    for (std::size_t k = 0; k < measures.size() && !all.measures.empty(); ++k)
      all.measures[k].seeds.push_back(std::move(measures[k].seeds.front()));
    if (all.measures.empty()) all.measures = std::move(measures);
  }
  if (plan.regression()) return all;
  all.items = "origins", all.groups = text("blocks of ", plan.horizon, " steps");
  Index group = -1;
  for (std::size_t n = 0, first = 0; n < origins.size(); ++n) {
    const bool other = n == 0 || origins[n].series != origins[first].series;
    if (other || origins[n].step - origins[first].step >= plan.horizon) first = n, ++group;
    all.group_of.push_back(group);
  }
  return all;
}

std::vector<double> scales_of(const Plan& plan, const SeriesSet& set, std::size_t series, Index end) {
  if (plan.regression()) return {plan.output_deviation.front()};
  const MatrixX<double>& values = set.series[series].values;
  const Index lag = plan.season > 0 && plan.season < end ? plan.season : 1;
  std::vector<double> scales;
  for (Index c = 0; c < plan.targets; ++c) {
    double sum = 0, count = 0;
    for (Index t = lag; t < end; ++t)
      if (const double change = std::abs(values(c, t) - values(c, t - lag)); !std::isnan(change))
        sum += change, ++count;
    const double scale = share(sum, count);
    scales.push_back(scale > 0 ? scale : std::numeric_limits<double>::quiet_NaN());
  }
  return scales;
}

}  // namespace forecast
