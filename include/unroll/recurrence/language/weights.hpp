#pragma once
// Options of the weights of a linear term: heads, dropped, frozen, shared, antisymmetric and orthogonal weights.

#include <concepts>
#include <string_view>

#include "unroll/core/types.hpp"
#include "unroll/recurrence/language/values.hpp"

namespace unroll::language {

/// Values of a matrix for given sizes, such as the functions of parameters/matrices.hpp.
using MatrixValues = MatrixX<double> (*)(Index rows, Index columns);

/// How the weights of a linear term follow from parameters.
struct WeightRule {
  int heads = 1;                  ///< diagonal blocks
  double drop_rate = 0;           ///< of drop_weights
  std::string_view matrix = {};   ///< name of a matrix that several terms share; empty: separate weights
  bool transposed = false;        ///< the weights are its transpose
  std::string_view frozen = {};   ///< name of the values of a matrix that is not trained; empty: trained
  MatrixValues values = nullptr;  ///< the values; null: initialised like trained weights
  bool antisymmetric = false;     ///< the weights are W - W^T - damping I
  double damping = 0;
  bool orthogonal = false;  ///< the weights are the Cayley transform of W - W^T

  /// True if the weights are not part of the stacked matrix of their source.
  constexpr bool is_separate() const { return heads > 1 || !matrix.empty() || !frozen.empty() || is_square(); }
  constexpr bool is_dropped() const { return drop_rate > 0; }
  /// True for weights that are a function of a square matrix W.
  constexpr bool is_square() const { return antisymmetric || orthogonal; }
};

/// Option of `linear(value, option)`: `products` is the number of its matrix products.
template <class O>
concept WeightOption = requires(const O& option) {
  { option.rule() } -> std::same_as<WeightRule>;
  O::products;
};

template <int n>
struct Heads {
  static_assert(n >= 1 && n <= 64, "unroll: heads<n> must be 1 to 64 heads");
  static constexpr int products = n;
  constexpr WeightRule rule() const { return {.heads = n}; }
};
/// Heads of `linear(h, heads<4>)`: the rows of the result and of the source are divided into n parts, and each part of
/// the result reads the same part of the source. The weights are [rows x rows of the source / n].
template <int n>
inline constexpr Heads<n> heads{};

struct DroppedWeights {
  static constexpr int products = 1;
  double rate;
  constexpr WeightRule rule() const { return {.drop_rate = rate}; }
};
/// Dropped weights of `linear(h, drop_weights(0.5), no_bias)`, Merity et al. 2018 (arXiv:1708.02182), section 2: in
/// training each weight is 0 with probability `rate` and is otherwise divided by 1 - rate, with one mask for all steps
/// and sequences of a pass; the weights themselves in evaluation.
constexpr DroppedWeights drop_weights(MaskRate rate) { return {rate.rate}; }

/// Frozen weights: saved with the model, without gradient, not changed by optimizers.
struct FrozenWeights {
  static constexpr int products = 1;
  std::string_view name = "start";
  MatrixValues values = nullptr;

  constexpr WeightRule rule() const { return {.frozen = name, .values = values}; }
  /// Frozen weights with given values. `name` identifies them in texts and files. Throws ValueError for a name with
  /// other characters than a-z, 0-9 and '_', in equations at compile time.
  constexpr FrozenWeights operator()(std::string_view given_name, MatrixValues given) const {
    bool good = !given_name.empty() && given != nullptr && given_name[0] > '9';
    for (const char letter : given_name)
      good = good && ((letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9') || letter == '_');
    if (!good) throw ValueError("the name of frozen(name, values) must have only a-z, 0-9 and '_', and values");
    return {given_name, given};
  }
};
/// `linear(h, frozen)` has weights that stay as they were initialised, `linear(h, frozen("identity",
/// matrices::identity))` given ones.
inline constexpr FrozenWeights frozen{};

template <Name name>
struct SharedWeights {
  static constexpr int products = 1;
  constexpr WeightRule rule() const { return {.matrix = name.view()}; }
};
/// Matrix of weights that several terms share: `linear(h, A)` and `linear(u, A)` with `A = shared_matrix<"A">`. Its
/// block of parameters has this name.
template <Name name>
inline constexpr SharedWeights<name> shared_matrix{};

template <Name name>
struct TransposedWeights {
  static constexpr int products = 1;
  constexpr WeightRule rule() const { return {.matrix = name.view(), .transposed = true}; }
};
/// Transpose of a shared matrix: `linear(u, transposed(A))`.
template <Name name>
constexpr TransposedWeights<name> transposed(SharedWeights<name>) {
  return {};
}

struct AntisymmetricWeights {
  static constexpr int products = 1;
  double damping;
  constexpr WeightRule rule() const { return {.antisymmetric = true, .damping = damping}; }
};
/// Weights W - W^T - damping I of `linear(h, antisymmetric(0.01))`, Chang et al. 2019 (arXiv:1902.09689), section 3.
/// Throws ValueError for a damping below 0 or from 1e30 on, in equations at compile time.
constexpr AntisymmetricWeights antisymmetric(double damping = 0) {
  if (!(damping >= 0 && damping < 1e30))
    throw ValueError(text("the damping of antisymmetric must be at least 0 and below 1e30, got ", damping));
  return {damping};
}

struct OrthogonalWeights {
  static constexpr int products = 1;
  constexpr WeightRule rule() const { return {.orthogonal = true}; }
};
/// Orthogonal weights (I + A)^-1 (I - A) of `linear(h, cayley)` with A = W - W^T, the Cayley transform, Helfrich et al.
/// 2018 (arXiv:1707.09520), section 3, with D = I. They are computed once per update, in cubic time.
inline constexpr OrthogonalWeights cayley{};

}  // namespace unroll::language
