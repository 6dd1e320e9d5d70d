#include "data.hpp"

#include <numeric>

namespace peaks {

using namespace unroll;

Events make_events(const Toy& toy, std::uint64_t set, Index count) {
  std::vector<Matrix<float>> inputs, targets;
  for (Index k = 0; k < count; ++k) {
    ToyEvent event = toy_event(toy, set, std::uint64_t(k));
    inputs.push_back(std::move(event.density));
    targets.push_back(target_of(event.vertices, toy.bins));
  }
  return {Dataset<float>::step_valued(std::move(inputs), std::move(targets)), "a toy", {}};
}

Events part(const Events& events, Index first, Index last) {
  std::vector<Index> some(std::size_t(std::max<Index>(last - first, 0)));
  std::iota(some.begin(), some.end(), first);
  return {events.data.subset(some), events.source, events.remarks};
}

Score level_score(const Events& events, double level, const Search& search) {
  Score score;
  for (Index k = 0; k < events.data.size(); ++k) {
    const Matrix<float> above = (events.data.sequence(k).row(0).array() > float(level)).cast<float>();
    score += compare(bins_of(events.data.values(k)), bins_of(above), search);
  }
  return score;
}

Baseline threshold_baseline(const Events& events, const Search& search) {
  Baseline best;
  for (const double level : {0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5}) {
    const Score score = level_score(events, level, search);
    if (score.f1() >= best.score.f1()) best = {level, score};
  }
  return best;
}

}  // namespace peaks
