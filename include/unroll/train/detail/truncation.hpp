#pragma once
// Truncated backpropagation through time: Williams & Peng 1990 (Neural Computation 2), BPTT(h; h') and BPTT(h).

#include <algorithm>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/cell/state.hpp"
#include "unroll/core/buffer.hpp"
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

/// Sequences processed window by window with carried state, their last steps alone, or all steps in one pass whose
/// gradient of the states ends at the windows. Memory is reused between batches.
template <class Model>
class TruncatedRun {
 public:
  using Scalar = typename Model::Scalar;
  using States = std::vector<State<Scalar>>;

  /// Throws ValueError for lengths out of range, and for a model that cannot be truncated in this way.
  static void check(const Model& model, const Truncation& truncation) {
    truncation.check();
    if (truncation.back_alone() && is_of_last_step(model))
      check_last_steps(model);
    else if (truncation.back_alone())
      check_detached(model);
    require<ValueError>(!truncation.active() || model.per_step(),
                        "truncation: update_every must be 0 steps for a model with one output per sequence, got ",
                        truncation.update_every, "; set back alone");
    require<ValueError>(!truncation.active() || model.causal(),
                        "truncation: the model reads later steps (bidirectional, backward or pooling over time); train "
                        "it without truncation");
  }

  /// Starts a batch. `first`: state before the first step, by sample; nullptr or empty: zero. If `carries`, `state()`
  /// returns the state after the last step once the last window is done. Throws what `check` throws.
  void begin(const Model& model, const Truncation& truncation, const States* first, bool carries) {
    check(model, truncation);
    truncation_ = truncation;
    last_steps_ = truncation.back_alone() && is_of_last_step(model);
    carries_ = carries;
    from_zero_ = first == nullptr || first->empty();
    first_ = from_zero_ ? &zero_ : first;
    if (!from_zero_) state_ = *first;
  }

  /// Runs window `k` of `steps` steps, limited to the steps of these sequences. `forward(x, timeline, initial, learns)`
  /// runs the model, `final_state(state)` returns the states after it, and `f(window)` may run the backward pass and
  /// change the parameters. Without `learns` only the states are used. A window after the last step is skipped.
  template <class Forward, class FinalState, class F>
  void window(Index k, Index steps, ConstView<Scalar> x, const Timeline& timeline, const Forward& forward,
              const FinalState& final_state, F&& f) {
    if (last_steps_) return last_steps(x, timeline, forward, final_state, f);
    const Window window = clipped(truncation_.window(k, steps), timeline);
    if (window.begin == window.end && k > 0) return;
    const bool last = k + 1 == truncation_.windows(steps);
    const Index keep = !last      ? clipped(truncation_.window(k + 1, steps), timeline).begin
                       : carries_ ? timeline.steps()
                                  : window.begin;
    if (keep > window.begin && keep < window.end) {
      pass_over(x, timeline, {window.begin, keep, keep}, forward, false);
      final_state(next_);
    }
    pass_over(x, timeline, window, forward, true);
    if (keep > window.begin && keep == window.end) final_state(next_);
    f(window);
    if (keep > window.begin) advance();
  }

  /// Pass::detach_every of the passes.
  Index detach_every() const { return truncation_.back_alone() && !last_steps_ ? truncation_.back : 0; }
  /// Initial state of the present window; after the last window, see `begin`. Empty: zero.
  const States& state() const { return from_zero_ ? zero_ : state_; }
  /// State before the first step of the batch. Empty: zero.
  const States& first() const { return *first_; }

