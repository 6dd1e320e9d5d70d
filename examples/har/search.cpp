#include "search.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "unroll/core/random.hpp"

namespace har {

using namespace unroll;

namespace {

std::optional<double> number_of(std::string_view word) {
  double value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc{} || end != word.data() + word.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

/// Random values of one hyperparameter.
class Axis {
 public:
  explicit Axis(const std::vector<std::string>& entries) {
    for (const std::string& entry : entries) ranges_.push_back(range_of(entry).value());
  }
  /// Draws with the numbers `place` and `place` + 1 of `random`.
  double draw(const Random& random, std::uint64_t place) const {
    const Range& range = ranges_[std::size_t(random.below(place, std::ssize(ranges_)))];
    if (range.low == range.high) return range.low;
    return range.low * std::exp(random.uniform(place + 1) * std::log(range.high / range.low));
  }
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

double three_digits(double value) {
  const double scale = std::pow(10, 2 - std::floor(std::log10(value)));
  return std::round(value * scale) / scale;
}

std::vector<Setting> grid(const Options& options) {
  const Axis batches(options.space.batch), numbers(options.space.units), rates(options.space.rate);
  std::vector<Setting> all;
  for (const Range& batch : batches.ranges())
    for (const Range& units : numbers.ranges())
      for (const Range& rate : rates.ranges()) {
        const Setting setting{Index(batch.low), Index(units.low), rate.low};
        if (std::ranges::find(all, setting) == all.end()) all.push_back(setting);
      }
  return all;
}

std::vector<Setting> drawn(const Options& options) {
  const Axis batch(options.space.batch), units(options.space.units), rate(options.space.rate);
  const Random random(options.seeds.all().front(), Purpose::data, 7);
  std::vector<Setting> all;
  for (std::uint64_t k = 0; std::ssize(all) < options.trials; ++k) {
    require<ValueError>(k < std::uint64_t(1000 + 100 * options.trials), "--trials must be at most ", all.size(),
                        ", the number of different settings that were found, got ", options.trials);
    const double chosen_rate = rate.draw(random, 6 * k + 4);
    const Setting setting{Index(std::llround(batch.draw(random, 6 * k))),
                          Index(std::llround(units.draw(random, 6 * k + 2))), three_digits(chosen_rate)};
    if (std::ranges::find(all, setting) == all.end()) all.push_back(setting);
  }
  return all;
}

}  // namespace

std::optional<Range> range_of(const std::string& word) {
  const std::size_t colon = word.find(':');
  const auto low = number_of(std::string_view(word).substr(0, colon));
  const auto high = colon == word.npos ? low : number_of(std::string_view(word).substr(colon + 1));
  if (!low || !high || *low <= 0 || *low > *high) return std::nullopt;
  return Range{*low, *high};
}

std::vector<Setting> settings_of(const Options& options) {
  return options.search == "grid" ? grid(options) : drawn(options);
}

std::vector<Index> halving_epochs(Index settings, Index epochs) {
  std::vector<Index> all{epochs};
  for (Index left = settings; left > 1 && all.front() > 1; left = (left + 1) / 2)
    all.insert(all.begin(), std::max<Index>(1, all.front() / 2));
  return all;
}

}  // namespace har
