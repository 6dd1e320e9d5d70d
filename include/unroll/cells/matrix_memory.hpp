#pragma once
// Cells whose state is a matrix that is written by keys and values and read by queries.

#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/parameters/initializers.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace unroll {

namespace equations {
namespace mlstm_equations {
using namespace symbols;
inline constexpr auto q = symbol<"q">;
inline constexpr auto k = symbol<"k">;
inline constexpr auto v = symbol<"v">;
inline constexpr auto i = symbol<"i", "one">;
inline constexpr auto f = symbol<"f", "one">;
inline constexpr auto m = symbol<"m", "one">;
inline constexpr auto keep = symbol<"keep", "one">;
inline constexpr auto past = symbol<"past", "one">;
inline constexpr auto now = symbol<"now", "one">;
inline constexpr auto C = symbol<"C", "units*units">;
inline constexpr auto read = symbol<"read", "units*units">;
inline constexpr auto found = symbol<"found">;
inline constexpr auto weighed = symbol<"weighed">;
inline constexpr auto total = symbol<"total", "one">;

/// Gates past = exp(log sigmoid(forget) + m - m') and now = exp(input - m'), of which m' keeps the exponents below 0.
template <class Input, class Forget, class Stabiliser, class Keep, class Past, class Now>
constexpr auto stabilised_gates(Input exponent, Forget forget, Stabiliser largest, Keep kept, Past decay,
                                Now strength) {
  return group(
      kept = -softplus(-forget) + largest,
      next(largest) = max(kept, exponent),
      decay = exp(kept - next(largest)),
      strength = exp(exponent - next(largest)));
}

/// Update of the matrix and the normaliser, and what a query reads of them: the sum over a column of `found` is C q, and
/// that of `weighed` n' q.
template <class Matrix, class Product, class Vector, class Weighed, class Query, class Key, class Past, class Now>
constexpr auto memory_update(Matrix matrix, Product product, Vector normaliser, Weighed weight_of_query, Query query,
                             Key key, Past decay, Now strength) {
  return group(
      next(matrix) = decay * matrix + strength * outer(v, key),
      next(normaliser) = decay * normaliser + strength * key,
      product = next(matrix) * by_column(query),
      found = row_sums(product),
      weight_of_query = next(normaliser) * query);
}

/// mLSTM, Beck et al. 2024 (xLSTM, arXiv:2405.04517), equations 19 to 27 in their stabilised form, with one head. The
/// factor 1 / sqrt(units) of k is part of its weights. `i` and `f` are the exponents of the paper's gates; of its two
/// forget gates this is the sigmoid one, log sigmoid(a) = -softplus(-a).
///
/// x [inputs x B] input; C [units*units x B] matrix, n [units x B] normaliser, m [1 x B] stabiliser; y [units x B]
/// output; batch size B. The bound 80 keeps the exponential of m finite in float.
inline constexpr auto mlstm = cell(state(C, n, m),
    q = linear(x),
    k = linear(x),
    v = linear(x),
    o = sigmoid(linear(x)),
    i = linear(x),
    f = linear(x),
    stabilised_gates(i, f, m, keep, past, now),
    memory_update(C, read, n, weighed, q, k, past, now),
    total = sum(weighed),
    y = o * found / max(abs(total), exp(min(-next(m), 80))),
    output(y));

namespace of_heads {
inline constexpr auto q = symbol<"q", "heads*keys">;
inline constexpr auto k = symbol<"k", "heads*keys">;
inline constexpr auto n = symbol<"n", "heads*keys">;
inline constexpr auto weighed = symbol<"weighed", "heads*keys">;
inline constexpr auto C = symbol<"C", "units*keys">;
inline constexpr auto read = symbol<"read", "units*keys">;
inline constexpr auto i = symbol<"i", "heads">;
inline constexpr auto f = symbol<"f", "heads">;
inline constexpr auto m = symbol<"m", "heads">;
inline constexpr auto keep = symbol<"keep", "heads">;
inline constexpr auto past = symbol<"past", "heads">;
inline constexpr auto now = symbol<"now", "heads">;
inline constexpr auto total = symbol<"total", "heads">;
inline constexpr auto bound = symbol<"bound", "heads">;

/// mLSTM with heads, each with a block of the units, and keys of a given size: `.sizes = {{"heads", 4}, {"keys", 16}}`.
///
/// x [inputs x B] input; C [units*keys x B] matrices, n [heads*keys x B] normaliser, m [heads x B] stabiliser;
/// y [units x B] output; batch size B.
inline constexpr auto headed_mlstm = cell(state(C, n, m),
    q = linear(x),
    k = linear(x),
    v = linear(x),
    o = sigmoid(linear(x)),
    i = linear(x),
    f = linear(x),
    stabilised_gates(i, f, m, keep, past, now),
    memory_update(C, read, n, weighed, q, k, by_head(past), by_head(now)),
    total = row_sums(weighed),
    bound = max(abs(total), exp(min(-next(m), 80))),
    y = o * found / by_head(bound),
    output(y));
}  // namespace of_heads
}  // namespace mlstm_equations
using mlstm_equations::mlstm;
using mlstm_equations::of_heads::headed_mlstm;

namespace delta_equations {
using namespace symbols;
inline constexpr auto q = symbol<"q", "keys">;
inline constexpr auto k = symbol<"k", "keys">;
inline constexpr auto v = symbol<"v">;
inline constexpr auto a = symbol<"a", "keys">;  // before normalisation
inline constexpr auto b = symbol<"b", "keys">;
inline constexpr auto a2 = symbol<"a2", "keys">;
inline constexpr auto b2 = symbol<"b2", "keys">;
inline constexpr auto aa = symbol<"aa", "one">;
inline constexpr auto bb = symbol<"bb", "one">;
inline constexpr auto alpha = symbol<"alpha", "one">;
inline constexpr auto beta = symbol<"beta", "one">;
inline constexpr auto rate = symbol<"rate", "one">;
inline constexpr auto S = symbol<"S", "units*keys">;
inline constexpr auto old = symbol<"old", "units*keys">;
inline constexpr auto read = symbol<"read", "units*keys">;
inline constexpr auto found = symbol<"found">;

/// The gated delta rule, Yang et al. 2024 (arXiv:2412.06464), equation 10, for the state S [units*keys]: equations of a
/// query, a key, a value, a decay and a writing strength of one row each, or of one for each head: by_head(alpha). The
/// symbol r has S' q.
template <class Q, class K, class V, class A, class B>
constexpr auto gated_delta_rule(Q query, K key, V value, A decay, B strength) {
  return group(
      old = S * by_column(key),
      found = row_sums(old),
      next(S) = decay * (S - strength * outer(found, key)) + strength * outer(value, key),
      read = next(S) * by_column(query),
      r = row_sums(read));
}

/// Gated DeltaNet, Yang et al. 2024 (arXiv:2412.06464), with one head: queries and keys of unit length, a
/// decay alpha = exp(-exp(rate) softplus(a)), and a gate. Without the short convolutions and the normalisation of the
/// output, which are layers.
///
/// x [inputs x B] input; S [units*keys x B] matrix; y [units x B] output; batch size B.
inline constexpr auto gated_delta_net = cell(state(S),
    a = silu(linear(x, no_bias)),
    a2 = square(a),
    aa = sum(a2),
    q = a / sqrt(aa + 1e-6),
    b = silu(linear(x, no_bias)),
    b2 = square(b),
    bb = sum(b2),
    k = b / sqrt(bb + 1e-6),
    v = silu(linear(x, no_bias)),
    alpha = exp(-exp(weight(rate)) * softplus(linear(x))),
    beta = sigmoid(linear(x, no_bias)),
    gated_delta_rule(q, k, v, alpha, beta),
    y = r * silu(linear(x, no_bias)),
    output(y));

namespace of_heads {
inline constexpr auto q = symbol<"q", "heads*keys">;
inline constexpr auto k = symbol<"k", "heads*keys">;
inline constexpr auto a = symbol<"a", "heads*keys">;
inline constexpr auto b = symbol<"b", "heads*keys">;
inline constexpr auto a2 = symbol<"a2", "heads*keys">;
inline constexpr auto b2 = symbol<"b2", "heads*keys">;
inline constexpr auto aa = symbol<"aa", "heads">;
inline constexpr auto bb = symbol<"bb", "heads">;
inline constexpr auto alpha = symbol<"alpha", "heads">;
inline constexpr auto beta = symbol<"beta", "heads">;
inline constexpr auto rate = symbol<"rate", "heads">;

/// Gated DeltaNet with heads, each with a block of the units and one decay and writing strength.
///
/// x [inputs x B] input; S [units*keys x B] matrices; y [units x B] output; batch size B.
inline constexpr auto headed_gated_delta_net = cell(state(S),
    a = silu(linear(x, no_bias)),
    a2 = square(a),
    aa = row_sums(a2),
    q = a / sqrt(by_head(aa) + 1e-6),
    b = silu(linear(x, no_bias)),
    b2 = square(b),
    bb = row_sums(b2),
    k = b / sqrt(by_head(bb) + 1e-6),
    v = silu(linear(x, no_bias)),
    alpha = exp(-exp(weight(rate)) * softplus(linear(x))),
    beta = sigmoid(linear(x, no_bias)),
    gated_delta_rule(q, k, v, by_head(alpha), by_head(beta)),
    y = r * silu(linear(x, no_bias)),
    output(y));
}  // namespace of_heads
}  // namespace delta_equations
using delta_equations::gated_delta_net;
using delta_equations::gated_delta_rule;
using delta_equations::of_heads::headed_gated_delta_net;
}  // namespace equations

