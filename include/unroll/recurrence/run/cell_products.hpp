#pragma once
// Work between the passes of a cell: matrix products, forward and backward, and sums over columns.

#include <algorithm>

#include "unroll/cell/step.hpp"
#include "unroll/core/buffer.hpp"
#include "unroll/recurrence/columns/computed_weights.hpp"
#include "unroll/recurrence/run/vector_weights.hpp"
#include "unroll/simd/column_sums.hpp"
#include "unroll/simd/products.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll::detail {

/// Parameters of a cell in the form that passes read. Any number of passes may share them.
template <class S, class D>
struct CellWeights {
  Table<PackedMatrix<S>, D::schedule.products> forward, backward;
  VectorX<S> bias;  // one per row of the terms, 0 for a term without bias
  VectorWeights<S, D> single;
  const S* theta = nullptr;  // for dropped weights, whose masks are drawn once per pass
  Table<SquareWeights<S>, has_square<D> ? D::schedule.products : 0> square;
  ColumnKinds::template Weights<S, D> columns;
};

/// Buffers that a pass over time writes: stored values and accumulated gradients.
template <class S, class D>
struct CellWork {
  Buffer<S> terms;  // pre-activations, then the values stored in their place, then gradients
  Table<Buffer<S>, D::schedule.extras> extra;
  VectorWeights<S, D> d_single;                                 // gradients of single weights, of this chunk
  Table<VectorX<double>, D::vectors> d_singles;                 // the same, of all chunks
  Table<Buffer<S>, D::program.constants> constant, d_constant;  // products of each constant, by rank; their gradients
  Table<Buffer<double>, D::program.constants> d_constants;      // of all chunks
  Table<Buffer<S>, D::schedule.incomings> incoming;
  VectorX<S> no_gradient;  // zeros, in place of `incoming` for columns whose outputs are left out
  Table<ComputedWeights<S>, computes<D> ? D::schedule.products : 0> computed;
  bool drops = false;  // the pass has masks for dropped weights
  ColumnKinds::template Work<S, D> columns;
  bool consumed = true;  // nothing is stored yet, or the backward pass has overwritten it

  /// Adds the sums of the steps of a chunk to those of all chunks.
  void add_single_gradients() {
    for (int w = 0; w < D::vectors; ++w) {
      d_singles[w] += d_single[w].template cast<double>();
      d_single[w].setZero();
    }
  }
};

/// Matrix products of a cell on the buffers of one pass.
template <class S, class D>
class CellProducts : public CellMatrices<S, D> {
  using Matrices = CellMatrices<S, D>;
  using Matrices::layout_, Matrices::weights_, Matrices::work_, Matrices::forward, Matrices::backward;

  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;

 public:
  using Matrices::Matrices;

  static void copy_biases(const CellLayout<D>& layout, const S* theta, CellWeights<S, D>& weights) {
    weights.bias.setZero(layout.term_rows());
    for (int k = 0; k < D::program.terms; ++k)
      if (layout.bias_offset(k) >= 0)
        std::copy_n(theta + layout.bias_offset(k), layout.rows_of_term(k), weights.bias.data() + layout.term_row()[k]);
  }

  /// Computes pre-activations (+)= W values for the columns from `first` on.
  void take(const Source& source, Strided<const S> values, Index first, Index columns, Terms which = Terms::all) {
    each_product(source, which, [&](const Product& p, int k) {
      const auto to = rows_of(p, first);
      const S* from = values.data + layout_.source_row(p);
      if (p.is_copy())
        copy(p, {from, values.stride}, columns, to);
      else if (p.adds)
        forward(k).multiply_add(from, values.stride, columns, to.data, to.stride);
      else
        forward(k).multiply(from, values.stride, columns, to.data, to.stride);
    });
  }

  /// Computes target (+)= W^T times the gradients of the pre-activations.
  void source_gradient(const Source& source, Index first, Index columns, Strided<S> target, bool add,
                       Terms which = Terms::all) {
    const Product& begin = schedule.product[source.first_product];
    if (!add && !(begin.reads_all() && is_one_of<D>(which, begin.reader))) {
      target.view(layout_.rows(source.operation), columns).setZero();
      add = true;
    }
    each_product(source, which, [&](const Product& p, int k) {
      const auto from = rows_of(p, first);
      const auto to = target.from_row(layout_.source_row(p));
      if (p.is_copy())
        copy_back(p, from, columns, to, add);
      else if (add)
        backward(k).multiply_add(from.data, from.stride, columns, to.data, to.stride);
      else
        backward(k).multiply(from.data, from.stride, columns, to.data, to.stride);
      add = true;
    });
  }

