#pragma once
// Layer of any type with its weights, for one sequence: streams of models whose layers are chosen at run time.

#include <algorithm>
#include <memory>

#include "unroll/core/types.hpp"

namespace unroll::detail {

/// Largest number of steps that a layer runs per virtual call.
inline constexpr Index stream_chunk = 64;

/// Layer with its weights, which any number of sequences may share.
///
/// The caller holds memory_rows() numbers per sequence, initially 0, and what work() returns. The numbers contain each
/// state twice; `turn`, alternately 0 and 1, selects the states before a step, the other ones are those after it.
template <class S>
class AnyStream {
 public:
  /// Memory of one sequence that is not numbers.
  struct Work {
    virtual ~Work() = default;
  };

  virtual ~AnyStream() = default;
  virtual Index memory_rows() const = 0;
  /// Null for a layer that needs numbers only.
  virtual std::unique_ptr<Work> work() const { return nullptr; }
  /// Runs 1 to stream_chunk steps, x [features x steps] -> y [outputs x steps], which may be the same memory. Returns
  /// false if the layer refuses an input; numbers and y are then undefined. Throws what a layer of the user throws.
  virtual bool run(const S* x, S* y, Index steps, S* numbers, Index turn, Work* work) const = 0;
  /// What the numbers of a sequence need to undo a run: save() before the run, restore() after it.
  virtual void save(const S* numbers, S* to) const { std::copy_n(numbers, memory_rows(), to); }
  virtual void restore(const S* from, S* numbers) const { std::copy_n(from, memory_rows(), numbers); }
  /// State s before a step with this turn, within `numbers`.
  virtual S* state(S* numbers, Index turn, Index s) const = 0;
};

}  // namespace unroll::detail
