#pragma once
// One batch of pairs: forward, loss, backward, clipping, update.

#include "unroll/train/detail/task_step.hpp"
#include "unroll/train/tasks/pair_task.hpp"
#include "unroll/train/teacher_forcing.hpp"

namespace unroll {

using Seq2SeqStepOptions = StepOptions;
using Seq2SeqReport = StepReport;

/// Trains a Seq2Seq model batch by batch, see TaskStep. It refers to model and optimizer, which must outlive it.
template <class Model, class Loss, Optimizer O>
class Seq2SeqStep : public detail::TaskStep<detail::PairTask<Model, Loss>, O> {
  using Base = detail::TaskStep<detail::PairTask<Model, Loss>, O>;

 public:
  using Scalar = typename Model::Scalar;

  /// Throws ValueError for options out of range.
  Seq2SeqStep(Model& model, Loss loss, O& optimizer, StepOptions options = {})
      : Base({model, std::move(loss), std::move(options)}, optimizer) {}

  /// Throws NonFiniteError when the loss or the gradient is not finite, naming where the first such value arose, and
  /// leaves parameters and optimizer as they were. An update itself can make parameters that are not finite, with a
  /// rate that is too large: see check_finite.
  StepReport step(const ShardedBatch<Scalar, PairBatch<Scalar>>& batch) { return Base::run(batch.shards()); }
};

}  // namespace unroll
