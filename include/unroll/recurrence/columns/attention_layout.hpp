#pragma once
// Sizes of a memory that equations attend to, and offsets of the parameters of `attend`.

#include <cmath>

#include "unroll/recurrence/columns/column_kind.hpp"

namespace unroll::detail {

/// Layout of attention. An equation ctx = attend(score, q) with an additive score has the parameters ctx.memory
/// [rows x keys], which projects the keys, ctx.b, ctx.v [1 x rows] and ctx.g.
template <class D>
class AttentionLayout : public ColumnLayout<D> {
  static constexpr const auto& program = D::program;
  static constexpr auto words = find_words<D, language::AttentionWord>();

 public:
  /// Parameter offsets; -1 if absent.
  struct Parts {
    Index memory = -1, bias = -1, vector = -1, gain = -1;
  };

  Index memory_rows() const { return memory_rows_; }
  Index key_rows() const { return key_rows_; }
  const Parts& attention(int k) const { return parts_[k]; }

  /// Throws ShapeError if the equations attend and no memory rows are given, or the reverse.
  void set_sizes(const CellSizes& sizes) {
    constexpr bool attends = words.count > 0;
    require<ShapeError>(attends == (sizes.memory != 0),
                        attends ? "cell: CellSizes::memory must be at least 1 row for attend(...), got "
                                : "cell: CellSizes::memory must be 0 rows without attend(...), got ",
                        sizes.memory);
    biased_ = sizes.biased;
    if (!attends) return;
    require<ShapeError>(sizes.memory > 0, "cell: CellSizes::memory must be at least 1 row for attend(...), got ",
                        sizes.memory);
    require<ShapeError>(sizes.keys >= 0, "cell: CellSizes::keys must be at least 0 rows (0: as the memory), got ",
                        sizes.keys);
    memory_rows_ = sizes.memory;
    key_rows_ = sizes.keys > 0 ? sizes.keys : sizes.memory;
  }

  /// The size names memory, keys and attention are special only if the equations attend.
  static constexpr bool sets_size(std::string_view name) {
    return words.count > 0 && (name == "memory" || name == "keys");
  }
  Index rows_of_size(std::string_view name, const CellSizes& sizes) const {
    if (words.count == 0) return 0;
    return name == "memory" ? memory_rows_ : name == "keys" ? key_rows_ : name == "attention" ? sizes.units : 0;
  }

  /// Throws ShapeError if an unprojected query and the keys differ in rows.
  void check(const CellLayout<D>& cell) const {
    for (int k = 0; k < words.count; ++k) {
      const LinearTerm& term = query_of(k);
      if (term.copy == Copy::none) continue;
      const Index query = cell.rows(term.source[0]);
      require<ShapeError>(query == key_rows_, "cell: query of '", program.equation[term.equation].name,
                          "' must have as many rows as the keys, ", key_rows_, ", got ", query,
                          "; `general` projects the query");
    }
  }

  void place(int k, const std::string& name, Index rows, ParameterTable& table) {
    const language::AttentionWord& word = words.word[k];
    if (word.score != ScoreKind::additive) return;
    Parts& at = parts_[k];
    at.memory = table.add(name + ".memory", Role::input_weight, rows, key_rows_);
    if (word.biased && biased_) at.bias = table.add(name + ".b", Role::bias, rows, 1);
    at.vector = table.add(name + ".v", Role::input_weight, 1, rows);
    if (word.normalised) at.gain = table.add(name + ".g", Role::gain, 1, 1);
  }

  /// Initial gain of normalised scores: 1 / sqrt(rows).
  void add_initializers(const CellLayout<D>& cell,
                        std::vector<std::pair<std::string, Initializer>>& initializers) const {
    for (int k = 0; k < words.count; ++k) {
      if (!words.word[k].normalised) continue;
      const double rows = double(cell.rows_of_size(query_of(k).dimension));
      initializers.emplace_back(text(program.equation[query_of(k).equation].name, ".g"),
                                init::constant(1 / std::sqrt(rows)));
    }
  }

 private:
  static constexpr const LinearTerm& query_of(int k) {
    return program.term[program.column_operation[words.number[k]].term];
  }

  Table<Parts, words.count> parts_{};
  Index memory_rows_ = 0, key_rows_ = 0;
  bool biased_ = true;
};

}  // namespace unroll::detail
