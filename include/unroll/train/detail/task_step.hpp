#pragma once

#include <span>
#include <string>

#include "unroll/layers/pass.hpp"
#include "unroll/simd/bfloat16/pack_for.hpp"
#include "unroll/threads/flush_to_zero.hpp"
#include "unroll/threads/object_pool.hpp"
#include "unroll/threads/stable_list.hpp"
#include "unroll/train/detail/part_gradients.hpp"
#include "unroll/train/detail/update.hpp"
#include "unroll/train/step_options.hpp"

namespace unroll::detail {

/// Training step of a task: forward pass, loss, backward pass, clipping, update. A task is a SequenceTask or PairTask,
/// which hold a model, a loss and options. Requirements:
///
///     task.begin(parts, shards, updates, more...);   // checks the batch, counts the scored columns, returns `teacher`
///     task.windows();                                // number of windows of the batch
///     task.begins_sum(k);                            // whether the gradient is reset before window k
///     task.work(shards, gradient);                   // cost estimate: about columns times parameters
///     task.learn(part, batch, k, weights, memory, pass);  // window k: forward pass, loss, backward pass
///     task.updated(part);                            // called after an update, with the first part
///     task.locate(part, batch, weights, memory, pass);    // place of the first value that is not finite
///     task.end(parts, shards, more...);
///
/// The parts of a sharded batch are processed in parallel, each with a tape and a gradient; the gradients are added in
/// the order of the parts, so results are bitwise independent of the number of threads. After the first batch of a
/// shape, a step allocates nothing.
template <class Task>
class TaskStep {
 public:
  using Scalar = typename Task::Scalar;

  /// Keeps references to model and optimizer, which must outlive it. Throws ValueError for options out of range.
  TaskStep(Task task, const OptimizerReference<Scalar>& optimizer)
      : task_(std::move(task)),
        update_(optimizer, model().parameters().table(), Clipping::of(options()), options().learning_rate) {
    check_keeping(options().keeping);
    check_products<Scalar>(options().products);
    weights_.products = options().products;
    parts_.emplace_back(task_);
  }

  /// Sets an average of the parameters that each update also updates, see WeightAverage; nullptr: none.
  void average_into(WeightAverage<Scalar>* average) { update_.average = average; }

  /// Number of completed updates. Set it to resume a run: dropout, sampling and schedules depend on it.
  std::int64_t& updates() { return update_.updates; }
  /// Clipped gradient of the last update.
  const Parameters<Scalar>& gradient() const { return parts_.front().gradient; }

 protected:
  using Batch = typename Task::Batch;
  using Shards = std::span<const Batch>;

  /// Throws NonFiniteError if the loss or the gradient is not finite, with the place where the first such value arose;
  /// parameters and optimizer are then as after the last successful update. `more` is passed to the task.
  template <class... More>
  StepReport run(Shards shards, More... more) {
    const FlushToZero flush;
    while (parts_.size() < shards.size()) parts_.emplace_back(task_);
    StepReport report;
    report.teacher = task_.begin(parts_, shards, update_.updates, more...);
    const Index windows = task_.windows();
    for (Index k = 0; k < windows; ++k) {
      const bool new_sum = task_.begins_sum(k);
      if (new_sum) {
        model().prepare(weights_);
        model().prepare_back(weights_);
      }
      run_tasks(threads(shards), Index(shards.size()),
                [&](Index s) { learn(parts_[std::size_t(s)], shards[std::size_t(s)], k, new_sum); });
      take_in(shards, report);
      if (k + 1 == windows || task_.begins_sum(k + 1)) update(shards, report);
    }
    task_.end(parts_, shards, more...);
    return report;
  }

 private:
  using Part = typename Task::Part;

  auto& model() const { return task_.model; }
  const StepOptions& options() const { return task_.options; }

  ThreadPool* threads(Shards shards) const { return options().threads.for_work(task_.work(shards, gradient())); }

  /// Options of a forward pass. For a batch in one part, the layers use the threads.
  Pass pass(ThreadPool* threads) const {
    return {.training = true,
            .seed = options().seed,
            .update = std::uint64_t(update_.updates),
            .keeping = options().keeping,
            .threads = threads};
  }

  void learn(Part& part, const Batch& batch, Index k, bool new_sum) {
    if (new_sum) part.reset();
    part.loss = {};
    part.hits = {};
    auto loan = memory_.lease();
    task_.learn(part, batch, k, weights_, *loan, pass(threads({&batch, 1})));
  }

  /// Adds losses and hits of the parts in a window to the report.
  void take_in(Shards shards, StepReport& report) {
    for (std::size_t s = 0; s < shards.size(); ++s) {
      if (!is_finite(parts_[s].loss.sum)) fail(shards, text("the loss must be finite, got ", parts_[s].loss.sum));
      report.loss += parts_[s].loss;
      report.hits += parts_[s].hits;
    }
  }

  void update(Shards shards, StepReport& report) {
    ThreadPool* const pool = threads(shards);
    add_gradients(
        shards.size(), [&](std::size_t s) -> auto& { return parts_[s].gradient; }, pool);
    const double norm = update_(
        model().parameters(), parts_.front().gradient, pool,
        [&](double bad) { fail(shards, text("the norm of the gradient must be finite, got ", bad)); },
        [&] { task_.updated(parts_.front()); });
    report.gradient_norm = std::max(report.gradient_norm, norm);
  }

  /// Repeats the forward pass, because the backward pass overwrites values that the search needs.
  [[noreturn]] void fail(Shards shards, const std::string& what) {
    std::string where;
    auto loan = memory_.lease();
    Pass again = pass(nullptr);
    again.keeping = {};
    for (std::size_t s = 0; s < shards.size() && where.empty(); ++s)
      where = task_.locate(parts_[s], shards[s], weights_, *loan, again);
    if (where.empty()) where = gradient_entry();
    throw NonFiniteError(text(what, where.empty() ? "" : "; first not finite: ", where));
  }

  std::string gradient_entry() const {
    const Index entry = unroll::first_non_finite(gradient().values());
    if (entry < 0) return {};
    return "the gradient of parameter '" + gradient().table().holding(entry).name + "'";
  }

  Task task_;
  Update<Scalar> update_;
  typename Task::Weights weights_;
  StableList<Part> parts_;
  ObjectPool<typename Task::Memory> memory_;
};

}  // namespace unroll::detail