 private:
  /// Whether the one output of each sequence is that of its last step. Throws ValueError for an output per step.
  static bool is_of_last_step(const Model& model) {
    require<ValueError>(!model.per_step(),
                        "truncation: update_every must be at least 1 step for a model with an output per step, got 0; "
                        "back alone is for one output per sequence");
    bool last = true;
    model.each_layer([&](const auto& layer, std::size_t k) {
      if (model.shape(k).per_step && !model.shape(k + 1).per_step) last = layer.of_last_step();
    });
    return last;
  }
  /// Throws ValueError unless the gradients of all states can end at windows.
  static void check_detached(const Model& model) {
    model.each_layer([&](const auto& layer, std::size_t k) {
      require<ValueError>(
          layer.state_rows().empty() || layer.detaches(), "truncation: layer ", k, " (", layer.name(),
          "): the gradients of its states cannot end at windows; use forward recurrent layers, or leave "
          "back out");
    });
  }
  /// Throws ValueError unless the output follows from the last steps and the states before them.
  static void check_last_steps(const Model& model) {
    model.each_layer([&](const auto& layer, std::size_t k) {
      require<ValueError>(layer.causal() || layer.of_last_step(), "truncation: layer ", k, " (", layer.name(),
                          "): the layer reads later steps, changes their number, or its output is not that of the last "
                          "step; use forward layers with LastStep or Returns::last, or leave back out");
      require<ValueError>(layer.statistics() == 0 || !model.shape(k).per_step, "truncation: layer ", k, " (",
                          layer.name(),
                          "): the statistics of all steps are not those of the last steps; leave back out");
    });
  }

  /// Runs the last `back` steps of each sequence from the states before them. The steps before run in windows of `back`
  /// steps, so memory does not depend on the lengths.
  template <class Forward, class FinalState, class F>
  void last_steps(ConstView<Scalar> x, const Timeline& timeline, const Forward& forward, const FinalState& final_state,
                  F&& f) {
    const Index steps = timeline.steps(), back = truncation_.back;
    const auto before = [back](Index n) { return std::max(n - back, Index(0)); };
    for (Index first = 0; first < steps - back; first += back) {
      const auto at_most = [&](Index limit) { return [=](Index n) { return std::min(limit, before(n)); }; };
      forward(gathered(x, timeline, at_most(first), at_most(first + back)), part_, state(), false);
      final_state(next_);
      advance();
    }
    if (steps <= back)
      forward(x, timeline, state(), true);
    else
      forward(gathered(x, timeline, before, [](Index n) { return n; }), part_, state(), true);
    if (carries_) final_state(next_);
    f(Window{0, 0, steps});
    if (carries_) advance();
  }

  /// Columns of the steps [first(n), last(n)) of each sequence of n steps; sets `part_` to their timeline.
  template <class First, class Last>
  ConstView<Scalar> gathered(ConstView<Scalar> x, const Timeline& timeline, const First& first, const Last& last) {
    part_.assign_steps(timeline, first, last);
    View<Scalar> to = x_.shape(x.rows(), part_.columns());
    for (Index t = 0; t < part_.steps(); ++t)
      for (Index r = 0; r < part_.active(t); ++r)
        to.col(part_.offset(t) + r) = x.col(timeline.offset(first(timeline.length(r)) + t) + r);
    return view(std::as_const(to));
  }

  void advance() {
    std::swap(state_, next_);
    from_zero_ = false;
  }

  static Window clipped(Window window, const Timeline& timeline) {
    const Index steps = timeline.steps();
    return {std::min(window.begin, steps), std::min(window.scored, steps), std::min(window.end, steps)};
  }

  template <class Forward>
  void pass_over(ConstView<Scalar> x, const Timeline& timeline, const Window& window, const Forward& forward,
                 bool learns) {
    if (window.begin == 0 && window.end == timeline.steps()) return forward(x, timeline, state(), learns);
    part_.assign_window(timeline, window.begin, window.end);
    forward(detail::from_column(x, timeline.offset(window.begin), part_.columns()), part_, state(), learns);
  }

  Truncation truncation_;
  Timeline part_;
  Buffer<Scalar> x_;  // columns of `part_`, if they are not contiguous
  States state_, next_;
  const States zero_ = {};
  const States* first_ = &zero_;
  bool from_zero_ = true;  // a flag, so that state_ keeps its memory for the next batch
  bool carries_ = false;
  bool last_steps_ = false;
};

}  // namespace detail
}  // namespace unroll
