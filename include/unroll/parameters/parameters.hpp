#pragma once
// Parameters are one flat vector with named matrix views. So are their gradients: whatever works on parameters
// (optimizers, clipping, averaging, checks, files) is one Eigen expression over one vector, and a saved model is the
// vector with this table.

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/core/types.hpp"
#include "unroll/parameters/reach.hpp"

namespace unroll {

/// What a block is for: initialisers and weight decay choose by it.
enum class Role {
  input_weight,      ///< multiplies what comes in
  recurrent_weight,  ///< multiplies states or values of the same step
  bias,              ///< added
  gain,              ///< one number per unit or per layer, multiplied
};

/// A named matrix inside the flat vector. Blocks that read the same source lie interleaved in one stacked matrix, hence
/// the stride.
struct ParameterBlock {
  std::string name;
  Role role = Role::input_weight;
  Index offset = 0;  ///< of the first entry in the flat vector
  Index rows = 0, cols = 0;
  Index stride = 0;     ///< distance between columns
  bool sparse = false;  ///< a batch reaches few of the columns, and gradients remember which: Parameters::touch
  std::vector<bool> frozen = {};  ///< by column: it keeps its values; empty: none does
  Index taps = 0;                 ///< of a convolution, whose columns are those of each tap side by side; 0: of none

  Index size() const { return rows * cols; }
  bool is_frozen(Index column) const { return !frozen.empty() && frozen[std::size_t(column)]; }
  detail::Segment column(Index k) const { return {offset + k * stride, rows}; }
};

/// The blocks of a model in the order in which they were added; names are unique.
class ParameterTable {
 public:
  const std::vector<ParameterBlock>& blocks() const { return blocks_; }
  /// Length of the flat vector.
  Index size() const { return size_; }

  /// Adds one matrix; returns its offset.
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

  /// Adds room without a name, for blocks that are added afterwards. Returns its offset. Throws ShapeError for sizes
  /// that no memory holds.
  Index reserve(Index rows, Index cols) {
    require<ShapeError>(rows >= 0 && cols >= 0 && (cols == 0 || rows <= (most_entries - size_) / cols),
                        "parameters: a matrix of ", rows, " x ", cols, " is no size that memory holds");
    const Index offset = size_;
    size_ += rows * cols;
    return offset;
  }

  /// Adds a name for a part of room that was reserved.
  void add_block(ParameterBlock block) {
    require<ValueError>(find(block.name) == nullptr, "parameters: the name '", block.name, "' is taken already");
    blocks_.push_back(std::move(block));
  }

  /// From now on every batch reaches all columns of that block, because something besides the lookup uses it.
  void make_dense(std::string_view name) { blocks_[std::size_t(&at(name) - blocks_.data())].sparse = false; }

  /// Says which equations all blocks so far belong to: a function that writes them as text. Names alone do not tell
  /// what is computed with a block.
  void set_equations(std::string (*text)()) { equations_.assign(1, {{}, text}); }
  /// Those of the blocks whose names begin with `prefix`; empty where these are not the blocks of one cell, or of one
  /// that was written without equations.
  std::string equations(std::string_view prefix = {}) const {
    for (const auto& [of_blocks, text] : equations_)
      if (of_blocks == prefix) return text();
    return {};
  }

  /// Adds all blocks of `part`, each name behind `prefix`. Returns the offset of the part.
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

  /// nullptr when there is no such name.
  const ParameterBlock* find(std::string_view name) const {
    for (const ParameterBlock& block : blocks_)
      if (block.name == name) return &block;
    return nullptr;
  }

  const ParameterBlock& at(std::string_view name) const {
    const ParameterBlock* block = find(name);
    require<ValueError>(block != nullptr, "parameters: there is no '", name, "'; there are ", [&] { return names(); });
    return *block;
  }

  /// The block that holds entry `index` of the flat vector.
  const ParameterBlock& holding(Index index) const {
    for (const ParameterBlock& block : blocks_)
      if (const Index k = index - block.offset;
          block.size() > 0 && k >= 0 && k % block.stride < block.rows && k / block.stride < block.cols)
        return block;
    throw ValueError(text("parameters: no block holds entry ", index, " of ", size()));
  }

  bool has_frozen() const { return detail::Segments(learned()).numbers() < size(); }

  /// All entries that can be learned: everything but frozen columns, and without the blocks that are sparse if only
  /// `dense` ones are asked for.
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
  std::vector<std::pair<std::string, std::string (*)()>> equations_;  // behind the first part of their blocks' names
  Index size_ = 0;
};

/// A flat vector with its table: the parameters of a model, or their gradients.
///
/// A gradient knows where it can differ from zero: `segments()` leave out frozen columns, and those columns of sparse
/// blocks that nobody touched. Who goes through them instead of the whole vector pays for the batch, not for the
/// vocabulary.
template <class Scalar>
class Parameters {
 public:
  Parameters() : table_(std::make_shared<ParameterTable>()) {}
  /// All entries zero. Throws ShapeError where there is no memory for them.
  explicit Parameters(ParameterTable table) : table_(std::make_shared<ParameterTable>(std::move(table))) {
    take_memory(table_->size(), "parameters", [&] { values_.setZero(table_->size()); });
    reach_ = detail::Reach(table_->learned(true));
    for (const ParameterBlock& block : table_->blocks())
      if (block.sparse)
        reach_.add_table(block.offset, block.rows, block.stride,
                         block.frozen.empty() ? std::vector<bool>(std::size_t(block.cols)) : block.frozen);
  }

  const ParameterTable& table() const { return *table_; }
  VectorX<Scalar>& values() { return values_; }
  const VectorX<Scalar>& values() const { return values_; }
  Index size() const { return values_.size(); }

  /// The block of that name as a matrix; throws ValueError when there is none.
  View<Scalar> operator[](std::string_view name) { return block(table_->at(name)); }
  ConstView<Scalar> operator[](std::string_view name) const { return block(table_->at(name)); }

  View<Scalar> block(const ParameterBlock& b) {
    return {values_.data() + b.offset, b.rows, b.cols, Eigen::OuterStride<>(b.stride)};
  }
  ConstView<Scalar> block(const ParameterBlock& b) const {
    return {values_.data() + b.offset, b.rows, b.cols, Eigen::OuterStride<>(b.stride)};
  }

  /// The same names, all zero: where gradients are added up.
  Parameters zeros_like() const {
    Parameters other(*this);
    other.values_.setZero();
    other.reach_.forget();
    return other;
  }

  /// Says that these columns of the block at `offset` got a gradient. Needed where the block is sparse, without effect
  /// otherwise. Throws ShapeError for a column that it does not have.
  void touch(Index offset, std::span<const Index> columns) { reach_.touch(offset, columns); }
  /// Whatever was touched of another gradient of the same parameters.
  void touch(const Parameters& other) { reach_.touch(other.reach_); }

  std::span<const detail::Segment> segments() const { return reach_.segments(); }  ///< dense ones, then those touched
  std::span<const detail::Segment> dense() const { return reach_.always(); }       ///< that every batch reaches
  std::span<const detail::Segment> touched() const { return reach_.touched(); }  ///< columns, in the order of touching

  /// Zero again, where it may differ from it.
  void reset() {
    for (const detail::Segment& segment : segments()) values_.segment(segment.first, segment.size).setZero();
    reach_.forget();
  }

 private:
  std::shared_ptr<const ParameterTable> table_;  // shared by a model, its gradients and its copies
  VectorX<Scalar> values_;
  detail::Reach reach_;
};

}  // namespace unroll
