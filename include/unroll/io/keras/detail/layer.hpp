#pragma once
// Models of Keras in a form that does not depend on the version and the kind of the file.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/io/formats/safetensors.hpp"

namespace unroll::detail {

/// Layer of a Keras model. The activation of a Dense layer or a convolution is a separate layer; the layer inside a
/// TimeDistributed layer replaces it.
struct KerasLayer {
  std::string kind;  ///< Keras's class: "LSTM", "Bidirectional", "Dense", "Activation", "Concatenate", ...
  std::string name;  ///< in the model, for messages
  /// Options that change outputs, the rate of dropout, and the momentum of batch normalisation, under Keras's names. A
  /// Bidirectional layer has the options of the layer inside, whose class is "layer".
  nlohmann::json options = nlohmann::json::object();
  std::vector<std::size_t> reads;  ///< inputs: 0 for that of the model, k + 1 for the output of layer k
};

/// Content of a Keras model.
struct KerasFile {
  Index features = 0;   ///< inputs per step; 1 for tokens
  bool tokens = false;  ///< whether the input is (batch, steps) of tokens, not (batch, steps, features)
  /// Layers, each after those that it reads; the last one is the output.
  std::vector<KerasLayer> layers = {};
  /// Weights of layer k: "k.kernel", "k.recurrent_kernel", "k.bias", "k.gamma", ...; "k.forward.kernel" and
  /// "k.backward.kernel" of a Bidirectional layer.
  SafeTensors tensors = {};
};

inline bool is_recurrent(std::string_view kind) { return kind == "LSTM" || kind == "GRU" || kind == "SimpleRNN"; }
inline bool is_merge(std::string_view kind) {
  return kind == "Concatenate" || kind == "Add" || kind == "Multiply" || kind == "Average";
}
inline bool is_dropout(std::string_view kind) { return kind == "Dropout" || kind == "SpatialDropout1D"; }

/// "layer 'a' (LSTM)".
inline std::string name_of(const KerasLayer& layer) {
  return text("layer ", in_quotes(layer.name), " (", in_quotes(layer.kind), ")");
}

/// Option of a layer.
template <class T>
T option(const KerasLayer& layer, const char* name) {
  return layer.options.at(name).get<T>();
}

/// Order of the layers of Keras, by decreasing distance from the output, then by a traversal from the output. Layers
/// that the output does not depend on are not in it. The layers must be listed after those that they read.
inline std::vector<std::size_t> keras_order(const std::vector<KerasLayer>& layers) {
  constexpr std::size_t unvisited = std::size_t(-1);
  std::vector<std::size_t> order, visit(layers.size(), unvisited), distance(layers.size(), 0);
  const auto traverse = [&](const auto& self, std::size_t k) -> void {
    if (visit[k] != unvisited) return;
    visit[k] = order.size();
    order.push_back(k);
    for (const std::size_t from : layers[k].reads)
      if (from > 0) self(self, from - 1);
  };
  traverse(traverse, layers.size() - 1);
  for (std::size_t k = layers.size(); k-- > 0;)
    for (const std::size_t from : layers[k].reads)
      if (from > 0 && visit[k] != unvisited) distance[from - 1] = std::max(distance[from - 1], distance[k] + 1);
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    return distance[a] != distance[b] ? distance[a] > distance[b] : visit[a] < visit[b];
  });
  return order;
}

/// Layers in the order of Keras. `each(k)` is called for the former number of each layer, in the new order.
template <class F>
std::vector<KerasLayer> in_keras_order(const std::vector<KerasLayer>& layers, F&& each) {
  std::vector<KerasLayer> ordered;
  std::vector<std::size_t> place(layers.size() + 1, 0);
  for (const std::size_t k : keras_order(layers)) {
    ordered.push_back(layers[k]);
    place[k + 1] = ordered.size();
    for (std::size_t& from : ordered.back().reads) from = place[from];
    each(k);
  }
  return ordered;
}

/// Weight of a layer in Keras.
struct KerasWeight {
  std::string name;
  std::vector<Index> shape;
};

/// Output of a layer.
struct KerasShape {
  Index features;
  bool per_step;
};

