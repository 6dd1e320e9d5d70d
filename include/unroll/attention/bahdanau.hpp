#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;
inline constexpr auto readout = symbol<"readout", "readout">;

// clang-format off

/// Decoder of RNNsearch, Bahdanau, Cho & Bengio 2015 (arXiv:1409.0473), appendix A.2.2: the state before the step asks, the
/// context enters the step, z multiplies what is new, and the output reads the state before the step.
///
/// x [inputs x B] the embedded word before, h [units x B] state, ctx [memory rows x B] context, readout [readout rows x B]
/// output: maxout of pairs, from which one more linear layer gives the scores of the next word. The paper omits all biases;
/// those of the authors' program (GroundHog) are of the candidate and of the readout.
inline constexpr auto rnn_search = cell(state(h),
    ctx = attend(additive, h),
    r = sigmoid(linear(x, ctx, h, no_bias)),
    z = sigmoid(linear(x, ctx, h, no_bias)),
    s = r * h,
    n = tanh(linear(x, ctx, s)),
    next(h) = h + z * (n - h),
    readout = max(linear(h, ctx, x), linear(h, ctx, x)),
    output(readout));

/// Bahdanau's attention around a GRU as cuDNN and PyTorch have it, which is the usual form today: the reset gate comes after
/// the product, gates have biases, z multiplies the past, and the output reads the state after the step.
///
/// x [inputs x B] the embedded word before, h [units x B] state, ctx [memory rows x B] context, readout [readout rows x B]
/// output, from which one more linear layer gives the scores of the next word.
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

/// Reads a memory (Inputs::memory). Sizes: units, memory, "readout" and "attention". First values of appendix B.1:
/// attention starts even, as `ctx.v` is 0.
template <class Scalar>
struct RnnSearch : EquationCell<Scalar, equations::rnn_search> {
  using EquationCell<Scalar, equations::rnn_search>::EquationCell;
  static constexpr std::string_view name = "rnnsearch";
  static std::vector<std::pair<std::string, Initializer>> starts() {
    std::vector<std::pair<std::string, Initializer>> all{
        {"ctx.h", init::normal(0, 0.001)}, {"ctx.memory", init::normal(0, 0.001)}, {"ctx.v", init::zeros()}};
    for (const char* block : {"r.x", "r.ctx", "z.x", "z.ctx", "n.x", "n.ctx", "readout.h", "readout.ctx", "readout.x",
                              "readout2.h", "readout2.ctx", "readout2.x"})
      all.emplace_back(block, init::normal(0, 0.01));
    return all;
  }
};

/// Reads a memory (Inputs::memory). Sizes: units, memory, "readout", and "attention" of additive scores.
template <class Scalar, auto score = symbols::additive>
struct BahdanauGru : EquationCell<Scalar, equations::bahdanau_gru<score>> {
  using EquationCell<Scalar, equations::bahdanau_gru<score>>::EquationCell;
  static constexpr std::string_view name = "bahdanau gru";
};

/// Forget bias 1, as the LSTM.
template <class Scalar, auto score = symbols::additive>
struct BahdanauLstm : EquationCell<Scalar, equations::bahdanau_lstm<score>> {
  using EquationCell<Scalar, equations::bahdanau_lstm<score>>::EquationCell;
  static constexpr std::string_view name = "bahdanau lstm";
  static std::vector<std::pair<std::string, Initializer>> starts() { return {{"f.b", init::constant(1)}}; }
};

}  // namespace unroll
