#pragma once
// Layers of this library for those of a Keras model.

#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/keras/detail/layer.hpp"
#include "unroll/layers/activation.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/convolution/conv_transpose1d.hpp"
#include "unroll/layers/convolution/upsample.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/graph.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/layers/normalisation/layer_norm.hpp"
#include "unroll/layers/normalisation/softmax.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"
#include "unroll/layers/pooling/pooling1d.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/simd/gelu.hpp"

namespace unroll::detail {

/// Constructs the layers of a KerasFile. Throws FileError, with `file`, for a cell or function that no layer has.
template <class S>
class MadeKerasLayers {
 public:
  explicit MadeKerasLayers(const std::string& file) : file_(file) {}

  /// Layers of a Stack. Layers that are not a chain are nodes of graphs, which are as small as possible.
  std::vector<AnyLayer<S>> all(const std::vector<KerasLayer>& layers) const {
    std::vector<std::size_t> first_read(layers.size() + 1, layers.size());  // smallest input of the layers from k on
    for (std::size_t k = layers.size(); k-- > 0;)
      first_read[k] = std::min(first_read[k + 1], *std::ranges::min_element(layers[k].reads));
    std::vector<AnyLayer<S>> made;
    for (std::size_t begin = 0, end = 0; begin < layers.size(); begin = end) {
      end = begin + 1;
      while (first_read[end] < end) ++end;
      const std::span<const KerasLayer> part = std::span(layers).subspan(begin, end - begin);
      if (part.size() == 1 && !is_merge(part[0].kind))
        made.push_back(one(part[0]));
      else
        made.push_back(graph(part, begin));
    }
    return made;
  }

 private:
  Graph<S> graph(std::span<const KerasLayer> part, std::size_t begin) const {
    using Node = typename Graph<S>::Node;
    Graph<S> graph;
    for (const KerasLayer& layer : part) {
      std::vector<Node> reads;
      for (const std::size_t from : layer.reads) reads.push_back({from - begin});
      if (is_merge(layer.kind))
        graph.merge(merge_of(layer.kind), reads);
      else
        graph.add(one(layer), reads.front());
    }
    return graph;
  }
  static Merge merge_of(std::string_view kind) {
    return kind == "Concatenate" || kind == "concat" ? Merge::concat
           : kind == "Add" || kind == "sum"          ? Merge::sum
           : kind == "Multiply" || kind == "mul"     ? Merge::product
                                                     : Merge::average;
  }

  static Index count(const KerasLayer& layer, const char* name) { return option<Index>(layer, name); }
  static double number(const KerasLayer& layer, const char* name) { return option<double>(layer, name); }
  static bool flag(const KerasLayer& layer, const char* name) { return option<bool>(layer, name); }
  static WindowPadding padding(const KerasLayer& layer) {
    const auto word = option<std::string>(layer, "padding");
    return word == "same" ? same() : word == "causal" ? causal() : valid();
  }
  [[noreturn]] void refuse(const KerasLayer& layer, std::string_view what) const {
    throw FileError(text(file_, ": ", name_of(layer), " must have ", what, "; use import_keras with a model"));
  }

  AnyLayer<S> one(const KerasLayer& layer) const {
    const std::string& kind = layer.kind;
    if (is_recurrent(kind)) return recurrent(layer, kind);
    if (kind == "Bidirectional") return recurrent(layer, option<std::string>(layer, "layer"));
    if (kind == "Dense") return Dense{.units = count(layer, "units"), .biased = flag(layer, "use_bias")};
    if (kind == "Embedding")
      return Embedding{.size = count(layer, "input_dim"), .dimension = count(layer, "output_dim")};
    if (kind == "Conv1D" || kind == "Conv1DTranspose") return convolution(layer);
    if (kind == "MaxPooling1D")
      return MaxPool1d{
          .kernel = count(layer, "pool_size"), .stride = count(layer, "strides"), .padding = padding(layer)};
    if (kind == "AveragePooling1D")
      return AveragePool1d{
          .kernel = count(layer, "pool_size"), .stride = count(layer, "strides"), .padding = padding(layer)};
    if (kind == "GlobalMaxPooling1D") return MaxOverTime{};
    if (kind == "GlobalAveragePooling1D") return MeanOverTime{};
    if (kind == "UpSampling1D") return Upsample{.factor = count(layer, "size")};
    if (is_dropout(kind))
      return Dropout{.rate = number(layer, "rate"), .same_for_all_steps = kind == "SpatialDropout1D"};
    if (kind == "Activation") return function(layer, option<std::string>(layer, "activation"));
    return norm(layer);
  }

