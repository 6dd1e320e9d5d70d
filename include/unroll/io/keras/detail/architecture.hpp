#pragma once
// Architecture of a Keras model: its JSON as layers, and their places in the files of weights.

#include <map>

#include "unroll/io/keras/detail/layer_reader.hpp"

namespace unroll::detail {

/// Place of the weights of a layer in a file.
struct KerasPlace {
  std::string layer;  ///< name of the layer, the group of legacy files
  std::string group;  ///< group of other files, made of the class and a number
  bool wrapped;       ///< whether the layer is inside a TimeDistributed layer
};

struct KerasArchitecture {
  KerasFile model;
  std::vector<KerasPlace> places;  // by layer
};

/// Group of a layer with weights in files of Keras 3: its class in snake case.
inline std::string keras_group(std::string_view kind) {
  std::string group;
  for (std::size_t k = 0; k < kind.size(); ++k) {
    const bool upper = kind[k] >= 'A' && kind[k] <= 'Z';
    const auto is_small = [&](std::size_t at) { return at < kind.size() && kind[at] >= 'a' && kind[at] <= 'z'; };
    if (upper && k > 0 && (is_small(k - 1) || is_small(k + 1))) group += '_';
    group += upper ? char(kind[k] - 'A' + 'a') : kind[k];
  }
  return group;
}

/// Numbers the groups: "dense", "dense_1", "dense_2".
class KerasGroups {
 public:
  std::string next(std::string_view kind) {
    const std::string group = keras_group(kind);
    const std::size_t used = used_[group]++;
    return used == 0 ? group : text(group, "_", used);
  }

 private:
  std::map<std::string, std::size_t> used_;
};

/// Reader of the JSON of a model: {"class_name": "Sequential" or "Functional", "config": {...}}.
class KerasArchitectureReader {
 public:
  KerasArchitectureReader(std::string_view file, int version) : file_(file), layers_(file, version) {}

  KerasArchitecture read(const JsonNode& model) {
    const std::string kind = KerasLayerReader::class_of(model);
    model.at("class_name")
        .expect(kind == "Sequential" || kind == "Functional" || kind == "Model", "Sequential or Functional");
    const JsonNode config = model.at("config");
    kind == "Sequential" ? read_chain(config) : read_graph(config);
    config.expect(!all_.model.layers.empty(), "a model with layers");
    in_order();
    return std::move(all_);
  }

 private:
  // ---- chains

  void read_chain(const JsonNode& config) {
    const JsonNode layers = config.json().is_array() ? config : config.at("layers");  // an array before Keras 2.2.3
    const std::size_t count = layers.size(1, most_json_layers);
    for (std::size_t k = 0; k < count; ++k) {
      const JsonNode layer = layers.entry(k);
      if (KerasLayerReader::class_of(layer) == "InputLayer") {
        layer.expect(k == 0, "a layer other than InputLayer after the first one");
        set_input(layer.at("config"));
      } else {
        if (k == 0) set_input_of_first(config, layer.at("config"));
        add(layer, {all_.model.layers.size()});
      }
    }
  }

  /// Input of a model without an InputLayer.
  void set_input_of_first(const JsonNode& config, const JsonNode& first) {
    if (!first.has("batch_input_shape") && !first.has("batch_shape") && first.has("layer"))
      return set_input_of_first(config, first.at("layer").at("config"));
    const bool own = first.has("batch_input_shape") || first.has("batch_shape");
    if (own || config.json().is_array()) return set_input(first);
    set_input_shape(config.at("build_input_shape"));
  }
  void set_input(const JsonNode& config) {
    set_input_shape(config.at(config.has("batch_shape") ? "batch_shape" : "batch_input_shape"));
  }
  void set_input_shape(const JsonNode& shape) {
    require<FileError>(all_.model.features == 0, file_, ": a model must have one input, got several");
    const std::size_t rank = shape.size(2, 3);
    all_.model.tokens = rank == 2;
    all_.model.features = rank == 2 ? 1 : shape.entry(2).count();
  }

