#pragma once
// Layers of a model of this library in the form of Keras.

#include "unroll/io/import/keras.hpp"
#include "unroll/io/keras/detail/functions.hpp"
#include "unroll/io/keras/detail/layer.hpp"

namespace unroll::detail {

/// Layers in the order of Keras, with the prefixes of their parameters in this library.
struct OwnKerasLayers {
  KerasFile model;
  std::vector<std::string> prefixes;
};

/// Converts one layer. Throws ValueError for a layer or option that Keras does not have.
class OwnKerasLayer {
 public:
  OwnKerasLayer(const LayerOptions& options, const std::string& prefix, const ParameterTable& table, std::string name)
      : from_(options), prefix_(prefix), table_(table), name_(std::move(name)) {}

  KerasLayer converted() {
    const std::string kind = word_of(from_, "layer");
    to_.name = name_;
    if (kind == "recurrent" || kind == "bidirectional")
      recurrent(kind == "bidirectional");
    else if (kind == "conv1d" || kind == "conv transpose")
      convolution(kind == "conv transpose");
    else if (kind == "batch norm" || kind == "layer norm")
      norm(kind == "batch norm");
    else if (kind == "max pool1d" || kind == "average pool1d")
      pooling(kind == "max pool1d");
    else if (kind == "activation")
      function(word_of(from_, "function"));
    else if (kind == "softmax")
      function("softmax");
    else
      other(kind);
    return std::move(to_);
  }

 private:
  void expect(bool good, std::string_view what) const { require<ValueError>(good, "Keras: ", name_, " must ", what); }
  Index count(std::string_view option) const { return option_or<Index>(from_, option, 0); }

  void recurrent(bool both) {
    const std::string prefix = both ? prefix_ + "forward." : prefix_;
    const GateLayout layout(table_, prefix, System::keras);
    const KerasCellFunctions functions(table_, prefix);
    const std::string cell(layout.cell() == "simple RNN" ? "SimpleRNN" : layout.cell());
    const bool steps = word_of(from_, "returns") == "steps", backward = word_of(from_, "direction") == "backward";
    to_.kind = both ? "Bidirectional" : cell;
    to_.options = {{"units", layout.units()}, {"activation", functions.candidate}, {"use_bias", layout.has_biases()}};
    if (!functions.gates.empty()) to_.options["recurrent_activation"] = functions.gates;
    if (cell == "GRU") to_.options["reset_after"] = !layout.resets_before();
    to_.options["return_sequences"] = steps;
    if (both) {
      const std::string merge = word_of(from_, "merge");
      to_.options["layer"] = cell;
      to_.options["merge_mode"] = merge == "product" ? "mul" : merge == "mean" ? "ave" : merge;
    } else {
      to_.options["go_backwards"] = backward;
      expect(!backward || !steps, "run forward or return the last step, because Keras reverses the steps");
    }
  }

  void convolution(bool transposed) {
    to_.kind = transposed ? "Conv1DTranspose" : "Conv1D";
    to_.options = {{"filters", count("units")},           {"kernel_size", count("kernel")},
                   {"strides", count("stride")},          {"dilation_rate", count("dilation")},
                   {"groups", count("groups")},           {"padding", padding()},
                   {"use_bias", flag_of(from_, "biased")}};
    expect(count("stride") == 1 || count("dilation") == 1, "have a stride or a dilation, not both, as in Keras");
    if (!transposed) return;
    const Index span = (count("kernel") - 1) * count("dilation") + 1;
    expect(count("groups") == 1, "have one group");
    expect(padding() == "same" || count("output_padding") == std::max<Index>(0, count("stride") - span),
           "have the output_padding stride - kernel, or 0 if the kernel is longer, as in Keras");
  }
  std::string padding() const {
    const std::string word = word_of(from_, "padding");
    expect(!word.empty() || count("padding") == 0, "have the padding valid(), same() or causal()");
    return word.empty() ? "valid" : word;
  }

  void pooling(bool greatest) {
    to_.kind = greatest ? "MaxPooling1D" : "AveragePooling1D";
    to_.options = {{"pool_size", count("kernel")}, {"strides", count("stride")}, {"padding", padding()}};
    expect(padding() != "causal", "have the padding valid() or same()");
    expect(option_or<Index>(from_, "dilation", 1) == 1 && !flag_of(from_, "ceil_mode") &&
               (!flag_of(from_, "count_padding") || padding() == "valid"),
           "have the dilation 1 and neither ceil_mode nor count_padding");
  }

  void norm(bool of_batch) {
    const bool scaled = flag_of(from_, "scaled"), shifted = flag_of(from_, "shifted");
    const bool centred = of_batch || flag_of(from_, "centred");
    to_.kind = of_batch ? "BatchNormalization" : centred ? "LayerNormalization" : "RMSNormalization";
    to_.options = {{"epsilon", option_or<double>(from_, "epsilon", 0)}};
    if (!centred) return expect(scaled && !shifted, "have a gain and no shift, as Keras's RMSNormalization");
    to_.options.update({{"center", shifted}, {"scale", scaled}});
    if (of_batch) to_.options["momentum"] = 1 - option_or<double>(from_, "momentum", 0.01);
  }

  void function(const std::string& function) {
    to_.kind = "Activation";
    to_.options = {{"activation", function == "identity" ? "linear" : function}};
    bool known = function == "hard_sigmoid" || function == "leaky_relu" || function == "softmax";
    for (const KerasFunction& one : keras_functions) known = known || to_.options["activation"] == one.keras;
    expect(known, "be a function of Keras");
    for (const LayerOption& option : from_)
      if (const double* number = std::get_if<double>(&option.value); number != nullptr && option.name != "beta")
        to_.options[option.name] = *number;
    expect(function != "hard_sigmoid" || option_or<double>(from_, "beta", 0) == 0.5, "have beta 0.5, as in Keras");
  }

