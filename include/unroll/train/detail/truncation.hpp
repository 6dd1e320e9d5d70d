#pragma once
// Truncated backpropagation through time: Williams & Peng 1990 (Neural Computation 2), BPTT(h; h').

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/cell/state.hpp"
#include "unroll/core/checked.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/engine/tape.hpp"
#include "unroll/train/step_options.hpp"

namespace unroll {

/// Resets the samples selected by `where` to zero in all layers, because a new sequence begins.
template <class Scalar>
void reset(std::vector<State<Scalar>>& states, std::span<const bool> where) {
  for (State<Scalar>& state : states) reset(state, where);
}

namespace detail {

/// Sequences processed window by window with carried state. Memory is reused between batches.
template <class Model>
class TruncatedRun {
 public:
  using Scalar = typename Model::Scalar;
  using States = std::vector<State<Scalar>>;

  /// Throws ValueError for lengths out of range, and for a model in which a step depends on later ones.
  static void check(const Model& model, const Truncation& truncation) {
    truncation.check();
    require<ValueError>(!truncation.active() || model.causal(),
                        "truncation: the model reads later steps (bidirectional, backward or pooling over time); train "
                        "it without truncation");
  }

  /// Starts a batch. `first`: state before the first step, by sample; nullptr or empty: zero. If `carries`, `state()`
  /// returns the state after the last step once the last window is done. Throws what `check` throws.
  void begin(const Model& model, const Truncation& truncation, const States* first, bool carries) {
    check(model, truncation);
    truncation_ = truncation;
    carries_ = carries;
    from_zero_ = first == nullptr || first->empty();
    if (!from_zero_) state_ = *first;
  }

  /// Runs window `k` of `steps` steps, limited to the steps of these sequences. `forward(x, timeline, initial)` runs
  /// the model, `final_state(state)` returns the states after it, and `f(window)` may run the backward pass and change
  /// the parameters. A window after the last step is skipped.
  template <class Forward, class FinalState, class F>
  void window(Index k, Index steps, ConstView<Scalar> x, const Timeline& timeline, const Forward& forward,
              const FinalState& final_state, F&& f) {
    const Window window = clipped(truncation_.window(k, steps), timeline);
    if (window.begin == window.end && k > 0) return;
    const bool last = k + 1 == truncation_.windows(steps);
    const Index keep = !last      ? clipped(truncation_.window(k + 1, steps), timeline).begin
                       : carries_ ? timeline.steps()
                                  : window.begin;
    if (keep > window.begin && keep < window.end) {
      pass_over(x, timeline, {window.begin, keep, keep}, forward);
      final_state(next_);
    }
    pass_over(x, timeline, window, forward);
    if (keep > window.begin && keep == window.end) final_state(next_);
    f(window);
    if (keep > window.begin) advance();
  }

  /// Initial state of the present window; after the last window, see `begin`. Empty: zero.
  const States& state() const { return from_zero_ ? zero_ : state_; }

 private:
  void advance() {
    std::swap(state_, next_);
    from_zero_ = false;
  }

  static Window clipped(Window window, const Timeline& timeline) {
    const Index steps = timeline.steps();
    return {std::min(window.begin, steps), std::min(window.scored, steps), std::min(window.end, steps)};
  }

  template <class Forward>
  void pass_over(ConstView<Scalar> x, const Timeline& timeline, const Window& window, const Forward& forward) {
    if (window.begin == 0 && window.end == timeline.steps()) return forward(x, timeline, state());
    part_.assign_window(timeline, window.begin, window.end);
    forward(detail::from_column(x, timeline.offset(window.begin), part_.columns()), part_, state());
  }

  Truncation truncation_;
  Timeline part_;
  States state_, next_;
  const States zero_ = {};
  bool from_zero_ = true;  // a flag, so that state_ keeps its memory for the next batch
  bool carries_ = false;
};

}  // namespace detail
}  // namespace unroll