  /// Adds gradients of the pre-activations times values^T to the gradient of W, to the rows of one lane.
  void add_weight_gradient(const Source& source, Strided<const S> values, Index first, Index columns, S* gradient,
                           LaneRows mine, Terms which) {
    each_product(source, which, [&](const Product& p, int k) {
      const auto d_rows = rows_of(p, first);
      this->add_products(p, k, {d_rows.data, d_rows.stride}, {values.data + layout_.source_row(p), values.stride},
                         columns, gradient, mine);
    });
  }

  /// Sets the sums of gradients of weights to 0.
  void begin_gradients() {
    this->begin_weight_gradients();
    Index widest = 0;
    for (int k = 0; k < program.size_count; ++k) widest = std::max(widest, layout_.rows_of_size(k));
    if (has_late_columns<D>) work_.no_gradient.setZero(widest);
    for (int w = 0; w < D::vectors; ++w) {
      const bool shared = w < program.weights && !program.weight[w].per_unit;
      const Index rows = shared ? widest : weights_.single[w].size();
      work_.d_single[w].setZero(rows);
      work_.d_singles[w].setZero(rows);
    }
  }

  void add_bias_gradient(Index first, Index columns, S* gradient, Terms which) {
    for (int k = 0; k < program.terms; ++k) {
      if (layout_.bias_offset(k) < 0 || !is_one_of<D>(which, schedule.stage[program.term[k].equation])) continue;
      const Index rows = layout_.rows_of_term(k);
      add_columns(view(std::as_const(work_.terms).view().block(layout_.term_row()[k], first, rows, columns)),
                  gradient + layout_.bias_offset(k));
    }
  }

  /// Adds the sums of all chunks to the gradient of the weights that are vectors or scalars.
  void add_single_gradient(S* gradient) {
    for (int k = program.weights; k < D::vectors; ++k) work_.d_single[k] = work_.d_singles[k].template cast<S>();
    pull_functions<S, D>(layout_, weights_.single, work_.d_single);
    work_.add_single_gradients();
    for (int w = 0; w < program.weights; ++w) {
      if (layout_.single_offset(w) < 0) continue;
      S* to = gradient + layout_.single_offset(w);
      const VectorX<double>& sums = work_.d_singles[w];
      if (program.weight[w].per_unit)
        Eigen::Map<VectorX<S>>(to, sums.size()) += sums.template cast<S>();
      else
        *to += S(sums.sum());
    }
  }

  // ---- constants: one product per sequence, copied to its steps; columns are sequences in order of rank

  void project_constant(const Source& source, int constant, const ConstView<S>& values) {
    Index rows = 0;
    each_product(source, Terms::all, [&](const Product& p, int) { rows += layout_.product_rows(p); });
    auto to = work_.constant[constant].shape(rows, values.cols());
    each_part(source, [&](const Product& p, int k, Index row, Index) {
      const S* from = values.data() + layout_.source_row(p);
      if (p.is_copy())
        copy(p, {from, values.outerStride()}, values.cols(), {to.data() + row, to.outerStride()});
      else
        forward(k).multiply(from, values.outerStride(), values.cols(), to.data() + row, to.outerStride());
    });
  }

  void begin_constant_gradient(int constant) {
    work_.d_constant[constant].zero(work_.constant[constant].rows(), work_.constant[constant].cols());
    work_.d_constants[constant].zero(work_.constant[constant].rows(), work_.constant[constant].cols());
  }
  static void add_constant_gradient(CellWork<S, D>& work, int constant) {
    auto chunk = work.d_constant[constant].view();
    work.d_constants[constant].view() += chunk.template cast<double>();
    chunk.setZero();
  }

  /// Copies the products of the sequences to the columns of a step.
  void spread_constant(const Source& source, int constant, Index first, Index columns) {
    each_part(source, [&](const Product& p, int, Index row, Index rows) {
      const auto from = work_.constant[constant].view().block(row, 0, rows, columns);
      auto to = work_.terms.view().block(layout_.product_row(p), first, rows, columns);
      if (p.adds)
        to += from;
      else
        to = from;
    });
  }

  /// Adds the gradients of a step's columns to those of their sequences.
  void gather_constant(const Source& source, int constant, Index first, Index columns, Index rank) {
    each_part(source, [&](const Product& p, int, Index row, Index rows) {
      work_.d_constant[constant].view().block(row, rank, rows, columns) +=
          work_.terms.view().block(layout_.product_row(p), first, rows, columns);
    });
  }

