#pragma once
// Offsets of a cell's parameters and stored values for given sizes.

#include <string>

#include "unroll/cell/step.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/recurrence/columns/column_operations.hpp"
#include "unroll/recurrence/compile/equation_text.hpp"

namespace unroll::detail {

/// Layout of a cell's parameters and pre-activations.
///
/// The parameters are, for each source, the stacked weights of all terms that read it, in the order in which their
/// pre-activations are stacked; then the biases; then single weights. Names are EQUATION.SOURCE and EQUATION.b; a
/// second `linear` in the same equation has a number: n.x, n.b, n2.h, n2.b. An equation ctx = attend(score, q) has
/// ctx.q, which projects the query, and the parameters of its kind, see AttentionLayout. A layout without biases has no
/// place for them, so that passes read zeros.
template <class D>
class CellLayout {
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  template <int n>
  using Numbers = Table<Index, n>;
  using ColumnLayouts = ColumnKinds::template Layouts<D>;

 public:
  CellLayout() = default;

  /// Throws ShapeError if the sizes do not match the equations.
  explicit CellLayout(const CellSizes& sizes) : biased_(sizes.biased) {
    check_as_many("cell", "CellSizes::inputs", "entries as inputs", Index(sizes.inputs.size()), program.inputs);
    check_as_many("cell", "CellSizes::constants", "entries as constants", Index(sizes.constants.size()),
                  program.constants);
    size_rows_[0] = sizes.units;
    require_positive(program.sizes[0], size_rows_[0]);  // other sizes may follow from the units
    each_kind([&](auto& kind) { kind.set_sizes(sizes); });
    for (int k = 1; k < program.size_count; ++k) size_rows_[k] = named_size(sizes, program.sizes[k]);
    for (const auto& [name, rows] : sizes.sizes) require_known(name);
    for (int k = 0; k < program.size_count; ++k) require_positive(program.sizes[k], size_rows_[k]);
    for (int k = 0; k < program.inputs; ++k)
      require_positive(program.input[k], input_rows_[k] = sizes.inputs[std::size_t(k)]);
    for (int k = 0; k < program.constants; ++k)
      require_positive(program.constant[k], constant_rows_[k] = sizes.constants[std::size_t(k)]);
    each_kind([&](const auto& kind) { kind.check(*this); });
    place_terms();
    place_parameters();
    table_.set_equations(detail::equation_source<D>);
  }

  Index rows_of_size(int dimension) const { return size_rows_[dimension]; }
  Index input_rows(int k) const { return input_rows_[k]; }
  Index constant_rows(int k) const { return constant_rows_[k]; }
  Index rows(int operation) const {
    const Operation& o = program.operation[operation];
    if (o.op == Op::input) return input_rows_[o.index];
    if (o.op == Op::constant) return constant_rows_[o.index];
    return size_rows_[program.dimension_of(operation)];
  }

  Index rows_of_term(int term) const { return size_rows_[program.term[term].dimension]; }

  /// Total rows of pre-activations, and the first row of each term and of each slot.
  Index term_rows() const { return term_rows_; }
  const Numbers<program.terms>& term_row() const { return term_row_; }
  Index slot_row(int slot) const { return slot < program.terms ? term_row_[schedule.term_at[slot]] : term_rows_; }

  /// Part of a source's stacked weights that a product uses: [product_rows x rows of the source] with stride
  /// weight_stride.
  Index product_rows(const Product& p) const { return slot_row(p.first_slot + p.slots) - slot_row(p.first_slot); }
  Index weight_rows(const Product& p) const { return p.is_copy ? 0 : product_rows(p); }
  Index weight_offset(const Product& p) const {
    return source_offset_[p.source] + product_row_[int(&p - schedule.product.items)];
  }
  Index weight_stride(const Product& p) const { return source_stride_[p.source]; }

  /// Whether the biases of the equations are parameters.
  bool biased() const { return biased_; }
  /// Offset of a term's bias, and of a single weight; -1 if it is 0 and no parameter.
  Index bias_offset(int term) const { return bias_offset_[term]; }
  Index single_offset(int weight) const { return single_offset_[weight]; }
  Index single_rows(int weight) const {
    return program.weight[weight].per_unit ? size_rows_[program.weight[weight].dimension] : 1;
  }

  /// Layouts of the kinds of column operations; converts to the Layout of each kind.
  const ColumnLayouts& columns() const { return columns_; }

  /// Initializers that depend on the sizes, by parameter name.
  std::vector<std::pair<std::string, Initializer>> column_initializers() const {
    std::vector<std::pair<std::string, Initializer>> initializers;
    ColumnKinds::each_layout<D>(columns_, [&](const auto& kind) { kind.add_initializers(*this, initializers); });
    return initializers;
  }

  const ParameterTable& table() const { return table_; }

 private:
  template <class F>
  void each_kind(F&& f) {
    ColumnKinds::each_layout<D>(columns_, f);
  }

