#pragma once
// Truncated backpropagation through time: Williams & Peng 1990 (Neural Computation 2), BPTT(h; h').

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/timeline.hpp"
#include "unroll/engine/state.hpp"

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
  Index windows(Index steps) const { return active() && steps > 0 ? (steps + update_every - 1) / update_every : 1; }
  Window window(Index k, Index steps) const {
    if (!active()) return {0, 0, steps};
    const Index scored = k * update_every;
    return {std::max<Index>(0, scored - (reach() - update_every)), scored, std::min(scored + update_every, steps)};
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

/// The windows of a batch, run one after the other with the state carried. Keeps its memory from batch to batch.
template <class Model>
class TruncatedRun {
 public:
  using Scalar = typename Model::Scalar;
  using States = std::vector<State<Scalar>>;

  /// For each window a pass forward of the model on `tape`, then `f(window, output)`, which may run back on the tape
  /// and change the parameters. `carried` is the state before the first step (empty: zero), by sample; afterwards the
  /// one behind the last. Throws ValueError for a model in which a step depends on later ones.
  template <class Pass, class F>
  void operator()(const Model& model, ConstView<Scalar> x, const Timeline& timeline, const Truncation& truncation,
                  const Pass& pass, typename Model::Tape& tape, States* carried, F&& f) {
    check(model, truncation);
    from_zero_ = carried == nullptr || carried->empty();
    if (!from_zero_) state_ = *carried;
    const Index steps = timeline.steps(), count = truncation.windows(steps);
    for (Index k = 0; k < count; ++k) {
      const Window window = truncation.window(k, steps);
      const Index keep = k + 1 < count        ? truncation.window(k + 1, steps).begin
                         : carried != nullptr ? steps
                                              : window.begin;
      if (keep > window.begin && keep < window.end) {
        pass_over(model, x, timeline, {window.begin, keep, keep}, pass, tape);
        model.final_state(tape, next_);
      }
      const auto output = pass_over(model, x, timeline, window, pass, tape);
      if (keep > window.begin && keep == window.end) model.final_state(tape, next_);
      f(window, output);
      if (keep > window.begin) advance();
    }
    if (carried != nullptr && !from_zero_) *carried = state_;
  }

  /// The state that the window at hand began with.
  const States& initial() const { return from_zero_ ? zero_ : state_; }

 private:
  void advance() {
    std::swap(state_, next_);
    from_zero_ = false;
  }

  static void check(const Model& model, const Truncation& truncation) {
    truncation.check();
    require<ValueError>(
        !truncation.active() || model.causal(),
        "truncation: a layer of this model reads later steps (it is bidirectional, runs backward or pools "
        "over time), so the model cannot be run window by window");
  }

  ConstView<Scalar> pass_over(const Model& model, ConstView<Scalar> x, const Timeline& timeline, const Window& window,
                              const auto& pass, typename Model::Tape& tape) {
    if (window.begin == 0 && window.end == timeline.steps()) return model.forward(x, timeline, tape, pass, initial());
    part_.assign_window(timeline, window.begin, window.end);
    const Index first = timeline.offset(window.begin);
    const ConstView<Scalar> columns(x.data() + first * x.outerStride(), x.rows(), part_.columns(),
                                    Eigen::OuterStride<>(x.outerStride()));
    return model.forward(columns, part_, tape, pass, initial());
  }

  Timeline part_;
  States state_, next_;
  const States zero_ = {};
  bool from_zero_ = true;  // the memory of state_ is kept for the next batch
};

}  // namespace unroll
