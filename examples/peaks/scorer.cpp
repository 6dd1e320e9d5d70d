#include "scorer.hpp"

#include <algorithm>
#include <cmath>

namespace peaks {

using unroll::Index;

namespace {

/// Contiguous bins above the threshold, a candidate for a peak.
struct RunAbove {
  Index bins = 0;
  double sum = 0, moment = 0, height = 0;

  void add(std::size_t bin, double value) {
    ++bins;
    sum += value;
    height = std::max(height, value);
    moment += double(bin) * value;
  }
};

bool is_near(double position, const std::vector<double>& others, double distance) {
  return std::any_of(others.begin(), others.end(),
                     [&](double other) { return std::abs(other - position) <= distance; });
}

double ratio(Index part, Index whole) { return whole == 0 ? 0 : double(part) / double(whole); }

}  // namespace

Search Search::scaled_to(double bin_width) const {
  const double scale = 0.1 / bin_width;
  Search scaled = *this;
  scaled.width = std::max<Index>(1, Index(std::lround(double(width) * scale)));
  scaled.distance = distance * scale;
  return scaled;
}

std::vector<Candidate> candidates(std::span<const float> values, const Search& search) {
  std::vector<Candidate> found;
  RunAbove run;
  for (std::size_t bin = 0; bin < values.size(); ++bin) {
    const auto value = double(values[bin]);
    if (value >= search.threshold) run.add(bin, value);
    // not the negation of the condition above: comparisons with NaN are false
    const bool ends = value < search.threshold || bin + 1 == values.size();
    if (!ends || run.bins == 0) continue;
    if (run.bins >= search.width && run.sum >= search.integral)
      found.push_back({run.moment / run.sum, run.height, run.sum});
    run = {};
  }
  return found;
}

std::vector<double> find_peaks(std::span<const float> values, const Search& search) {
  std::vector<double> positions;
  for (const Candidate& peak : candidates(values, search)) positions.push_back(peak.position);
  return positions;
}

Comparison compare(std::span<const float> truth, std::span<const float> prediction, const Search& search) {
  return compare(truth, prediction, search, search);
}

Comparison compare(std::span<const float> truth, std::span<const float> prediction, const Search& search,
                   const Search& of_prediction) {
  const std::vector<double> true_positions = find_peaks(truth, search),
                            predicted_positions = find_peaks(prediction, of_prediction);
  Comparison event;
  for (const double position : true_positions)
    event.truth.push_back({position, is_near(position, predicted_positions, search.distance)});
  for (const double position : predicted_positions) {
    const bool scored = !std::isnan(truth[std::size_t(std::nearbyint(position))]);
    event.predicted.push_back({position, is_near(position, true_positions, search.distance), scored});
  }
  return event;
}

Score& Score::operator+=(const Comparison& event) {
  for (const Peak& peak : event.truth) ++(peak.matched ? found : missed);
  for (const Peak& peak : event.predicted) extra += peak.scored && !peak.matched;
  ++events;
  return *this;
}

Score& Score::operator+=(const Score& other) {
  found += other.found, missed += other.missed, extra += other.extra, events += other.events;
  return *this;
}

double Score::efficiency() const { return ratio(found, found + missed); }
double Score::false_rate() const { return ratio(extra, events); }
double Score::f1() const { return ratio(2 * found, 2 * found + missed + extra); }

}  // namespace peaks
