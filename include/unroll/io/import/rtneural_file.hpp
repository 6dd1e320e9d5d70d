#pragma once
// Files of RTNeural (https://github.com/jatinchowdhury18/RTNeural), a library for networks on audio: JSON of a Keras
// model, written by its Python exporter, or of the state_dict of a PyTorch model.

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/io/formats/safetensors.hpp"
#include "unroll/io/import/detail/json_node.hpp"
#include "unroll/io/input_file.hpp"

namespace unroll {

/// Layer in the form of RTNeural.
struct RtneuralLayer {
  std::string type;           ///< "dense", "lstm", "gru", "conv1d", "batchnorm", "prelu" or "activation"
  Index units = 0;            ///< outputs per step
  std::string function = {};  ///< of an activation: "tanh", "relu", "sigmoid" or "elu"
  Index kernel = 1, dilation = 1, groups = 1;  ///< of a convolution over time, which is causal
  double epsilon = 0;                          ///< of batch normalisation
  Index slopes = 0;                            ///< of a prelu: 1 or one for each output

  bool operator==(const RtneuralLayer&) const = default;
};

/// Content of a file of RTNeural.
struct RtneuralFile {
  /// Inputs per step; 0 for a state_dict.
  Index features = 0;
  /// Layers in order; the activation of a dense layer or a convolution is a separate layer. Empty for a state_dict,
  /// which has tensors only.
  std::vector<RtneuralLayer> layers = {};
  /// Weights in the form of Keras, those of layer k named "k.kernel", "k.recurrent_kernel", "k.bias", "k.gamma", ...;
  /// the tensors of a state_dict under the names of the file.
  SafeTensors tensors = {};
  /// Of a state_dict: prefix of each layer with weights, in the order of the file, as import_pytorch takes them.
  std::vector<std::string> prefixes = {};
};

namespace detail {

inline constexpr std::array<std::string_view, 4> rtneural_functions{"tanh", "relu", "sigmoid", "elu"};

inline std::string text_of(const RtneuralLayer& layer) {
  if (layer.type == "activation") return "activation " + layer.function;
  std::string all = text(layer.type, " of ", layer.units, " units");
  if (layer.type == "conv1d")
    all += text(", kernel ", layer.kernel, ", dilation ", layer.dilation, ", groups ", layer.groups);
  if (layer.type == "batchnorm") all += text(", epsilon ", layer.epsilon);
  if (layer.type == "prelu") all += text(", slopes ", layer.slopes);
  return all;
}

/// Reader of the layers of a Keras model. All shapes are compared with the sizes of the layers.
class RtneuralLayers {
 public:
  explicit RtneuralLayers(RtneuralFile& to) : to_(to), inputs_(to.features) {}

  void add(const JsonNode& layer) {
    const std::string& type = layer.at("type").word();
    const Index units = layer.at("shape").last().count();
    if (type == "dense" || type == "time-distributed-dense")
      dense(layer, units);
    else if (type == "lstm" || type == "gru")
      recurrent(layer, units, type);
    else if (type == "conv1d")
      convolution(layer, units);
    else if (type == "batchnorm")
      batch_norm(layer, units);
    else if (type == "prelu")
      prelu(layer, units);
    else
      layer.at("type").expect(type == "activation",
                              "activation, batchnorm, conv1d, dense, gru, lstm, prelu or time-distributed-dense");
    activation(layer, type);
  }

 private:
  void dense(const JsonNode& layer, Index units) {
    const JsonNode weights = layer.at("weights");
    const bool biased = weights.size(1, 2) == 2;
    take("kernel", weights.entry(0).tensor({inputs_, units}));
    take("bias", biased ? weights.entry(1).tensor({units}) : constant(0, {units}));
    finish({.type = "dense", .units = units});
  }

