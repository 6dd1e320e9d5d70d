#pragma once
// Layers of a model as operators of ONNX.

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/scan/onnx_scan_writer.hpp"
#include "unroll/io/onnx/detail/write/onnx_functions.hpp"
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

  /// Calls f and names the layer in its errors.
  template <class F>
  static auto in_layer(const OnnxWrittenLayer& layer, F&& f) {
    try {
      return f();
    } catch (const ValueError& error) {
      throw ValueError(text("ONNX: ", layer.where, ": ", error.what()));
    }
  }

  OnnxWritten recurrent(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    layer.expect(layer.option<std::vector<LayerOptions>>("inputs", {}).size() <= 1,
                 "must have one input, the features of the layer, not several by name");
    return in_layer(layer, [&] {
      const auto layout = OnnxRecurrentWriter::layout_of(base_.parameters().table(), layer);
      return layout ? OnnxRecurrentWriter(base_, layer, *layout).write(x)
                    : OnnxScanWriter(base_, layer, x.features).write(x);
    });
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
    std::vector<double> numbers;
    for (const LayerOption& one : layer.options)
      if (const auto* number = std::get_if<double>(&one.value)) numbers.push_back(*number);
    return in_layer(layer, [&] {
      return add_operation(graph(), graph().nodes(), layer.prefix, layer.word("function"), numbers, {x});
    });
  }

  OnnxWritten graph_of(const OnnxWrittenLayer& layer, const OnnxWritten& x) {
    std::vector<OnnxWritten> values{x};
    for (const LayerOptions& node : layer.option<std::vector<LayerOptions>>("nodes", {})) {
      const OnnxWrittenLayer inner{node, text(layer.prefix, values.size(), "."),
                                   text(layer.where, ", ", part_name("nodes", values.size() - 1, node))};
      const auto reads = inner.option<std::vector<Index>>("reads", {});
      inner.expect(inner.word("input").empty(), "names rows of the input; write a model with one input");
      const OnnxWritten& first = values[std::size_t(reads.front())];
      if (const std::string merge = inner.word("merge"); inner.kind().empty() && !merge.empty()) {
        Blocks names;
        Index features = 0;
        for (const Index n : reads)
          names.push_back(values[std::size_t(n)].name), features += values[std::size_t(n)].features;
        values.push_back(
            {base_.merged(layer.prefix, merge, names), merge == "concat" ? features : first.features, first.per_step});
      } else {
        values.push_back(add(inner, first));
      }
    }
    return values.back();
  }

  OnnxWriterBase base_;
};

}  // namespace unroll::detail
