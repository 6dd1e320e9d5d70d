#pragma once
// All kinds of column operations, and the layouts, weights and work buffers that a cell combines from them.

#include "unroll/recurrence/columns/cell_attention.hpp"
#include "unroll/recurrence/columns/cell_rows.hpp"

namespace unroll::detail {

/// Empty base class for a kind that a cell does not use.
template <class K>
struct Unused {};

template <ColumnKind... K>
struct ColumnKindList {
  template <class D, class Kind>
  static constexpr bool uses = find_words<D, typename Kind::Word>().count > 0;

  template <class D>
  struct Layouts : K::template Layout<D>... {
    static_assert((0 + ... + find_words<D, typename K::Word>().count) == D::program.column_operations,
                  "unroll: the word of an operation over columns belongs to no kind in column_operations.hpp");
  };
  template <class S, class D>
  struct Weights : std::conditional_t<uses<D, K>, typename K::template Weights<S, D>, Unused<K>>... {};
  template <class S, class D>
  struct Work : std::conditional_t<uses<D, K>, typename K::template Work<S, D>, Unused<K>>... {};

  /// True if a cell with these equations reads Inputs::memory.
  template <class D>
  static constexpr bool reads_memory = (false || ... || (uses<D, K> && K::reads_memory));

  template <class D, class F>
  static void each_layout(Layouts<D>& layouts, F&& f) {
    (f(static_cast<typename K::template Layout<D>&>(layouts)), ...);
  }
  template <class D, class F>
  static void each_layout(const Layouts<D>& layouts, F&& f) {
    (f(static_cast<const typename K::template Layout<D>&>(layouts)), ...);
  }

  template <class D, class F>
  static void each_used(F&& f) {
    (call_if_used<D, K>(f), ...);
  }

 private:
  template <class D, class Kind, class F>
  static void call_if_used(F&& f) {
    if constexpr (uses<D, Kind>) f.template operator()<Kind>();
  }
};

using ColumnKinds = ColumnKindList<AttentionKind, RowsKindOfColumns>;

}  // namespace unroll::detail
