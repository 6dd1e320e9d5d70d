#pragma once
// Where a cell's parameters and its kept values lie, once its sizes are known.

#include <string>

#include "unroll/cell/step.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/recurrence/compile/equation_text.hpp"

namespace unroll {

/// Parameters of a cell are, for each source, the stacked weights of all terms that read it, term by term as their
/// pre-activations are stacked; then the biases; then single weights. Names are EQUATION.SOURCE, EQUATION.b; a second
/// `linear` in the same equation gets a number: n.x, n.b, n2.h, n2.b. Of an equation ctx = attend(score, q): ctx.q and
/// ctx.memory [rows x keys], by which query and keys are multiplied, ctx.b, the additive score's ctx.v [1 x rows] and
/// ctx.g.
template <class D>
class CellLayout {
  static constexpr const auto& program = D::program;
  static constexpr const auto& schedule = D::schedule;
  template <int n>
  using Numbers = Table<Index, n>;

 public:
  CellLayout() = default;

  /// Throws ShapeError when the sizes do not fit the equations.
  explicit CellLayout(const CellSizes& sizes) {
    require<ShapeError>(Index(sizes.inputs.size()) == program.inputs, "cell: its equations read ", program.inputs,
                        " inputs per step, sizes are given for ", sizes.inputs.size());
    require<ShapeError>(Index(sizes.constants.size()) == program.constants, "cell: its equations read ",
                        program.constants, " constants, sizes are given for ", sizes.constants.size());
    size_rows_[0] = sizes.units;
    check_memory(sizes);
    for (int k = 1; k < program.size_count; ++k) size_rows_[k] = named_size(sizes, program.sizes[k]);
    for (const auto& [name, rows] : sizes.sizes) require_known(name);
    memory_rows_ = sizes.memory;
    key_rows_ = sizes.keys > 0 ? sizes.keys : sizes.memory;
    for (int k = 0; k < program.size_count; ++k) require_positive(program.sizes[k], size_rows_[k]);
    for (int k = 0; k < program.inputs; ++k)
      require_positive(program.input[k], input_rows_[k] = sizes.inputs[std::size_t(k)]);
    for (int k = 0; k < program.constants; ++k)
      require_positive(program.constant[k], constant_rows_[k] = sizes.constants[std::size_t(k)]);
    check_copies();
    place_terms();
    place_parameters();
    table_.set_equations(detail::equation_source<D>);
  }

  Index rows_of_size(int size) const { return size_rows_[size]; }
  Index input_rows(int k) const { return input_rows_[k]; }
  Index constant_rows(int k) const { return constant_rows_[k]; }
  Index rows(int operation) const {
    const Operation& o = program.operation[operation];
    if (o.op == Op::input) return input_rows_[o.index];
    if (o.op == Op::constant) return constant_rows_[o.index];
    return size_rows_[program.size_of(operation)];
  }

  Index rows_of_term(int term) const { return size_rows_[program.term[term].size]; }
  /// Of the memory that the equations attend to.
  Index memory_rows() const { return memory_rows_; }
  Index key_rows() const { return key_rows_; }

  /// Rows of all pre-activations, and the first row of each term and each slot.
  Index term_rows() const { return term_rows_; }
  const Numbers<program.terms>& term_row() const { return term_row_; }
  Index slot_row(int slot) const { return slot < program.terms ? term_row_[schedule.term_at[slot]] : term_rows_; }

  /// The part of a source's stacked weights that a product uses: [product_rows x rows of the source], strided by
  /// weight_stride.
  Index product_rows(const Product& p) const { return slot_row(p.first_slot + p.slots) - slot_row(p.first_slot); }
  Index weight_rows(const Product& p) const { return p.copies ? 0 : product_rows(p); }
  Index weight_offset(const Product& p) const {
    return source_offset_[p.source] + product_row_[int(&p - schedule.product.items)];
  }
  Index weight_stride(const Product& p) const { return source_stride_[p.source]; }

  /// Offset of a term's bias, -1 where it has none; of a single weight.
  Index bias_offset(int term) const { return bias_offset_[term]; }
  Index single_offset(int weight) const { return single_offset_[weight]; }
  Index single_rows(int weight) const {
    return program.weight[weight].per_unit ? size_rows_[program.weight[weight].size] : 1;
  }

  /// Offsets of what an `attend` has of its own; -1 for what it has not.
  struct AttentionParameters {
    Index memory = -1, bias = -1, vector = -1, gain = -1;
  };
  const AttentionParameters& attention(int k) const { return attention_[k]; }

  const ParameterTable& table() const { return table_; }

