#pragma once
// Operators of ONNX with weights as layers.

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/onnx_constants.hpp"
#include "unroll/io/onnx/detail/onnx_nodes.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/convolution/conv_transpose1d.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/layers/normalisation/layer_norm.hpp"
#include "unroll/layers/normalisation/softmax.hpp"

namespace unroll::detail {

/// Converter of one operator. Its functions add nodes to the network and return the values of the outputs.
template <class S>
class OnnxLayers {
 public:
  OnnxLayers(OnnxNetwork<S>& network, const OnnxOperator& of) : network_(network), of_(of) {}

  /// MatMul(x, weights [features, units]).
  OnnxValue mat_mul() {
    const OnnxConstant weights = of_.constant(1);
    require<FileError>(weights->shape.size() == 2, "input 1 must have 2 dimensions, got ", weights->shape.size());
    return dense(of_.signal(0), transposed(*weights, {1, 0}));
  }

  /// Gemm(x, weights, bias) with the factors 1.
  OnnxValue gemm() {
    of_.expect("transA", 0, 0);
    for (const char* factor : {"alpha", "beta"})
      require<FileError>(of_.real(factor, 1) == 1, factor, " must be 1, got ", of_.real(factor, 1));
    const OnnxConstant weights = of_.constant(1);
    require<FileError>(weights->shape.size() == 2, "input 1 must have 2 dimensions, got ", weights->shape.size());
    const bool by_unit = of_.integer("transB", 0) != 0;
    const OnnxValue product = dense(of_.signal(0), by_unit ? *weights : transposed(*weights, {1, 0}));
    return of_.has(2) ? biased(std::get<OnnxSignal>(product), *of_.constant(2)) : product;
  }

  /// Sum of a dense layer without a bias and a constant.
  OnnxValue biased(const OnnxSignal& x, Tensor bias) {
    complete(x);
    const OnnxNode<S>& before = network_.node(x.parts.front());
    require<FileError>(x.parts.size() == 1 && before.dense && !before.dense->biased,
                       "a constant must be added to the result of MatMul, got another sum");
    require<FileError>(bias.size() == before.features && (bias.shape.empty() || bias.shape.back() == bias.size()) &&
                           !x.axes.empty() && is_only(x.axes.back(), OnnxAxis::features),
                       "the bias must have ", before.features, " numbers, got the shape ",
                       [&] { return shape_text(bias.shape); });
    bias.shape = {bias.size()};
    OnnxNode<S> node = before;
    node.dense->biased = true;
    node.layer = *node.dense;
    node.fill = [weights = before.fill, add = fill_with<S>(tensors({{"bias", std::move(bias)}}))](
                    Parameters<S>& to, const std::string& prefix) { weights(to, prefix), add(to, prefix); };
    OnnxSignal to = x;
    to.parts = {network_.add(std::move(node))};
    return to;
  }

  /// Gather(table [tokens, dimension], tokens).
  OnnxValue embedding() {
    const OnnxConstant table = of_.constant(0);
    const OnnxSignal tokens = complete(of_.signal(1));
    require<FileError>(table->shape.size() == 2 && axis_number(of_.integer("axis", 0), 2) == 0,
                       "a table of embeddings must have 2 dimensions and be read in dimension 0");
    require<FileError>(tokens.parts == std::vector<std::size_t>{0} && !tokens.has(OnnxAxis::features),
                       "tokens must be the input of the model, got another signal");
    OnnxSignal to = tokens;
    to.axes.push_back({{OnnxAxis::features, {table->shape[1]}}});
    to.parts = {network_.add({.reads = {0},
                              .layer = Embedding{.size = table->shape[0], .dimension = table->shape[1]},
                              .fill = fill_with<S>(tensors({{"weight", *table}}), true),
                              .features = table->shape[1]})};
    return to;
  }

  OnnxValue batch_norm() {
    const OnnxSignal x = with_features(of_.signal(0), 1);
    of_.expect("training_mode", 0, 0);
    const Index features = features_of(x);
    BatchNorm norm{.epsilon = of_.real("epsilon", 1e-5)};
    const double kept = of_.real("momentum", 0.9);
    if (kept >= 0 && kept < 1) norm.momentum = 1 - kept;
    return layer(x, norm,
                 {{"weight", *of_.constant(1, {features})},
                  {"bias", *of_.constant(2, {features})},
                  {"running_mean", *of_.constant(3, {features})},
                  {"running_var", *of_.constant(4, {features})}});
  }

