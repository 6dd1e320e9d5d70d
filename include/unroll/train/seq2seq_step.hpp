#pragma once

#include "unroll/train/detail/task_step.hpp"
#include "unroll/train/tasks/pair_task.hpp"
#include "unroll/train/teacher_forcing.hpp"

namespace unroll {

using Seq2SeqStepOptions = StepOptions;
using Seq2SeqReport = StepReport;

/// Training step of a Seq2Seq model: forward pass, loss, backward pass, clipping, update; see TaskStep. Keeps
/// references to model and optimizer, which must outlive it.
template <class Model, class Loss, detail::StepOptimizer O>
class Seq2SeqStep : public detail::TaskStep<detail::PairTask<Model, Loss>> {
  using Base = detail::TaskStep<detail::PairTask<Model, Loss>>;

 public:
  using Scalar = typename Model::Scalar;

  /// Throws ValueError for options out of range.
  Seq2SeqStep(Model& model, Loss loss, O& optimizer, StepOptions options = {})
      : Base({model, std::move(loss), std::move(options)}, detail::OptimizerReference<Scalar>(optimizer)) {}

  /// Trains on one batch. Throws NonFiniteError if the loss or the gradient is not finite, with the place where the
  /// first such value arose; parameters and optimizer are then unchanged. The update itself can produce non-finite
  /// parameters if the rate is too large: see check_finite.
  StepReport step(const ShardedBatch<Scalar, PairBatch<Scalar>>& batch) { return Base::run(batch.shards()); }
};

}  // namespace unroll
