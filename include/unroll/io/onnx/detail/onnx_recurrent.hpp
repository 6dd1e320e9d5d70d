#pragma once
// Recurrent operators of ONNX (LSTM, GRU, RNN) as cells of the library.

#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/io/import/onnx_weights.hpp"
#include "unroll/io/onnx/detail/onnx_values.hpp"
#include "unroll/layers/any_layer.hpp"
#include "unroll/layers/bidirectional.hpp"

namespace unroll::detail {

/// Cells that an operator can be. Each costs the compiler about a second.
enum class OnnxCell {
  lstm,
  peephole,
  coupled,
  coupled_peephole,
  gru,
  gru_reset_before,
  tanh_rnn,
  relu_rnn,
  sigmoid_rnn,
  softplus_rnn,
  softsign_rnn,
  leaky_relu_rnn,
  elu_rnn,
  hard_sigmoid_rnn,
};

/// Layer of a cell: `make.template operator()<Cell>()`.
template <class S, class F>
AnyLayer<S> with_onnx_cell(OnnxCell cell, F&& make) {
  switch (cell) {
    case OnnxCell::lstm:
      return make.template operator()<Lstm>();
    case OnnxCell::peephole:
      return make.template operator()<PeepholeLstm>();
    case OnnxCell::coupled:
      return make.template operator()<CoupledLstm>();
    case OnnxCell::coupled_peephole:
      return make.template operator()<CoupledPeepholeLstm>();
    case OnnxCell::gru:
      return make.template operator()<Gru>();
    case OnnxCell::gru_reset_before:
      return make.template operator()<GruResetBefore>();
    case OnnxCell::relu_rnn:
      return make.template operator()<ElmanWith<Relu>::Cell>();
    case OnnxCell::sigmoid_rnn:
      return make.template operator()<ElmanWith<Sigmoid>::Cell>();
    case OnnxCell::softplus_rnn:
      return make.template operator()<ElmanWith<Softplus>::Cell>();
    case OnnxCell::softsign_rnn:
      return make.template operator()<ElmanWith<Softsign>::Cell>();
    case OnnxCell::leaky_relu_rnn:
      return make.template operator()<ElmanWith<LeakyRelu>::Cell>();
    case OnnxCell::elu_rnn:
      return make.template operator()<ElmanWith<Elu>::Cell>();
    case OnnxCell::hard_sigmoid_rnn:
      return make.template operator()<ElmanWith<HardSigmoid>::Cell>();
    default:
      return make.template operator()<ElmanWith<Tanh>::Cell>();
  }
}

/// Inputs W, R, B and P of an operator.
struct OnnxWeights {
  SafeTensors tensors;
  Index directions = 1;
};

/// One direction of an operator.
template <class S>
struct OnnxDirection {
  std::shared_ptr<const OnnxWeights> weights;
  Index number = 0;                      ///< of the slice of the weights
  std::vector<VectorX<S>> initial = {};  ///< h, and c of an LSTM
};

/// Recurrent layer in one direction, or in both.
template <class S>
struct OnnxRecurrent {
  OnnxCell cell = OnnxCell::lstm;
  Index units = 0;
  Direction direction = Direction::forward;
  Returns returns = Returns::steps;
  std::vector<OnnxDirection<S>> directions = {};  ///< 2: bidirectional
  Merge merge = Merge::concat;

  /// Whether this layer and another one are the two directions of a bidirectional layer.
  bool pairs_with(const OnnxRecurrent& other) const {
    return directions.size() == 1 && other.directions.size() == 1 && cell == other.cell && units == other.units &&
           returns == other.returns && direction == Direction::forward && other.direction == Direction::backward;
  }

  AnyLayer<S> layer() const {
    return with_onnx_cell<S>(cell, [&]<template <class, int...> class C>() -> AnyLayer<S> {
      if (directions.size() == 2)
        return Bidirectional<C>{.units = units, .merge = merge, .returns = returns, .biased = is_biased()};
      return Recurrent<C>{.units = units, .direction = direction, .returns = returns, .biased = is_biased()};
    });
  }
  /// Whether a direction has biases; those of the other one are then 0.
  bool is_biased() const {
    return std::ranges::any_of(directions, [](const auto& one) { return one.weights->tensors.contains("B"); });
  }

  /// Throws ShapeError for a tensor of another shape.
  void fill(Parameters<S>& to, const std::string& prefix) const {
    for (std::size_t k = 0; k < directions.size(); ++k) {
      TensorReader reader(directions[k].weights->tensors);
      const std::string side = directions.size() < 2 ? "" : k == 0 ? "forward." : "backward.";
      read_onnx(reader, directions[k].number, directions[k].weights->directions, to, prefix + side);
    }
  }