  /// LayerNormalization or RMSNormalization over the features.
  OnnxValue layer_norm(bool centred) {
    const std::size_t last = of_.signal(0).axes.size() - 1;
    const OnnxSignal x = with_features(of_.signal(0), last);
    const Index axis = of_.integer("axis", -1);
    require<FileError>(axis_number(axis, last + 1) == last, "axis must be the last dimension, got ", axis);
    const Index features = features_of(x);
    std::map<std::string, Tensor> all{{"weight", *of_.constant(1, {features})}};
    if (of_.has(2)) all["bias"] = *of_.constant(2, {features});
    return layer(x, LayerNorm{.epsilon = of_.real("epsilon", 1e-5), .shifted = of_.has(2), .centred = centred}, all);
  }

  /// Softmax over the features. The default of the axis is dimension 1 before version 13 and then the last one.
  OnnxValue softmax() {
    const std::size_t last = of_.signal(0).axes.size() - 1;
    const OnnxSignal x = with_features(of_.signal(0), last);
    const Index axis = of_.integer("axis", 1);
    require<FileError>(axis_number(axis, last + 1) == last, "axis must be given and be the last dimension, got ", axis);
    return layer(x, Softmax{}, {});
  }

  /// Conv(x (batch, features, steps), weights [units, features / groups, kernel], bias).
  OnnxValue convolution() {
    const OnnxSignal x = for_windows();
    const OnnxConstant weights = of_.constant(1);
    require<FileError>(weights->shape.size() == 3, "the weights must have 3 dimensions, for 1 of steps, got ",
                       weights->shape.size());
    Conv1d to{.units = weights->shape[0], .kernel = weights->shape[2], .groups = of_.integer("group", 1)};
    to.stride = step_option("strides"), to.dilation = step_option("dilations");
    check_groups(to.groups, weights->shape[1], features_of(x));
    to.padding = padding(to.kernel, to.stride, to.dilation);
    to.biased = of_.has(2);
    std::map<std::string, Tensor> all{{"weight", *weights}};
    if (to.biased) all["bias"] = *of_.constant(2, {to.units});
    return resized(
        x, to, to.units, all,
        to.stride == 1 && zeros_of({to.kernel, 1, to.dilation}, to.padding) == (to.kernel - 1) * to.dilation);
  }

  /// ConvTranspose(x (batch, features, steps), weights [features, units / groups, kernel], bias).
  OnnxValue transposed_convolution() {
    (void)complete(of_.signal(0));  // it cuts steps off where a convolution pads
    const OnnxSignal x = for_windows();
    const OnnxConstant weights = of_.constant(1);
    require<FileError>(weights->shape.size() == 3 && weights->shape[0] == features_of(x) && !of_.has("output_shape"),
                       "the weights must have 3 dimensions, the first of size ", features_of(x),
                       ", and no output_shape must be given");
    ConvTranspose1d to{.kernel = weights->shape[2], .groups = of_.integer("group", 1)};
    to.stride = step_option("strides"), to.dilation = step_option("dilations");
    check_between("", "group", to.groups, 1, most_of_option);
    to.units = checked_multiply(weights->shape[1], to.groups, "units");
    to.biased = of_.has(2);
    const std::vector<Index> cut = pads(), more = of_.integers("output_padding");
    to.output_padding = more.empty() ? 0 : more.front();
    check_between("", "output_padding", to.output_padding, 0, most_of_option);
    const Index beyond = to.dilation * (to.kernel - 1) + 1 - to.stride;  // steps that same() cuts off
    require<FileError>(of_.word("auto_pad", "NOTSET") == "NOTSET" || of_.word("auto_pad", "") == "VALID",
                       "auto_pad must be NOTSET, got ", in_quotes(of_.word("auto_pad", "")));
    const bool same_steps = cut[0] != cut[1] && cut[0] == beyond / 2 && cut[0] + cut[1] == beyond;
    require<FileError>(cut[0] == cut[1] || (same_steps && to.output_padding == 0),
                       "pads must be equal, or cut off all steps beyond strides, got ", cut[0], " and ", cut[1]);
    to.padding = same_steps ? same() : WindowPadding(cut[0]);
    std::map<std::string, Tensor> all{{"weight", *weights}};
    if (to.biased) all["bias"] = *of_.constant(2, {to.units});
    return resized(x, to, to.units, all, false);
  }

  /// Padding of the windows of a convolution or pooling.
  WindowPadding padding(Index kernel, Index stride, Index dilation) const {
    const std::string automatic = of_.word("auto_pad", "NOTSET");
    const Index span = checked_multiply(dilation, kernel - 1, "dilations") + 1;
    const std::vector<Index> zeros = pads();
    if (automatic == "SAME_UPPER" && zeros[0] == 0 && zeros[1] == 0) return same();
    require<FileError>(automatic == "NOTSET" || automatic == "VALID",
                       "auto_pad must be NOTSET, VALID or SAME_UPPER, got ", in_quotes(automatic));
    if (zeros[0] == zeros[1]) return zeros[0];
    if (zeros[1] == 0 && zeros[0] == span - 1) return causal();
    require<FileError>(stride == 1 && zeros[0] == (span - 1) / 2 && zeros[0] + zeros[1] == span - 1,
                       "pads must be equal, causal or keep the number of steps, got ", zeros[0], " and ", zeros[1]);
    return same();
  }
  Index step_option(std::string_view name) const {
    const std::vector<Index> all = of_.integers(name);
    require<FileError>(all.size() < 2, name, " must have 1 entry, for the steps, got ", all.size());
    if (all.empty()) return 1;
    check_between("", name, all[0], 1, most_of_option);
    return all[0];
  }