  Index named_size(const CellSizes& sizes, std::string_view name) {
    for (const auto& [given, rows] : sizes.sizes)
      if (given == name) return rows;
    Index rows = 0;
    each_kind([&](const auto& kind) { rows = rows == 0 ? kind.rows_of_size(name, sizes) : rows; });
    require<ShapeError>(rows != 0, "cell: the equations use the size '", name,
                        "', which is not given; add it to CellSizes::sizes");
    return rows;
  }
  void require_known(std::string_view name) {
    each_kind([&](const auto& kind) {
      require<ShapeError>(!kind.sets_size(name), "cell: CellSizes::", name, " is the size '", name,
                          "'; leave it out of CellSizes::sizes");
    });
    for (int k = 1; k < program.size_count; ++k)
      if (program.sizes[k] == name) return;
    throw ShapeError(text("cell: the equations do not use the size '", name, "'; leave it out of CellSizes::sizes"));
  }
  static void require_positive(std::string_view name, Index rows) {
    check_least<ShapeError>("cell", name, rows, 1);
    constexpr Index most = Index(1) << 40;  // the sum over all equations must not overflow
    require<ShapeError>(rows < most, "cell: ", name, " must be below ", most, ", got ", rows);
  }

  void place_terms() {
    for (int slot = 0; slot < program.terms; ++slot) {
      const int term = schedule.term_at[slot];
      term_row_[term] = term_rows_;
      term_rows_ += rows_of_term(term);
    }
  }

  static std::string term_name(const LinearTerm& term) {
    std::string name(program.equation[term.equation].name);
    return term.ordinal > 1 ? name + text(term.ordinal) : name;
  }
  /// Name of a source; a state after the step has the suffix `_next`.
  static std::string source_name(const LinearTerm& term, int operation) {
    for (int k = 0; k < term.sources; ++k)
      if (term.source[k] == operation)
        return std::string(term.source_name[k]) +
               (is_next(operation) && program.operation[operation].op != Op::state ? "_next" : "");
    return {};
  }
  static bool is_next(int operation) {
    for (int s = 0; s < program.states; ++s)
      if (program.state[s].next == operation) return true;
    return false;
  }

  template <class Kind>
  void place_kind() {
    constexpr auto words = detail::find_words<D, typename Kind::Word>();
    typename Kind::template Layout<D>& layout = columns_;
    for (int k = 0; k < words.count; ++k) {
      const int term = program.column_operation[words.number[k]].term;
      layout.place(k, term_name(program.term[term]), rows_of_term(term), table_);
    }
  }

  void place_parameters() {
    for (int v = 0; v < schedule.sources; ++v) place_stacked_weights(v);
    for (int slot = 0; slot < program.terms; ++slot) {
      const int term = schedule.term_at[slot];
      bias_offset_[term] = program.term[term].biased && biased_
                               ? table_.add(term_name(program.term[term]) + ".b", Role::bias, rows_of_term(term), 1)
                               : -1;
    }
    for (int w = 0; w < program.weights; ++w) {
      const bool added = program.weight[w].added;
      single_offset_[w] = added && !biased_ ? -1
                                            : table_.add(std::string(program.weight[w].name),
                                                         added ? Role::bias : Role::gain, single_rows(w), 1);
    }
    ColumnKinds::each_used<D>([&]<class Kind>() { this->template place_kind<Kind>(); });
  }

  void place_stacked_weights(int v) {
    const Source& source = schedule.source[v];
    const Op op = program.operation[source.operation].op;
    const Role role = op == Op::input || op == Op::constant ? Role::input_weight : Role::recurrent_weight;
    for (int p = source.first_product; p < source.first_product + source.products; ++p) {
      product_row_[p] = source_stride_[v];
      source_stride_[v] += weight_rows(schedule.product[p]);
    }
    source_offset_[v] = table_.reserve(source_stride_[v], rows(source.operation));
    Index row = 0;
    for (int slot = 0; slot < program.terms; ++slot) {
      const int term = schedule.term_at[slot];
      if (!program.term[term].reads(source.operation) || program.term[term].is_copy) continue;
      // The operand of a column operation is compared, not fed back: its weights are initialised as input weights.
      const bool of_column = program.term[term].of_column;
      table_.add_block({term_name(program.term[term]) + "." + source_name(program.term[term], source.operation),
                        of_column ? Role::input_weight : role, source_offset_[v] + row, rows_of_term(term),
                        rows(source.operation), source_stride_[v]});
      row += rows_of_term(term);
    }
  }

  Numbers<program.max_names> size_rows_{}, input_rows_{}, constant_rows_{};
  Numbers<program.terms> term_row_{}, bias_offset_{};
  Numbers<program.weights> single_offset_{};
  Numbers<schedule.sources> source_offset_{}, source_stride_{};
  Numbers<schedule.products> product_row_{};
  ColumnLayouts columns_;
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
