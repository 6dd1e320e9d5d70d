#include "data.hpp"

#include <array>
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

Events in_memory(const LazyEvents& events) {
  std::vector<MatrixX<float>> inputs, targets;
  each_event(events, [&](const MatrixX<float>& input, const MatrixX<float>& target) {
    inputs.push_back(input), targets.push_back(target);
  });
  return events.with(Dataset<float>::step_valued(std::move(inputs), std::move(targets)));
}

template <class Data>
std::string fingerprint(const EventsOf<Data>& events) {
  example::Fingerprint all;
  each_event(events, [&](const MatrixX<float>& input, MatrixX<float> target) {
    target = target.array().isNaN().select(-1, target);  // NaN has many bit patterns
    all.add(input).add(target);
  });
  return all.text();
}
template std::string fingerprint(const Events&);
template std::string fingerprint(const LazyEvents&);

namespace {

Comparison compare_level(const MatrixX<float>& input, const MatrixX<float>& target, double level,
                         const Search& search) {
  const MatrixX<float> above = (input.row(0).array() > float(level)).cast<float>();
  return compare(bins_of(target), bins_of(above), search);
}

}  // namespace

Score level_score(const Events& events, double level, const Search& search) {
  Score score;
  each_event(events, [&](const MatrixX<float>& input, const MatrixX<float>& target) {
    score += compare_level(input, target, level, search);
  });
  return score;
}

Index shared_events(const LazyEvents& training, const Events& events) {
  const auto fingerprint = [](const MatrixX<float>& x) { return example::Fingerprint().add(x).number(); };
  std::set<std::uint64_t> known;
  each_event(training, [&](const MatrixX<float>& x, const MatrixX<float>&) { known.insert(fingerprint(x)); });
  Index shared = 0;
  each_event(events, [&](const MatrixX<float>& x, const MatrixX<float>&) {
    shared += (x.array() != 0).any() && known.contains(fingerprint(x));
  });
  return shared;
}

Baseline threshold_baseline(const LazyEvents& training, const Events& test, const Search& search) {
  constexpr std::array levels{0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5};
  std::array<Score, levels.size()> scores;
  each_event(training, [&](const MatrixX<float>& input, const MatrixX<float>& target) {
    for (std::size_t k = 0; k < levels.size(); ++k) scores[k] += compare_level(input, target, levels[k], search);
  });
  Baseline best;
  double most = -1;
  for (std::size_t k = 0; k < levels.size(); ++k)
    if (const double f1 = scores[k].f1(); f1 >= most) most = f1, best.level = levels[k];
  best.score = level_score(test, best.level, search);
  return best;
}

}  // namespace peaks
