#pragma once

#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
using namespace symbols;

// clang-format off

/// Decoder with attention and input feeding, Luong, Pham & Manning 2015 (arXiv:1508.04025), sections 3.1 and 3.3: the
/// query is the state after the step; the attentional state a (equation 5) is the output and an input of the next step.
/// The bias a.b is that of the usual PyTorch versions: the paper, the authors' program and OpenNMT's dot and general
/// attention have none.
///
/// x [inputs x B] embedding of the previous word; a, h [units x B] states; ctx [memory rows x B] context.
template <auto score>
inline constexpr auto luong_gru = cell(state(a, h),
    r = sigmoid(linear(x, a, h)),
    z = sigmoid(linear(x, a, h)),
    n = tanh(linear(x, a) + r * linear(h)),
    next(h) = n + z * (h - n),
    ctx = attend(score, next(h)),
    next(a) = tanh(linear(ctx, next(h))));

template <auto score>
inline constexpr auto luong_lstm = cell(state(a, h, c),
    i = sigmoid(linear(x, a, h)),
    f = sigmoid(linear(x, a, h)),
    g = tanh(linear(x, a, h)),
    o = sigmoid(linear(x, a, h)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)),
    ctx = attend(score, next(h)),
    next(a) = tanh(linear(ctx, next(h))));

/// Luong decoder without input feeding: the attentional state is only the output.
template <auto score>
inline constexpr auto luong_gru_unfed = cell(state(h),
    r = sigmoid(linear(x, h)),
    z = sigmoid(linear(x, h)),
    n = tanh(linear(x) + r * linear(h)),
    next(h) = n + z * (h - n),
    ctx = attend(score, next(h)),
    a = tanh(linear(ctx, next(h))),
    output(a));

template <auto score>
inline constexpr auto luong_lstm_unfed = cell(state(h, c),
    i = sigmoid(linear(x, h)),
    f = sigmoid(linear(x, h)),
    g = tanh(linear(x, h)),
    o = sigmoid(linear(x, h)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)),
    ctx = attend(score, next(h)),
    a = tanh(linear(ctx, next(h))),
    output(a));

// clang-format on
}  // namespace equations

/// GRU decoder with Luong attention and input feeding. Reads Inputs::memory. Sizes: units, memory and, for additive
/// scores, "attention". `dot` scores require as many units as the memory has rows. `attentional_state` is the state
/// that is initially 0 with any bridge: no encoder ends with one.
template <class Scalar, auto score = symbols::general>
struct LuongGru : EquationCell<Scalar, equations::luong_gru<score>> {
  using EquationCell<Scalar, equations::luong_gru<score>>::EquationCell;
  static constexpr int attentional_state = 0;  ///< a
  static constexpr std::string_view name = "luong gru";
};

/// LSTM decoder with Luong attention and input feeding. Initial forget bias 1, as Lstm.
template <class Scalar, auto score = symbols::general>
struct LuongLstm : EquationCell<Scalar, equations::luong_lstm<score>> {
  using EquationCell<Scalar, equations::luong_lstm<score>>::EquationCell;
  static constexpr int attentional_state = 0;  ///< a
  static constexpr std::string_view name = "luong lstm";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"f.b", init::constant(1)}}; }
};

template <class Scalar, auto score = symbols::general>
struct LuongGruUnfed : EquationCell<Scalar, equations::luong_gru_unfed<score>> {
  using EquationCell<Scalar, equations::luong_gru_unfed<score>>::EquationCell;
  static constexpr std::string_view name = "luong gru, unfed";
};

template <class Scalar, auto score = symbols::general>
struct LuongLstmUnfed : EquationCell<Scalar, equations::luong_lstm_unfed<score>> {
  using EquationCell<Scalar, equations::luong_lstm_unfed<score>>::EquationCell;
  static constexpr std::string_view name = "luong lstm, unfed";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"f.b", init::constant(1)}}; }
};

}  // namespace unroll
