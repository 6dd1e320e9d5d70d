#pragma once
// Operations on all rows of a value, forward and backward: normalisation, softmax and sums (language/rows.hpp).

#include <algorithm>
#include <array>
#include <cmath>

#include "unroll/core/buffer.hpp"
#include "unroll/recurrence/columns/column_kind.hpp"
#include "unroll/simd/elementary.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll::detail {

/// Values that a pass stores for `count` operations.
template <class S, int count>
struct AllRowsWork {
  Table<Buffer<S>, count> scale;  // 1 / standard deviation or 1 / root mean square [heads x columns]
};
struct AllRowsWeights {};

template <class D>
class RowsLayout : public ColumnLayout<D> {
 public:
  /// Throws ShapeError if the rows cannot be divided into heads.
  void check(const CellLayout<D>& cell) const {
    constexpr auto words = find_words<D, language::RowsWord>();
    for (int k = 0; k < words.count; ++k) {
      const int term = D::program.column_operation[words.number[k]].term;
      const Index rows = cell.rows_of_term(term);
      if (words.word[k].of_matrix()) check_matrix(cell, term, words.word[k].kind);
      const Index heads = heads_of(cell, words.word[k]);
      require<ShapeError>(rows % heads == 0, "cell: '", D::program.equation[D::program.term[term].equation].name,
                          "' must have a multiple of ", heads, " rows, one part for each head, got ", rows);
    }
  }

  /// The scale of each normalised group.
  Index kept_rows(const CellLayout<D>& cell) const {
    constexpr auto words = find_words<D, language::RowsWord>();
    Index rows = 0;
    for (int k = 0; k < words.count; ++k)
      if (words.word[k].normalises()) rows += heads_of(cell, words.word[k]);
    return rows;
  }

  /// Groups of rows of a word, of which a size may give the number.
  static Index heads_of(const CellLayout<D>& cell, const language::RowsWord& word) {
    for (int size = 0; size < D::program.size_count; ++size)
      if (!word.heads_size.empty() && D::program.sizes[size] == word.heads_size) return cell.rows_of_size(size);
    return word.heads;
  }

 private:
  /// The operand must be a matrix with as many rows, or columns, as the result has rows.
  static void check_matrix(const CellLayout<D>& cell, int term, language::RowsKind kind) {
    const auto& equation = D::program.equation[D::program.term[term].equation];
    const bool by_row = kind == language::RowsKind::row_sums;
    const auto [height, width] = cell.sides(D::program.term[term].dimension);
    const Index results = cell.rows_of_size(equation.dimension), needed = by_row ? height : width;
    require<ShapeError>(height > 0, "cell: '", D::program.term[term].source_name[0], "', which the equation of '",
                        equation.name, "' sums by ", by_row ? "row" : "column",
                        ", must be a matrix; its size must be a product");
    require<ShapeError>(results == needed, "cell: '", equation.name, "' must have ", needed, " rows, one for each ",
                        by_row ? "row" : "column", " of the matrix that it sums, got ", results);
  }
};

template <class S, class D>
class CellRows : public ColumnRun<S, D> {
  static constexpr const auto& program = D::program;
  static constexpr auto words = find_words<D, language::RowsWord>();
  using Base = ColumnRun<S, D>;
  using Word = language::RowsWord;
  using Kind = language::RowsKind;
  using Work = AllRowsWork<S, words.count>;
  using V = NativeLanes<S>;

 public:
  CellRows(const CellLayout<D>& layout, const CellWeights<S, D>& weights, CellWork<S, D>& work)
      : Base(layout, weights, work), work_(work.columns) {}

  void make_room(const Timeline& timeline) {
    for (int k = 0; k < words.count; ++k)
      if (words.word[k].normalises()) work_.scale[k].shape(groups_of(k), timeline.columns());
  }

  void run(int k, Index first_column, Index columns, Index) {
    const Index groups = groups_of(k), rows = rows_of(k) / groups, results = words.word[k].one_each() ? 1 : rows;
    for (Index column = first_column; column < first_column + columns; ++column) {
      add_bias(k, column);
      for (Index group = 0; group < groups; ++group)
        run_rows(k, this->operand_at(words.number[k], column) + group * rows, rows,
                 this->result_at(words.number[k], column) + group * results, scale_at(k, group, column));
    }
  }

  /// Replaces the operand by its gradient.
  void run_back(int k, Index first_column, Index columns, Index, Strided<const S> d_result) {
    const Index groups = groups_of(k), rows = rows_of(k) / groups, results = words.word[k].one_each() ? 1 : rows;
    for (Index column = first_column; column < first_column + columns; ++column)
      for (Index group = 0; group < groups; ++group)
        run_rows_back(k, this->operand_at(words.number[k], column) + group * rows, rows,
                      this->result_at(words.number[k], column) + group * results,
                      d_result.at(group * results, column - first_column), scale_at(k, group, column));
  }

 private:
  static constexpr int term_of(int k) { return program.column_operation[words.number[k]].term; }
  Index rows_of(int k) const { return this->cell_.rows_of_term(term_of(k)); }
  /// Groups of rows that have separate results: heads, or the rows of a matrix.
  Index groups_of(int k) const {
    const int equation = program.term[term_of(k)].equation;
    return words.word[k].kind == Kind::row_sums ? this->cell_.rows_of_size(program.equation[equation].dimension)
                                                : RowsLayout<D>::heads_of(this->cell_, words.word[k]);
  }
  S* scale_at(int k, Index group, Index column) {
    return words.word[k].normalises() ? work_.scale[k].strided().at(group, column) : nullptr;
  }

