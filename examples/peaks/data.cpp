#include "data.hpp"

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
  return {in_memory(std::move(inputs), std::move(targets)), "a toy simulation", {}, "toy"};
}

LazyDataset<float> in_memory(std::vector<MatrixX<float>> inputs, std::vector<MatrixX<float>> targets) {
  return LazyDataset<float>(Dataset<float>::step_valued(std::move(inputs), std::move(targets)));
}

std::string fingerprint(const Events& events) {
  example::Fingerprint all;
  each_event(events, [&](const MatrixX<float>& input, MatrixX<float> target) {
    target = target.array().isNaN().select(-1, target);  // NaN has many bit patterns
    all.add(input).add(target);
  });
  return all.text();
}

Events part(const Events& events, Index first, Index last) {
  std::vector<Index> some;
  for (Index k = first; k < last; ++k) some.push_back(k);
  return {events.data.subset(some), events.source, events.remarks, events.channels, events.has_truth};
}

namespace {

Comparison compare_level(const MatrixX<float>& input, const MatrixX<float>& target, double level,
                         const Search& search) {
  const MatrixX<float> above = (input.row(0).array() > float(level)).cast<float>();
  return compare(bins_of(target), bins_of(above), search);
}

}  // namespace

std::vector<Score> level_scores(const Events& events, const std::vector<double>& levels, const Search& search) {
  std::vector<Score> scores(levels.size());
  each_event(events, [&](const MatrixX<float>& input, const MatrixX<float>& target) {
    for (std::size_t k = 0; k < levels.size(); ++k) scores[k] += compare_level(input, target, levels[k], search);
  });
  return scores;
}

namespace {

std::string hash_of(const MatrixX<float>& input) {
  return (input.array() != 0).any() ? example::Fingerprint().add(input).text() : std::string();
}

}  // namespace

std::vector<std::string> hashes_of(const Events& events) {
  std::vector<std::string> hashes;
  each_event(events, [&](const MatrixX<float>& input, const MatrixX<float>&) { hashes.push_back(hash_of(input)); });
  return hashes;
}

std::vector<std::string> hashes_of_training(const Events& training) {
  std::vector<std::string> hashes;
  bool peaks = false;
  each_event(training, [&](const MatrixX<float>& input, const MatrixX<float>& target) {
    hashes.push_back(hash_of(input)), peaks = peaks || (target.array() > 0).any();
  });
  require<ValueError>(peaks, training.source, ": the targets of the training events must have peaks, got none");
  return hashes;
}

std::vector<bool> are_among(const std::vector<std::string>& hashes, const std::set<std::string>& known) {
  std::vector<bool> among;
  for (const std::string& hash : hashes) among.push_back(!hash.empty() && known.contains(hash));
  return among;
}

Baseline threshold_baseline(const Events& training, const Events& test, const Search& search) {
  const std::vector<double> levels{0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5};
  const std::vector<Score> scores = level_scores(training, levels, search);
  Baseline best;
  double most = -1;
  for (std::size_t k = 0; k < levels.size(); ++k)
    if (const double f1 = scores[k].f1(); f1 >= most) most = f1, best.level = levels[k];
  best.score = level_scores(test, {best.level}, search).front();
  return best;
}

}  // namespace peaks
