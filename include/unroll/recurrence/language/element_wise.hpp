#pragma once
// Element-wise operators and functions of expressions.

#include "unroll/recurrence/language/list.hpp"
#include "unroll/recurrence/language/operations.hpp"
#include "unroll/recurrence/language/values.hpp"

namespace unroll::language {

/// Element-wise operation on operands.
template <class Operation, class... E>
struct Apply {
  static constexpr int operations = (1 + ... + E::operations);
  Operation operation;
  List<E...> operands;
};

template <class L, class R>
concept Operands = Operand<L> && Operand<R> &&(Expression<L> || Expression<R>);

namespace parts {
template <class Operation, class... E>
constexpr auto apply(Operation operation, E... e) {
  return Apply<Operation, decltype(as_expression(e))...>{operation, list(as_expression(e)...)};
}
template <class F, Expression E>
constexpr auto function(F f, E e) {
  return parts::apply(Function<F>{f}, e);
}
}  // namespace parts

template <class L, class R>
requires Operands<L, R>
constexpr auto operator+(L l, R r) { return parts::apply(Add{}, l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator-(L l, R r) { return parts::apply(Subtract{}, l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator*(L l, R r) { return parts::apply(Multiply{}, l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto operator/(L l, R r) { return parts::apply(Divide{}, l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto max(L l, R r) { return parts::apply(Maximum{}, l, r); }
template <class L, class R>
requires Operands<L, R>
constexpr auto min(L l, R r) { return parts::apply(Minimum{}, l, r); }
/// l^r for l > 0.
template <class L, class R>
requires Operands<L, R>
constexpr auto pow(L l, R r) { return parts::apply(Power{}, l, r); }
/// l - r floor(l / r): between 0 and r.
template <class L, class R>
requires Operands<L, R>
constexpr auto mod(L l, R r) { return parts::apply(Modulo{}, l, r); }
template <Expression E>
constexpr auto operator-(E e) {
  return parts::apply(Negate{}, e);
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
constexpr auto zoneout(N next, P previous, MaskRate rate) {
  return Zoneout<decltype(as_expression(next)), decltype(as_expression(previous))>{as_expression(next),
                                                                                   as_expression(previous), rate.rate};
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

/// Function with a user-defined derivative, used as `activation(f)(e)`; see the concept Activation.
template <Activation F>
constexpr auto activation(F function) {
  return [function]<Expression E>(E e) { return parts::function(function, e); };
}

template <Expression E>
constexpr auto sigmoid(E e) {
  return parts::function(Sigmoid{}, e);
}
template <Expression E>
constexpr auto tanh(E e) {
  return parts::function(Tanh{}, e);
}
template <Expression E>
constexpr auto relu(E e) {
  return parts::function(Relu{}, e);
}
template <Expression E>
constexpr auto leaky_relu(E e, double negative_slope = 0.01) {
  return parts::function(LeakyRelu{negative_slope}, e);
}
template <Expression E>
constexpr auto elu(E e, double alpha = 1) {
  return parts::function(Elu{alpha}, e);
}
template <Expression E>
constexpr auto hard_sigmoid(E e) {
  return parts::function(HardSigmoid{}, e);
}
template <Expression E>
constexpr auto hard_tanh(E e) {
  return parts::function(HardTanh{}, e);
}
template <Expression E>
constexpr auto softplus(E e) {
  return parts::function(Softplus{}, e);
}
template <Expression E>
constexpr auto softsign(E e) {
  return parts::function(Softsign{}, e);
}
template <Expression E>
constexpr auto gelu(E e) {
  return parts::function(Gelu{}, e);
}
template <Expression E>
constexpr auto gelu_tanh(E e) {
  return parts::function(GeluTanh{}, e);
}
template <Expression E>
constexpr auto silu(E e) {
  return parts::function(Silu{}, e);
}
template <Expression E>
constexpr auto exp(E e) {
  return parts::function(Exp{}, e);
}
template <Expression E>
constexpr auto exp2(E e) {
  return parts::function(Exp2{}, e);
}
template <Expression E>
constexpr auto log(E e) {
  return parts::function(Log{}, e);
}
template <Expression E>
constexpr auto sqrt(E e) {
  return parts::function(Sqrt{}, e);
}
template <Expression E>
constexpr auto square(E e) {
  return parts::function(Square{}, e);
}
template <Expression E>
constexpr auto abs(E e) {
  return parts::function(Abs{}, e);
}
template <Expression E>
constexpr auto expm1(E e) {
  return parts::function(Expm1{}, e);
}
template <Expression E>
constexpr auto log1p(E e) {
  return parts::function(Log1p{}, e);
}
template <Expression E>
constexpr auto sin(E e) {
  return parts::function(Sin{}, e);
}
template <Expression E>
constexpr auto cos(E e) {
  return parts::function(Cos{}, e);
}
template <Expression E>
constexpr auto sign(E e) {
  return parts::function(Sign{}, e);
}
template <Expression E>
constexpr auto floor(E e) {
  return parts::function(Floor{}, e);
}
template <Expression E>
constexpr auto fract(E e) {
  return parts::function(Fract{}, e);
}
/// cap tanh(e / cap).
template <Expression E>
constexpr auto softcap(E e, double cap) {
  return parts::function(Softcap{cap}, e);
}

/// e limited to [-limit, limit]; the gradient is 0 outside and at the limits.
template <Expression E>
constexpr auto clip(E e, double limit) {
  return parts::apply(Clip{limit}, e);
}

}  // namespace unroll::language
