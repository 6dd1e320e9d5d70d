#pragma once
// One batch of sequences: forward, loss, backward, clipping, update.

#include "unroll/train/detail/task_step.hpp"
#include "unroll/train/tasks/sequence_task.hpp"

namespace unroll {

/// Trains a model batch by batch, see TaskStep. It refers to model and optimizer, which must outlive it.
template <class Model, class Loss, Optimizer O>
class TrainingStep : public detail::TaskStep<detail::SequenceTask<Model, Loss>, O> {
  using Base = detail::TaskStep<detail::SequenceTask<Model, Loss>, O>;

 public:
  using Scalar = typename Model::Scalar;
  using States = std::vector<State<Scalar>>;

  /// Throws ValueError for options out of range.
  TrainingStep(Model& model, Loss loss, O& optimizer, StepOptions options = {})
      : Base({model, std::move(loss), std::move(options)}, optimizer) {}

  /// `carried` is the state before the first step (empty: zero) of each sample of the batch; afterwards the one behind
  /// the last.
  ///
  /// Throws NonFiniteError when the loss or the gradient is not finite, naming where the first such value arose, and
  /// leaves parameters and optimizer as they were after the last good update. An update itself can make parameters that
  /// are not finite, with a rate that is too large: see check_finite.
  StepReport step(const ShardedBatch<Scalar>& batch, States* carried = nullptr) {
    return Base::run(batch.shards(), carried);
  }
  /// The same for a batch in one part.
  StepReport step(const Batch<Scalar>& batch, States* carried = nullptr) { return Base::run({&batch, 1}, carried); }
};

}  // namespace unroll
