#pragma once
// What is computed element by element: operators and functions.

#include "unroll/recurrence/language/values.hpp"
#include "unroll/simd/activations.hpp"

namespace unroll::language {

struct Add {};
struct Subtract {};
struct Multiply {};
struct Divide {};
struct Maximum {};
struct Minimum {};

template <class Operation, class L, class R>
struct Binary {
  static constexpr int operations = L::operations + R::operations + 1;
  L left;
  R right;
};

/// An activation, or any other function of one number.
template <class F, class E>
struct Apply {
  static constexpr int operations = E::operations + 1;
  F function;
  E argument;
};

template <class E>
struct Negate {
  static constexpr int operations = E::operations + 1;
  E argument;
};

/// Limited to [-limit, limit].
template <class E>
struct Clip {
  static constexpr int operations = E::operations + 1;
  E argument;
  double limit;
};

template <class L, class R>
concept Operands = Operand<L> && Operand<R> &&(Expression<L> || Expression<R>);

namespace parts {
template <class Operation, class L, class R>
constexpr auto binary(L l, R r) {
  return Binary<Operation, decltype(as_expression(l)), decltype(as_expression(r))>{as_expression(l), as_expression(r)};
}
}  // namespace parts

template <class L, class R>
requires Operands<L, R>
constexpr auto operator+(L l, R r) { return parts::binary<Add>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator-(L l, R r) { return parts::binary<Subtract>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator*(L l, R r) { return parts::binary<Multiply>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator/(L l, R r) { return parts::binary<Divide>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto max(L l, R r) { return parts::binary<Maximum>(l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto min(L l, R r) { return parts::binary<Minimum>(l, r); }
template <Expression E>
constexpr Negate<E> operator-(E e) {
  return {e};
}

/// `activation(f)(e)`: any function with its derivative, see the concept Activation.
template <Activation F>
constexpr auto activation(F function) {
  return [function]<Expression E>(E e) { return Apply<F, E>{function, e}; };
}

template <Expression E>
constexpr Apply<Sigmoid, E> sigmoid(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Tanh, E> tanh(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Relu, E> relu(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<LeakyRelu, E> leaky_relu(E e, double negative_slope = 0.01) {
  return {{negative_slope}, e};
}
template <Expression E>
constexpr Apply<Elu, E> elu(E e, double alpha = 1) {
  return {{alpha}, e};
}
template <Expression E>
constexpr Apply<HardSigmoid, E> hard_sigmoid(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<HardTanh, E> hard_tanh(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Softplus, E> softplus(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Softsign, E> softsign(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Gelu, E> gelu(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<GeluTanh, E> gelu_tanh(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Silu, E> silu(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Exp, E> exp(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Log, E> log(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Sqrt, E> sqrt(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Square, E> square(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Apply<Abs, E> abs(E e) {
  return {{}, e};
}

/// Limits e to [-limit, limit]; the gradient is 0 outside.
template <Expression E>
constexpr Clip<E> clip(E e, double limit) {
  return {e, limit};
}

}  // namespace unroll::language
