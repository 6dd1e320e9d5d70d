#pragma once
// Interface of column operations: operations over all rows of a column. Cells run them without depending on the kind.
//
// A kind K, such as AttentionKind, is a struct with
//
//     K::Word            type of its word in equations, see language/columns.hpp
//     K::reads_memory    true if it reads Inputs::memory
//     K::Layout<D>       sizes and offsets of its parameters; derived from ColumnLayout
//     K::Weights<S, D>   parameters in the form that passes read
//     K::Work<S, D>      values that a pass over time stores
//     K::Run<S, D>       forward and backward functions; derived from ColumnRun
//
// and an entry in the list of column_operations.hpp. D is the Derived of a cell, S its scalar. One object serves all
// operations of a kind in a cell; k is the index of an operation among them.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "unroll/cell/step.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/parameters/initializers.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/recurrence/compile/derived.hpp"

namespace unroll::detail {

template <class D>
class CellLayout;
template <class S, class D>
struct CellWeights;
template <class S, class D>
struct CellWork;

template <class K>
concept ColumnKind = requires {
  typename K::Word;
  { K::reads_memory } -> std::convertible_to<bool>;
};

/// Column operations of one kind in a cell.
template <class Word, int capacity>
struct ColumnWords {
  int count = 0;
  Table<Word, capacity> word{};
  Table<int, capacity> number{};  ///< index of each in Program::column_operation
};

/// Column operations whose word has the type Word.
template <class D, class Word>
constexpr auto find_words() {
  ColumnWords<Word, D::program.column_operations> found;
  int number = 0;
  D::over_columns.each([&]<class W>(const W& word) {
    if constexpr (std::is_same_v<W, Word>) {
      found.word[found.count] = word;
      found.number[found.count++] = number;
    }
    ++number;
  });
  return found;
}

/// Base class of K::Layout: sizes and parameters of a kind. A kind redefines only the functions that it needs.
template <class D>
class ColumnLayout {
 public:
  /// Called first, also for a cell without such an operation. Throws ShapeError for sizes that do not match.
  void set_sizes(const CellSizes&) {}
  /// True for a size that is a member of CellSizes and is not given by name.
  static constexpr bool sets_size(std::string_view) { return false; }
  /// Default rows of a named size that is not given; 0 if there is none.
  Index rows_of_size(std::string_view, const CellSizes&) const { return 0; }
  /// Called when all sizes are set. Throws ShapeError for sizes that do not match.
  void check(const CellLayout<D>&) const {}
  /// Adds the parameters of operation k, given their name prefix and the number of rows of the operand.
  void place(int, const std::string&, Index, ParameterTable&) {}
  /// Number of values that a pass stores per column besides operands and results.
  Index kept_rows(const CellLayout<D>&) const { return 0; }
  /// Adds initializers that depend on the sizes, by parameter name.
  void add_initializers(const CellLayout<D>&, std::vector<std::pair<std::string, Initializer>>&) const {}
};

/// Base class of K::Run: a kind with the buffers of one pass. A kind redefines only the functions that it needs.
///
/// The operand of an operation is in the rows of its term, where run_back leaves its gradient. The result is in a
/// matrix that later stages read, or in place of the operand if the word has `replaces_operand()`. A kind also defines
/// run(k, first_column, columns, rank) and run_back(k, first_column, columns, rank, d_result) for the columns
/// [first_column, first_column + columns). `rank` is the rank of the first column; `d_result` starts with the first
/// column.
template <class S, class D>
class ColumnRun {
 public:
  ColumnRun(const CellLayout<D>& layout, const CellWeights<S, D>& weights, CellWork<S, D>& work)
      : cell_(layout), weights_of_cell_(weights), work_of_cell_(work) {}

  /// Called after parameters change; prepare_back only if a backward pass follows.
  static void prepare(const CellLayout<D>&, const S*, CellWeights<S, D>&) {}
  static void prepare_back(const CellLayout<D>&, const S*, CellWeights<S, D>&) {}

  void begin(const Inputs<S>&, const Timeline&) {}  ///< once per pass
  void make_room(const Timeline&) {}                ///< before each run of steps; the timeline has their columns
  void begin_back() {}
  /// Adds parameter gradients; overwrites memory gradients.
  void end_back(const Inputs<S>&, S*, const InputGradients<S>&) {}

  /// Writes the named value for all columns; returns false if the kind has no such value.
  bool trace(std::string_view, MatrixX<S>&) const { return false; }
  /// For a kind that reads a memory: sets the sequence of each sample, by rank.
  void read_sequences(std::span<const Index>) {}

 protected:
  /// Operand and result of operation `number` in Program::column_operation, in one column.
  S* operand_at(int number, Index column) {
    return work_of_cell_.terms.strided().at(cell_.term_row()[D::program.column_operation[number].term], column);
  }
  S* result_at(int number, Index column) {
    const int operation = D::program.column_operation[number].operation;
    if (D::schedule.storage[operation] == Storage::term_rows) return operand_at(number, column);
    return work_of_cell_.extra[D::schedule.stored_at[operation]].strided().at(0, column);
  }

  const CellLayout<D>& cell_;
  const CellWeights<S, D>& weights_of_cell_;
  CellWork<S, D>& work_of_cell_;
};

}  // namespace unroll::detail
