#pragma once
// Types of targets that a loss accepts.

#include "unroll/core/types.hpp"
#include "unroll/losses/label_sequences.hpp"

namespace unroll::detail {

/// Type that converts to `Target` only. Eigen::Ref declares conversions from matrices of any scalar, which would make
/// every loss match.
template <class Target>
struct ConvertsOnlyTo {
  operator const Target&() const;  // NOLINT: never called
};

/// Losses of several targets, which are rows of one matrix, see Losses.
template <class Loss>
concept TakesSeveral = requires(const Loss& loss) {
  loss.several();
};
template <class Loss>
concept TakesLabels = requires(const Loss& loss, ConvertsOnlyTo<Eigen::Ref<const Labels>> labels) {
  loss.count(labels);
};
template <class Loss, class S>
concept TakesValues =
    !TakesSeveral<Loss> && requires(const Loss& loss, ConvertsOnlyTo<Eigen::Ref<const MatrixX<S>>> values) {
  loss.count(values);
};
template <class Loss>
concept TakesLabelSequences = requires(const Loss& loss, ConvertsOnlyTo<LabelSequences> targets) {
  loss.count(targets);
};

}  // namespace unroll::detail
