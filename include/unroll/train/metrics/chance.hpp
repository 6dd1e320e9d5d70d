#pragma once
// What can be reached without looking at the inputs.

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/data/dataset.hpp"

namespace unroll {

/// Shares of right answers that need no input. Where sequences differ in length, the step at hand tells which classes
/// are left, and the length, for a model that reads a sequence to its end before it answers, may tell the class itself.
struct ChanceLevels {
  double uniform = 0;       ///< 1 / classes that occur; also the balanced accuracy of naming one class always
  double majority = 0;      ///< naming one class always, the most frequent among all labels
  double per_sequence = 0;  ///< the same counted by sequences instead of labels
  double per_step = 0;      ///< the most frequent class at each step: the most that the step number can give
  double per_length = 0;    ///< the most that step number and length of the sequence can give
  double balanced_per_step = 0, balanced_per_length = 0;  ///< the same for balanced accuracy
  std::vector<double> at_step = {};                       ///< share of the most frequent class at each step
};

namespace detail {

/// Labels by what is known without the inputs.
using LabelCounts = std::map<std::pair<Index, Index>, VectorX<double>>;

/// Right answers of whoever names, wherever `counts` tells cases apart, the class with the largest weighted count.
inline double best_guesses(const LabelCounts& counts, const VectorX<double>& weight) {
  double sum = 0;
  for (const auto& item : counts) sum += item.second.cwiseProduct(weight).maxCoeff();
  return sum;
}

}  // namespace detail

/// The levels for these labels; a negative label is not counted. For a data set with a label per sequence the only step
/// is the answer's. Throws ValueError when nothing is labelled.
template <class S>
ChanceLevels chance_levels(const Dataset<S>& data) {
  require<ValueError>(has_labels(data.kind()), "chance levels: the data set has no labels");
  VectorX<double> none;
  take_memory(data.classes(), "chance levels: classes", [&] { none.setZero(std::max<Index>(data.classes(), 1)); });
  VectorX<double> all = none, sequences = none;
  detail::LabelCounts by_step, by_length;
  for (Index s = 0; s < data.size(); ++s) {
    VectorX<double> here = none;
    for (Index t = 0; t < data.labels(s).size(); ++t) {
      const Index label = data.labels(s)[t];
      if (label < 0) continue;
      ++here[label];
      ++by_step.try_emplace({0, t}, none).first->second[label];
      ++by_length.try_emplace({data.length(s), t}, none).first->second[label];
    }
    all += here;
    if (Index most = 0; here.maxCoeff(&most) > 0) ++sequences[most];
  }
  require<ValueError>(all.sum() > 0, "chance levels: nothing is labelled");
  const double present = double((all.array() > 0).count());
  const VectorX<double> even = VectorX<double>::Constant(none.size(), 1 / all.sum()),
                        balanced = (all.array() > 0).select((all * present).cwiseInverse(), 0);
  ChanceLevels levels{.uniform = 1 / present,
                      .majority = all.maxCoeff() / all.sum(),
                      .per_sequence = sequences.maxCoeff() / sequences.sum(),
                      .per_step = detail::best_guesses(by_step, even),
                      .per_length = detail::best_guesses(by_length, even),
                      .balanced_per_step = detail::best_guesses(by_step, balanced),
                      .balanced_per_length = detail::best_guesses(by_length, balanced)};
  for (const auto& [step, counts] : by_step) {
    levels.at_step.resize(std::size_t(step.second) + 1, 0);
    levels.at_step.back() = counts.maxCoeff() / counts.sum();
  }
  return levels;
}

}  // namespace unroll
