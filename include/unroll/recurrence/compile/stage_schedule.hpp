#pragma once
// What a schedule says: stages, products, and where values are kept. schedule.hpp finds it.

#include "unroll/recurrence/compile/program.hpp"

namespace unroll::detail {

enum class Storage : unsigned char {
  none,       ///< not kept
  leaf,       ///< a state before the step, a number or a weight: always at hand
  term_rows,  ///< among the pre-activations, in the rows of a term; index = term
  extra,      ///< in a matrix of its own; index = which
  history,    ///< it is a state after the step, which the engine keeps; index = state
};

/// One matrix product: the weights of some terms that stand next to each other, times one source.
struct Product {
  int source = 0;      ///< index into StageSchedule::source
  int first_slot = 0;  ///< the terms, in order of slots
  int slots = 0;
  int first_row = 0;     ///< how many terms that read the source come before, in its stacked weights
  bool adds = false;     ///< something has been written to these rows before
  bool is_copy = false;  ///< without weights: the term is the source
};

/// What linear terms read, with the products that it takes part in.
struct Source {
  int operation = 0;
  int ready = 0;  ///< the stage before which its products are taken; -1: before the first step
  int first_product = 0, products = 0;
};

template <int capacity>
struct StageSchedule {
  Table<int, capacity> stage{};  ///< of each equation
  int stages = 1;

  Table<int, capacity> slot_of{}, term_at{};  ///< terms in the order in which their rows are stacked
  Table<Source, capacity> source{};           ///< in the order in which they are ready
  int sources = 0;
  Table<Product, 2 * capacity> product{};
  int products = 0;

  Table<bool, capacity> needed{};  ///< the way back reads the operation's value
  Table<Storage, capacity> storage{};
  Table<int, capacity> stored_at{};
  Table<int, capacity> extra{};  ///< the operation kept in each extra matrix
  int extras = 0;

  /// Gradients that reach an operation from later stages wait in a buffer; -1 where none come.
  Table<int, capacity> incoming{};
  Table<int, capacity> incoming_operation{};
  int incomings = 0;
  /// The last stage whose pass reads the operation element by element, behind its own; -1 if none.
  Table<int, capacity> last_reader{};
};

}  // namespace unroll::detail
