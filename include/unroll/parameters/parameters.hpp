#pragma once
// Parameters as one flat vector with named matrix views; gradients likewise. Optimizers, clipping, averaging, checks
// and files are Eigen expressions on one vector, and a saved model is the vector with its table.

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/core/types.hpp"
#include "unroll/parameters/touched_entries.hpp"

namespace unroll {

/// Role of a block, for the choice of initializers and weight decay.
enum class Role {
  input_weight,      ///< multiplies inputs
  recurrent_weight,  ///< multiplies states or values of the same step
  bias,              ///< added
  gain,              ///< one factor per unit or per layer
};

/// Named matrix in the flat vector. Blocks that multiply the same source are interleaved in one stacked matrix, hence
/// the stride.
struct ParameterBlock {
  std::string name;
  Role role = Role::input_weight;
  Index offset = 0;  ///< index of the first entry in the flat vector
  Index rows = 0, cols = 0;
  Index stride = 0;               ///< distance between columns
  bool sparse = false;            ///< a batch uses few columns, and gradients record which: Parameters::touch
  std::vector<bool> frozen = {};  ///< per column: excluded from training; empty: none
  Index taps = 0;                 ///< taps of a convolution, each with its contiguous columns; 0: no convolution

  Index size() const { return rows * cols; }
  bool is_frozen(Index column) const { return !frozen.empty() && frozen[std::size_t(column)]; }
  detail::Segment column(Index k) const { return {offset + k * stride, rows}; }
};

/// Blocks of a model in order of addition, with unique names.
class ParameterTable {
 public:
  const std::vector<ParameterBlock>& blocks() const { return blocks_; }
  /// Length of the flat vector.
  Index size() const { return size_; }

  /// Adds a matrix and returns its offset. Throws as reserve and add_block do.
  Index add(std::string name, Role role, Index rows, Index cols, Index taps = 0) {
    const Index offset = reserve(rows, cols);
    add_block({.name = std::move(name),
               .role = role,
               .offset = offset,
               .rows = rows,
               .cols = cols,
               .stride = rows,
               .taps = taps});
    return offset;
  }

  /// Reserves unnamed space for blocks added later and returns its offset. Throws ShapeError if the size exceeds
  /// `most_entries`.
  Index reserve(Index rows, Index cols) {
    require<ShapeError>(rows >= 0 && cols >= 0 && (cols == 0 || rows <= (most_entries - size_) / cols),
                        "parameters: matrix must have 0 to ", most_entries - size_, " entries, got [", rows, " x ",
                        cols, "]");
    const Index offset = size_;
    size_ += rows * cols;
    return offset;
  }

  /// Names a part of reserved space. Throws ValueError if the name exists.
  void add_block(ParameterBlock block) {
    require<ValueError>(find(block.name) == nullptr, "parameters: name of a block must be new, got '", block.name, "'");
    blocks_.push_back(std::move(block));
  }

  /// Marks a block as dense, for a table that is used outside of lookups, so that every batch reaches all its columns.
  void make_dense(std::string_view name) { blocks_[std::size_t(&at(name) - blocks_.data())].sparse = false; }

  /// Sets the equations of all blocks so far, as a function that returns their text. The names of the blocks do not
  /// define the computation.
  void set_equations(std::string (*text)()) { equations_.assign(1, {{}, text}); }
  /// Equations of the blocks whose names begin with `prefix`; empty if they are not the blocks of a single cell, or if
  /// the cell was written without equations.
  std::string equations(std::string_view prefix = {}) const {
    for (const auto& [of_blocks, text] : equations_)
      if (of_blocks == prefix) return text();
    return {};
  }

  /// Appends all blocks of `part`, with `prefix` before each name. Returns the offset of the part.
  Index append(const ParameterTable& part, std::string_view prefix) {
    const Index offset = reserve(part.size(), 1);
    for (const auto& [of_blocks, text] : part.equations_)
      equations_.emplace_back(std::string(prefix) + of_blocks, text);
    for (ParameterBlock block : part.blocks_) {
      block.name.insert(0, prefix);
      block.offset += offset;
      add_block(std::move(block));
    }
    return offset;
  }

  /// Block of that name, or null if there is none.
  const ParameterBlock* find(std::string_view name) const {
    for (const ParameterBlock& block : blocks_)
      if (block.name == name) return &block;
    return nullptr;
  }

  /// Block of that name. Throws ValueError if there is none.
  const ParameterBlock& at(std::string_view name) const {
    const ParameterBlock* block = find(name);
    require<ValueError>(
        block != nullptr, "parameters: name must be one of ", [&] { return names(); }, ", got '", name, "'");
    return *block;
  }

