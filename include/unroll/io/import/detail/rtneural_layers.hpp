#pragma once
// Layers of a model in the form of RTNeural, and their weights.

#include <optional>

#include "unroll/io/import/detail/json_node.hpp"
#include "unroll/io/import/keras.hpp"
#include "unroll/io/import/rtneural_file.hpp"
#include "unroll/models/sequential.hpp"
#include "unroll/parameters/finite.hpp"

namespace unroll::detail {

/// Layer of a model in the form of RTNeural; none for a layer without effect on outputs. `features`: its outputs.
/// Throws ValueError for a layer that RTNeural does not have.
template <class Layer>
std::optional<RtneuralLayer> rtneural_layer(const Layer& layer, std::size_t k, Index features,
                                            const ParameterTable& table) {
  const LayerOptions options = layer.options();
  const std::string kind = word_of(options, "layer"), function = word_of(options, "function");
  const auto expect = [&](bool good, std::string_view what) {
    require<ValueError>(good, "RTNeural: layer ", k, " (", layer.name(), ") ", what);
  };
  if (kind == "dropout" || function == "identity") return std::nullopt;
  if (kind == "dense") return RtneuralLayer{.type = "dense", .units = features};
  if (kind == "recurrent") {
    expect(word_of(options, "direction") == "forward", "must run forward, got backward");
    expect(word_of(options, "returns") == "steps", "must return all steps, got the last one");
    const GateLayout layout(table, text(k, "."), System::rtneural);
    return RtneuralLayer{.type = layout.cell() == "GRU" ? "gru" : "lstm", .units = features};
  }
  if (kind == "conv1d") {
    RtneuralLayer to{.type = "conv1d", .units = features};
    to.kernel = option_or<Index>(options, "kernel", 1), to.dilation = option_or<Index>(options, "dilation", 1);
    to.groups = option_or<Index>(options, "groups", 1);
    expect(option_or<Index>(options, "stride", 1) == 1, "must have the stride 1, got another");
    expect(to.kernel == 1 || word_of(options, "padding") == "causal", "must have causal padding, got another");
    return to;
  }
  if (kind == "batch norm")
    return RtneuralLayer{.type = "batchnorm", .units = features, .epsilon = option_or<double>(options, "epsilon", 0)};
  if (kind == "prelu")
    return RtneuralLayer{.type = "prelu", .units = features, .slopes = flag_of(options, "per_feature") ? features : 1};
  expect(kind == "activation",
         "must be a layer of RTNeural: activation, batch norm, conv1d, dense, gru, lstm or prelu");
  const bool known = std::ranges::find(rtneural_functions, function) != rtneural_functions.end();
  expect(known && option_or<double>(options, "alpha", 1) == 1, "must be tanh, relu, sigmoid or elu with alpha 1");
  return RtneuralLayer{.type = "activation", .units = features, .function = function};
}

/// Layer of a model with its number.
struct NumberedRtneuralLayer {
  RtneuralLayer layer;
  std::size_t number;
};

template <class Model>
std::vector<NumberedRtneuralLayer> rtneural_layers(const Model& model) {
  std::vector<NumberedRtneuralLayer> all;
  model.each_layer([&](const auto& layer, std::size_t k) {
    if (auto one = rtneural_layer(layer, k, model.shape(k + 1).features, model.parameters().table()))
      all.push_back({*std::move(one), k});
  });
  return all;
}

/// Throws FileError with the first difference between a model and a file.
inline void check_same_layers(Index features, const std::vector<NumberedRtneuralLayer>& ours,
                              const RtneuralFile& file) {
  const std::string& name = file.tensors.file;
  require<FileError>(file.features == features, name, ": in_shape must end in ", features,
                     ", the features of the model, got ", file.features);
  for (std::size_t k = 0; k < std::max(ours.size(), file.layers.size()); ++k) {
    const std::string mine = k < ours.size() ? text_of(ours[k].layer) : "none";
    const std::string theirs = k < file.layers.size() ? text_of(file.layers[k]) : "none";
    require<FileError>(mine == theirs && (mine == "none" || ours[k].layer == file.layers[k]), name, ": layer ", k,
                       " (a function is counted as a layer) must be '", mine, "', as in the model, got '", theirs, "'");
  }
}

/// Throws FileError unless all numbers of a tensor without a place in the model have the value without effect.
inline void require_constant(const SafeTensors& file, const std::string& name, double value) {
  for (const double number : file.at(name).to<double>())
    require<FileError>(number == value, file.file, ": tensor '", name, "' must be ", value,
                       ", because the layer of the model has none, got ", number);
}

/// Calls f(name of the tensor in the form of Keras, value without effect) for the biases and gains that a layer of
/// RTNeural has and this layer does not.
template <class F>
void each_absent_tensor(const NumberedRtneuralLayer& of, const ParameterTable& table, F&& f) {
  const std::string ours = text(of.number, "."), &type = of.layer.type;
  const bool shifted = table.find(ours + "bias") != nullptr;
  if (type == "lstm" || type == "gru") {
    if (!GateLayout(table, ours, System::rtneural).has_biases()) f("bias", 0);
  } else if (type == "dense" || type == "conv1d") {
    if (!shifted) f("bias", 0);
  } else if (type == "batchnorm") {
    if (table.find(ours + "weight") == nullptr) f("gamma", 1);
    if (!shifted) f("beta", 0);
  }
}

/// Reads the weights "PREFIX*" of a layer.
template <class Scalar>
void read_rtneural_weights(TensorReader& file, const std::string& prefix, const NumberedRtneuralLayer& of,
                           Parameters<Scalar>& to) {
  const std::string ours = text(of.number, "."), &type = of.layer.type;
  if (type == "lstm" || type == "gru") read_keras(file, prefix, to, ours);
  if (type == "conv1d") read_keras_convolution(file, prefix, to, ours);
  if (type == "batchnorm") read_keras_norm(file, prefix, to, ours);
  if (type == "prelu") to[ours + "weight"] = file.matrix<Scalar>(prefix + "alpha", {1, of.layer.slopes}).transpose();
  if (type == "dense") {
    const ParameterBlock &weight = to.table().at(ours + "weight"), *bias = to.table().find(ours + "bias");
    to.block(weight) = file.matrix<Scalar>(prefix + "kernel", {weight.cols, weight.rows}).transpose();
    if (bias != nullptr) to.block(*bias) = file.matrix<Scalar>(prefix + "bias", {bias->rows});
  }
}

/// Weights of a layer in the form of Keras. Absent biases are 0, absent gains 1.
template <class Scalar>
SafeTensors write_rtneural_weights(const NumberedRtneuralLayer& of, const Parameters<Scalar>& from) {
  SafeTensors to;
  const std::string ours = text(of.number, "."), &type = of.layer.type;
  if (type == "lstm" || type == "gru") write_keras(from, ours, to, "");
  if (type == "conv1d") write_keras_convolution(from, ours, to, "");
  if (type == "batchnorm") write_keras_norm(from, ours, to, "");
  if (type == "prelu") to.tensors["alpha"] = Tensor::of(MatrixX<Scalar>(from[ours + "weight"].transpose()));
  if (type == "dense") {
    to.tensors["kernel"] = Tensor::of(MatrixX<Scalar>(from[ours + "weight"].transpose()));
    if (const ParameterBlock* bias = from.table().find(ours + "bias")) to.tensors["bias"] = tensor_of(from, *bias);
  }
  each_absent_tensor(of, from.table(), [&](const std::string& name, double value) {
    const bool two = type == "gru";  // rows of biases
    const VectorX<double> row = VectorX<double>::Constant((two ? 3 : type == "lstm" ? 4 : 1) * of.layer.units, value);
    to.tensors[name] = two ? Tensor::of(MatrixX<double>(row.transpose().replicate(2, 1))) : Tensor::of(row);
  });
  return to;
}

inline nlohmann::ordered_json json_of(const RtneuralLayer& layer, const SafeTensors& weights) {
  const bool recurrent = layer.type == "lstm" || layer.type == "gru";
  nlohmann::ordered_json to{{"type", layer.type},
                            {"activation", recurrent ? "tanh" : layer.function},
                            {"shape", {nullptr, nullptr, layer.units}},
                            {"weights", nlohmann::ordered_json::array()}};
  for (const char* name :
       {"kernel", "recurrent_kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "alpha"})
    if (weights.contains(name)) to["weights"].push_back(json_of(weights.at(name)));
  if (layer.type == "conv1d") {
    to["kernel_size"] = {layer.kernel};
    to["dilation"] = {layer.dilation};
    to["groups"] = layer.groups;
  }
  if (layer.type == "batchnorm") to["epsilon"] = layer.epsilon;
  return to;
}

/// Parameters of layers with the weights of a file.
template <class Scalar>
Parameters<Scalar> rtneural_parameters(const Parameters<Scalar>& from, const std::vector<NumberedRtneuralLayer>& layers,
                                       const RtneuralFile& file) {
  TensorReader reader(file.tensors);
  Parameters<Scalar> loaded = from;
  for (std::size_t k = 0; k < layers.size(); ++k) {
    read_rtneural_weights(reader, text(k, "."), layers[k], loaded);
    each_absent_tensor(layers[k], loaded.table(), [&](const std::string& name, double value) {
      require_constant(file.tensors, text(k, ".", name), value);
    });
  }
  return loaded;
}

/// Layers with their parameters as JSON. A function after a dense layer or a convolution is a part of that layer.
template <class Scalar>
std::string rtneural_text(const Parameters<Scalar>& parameters, Index features,
                          const std::vector<NumberedRtneuralLayer>& layers) {
  check_finite("RTNeural", parameters);
  auto list = nlohmann::ordered_json::array();
  for (const auto& one : layers) {
    const bool joins = one.layer.type == "activation" && !list.empty() && list.back()["activation"] == "" &&
                       list.back()["type"] != "batchnorm" && list.back()["type"] != "prelu";
    if (joins)
      list.back()["activation"] = one.layer.function;
    else
      list.push_back(json_of(one.layer, write_rtneural_weights(one, parameters)));
  }
  return nlohmann::ordered_json{{"in_shape", {nullptr, nullptr, features}}, {"layers", list}}.dump();
}

}  // namespace unroll::detail