/// Weights of a recurrent layer, or of the layer inside a Bidirectional one.
inline std::vector<KerasWeight> recurrent_weights(const KerasLayer& layer, const std::string& kind, Index features) {
  const Index units = option<Index>(layer, "units"), gates = kind == "LSTM" ? 4 : kind == "GRU" ? 3 : 1;
  std::vector<KerasWeight> all{{"kernel", {features, gates * units}}, {"recurrent_kernel", {units, gates * units}}};
  const bool two = kind == "GRU" && option<bool>(layer, "reset_after");
  if (option<bool>(layer, "use_bias"))
    all.push_back({"bias", two ? std::vector<Index>{2, gates * units} : std::vector<Index>{gates * units}});
  return all;
}

/// Weights of a layer that reads `features`, in the order of Keras.
inline std::vector<KerasWeight> weights_of(const KerasLayer& layer, Index features) {
  std::vector<KerasWeight> all;
  const std::string& kind = layer.kind;
  if (is_recurrent(kind)) return recurrent_weights(layer, kind, features);
  if (kind == "Bidirectional") {
    const auto one = recurrent_weights(layer, option<std::string>(layer, "layer"), features);
    for (const char* direction : {"forward.", "backward."})
      for (const auto& [name, shape] : one) all.push_back({direction + name, shape});
    return all;
  }
  if (kind == "Embedding")
    return {{"embeddings", {option<Index>(layer, "input_dim"), option<Index>(layer, "output_dim")}}};
  if (kind == "BatchNormalization" || kind == "LayerNormalization" || kind == "RMSNormalization") {
    const bool only_gain = kind == "RMSNormalization";
    if (only_gain || option<bool>(layer, "scale")) all.push_back({"gamma", {features}});
    if (!only_gain && option<bool>(layer, "center")) all.push_back({"beta", {features}});
    if (kind == "BatchNormalization") {
      all.push_back({"moving_mean", {features}});
      all.push_back({"moving_variance", {features}});
    }
    return all;
  }
  Index units = 0;
  if (kind == "Dense") {
    units = option<Index>(layer, "units");
    all.push_back({"kernel", {features, units}});
  } else if (kind == "Conv1D") {
    units = option<Index>(layer, "filters");
    all.push_back({"kernel", {option<Index>(layer, "kernel_size"), features / option<Index>(layer, "groups"), units}});
  } else if (kind == "Conv1DTranspose") {
    units = option<Index>(layer, "filters");
    all.push_back({"kernel", {option<Index>(layer, "kernel_size"), units, features}});
  }
  if (!all.empty() && option<bool>(layer, "use_bias")) all.push_back({"bias", {units}});
  return all;
}

/// Output of a layer for the outputs of those that it reads.
inline KerasShape shape_of(const KerasLayer& layer, const std::vector<KerasShape>& in) {
  const std::string& kind = layer.kind;
  KerasShape out = in.front();
  if (is_recurrent(kind) || kind == "Bidirectional") {
    const bool both = kind == "Bidirectional" && option<std::string>(layer, "merge_mode") == "concat";
    return {option<Index>(layer, "units") * (both ? 2 : 1), option<bool>(layer, "return_sequences")};
  }
  if (kind == "Dense") out.features = option<Index>(layer, "units");
  if (kind == "Embedding") out.features = option<Index>(layer, "output_dim");
  if (kind == "Conv1D" || kind == "Conv1DTranspose") out.features = option<Index>(layer, "filters");
  if (kind == "GlobalMaxPooling1D" || kind == "GlobalAveragePooling1D") out.per_step = false;
  if (kind == "Concatenate")
    for (std::size_t k = 1; k < in.size(); ++k) out.features = checked_add(out.features, in[k].features, "features");
  return out;
}

/// Calls f(layer, number, outputs of the layers that it reads) for each layer of a KerasFile.
template <class Model, class F>
void each_with_shapes(Model& model, F&& f) {
  std::vector<KerasShape> shapes{{model.features, true}};
  for (std::size_t k = 0; k < model.layers.size(); ++k) {
    std::vector<KerasShape> in;
    for (const std::size_t from : model.layers[k].reads) in.push_back(shapes[from]);
    f(model.layers[k], k, in);
    shapes.push_back(shape_of(model.layers[k], in));
  }
}

}  // namespace unroll::detail
