#pragma once
// Layers over windows of steps as operators on (batch, features, steps).

#include <string>
#include <utility>
#include <vector>

#include "unroll/io/import/pytorch_layers.hpp"
#include "unroll/io/onnx/detail/write/onnx_writer_base.hpp"

namespace unroll::detail {

/// Writer of one layer of convolution or pooling.
class OnnxWindowWriter {
 public:
  OnnxWindowWriter(OnnxWriterBase& to, const OnnxWrittenLayer& layer) : to_(to), layer_(layer) {}

  OnnxWritten convolution(OnnxWritten x) {
    const Index reach = span() - 1;
    std::vector<OnnxAttribute> all{{"group", option("groups", 1)}};
    const bool remembers = layer_.word("padding") == "causal" && option("stride", 1) == 1 && reach > 0;
    const std::string before = remembers ? state(reach, x.features) : "";
    if (before.empty())
      add_windows(all);
    else
      x.name = to_.graph().add(layer_.prefix, "Concat", {before, x.name}, {{"axis", Index(0)}}), add_steps(all);
    if (remembers && to_.options().states) {
      const std::string next =
          to_.graph().add(layer_.prefix, "Slice",
                          {x.name, to_.graph().integers({-reach}),
                           to_.graph().integers({std::numeric_limits<Index>::max()}), to_.graph().integers({0})});
      to_.add_state_output(layer_.prefix + "x", next, {reach, "batch", x.features});
    }
    return over_steps(x, "Conv", {weight("weight"), weight("bias")}, all, option("units", 1));
  }

  OnnxWritten transposed_convolution(const OnnxWritten& x) {
    std::vector<OnnxAttribute> all{{"group", option("groups", 1)}};
    const Index beyond = span() - option("stride", 1);  // steps that same() cuts off
    Index more = option("output_padding", 0);
    std::vector<Index> cut(2, option("padding", 0));
    if (layer_.word("padding") == "same") {
      more = std::max<Index>(0, -beyond);
      cut = {std::max<Index>(0, beyond) / 2, std::max<Index>(0, beyond) - std::max<Index>(0, beyond) / 2};
    }
    all.push_back({"pads", cut});
    all.push_back({"output_padding", std::vector{more}});
    add_steps(all);
    return over_steps(x, "ConvTranspose", {weight("weight"), weight("bias")}, all, option("units", 1));
  }

  OnnxWritten pooling(const OnnxWritten& x, bool max) {
    std::vector<OnnxAttribute> all{{"kernel_shape", std::vector{option("kernel", 1)}},
                                   {"ceil_mode", Index(layer_.flag("ceil_mode"))}};
    if (!max) all.push_back({"count_include_pad", Index(layer_.flag("count_padding"))});
    add_windows(all, max);
    return over_steps(x, max ? "MaxPool" : "AveragePool", {}, all, x.features);
  }

  OnnxWritten upsample(const OnnxWritten& x) {
    const Tensor scales = Tensor::of(std::vector{1.0f, 1.0f, float(option("factor", 1))}, {3});
    return over_steps(x, "Resize", {"", to_.graph().tensor(layer_.prefix + "scales", scales)},
                      {{"mode", std::string("nearest")},
                       {"coordinate_transformation_mode", std::string("asymmetric")},
                       {"nearest_mode", std::string("floor")}},
                      x.features);
  }

 private:
  Index option(std::string_view name, Index otherwise) const { return layer_.option<Index>(name, otherwise); }
  Index span() const { return option("dilation", 1) * (option("kernel", 1) - 1) + 1; }

  /// Steps before the first one of a causal convolution, with a name for an input; empty if they are 0.
  std::string state(Index reach, Index features) {
    Tensor numbers = Tensor::of(VectorX<float>(to_.take_first(features * reach).col(0)));
    numbers.shape = {reach, 1, features};
    return to_.initial_state(layer_.prefix + "x", numbers);
  }

  void add_steps(std::vector<OnnxAttribute>& to, bool dilated = true) const {
    to.push_back({"strides", std::vector{option("stride", 1)}});
    if (dilated) to.push_back({"dilations", std::vector{option("dilation", 1)}});
  }
  /// Strides and padding.
  void add_windows(std::vector<OnnxAttribute>& to, bool dilated = true) const {
    add_steps(to, dilated);
    const std::string padding = layer_.word("padding");
    if (padding == "same" && option("stride", 1) > 1)
      to.push_back({"auto_pad", std::string("SAME_UPPER")});
    else if (padding == "same")
      to.push_back({"pads", std::vector{(span() - 1) / 2, span() - 1 - (span() - 1) / 2}});
    else if (padding == "causal")
      to.push_back({"pads", std::vector{span() - 1, Index(0)}});
    else
      to.push_back({"pads", std::vector(2, option("padding", 0))});
  }

  /// Name of a parameter; empty if the layer does not have it.
  std::string weight(const std::string& name) {
    const ParameterBlock* block = to_.parameters().table().find(layer_.prefix + name);
    return block == nullptr ? "" : to_.graph().tensor(block->name, write_plain(to_.parameters(), *block, false));
  }

  OnnxWritten over_steps(const OnnxWritten& x, const std::string& operation, std::vector<std::string> inputs,
                         const std::vector<OnnxAttribute>& attributes, Index features) {
    OnnxGraphWriter& graph = to_.graph();
    inputs.insert(inputs.begin(),
                  graph.add(layer_.prefix, "Transpose", {x.name}, {{"perm", std::vector<Index>{1, 2, 0}}}));
    const std::string y = graph.add(layer_.prefix, operation, inputs, attributes);
    return {graph.add(layer_.prefix, "Transpose", {y}, {{"perm", std::vector<Index>{2, 0, 1}}}), features};
  }

  OnnxWriterBase& to_;
  const OnnxWrittenLayer& layer_;
};

}  // namespace unroll::detail
