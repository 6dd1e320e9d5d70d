#pragma once
// How a batch is to be trained, and what it gave.

#include <functional>

#include "unroll/losses/reduction.hpp"
#include "unroll/threads/thread_pool.hpp"
#include "unroll/train/detail/truncation.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {

/// Options of TrainingStep and Seq2SeqStep. Each refuses what it has no use for.
struct StepOptions {
  double clip_norm = 0;        ///< largest norm of the whole gradient; 0: no limit
  double clip_value = 0;       ///< largest magnitude of its entries, before the norm is taken; 0: no limit
  double clip_p = 2;           ///< which norm that is and the report gives: p > 0, infinity for the largest magnitude
  Truncation truncation = {};  ///< with updates after each window, unless it accumulates; of TrainingStep alone
  std::uint64_t seed = 0;      ///< of dropout and of scheduled sampling
  std::function<double(long)> learning_rate = {};  ///< of the count of updates done; empty: as the optimizer has it
  /// Share of the fed tokens that come from the target, of the count of updates done, see teacher_forcing; empty: all
  /// of them. Of Seq2SeqStep alone.
  std::function<double(long)> teacher = {};
  Keeping keeping = {};     ///< Keep::checkpoints trades a second pass forward for memory
  Threads threads = {};     ///< that run the parts of a sharded batch; results do not depend on how many there are
  bool count_hits = false;  ///< counts how often the largest output was at the label
};

/// What a batch gave. Loss and hits are those of the parameters before the update (of each window). Those of pairs are
/// no results: the decoder was fed targets. What it writes by itself a Seq2SeqDecoder tells.
struct StepReport {
  LossValue loss;
  double gradient_norm = 0;  ///< before clipping; of several windows the largest
  Hits hits = {};            ///< only with StepOptions::count_hits
  double teacher = 1;        ///< share of the fed tokens that were asked from the target; 1 without a decoder
};

}  // namespace unroll
