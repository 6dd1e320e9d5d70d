#pragma once
// What an operation over all rows of a column supplies, so that cells run it without knowing which it is.
//
// A kind K, such as AttentionKind, is a struct with
//
//     K::Word            its word in equations, see language/columns.hpp
//     K::reads_memory    whether it reads Inputs::memory
//     K::Layout<D>       sizes and places of its parameters; derived from ColumnLayout
//     K::Weights<S, D>   its parameters as passes read them
//     K::Work<S, D>      what a pass over time keeps for it
//     K::Run<S, D>       how it runs, forward and backward; derived from ColumnRun
//
// and stands in the list of column_operations.hpp. D is the Derived of a cell, S its scalar. One object serves all
// operations of the kind in a cell; k counts these.

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

/// The operations over columns of one kind in a cell.
template <class Word, int capacity>
struct ColumnWords {
  int count = 0;
  Table<Word, capacity> word{};
  Table<int, capacity> number{};  ///< of each, in Program::column_operation
};

/// Those whose word is a Word.
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

/// Sizes and parameters of a kind; what a kind has no need of, it leaves as it is here.
template <class D>
class ColumnLayout {
 public:
  /// First, also for a cell without such an operation. Throws ShapeError for sizes that do not fit.
  void set_sizes(const CellSizes&) {}
  /// A size that CellSizes gives in a member, not by its name.
  static constexpr bool sets_size(std::string_view) { return false; }
  /// The rows of a named size that is not given; 0: unknown.
  Index rows_of_size(std::string_view, const CellSizes&) const { return 0; }
  /// When all sizes are known. Throws ShapeError for sizes that do not fit.
  void check(const CellLayout<D>&) const {}
  /// Adds the parameters of operation k; `rows` of its operand.
  void place(int, const std::string&, Index, ParameterTable&) {}
  /// First values that follow from sizes, by the names of parameters.
  void add_starts(const CellLayout<D>&, std::vector<std::pair<std::string, Initializer>>&) const {}
};

/// A kind on the memory of one pass. The operand of an operation lies in the rows of its term, where run_back leaves
/// its gradient; its result in a matrix from which later stages read. What a kind has no need of, it leaves as it is
/// here.
///
/// Besides, a kind has run(k, first_column, columns, rank) and run_back(k, first_column, columns, rank, d_result), for
/// the columns [first_column, first_column + columns), the first of them of this rank; `d_result` begins with the first
/// of them.
template <class S, class D>
class ColumnRun {
 public:
  ColumnRun(const CellLayout<D>& layout, const CellWeights<S, D>& weights, CellWork<S, D>& work)
      : cell_(layout), weights_of_cell_(weights), work_of_cell_(work) {}

  /// Whenever parameters have changed; prepare_back only where a backward pass follows.
  static void prepare(const CellLayout<D>&, const S*, CellWeights<S, D>&) {}
  static void prepare_back(const CellLayout<D>&, const S*, CellWeights<S, D>&) {}

  void begin(const Inputs<S>&, const Timeline&) {}  ///< once per pass
  void make_room(const Timeline&) {}                ///< before each stretch of steps, whose columns are the timeline's
  void begin_back() {}
  /// Adds the gradients of parameters; overwrites those of the memory.
  void end_back(const Inputs<S>&, S*, const InputGradients<S>&) {}

  /// Writes a value of that name for all columns; false: the kind has none.
  bool trace(std::string_view, MatrixX<S>&) const { return false; }
  /// Of a kind that reads a memory: the sequences that the samples read from now on, by rank.
  void read_sequences(std::span<const Index>) {}

 protected:
  /// Rows of the operand and of the result of the operation with this number in Program::column_operation.
  S* operand_at(int number, Index column) {
    return work_of_cell_.terms.strided().at(cell_.term_row()[D::program.column_operation[number].term], column);
  }
  S* result_at(int number, Index column) {
    const int extra = D::schedule.stored_at[D::program.column_operation[number].operation];
    return work_of_cell_.extra[extra].strided().at(0, column);
  }

  const CellLayout<D>& cell_;
  const CellWeights<S, D>& weights_of_cell_;
  CellWork<S, D>& work_of_cell_;
};

}  // namespace unroll::detail
