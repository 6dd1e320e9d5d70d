#pragma once
// Offsets of a cell's parameters and stored values for given sizes.

#include <string>
#include <string_view>
#include <utility>

#include "unroll/recurrence/compile/equation_text.hpp"
#include "unroll/recurrence/run/place_parameters.hpp"

namespace unroll::detail {

/// Layout of a cell's parameters and pre-activations.
///
/// The parameters are, for each source, the stacked weights of all terms that read it, in the order in which their
/// pre-activations are stacked; then the biases; then single weights. Names are EQUATION.SOURCE and EQUATION.b; a
/// second `linear` in the same equation has a number: n.x, n.b, n2.h, n2.b. An equation ctx = attend(score, q) has
/// ctx.q, which projects the query, and the parameters of its kind, see AttentionLayout. A layout without biases has no
/// place for them, so that passes read zeros.
template <class D>
class CellLayout : public CellSizing<D> {
  using Sizing = CellSizing<D>;
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  template <int n>
  using Numbers = Table<Index, n>;

 public:
  using Sizing::rows, Sizing::rows_of_term, Sizing::rows_of_size;

  CellLayout() = default;

  /// Throws ShapeError if the sizes do not match the equations.
  [[gnu::cold]] explicit CellLayout(const CellSizes& sizes) : Sizing(sizes), biased_(sizes.biased) {
    ColumnKinds::each_layout<D>(std::as_const(columns_), [&](const auto& kind) { kind.check(*this); });
    place_terms();
    place_parameters();
    table_.set_equations(detail::equation_source<D>);
  }

  /// Total rows of pre-activations, and the first row of each term and of each slot.
  Index term_rows() const { return term_rows_; }
  const Numbers<program.terms>& term_row() const { return term_row_; }
  Index slot_row(int slot) const { return slot < program.terms ? term_row_[schedule.term_at[slot]] : term_rows_; }

  /// Weights of a product: [product_rows x source_rows] with stride weight_stride, for the pre-activations from
  /// product_row on and the rows of the source from source_row on.
  Index product_rows(const Product& p) const {
    return (slot_row(p.first_slot + p.slots) - slot_row(p.first_slot)) / p.heads;
  }
  Index product_row(const Product& p) const { return slot_row(p.first_slot) + p.head * product_rows(p); }
  Index source_rows(const Product& p) const {
    return p.copy == Copy::part ? product_rows(p) : rows(schedule.source[p.source].operation) / p.heads;
  }
  Index source_row(const Product& p) const { return (p.copy == Copy::part ? p.part : p.head) * source_rows(p); }
  Index weight_offset(const Product& p) const { return weight_offset_[int(&p - schedule.product.items)]; }
  Index weight_stride(const Product& p) const { return weight_stride_[int(&p - schedule.product.items)]; }

  static constexpr const language::WeightRule& rule(const Product& p) {
    return program.term[schedule.term_at[p.first_slot]].rule;
  }
  /// Writes the given values of frozen weights to the parameters `theta`. Throws ShapeError if their function returns a
  /// matrix of another size.
  template <class S>
  [[gnu::cold]] void set_given(S* theta) const {
    for (int k = 0; k < schedule.products; ++k)
      if (const Product& p = schedule.product[k]; rule(p).values != nullptr)
        set_values(
            rule(p).frozen, rule(p).values,
            View<S>(theta + weight_offset(p), product_rows(p), source_rows(p), Eigen::OuterStride<>(weight_stride(p))));
    for (int w = 0; w < program.weights; ++w)
      if (const WeightInfo& weight = program.weight[w]; weight.values != nullptr)
        set_values(weight.frozen, weight.values,
                   View<S>(theta + single_offset(w), single_rows(w), 1, Eigen::OuterStride<>(single_rows(w))));
  }

  /// Whether the biases of the equations are parameters.
  bool biased() const { return biased_; }
  /// Offset of a term's bias, and of a single weight; -1 if it is 0 and no parameter.
  Index bias_offset(int term) const { return bias_offset_[term]; }
  Index single_offset(int weight) const { return single_offset_[weight]; }
  Index single_rows(int weight) const {
    return program.weight[weight].per_unit ? rows_of_size(program.weight[weight].dimension) : 1;
  }

  /// Initializers that depend on the sizes, by parameter name.
  std::vector<std::pair<std::string, Initializer>> column_initializers() const {
    std::vector<std::pair<std::string, Initializer>> initializers;
    ColumnKinds::each_layout<D>(columns_, [&](const auto& kind) { kind.add_initializers(*this, initializers); });
    return initializers;
  }

  const ParameterTable& table() const { return table_; }

 private:
  using Sizing::columns_;

  template <class S>
  static void set_values(std::string_view name, language::MatrixValues function, View<S> to) {
    const MatrixX<double> values = function(to.rows(), to.cols());
    require<ShapeError>(values.rows() == to.rows() && values.cols() == to.cols(), "cell: the values of '", name,
                        "' must be [", to.rows(), " x ", to.cols(), "], got [", values.rows(), " x ", values.cols(),
                        "]");
    to = values.template cast<S>();
  }

  [[gnu::cold]] void place_terms() {
    for (int slot = 0; slot < program.terms; ++slot) {
      const int term = schedule.term_at[slot];
      term_row_[term] = term_rows_;
      term_rows_ += rows_of_term(term);
    }
  }

  template <class Kind>
  void place_kind() {
    constexpr auto words = detail::find_words<D, typename Kind::Word>();
    typename Kind::template Layout<D>& layout = columns_;
    for (int k = 0; k < words.count; ++k) {
      const int term = program.column_operation[words.number[k]].term;
      layout.place(k, term_name(program_view<D>, program.term[term]), rows_of_term(term), table_);
    }
  }

  [[gnu::cold]] void place_parameters() {
    Table<WeightShape, schedule.products> shape{};
    for (int p = 0; p < schedule.products; ++p)
      shape[p] = {product_rows(schedule.product[p]), source_rows(schedule.product[p])};
    detail::place_parameters(program_view<D>, this->rows_, biased_,
                             {.shape = shape.items,
                              .weight_offset = weight_offset_.items,
                              .weight_stride = weight_stride_.items,
                              .bias_offset = bias_offset_.items,
                              .single_offset = single_offset_.items},
                             table_);
    ColumnKinds::each_used<D>([&]<class Kind>() { this->template place_kind<Kind>(); });
  }

  Numbers<program.terms> term_row_{}, bias_offset_{};
  Numbers<program.weights> single_offset_{};
  Numbers<schedule.products> weight_offset_{}, weight_stride_{};
  Index term_rows_ = 0;
  bool biased_ = true;
  ParameterTable table_;
};

/// Sizes of a cell whose units are known at compile time; `fixed` is Eigen::Dynamic if they are not. Throws ShapeError
/// for other units.
inline CellSizes with_fixed_units(CellSizes sizes, int fixed) {
  if (fixed == Eigen::Dynamic) return sizes;
  require<ShapeError>(sizes.units == 0 || sizes.units == fixed, "cell: units must be ", fixed, ", got ", sizes.units);
  sizes.units = fixed;
  return sizes;
}

}  // namespace unroll::detail