namespace detail {

/// mLSTM of `equations`: the bias of the forget gate is 3 at the start, and the weights of k are divided by the square
/// root of the keys of a head.
template <class Scalar, const auto& equations, int units>
struct MlstmOf : EquationCell<Scalar, equations, units> {
  using EquationCell<Scalar, equations, units>::EquationCell;
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"f.b", init::constant(3)}};
  }
  void set_given(Scalar* theta) const {
    const ParameterBlock &keys = this->parameters().at("k.x"), &gate = this->parameters().at("i.x");
    const double scale = 1 / std::sqrt(double(keys.rows / gate.rows));
    for (Index c = 0; c < keys.cols; ++c)
      for (Index r = 0; r < keys.rows; ++r) {
        Scalar& w = theta[keys.offset + c * keys.stride + r];
        w = Scalar(double(w) * scale);
      }
  }
};

}  // namespace detail

template <class Scalar, int units = Eigen::Dynamic>
struct Mlstm : detail::MlstmOf<Scalar, equations::mlstm, units> {
  using detail::MlstmOf<Scalar, equations::mlstm, units>::MlstmOf;
  static constexpr std::string_view name = "mlstm";
};

/// Requires two sizes: `.sizes = {{"heads", 4}, {"keys", 16}}`, of which heads divides the units.
template <class Scalar, int units = Eigen::Dynamic>
struct HeadedMlstm : detail::MlstmOf<Scalar, equations::headed_mlstm, units> {
  using detail::MlstmOf<Scalar, equations::headed_mlstm, units>::MlstmOf;
  static constexpr std::string_view name = "mlstm with heads";
};

template <class Scalar, int units = Eigen::Dynamic>
struct GatedDeltaNet : EquationCell<Scalar, equations::gated_delta_net, units> {
  using EquationCell<Scalar, equations::gated_delta_net, units>::EquationCell;
  static constexpr std::string_view name = "gated deltanet";
};

/// Requires two sizes: `.sizes = {{"heads", 4}, {"keys", 16}}`, of which heads divides the units.
template <class Scalar, int units = Eigen::Dynamic>
struct HeadedGatedDeltaNet : EquationCell<Scalar, equations::headed_gated_delta_net, units> {
  using EquationCell<Scalar, equations::headed_gated_delta_net, units>::EquationCell;
  static constexpr std::string_view name = "gated deltanet with heads";
};

}  // namespace unroll
