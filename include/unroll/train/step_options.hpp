#pragma once
// Options and results of training steps and evaluation.

#include <algorithm>
#include <functional>

#include "unroll/core/checked.hpp"
#include "unroll/engine/tape.hpp"
#include "unroll/losses/reduction.hpp"
#include "unroll/threads/thread_pool.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {

/// Window of truncated BPTT: steps [begin, end) run from the state saved at `begin`; losses count from step `scored`
/// on.
struct Window {
  Index begin = 0, scored = 0, end = 0;
};

/// Truncated BPTT(k1, k2): every k1 steps, the losses of these steps are backpropagated through at most k2 steps. The
/// state is carried from window to window; its gradient is not.
///
/// If k2 > k1, a window starts k2 - k1 steps before its losses. It starts from the state saved there, which was
/// computed with earlier parameters, and recomputes those steps with the present ones. k1 >= the number of steps is
/// full backpropagation, bit for bit. Each window's loss is divided by the count of the whole batch, so windows are
/// weighted by their number of losses and their gradients add up.
///
/// `back` without `update_every` is for models with one output per sequence. If that is the output of its last step,
/// the gradient is propagated through the last `back` valid steps of each sequence. The states before these steps are
/// computed without a tape and are constants of the gradient. If it is an output of all steps, such as their mean, the
/// states before the steps `back`, 2 `back`, ... that a recurrent layer reads are constants of the gradient, which
/// reaches all steps through the output. `back` >= the number of steps is full backpropagation, bit for bit.
struct Truncation {
  Index update_every = 0;   ///< k1, in steps; 0: one update per batch
  Index back = 0;           ///< k2, in steps, at least k1; 0: equal to k1
  bool accumulate = false;  ///< one update after all windows: saves memory, keeps the parameters constant in between

  /// Whether a batch is divided into windows.
  bool active() const { return update_every != 0; }
  /// Whether `back` is set without `update_every`.
  bool back_alone() const { return update_every == 0 && back != 0; }
  Index windows(Index steps) const { return active() && steps > 0 ? divide_up(steps, update_every) : 1; }
  /// Window k of `windows(steps)`.
  Window window(Index k, Index steps) const {
    if (!active()) return {0, 0, steps};
    const Index scored = k * update_every, again = std::min(scored, reach() - update_every);
    return {scored - again, scored, scored + std::min(update_every, steps - scored)};
  }
  Index reach() const { return back == 0 ? update_every : back; }

  /// Throws ValueError for lengths out of range.
  void check() const {
    require<ValueError>(update_every >= 0, "truncation: update_every must be at least 0 steps (0: no windows), got ",
                        update_every);
    require<ValueError>(back >= 0, "truncation: back must be at least 0 steps (0: update_every), got ", back);
    require<ValueError>(back == 0 || back >= update_every, "truncation: back must be at least ", update_every,
                        " steps, as update_every, got ", back);
  }
};

/// Options of TrainingStep and Seq2SeqStep. Options that do not apply to the step throw.
struct StepOptions {
  double clip_norm = 0;   ///< largest norm of the gradient over all parameters; 0: no limit
  double clip_value = 0;  ///< largest magnitude of gradient entries, applied before the norm is computed; 0: no limit
  double clip_p = 2;      ///< order p > 0 of the clipped and reported norm; infinity: largest magnitude
  Truncation truncation = {};  ///< updates after each window, unless `accumulate`; TrainingStep only
  std::uint64_t seed = 0;      ///< for dropout and scheduled sampling
  std::function<double(long)> learning_rate =
      {};  ///< function of the number of completed updates; empty: the optimizer's rate
  /// Share of decoder inputs taken from the target, as a function of the number of completed updates, see
  /// teacher_forcing; empty: all. Seq2SeqStep only.
  std::function<double(long)> teacher = {};
  Keeping keeping = {};     ///< Keep::checkpoints trades a second forward pass for memory
  Threads threads = {};     ///< process the parts of a sharded batch; results do not depend on their number
  bool count_hits = false;  ///< count how often the largest output is at the label
  Precision products = Precision::float32;  ///< of the factors of matrix products, see docs/training.md
};

/// Options of an evaluation without training.
struct EvaluateOptions {
  Index batch_size = 128;                   ///< sequences per batch
  Threads threads = {};                     ///< process batches in parallel
  Precision products = Precision::float32;  ///< see StepOptions
};

/// Result of a training step. Loss and hits are those of the parameters before the update (of each window). For pairs
/// they do not measure the model, because the decoder was fed targets: decode with a Seq2SeqDecoder instead.
struct StepReport {
  LossValue loss;
  double gradient_norm = 0;  ///< before clipping; the largest over all windows
  Hits hits = {};            ///< only with StepOptions::count_hits
  double teacher = 1;        ///< requested share of decoder inputs from the target; 1 without a decoder
};

}  // namespace unroll
