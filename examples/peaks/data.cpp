#include "data.hpp"

#include <numeric>
#include <set>

#include "../support/fingerprint.hpp"

namespace peaks {

using namespace unroll;

Events make_events(const Toy& toy, std::uint64_t set, Index count) {
  std::vector<MatrixX<float>> inputs, targets;
  for (Index k = 0; k < count; ++k) {
    ToyEvent event = toy_event(toy, set, std::uint64_t(k));
    inputs.push_back(std::move(event.density));
    targets.push_back(target_of(event.vertices, toy.bins));
  }
  return {Dataset<float>::step_valued(std::move(inputs), std::move(targets)), "a toy simulation", {}, "toy"};
}

Events part(const Events& events, Index first, Index last) {
  std::vector<Index> some(std::size_t(std::max<Index>(last - first, 0)));
  std::iota(some.begin(), some.end(), first);
  return {events.data.subset(some), events.source, events.remarks, events.channels, events.has_truth};
}

std::string fingerprint(const Events& events) {
  example::Fingerprint all;
  for (Index k = 0; k < events.data.size(); ++k) {
    MatrixX<float> target = events.data.values(k);
    target = target.array().isNaN().select(-1, target);  // NaN has many bit patterns
    all.add(events.data.sequence(k)).add(target);
  }
  return all.text();
}

Score level_score(const Events& events, double level, const Search& search) {
  Score score;
  for (Index k = 0; k < events.data.size(); ++k) {
    const MatrixX<float> above = (events.data.sequence(k).row(0).array() > float(level)).cast<float>();
    score += compare(bins_of(events.data.values(k)), bins_of(above), search);
  }
  return score;
}

Index shared_events(const Events& training, const Events& events) {
  const auto fingerprint = [](const MatrixX<float>& x) { return example::Fingerprint().add(x).number(); };
  std::set<std::uint64_t> known;
  for (Index k = 0; k < training.data.size(); ++k) known.insert(fingerprint(training.data.sequence(k)));
  Index shared = 0;
  for (Index k = 0; k < events.data.size(); ++k) {
    const MatrixX<float>& x = events.data.sequence(k);
    shared += (x.array() != 0).any() && known.contains(fingerprint(x));
  }
  return shared;
}

Baseline threshold_baseline(const Events& training, const Events& test, const Search& search) {
  Baseline best;
  double most = -1;
  for (const double level : {0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5})
    if (const double f1 = level_score(training, level, search).f1(); f1 >= most) most = f1, best.level = level;
  best.score = level_score(test, best.level, search);
  return best;
}

}  // namespace peaks
