#pragma once
// Changes to a data set for the controls of a leak test.

#include <cstdint>

#include "unroll/core/random.hpp"
#include "unroll/data/standardizer.hpp"
#include "unroll/train/leak/leak_report.hpp"

namespace unroll::detail {

template <class S>
std::vector<MatrixX<S>> inputs_of(const Dataset<S>& data) {
  std::vector<MatrixX<S>> inputs;
  for (Index s = 0; s < data.size(); ++s) inputs.push_back(data.sequence(s));
  return inputs;
}
template <class S>
std::vector<Labels> labels_of(const Dataset<S>& data) {
  std::vector<Labels> labels;
  for (Index s = 0; s < data.size(); ++s) labels.push_back(data.labels(s));
  return labels;
}

template <class S>
Dataset<S> exchanged(const Dataset<S>& data, std::vector<MatrixX<S>> inputs, std::vector<Labels> labels) {
  std::vector<Index> firsts;
  for (const Labels& each : labels) firsts.push_back(each.size() > 0 ? each[0] : -1);
  Dataset<S> other = per_step(data.kind())
                         ? Dataset<S>::step_labelled(std::move(inputs), std::move(labels), data.classes())
                         : Dataset<S>::labelled(std::move(inputs), firsts, data.classes());
  std::vector<double> weights;
  for (Index s = 0; data.weighted() && s < data.size(); ++s) weights.push_back(data.weight(s));
  other.set_weights(std::move(weights));
  other.set_inputs(data.inputs());
  return other;
}

/// Random numbers of a control, keyed by sequence.
class ControlRandom {
 public:
  ControlRandom(std::uint64_t seed, Control control, Index repeat, bool test)
      : seed_(seed), run_(std::uint64_t(control) << 32 | std::uint64_t(repeat) << 1 | std::uint64_t(test)) {}
  Random of(Index sequence) const { return {seed_, Purpose::permute, run_, std::uint64_t(sequence)}; }

 private:
  std::uint64_t seed_, run_;
};

/// Data set with steps in random order. Labels per step move with their steps, and all features of a step stay
/// together.
template <class S>
Dataset<S> with_shuffled_time(const Dataset<S>& data, const ControlRandom& numbers) {
  auto inputs = inputs_of(data);
  auto labels = labels_of(data);
  for (Index s = 0; s < data.size(); ++s) {
    const auto order = permutation(data.length(s), numbers.of(s));
    for (Index t = 0; t < order.size(); ++t) {
      inputs[std::size_t(s)].col(t) = data.sequence(s).col(order[t]);
      if (per_step(data.kind())) labels[std::size_t(s)][t] = data.labels(s)[order[t]];
    }
  }
  return exchanged(data, std::move(inputs), std::move(labels));
}

/// Data set with normally distributed inputs that have the mean and deviation of each feature in the training data.
template <class S>
Dataset<S> with_gaussian_input(const Dataset<S>& data, const Standardizer<S>& scale, const ControlRandom& numbers) {
  auto inputs = inputs_of(data);
  for (Index s = 0; s < data.size(); ++s) {
    const Random random = numbers.of(s);
    MatrixX<S>& x = inputs[std::size_t(s)];
    for (Index i = 0; i < x.size(); ++i) {
      const Index feature = i % x.rows();
      x.data()[i] = S(scale.mean()[feature] + scale.deviation()[feature] * random.normal(std::uint64_t(i)));
    }
  }
  return exchanged(data, std::move(inputs), labels_of(data));
}

/// Data set in which each sequence has the labels of another, repeated from the beginning if that one is shorter.
template <class S>
Dataset<S> with_permuted_labels(const Dataset<S>& data, const ControlRandom& numbers) {
  const auto order = permutation(data.size(), numbers.of(0));
  auto labels = labels_of(data);
  for (Index s = 0; s < data.size(); ++s) {
    const Labels& other = data.labels(order[s]);
    for (Index t = 0; t < labels[std::size_t(s)].size(); ++t)
      labels[std::size_t(s)][t] = other.size() > 0 ? other[t % other.size()] : -1;
  }
  return exchanged(data, inputs_of(data), std::move(labels));
}

/// Data set with each label replaced by f(label, index of the random number, random).
template <class S, class F>
Dataset<S> with_labels(const Dataset<S>& data, const ControlRandom& numbers, const F& f) {
  auto labels = labels_of(data);
  for (Index s = 0; s < data.size(); ++s) {
    const Random random = numbers.of(s);
    for (Index t = 0; t < labels[std::size_t(s)].size(); ++t)
      if (Index& label = labels[std::size_t(s)][t]; label >= 0) label = f(label, std::uint64_t(t), random);
  }
  return exchanged(data, inputs_of(data), std::move(labels));
}

template <class S>
Dataset<S> with_drawn_labels(const Dataset<S>& data, const ControlRandom& numbers) {
  return with_labels(data, numbers,
                     [&](Index, std::uint64_t t, const Random& random) { return random.below(t, data.classes()); });
}

template <class S>
Dataset<S> with_changed_labels(const Dataset<S>& data, const ControlRandom& numbers) {
  return with_labels(data, numbers, [&](Index label, std::uint64_t t, const Random& random) {
    return (label + 1 + random.below(t, data.classes() - 1)) % data.classes();
  });
}

}  // namespace unroll::detail
