#pragma once
// Rows of a cell's values for given sizes.

#include <string_view>
#include <utility>

#include "unroll/cell/step.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/recurrence/columns/column_operations.hpp"
#include "unroll/recurrence/compile/program_view.hpp"

namespace unroll::detail {

/// Rows of a cell's values, by index.
struct CellRowCounts {
  using Numbers = Table<Index, max_names>;

  /// Rows of an operation's result.
  template <class Program>
  Index of(const Program& program, int operation) const {
    const Operation& o = program.operation[operation];
    if (o.op == Op::input) return input[o.index];
    if (o.op == Op::constant) return constant[o.index];
    return size[dimension_of(program, operation)];
  }

  Numbers size{}, input{}, constant{};
  Numbers height{}, width{};  // of matrices: sizes such as "units*keys"; else 0
};

/// What the kinds of column operations of a cell know about sizes.
struct SizesOfKinds {
  virtual ~SizesOfKinds() = default;
  virtual void set_sizes(const CellSizes& sizes) = 0;
  virtual Index rows_of_size(std::string_view name, const CellSizes& sizes) const = 0;  ///< 0: none
  virtual bool sets_size(std::string_view name) const = 0;
};

/// Calculation of the rows from the sizes of a cell, for all cells.
class CellSizer {
 public:
  CellSizer(const ProgramView& program, SizesOfKinds& kinds, CellRowCounts& rows)
      : program_(program), kinds_(kinds), rows_(rows) {}

  [[gnu::cold]] void set(const CellSizes& sizes) {
    check_as_many("cell", "CellSizes::inputs", "entries as inputs", Index(sizes.inputs.size()), program_.inputs);
    check_as_many("cell", "CellSizes::constants", "entries as constants", Index(sizes.constants.size()),
                  program_.constants);
    rows_.size[0] = sizes.units;
    require_positive(program_.sizes[0], rows_.size[0]);  // other sizes may follow from the units
    kinds_.set_sizes(sizes);
    for (int k = 1; k < program_.size_count; ++k) rows_.size[k] = named_size(sizes, program_.sizes[k]);
    for (const auto& [name, rows] : sizes.sizes) require_known(name);
    for (int k = 0; k < program_.size_count; ++k) require_positive(program_.sizes[k], rows_.size[k]);
    set_rows(sizes, sizes.inputs, program_.inputs, program_.input, program_.input_size, rows_.input);
    set_rows(sizes, sizes.constants, program_.constants, program_.constant, program_.constant_size, rows_.constant);
    for (int k = 0; k < program_.products; ++k) check_blocks(program_.product[k]);
  }

 private:
  /// Rows of a size: one, a multiple of another size, given, those of an input, or the default of a kind.
  Index named_size(const CellSizes& sizes, std::string_view name) {
    if (name == language::one_row) return 1;
    if (language::is_matrix(name)) return matrix_size(sizes, name, language::position(name, '*'));
    if (language::is_multiple(name)) return multiple_of_size(sizes, name);
    require<ShapeError>(!name.empty() && name.front() != ' ' && name.back() != ' ', "cell: the size '", name,
                        "' must be a name without spaces at its ends; write a product as 'units*keys'");
    if (name == program_.sizes[0]) return rows_.size[0];
    for (const auto& [given, rows] : sizes.sizes)
      if (given == name) return rows;
    for (int k = 0; k < program_.inputs; ++k)
      if (program_.input_size[k] == name) return sizes.inputs[std::size_t(k)];
    for (int k = 0; k < program_.constants; ++k)
      if (program_.constant_size[k] == name) return sizes.constants[std::size_t(k)];
    const Index rows = kinds_.rows_of_size(name, sizes);
    require<ShapeError>(rows != 0, "cell: the equations use the size '", name,
                        "', which is not given; add it to CellSizes::sizes");
    return rows;
  }
  /// "4 units": four times the units; "8": 8 rows.
  Index multiple_of_size(const CellSizes& sizes, std::string_view name) {
    const std::size_t space = language::position(name, ' ');
    bool good = space <= 4 && name.back() != ' ';
    Index factor = 0;
    for (const char digit : name.substr(0, good ? space : 0)) {
      good = good && digit >= '0' && digit <= '9';
      factor = 10 * factor + (digit - '0');
    }
    require<ShapeError>(good, "cell: the size '", name,
                        "' must be a name, a number up to 9999, or such a number, a space and a name, as in '4 units'");
    require_positive(name, factor);
    if (space == name.size()) return factor;
    const Index rows = named_size(sizes, name.substr(space + 1));
    require_positive(name.substr(space + 1), rows);
    return factor * rows;
  }

