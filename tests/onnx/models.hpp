#pragma once
// Models with every layer and cell that ONNX has, for round trips and for ONNX Runtime.

#include <functional>
#include <string>
#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/conv_transpose1d.hpp>
#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/layers/normalisation/softmax.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/models/stack.hpp>
#include <utility>
#include <vector>

namespace onnx_models {

using namespace unroll;
using Layers = std::vector<AnyLayer<float>>;

constexpr Index features = 3, tokens = 7;

struct Named {
  std::string name;
  Layers layers;
  bool of_tokens = false;
};

/// Recurrent layers in all directions.
template <template <class, int...> class C>
void add_cell(std::vector<Named>& to, const std::string& name) {
  to.push_back({name, {Recurrent<C>{.units = 4}}});
  to.push_back({name + "_backward", {Recurrent<C>{.units = 4, .direction = Direction::backward}}});
  to.push_back({name + "_both", {Bidirectional<C>{.units = 4}, Dense{.units = 2}}});
}

inline void add_cells(std::vector<Named>& to) {
  add_cell<Lstm>(to, "lstm");
  add_cell<Gru>(to, "gru");
  add_cell<GruResetBefore>(to, "gru_reset_before");
  add_cell<Elman>(to, "elman");
  to.push_back({"peephole", {Recurrent<PeepholeLstm>{.units = 4}}});
  to.push_back({"coupled", {Recurrent<CoupledLstm>{.units = 4}}});
  to.push_back({"coupled_peephole", {Bidirectional<CoupledPeepholeLstm>{.units = 4}}});
  to.push_back({"rnn_relu", {Recurrent<ElmanWith<Relu>::Cell>{.units = 4}}});
  to.push_back({"rnn_sigmoid", {Recurrent<ElmanWith<Sigmoid>::Cell>{.units = 4}}});
  to.push_back({"rnn_softplus", {Recurrent<ElmanWith<Softplus>::Cell>{.units = 4}}});
  to.push_back({"rnn_softsign", {Recurrent<ElmanWith<Softsign>::Cell>{.units = 4}}});
  to.push_back({"rnn_leaky_relu", {Recurrent<ElmanWith<LeakyRelu>::Cell>{.units = 4}}});
  to.push_back({"rnn_elu", {Bidirectional<ElmanWith<Elu>::Cell>{.units = 4}}});
  to.push_back({"rnn_hard_sigmoid", {Recurrent<ElmanWith<HardSigmoid>::Cell>{.units = 4}}});
  to.push_back({"lstm_without_biases", {Recurrent<Lstm>{.units = 4, .biased = false}}});
  to.push_back({"gru_without_biases", {Bidirectional<Gru>{.units = 4, .biased = false}, Dense{.units = 2}}});
  const std::pair<std::string, Merge> merges[] = {
      {"sum", Merge::sum}, {"product", Merge::product}, {"average", Merge::average}};
  for (const auto& [name, merge] : merges)
    to.push_back({"merge_" + name, {Bidirectional<Gru>{.units = 4, .merge = merge}}});
  for (const auto& [name, merge] : merges)
    to.push_back({"last_" + name, {Bidirectional<Gru>{.units = 4, .merge = merge, .returns = Returns::last}}});
  to.push_back({"last", {Recurrent<Lstm>{.units = 4, .returns = Returns::last}, Dense{.units = 2}}});
  to.push_back(
      {"last_backward", {Recurrent<Gru>{.units = 4, .direction = Direction::backward, .returns = Returns::last}}});
  to.push_back({"last_both", {Bidirectional<Lstm>{.units = 4, .returns = Returns::last}, Dense{.units = 2}}});
}

template <Activation A>
void add_function(std::vector<Named>& to, A function = {}) {
  to.push_back({"function_" + std::string(A::name), {Dense{.units = 5}, Activate<A>{function}}});
}

inline void add_functions(std::vector<Named>& to) {
  add_function<Identity>(to);
  add_function<Sigmoid>(to);
  add_function<Tanh>(to);
  add_function<Relu>(to);
  add_function<LeakyRelu>(to, {.negative_slope = 0.3});
  add_function<Elu>(to, {.alpha = 0.7});
  add_function<HardSigmoid>(to, {.alpha = 0.3, .beta = 0.4});
  add_function<HardTanh>(to, {.low = -0.5, .high = 0.25});
  add_function<Softplus>(to);
  add_function<Softsign>(to);
  add_function<Gelu>(to);
  add_function<GeluTanh>(to);
  add_function<Silu>(to);
  add_function<Exp>(to);
  add_function<Exp2>(to);
  add_function<Square>(to);
  add_function<Abs>(to);
  to.push_back({"function_sqrt", {Activate<Abs>{}, Activate<Sqrt>{}}});
  to.push_back({"function_log", {Activate<Exp>{}, Activate<Log>{}}});
}

inline void add_convolutions(std::vector<Named>& to) {
  to.push_back({"conv_valid", {Conv1d{.units = 4, .kernel = 3}}});
  to.push_back({"conv_number", {Conv1d{.units = 4, .kernel = 3, .stride = 2, .padding = 2}}});
  to.push_back({"conv_same", {Conv1d{.units = 4, .kernel = 4, .padding = same()}}});
  to.push_back({"conv_same_stride", {Conv1d{.units = 4, .kernel = 4, .stride = 3, .padding = same()}}});
  to.push_back({"conv_causal", {Conv1d{.units = 6, .kernel = 3, .dilation = 2, .groups = 3, .padding = causal()}}});
  to.push_back(
      {"conv_causal_stride", {Conv1d{.units = 4, .kernel = 3, .stride = 2, .padding = causal(), .biased = false}}});
  to.push_back({"transpose_valid", {ConvTranspose1d{.units = 4, .kernel = 3, .stride = 2}}});
  to.push_back(
      {"transpose_number",
       {ConvTranspose1d{.units = 6, .kernel = 4, .stride = 3, .groups = 3, .padding = 1, .output_padding = 2}}});
  to.push_back({"transpose_same", {ConvTranspose1d{.units = 4, .kernel = 5, .stride = 2, .padding = same()}}});
  to.push_back({"transpose_same_wide",
                {ConvTranspose1d{.units = 4, .kernel = 2, .stride = 3, .padding = same(), .biased = false}}});
  to.push_back({"upsample", {Upsample{.factor = 3}, Dense{.units = 2}}});
  to.push_back({"max_pool", {MaxPool1d{.kernel = 3, .stride = 2, .padding = 1}}});
  to.push_back({"max_pool_dilated", {MaxPool1d{.kernel = 3, .stride = 1, .dilation = 2, .padding = 2}}});
  to.push_back({"max_pool_causal", {MaxPool1d{.kernel = 3, .stride = 1, .padding = causal()}}});
  to.push_back({"max_pool_ceil", {MaxPool1d{.kernel = 2, .ceil_mode = true}}});
  to.push_back({"average_pool", {AveragePool1d{.kernel = 3, .stride = 2, .padding = 1}}});
  to.push_back(
      {"average_pool_counted", {AveragePool1d{.kernel = 3, .stride = 2, .padding = 1, .count_padding = true}}});
  to.push_back({"average_pool_same", {AveragePool1d{.kernel = 4, .stride = 1, .padding = same()}}});
  to.push_back({"last_step", {LastStep{}, Dense{.units = 2}}});
  to.push_back({"mean_over_time", {MeanOverTime{}, Dense{.units = 2}}});
  to.push_back({"max_over_time", {MaxOverTime{}, BatchNorm{}}});
}

inline Graph<float> residual() {
  Graph<float> graph;
  const auto in = graph.input();
  const auto wide = graph.add(Dense{.units = 4}, in);
  const auto deep = graph.add(Recurrent<Gru>{.units = 4}, graph.add(LayerNorm{}, wide));
  const auto gate = graph.product({graph.add(Activate<Sigmoid>{}, deep), wide});
  graph.concat({graph.sum({wide, deep}), gate, graph.mean({deep, wide})});
  return graph;
}

inline std::vector<Named> all() {
  std::vector<Named> to;
  add_cells(to);
  add_functions(to);
  add_convolutions(to);
  to.push_back({"dense", {Dense{.units = 4, .biased = false}, Dropout{}, Dense{.units = 2}}});
  to.push_back({"batch_norm", {BatchNorm{.epsilon = 1e-3}, BatchNorm{.scaled = false, .shifted = false}}});
  to.push_back({"layer_norm", {LayerNorm{.epsilon = 1e-3}, LayerNorm{.scaled = false, .shifted = false}}});
  to.push_back({"softmax", {Dense{.units = 3}, Softmax{}}});
  to.push_back({"rms_norm", {LayerNorm{.shifted = false, .centred = false}}});
  to.push_back({"graph", {residual(), Dense{.units = 2}}});
  to.push_back({"embedding",
                {Embedding{.size = tokens, .dimension = 4}, Recurrent<Lstm>{.units = 4}, Dense{.units = tokens}},
                true});
  to.push_back({"tied",
                {Embedding{.size = tokens, .dimension = 4}, Recurrent<Gru>{.units = 4}, TiedDense{.embedding = 0}},
                true});
  return to;
}

/// Model with random parameters; variances are above 0.
inline Stack<float> model_of(const Named& named) {
  Stack<float> model(named.of_tokens ? 1 : features, named.layers);
  const Random random(7, Purpose::sample);
  auto& values = model.parameters().values();
  for (Index k = 0; k < values.size(); ++k) values[k] = float(0.5 * random.normal(std::uint64_t(k)));
  for (const ParameterBlock& block : model.parameters().table().blocks())
    if (block.name.ends_with("running_var"))
      model.parameters().block(block).array() = model.parameters().block(block).array().abs() + 0.5f;
  return model;
}

/// Input of a batch [features x steps * batch], time-major.
inline MatrixX<float> input_of(const Named& named, Index steps, Index batch) {
  const Random random(11, Purpose::sample);
  return MatrixX<float>::NullaryExpr(named.of_tokens ? 1 : features, steps * batch, [&](Index r, Index c) {
    const double number = random.normal(std::uint64_t(r + 100 * c));
    return named.of_tokens ? float((c * 5 + 3) % tokens) : float(number);
  });
}

}  // namespace onnx_models