  void recurrent(const JsonNode& layer, Index units, const std::string& type) {
    const JsonNode weights = layer.at("weights");
    const bool biased = weights.size(2, 3) == 3, gru = type == "gru";
    const Index rows = (gru ? 3 : 4) * units;
    const std::vector<Index> bias = gru ? std::vector<Index>{2, rows} : std::vector<Index>{rows};
    take("kernel", weights.entry(0).tensor({inputs_, rows}));
    take("recurrent_kernel", weights.entry(1).tensor({units, rows}));
    take("bias", biased ? weights.entry(2).tensor(bias) : constant(0, bias));
    finish({.type = type, .units = units});
  }

  void convolution(const JsonNode& layer, Index units) {
    RtneuralLayer to{.type = "conv1d", .units = units};
    to.kernel = layer.at("kernel_size").last().count();
    to.dilation = layer.at("dilation").last().count();
    if (layer.has("groups")) to.groups = layer.at("groups").last().count();
    if (layer.has("groups"))
      layer.at("groups").last().expect(inputs_ % to.groups == 0 && units % to.groups == 0,
                                       text("a divisor of ", inputs_, " and ", units));
    if (layer.has("strides")) layer.at("strides").last().expect(layer.at("strides").last().count() == 1, "1");
    const JsonNode weights = layer.at("weights");
    const bool biased = weights.size(1, 2) == 2;
    take("kernel", weights.entry(0).tensor({to.kernel, inputs_ / to.groups, units}));
    take("bias", biased ? weights.entry(1).tensor({units}) : constant(0, {units}));
    finish(std::move(to));
  }

  /// Weights of Keras: gamma, beta, mean and variance, or the latter two.
  void batch_norm(const JsonNode& layer, Index units) {
    RtneuralLayer to{.type = "batchnorm", .units = units, .epsilon = layer.at("epsilon").number()};
    layer.at("shape").last().expect(units == inputs_, text(inputs_));
    const JsonNode weights = layer.at("weights");
    const std::size_t count = weights.size(2, 4), from = count == 4 ? 2 : 0;
    weights.expect(count != 3, "an array of 2 or 4");
    take("moving_mean", weights.entry(from).tensor({units}));
    take("moving_variance", weights.entry(from + 1).tensor({units}));
    take("gamma", count == 4 ? weights.entry(0).tensor({units}) : constant(1, {units}));
    take("beta", count == 4 ? weights.entry(1).tensor({units}) : constant(0, {units}));
    finish(std::move(to));
  }

  /// Weight of Keras: slopes [1 x 1] or [1 x units], i.e. the same for all steps.
  void prelu(const JsonNode& layer, Index units) {
    layer.at("shape").last().expect(units == inputs_, text(inputs_));
    const JsonNode weights = layer.at("weights");
    weights.size(1, 1);
    const JsonNode alpha = weights.entry(0);
    const Index slopes = alpha.entry(0).json().size() == 1 ? 1 : units;
    take("alpha", alpha.tensor({1, slopes}));
    finish({.type = "prelu", .units = units, .slopes = slopes});
  }

  void activation(const JsonNode& layer, const std::string& type) {
    if (type == "activation")
      layer.at("shape").last().expect(layer.at("shape").last().count() == inputs_, text(inputs_));
    if (!layer.has("activation")) return layer.expect(type != "activation", "an activation layer with a function");
    const JsonNode given = layer.at("activation");
    const std::string& function = given.word();
    if (type == "lstm" || type == "gru")  // RTNeural always computes tanh
      return given.expect(function == "tanh" || function.empty(), "tanh");
    if (function.empty() || function == "linear") return;
    given.expect(std::ranges::find(rtneural_functions, function) != rtneural_functions.end(),
                 "tanh, relu, sigmoid, elu, linear or empty");
    finish({.type = "activation", .units = inputs_, .function = function});
  }