  static AnyLayer<S> convolution(const KerasLayer& layer) {
    const Index units = count(layer, "filters"), kernel = count(layer, "kernel_size"), stride = count(layer, "strides"),
                dilation = count(layer, "dilation_rate");
    const bool biased = flag(layer, "use_bias");
    if (layer.kind == "Conv1D")
      return Conv1d{.units = units,
                    .kernel = kernel,
                    .stride = stride,
                    .dilation = dilation,
                    .groups = count(layer, "groups"),
                    .padding = padding(layer),
                    .biased = biased};
    const bool whole = padding(layer).kind() == WindowPadding::Kind::same;
    return ConvTranspose1d{.units = units,
                           .kernel = kernel,
                           .stride = stride,
                           .dilation = dilation,
                           .padding = padding(layer),
                           .output_padding = whole ? 0 : std::max<Index>(0, stride - ((kernel - 1) * dilation + 1)),
                           .biased = biased};
  }

  static AnyLayer<S> norm(const KerasLayer& layer) {
    if (layer.kind == "RMSNormalization")
      return LayerNorm{.epsilon = number(layer, "epsilon"), .shifted = false, .centred = false};
    const bool scaled = flag(layer, "scale"), shifted = flag(layer, "center");
    if (layer.kind == "LayerNormalization")
      return LayerNorm{.epsilon = number(layer, "epsilon"), .scaled = scaled, .shifted = shifted};
    BatchNorm norm = BatchNorm::like_keras();
    norm.epsilon = number(layer, "epsilon"), norm.momentum = 1 - number(layer, "momentum");
    norm.scaled = scaled, norm.shifted = shifted;
    return norm;
  }

  AnyLayer<S> function(const KerasLayer& layer, const std::string& function) const {
    if (function == "linear") return Activate<Identity>{};
    if (function == "sigmoid") return Activate<Sigmoid>{};
    if (function == "tanh") return Activate<Tanh>{};
    if (function == "relu") return Activate<Relu>{};
    if (function == "elu") return Activate<Elu>{{.alpha = number(layer, "alpha")}};
    if (function == "leaky_relu") return Activate<LeakyRelu>{{.negative_slope = number(layer, "negative_slope")}};
    if (function == "hard_sigmoid") return Activate<HardSigmoid>{{.alpha = number(layer, "alpha"), .beta = 0.5}};
    if (function == "hard_tanh")
      return Activate<HardTanh>{{.low = number(layer, "low"), .high = number(layer, "high")}};
    if (function == "gelu") return Activate<Gelu>{};
    if (function == "silu") return Activate<Silu>{};
    if (function == "softplus") return Activate<Softplus>{};
    if (function == "softsign") return Activate<Softsign>{};
    if (function == "softmax") return Softmax{};
    refuse(layer, "a function of this library");
  }

  // ---- recurrent layers

  AnyLayer<S> recurrent(const KerasLayer& layer, const std::string& cell) const {
    const auto candidate = option<std::string>(layer, "activation");
    if (cell == "SimpleRNN") {
      if (candidate == "tanh") return with_cell<Elman>(layer);
      if (candidate == "relu") return with_cell<ElmanWith<Relu>::template Cell>(layer);
      if (candidate == "sigmoid") return with_cell<ElmanWith<Sigmoid>::template Cell>(layer);
      if (candidate == "linear") return with_cell<ElmanWith<Identity>::template Cell>(layer);
      refuse(layer, "the activation tanh, relu, sigmoid or linear");
    }
    if (candidate != "tanh" || option<std::string>(layer, "recurrent_activation") != "sigmoid")
      refuse(layer, "the activation tanh and the recurrent_activation sigmoid");
    if (cell == "LSTM") return with_cell<Lstm>(layer);
    return flag(layer, "reset_after") ? with_cell<Gru>(layer) : with_cell<GruResetBefore>(layer);
  }

  template <template <class, int...> class Cell>
  static AnyLayer<S> with_cell(const KerasLayer& layer) {
    const Index units = count(layer, "units");
    const Returns returns = flag(layer, "return_sequences") ? Returns::steps : Returns::last;
    const bool biased = flag(layer, "use_bias");
    if (layer.kind == "Bidirectional")
      return Bidirectional<Cell>{.units = units,
                                 .merge = merge_of(option<std::string>(layer, "merge_mode")),
                                 .returns = returns,
                                 .biased = biased};
    const Direction direction = flag(layer, "go_backwards") ? Direction::backward : Direction::forward;
    return Recurrent<Cell>{.units = units, .direction = direction, .returns = returns, .biased = biased};
  }

  const std::string& file_;
};

}  // namespace unroll::detail
