#pragma once
// Element-wise operators and functions of expressions.

#include "unroll/recurrence/language/list.hpp"
#include "unroll/recurrence/language/operations.hpp"
#include "unroll/recurrence/language/values.hpp"

namespace unroll::language {

/// Element-wise operation on one or two operands.
template <class Operation, class... Operands>
struct Apply;
template <class Operation, class E>
struct Apply<Operation, E> {
  static constexpr int operations = 1 + E::operations;
  Operation operation;
  E left;
};
template <class Operation, class Left, class Right>
struct Apply<Operation, Left, Right> {
  static constexpr int operations = 1 + Left::operations + Right::operations;
  Operation operation;
  Left left;
  Right right;
};

template <class L, class R>
concept Operands = Operand<L> && Operand<R> &&(Expression<L> || Expression<R>);

/// Types of operators and functions. They return these types, not auto: shorter to compile.
template <class Operation, class L, class R>
using Binary = Apply<Operation, AsExpression<L>, AsExpression<R>>;
template <class F, class E>
using Unary = Apply<Function<F>, E>;

template <class L, class R>
requires Operands<L, R>
constexpr Binary<Add, L, R> operator+(L l, R r) { return {{}, l, r}; }
template <class L, class R>
requires Operands<L, R>
constexpr Binary<Subtract, L, R> operator-(L l, R r) { return {{}, l, r}; }
template <class L, class R>
requires Operands<L, R>
constexpr Binary<Multiply, L, R> operator*(L l, R r) { return {{}, l, r}; }
template <class L, class R>
requires Operands<L, R>
constexpr Binary<Divide, L, R> operator/(L l, R r) { return {{}, l, r}; }
template <class L, class R>
requires Operands<L, R>
constexpr Binary<Maximum, L, R> max(L l, R r) { return {{}, l, r}; }
template <class L, class R>
requires Operands<L, R>
constexpr Binary<Minimum, L, R> min(L l, R r) { return {{}, l, r}; }
/// l^r for l > 0.
template <class L, class R>
requires Operands<L, R>
constexpr Binary<Power, L, R> pow(L l, R r) { return {{}, l, r}; }
/// l - r floor(l / r): between 0 and r.
template <class L, class R>
requires Operands<L, R>
constexpr Binary<Modulo, L, R> mod(L l, R r) { return {{}, l, r}; }
template <Expression E>
constexpr Apply<Negate, E> operator-(E e) {
  return {{}, e};
}

/// Tag of dropout(e, rate, once_per_sequence).
template <Masks masks>
struct MasksTag {};
inline constexpr MasksTag<Masks::per_sequence> once_per_sequence{};

/// Inverted dropout of an expression: in training each element is 0 with probability `rate` and is otherwise divided by
/// 1 - rate; the expression itself in evaluation. `once_per_sequence`: one mask for all steps of a sequence (Gal and
/// Ghahramani 2016, arXiv:1512.05287). Every dropout(...) has separate masks; for one mask at several places, name the
/// equation.
template <Expression E, Masks masks = Masks::per_step>
constexpr auto dropout(E e, MaskRate rate, MasksTag<masks> = {}) {
  return e * Mask<Copy::dropped, masks>{rate.rate};
}

/// next + mask (previous - next). An expression, so that `next` is computed once.
template <class N, class P>
struct Zoneout {
  static constexpr int operations = N::operations + P::operations + 4;
  N next;
  P previous;
  double rate;
};

/// Zoneout (Krueger et al. 2017, arXiv:1606.01305): in training each element is that of `previous` with probability
/// `rate`, otherwise that of `next`; the expected value in evaluation.
template <class N, class P>
requires Operands<N, P>
constexpr Zoneout<AsExpression<N>, AsExpression<P>> zoneout(N next, P previous, MaskRate rate) {
  return {next, previous, rate.rate};
}

/// Matrix v k^T, element by element, in an equation whose size is a product: v_r k_c in row r and column c.
template <class V, class K>
constexpr auto outer(V v, K k) {
  return by_row(v) * by_column(k);
}

/// Parts of a complex number in equations.
template <class Re, class Im>
struct ComplexParts {
  Re re;
  Im im;
};

namespace parts {
/// True for an expression that may be written several times: without weights or masks that each occurrence would have.
template <class E>
inline constexpr bool is_repeatable = is_named<E>;
template <class Named, Copy kind, int number>
inline constexpr bool is_repeatable<Copied<Named, kind, number>> = true;
template <class Re, class Im>
constexpr ComplexParts<Re, Im> complex(Re re, Im im) {
  return {re, im};
}
}  // namespace parts

/// Complex numbers re + i im, one for each row, rotated by an angle in radians, i.e. multiplied by exp(i angle):
/// `rotate(a, b, angle).re` is cos(angle) a - sin(angle) b, `rotate(a, b, angle).im` is cos(angle) b + sin(angle) a.
template <class Re, class Im, class Angle>
constexpr auto rotate(Re re, Im im, Angle angle) {
  static_assert(parts::is_repeatable<Re> && parts::is_repeatable<Im> && parts::is_repeatable<Angle>,
                "unroll: rotate(re, im, angle) must read named values or parts of them; give the expression a separate "
                "equation");
  return parts::complex(cos(angle) * re - sin(angle) * im, cos(angle) * im + sin(angle) * re);
}

/// Result of `activation`.
template <Activation F>
struct ActivationOf {
  F function;
  template <Expression E>
  constexpr Unary<F, E> operator()(E e) const {
    return {{function}, e};
  }
};
/// Function with a user-defined derivative, used as `activation(f)(e)`; see the concept Activation.
template <Activation F>
constexpr ActivationOf<F> activation(F function) {
  return {function};
}

template <Expression E>
constexpr Unary<Sigmoid, E> sigmoid(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Tanh, E> tanh(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Relu, E> relu(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<LeakyRelu, E> leaky_relu(E e, double negative_slope = 0.01) {
  return {{{negative_slope}}, e};
}
template <Expression E>
constexpr Unary<Elu, E> elu(E e, double alpha = 1) {
  return {{{alpha}}, e};
}
template <Expression E>
constexpr Unary<HardSigmoid, E> hard_sigmoid(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<HardTanh, E> hard_tanh(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Softplus, E> softplus(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Softsign, E> softsign(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Gelu, E> gelu(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<GeluTanh, E> gelu_tanh(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Silu, E> silu(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Exp, E> exp(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Exp2, E> exp2(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Log, E> log(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Sqrt, E> sqrt(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Square, E> square(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Abs, E> abs(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Expm1, E> expm1(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Log1p, E> log1p(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Sin, E> sin(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Cos, E> cos(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Sign, E> sign(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Floor, E> floor(E e) {
  return {{}, e};
}
template <Expression E>
constexpr Unary<Fract, E> fract(E e) {
  return {{}, e};
}
/// cap tanh(e / cap).
template <Expression E>
constexpr Unary<Softcap, E> softcap(E e, double cap) {
  return {{{cap}}, e};
}

/// e limited to [-limit, limit]; the gradient is 0 outside and at the limits.
template <Expression E>
constexpr Apply<Clip, E> clip(E e, double limit) {
  return {{limit}, e};
}

}  // namespace unroll::language
