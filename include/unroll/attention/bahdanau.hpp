#pragma once

#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto readout = symbol<"readout", "readout">;

// clang-format off

/// Decoder with attention, Bahdanau, Cho & Bengio 2015 (arXiv:1409.0473), appendix A.2.2: the state before the step asks,
/// and what it is given enters the step. The reset gate stands behind the product as in cuDNN and PyTorch.
///
/// x [inputs x B] the embedded word before, h [units x B] state, ctx [memory rows x B] context, readout [readout rows x B]
/// output: what the next word is told from, by one more linear layer. The paper has a maxout layer in place of the tangent.
template <auto score>
inline constexpr auto bahdanau_gru = cell(state(h),
    ctx = attend(score, h),
    r = sigmoid(linear(x, ctx, h)),
    z = sigmoid(linear(x, ctx, h)),
    n = tanh(linear(x, ctx) + r * linear(h)),
    next(h) = n + z * (h - n),
    readout = tanh(linear(next(h), ctx, x)),
    output(readout));

/// The same with an LSTM. c [units x B] is a second state.
template <auto score>
inline constexpr auto bahdanau_lstm = cell(state(h, c),
    ctx = attend(score, h),
    i = sigmoid(linear(x, ctx, h)),
    f = sigmoid(linear(x, ctx, h)),
    g = tanh(linear(x, ctx, h)),
    o = sigmoid(linear(x, ctx, h)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)),
    readout = tanh(linear(next(h), ctx, x)),
    output(readout));

// clang-format on
}  // namespace equations

/// Reads a memory (Inputs::memory). Sizes: units, memory, "readout", and "attention" of additive scores.
template <class Scalar, auto score = symbols::additive>
struct BahdanauGru : EquationCell<Scalar, equations::bahdanau_gru<score>> {
  using EquationCell<Scalar, equations::bahdanau_gru<score>>::EquationCell;
  static constexpr std::string_view name = "bahdanau gru";
};

template <class Scalar, auto score = symbols::additive>
struct BahdanauLstm : EquationCell<Scalar, equations::bahdanau_lstm<score>> {
  using EquationCell<Scalar, equations::bahdanau_lstm<score>>::EquationCell;
  static constexpr std::string_view name = "bahdanau lstm";
};

}  // namespace unroll