  // ---- graphs

  void read_graph(const JsonNode& config) {
    const JsonNode layers = config.at("layers");
    const std::size_t count = layers.size(1, most_json_layers);
    for (std::size_t k = 0; k < count; ++k) {
      const JsonNode layer = layers.entry(k);
      const std::string name = layer.at(layer.has("name") ? "name" : "config").json().is_string()
                                   ? layer.at("name").word()
                                   : layer.at("config").at("name").word();
      const bool input = KerasLayerReader::class_of(layer) == "InputLayer";
      layer.expect(!outputs_.contains(name), "a layer with a new name");
      if (input)
        set_input(layer.at("config"));
      else
        add(layer, inputs_of(layer.at("inbound_nodes")));
      outputs_[name] = input ? 0 : all_.model.layers.size();
    }
    const JsonNode output = only(config.at("output_layers"));
    const auto found = outputs_.find(output.entry(0).word());
    output.expect(found != outputs_.end() && found->second == all_.model.layers.size(), "the last layer");
  }

  /// Entry [name, 0, 0] of a list of layers, which may be the list itself.
  static JsonNode only(const JsonNode& list) {
    list.size(1, 3);
    if (list.entry(0).json().is_string()) return list;
    list.expect(list.json().size() == 1, "a list of one layer");
    return list.entry(0);
  }

  std::vector<std::size_t> inputs_of(const JsonNode& nodes) const {
    nodes.expect(nodes.json().is_array() && nodes.json().size() == 1,
                 "a list of one node: the layer must be used once");
    std::vector<std::size_t> reads;
    const JsonNode node = nodes.entry(0);
    if (node.json().is_array()) {  // of Keras 2
      const std::size_t count = node.size(1, most_json_layers);
      for (std::size_t k = 0; k < count; ++k) {
        reads.push_back(output_of(node.entry(k)));
        if (node.entry(k).json().size() > 3) refuse_tensors(node.entry(k).entry(3));
      }
    } else {
      gather(node.at("args"), reads);
      if (node.has("kwargs")) refuse_tensors(node.at("kwargs"));
    }
    nodes.expect(!reads.empty(), "a node with inputs");
    return reads;
  }

  /// Output of a layer: [name, number of the node, number of the output].
  std::size_t output_of(const JsonNode& entry) const {
    entry.size(3, 4);
    const auto found = outputs_.find(entry.entry(0).word());
    entry.expect(found != outputs_.end(), "a layer that is listed before");
    entry.expect(entry.json()[1] == 0 && entry.json()[2] == 0, "the first output of a layer that is used once");
    return found->second;
  }

  void gather(const JsonNode& value, std::vector<std::size_t>& reads) const {
    if (value.json().is_array())
      for (std::size_t k = 0; k < value.json().size(); ++k) gather(value.entry(k), reads);
    else if (value.json().is_object())
      reads.push_back(output_of(value.at("config").at("keras_history")));
    else
      value.expect(value.json().is_null() || value.json().is_boolean(), "an output of a layer");
    value.expect(reads.size() <= most_json_layers, text("at most ", most_json_layers, " inputs"));
  }
  /// Further arguments of a call, such as initial states, must be absent.
  static void refuse_tensors(const JsonNode& arguments) {
    for (const auto& [name, value] : arguments.json().items())
      arguments.expect(value.is_null() || value.is_boolean() || name == "mask",
                       text("without ", in_quotes(name), ", because a layer must have no further inputs"));
  }

  // ---- layers

  void add(const JsonNode& layer, std::vector<std::size_t> reads) {
    const std::string kind = KerasLayerReader::class_of(layer);
    const std::string group = groups_.next(kind);
    for (KerasLayer& one : layers_.read(layer)) {
      one.reads = std::move(reads);
      all_.places.push_back({one.name, group, kind == "TimeDistributed"});
      all_.model.layers.push_back(std::move(one));
      reads = {all_.model.layers.size()};
    }
    require<FileError>(all_.model.layers.size() <= most_json_layers, file_, ": a model must have at most ",
                       most_json_layers, " layers, got more");
  }