  void add_bias(int k, Index column) {
    if (!program.term[term_of(k)].biased) return;
    S* const operand = this->operand_at(words.number[k], column);
    const S* const bias = this->weights_of_cell_.bias.data() + this->cell_.term_row()[term_of(k)];
    map_run(
        rows_of(k), [](V v, V b) { return v + b; }, operand, operand, bias);
  }

  /// Columns of the matrix that an operation sums.
  Index width_of(int k) const { return this->cell_.sides(program.term[term_of(k)].dimension).second; }

  void run_rows(int k, const S* v, Index rows, S* y, S* scale) const {
    switch (words.word[k].kind) {
      case Kind::layer_norm:
        return layer_norm(v, rows, S(words.word[k].epsilon), y, *scale);
      case Kind::rms_norm:
        return rms_norm(v, rows, S(words.word[k].epsilon), y, *scale);
      case Kind::softmax:
        return softmax(v, rows, y);
      case Kind::mean:
        *y = total(v, rows) / S(rows);
        return;
      case Kind::sum:
      case Kind::row_sums:
        *y = total(v, rows);
        return;
      case Kind::column_sums:
        return add_rows(v, rows, width_of(k), y);
      case Kind::max_of:
        *y = greatest(v, rows);
        return;
    }
  }

  void run_rows_back(int k, S* v, Index rows, const S* y, const S* g, const S* scale) const {
    switch (words.word[k].kind) {
      case Kind::layer_norm: {
        const auto [along, sum] = sums_run<2>(
            rows,
            [](V out, V d) {
              return std::array{out * d, d};
            },
            y, g);
        return normal_back(v, rows, y, g, along, sum, *scale);
      }
      case Kind::rms_norm:
        return normal_back(v, rows, y, g, dot(y, g, rows), S(0), *scale);
      case Kind::softmax: {
        const S along = dot(y, g, rows);
        map_run(
            rows, [&](V out, V d) { return out * (d - V::constant(along)); }, v, y, g);
        return;
      }
      case Kind::mean:
        return fill(v, rows, *g / S(rows));
      case Kind::sum:
      case Kind::row_sums:
        return fill(v, rows, *g);
      case Kind::column_sums:
        for (Index first = 0, width = width_of(k); first < rows; first += width) std::copy_n(g, width, v + first);
        return;
      case Kind::max_of: {
        Index equal = 0;
        for (Index r = 0; r < rows; ++r) equal += v[r] == *y ? 1 : 0;
        for (Index r = 0; r < rows; ++r) v[r] = v[r] == *y ? *g / S(equal) : S(0);
        return;
      }
    }
  }

  static S total(const S* v, Index rows) {
    return sum_run(
        rows, [](V value) { return value; }, v);
  }
  static S dot(const S* a, const S* b, Index rows) {
    return sum_run(
        rows, [](V x, V y) { return x * y; }, a, b);
  }
  /// y = the sum of the rows of a matrix, which are `width` numbers each.
  static void add_rows(const S* v, Index numbers, Index width, S* y) {
    std::copy_n(v, width, y);
    for (Index first = width; first < numbers; first += width)
      map_run(
          width, [](V sum, V row) { return sum + row; }, y, y, v + first);
  }
  static void fill(S* v, Index rows, S value) { std::fill(v, v + rows, value); }
  /// NaN if any row is NaN.
  static S greatest(const S* v, Index rows) {
    S found = v[0];
    for (Index r = 1; r < rows; ++r) found = v[r] > found || std::isnan(v[r]) ? v[r] : found;
    return found;
  }

  static void layer_norm(const S* v, Index rows, S epsilon, S* y, S& scale) {
    const V mean = V::constant(total(v, rows) / S(rows));
    const S squares = sum_run(
        rows, [&](V value) { return (value - mean) * (value - mean); }, v);
    scale = S(1) / std::sqrt(squares / S(rows) + epsilon);
    map_run(
        rows, [&](V value) { return (value - mean) * V::constant(scale); }, y, v);
  }
  static void rms_norm(const S* v, Index rows, S epsilon, S* y, S& scale) {
    scale = S(1) / std::sqrt(dot(v, v, rows) / S(rows) + epsilon);
    map_run(
        rows, [&](V value) { return value * V::constant(scale); }, y, v);
  }
  /// Gradient of a normalised value: scale (g - mean of g - y mean of g y), the first mean only for layer_norm.
  static void normal_back(S* v, Index rows, const S* y, const S* g, S along, S sum, S scale) {
    const V slope = V::constant(along / S(rows)), offset = V::constant(sum / S(rows)), factor = V::constant(scale);
    map_run(
        rows, [&](V d, V out) { return factor * (d - offset - out * slope); }, v, g, y);
  }
  static void softmax(const S* v, Index rows, S* y) {
    const V top = V::constant(greatest(v, rows));
    map_run(
        rows, [&](V value) { return exp(value - top); }, y, v);
    const V sum = V::constant(total(y, rows));
    map_run(
        rows, [&](V value) { return value / sum; }, y, y);
  }

  Work& work_;
};

struct RowsKindOfColumns {
  using Word = language::RowsWord;
  static constexpr bool reads_memory = false;
  template <class D>
  using Layout = detail::RowsLayout<D>;
  template <class S, class D>
  using Weights = detail::AllRowsWeights;
  template <class S, class D>
  using Work = detail::AllRowsWork<S, detail::find_words<D, Word>().count>;
  template <class S, class D>
  using Run = detail::CellRows<S, D>;
};

}  // namespace unroll::detail
