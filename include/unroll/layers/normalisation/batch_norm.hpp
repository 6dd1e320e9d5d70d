#pragma once

#include <cmath>

#include "unroll/layers/detail/normalising.hpp"

namespace unroll {

/// Divisor of the variance that updates the running variance: n - 1 (unbiased) or n (biased) columns.
enum class RunningVariance { unbiased, biased };

template <class S>
class BatchNormLayer;

/// Batch normalisation (Ioffe & Szegedy 2015, arXiv:1502.03167, Algorithm 1). Normalises every feature to mean 0 and
/// variance 1 over all columns of a batch, then applies a gain and a shift:
///
///     y = weight * (x - mean) / sqrt(variance + epsilon) + bias
///
/// with the variance over n columns. Columns are the valid steps of all samples, without padding, or the samples after
/// pooling. Evaluation uses running means and variances instead of those of the batch. They are the frozen parameters
/// "running_mean" and "running_var", updated by training batches:
///
///     running += momentum * (batch - running)
///
/// The defaults are PyTorch's; `BatchNorm::like_keras()` returns Keras's. A training step does not accept a batch in
/// several parts; see docs/normalisation.md.
struct BatchNorm {
  double epsilon = 1e-5;
  std::optional<double> momentum = 0.1;  ///< weight of a batch, in (0, 1]; none: average of all batches of a run
  bool scaled = true;                    ///< has a gain
  bool shifted = true;                   ///< has a shift
  RunningVariance running_variance = RunningVariance::unbiased;

  /// Keras's defaults. Keras's momentum is 1 minus this one.
  static BatchNorm like_keras() {
    return {.epsilon = 1e-3, .momentum = 0.01, .running_variance = RunningVariance::biased};
  }

  template <class S>
  using Layer = BatchNormLayer<S>;
};

namespace detail {

template <class S>
struct BatchNormWeights {
  GainAndShift<S> affine;
  const S* running_mean = nullptr;
  const S* running_var = nullptr;
};

}  // namespace detail

template <class S>
class BatchNormLayer : public LayerBase<S, detail::BatchNormWeights<S>>, BatchNorm {
 public:
  using typename BatchNormLayer::LayerBase::Weights;
  struct Tape {
    Buffer<S> output;
    VectorX<double> mean, squares;  // of the batch: means, sums of squared differences from the mean
    Index count = 0;                // columns of the batch; 0 in evaluation
    VectorX<S> centre, scale;       // subtracted mean, and 1 / sqrt(variance + epsilon)
    VectorX<double> d_gain, d_shift;
    VectorX<S> along, offset, factor;  // of the backward pass
  };

  explicit BatchNormLayer(BatchNorm given) : BatchNorm(given) {}

  Shape connect(Shape in) {
    detail::check_divisor<S>("", "epsilon", epsilon);
    if (momentum) detail::check_option(*momentum > 0 && *momentum <= 1, "", "momentum", "in (0, 1]", *momentum);
    features_ = in.features;
    table_ = {};
    detail::GainAndShift<S>::add_to(table_, features_, scaled, shifted);
    for (const std::string_view block : {"running_mean", "running_var"}) add_frozen(block, features_);
    if (!momentum) add_frozen("batches", 1);
    return in;
  }
  std::string_view name() const { return "batch norm"; }
  LayerOptions options() const {
    const bool unbiased = running_variance == RunningVariance::unbiased;
    LayerOptions all{{"layer", "batch norm"}, {"epsilon", epsilon}, {"scaled", scaled}, {"shifted", shifted}};
    if (momentum)
      all.emplace_back("momentum", *momentum, OptionUse::training);
    else
      all.emplace_back("momentum", "cumulative", OptionUse::training);
    all.emplace_back("running_variance", unbiased ? "unbiased" : "biased", OptionUse::training);
    return all;
  }
  const ParameterTable& parameters() const { return table_; }
  std::vector<NamedInitializer> named_initializers() const {
    auto named = detail::GainAndShift<S>::named_initializers();
    named.emplace_back("running_var", init::constant(1));
    return named;
  }
  Index kept(Index columns, Index, Keeping) const {
    return features_ * (columns + 5 + 4 * Index(sizeof(double) / sizeof(S)));
  }

  void prepare(const S* theta, Weights& weights) const {
    weights.running_mean = weights.affine.read(theta, features_, scaled, shifted);
    weights.running_var = weights.running_mean + features_;
  }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass& pass, const State<S>&, Tape& tape) const {
    tape.count = pass.training ? in.values.cols() : 0;
    pass.training ? of_batch(in.values, tape) : of_run(weights, tape);
    auto out = tape.output.shape(features_, in.values.cols());
    for (Index c = 0; c < out.cols(); ++c)
      detail::each_row<S>(features_, [&]<class V>(V, Index row) {
        const V gain = V::load(weights.affine.gain.data() + row), shift = V::load(weights.affine.shift.data() + row);
        fma(normal<V>(in, tape, row, c), gain, shift).store(out.data() + c * features_ + row);
      });
    return {view(std::as_const(out)), in.timeline};
  }