 private:
  static void check_memory(const CellSizes& sizes) {
    constexpr bool attends = program.attentions > 0;
    require<ShapeError>(attends == (sizes.memory != 0),
                        attends ? "cell: its equations attend to a memory, whose rows are not given (CellSizes::memory)"
                                : "cell: rows of a memory are given, to which its equations do not attend");
    if (!attends) return;
    require_positive("memory", sizes.memory);
    require<ShapeError>(sizes.keys >= 0, "cell: expects at least 1 row for 'keys', got ", sizes.keys);
  }

  /// A query that is compared as it is must be as long as the keys.
  void check_copies() const {
    for (int k = 0; k < program.attentions; ++k) {
      const LinearTerm& term = program.term[program.attention[k].term];
      if (!term.copies) continue;
      const Index query = rows(term.source[0]);
      require<ShapeError>(query == key_rows_, "cell: '", program.equation[term.equation].name, "' compares a query of ",
                          query, " rows with keys of ", key_rows_,
                          "; they must agree for dot scores, `general` projects the query");
    }
  }

  /// Three names have a meaning where the equations attend; elsewhere they are names like any other.
  static Index named_size(const CellSizes& sizes, std::string_view name) {
    constexpr bool attends = program.attentions > 0;
    if (attends && name == "memory") return sizes.memory;
    if (attends && name == "keys") return sizes.keys > 0 ? sizes.keys : sizes.memory;
    for (const auto& [given, rows] : sizes.sizes)
      if (given == name) return rows;
    if (attends && name == "attention") return sizes.units;
    throw ShapeError(text("cell: its equations use the size '", name, "', which is not given"));
  }
  static void require_known(std::string_view name) {
    require<ShapeError>(program.attentions == 0 || (name != "memory" && name != "keys"), "cell: the size '", name,
                        "' is that of what its equations attend to: CellSizes::", name, " gives it");
    for (int k = 1; k < program.size_count; ++k)
      if (program.sizes[k] == name) return;
    throw ShapeError(text("cell: a size '", name, "' is given, which its equations do not use"));
  }
  static void require_positive(std::string_view name, Index rows) {
    require<ShapeError>(rows > 0, "cell: expects at least 1 row for '", name, "', got ", rows);
    constexpr Index most = Index(1) << 40;  // the sum over all equations must not overflow
    require<ShapeError>(rows < most, "cell: ", rows, " rows for '", name, "' are more than memory holds");
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
  /// The state after the step is told from the one before.
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

  void place_attention(int k) {
    const AttentionInfo& info = program.attention[k];
    const LinearTerm& term = program.term[info.term];
    const std::string name = term_name(term);
    const Index rows = rows_of_term(info.term);
    auto& at = attention_[k];
    if (info.score != ScoreKind::additive) return;
    at.memory = table_.add(name + ".memory", Role::input_weight, rows, key_rows_);
    if (info.biased) at.bias = table_.add(name + ".b", Role::bias, rows, 1);
    at.vector = table_.add(name + ".v", Role::input_weight, 1, rows);
    if (info.normalised) at.gain = table_.add(name + ".g", Role::gain, 1, 1);
  }

  void place_parameters() {
    for (int v = 0; v < schedule.sources; ++v) place_stacked_weights(v);
    for (int slot = 0; slot < program.terms; ++slot) {
      const int term = schedule.term_at[slot];
      bias_offset_[term] = program.term[term].biased
                               ? table_.add(term_name(program.term[term]) + ".b", Role::bias, rows_of_term(term), 1)
                               : -1;
    }
    for (int w = 0; w < program.weights; ++w)
      single_offset_[w] = table_.add(std::string(program.weight[w].name),
                                     program.weight[w].added ? Role::bias : Role::gain, single_rows(w), 1);
    for (int k = 0; k < program.attentions; ++k) place_attention(k);
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
      if (!program.term[term].reads(source.operation) || program.term[term].copies) continue;
      const bool asks =
          program.term[term].asks;  // a query is compared, not fed back: it starts as an input's weights do
      table_.add_block({term_name(program.term[term]) + "." + source_name(program.term[term], source.operation),
                        asks ? Role::input_weight : role, source_offset_[v] + row, rows_of_term(term),
                        rows(source.operation), source_stride_[v]});
      row += rows_of_term(term);
    }
  }

  Numbers<program.max_names> size_rows_{}, input_rows_{}, constant_rows_{};
  Numbers<program.terms> term_row_{}, bias_offset_{};
  Numbers<program.weights> single_offset_{};
  Numbers<schedule.sources> source_offset_{}, source_stride_{};
  Numbers<schedule.products> product_row_{};
  Table<AttentionParameters, program.attentions> attention_{};
  Index memory_rows_ = 0, key_rows_ = 0;
  Index term_rows_ = 0;
  ParameterTable table_;
};

}  // namespace unroll
