#pragma once
// Matrices of the products of a cell: packed parameters, or weights that are computed from parameters, with random
// masks, antisymmetric or orthogonal.

#include "unroll/recurrence/columns/cayley.hpp"
#include "unroll/recurrence/columns/column_kind.hpp"
#include "unroll/recurrence/columns/masks.hpp"
#include "unroll/simd/products.hpp"

namespace unroll::detail {

/// True if a product of the cell has weights with this property.
template <class D, class F>
constexpr bool any_rule(F&& f) {
  for (int k = 0; k < D::schedule.products; ++k)
    if (!D::schedule.product[k].is_copy() &&
        f(D::program.term[D::schedule.term_at[D::schedule.product[k].first_slot]].rule))
      return true;
  return false;
}
template <class D>
inline constexpr bool drops_weights = any_rule<D>([](const language::WeightRule& rule) { return rule.is_dropped(); });
template <class D>
inline constexpr bool has_square = any_rule<D>([](const language::WeightRule& rule) { return rule.is_square(); });
template <class D>
inline constexpr bool has_orthogonal = any_rule<D>([](const language::WeightRule& rule) { return rule.orthogonal; });

template <class D>
inline constexpr bool computes = drops_weights<D> || has_square<D>;

/// Antisymmetric or orthogonal weights of one product.
template <class S>
struct SquareWeights {
  MatrixX<S> values;
  MatrixX<double> inverse;  ///< memory for make_cayley
};

/// Computed weights of one product in a pass.
template <class S>
struct ComputedWeights {
  MatrixX<S> mask;    ///< of dropped weights: 0 or 1 / (1 - rate)
  MatrixX<S> values;  ///< the weights, then their gradient
  PackedMatrix<S> forward, backward;
};

/// Random mask of dropped weights. It depends only on (seed, update, layer, direction, product, entry).
template <class S>
void draw_weight_mask(const Noise& noise, int term, double rate, MatrixX<S>& mask) {
  const Random random = random_of_term(noise, term, 0, 0);
  random.fill_bernoulli(rate, S(1), Eigen::Map<VectorX<S>>(mask.data(), mask.size()));  // a 1 marks a dropped weight
  mask.array() = S(1 / (1 - rate)) * (1 - mask.array());
}

/// to = W - W^T - damping I.
template <class S>
void make_antisymmetric(const ConstView<S>& w, double damping, MatrixX<S>& to) {
  to.resize(w.rows(), w.cols());
  for (Index j = 0; j < w.cols(); ++j)
    for (Index i = 0; i < w.rows(); ++i) to(i, j) = i == j ? S(-damping) : w(i, j) - w(j, i);
}

/// Matrices of the products of a cell, and their gradients, in one pass.
template <class S, class D>
class CellMatrices {
  static constexpr const auto& schedule = D::schedule;

 public:
  CellMatrices(const CellLayout<D>& layout, const CellWeights<S, D>& weights, CellWork<S, D>& work)
      : layout_(layout), weights_(weights), work_(work) {}

  static void pack(const CellLayout<D>& layout, const S* theta, CellWeights<S, D>& weights) {
    weights.theta = theta;
    for (int k = 0; k < schedule.products; ++k) pack(layout, theta, k, false, weights, weights.forward[k]);
  }
  static void pack_transposed(const CellLayout<D>& layout, const S* theta, CellWeights<S, D>& weights) {
    for (int k = 0; k < schedule.products; ++k) pack(layout, theta, k, true, weights, weights.backward[k]);
  }

  /// Draws the masks of dropped weights, once per pass.
  void begin_weights([[maybe_unused]] const Noise& noise) {
    if constexpr (drops_weights<D>) {
      work_.drops = noise.training;
      if (noise.training)
        each_computed([&](const Product& p, int k, ComputedWeights<S>& to) {
          if (!layout_.rule(p).is_dropped()) return;
          to.mask.resize(layout_.product_rows(p), layout_.source_rows(p));
          draw_weight_mask(noise, schedule.term_at[p.first_slot], layout_.rule(p).drop_rate, to.mask);
          to.values = to.mask.cwiseProduct(stored(layout_, weights_.theta, p));
          to.forward.pack(to.values, weights_.forward[k].products());
        });
    }
  }
  void begin_weight_gradients() {
    if constexpr (computes<D>)
      each_computed([&](const Product& p, int k, ComputedWeights<S>& to) {
        if (layout_.rule(p).is_dropped()) to.backward.pack_transposed(to.values, weights_.forward[k].products());
        to.values.setZero(layout_.product_rows(p), layout_.source_rows(p));
      });
  }
  /// Adds the gradients of the parameters of computed weights.
  void add_computed_gradients([[maybe_unused]] S* gradient) {
    if constexpr (computes<D>)
      each_computed([&](const Product& p, [[maybe_unused]] int k, ComputedWeights<S>& from) {
        View<S> to(gradient + layout_.weight_offset(p), from.values.rows(), from.values.cols(),
                   Eigen::OuterStride<>(layout_.weight_stride(p)));
        if (layout_.rule(p).antisymmetric)
          to += from.values - from.values.transpose();
        else if (layout_.rule(p).orthogonal)
          add_cayley_gradient(weights_.square[k].values, from.values, from.forward, from.backward, from.mask, to);
        else
          to += from.mask.cwiseProduct(from.values);
      });
  }