  /// Block that contains entry `index` of the flat vector. Throws ValueError if there is none.
  const ParameterBlock& holding(Index index) const {
    for (const ParameterBlock& block : blocks_)
      if (const Index k = index - block.offset;
          block.size() > 0 && k >= 0 && k % block.stride < block.rows && k / block.stride < block.cols)
        return block;
    throw ValueError(text("parameters: entry must be in a block, got ", index, " of ", size()));
  }

  bool has_frozen() const { return detail::Segments(learned()).numbers() < size(); }

  /// Segments of all trainable entries, i.e. all except frozen columns; with `dense`, sparse blocks are excluded too.
  std::vector<detail::Segment> learned(bool dense = false) const {
    std::vector<detail::Segment> others;
    for (const ParameterBlock& block : blocks_) {
      if (block.frozen.empty() && !(dense && block.sparse)) continue;
      for (Index k = 0; k < block.cols; ++k)
        if (block.is_frozen(k) || (dense && block.sparse)) others.push_back(block.column(k));
    }
    return detail::all_but(std::move(others), size());
  }

  std::string names() const {
    std::string all;
    for (const ParameterBlock& block : blocks_) all += (all.empty() ? "" : ", ") + block.name;
    return all;
  }

 private:
  std::vector<ParameterBlock> blocks_;
  std::vector<std::pair<std::string, std::string (*)()>> equations_;  // each with the name prefix of its blocks
  Index size_ = 0;
};

/// Flat vector with its table: parameters of a model, or their gradients.
///
/// For a gradient, `segments()` gives the entries that may be nonzero: without frozen columns, and without columns of
/// sparse blocks that were not touched. The cost of work on the segments depends on the batch, not on the vocabulary.
template <class Scalar>
class Parameters {
 public:
  Parameters() : table_(std::make_shared<ParameterTable>()) {}
  /// All entries zero. Throws ShapeError if memory is exhausted.
  explicit Parameters(ParameterTable table) : table_(std::make_shared<ParameterTable>(std::move(table))) {
    take_memory(table_->size(), "parameters", [&] { values_.setZero(table_->size()); });
    touched_entries_ = detail::TouchedEntries(table_->learned(true));
    for (const ParameterBlock& block : table_->blocks())
      if (block.sparse)
        touched_entries_.add_table(block.offset, block.rows, block.stride,
                                   block.frozen.empty() ? std::vector<bool>(std::size_t(block.cols)) : block.frozen);
  }

  const ParameterTable& table() const { return *table_; }
  VectorX<Scalar>& values() { return values_; }
  const VectorX<Scalar>& values() const { return values_; }
  Index size() const { return values_.size(); }

  /// Block as a matrix. Throws ValueError if there is no such name.
  View<Scalar> operator[](std::string_view name) { return block(table_->at(name)); }
  ConstView<Scalar> operator[](std::string_view name) const { return block(table_->at(name)); }

  View<Scalar> block(const ParameterBlock& b) {
    return {values_.data() + b.offset, b.rows, b.cols, Eigen::OuterStride<>(b.stride)};
  }
  ConstView<Scalar> block(const ParameterBlock& b) const {
    return {values_.data() + b.offset, b.rows, b.cols, Eigen::OuterStride<>(b.stride)};
  }

  /// Zeros with the same table, as an accumulator of gradients.
  Parameters zeros_like() const {
    Parameters other(*this);
    other.values_.setZero();
    other.touched_entries_.forget();
    return other;
  }

  /// Records that these columns of the block at `offset` have a gradient. Required for sparse blocks, no effect on
  /// others. Throws ShapeError for a column out of range.
  void touch(Index offset, std::span<const Index> columns) { touched_entries_.touch(offset, columns); }
  /// Records all columns touched in another gradient of the same parameters.
  void touch(const Parameters& other) { touched_entries_.touch(other.touched_entries_); }

  std::span<const detail::Segment> segments() const {
    return touched_entries_.segments();
  }  ///< dense ones, then touched columns
  std::span<const detail::Segment> dense() const { return touched_entries_.always(); }     ///< reached by every batch
  std::span<const detail::Segment> touched() const { return touched_entries_.touched(); }  ///< in order of touching

  /// Sets the segments to zero and forgets touched columns.
  void reset() {
    for (const detail::Segment& segment : segments()) values_.segment(segment.first, segment.size).setZero();
    touched_entries_.forget();
  }

 private:
  std::shared_ptr<const ParameterTable> table_;  // shared by a model, its gradients and its copies
  VectorX<Scalar> values_;
  detail::TouchedEntries touched_entries_;
};

}  // namespace unroll
