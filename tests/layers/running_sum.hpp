#pragma once

#include <unroll/layers/layer.hpp>

namespace model_run {

using namespace unroll;

/// Minimal stateful user-defined layer: cumulative sum over time from the initial state.
struct RunningSum : LayerBase<double> {
  struct Tape {
    MatrixX<double> sum, state;
  };
  Index features = 0;

  Shape connect(Shape in) {
    require<ShapeError>(in.per_step, "input must have a column for every step, got one for every sequence");
    features = in.features;
    return in;
  }
  std::string_view name() const { return "running sum"; }
  std::vector<Index> state_rows() const { return {features}; }
  Signal<double> forward(const double*, const Signal<double>& in, const Pass&, const State<double>& initial,
                         Tape& tape) const {
    const Timeline& time = *in.timeline;
    tape.state = initial.empty() ? MatrixX<double>::Zero(features, time.batch()) : time.by_rank(initial[0]);
    tape.sum.resize(features, time.columns());
    for (Index c = 0; c < time.columns(); ++c) tape.sum.col(c) = tape.state.col(time.rank_of(c)) += in.values.col(c);
    return {view(std::as_const(tape.sum)), in.timeline};
  }
  void final_state(const Signal<double>& in, Tape& tape, State<double>& state) const {
    state = {in.timeline->by_sample(tape.state)};
  }
  void backward(const double*, const Signal<double>& in, const Pass&, ConstView<double> d_out,
                const State<double>& d_final, Tape&, double*, View<double> d_in, State<double>* d_initial) const {
    const Timeline& time = *in.timeline;
    MatrixX<double> d = d_final.empty() ? MatrixX<double>::Zero(features, time.batch()) : time.by_rank(d_final[0]);
    for (Index c = time.columns() - 1; c >= 0; --c) {
      if (d_out.data() != nullptr) d.col(time.rank_of(c)) += d_out.col(c);
      if (d_in.data() != nullptr) d_in.col(c) = d.col(time.rank_of(c));
    }
    if (d_initial != nullptr) *d_initial = {time.by_sample(d)};
  }
};

}  // namespace model_run
