#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto readout = symbol<"readout", "readout">;

// clang-format off

/// Decoder of RNNsearch, Bahdanau, Cho & Bengio 2015 (arXiv:1409.0473), appendix A.2.2: the query is the state before
/// the step, the step reads the context, z multiplies the new value, and the output reads the state before the step.
///
/// x [inputs x B] embedding of the previous word; h [units x B] state; ctx [memory rows x B] context; readout
/// [readout rows x B] output: maxout of pairs, from which a linear layer computes the scores of the next word. The
/// paper omits all biases; the biases of candidate and readout are those of the authors' program (GroundHog).
inline constexpr auto rnn_search = cell(state(h),
    ctx = attend(additive, h),
    r = sigmoid(linear(x, ctx, h, no_bias)),
    z = sigmoid(linear(x, ctx, h, no_bias)),
    s = r * h,
    n = tanh(linear(x, ctx, s)),
    next(h) = h + z * (n - h),
    readout = max(linear(h, ctx, x), linear(h, ctx, x)),
    output(readout));

/// Bahdanau attention with a GRU as in cuDNN and PyTorch, the usual form today: the reset gate is applied after the
/// product, gates have biases, z multiplies the past state, and the output reads the state after the step.
///
/// x [inputs x B] embedding of the previous word; h [units x B] state; ctx [memory rows x B] context; readout
/// [readout rows x B] output, from which a linear layer computes the scores of the next word.
template <auto score>
inline constexpr auto bahdanau_gru = cell(state(h),
    ctx = attend(score, h),
    r = sigmoid(linear(x, ctx, h)),
    z = sigmoid(linear(x, ctx, h)),
    n = tanh(linear(x, ctx) + r * linear(h)),
    next(h) = n + z * (h - n),
    readout = tanh(linear(next(h), ctx, x)),
    output(readout));

/// Bahdanau attention with an LSTM; c [units x B] is a second state.
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

/// RNNsearch decoder. Reads Inputs::memory. Sizes: units, memory, "readout" and "attention". Initial values of
/// appendix B.1: attention is initially uniform, since `ctx.v` is 0.
template <class Scalar>
struct RnnSearch : EquationCell<Scalar, equations::rnn_search> {
  using EquationCell<Scalar, equations::rnn_search>::EquationCell;
  static constexpr std::string_view name = "rnnsearch";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    std::vector<std::pair<std::string, Initializer>> all{
        {"ctx.h", init::normal(0, 0.001)}, {"ctx.memory", init::normal(0, 0.001)}, {"ctx.v", init::zeros()}};
    for (const char* block : {"r.x", "r.ctx", "z.x", "z.ctx", "n.x", "n.ctx", "readout.h", "readout.ctx", "readout.x",
                              "readout2.h", "readout2.ctx", "readout2.x"})
      all.emplace_back(block, init::normal(0, 0.01));
    return all;
  }
};

/// GRU decoder with Bahdanau attention. Reads Inputs::memory. Sizes: units, memory, "readout" and, for additive scores,
/// "attention".
template <class Scalar, auto score = symbols::additive>
struct BahdanauGru : EquationCell<Scalar, equations::bahdanau_gru<score>> {
  using EquationCell<Scalar, equations::bahdanau_gru<score>>::EquationCell;
  static constexpr std::string_view name = "bahdanau gru";
};

/// LSTM decoder with Bahdanau attention. Initial forget bias 1, as Lstm.
template <class Scalar, auto score = symbols::additive>
struct BahdanauLstm : EquationCell<Scalar, equations::bahdanau_lstm<score>> {
  using EquationCell<Scalar, equations::bahdanau_lstm<score>>::EquationCell;
  static constexpr std::string_view name = "bahdanau lstm";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"f.b", init::constant(1)}}; }
};

}  // namespace unroll
