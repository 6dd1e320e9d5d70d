#pragma once
// Data of a schedule: stages, products, and storage of values. schedule.hpp computes it.

#include "unroll/recurrence/compile/program.hpp"

namespace unroll::detail {

enum class Storage : unsigned char {
  none,       ///< not stored
  leaf,       ///< a state before the step, a number or a weight: always available
  term_rows,  ///< in the rows of a term, among the pre-activations; index = term
  extra,      ///< in a separate matrix; index = number of the matrix
  history,    ///< a state after the step, which the engine stores; index = state
  function,   ///< of weights alone, computed before the first step; index = number of the function
};

/// Matrix product: the weights of adjacent terms times one source.
struct Product {
  int source = 0;      ///< index into StageSchedule::source
  int first_slot = 0;  ///< first of its terms, in order of slots
  int slots = 0;
  int first_row = 0;  ///< number of earlier terms that read the source, in its stacked weights
  bool adds = false;  ///< true if an earlier product has written these rows
  Copy copy = Copy::none;
  int part = 0;             ///< number of the block, for Copy::part
  int head = 0, heads = 1;  ///< of block-diagonal weights: this block times the rows of the source that belong to it
  int reader = 0;           ///< stage whose passes read the terms

  /// True if it reads all rows of its source.
  constexpr bool reads_all() const { return heads == 1 && copy != Copy::part; }
  constexpr bool is_copy() const { return copy != Copy::none; }
};

/// Operation that linear terms read, and its products.
struct Source {
  int operation = 0;
  int ready = 0;  ///< stage before whose pass its products run; -1: before the first step
  int first_product = 0, products = 0;
};

/// Stage of the operations that are computed once, before the first step.
inline constexpr int before_steps = -1;

template <int capacity>
struct StageSchedule {
  Table<int, capacity> stage{};  ///< stage of each equation
  int stages = 1;
  Table<bool, capacity> of_weights{};  ///< an operation on single weights and numbers alone: stage `before_steps`
  Table<int, capacity> function{};     ///< operations of these whose values are stored
  int functions = 0;

  Table<int, capacity> slot_of{}, term_at{};  ///< terms in stacking order of their rows
  Table<Source, capacity> source{};           ///< ordered by `ready`
  int sources = 0;
  Table<Product, 2 * capacity> product{};
  int products = 0;

  Table<bool, capacity> needed{};  ///< the backward pass reads the operation's value
  Table<Storage, capacity> storage{};
  Table<int, capacity> stored_at{};
  Table<int, capacity> extra{};  ///< operation stored in each extra matrix
  int extras = 0;

  /// Buffer of the gradients that reach an operation from later stages; -1 if there are none.
  Table<int, capacity> incoming{};
  Table<int, capacity> incoming_operation{};
  int incomings = 0;
  /// Last stage whose pass reads the operation element-wise in another equation; -1 if none.
  Table<int, capacity> last_reader{};
};

}  // namespace unroll::detail
