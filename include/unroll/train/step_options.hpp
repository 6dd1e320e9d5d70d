#pragma once
// How a batch is to be trained, and what it gave.

#include <functional>

#include "unroll/losses/reduction.hpp"
#include "unroll/threads/thread_pool.hpp"
#include "unroll/train/detail/truncation.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {

struct StepOptions {
  double clip_norm = 0;        ///< largest norm of the whole gradient; 0: no limit
  double clip_value = 0;       ///< largest magnitude of its entries, before the norm is taken; 0: no limit
  double clip_p = 2;           ///< which norm that is and the report gives: p > 0, infinity for the largest magnitude
  Truncation truncation = {};  ///< with updates after each window, unless it accumulates
  std::uint64_t seed = 0;      ///< of dropout
  std::function<double(long)> learning_rate = {};  ///< of the count of updates done; empty: as the optimizer has it
  Keeping keeping = {};                            ///< Keep::checkpoints trades a second pass forward for memory
  Threads threads = {};     ///< that run the parts of a sharded batch; results do not depend on how many there are
  bool count_hits = false;  ///< counts how often the largest output was at the label
};

/// What a batch gave. Loss and hits are those of the parameters before the update (of each window).
struct StepReport {
  LossValue loss;
  double gradient_norm = 0;  ///< before clipping; of several windows the largest
  Hits hits = {};            ///< only with StepOptions::count_hits
};

}  // namespace unroll
