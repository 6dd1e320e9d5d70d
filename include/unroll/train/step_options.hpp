#pragma once
// How a batch is to be trained, and what it gave.

#include <algorithm>
#include <functional>

#include "unroll/core/checked.hpp"
#include "unroll/engine/tape.hpp"
#include "unroll/losses/reduction.hpp"
#include "unroll/threads/thread_pool.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {
namespace detail {

/// Steps [begin, end) are run from the state kept at `begin`; losses count from step `scored` on.
struct Window {
  Index begin = 0, scored = 0, end = 0;
};

}  // namespace detail

/// Truncated BPTT(k1, k2): every k1 steps the losses of these steps are sent back through at most k2 of them. The
/// state's value is carried from window to window, its gradient is cut.
///
/// Where k2 > k1 a window begins k2 - k1 steps before its losses do, from the state that was kept there (computed with
/// the parameters of then), and runs those steps again with the present parameters. k1 >= the number of steps is full
/// backpropagation, bit for bit. Each window's loss is divided by the count of the whole batch, so that windows weigh
/// as much as they have losses and their gradients add up.
struct Truncation {
  Index update_every = 0;   ///< k1, in steps; 0: no truncation
  Index back = 0;           ///< k2, in steps, at least k1; 0: as k1
  bool accumulate = false;  ///< one update after all windows: saves memory, changes no parameters in between

  bool active() const { return update_every != 0; }
  Index windows(Index steps) const { return active() && steps > 0 ? divide_up(steps, update_every) : 1; }
  /// The k-th of `windows(steps)`.
  detail::Window window(Index k, Index steps) const {
    if (!active()) return {0, 0, steps};
    const Index scored = k * update_every, again = std::min(scored, reach() - update_every);
    return {scored - again, scored, scored + std::min(update_every, steps - scored)};
  }
  Index reach() const { return back == 0 ? update_every : back; }

  /// Throws ValueError for lengths that make no sense.
  void check() const {
    require<ValueError>(update_every >= 0 && back >= 0, "truncation: update_every is ", update_every, ", back is ",
                        back, ", expected at least 0");
    require<ValueError>(back == 0 || (active() && back >= update_every), "truncation: back is ", back,
                        " steps, expected at least update_every, which is ", update_every);
  }
};

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

/// How a data set is run through a model without training.
struct EvaluateOptions {
  Index batch_size = 128;  ///< sequences at a time
  Threads threads = {};    ///< that share them
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
