#pragma once

#include "unroll/models/detail/untyped.hpp"
#include "unroll/train/detail/task_step.hpp"
#include "unroll/train/tasks/sequence_task.hpp"

namespace unroll {

/// Training step of a model of layers: forward pass, loss, backward pass, clipping, update; see TaskStep. Keeps
/// references to model and optimizer, which must outlive it.
template <class Model, class Loss, detail::StepOptimizer O>
class TrainingStep : public detail::TaskStep<detail::SequenceTask<detail::Untyped<Model>, Loss>> {
  using Base = detail::TaskStep<detail::SequenceTask<detail::Untyped<Model>, Loss>>;

 public:
  using Scalar = typename Model::Scalar;
  using States = std::vector<State<Scalar>>;

  /// Throws ValueError for options out of range.
  TrainingStep(Model& model, Loss loss, O& optimizer, StepOptions options = {})
      : Base({model, std::move(loss), std::move(options)}, detail::OptimizerReference<Scalar>(optimizer)) {}

  /// Trains on one batch. `carried`: states before the first step of each sample (empty: zero); replaced by the states
  /// after the last step.
  ///
  /// Throws NonFiniteError if the loss or the gradient is not finite, with the place where the first such value arose;
  /// parameters and optimizer are then as after the last successful update. The update itself can produce non-finite
  /// parameters if the rate is too large: see check_finite.
  StepReport step(const ShardedBatch<Scalar>& batch, States* carried = nullptr) {
    return Base::run(batch.shards(), carried);
  }
  /// Overload for a batch that is not divided into parts.
  StepReport step(const Batch<Scalar>& batch, States* carried = nullptr) { return Base::run({&batch, 1}, carried); }
};

}  // namespace unroll