  /// Signal (batch, features, steps).
  OnnxSignal for_windows() {
    const OnnxSignal x = with_features(of_.signal(0), 1, true);
    require<FileError>(
        x.axes.size() == 3 && is_only(x.axes[0], OnnxAxis::batch, true) && is_only(x.axes[2], OnnxAxis::steps),
        "input 0 must be (batch, features, steps), got ", [&] { return text_of(x.axes); });
    return x;
  }

  /// Adds a layer that may change the number of steps.
  OnnxValue resized(const OnnxSignal& x, AnyLayer<S> layer_of, Index units, const std::map<std::string, Tensor>& all,
                    bool keeps_steps) {
    OnnxSize steps = x.axes[2].front().size;
    if (!keeps_steps && steps.is_number()) steps.number = layer_of.steps_after(steps.number);
    if (!keeps_steps && !steps.is_number()) steps = {1, 1, 0, steps.version + 1};
    OnnxSignal to{
        {network_.add(
            {.reads = x.parts, .layer = std::move(layer_of), .fill = fill_with<S>(tensors(all)), .features = units})},
        x.axes};
    to.axes[1] = {{OnnxAxis::features, {units}}};
    to.axes[2].front().size = steps;
    return to;
  }

  Index features_of(const OnnxSignal& x) const { return network_.node(x.parts.front()).features; }

  /// A signal whose features are one dimension, `at`.
  OnnxSignal with_features(OnnxSignal x, std::size_t at, bool padded = false) {
    x = network_.whole(complete(x, padded));
    const bool implied = at < x.axes.size() && x.axes[at].empty() && !x.has(OnnxAxis::features) && features_of(x) == 1;
    require<FileError>(at < x.axes.size() && (implied || is_only(x.axes[at], OnnxAxis::features)), "dimension ", at,
                       " of input 0 must be the features, got ", [&] { return text_of(x.axes); });
    return x;
  }

 private:
  SafeTensors tensors(std::map<std::string, Tensor> all) const {
    SafeTensors weights{std::move(all), {}, network_.where()};
    network_.count(weights);
    return weights;
  }

  /// Dense layer of weights [units, features].
  OnnxValue dense(OnnxSignal x, Tensor weights) {
    require<FileError>(!x.axes.empty(), "input 0 must have the features as its last dimension, got no dimension");
    x = with_features(std::move(x), x.axes.size() - 1);
    const Dense options{.units = weights.shape[0], .biased = false};
    require<FileError>(weights.shape[1] == features_of(x), "the weights must be for ", features_of(x),
                       " features, got ", weights.shape[1]);
    x.axes.back() = {{OnnxAxis::features, {options.units}}};
    x.parts = {network_.add({.reads = x.parts,
                             .layer = options,
                             .fill = fill_with<S>(tensors({{"weight", std::move(weights)}})),
                             .dense = options,
                             .features = options.units})};
    return x;
  }

  OnnxValue layer(OnnxSignal x, AnyLayer<S> layer_of, std::map<std::string, Tensor> all) {
    x.parts = {network_.add({.reads = x.parts,
                             .layer = std::move(layer_of),
                             .fill = fill_with<S>(tensors(std::move(all))),
                             .features = features_of(x)})};
    return x;
  }

  static void check_groups(Index groups, Index inputs, Index features) {
    check_between("", "group", groups, 1, most_of_option);
    require<FileError>(checked_multiply(inputs, groups, "features") == features, "the weights must be for ", features,
                       " features, got ", inputs, " in ", groups, " groups");
  }

  /// Zeros before and after the steps.
  std::vector<Index> pads() const {
    std::vector<Index> all = of_.integers("pads");
    if (all.empty()) all = {0, 0};
    require<FileError>(all.size() == 2, "pads must have 2 entries, for the steps, got ", all.size());
    const OnnxSignal& x = of_.signal(0);
    for (Index& zeros : all) check_between("", "pads", zeros, 0, most_of_option);
    return {all[0] + x.front, all[1] + x.back};
  }

  OnnxNetwork<S>& network_;
  const OnnxOperator& of_;
};

}  // namespace unroll::detail