  /// Adds the gradient of the constant's weights and overwrites that of the constant. `d_values` may be null: then it
  /// is not computed.
  void finish_constant(const Source& source, int constant, const ConstView<S>& values, S* gradient, View<S> d_values) {
    auto d_products = work_.d_constant[constant].view();
    d_products = std::as_const(work_.d_constants[constant]).view().template cast<S>();
    if (d_values.data() != nullptr) d_values.setZero();
    each_part(source, [&](const Product& p, int k, Index row, Index) {
      S* const from = d_products.data() + row;
      const Index source_row = layout_.source_row(p);
      const Strided<S> to{d_values.data() == nullptr ? nullptr : d_values.data() + source_row, d_values.outerStride()};
      if (p.is_copy()) {
        if (to.data != nullptr) copy_back(p, {from, d_products.outerStride()}, values.cols(), to, true);
        return;
      }
      this->add_products(p, k, {from, d_products.outerStride()}, {values.data() + source_row, values.outerStride()},
                         values.cols(), gradient, {});
      if (to.data != nullptr)
        backward(k).multiply_add(from, d_products.outerStride(), values.cols(), to.data, to.stride);
    });
  }

 private:
  /// Copies the rows of a source that a term without weights reads; `from` starts with the first of them.
  void copy(const Product& p, Strided<const S> from, Index columns, Strided<S> to) const {
    const Index rows = layout_.product_rows(p), read = layout_.source_rows(p);
    for (Index c = 0; c < columns; ++c) {
      const S* const values = from.at(0, c);
      S* const copied = to.at(0, c);
      if (p.copy == Copy::spread)
        std::fill_n(copied, rows, *values);
      else if (p.copy == Copy::by_row || p.copy == Copy::by_head)
        for (Index r = 0; r < read; ++r) std::fill_n(copied + r * (rows / read), rows / read, values[r]);
      else
        each_block(p, [&](Index from_row, Index to_row, Index size) {
          std::copy_n(values + from_row, size, copied + to_row);
        });
    }
  }
  /// The gradient of these rows, from that of the term. The order of sums depends only on the sizes.
  void copy_back(const Product& p, Strided<const S> from, Index columns, Strided<S> to, bool add) const {
    const Index rows = layout_.product_rows(p), read = layout_.source_rows(p);
    for (Index c = 0; c < columns; ++c) {
      const S* const gradient = from.at(0, c);
      S* const target = to.at(0, c);
      if (!add) std::fill_n(target, read, S(0));
      if (p.copy == Copy::spread || p.copy == Copy::by_row || p.copy == Copy::by_head)
        for (Index r = 0; r < read; ++r) target[r] += row_sum(gradient + r * (rows / read), rows / read);
      else
        each_block(p, [&](Index from_row, Index to_row, Index size) {
          Eigen::Map<VectorX<S>>(target + from_row, size) += Eigen::Map<const VectorX<S>>(gradient + to_row, size);
        });
    }
  }
  /// Calls f(first row of the source, first row of the term, rows) for the blocks of a copy. The rows of a matrix that
  /// belong to one head read the same block.
  template <class F>
  void each_block(const Product& p, F&& f) const {
    const Index rows = layout_.product_rows(p), read = layout_.source_rows(p);
    Index size = read;
    if (p.copy == Copy::by_column) size = layout_.sides(program.term[schedule.term_at[p.first_slot]].dimension).second;
    const Index of_head = rows / (read / size);
    for (Index row = 0; row < rows; row += size) f(row / of_head * size, row, size);
  }
  static S row_sum(const S* values, Index rows) {
    return sum_run(
        rows, [](NativeLanes<S> v) { return v; }, values);
  }

  /// Calls f(product, its index) for the products of a source with these terms.
  template <class F>
  static void each_product(const Source& source, Terms which, F&& f) {
    for (int k = source.first_product; k < source.first_product + source.products; ++k)
      if (is_one_of<D>(which, schedule.product[k].reader)) f(schedule.product[k], k);
  }
  /// Calls f(product, its index, its first row among the products of the source, its rows) for all of them.
  template <class F>
  void each_part(const Source& source, F&& f) const {
    Index row = 0;
    each_product(source, Terms::all, [&](const Product& p, int k) {
      f(p, k, row, layout_.product_rows(p));
      row += layout_.product_rows(p);
    });
  }

  Strided<S> rows_of(const Product& p, Index column) {
    return work_.terms.strided().from_column(column).from_row(layout_.product_row(p));
  }
};

}  // namespace unroll::detail