 protected:
  const PackedMatrix<S>& forward(int k) const {
    if constexpr (drops_weights<D>)
      if (has_mask(k)) return work_.computed[k].forward;
    return weights_.forward[k];
  }
  const PackedMatrix<S>& backward(int k) const {
    if constexpr (drops_weights<D>)
      if (has_mask(k)) return work_.computed[k].backward;
    return weights_.backward[k];
  }
  /// Adds gradients of the rows of a product times values^T to the gradient of its weights, to the rows of one lane.
  void add_products(const Product& p, int k, Strided<const S> d_rows, Strided<const S> values, Index columns,
                    S* gradient, LaneRows mine) {
    const Strided<S> to = weight_gradient(p, k, gradient);
    if (to.data == nullptr) return;
    const bool transposed = layout_.rule(p).transposed;
    const Strided<const S> left = transposed ? values : d_rows, right = transposed ? d_rows : values;
    const Index rows = stored_rows(layout_, p), begin = mine.first(rows), end = mine.end(rows);
    if (begin < end)
      add_outer_products(left.data + begin, left.stride, end - begin, right.data, right.stride,
                         stored_columns(layout_, p), columns, to.data + begin, to.stride,
                         weights_.forward[k].products());
  }

  const CellLayout<D>& layout_;
  const CellWeights<S, D>& weights_;
  CellWork<S, D>& work_;

 private:
  /// Packs the weights of product k, or their transpose.
  static void pack(const CellLayout<D>& layout, const S* theta, int k, bool transposed, CellWeights<S, D>& weights,
                   PackedMatrix<S>& to) {
    const Product& p = schedule.product[k];
    if (p.is_copy()) return;
    if (transposed != layout.rule(p).transposed)
      to.pack_transposed(stacked(layout, theta, k, transposed, weights));
    else
      to.pack(stacked(layout, theta, k, transposed, weights));
  }
  /// Matrix with the weights of a product, or with their transpose if the rule says so. Orthogonal weights are computed
  /// for the forward pass.
  static ConstView<S> stacked(const CellLayout<D>& layout, const S* theta, int k, [[maybe_unused]] bool computed,
                              [[maybe_unused]] CellWeights<S, D>& weights) {
    const Product& p = schedule.product[k];
    if constexpr (has_orthogonal<D>)
      if (layout.rule(p).orthogonal) {
        if (!computed) make_cayley(stored(layout, theta, p), weights.square[k].inverse, weights.square[k].values);
        return view(std::as_const(weights.square[k].values));
      }
    if constexpr (has_square<D>)
      if (layout.rule(p).antisymmetric) {
        make_antisymmetric(stored(layout, theta, p), layout.rule(p).damping, weights.square[k].values);
        return view(std::as_const(weights.square[k].values));
      }
    return stored(layout, theta, p);
  }
  /// Matrix to which the gradient of a product's weights is added; null if they have none.
  Strided<S> weight_gradient(const Product& p, [[maybe_unused]] int k, S* gradient) {
    if (p.is_copy() || !layout_.rule(p).frozen.empty()) return {};
    if constexpr (computes<D>)
      if (has_mask(k) || layout_.rule(p).is_square())
        return {work_.computed[k].values.data(), work_.computed[k].values.rows()};
    return {gradient + layout_.weight_offset(p), layout_.weight_stride(p)};
  }

  static Index stored_rows(const CellLayout<D>& layout, const Product& p) {
    return layout.rule(p).transposed ? layout.source_rows(p) : layout.product_rows(p);
  }
  static Index stored_columns(const CellLayout<D>& layout, const Product& p) {
    return layout.rule(p).transposed ? layout.product_rows(p) : layout.source_rows(p);
  }
  static ConstView<S> stored(const CellLayout<D>& layout, const S* theta, const Product& p) {
    return {theta + layout.weight_offset(p), stored_rows(layout, p), stored_columns(layout, p),
            Eigen::OuterStride<>(layout.weight_stride(p))};
  }

  bool has_mask(int k) const { return work_.drops && layout_.rule(schedule.product[k]).is_dropped(); }
  /// Calls f(product, its index, its computed weights) for products whose weights are computed in this pass.
  template <class F>
  void each_computed(F&& f) {
    for (int k = 0; k < schedule.products; ++k)
      if (const Product& p = schedule.product[k]; !p.is_copy() && (has_mask(k) || layout_.rule(p).is_square()))
        f(p, k, work_.computed[k]);
  }
};

}  // namespace unroll::detail
