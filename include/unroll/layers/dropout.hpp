#pragma once

#include "unroll/core/option_checks.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll {

template <class S>
class DropoutLayer;

/// Inverted dropout (Srivastava et al. 2014). In training each value is 0 with probability `rate` and is otherwise
/// divided by 1 - rate. The identity in evaluation.
///
/// The mask depends only on (seed, update, layer, sample, step, feature), not on threads or on the order of samples in
/// the batch.
struct Dropout {
  double rate = 0.5;                ///< probability that a value is dropped, in [0, 1)
  bool same_for_all_steps = false;  ///< one mask per sample for all steps (Gal & Ghahramani 2016)

  template <class S>
  using Layer = DropoutLayer<S>;
};

template <class S>
class DropoutLayer : public LayerBase<S>, Dropout {
 public:
  struct Tape {
    Buffer<S> mask, output;
    bool active = false;
  };

  explicit DropoutLayer(Dropout given) : Dropout(given) {}

  Shape connect(Shape in) {
    detail::check_below_one<S>("", "rate", rate);
    features_ = in.features;
    return in;
  }
  std::string_view name() const { return "dropout"; }
  LayerOptions options() const {
    return {{"layer", "dropout"},
            {"rate", rate, OptionUse::training},
            {"same_for_all_steps", same_for_all_steps, OptionUse::training}};
  }
  Index kept(Index columns, Index, Keeping) const { return 2 * features_ * columns; }

  Signal<S> forward(const S*, const Signal<S>& in, const Pass& pass, const State<S>&, Tape& tape) const {
    tape.active = pass.training && rate > 0;
    if (!tape.active) return in;
    auto mask = tape.mask.shape(in.values.rows(), in.values.cols());
    const S scale = S(1 / (1 - rate));
    for (Index c = 0; c < mask.cols(); ++c) {
      const Index step = same_for_all_steps ? 0 : in.timeline->step_of(c);
      const Random random(pass.seed, Purpose::dropout, key(pass.layer, in.timeline->place_of(c)),
                          key(pass.update, step));
      random.fill_bernoulli(rate, S(1), mask.col(c));
      mask.col(c).array() = scale * (1 - mask.col(c).array());  // a 1 marks a dropped value
    }
    auto out = tape.output.shape(mask.rows(), mask.cols());
    out = in.values.cwiseProduct(mask);
    return {view(std::as_const(out)), in.timeline};
  }

  void backward(const S*, const Signal<S>&, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S*,
                View<S> d_in, State<S>*) const {
    if (d_in.data() == nullptr) return;
    if (tape.active)
      d_in = d_out.cwiseProduct(std::as_const(tape.mask).view());
    else
      d_in = d_out;
  }

 private:
  static std::uint64_t key(std::uint64_t high, Index low) { return high << 32 | std::uint64_t(low); }

  Index features_ = 0;
};

}  // namespace unroll
