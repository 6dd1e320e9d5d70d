#pragma once
// Layers of a model as operators of ONNX.

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/write/onnx_recurrent_writer.hpp"
#include "unroll/io/onnx/detail/write/onnx_window_writer.hpp"

namespace unroll::detail {

/// Writer of the layers of a model, one after the other.
class OnnxWriter {
 public:
  OnnxWriter(const Parameters<float>& parameters, OnnxOptions options) : base_(parameters, options) {}

  OnnxWriterBase& base() { return base_; }

  /// Adds a layer. Throws ValueError for one that ONNX does not have.
  OnnxWritten add(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    const std::string kind = layer.kind();
    if (base_.options().lengths) check_lengths(layer);
    if (kind == "dropout") return x;
    if (kind == "recurrent" || kind == "bidirectional") return recurrent(layer, x);
    if (kind == "dense") return dense(layer, x, transposed_weight(layer), layer.option<Index>("units", 1));
    if (kind == "tied dense") return tied_dense(layer, x);
    if (kind == "activation") return {function(layer, x.name), x.features, x.per_step};
    if (kind == "softmax") {
      return {graph().add(layer.prefix, "Softmax", {x.name}, {{"axis", Index(-1)}}), x.features, x.per_step};
    }
    if (kind == "embedding") return embedding(layer, x);
    if (kind == "batch norm") return batch_norm(layer, x);
    if (kind == "layer norm") return layer_norm(layer, x);
    if (kind == "graph") return graph_of(layer, x);
    if (kind == "last step" || kind == "mean over time" || kind == "max over time") return pooled(layer, x);
    OnnxWindowWriter windows(base_, layer);
    if (kind == "conv1d") return windows.convolution(x);
    if (kind == "conv transpose") return windows.transposed_convolution(x);
    if (kind == "max pool1d" || kind == "average pool1d") return windows.pooling(x, kind == "max pool1d");
    if (kind == "upsample") return windows.upsample(x);
    throw ValueError(text("ONNX: ", layer.where, " has no operator"));
  }

 private:
  using Blocks = std::vector<std::string>;

  OnnxGraphWriter& graph() { return base_.graph(); }

  static void check_lengths(const OnnxWrittenLayer& layer) {
    static constexpr std::string_view every_step[] = {"dropout",    "recurrent",  "bidirectional", "dense",
                                                      "tied dense", "activation", "embedding",     "batch norm",
                                                      "layer norm", "softmax",    "graph"};
    layer.expect(std::ranges::find(every_step, layer.kind()) != std::end(every_step),
                 "must be recurrent or process each step alone with an input for lengths; write the model without it");
  }

  OnnxWritten recurrent(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    try {
      return OnnxRecurrentWriter(base_, layer).write(x);
    } catch (const ValueError& error) {
      throw ValueError(text("ONNX: ", layer.where, ": ", error.what()));
    }
  }

  /// Name of a parameter; empty if the layer does not have it.
  std::string weight(const OnnxWrittenLayer& layer, const std::string& name) {
    const ParameterBlock* block = base_.parameters().table().find(layer.prefix + name);
    return block == nullptr ? "" : graph().tensor(block->name, tensor_of(base_.parameters(), *block));
  }
  std::string transposed_weight(const OnnxWrittenLayer& layer) {
    const ParameterBlock& block = base_.parameters().table().at(layer.prefix + "weight");
    return graph().tensor(block.name, write_plain(base_.parameters(), block, true));
  }
  /// Parameter, or a constant if the layer does not have it.
  std::string weight_or(const OnnxWrittenLayer& layer, const std::string& name, Index features, float value) {
    if (const std::string own = weight(layer, name); !own.empty()) return own;
    return graph().tensor(layer.prefix + name, Tensor::of(VectorX<float>::Constant(features, value).eval()));
  }

  OnnxWritten dense(const OnnxWrittenLayer& layer, const OnnxWritten& x, const std::string& weights, Index units) {
    const std::string y = graph().add(layer.prefix, "MatMul", {x.name, weights}), bias = weight(layer, "bias");
    return {bias.empty() ? y : graph().add(layer.prefix, "Add", {y, bias}), units, x.per_step};
  }
  OnnxWritten tied_dense(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    const std::string table = text(layer.option<Index>("embedding", 0), ".weight");
    return dense(layer, x, graph().add(layer.prefix, "Transpose", {table}, {{"perm", std::vector<Index>{1, 0}}}),
                 base_.parameters().table().at(table).cols);
  }
  OnnxWritten embedding(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    layer.expect(layer.prefix == "0.", "must be the first layer, which reads the tokens");
    return {graph().add(layer.prefix, "Gather", {transposed_weight(layer), x.name}),
            layer.option<Index>("dimension", 1), x.per_step};
  }

