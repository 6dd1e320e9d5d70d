#pragma once
// Global pooling layers: from one column per step to one column per sequence. Only valid steps count; the output of a
// sequence without steps is 0.

#include "unroll/layers/detail/last_step.hpp"
#include "unroll/layers/detail/layer_checks.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll {

namespace detail {

/// Base class of global pooling layers: shapes, pooled timeline and output.
template <class S>
struct Pooling : LayerBase<S> {
  struct Tape {
    Timeline one_step;
    Buffer<S> output;
    Buffer<Index> chosen;  // by MaxOverTime: column of each maximum, -1 for a sequence without steps
  };

  Shape connect(Shape in) {
    detail::check_per_step(in);
    features_ = in.features;
    return {in.features, false};
  }
  Index kept(Index, Index batch, Keeping) const { return features_ * batch; }
  bool causal() const { return false; }

 protected:
  View<S> begin(const Signal<S>& in, Tape& tape) const {
    tape.one_step.assign_one_step(*in.timeline);
    return tape.output.shape(in.values.rows(), in.timeline->batch());
  }
  static Signal<S> result(const Tape& tape) { return {tape.output.view(), &tape.one_step}; }

 private:
  Index features_ = 0;
};

}  // namespace detail

template <class S>
class LastStepLayer;

/// Pooling layer that selects the last valid step of each sequence.
struct LastStep {
  template <class S>
  using Layer = LastStepLayer<S>;
};

template <class S>
class LastStepLayer : public detail::Pooling<S> {
 public:
  using typename detail::Pooling<S>::Tape;

  explicit LastStepLayer(LastStep) {}

  bool of_last_step() const { return true; }

  std::string_view name() const { return "last step"; }
  LayerOptions options() const { return {{"layer", name()}}; }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    detail::gather_last(in.values, *in.timeline, Direction::forward, this->begin(in, tape));
    return this->result(tape);
  }
  void backward(const S*, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&, Tape&, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() != nullptr) detail::scatter_last(d_out, *in.timeline, Direction::forward, d_in);
  }
};

template <class S>
class MeanOverTimeLayer;

/// Mean pooling over the valid steps of each sequence.
struct MeanOverTime {
  template <class S>
  using Layer = MeanOverTimeLayer<S>;
};

template <class S>
class MeanOverTimeLayer : public detail::Pooling<S> {
 public:
  struct Tape : detail::Pooling<S>::Tape {
    Buffer<double> sum;
  };
  static constexpr Index together = 64;  // float sums of this many steps are accumulated in double
  explicit MeanOverTimeLayer(MeanOverTime) {}

  std::string_view name() const { return "mean over time"; }
  LayerOptions options() const { return {{"layer", name()}}; }
  Index kept(Index columns, Index batch, Keeping keeping) const {
    const Index output = detail::Pooling<S>::kept(columns, batch, keeping);
    return output + output * Index(sizeof(double) / sizeof(S));
  }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto mean = this->begin(in, tape);
    const Timeline& timeline = *in.timeline;
    auto sum = tape.sum.zero(mean.rows(), mean.cols());
    for (Index first = 0; first < timeline.steps(); first += together) {
      const Index last = std::min(first + together, timeline.steps()), lasting = timeline.active(first);
      mean.leftCols(lasting).setZero();
      for (Index t = first; t < last; ++t)
        mean.leftCols(timeline.active(t)) += in.values.middleCols(timeline.offset(t), timeline.active(t));
      sum.leftCols(lasting) += mean.leftCols(lasting).template cast<double>();
    }
    for (Index r = 0; r < timeline.batch(); ++r)
      mean.col(r) = (sum.col(r) / double(std::max<Index>(timeline.length(r), 1))).template cast<S>();
    return this->result(tape);
  }
  void backward(const S*, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&, Tape&, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() == nullptr) return;
    const Timeline& timeline = *in.timeline;
    for (Index t = 0; t < timeline.steps(); ++t)
      for (Index r = 0; r < timeline.active(t); ++r)
        d_in.col(timeline.offset(t) + r) = d_out.col(r) / S(timeline.length(r));
  }
};

template <class S>
class MaxOverTimeLayer;

/// Max pooling over the valid steps of each sequence, per feature. The gradient goes to the first step with the
/// maximum.
struct MaxOverTime {
  template <class S>
  using Layer = MaxOverTimeLayer<S>;
};

template <class S>
class MaxOverTimeLayer : public detail::Pooling<S> {
 public:
  using typename detail::Pooling<S>::Tape;

  explicit MaxOverTimeLayer(MaxOverTime) {}

  std::string_view name() const { return "max over time"; }
  LayerOptions options() const { return {{"layer", name()}}; }
  Index kept(Index columns, Index batch, Keeping keeping) const {  // chosen columns are of type Index
    const Index output = detail::Pooling<S>::kept(columns, batch, keeping);
    return output + output * Index(sizeof(Index) / sizeof(S));
  }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto greatest = this->begin(in, tape);
    auto chosen = tape.chosen.shape(greatest.rows(), greatest.cols());
    chosen.setConstant(-1);
    greatest.setZero();
    for (Index c = 0; c < in.values.cols(); ++c) {
      const Index r = in.timeline->rank_of(c);
      for (Index k = 0; k < greatest.rows(); ++k)
        if (chosen(k, r) < 0 || !(in.values(k, c) <= greatest(k, r))) {  // propagates a NaN
          if (chosen(k, r) >= 0 && greatest(k, r) != greatest(k, r)) continue;
          greatest(k, r) = in.values(k, c);
          chosen(k, r) = c;
        }
    }
    return this->result(tape);
  }
  void backward(const S*, const Signal<S>&, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() == nullptr) return;
    d_in.setZero();
    const auto chosen = tape.chosen.view();
    for (Index r = 0; r < d_out.cols(); ++r)
      for (Index k = 0; k < d_out.rows(); ++k)
        if (chosen(k, r) >= 0) d_in(k, chosen(k, r)) = d_out(k, r);
  }
};

}  // namespace unroll
