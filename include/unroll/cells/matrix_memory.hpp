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
using namespace symbols;
namespace matrix_symbols {
inline constexpr auto q = symbol<"q">;
inline constexpr auto k = symbol<"k">;
inline constexpr auto v = symbol<"v">;
inline constexpr auto memory = symbol<"C", "units*units">;
inline constexpr auto read = symbol<"read", "units*units">;
inline constexpr auto m_one = symbol<"m", "one">;
inline constexpr auto i_one = symbol<"i", "one">;
inline constexpr auto f_one = symbol<"f", "one">;
inline constexpr auto keep = symbol<"keep", "one">;
inline constexpr auto past = symbol<"past", "one">;
inline constexpr auto now = symbol<"now", "one">;
inline constexpr auto found = symbol<"found">;
inline constexpr auto weighed = symbol<"weighed">;
inline constexpr auto total = symbol<"total", "one">;

inline constexpr auto S = symbol<"S", "units*keys">;
inline constexpr auto old = symbol<"old", "units*keys">;
inline constexpr auto read_keys = symbol<"read", "units*keys">;
inline constexpr auto query = symbol<"q", "keys">;
inline constexpr auto key = symbol<"k", "keys">;
inline constexpr auto raw_query = symbol<"a", "keys">;
inline constexpr auto raw_key = symbol<"b", "keys">;
inline constexpr auto query_squares = symbol<"a2", "keys">;
inline constexpr auto key_squares = symbol<"b2", "keys">;
inline constexpr auto query_sum = symbol<"qq", "one">;
inline constexpr auto key_sum = symbol<"kk", "one">;
inline constexpr auto alpha = symbol<"alpha", "one">;
inline constexpr auto beta = symbol<"beta", "one">;
inline constexpr auto rate = symbol<"rate", "one">;
inline constexpr auto r_out = symbol<"r">;
}  // namespace matrix_symbols

/// mLSTM, Beck et al. 2024 (xLSTM, arXiv:2405.04517), equations 19 to 27 in their stabilised form, with one head. The
/// factor 1 / sqrt(units) of k is part of its weights. `i` and `f` are the exponents of the paper's gates; of its two
/// forget gates this is the sigmoid one, log sigmoid(a) = -softplus(-a).
///
/// x [inputs x B] input; C [units*units x B] matrix, n [units x B] normaliser, m [1 x B] stabiliser; y [units x B]
/// output; batch size B. The bound 80 keeps the exponential of m finite in float.
inline constexpr auto mlstm = [] {
  using namespace matrix_symbols;
  return cell(state(memory, n, m_one),
      q = linear(x),
      k = linear(x),
      v = linear(x),
      o = sigmoid(linear(x)),
      i_one = linear(x),
      f_one = linear(x),
      keep = -softplus(-f_one) + m_one,
      next(m_one) = max(keep, i_one),
      past = exp(keep - next(m_one)),
      now = exp(i_one - next(m_one)),
      next(memory) = past * memory + now * outer(v, k),
      next(n) = past * n + now * k,
      read = next(memory) * by_column(q),
      found = row_sums(read),
      weighed = next(n) * q,
      total = sum(weighed),
      y = o * found / max(abs(total), exp(min(-next(m_one), 80))),
      output(y));
}();

/// The gated delta rule, Yang et al. 2024 (arXiv:2412.06464), equation 10, for the state S [units*keys]: equations of a
/// query, a key, a value, a decay and a writing strength of one row each. The symbol r has S' q.
template <class Q, class K, class V, class A, class B>
constexpr auto gated_delta_rule(Q read_by, K written_by, V value, A decay, B strength) {
  using namespace matrix_symbols;
  return group(
      old = S * by_column(written_by),
      found = row_sums(old),
      next(S) = decay * (S - strength * outer(found, written_by)) + strength * outer(value, written_by),
      read_keys = next(S) * by_column(read_by),
      r_out = row_sums(read_keys));
}

/// Gated DeltaNet, Yang et al. 2024 (arXiv:2412.06464), section 3.3, with one head: queries and keys of unit length, a
/// decay alpha = exp(-exp(rate) softplus(a)), and a gate. Without the short convolutions and the normalisation of the
/// output, which are layers.
///
/// x [inputs x B] input; S [units*keys x B] matrix; y [units x B] output; batch size B.
inline constexpr auto gated_delta_net = [] {
  using namespace matrix_symbols;
  return cell(state(S),
      raw_query = silu(linear(x, no_bias)),
      query_squares = square(raw_query),
      query_sum = sum(query_squares),
      query = raw_query / sqrt(query_sum + 1e-6),
      raw_key = silu(linear(x, no_bias)),
      key_squares = square(raw_key),
      key_sum = sum(key_squares),
      key = raw_key / sqrt(key_sum + 1e-6),
      v = silu(linear(x, no_bias)),
      alpha = exp(-exp(weight(rate)) * softplus(linear(x))),
      beta = sigmoid(linear(x, no_bias)),
      gated_delta_rule(query, key, v, alpha, beta),
      y = r_out * silu(linear(x, no_bias)),
      output(y));
}();
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