  void other(const std::string& kind) {
    if (kind == "dense") {
      to_.kind = "Dense";
      to_.options = {{"units", count("units")}, {"use_bias", flag_of(from_, "biased")}};
    } else if (kind == "embedding") {
      to_.kind = "Embedding";
      to_.options = {{"input_dim", count("size")}, {"output_dim", count("dimension")}};
    } else if (kind == "dropout") {
      to_.kind = flag_of(from_, "same_for_all_steps") ? "SpatialDropout1D" : "Dropout";
      to_.options = {{"rate", option_or<double>(from_, "rate", 0)}};
    } else if (kind == "upsample") {
      to_.kind = "UpSampling1D";
      to_.options = {{"size", count("factor")}};
    } else {
      to_.kind = kind == "mean over time" ? "GlobalAveragePooling1D" : "GlobalMaxPooling1D";
      expect(kind == "mean over time" || kind == "max over time", "be a layer that Keras has");
    }
  }

  const LayerOptions& from_;
  const std::string& prefix_;
  const ParameterTable& table_;
  std::string name_;
  KerasLayer to_;
};

/// Converts the layers of a model, including those inside graphs.
class OwnKerasModel {
 public:
  OwnKerasModel(const LayerOptions& chain, const ParameterTable& table) : table_(table) {
    all_.model.features = option_or<Index>(chain, "features", 0);
    const auto layers = option_or<std::vector<LayerOptions>>(chain, "layers", {});
    std::size_t at = 0;
    for (std::size_t k = 0; k < layers.size(); ++k)
      at = add(layers[k], text(k, "."), {at}, part_name("layers", k, layers[k]), true);
  }

  OwnKerasLayers in_order() {
    std::vector<std::string> prefixes;
    all_.model.layers = in_keras_order(all_.model.layers, [&](std::size_t k) { prefixes.push_back(all_.prefixes[k]); });
    all_.prefixes = std::move(prefixes);
    for (const KerasLayer& layer : all_.model.layers)
      all_.model.tokens = all_.model.tokens || layer.kind == "Embedding";
    return std::move(all_);
  }

 private:
  using Reads = std::vector<std::size_t>;

  /// Adds a layer; returns the number of its output, as in KerasLayer::reads. `alone`: whether only this layer reads
  /// its input.
  std::size_t add(const LayerOptions& options, const std::string& prefix, Reads reads, const std::string& name,
                  bool alone) {
    const std::string kind = word_of(options, "layer");
    if (kind == "graph") return add_graph(options, prefix, reads[0], name);
    if (kind == "last step") return add_last_step(reads[0], name, alone);
    return push(OwnKerasLayer(options, prefix, table_, name).converted(), std::move(reads), prefix);
  }

  std::size_t push(KerasLayer layer, Reads reads, const std::string& prefix) {
    layer.reads = std::move(reads);
    all_.model.layers.push_back(std::move(layer));
    all_.prefixes.push_back(prefix);
    return all_.model.layers.size();
  }

  std::size_t add_graph(const LayerOptions& graph, const std::string& prefix, std::size_t input,
                        const std::string& name) {
    const auto nodes = option_or<std::vector<LayerOptions>>(graph, "nodes", {});
    Reads outputs{input}, readers(nodes.size() + 1, 0);
    const auto reads_of = [](const LayerOptions& node) { return option_or<std::vector<Index>>(node, "reads", {}); };
    for (const LayerOptions& node : nodes)
      for (const Index from : reads_of(node)) ++readers[std::size_t(from)];
    for (std::size_t n = 0; n < nodes.size(); ++n) {
      Reads reads;
      bool alone = true;
      for (const Index from : reads_of(nodes[n])) {
        reads.push_back(outputs[std::size_t(from)]);
        alone = alone && from > 0 && readers[std::size_t(from)] == 1;
      }
      const std::string merge = word_of(nodes[n], "merge"), inside = text(prefix, n + 1, ".");
      const std::string place = text(name, ": ", part_name("nodes", n, nodes[n]));
      require<ValueError>(word_of(nodes[n], "input").empty(), "Keras: ", place,
                          " names rows of the input; write a model with one input");
      const bool merges = word_of(nodes[n], "layer").empty() && !merge.empty();
      outputs.push_back(merges ? push(merged(merge, place), reads, inside)
                               : add(nodes[n], inside, reads, place, alone));
    }
    return outputs.back();
  }
  static KerasLayer merged(const std::string& how, const std::string& name) {
    const bool product = how == "product", sum = how == "sum";
    return {.kind = how == "concat" ? "Concatenate"
                    : sum           ? "Add"
                    : product       ? "Multiply"
                                    : "Average",
            .name = name,
            .reads = {}};
  }

  /// A LastStep after a forward layer is return_sequences = false.
  std::size_t add_last_step(std::size_t input, const std::string& name, bool alone) {
    KerasLayer* const before = input > 0 ? &all_.model.layers[input - 1] : nullptr;
    require<ValueError>(
        before != nullptr && alone && is_recurrent(before->kind) && before->options["return_sequences"] == true,
        "Keras: ", name, " must follow a forward Recurrent layer that no other layer reads");
    before->options["return_sequences"] = false;
    return input;
  }

  const ParameterTable& table_;
  OwnKerasLayers all_;
};

/// Layers of a model in the form of Keras. Throws ValueError for a layer or option that Keras does not have.
template <class Model>
OwnKerasLayers own_keras_layers(const Model& model) {
  return OwnKerasModel(chain_description(model), model.parameters().table()).in_order();
}

}  // namespace unroll::detail
