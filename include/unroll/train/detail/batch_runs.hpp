#pragma once

#include <span>
#include <utility>

#include "unroll/core/buffer.hpp"
#include "unroll/core/checked.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/threads/stable_list.hpp"
#include "unroll/threads/thread_pool.hpp"
#include "unroll/train/step_options.hpp"

namespace unroll::detail {

inline void check_batch_size(const EvaluateOptions& options) {
  require<ValueError>(options.batch_size > 0, "evaluation: batch_size must be at least 1 sequence, got ",
                      options.batch_size);
}

/// Parallel loop over batches, as many at a time as there are threads. `Run` holds the memory of one batch, including a
/// member `batch`, and is reused.
template <class Run>
class BatchRuns {
 public:
  /// Calls work(run, samples) for all batches in parallel, then done(run, samples) in batch order.
  template <class Data, class Work, class Done>
  void operator()(const Data& data, std::span<const Index> samples, const EvaluateOptions& options, const Work& work,
                  const Done& done) {
    check_batch_size(options);
    const Index size = options.batch_size, batches = divide_up(Index(samples.size()), size);
    ThreadPool* const threads = batches < 2 ? nullptr : &options.threads.pool();
    const Index at_once = threads == nullptr ? 1 : threads->threads();
    const auto samples_of = [&](Index batch) {
      const std::size_t begin = std::size_t(batch * size);
      return samples.subspan(begin, std::min(samples.size() - begin, std::size_t(size)));
    };
    for (Index first = 0; first < batches; first += at_once) {
      const Index count = std::min<Index>(at_once, batches - first);
      while (Index(runs_.size()) < count) runs_.emplace_back();
      run_tasks(threads, count, [&](Index k) {
        Run& run = runs_[std::size_t(k)];
        run.batch.gather(data, samples_of(first + k));
        work(run, samples_of(first + k));
      });
      for (Index k = 0; k < count; ++k) done(runs_[std::size_t(k)], samples_of(first + k));
    }
  }

 private:
  StableList<Run> runs_;
};

/// Columns of sample b in a batch, in order of steps.
template <class S>
ConstView<S> sample_columns(const ConstView<S>& values, const Timeline& timeline, Index b, Buffer<S>& to) {
  const Index rank = timeline.rank(b), steps = timeline.length(rank);
  auto mine = to.shape(values.rows(), steps);
  for (Index t = 0; t < steps; ++t) mine.col(t) = values.col(timeline.offset(t) + rank);
  return view(std::as_const(mine));
}

}  // namespace unroll::detail