  void backward(const Weights& weights, const Signal<S>& in, const Pass&, ConstView<S> d_out, const State<S>&,
                Tape& tape, S* gradient, View<S> d_in, State<S>*) const {
    const auto terms = [&]<class V>(V, Index row, Index c) {
      const V d = detail::lanes_at<V>(d_out, row, c);
      return std::array{d * normal<V>(in, tape, row, c), d};
    };
    detail::sum_columns<S, 2>(features_, d_out.cols(), terms, {&tape.d_gain, &tape.d_shift});
    detail::GainAndShift<S>::add_gradients(tape.d_gain, tape.d_shift, scaled, shifted, gradient);
    if (d_in.data() != nullptr) back(weights, in, d_out, tape, d_in);
  }

  /// Column count, means, and sums of squared differences from the mean.
  Index statistics() const { return 1 + 2 * features_; }

  /// Combines two batches: Chan et al. 1983, eq. 2.1.
  void add_statistics(const Tape& tape, double* to) const {
    if (tape.count == 0) return;
    Eigen::Map<VectorX<double>> mean(to + 1, features_), squares(to + 1 + features_, features_);
    const double before = *to, all = before + double(tape.count), share = double(tape.count) / all;
    for (Index k = 0; k < features_; ++k) {
      const double apart = tape.mean[k] - mean[k];
      mean[k] += share * apart;
      squares[k] += tape.squares[k] + before * share * apart * apart;
    }
    *to = all;
  }

  void update_statistics(const double* from, S* theta) const {
    const double count = from[0];
    if (count == 0) return;
    S* const running_mean = theta + (Index(scaled) + Index(shifted)) * features_;
    S* const running_var = running_mean + features_;
    const double weight = momentum ? *momentum : 1 / double(++running_var[features_]);
    const double divisor = running_variance == RunningVariance::biased ? count : count - 1;
    const auto follow = [weight](S& running, double batch) {
      running = S(double(running) + weight * (batch - double(running)));
    };
    for (Index k = 0; k < features_; ++k) {
      follow(running_mean[k], from[1 + k]);
      if (divisor > 0) follow(running_var[k], from[1 + features_ + k] / divisor);
    }
  }

 private:
  void add_frozen(std::string_view block, Index rows) {
    table_.add_block({.name = std::string(block),
                      .role = Role::bias,
                      .offset = table_.reserve(rows, 1),
                      .rows = rows,
                      .cols = 1,
                      .stride = rows,
                      .frozen = {true}});
  }

  template <class V>
  EIGEN_ALWAYS_INLINE static V apart(const ConstView<S>& x, const Tape& tape, Index row, Index c) {
    return detail::lanes_at<V>(x, row, c) - V::load(tape.centre.data() + row);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE static V normal(const Signal<S>& in, const Tape& tape, Index row, Index c) {
    return apart<V>(in.values, tape, row, c) * V::load(tape.scale.data() + row);
  }

  void of_batch(const ConstView<S>& x, Tape& tape) const {
    const double share = 1 / double(std::max<Index>(x.cols(), 1));
    const auto value = [&]<class V>(V, Index row, Index c) { return std::array{detail::lanes_at<V>(x, row, c)}; };
    detail::sum_columns<S, 1>(features_, x.cols(), value, {&tape.mean});
    tape.mean *= share;
    tape.centre = tape.mean.template cast<S>();
    const auto square = [&]<class V>(V, Index row, Index c) {
      const V d = apart<V>(x, tape, row, c);
      return std::array{d * d};
    };
    detail::sum_columns<S, 1>(features_, x.cols(), square, {&tape.squares});
    tape.scale.resize(features_);
    for (Index k = 0; k < features_; ++k) tape.scale[k] = S(1 / std::sqrt(share * tape.squares[k] + epsilon));
  }

  void of_run(const Weights& weights, Tape& tape) const {
    tape.centre = Eigen::Map<const VectorX<S>>(weights.running_mean, features_);
    tape.scale.resize(features_);
    for (Index k = 0; k < features_; ++k) tape.scale[k] = S(1 / std::sqrt(double(weights.running_var[k]) + epsilon));
  }

  /// With n = (x - mean) scale: d_in = weight scale (d_out - mean(d_out) - n mean(d_out n)), with means over the batch.
  /// In evaluation both means are 0, because the statistics do not depend on the columns.
  void back(const Weights& weights, const Signal<S>& in, const ConstView<S>& d_out, Tape& tape, View<S>& d_in) const {
    const double share = tape.count > 0 ? 1 / double(tape.count) : 0;
    tape.along = (share * tape.d_gain).template cast<S>();
    tape.offset = (share * tape.d_shift).template cast<S>();
    tape.factor = tape.scale.cwiseProduct(weights.affine.gain);
    for (Index c = 0; c < d_in.cols(); ++c)
      detail::each_row<S>(features_, [&]<class V>(V, Index row) {
        const V level = detail::lanes_at<V>(d_out, row, c) - V::load(tape.offset.data() + row);
        const V rest = level - normal<V>(in, tape, row, c) * V::load(tape.along.data() + row);
        (rest * V::load(tape.factor.data() + row)).store(d_in.data() + c * d_in.outerStride() + row);
      });
  }

  Index features_ = 0;
  ParameterTable table_;
};

}  // namespace unroll