  bool has_states() const {
    for (const auto& one : directions)
      for (const auto& state : one.initial)
        if ((state.array() != 0).any()) return true;
    return false;
  }
  std::vector<VectorX<S>> states() const {
    std::vector<VectorX<S>> all;
    for (const auto& one : directions) all.insert(all.end(), one.initial.begin(), one.initial.end());
    return all;
  }
};

/// Attributes of a recurrent operator.
struct OnnxRecurrentOptions {
  std::string_view operation;  ///< LSTM, GRU or RNN
  std::string direction = "forward";
  std::vector<std::string> activations = {};
  std::vector<double> alpha = {}, beta = {};
  bool clips = false, coupled = false, reset_after = false, peepholes = false;

  Index directions() const { return direction == "bidirectional" ? 2 : 1; }
};

/// Cell of an RNN with an activation. Throws FileError for one that the library does not have.
inline OnnxCell rnn_of(const std::string& function, const OnnxRecurrentOptions& options) {
  struct Known {
    std::string_view name;
    std::vector<float> alpha, beta;
  };
  static const std::array<Known, 8> all{{{"tanh", {}, {}},
                                         {"relu", {}, {}},
                                         {"sigmoid", {}, {}},
                                         {"softplus", {}, {}},
                                         {"softsign", {}, {}},
                                         {"leakyrelu", {0.01f}, {}},
                                         {"elu", {1}, {}},
                                         {"hardsigmoid", {0.2f}, {0.5f}}}};
  const auto found = std::ranges::find(all, function, &Known::name);
  require<FileError>(found != all.end(),
                     "the activation of an RNN must be Tanh, Relu, Sigmoid, Softplus, Softsign, LeakyRelu, Elu or "
                     "HardSigmoid, got ",
                     in_quotes(function));
  const auto same = [](const std::vector<double>& given, const std::vector<float>& only) {
    for (std::size_t k = 0; k < given.size() && !only.empty(); ++k)
      if (float(given[k]) != only.front()) return false;
    return true;
  };
  require<FileError>(same(options.alpha, found->alpha) && same(options.beta, found->beta),
                     "the numbers of the activation ", function, " must be ONNX's defaults, got others");
  return OnnxCell(int(OnnxCell::tanh_rnn) + int(found - all.begin()));
}

/// Cell of an operator. Throws FileError for one that the library does not have.
inline OnnxCell cell_of(const OnnxRecurrentOptions& options) {
  const std::string_view operation = options.operation;
  require<FileError>(
      options.direction == "forward" || options.direction == "reverse" || options.direction == "bidirectional",
      "direction must be forward, reverse or bidirectional, got ", in_quotes(options.direction));
  require<FileError>(!options.clips, "clip must not be used, because no cell limits its gates; remove the attribute");
  std::vector<std::string> functions = options.activations;
  const std::vector<std::string> defaults = operation == "LSTM"  ? std::vector<std::string>{"sigmoid", "tanh", "tanh"}
                                            : operation == "GRU" ? std::vector<std::string>{"sigmoid", "tanh"}
                                                                 : std::vector<std::string>{"tanh"};
  const std::size_t each = defaults.size();
  for (std::string& name : functions)
    for (char& letter : name)
      if (letter >= 'A' && letter <= 'Z') letter = char(letter - 'A' + 'a');
  if (functions.empty()) functions = defaults;
  if (functions.size() == each && options.directions() == 2)
    for (std::size_t k = 0; k < each; ++k) functions.push_back(std::string(functions[k]));
  require<FileError>(functions.size() == each * std::size_t(options.directions()), "activations must have ", each,
                     " names for each direction, got ", functions.size());
  for (std::size_t k = each; k < functions.size(); ++k)
    require<FileError>(functions[k] == functions[k - each], "activations must be the same in both directions, got ",
                       in_quotes(functions[k - each]), " and ", in_quotes(functions[k]));
  if (operation == "RNN") return rnn_of(functions[0], options);
  for (std::size_t k = 0; k < each; ++k)
    require<FileError>(functions[k] == defaults[k], "activation ", k, " must be ", defaults[k], ", got ",
                       in_quotes(functions[k]));
  if (operation == "GRU") return options.reset_after ? OnnxCell::gru : OnnxCell::gru_reset_before;
  if (options.peepholes) return options.coupled ? OnnxCell::coupled_peephole : OnnxCell::peephole;
  return options.coupled ? OnnxCell::coupled : OnnxCell::lstm;
}

}  // namespace unroll::detail
