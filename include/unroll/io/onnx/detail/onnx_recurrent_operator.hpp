#pragma once
// Reader of the operators LSTM, GRU and RNN.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/onnx_nodes.hpp"
#include "unroll/io/onnx/detail/onnx_operator.hpp"

namespace unroll::detail {

/// Converter of one recurrent operator: a layer for each direction.
template <class S>
class OnnxRecurrentReader {
 public:
  OnnxRecurrentReader(OnnxNetwork<S>& network, const OnnxOperator& of) : network_(network), of_(of) {
    options_ = {.operation = of.type(),
                .direction = of.word("direction", "forward"),
                .activations = of.words("activations"),
                .alpha = of.reals("activation_alpha"),
                .beta = of.reals("activation_beta"),
                .clips = of.has("clip"),
                .coupled = of.integer("input_forget", 0) != 0,
                .reset_after = of.integer("linear_before_reset", 0) != 0,
                .peepholes = of.has(7)};
    cell_ = cell_of(options_);
    by_batch_ = of.integer("layout", 0) != 0;
  }

  /// Y, the outputs of all steps; Y_h, those of the last step; Y_c.
  std::vector<OnnxValue> read() {
    const OnnxSignal x = input();
    const auto weights = read_weights(network_.node(x.parts[0]).features);
    const auto initial = states();
    OnnxSignal steps{{}, {}}, last = steps;
    for (Index d = 0; d < weights->directions; ++d) {
      const bool backward = options_.direction == "reverse" || d == 1;
      OnnxRecurrent<S> layer{
          .cell = cell_, .units = units_, .direction = backward ? Direction::backward : Direction::forward};
      layer.directions = {{weights, d, initial[std::size_t(d)]}};
      for (OnnxSignal* to : {&steps, &last}) {
        layer.returns = to == &steps ? Returns::steps : Returns::last;
        to->parts.push_back(network_.add({.reads = x.parts, .recurrent = layer, .features = units_}));
      }
    }
    set_axes(x, weights->directions, steps, last);
    return {steps, last, OnnxGiven{.by_layer = true}};
  }

 private:
  using Dimension = std::vector<OnnxFactor>;

  /// (steps, batch, features), or (batch, steps, features) with layout 1.
  OnnxSignal input() {
    const OnnxSignal x = network_.whole(complete(of_.signal(0)));
    const std::size_t step = by_batch_ ? 1 : 0;
    const bool one = x.axes.size() == 3 && x.axes[2].empty() && !x.has(OnnxAxis::features) &&
                     network_.node(x.parts[0]).features == 1;
    require<FileError>(x.axes.size() == 3 && is_only(x.axes[step], OnnxAxis::steps) &&
                           is_only(x.axes[1 - step], OnnxAxis::batch, true) &&
                           (one || is_only(x.axes[2], OnnxAxis::features)),
                       "input 0 must be ", by_batch_ ? "(batch, steps, features)" : "(steps, batch, features)",
                       ", got ", [&] { return text_of(x.axes); });
    require<FileError>(!of_.has(4) || std::holds_alternative<OnnxGiven>(of_.input(4)),
                       "sequence_lens must be an input of the model, got ", [&] { return kind_of(of_.input(4)); });
    return x;
  }

  /// Weights with the shapes of the operator.
  std::shared_ptr<const OnnxWeights> read_weights(Index features) {
    const Index directions = options_.directions(), gates = of_.type() == "LSTM" ? 4 : of_.type() == "GRU" ? 3 : 1;
    const OnnxConstant& recurrent = of_.constant(2);
    require<FileError>(recurrent->shape.size() == 3, "R must have 3 dimensions, got ", recurrent->shape.size());
    units_ = recurrent->shape[2];
    require<FileError>(of_.integer("hidden_size", units_) == units_, "hidden_size must be ", units_, ", as in R, got ",
                       of_.integer("hidden_size", units_));
    const Index rows = checked_multiply(gates, units_, "gates");
    OnnxWeights to{{}, directions};
    to.tensors.file = network_.where();
    to.tensors.tensors = {{"W", *of_.constant(1, {directions, rows, features})},
                          {"R", *of_.constant(2, {directions, rows, units_})}};
    if (of_.has(3)) to.tensors.tensors["B"] = *of_.constant(3, {directions, 2 * rows});
    if (of_.has(7)) to.tensors.tensors["P"] = *of_.constant(7, {directions, 3 * units_});
    network_.count(to.tensors);
    return std::make_shared<const OnnxWeights>(std::move(to));
  }

  /// Initial states by direction: h, and c of an LSTM.
  std::vector<std::vector<VectorX<S>>> states() const {
    std::vector<std::vector<VectorX<S>>> to(std::size_t(options_.directions()));
    for (std::size_t k = 5; k < (of_.type() == "LSTM" ? 7u : 6u); ++k)
      for (std::size_t d = 0; d < to.size(); ++d) to[d].push_back(state(k, Index(d)));
    return to;
  }
  VectorX<S> state(std::size_t k, Index direction) const {
    if (const auto* given = of_.has(k) ? std::get_if<OnnxGiven>(&of_.input(k)) : nullptr)
      require<FileError>(!given->by_layer, "initial states must not be those of another layer");
    if (!of_.has(k) || std::holds_alternative<OnnxGiven>(of_.input(k))) return VectorX<S>::Zero(units_);
    if (const auto* fill = std::get_if<OnnxFill>(&of_.input(k))) return VectorX<S>::Constant(units_, S(fill->number));
    const Tensor& all = *of_.constant(k);
    const std::size_t at = by_batch_ ? 1 : 0;
    require<FileError>(all.shape.size() == 3 && all.shape[at] == options_.directions() && all.shape[2] == units_,
                       "initial states must have the shape ", by_batch_ ? "[batch, " : "[", options_.directions(),
                       by_batch_ ? ", " : ", batch, ", units_, "], got ", [&] { return shape_text(all.shape); });
    const auto numbers = all.to<S>();
    const Index batch = all.shape[1 - at];
    const auto of_sequence = [&](Index b) -> VectorX<S> {
      const Index first = by_batch_ ? b * options_.directions() + direction : direction * batch + b;
      return Eigen::Map<const VectorX<S>>(numbers.data() + first * units_, units_);
    };
    const VectorX<S> to = of_sequence(0);
    for (Index b = 1; b < batch; ++b)
      require<FileError>(of_sequence(b) == to, "initial states must be the same for all sequences, got others for ", b);
    return to;
  }

  void set_axes(const OnnxSignal& x, Index directions, OnnxSignal& steps, OnnxSignal& last) const {
    const Dimension direction = directions == 1 ? Dimension() : Dimension{{OnnxAxis::direction, {directions}}};
    const Dimension units{{OnnxAxis::features, {units_}}};
    const Dimension &of_steps = x.axes[by_batch_ ? 1 : 0], &batch = x.axes[by_batch_ ? 0 : 1];
    steps.axes = by_batch_ ? OnnxAxes{batch, of_steps, direction, units} : OnnxAxes{of_steps, direction, batch, units};
    last.axes = by_batch_ ? OnnxAxes{batch, direction, units} : OnnxAxes{direction, batch, units};
  }

  OnnxNetwork<S>& network_;
  const OnnxOperator& of_;
  OnnxRecurrentOptions options_;
  OnnxCell cell_ = OnnxCell::lstm;
  bool by_batch_ = false;
  Index units_ = 0;
};

}  // namespace unroll::detail