  /// "units*keys": the elements of a matrix.
  Index matrix_size(const CellSizes& sizes, std::string_view name, std::size_t times) {
    const Index rows = named_size(sizes, name.substr(0, times)), columns = named_size(sizes, name.substr(times + 1));
    require_positive(name, rows);
    require_positive(name, columns);
    for (int k = 1; k < program_.size_count; ++k)
      if (program_.sizes[k] == name) rows_.height[k] = rows, rows_.width[k] = columns;
    require<ShapeError>(rows < (Index(1) << 40) / columns, "cell: ", name, " must be below 2^40, got ", rows, " * ",
                        columns);
    return rows * columns;
  }

  void set_rows(const CellSizes& sizes, const std::vector<Index>& given, int count, const std::string_view* names,
                const std::string_view* size_names, CellRowCounts::Numbers& to) {
    for (int k = 0; k < count; ++k) {
      require_positive(names[k], to[k] = given[std::size_t(k)]);
      const std::string_view size = size_names[k];
      if (size.empty()) continue;
      const Index rows = named_size(sizes, size);
      require<ShapeError>(to[k] == rows, "cell: ", names[k], " must have ", rows, rows == 1 ? " row" : " rows",
                          ", those of the size '", size, "', got ", to[k]);
    }
  }

  /// Throws ShapeError if the rows of a source do not match those of an equation that copies them or divides them into
  /// heads.
  void check_blocks(const Product& p) const {
    const int term = program_.term_at[p.first_slot], operation = program_.source[p.source].operation;
    const Index have = rows_.of(program_, operation), own = rows_.size[program_.term[term].dimension];
    const std::string_view source = program_.term[term].source_name[0],
                           equation = program_.equation[program_.term[term].equation].name;
    if (p.copy == Copy::whole && !program_.term[term].of_column)
      require<ShapeError>(have == own, "cell: '", source, "', which the equation of '", equation,
                          "' reads element by element, must have ", own, " rows, got ", have);
    if (p.copy == Copy::spread) require<ShapeError>(have == 1, "cell: '", source, "' must have one row, got ", have);
    if (p.copy == Copy::by_row || p.copy == Copy::by_column) {
      const std::string_view size = program_.sizes[program_.term[term].dimension];
      const auto [height, width] = sides(program_.term[term].dimension);
      const Index side = p.copy == Copy::by_row ? height : width;
      const int dimension = dimension_of(program_, operation);
      const auto [heads, keys] = dimension < 0 ? std::pair<Index, Index>(0, 0) : sides(dimension);
      const bool by_head = p.copy == Copy::by_column && heads > 0;
      if (by_head)
        require<ShapeError>(keys == width && height % heads == 0, "cell: '", source, "' has the size '",
                            program_.sizes[dimension], "' of ", heads, " * ", keys, ", which must divide the size '",
                            size, "' of the equation of '", equation, "' into heads, got ", height, " * ", width);
      require<ShapeError>(by_head || have == side, "cell: '", source, "', of which the equation of '", equation,
                          "' makes a matrix of the size '", size, "', must have ", side, " rows, got ", have);
    }
    if (p.copy == Copy::by_head)
      require<ShapeError>(own % have == 0, "cell: '", source, "' has ", have, " heads; the rows of the equation of '",
                          equation, "' must be a multiple, got ", own);
    if (p.copy == Copy::part)
      require<ShapeError>(have % own == 0 && (p.part + 1) * own <= have, "cell: '", source,
                          "', of which the equation of '", equation, "' reads part ", p.part,
                          ", must have a multiple of ", own, " rows and at least ", (p.part + 1) * own, ", got ", have);
    require<ShapeError>(have % p.heads == 0 && own % p.heads == 0, "cell: '", equation, "' and '", source,
                        "' must have a multiple of ", p.heads, " rows, one part for each head, got ", own, " and ",
                        have);
  }

