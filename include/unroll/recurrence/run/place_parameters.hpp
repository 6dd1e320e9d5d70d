#pragma once
// Placement of the parameters of a cell in one vector.

#include <string>
#include <utility>
#include <vector>

#include "unroll/parameters/parameters.hpp"
#include "unroll/recurrence/compile/program_view.hpp"
#include "unroll/recurrence/run/cell_sizing.hpp"

namespace unroll::detail {

/// Rows and columns of the weights of a product.
struct WeightShape {
  Index rows, columns;
};

/// Offsets to compute: of each product's weights, with their strides, each term's bias and each single weight.
struct ParameterPlaces {
  const WeightShape* shape;  // of each product
  Index *weight_offset, *weight_stride, *bias_offset, *single_offset;
};

/// Name of a term in the names of its parameters: that of its equation, with a number from the second term on.
inline std::string term_name(const ProgramView& program, const LinearTerm& term) {
  std::string name(program.equation[term.equation].name);
  return term.ordinal > 1 ? name + text(term.ordinal) : name;
}

/// Placement of the parameters of any cell.
class ParameterPlacer {
 public:
  ParameterPlacer(const ProgramView& program, const CellRowCounts& rows, bool biased, const ParameterPlaces& at,
                  ParameterTable& table)
      : program_(program), rows_(rows), at_(at), table_(table), biased_(biased) {}

  [[gnu::cold]] void place() {
    for (int v = 0; v < program_.sources; ++v) place_stacked_weights(v);
    for (int slot = 0; slot < program_.terms; ++slot) {
      const int term = program_.term_at[slot];
      at_.bias_offset[term] = program_.term[term].biased && biased_
                                  ? table_.add(term_name(program_.term[term]) + ".b", Role::bias, rows_of_term(term), 1)
                                  : -1;
    }
    for (int w = 0; w < program_.weights; ++w)
      if (const WeightInfo& weight = program_.weight[w]; weight.added && !biased_)
        at_.single_offset[w] = -1;
      else
        at_.single_offset[w] = add_block(std::string(weight.name), weight.added ? Role::bias : Role::gain,
                                         single_rows(weight), 1, !weight.frozen.empty());
  }

 private:
  std::string term_name(const LinearTerm& term) const { return detail::term_name(program_, term); }
  /// Name of a source; a state after the step has the suffix `_next`.
  std::string source_name(const LinearTerm& term, int operation) const {
    for (int k = 0; k < term.sources; ++k)
      if (term.source[k] == operation)
        return std::string(term.source_name[k]) +
               (is_next(operation) && program_.operation[operation].op != Op::state ? "_next" : "");
    return {};
  }
  bool is_next(int operation) const {
    for (int s = 0; s < program_.states; ++s)
      if (program_.state[s].next == operation) return true;
    return false;
  }

  void place_stacked_weights(int v) {
    const Source& source = program_.source[v];
    const Op op = program_.operation[source.operation].op;
    const Role role = op == Op::input || op == Op::constant ? Role::input_weight : Role::recurrent_weight;
    const auto each_stacked = [&](auto&& f) {
      for (int p = source.first_product; p < source.first_product + source.products; ++p)
        if (const Product& product = program_.product[p]; !product.is_copy() && !rule(product).is_separate()) f(p);
    };
    Index stride = 0;
    each_stacked([&](int p) {
      at_.weight_offset[p] = stride;
      stride += at_.shape[p].rows;
    });
    Index offset = table_.reserve(stride, rows_.of(program_, source.operation));
    each_stacked([&](int p) {
      at_.weight_offset[p] += offset;
      at_.weight_stride[p] = stride;
    });
    for (int slot = 0; slot < program_.terms; ++slot) {
      const LinearTerm& term = program_.term[program_.term_at[slot]];
      if (!term.reads(source.operation) || term.copy != Copy::none) continue;
      const Index height = rows_of_term(program_.term_at[slot]);
      const std::string name = term_name(term) + "." + source_name(term, source.operation);
      if (term.rule.is_separate()) {
        place_separate(source, slot, name, role);
        continue;
      }
      // The query of attention is compared, not fed back: its weights are initialised as input weights.
      table_.add_block(
          {name, term.named ? Role::input_weight : role, offset, height, rows_.of(program_, source.operation), stride});
      offset += height;
    }
  }

  /// Weights in a block outside of the stacked matrix; those of heads are one below the other.
  void place_separate(const Source& source, int slot, const std::string& name, Role role) {
    const Index height = rows_of_term(program_.term_at[slot]);
    for (int p = source.first_product; p < source.first_product + source.products; ++p) {
      const Product& product = program_.product[p];
      if (product.first_slot != slot) continue;
      if (product.head == 0)
        at_.weight_offset[p] = place_block(rule(product), name, role, height, at_.shape[p].columns);
      at_.weight_offset[p] = at_.weight_offset[p - product.head] + product.head * at_.shape[p].rows;
      at_.weight_stride[p] = rule(product).transposed ? at_.shape[p].columns : height;
    }
  }

  /// Offset of a new block, or of the shared matrix of this name.
  Index place_block(const language::WeightRule& rule, const std::string& name, Role role, Index height, Index columns) {
    const std::string own = rule.matrix.empty() ? name : std::string(rule.matrix);
    if (rule.transposed) std::swap(height, columns);
    if (const ParameterBlock* const shared = rule.matrix.empty() ? nullptr : table_.find(own)) {
      require<ShapeError>(shared->rows == height && shared->cols == columns, "cell: the matrix '", own, "' must be [",
                          shared->rows, " x ", shared->cols, "] in all equations, got [", height, " x ", columns, "]");
      return shared->offset;
    }
    return add_block(own, role, height, columns, !rule.frozen.empty());
  }
  Index add_block(const std::string& name, Role role, Index height, Index columns, bool frozen) {
    if (!frozen) return table_.add(name, role, height, columns);
    const Index offset = table_.reserve(height, columns);
    table_.add_block({.name = name,
                      .role = role,
                      .offset = offset,
                      .rows = height,
                      .cols = columns,
                      .stride = height,
                      .frozen = std::vector<bool>(std::size_t(columns), true)});
    return offset;
  }

  const language::WeightRule& rule(const Product& p) const {
    return program_.term[program_.term_at[p.first_slot]].rule;
  }
  Index rows_of_term(int term) const { return rows_.size[program_.term[term].dimension]; }
  Index single_rows(const WeightInfo& weight) const { return weight.per_unit ? rows_.size[weight.dimension] : 1; }

  const ProgramView& program_;
  const CellRowCounts& rows_;
  const ParameterPlaces& at_;
  ParameterTable& table_;
  bool biased_;
};

template <class = Once>
[[gnu::cold]] void place_parameters(const ProgramView& program, const CellRowCounts& rows, bool biased,
                                    const ParameterPlaces& at, ParameterTable& table) {
  ParameterPlacer(program, rows, biased, at, table).place();
}

}  // namespace unroll::detail
