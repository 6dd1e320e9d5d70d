#pragma once

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/data/dataset.hpp"

namespace unroll {

/// Chance levels of a data set: accuracies possible without the inputs. If sequences differ in length, the step number
/// reveals which classes remain possible. For a model that reads a sequence to its end before it answers, the length
/// may also reveal the class.
struct ChanceLevels {
  double uniform = 0;       ///< 1 / classes that occur; also the balanced accuracy of a constant prediction
  double majority = 0;      ///< accuracy of always predicting the most frequent label
  double per_sequence = 0;  ///< likewise, counting each sequence once with its most frequent label
  double per_step =
      0;  ///< accuracy of predicting the most frequent class at each step: the highest possible from the step number
  double per_length = 0;                                  ///< highest possible from step number and sequence length
  double balanced_per_step = 0, balanced_per_length = 0;  ///< likewise for balanced accuracy
  std::vector<double> at_step = {};                       ///< share of the most frequent class at each step
};

namespace detail {

/// Label counts by {length or 0, step}.
using LabelCounts = std::map<std::pair<Index, Index>, VectorX<double>>;

/// Weighted number of right answers if, for each key of `counts`, the class with the largest weighted count is
/// predicted.
inline double best_guesses(const LabelCounts& counts, const VectorX<double>& weight) {
  double sum = 0;
  for (const auto& item : counts) sum += item.second.cwiseProduct(weight).maxCoeff();
  return sum;
}

}  // namespace detail

/// Chance levels for the labels of a data set; negative labels are not counted. One label per sequence counts as step
/// 0. Throws ValueError if nothing is labelled.
template <class S>
ChanceLevels chance_levels(const Dataset<S>& data) {
  require<ValueError>(has_labels(data.kind()), "chance levels: the data set must have labels, got none");
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
  require<ValueError>(all.sum() > 0, "chance levels: at least 1 step or sequence must have a label, got 0");
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