  void require_known(std::string_view name) {
    require<ShapeError>(!kinds_.sets_size(name), "cell: CellSizes::", name, " is the size '", name,
                        "'; leave it out of CellSizes::sizes");
    require<ShapeError>(!language::follows_from_others(name), "cell: the size '", name,
                        "' follows from others; leave it out of CellSizes::sizes");
    for (int k = 1; k < program_.size_count; ++k)
      if (program_.sizes[k] == name) return;
    throw ShapeError(text("cell: the equations do not use the size '", name, "'; leave it out of CellSizes::sizes"));
  }
  static void require_positive(std::string_view name, Index rows) {
    check_least<ShapeError>("cell", name, rows, 1);
    constexpr Index most = Index(1) << 40;  // the sum over all equations must not overflow
    require<ShapeError>(rows < most, "cell: ", name, " must be below ", most, ", got ", rows);
  }

  std::pair<Index, Index> sides(int dimension) const { return {rows_.height[dimension], rows_.width[dimension]}; }

  const ProgramView& program_;
  SizesOfKinds& kinds_;
  CellRowCounts& rows_;
};

/// Sets the rows of a cell's values. Throws ShapeError if the sizes do not match the equations.
template <class = Once>
[[gnu::cold]] void set_rows(const ProgramView& program, const CellSizes& sizes, SizesOfKinds& kinds,
                            CellRowCounts& rows) {
  CellSizer(program, kinds, rows).set(sizes);
}

/// Rows of all values, and the layouts of the kinds of column operations, which may set sizes.
template <class D>
class CellSizing {
  static constexpr const auto& program = D::program;
  using ColumnLayouts = ColumnKinds::template Layouts<D>;

 public:
  CellSizing() = default;

  /// Throws ShapeError if the sizes do not match the equations.
  explicit CellSizing(const CellSizes& sizes) {
    Kinds kinds(columns_);
    set_rows(program_view<D>, sizes, kinds, rows_);
  }

  Index rows_of_size(int dimension) const { return rows_.size[dimension]; }
  Index input_rows(int k) const { return rows_.input[k]; }
  Index constant_rows(int k) const { return rows_.constant[k]; }
  Index rows(int operation) const { return rows_.of(program, operation); }

  /// True for a size that is not given, such as "4 units".
  static constexpr bool follows_from_others(int dimension) {
    return language::follows_from_others(program.sizes[dimension]);
  }

  /// Rows and columns of a matrix whose size is a product, such as "units*keys"; else 0.
  std::pair<Index, Index> sides(int dimension) const { return {rows_.height[dimension], rows_.width[dimension]}; }

  Index rows_of_term(int term) const { return rows_.size[program.term[term].dimension]; }

  /// Layouts of the kinds of column operations; converts to the Layout of each kind.
  const ColumnLayouts& columns() const { return columns_; }

 protected:
  ColumnLayouts columns_;
  CellRowCounts rows_;

 private:
  struct Kinds final : SizesOfKinds {
    explicit Kinds(ColumnLayouts& of) : layouts(of) {}
    void set_sizes(const CellSizes& sizes) override {
      ColumnKinds::each_layout<D>(layouts, [&](auto& kind) { kind.set_sizes(sizes); });
    }
    Index rows_of_size(std::string_view name, const CellSizes& sizes) const override {
      Index rows = 0;
      ColumnKinds::each_layout<D>(layouts,
                                  [&](const auto& kind) { rows = rows == 0 ? kind.rows_of_size(name, sizes) : rows; });
      return rows;
    }
    bool sets_size(std::string_view name) const override {
      bool sets = false;
      ColumnKinds::each_layout<D>(layouts, [&](const auto& kind) { sets = sets || kind.sets_size(name); });
      return sets;
    }
    ColumnLayouts& layouts;
  };
};

}  // namespace unroll::detail