  void in_order() {
    std::vector<KerasPlace> places;
    all_.model.layers = in_keras_order(all_.model.layers, [&](std::size_t k) { places.push_back(all_.places[k]); });
    all_.places = std::move(places);
    require<FileError>(all_.model.features > 0, file_, ": a model must have an input, got none");
  }

  std::string_view file_;
  KerasLayerReader layers_;
  KerasGroups groups_;
  KerasArchitecture all_;
  std::map<std::string, std::size_t> outputs_;  // by name of a layer, as in KerasLayer::reads
};

/// Throws FileError unless a layer can read what it reads.
inline void check_inputs(const KerasLayer& layer, const std::vector<KerasShape>& in, bool tokens,
                         const std::string& file) {
  const std::string& kind = layer.kind;
  const auto expect = [&](bool good, std::string_view what) {
    if (!good) throw FileError(text(file, ": ", name_of(layer), " must ", what));
  };
  expect(is_merge(kind) ? in.size() > 1 : in.size() == 1, is_merge(kind) ? "have several inputs" : "have one input");
  for (const std::size_t from : layer.reads)
    expect((kind == "Embedding") == (tokens && from == 0),
           kind == "Embedding" ? "read the input of the model, of the shape (batch, steps)"
                               : "read (batch, steps, features), got (batch, steps)");
  constexpr std::string_view by_sequence[] = {
      "Dense", "Activation", "BatchNormalization", "LayerNormalization", "RMSNormalization", "Dropout"};
  const bool steps = !is_merge(kind) && std::ranges::find(by_sequence, kind) == std::end(by_sequence);
  expect(!steps || in[0].per_step, "read (batch, steps, features), got (batch, features)");
  for (const KerasShape& other : in) {
    expect(other.per_step == in[0].per_step, "have inputs with equal numbers of dimensions");
    expect(kind == "Concatenate" || other.features == in[0].features, "have inputs with equal features");
  }
  if (layer.options.contains("axis")) {
    const auto& axis = layer.options["axis"];
    expect(axis == -1 || axis == (in[0].per_step ? 2 : 1), "have the features as axis");
  }
  if (is_recurrent(kind))
    expect(!option<bool>(layer, "go_backwards") || !option<bool>(layer, "return_sequences"),
           "return the last step with go_backwards, because Keras reverses the order of the steps");
  if (kind.starts_with("Conv1D")) {
    const Index groups = option<Index>(layer, "groups");
    expect(in[0].features % groups == 0 && option<Index>(layer, "filters") % groups == 0,
           "have groups that divide features and filters");
    expect(groups == 1 || kind == "Conv1D", "have one group");
  }
}

/// Removes a softmax at the end.
inline void remove_softmax(KerasArchitecture& all) {
  auto& layers = all.model.layers;
  if (layers.size() > 1 && layers.back().kind == "Activation" && layers.back().options["activation"] == "softmax")
    layers.pop_back(), all.places.pop_back();
}

/// Architecture of a model. Throws FileError for layers and options that this library does not have.
inline KerasArchitecture read_architecture(const nlohmann::json& json, const std::string& file, int version,
                                           bool logits) {
  KerasArchitecture all = KerasArchitectureReader(file, version).read(JsonNode(json, file));
  each_with_shapes(all.model, [&](const KerasLayer& layer, std::size_t, const std::vector<KerasShape>& in) {
    check_inputs(layer, in, all.model.tokens, file);
  });
  if (logits) remove_softmax(all);
  for (KerasLayer& layer : all.model.layers) layer.options.erase("axis");
  return all;
}

}  // namespace unroll::detail
