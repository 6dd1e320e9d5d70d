#pragma once
// NeuralAudio's static LSTM with the weights of a model: one LSTM layer with one input, and a dense layer with one
// output. Needs the sources of NeuralAudio, which the option UNROLL_NEURAL_AUDIO names.

#include <NeuralAudio/LSTM.h>

#include <memory>
#include <vector>

namespace peers {

template <int units>
class NeuralAudioLstm {
 public:
  static constexpr const char* name = "neural_audio";

  /// `weights` as PlainLstm: gates i, f, o, g stacked.
  explicit NeuralAudioLstm(const auto& weights) : model_(std::make_unique<NeuralAudio::LSTMModel<units>>()) {
    std::vector<float> all;
    for (const int gate : {0, 1, 3, 2})
      for (int row = gate * units; row < (gate + 1) * units; ++row) {
        all.push_back(weights.w[row]);
        for (int k = 0; k < units; ++k) all.push_back(weights.u(row, k));
      }
    for (const int gate : {0, 1, 3, 2})
      for (int row = gate * units; row < (gate + 1) * units; ++row) all.push_back(weights.b[row]);
    all.resize(all.size() + 2 * units);  // initial states
    for (int k = 0; k < units; ++k) all.push_back(weights.dense[k]);
    all.push_back(weights.dense_b);
    model_->SetNAMWeights(all);
  }

  void run(const float* x, float* y, std::size_t steps) { model_->Process(x, y, int(steps)); }

 private:
  std::unique_ptr<NeuralAudio::LSTMModel<units>> model_;
};

}  // namespace peers
