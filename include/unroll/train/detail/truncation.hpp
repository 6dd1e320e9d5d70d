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

namespace unroll {

/// Steps [begin, end) are run from the state kept at `begin`; losses count from step `scored` on.
struct Window {
  Index begin = 0, scored = 0, end = 0;
};

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
  Window window(Index k, Index steps) const {
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

/// Sets the samples where `where` holds back to zero in all layers: a new sequence begins there.
template <class Scalar>
void reset(std::vector<State<Scalar>>& states, std::span<const bool> where) {
  for (State<Scalar>& state : states) reset(state, where);
}

/// The windows of some sequences, run one after the other with the state carried. Keeps its memory from batch to batch.
template <class Model>
class TruncatedRun {
 public:
  using Scalar = typename Model::Scalar;
  using States = std::vector<State<Scalar>>;

  /// Throws ValueError for lengths that make no sense, and for a model in which a step depends on later ones.
  static void check(const Model& model, const Truncation& truncation) {
    truncation.check();
    require<ValueError>(
        !truncation.active() || model.causal(),
        "truncation: a layer of this model reads later steps (it is bidirectional, runs backward or pools "
        "over time), so the model cannot be run window by window");
  }

  /// `first` is the state before the first step, by sample; nullptr or empty: all zero. Where `carries`, `state()` is
  /// the one behind the last step after the last window. Throws what `check` throws.
  void begin(const Model& model, const Truncation& truncation, const States* first, bool carries) {
    check(model, truncation);
    truncation_ = truncation;
    carries_ = carries;
    from_zero_ = first == nullptr || first->empty();
    if (!from_zero_) state_ = *first;
  }

  /// Window `k` of `steps` steps, of which these sequences may have fewer: then the window ends with them.
  /// `forward(x, timeline, initial)` runs the model and `final_state(state)` asks for the states behind it; then
  /// `f(window)` may run back and change the parameters. Nothing happens in a window that begins behind the last step.
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

  /// The state that the window at hand began with; behind the last window, see `begin`. Empty: all zero.
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
  bool from_zero_ = true;  // the memory of state_ is kept for the next batch
  bool carries_ = false;
};

}  // namespace unroll
