#pragma once
// RTNeural's static layers with the weights of a model: one LSTM or GRU layer with one input, and a dense layer with
// one output. Needs the sources of RTNeural, which the option UNROLL_RTNEURAL names; RTNEURAL_USE_EIGEN or
// RTNEURAL_USE_XSIMD selects its back end.

#include <RTNeural/common.h>
#include <RTNeural/dense/dense.h>
#include <RTNeural/gru/gru.h>
#include <RTNeural/lstm/lstm.h>

#include <memory>
#include <vector>

namespace peers {

/// Layer of RTNeural with `units` units, then one output. Gate k of RTNeural is gate order[k] of the weights.
template <template <class, int, int, RTNeural::SampleRateCorrectionMode, class> class Layer, int units, int gates>
class RtNeural {
 public:
#if RTNEURAL_USE_XSIMD
  static constexpr const char* name = "rtneural_xsimd";
#else
  static constexpr const char* name = "rtneural_eigen";
#endif

  /// `weights` as PlainLstm or PlainGru.
  RtNeural(const auto& weights, const std::vector<int>& order) : all_(std::make_unique<Layers>()) {
    using Rows = std::vector<std::vector<float>>;
    Rows w(1), u(units), b(2), dense(1);
    for (const int gate : order)
      for (int row = gate * units; row < (gate + 1) * units; ++row) {
        w[0].push_back(weights.w[row]);
        b[0].push_back(weights.b[row]);
        b[1].push_back(gate == 2 ? weights.n_b[row - gate * units] : 0);
        for (int k = 0; k < units; ++k) u[std::size_t(k)].push_back(weights.u(row, k));
      }
    for (int k = 0; k < units; ++k) dense[0].push_back(weights.dense[k]);
    all_->layer.setWVals(w);
    all_->layer.setUVals(u);
    if constexpr (gates == 4)
      all_->layer.setBVals(b[0]);
    else
      all_->layer.setBVals(b);
    all_->dense.setWeights(dense);
    float bias = weights.dense_b;
    all_->dense.setBias(&bias);
  }

  void run(const float* x, float* y, std::size_t steps) {
    Layers& all = *all_;
    for (std::size_t t = 0; t < steps; ++t) {
#if RTNEURAL_USE_XSIMD
      const xsimd::simd_type<float> in[1] = {xsimd::simd_type<float>(x[t])};
      all.layer.forward(in);
      all.dense.forward(all.layer.outs);
      y[t] = all.dense.outs[0].get(0);
#else
      all.layer.forward(Eigen::Matrix<float, 1, 1>(x[t]));
      all.dense.forward(all.layer.outs);
      y[t] = all.dense.outs(0);
#endif
    }
  }

 private:
  struct Layers {
    Layer<float, 1, units, RTNeural::SampleRateCorrectionMode::None, RTNeural::DefaultMathsProvider> layer;
    RTNeural::DenseT<float, units, 1> dense;
  };
  std::unique_ptr<Layers> all_;
};

template <int units>
struct RtNeuralLstm : RtNeural<RTNeural::LSTMLayerT, units, 4> {
  explicit RtNeuralLstm(const auto& weights) : RtNeuralLstm::RtNeural(weights, {0, 1, 3, 2}) {}
};

template <int units>
struct RtNeuralGru : RtNeural<RTNeural::GRULayerT, units, 3> {
  explicit RtNeuralGru(const auto& weights) : RtNeuralGru::RtNeural(weights, {1, 0, 2}) {}
};

}  // namespace peers
