#pragma once
// Memory estimates for training steps.

#include <algorithm>

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll {

/// Settings of a training step that affect its memory: see StepOptions and ShardedBatch.
struct TrainingPlan {
  Keeping keeping = {};
  Index parts = 1;    ///< number of parts of the batch
  Index threads = 1;  ///< that process parts concurrently
};

namespace detail {

/// Throws ShapeError for arguments out of range, or if the estimate would overflow.
template <class Model>
void check_plan(const Model& model, Index columns, Index batch, const TrainingPlan& plan) {
  check_least<ShapeError>("memory", "columns", columns, 0);
  check_least<ShapeError>("memory", "sequences", batch, 0);
  check_least<ShapeError>("memory", "parts", plan.parts, 1);
  check_least<ShapeError>("memory", "threads", plan.threads, 1);
  double numbers = double(model.parameters().size()), density = 1;
  for (std::size_t k = 0; k <= model.depth(); ++k)
    numbers += double(model.shape(k).features), density = std::max(density, model.shape(k).density);
  require<ShapeError>(64 * numbers * density * (double(columns) + double(batch) + double(plan.parts)) < 0x1p60,
                      "memory: estimate must be below 2^60 bytes, got more for ", columns, " columns and ", batch,
                      " sequences in ", plan.parts, " parts");
}

}  // namespace detail

/// Numbers that layer k stores on the tape of one part of a training step. `columns` (valid steps of all sequences) and
/// `batch` (sequences) are totals over all parts. Throws ValueError for an invalid k, ShapeError if memory cannot hold
/// them.
template <class Model>
Index numbers_kept(const Model& model, std::size_t k, Index columns, Index batch, const TrainingPlan& plan = {}) {
  detail::check_index("memory", "layer", Index(k), Index(model.depth()));
  detail::check_plan(model, columns, batch, plan);
  const auto of_part = [&](Index all) { return divide_up(all, plan.parts); };
  Index numbers = 0;
  model.each_layer([&](const auto& layer, std::size_t number) {
    if (number != k) return;
    Index some = of_part(model.shape(k).columns(columns, batch));
    if (k + 1 == model.depth()) some = std::min(some, model.piece_columns());
    numbers = layer.kept(some, of_part(batch), plan.keeping);
  });
  return numbers;
}

/// Bytes of a training step: batch, parameters, two moments of an optimizer, weights packed for both passes, a gradient
/// per part, and per thread the tapes and the gradients of layer outputs.
template <class Model>
std::size_t training_bytes(const Model& model, Index columns, Index batch, const TrainingPlan& plan = {}) {
  detail::check_plan(model, columns, batch, plan);
  const auto of_part = [&](Index all) { return divide_up(all, plan.parts); };
  Index tape = 0, between[2] = {0, 0};
  model.each_layer([&](const auto&, std::size_t k) {
    tape += numbers_kept(model, k, columns, batch, plan);
    const Index gradient = model.shape(k).features * of_part(model.shape(k).columns(columns, batch));
    if (k > 0) between[k % 2] = std::max(between[k % 2], gradient);
  });
  tape += between[0] + between[1];
  tape +=
      model.outputs() * std::min(model.piece_columns(), of_part(model.shape(model.depth()).columns(columns, batch)));
  const Index numbers = (5 + plan.parts) * model.parameters().size() + model.features() * columns +
                        std::min(plan.parts, plan.threads) * tape;
  return std::size_t(numbers) * sizeof(typename Model::Scalar);
}

}  // namespace unroll
