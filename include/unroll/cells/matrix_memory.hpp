#pragma once
// Cells whose state is a matrix that is written by keys and values and read by queries.

#include <cmath>
#include <string>
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
    keep = -softplus(-f) + m,
    next(m) = max(keep, i),
    past = exp(keep - next(m)),
    now = exp(i - next(m)),
    next(C) = past * C + now * outer(v, k),
    next(n) = past * n + now * k,
    read = next(C) * by_column(q),
    found = row_sums(read),
    weighed = next(n) * q,
    total = sum(weighed),
    y = o * found / max(abs(total), exp(min(-next(m), 80))),
    output(y));
}  // namespace mlstm_equations
using mlstm_equations::mlstm;

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
/// query, a key, a value, a decay and a writing strength of one row each. The symbol r has S' q.
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
}  // namespace delta_equations
using delta_equations::gated_delta_net;
using delta_equations::gated_delta_rule;
}  // namespace equations

template <class Scalar, int units = Eigen::Dynamic>
struct Mlstm : EquationCell<Scalar, equations::mlstm, units> {
  using EquationCell<Scalar, equations::mlstm, units>::EquationCell;
  static constexpr std::string_view name = "mlstm";
  static std::vector<std::pair<std::string, Initializer>> named_initializers() {
    return {{"f.b", init::constant(3)}};
  }
  /// Divides the initial weights of k by sqrt(units).
  void set_given(Scalar* theta) const {
    const ParameterBlock& block = this->parameters().at("k.x");
    const double scale = 1 / std::sqrt(double(block.rows));
    for (Index c = 0; c < block.cols; ++c)
      for (Index r = 0; r < block.rows; ++r) {
        Scalar& w = theta[block.offset + c * block.stride + r];
        w = Scalar(double(w) * scale);
      }
  }
};

template <class Scalar, int units = Eigen::Dynamic>
struct GatedDeltaNet : EquationCell<Scalar, equations::gated_delta_net, units> {
  using EquationCell<Scalar, equations::gated_delta_net, units>::EquationCell;
  static constexpr std::string_view name = "gated deltanet";
};

}  // namespace unroll