  /// Normalisation of dimension 1, which are the features of (steps, features, batch).
  OnnxWritten batch_norm(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    const auto turned = [&](const std::string& name) {
      return x.per_step ? graph().add(layer.prefix, "Transpose", {name}, {{"perm", std::vector<Index>{0, 2, 1}}})
                        : name;
    };
    std::vector<OnnxAttribute> options{{"epsilon", layer.option<double>("epsilon", 1e-5)}};
    if (const double momentum = layer.option<double>("momentum", 0); momentum > 0)
      options.push_back({"momentum", 1 - momentum});
    const std::string y =
        graph().add(layer.prefix, "BatchNormalization",
                    {turned(x.name), weight_or(layer, "weight", x.features, 1), weight_or(layer, "bias", x.features, 0),
                     weight(layer, "running_mean"), weight(layer, "running_var")},
                    options);
    return {turned(y), x.features, x.per_step};
  }
  OnnxWritten layer_norm(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    const bool centred = layer.flag("centred");
    std::vector<std::string> inputs{x.name, weight_or(layer, "weight", x.features, 1)};
    if (centred) inputs.push_back(weight(layer, "bias"));
    if (!centred) graph().require_version(23);
    layer.expect(centred || !layer.flag("shifted"), "must have no shift, because ONNX's RMSNormalization has none");
    const std::vector<OnnxAttribute> options{{"epsilon", layer.option<double>("epsilon", 1e-5)}, {"axis", Index(-1)}};
    return {graph().add(layer.prefix, centred ? "LayerNormalization" : "RMSNormalization", inputs, options), x.features,
            x.per_step};
  }

  OnnxWritten pooled(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    const bool last = layer.kind() == "last step";
    if (last) return {graph().add(layer.prefix, "Gather", {x.name, graph().integer(-1)}), x.features, false};
    const std::string operation = layer.kind() == "mean over time" ? "ReduceMean" : "ReduceMax";
    return {graph().add(layer.prefix, operation, {x.name, graph().integers({0})}, {{"keepdims", Index(0)}}), x.features,
            false};
  }

  std::string function(const OnnxWrittenLayer& layer, const std::string& x) {
    const std::string name = layer.word("function"), &prefix = layer.prefix;
    static constexpr std::array<std::pair<std::string_view, const char*>, 11> plain{{{"identity", "Identity"},
                                                                                     {"sigmoid", "Sigmoid"},
                                                                                     {"tanh", "Tanh"},
                                                                                     {"relu", "Relu"},
                                                                                     {"softplus", "Softplus"},
                                                                                     {"softsign", "Softsign"},
                                                                                     {"exp", "Exp"},
                                                                                     {"log", "Log"},
                                                                                     {"sqrt", "Sqrt"},
                                                                                     {"abs", "Abs"},
                                                                                     {"gelu", "Gelu"}}};
    if (name == "gelu" || name == "gelu_tanh") graph().require_version(20);
    for (const auto& [ours, theirs] : plain)
      if (name == ours) return graph().add(prefix, theirs, {x});
    const auto number = [&](const char* option) { return layer.option<double>(option, 0); };
    if (name == "gelu_tanh") return graph().add(prefix, "Gelu", {x}, {{"approximate", std::string("tanh")}});
    if (name == "leaky_relu") return graph().add(prefix, "LeakyRelu", {x}, {{"alpha", number("negative_slope")}});
    if (name == "elu") return graph().add(prefix, "Elu", {x}, {{"alpha", number("alpha")}});
    if (name == "hard_sigmoid")
      return graph().add(prefix, "HardSigmoid", {x}, {{"alpha", number("alpha")}, {"beta", number("beta")}});
    if (name == "hard_tanh") return graph().add(prefix, "Clip", {x, limit(number("low")), limit(number("high"))});
    if (name == "silu") return graph().add(prefix, "Mul", {x, graph().add(prefix, "Sigmoid", {x})});
    if (name == "square") return graph().add(prefix, "Mul", {x, x});
    layer.expect(name == "exp2", "has no operator; write the model without it");
    return graph().add(prefix, "Pow", {graph().number(2), x});
  }
  /// Limit of Clip; empty if there is none.
  std::string limit(double value) { return std::isinf(value) ? "" : graph().number(float(value)); }

  OnnxWritten graph_of(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    std::vector<OnnxWritten> values{x};
    for (const LayerOptions& node : layer.option<std::vector<LayerOptions>>("nodes", {})) {
      const OnnxWrittenLayer inner{node, text(layer.prefix, values.size(), "."),
                                   text(layer.where, ", ", part_name("nodes", values.size() - 1, node))};
      const auto reads = inner.option<std::vector<Index>>("reads", {});
      const OnnxWritten& first = values[std::size_t(reads.front())];
      if (const std::string merge = inner.word("merge"); inner.kind().empty() && !merge.empty()) {
        Blocks names;
        Index features = 0;
        for (const Index n : reads)
          names.push_back(values[std::size_t(n)].name), features += values[std::size_t(n)].features;
        values.push_back(
            {merged(layer.prefix, merge, names), merge == "concat" ? features : first.features, first.per_step});
      } else {
        values.push_back(add(inner, first));
      }
    }
    return values.back();
  }
  std::string merged(const std::string& prefix, const std::string& merge, const std::vector<std::string>& names) {
    if (merge == "concat") return graph().add(prefix, "Concat", names, {{"axis", Index(-1)}});
    if (merge == "sum" || merge == "mean") return graph().add(prefix, merge == "sum" ? "Sum" : "Mean", names);
    std::string to = names[0];
    for (std::size_t k = 1; k < names.size(); ++k) to = graph().add(prefix, "Mul", {to, names[k]});
    return to;
  }

  OnnxWriterBase base_;
};

}  // namespace unroll::detail