  void take(std::string_view name, Tensor tensor) {
    to_.tensors.tensors[text(to_.layers.size(), ".", name)] = std::move(tensor);
  }
  void finish(RtneuralLayer layer) {
    inputs_ = layer.units;
    to_.layers.push_back(std::move(layer));
  }
  static Tensor constant(double value, const std::vector<Index>& shape) {
    Index size = 1;
    for (const Index extent : shape) size *= extent;
    return Tensor::of(std::vector<double>(std::size_t(size), value), shape);
  }

  RtneuralFile& to_;
  Index inputs_;
};

/// Names of the members of the outermost object, in their order in the text.
class OuterNames : public JsonCheck {
 public:
  using JsonCheck::JsonCheck;
  std::vector<std::string> names;

  bool key(const std::string& name) {
    if (depth_ == 1) names.push_back(name);
    return true;
  }
  bool start_object(std::size_t size) { return ++depth_, JsonCheck::start_object(size); }
  bool start_array(std::size_t size) { return ++depth_, JsonCheck::start_array(size); }
  bool end_object() { return --depth_, JsonCheck::end_object(); }
  bool end_array() { return --depth_, JsonCheck::end_array(); }

 private:
  int depth_ = 0;
};

/// Prefixes of the layers of a state_dict: one for each "weight_ih_lK" of a recurrent module, one for another module.
inline std::vector<std::string> prefixes_of(const std::vector<std::string>& names) {
  constexpr std::string_view recurrent[] = {"weight_ih_l", "weight_hh_l", "bias_ih_l", "bias_hh_l", "weight_hr_l"};
  std::vector<std::string> prefixes;
  std::set<std::string> plain;
  for (const std::string& name : names) {
    const std::size_t end = name.rfind('.') + 1;  // 0 without a prefix
    const std::string prefix = name.substr(0, end), parameter = name.substr(end);
    if (std::ranges::any_of(recurrent, [&](std::string_view begin) { return parameter.starts_with(begin); })) {
      if (parameter.starts_with(recurrent[0]) && !parameter.ends_with("_reverse")) prefixes.push_back(prefix);
    } else if (plain.insert(prefix).second) {
      prefixes.push_back(prefix);
    }
  }
  return prefixes;
}

}  // namespace detail

/// Parses a text of RTNeural; `file` is its name for messages. Throws FileError for another format, a type of layer or
/// an activation that this library or RTNeural does not have; ShapeError for weights of another shape than the sizes of
/// their layer.
inline RtneuralFile parse_rtneural(std::string_view text, std::string file = "RTNeural's JSON") {
  const auto json = detail::parse_json<nlohmann::json>(text, file);
  const detail::JsonNode all(json, file);
  all.expect(json.is_object() && !json.empty(), "an object that is not empty");
  RtneuralFile content;
  content.tensors.file = file;
  if (all.has("layers") || all.has("in_shape")) {
    content.features = all.at("in_shape").last().count();
    const detail::JsonNode list = all.at("layers");
    const std::size_t count = list.size(1, detail::most_json_layers);
    detail::RtneuralLayers layers(content);
    for (std::size_t k = 0; k < count; ++k) layers.add(list.entry(k));
    return content;
  }
  detail::OuterNames names(file, text.size());
  nlohmann::json::sax_parse(text.begin(), text.end(), &names);
  require<FileError>(names.names.size() == json.size(), file, ": the names of tensors must be different, got ",
                     names.names.size() - json.size(), " equal ones");
  for (const auto& [name, value] : json.items())
    content.tensors.tensors[name] = detail::JsonNode(value, file, detail::in_quotes(name)).tensor();
  content.prefixes = detail::prefixes_of(names.names);
  require<FileError>(content.prefixes.size() <= detail::most_json_layers, file,
                     ": the number of layers must be at most ", detail::most_json_layers, ", got ",
                     content.prefixes.size());
  return content;
}

/// Reads a file of RTNeural. Throws as parse_rtneural.
inline RtneuralFile read_rtneural(const std::filesystem::path& path) {
  return parse_rtneural(detail::read_text(path), path.string());
}

}  // namespace unroll
