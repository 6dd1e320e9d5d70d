#pragma once
// What passes between the engine, which knows time, and a cell, which knows a step.

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "unroll/cell/attention.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// The sizes of a cell: what is not said is derived from its equations.
struct CellSizes {
  std::vector<Index> inputs =
      {};           ///< features per step of each input, in the order in which the equations read them first
  Index units = 0;  ///< rows of states and intermediate values
  std::vector<Index> constants = {};  ///< rows of each constant, likewise
  std::vector<std::pair<std::string, Index>> sizes =
      {};            ///< rows of symbols that were given another size than "units", by name
  Index memory = 0;  ///< rows of the values that its equations attend to
  Index keys = 0;    ///< rows of the keys; 0: the values are the keys
};

/// What a recurrence reads: one matrix per input [rows x columns of the timeline], and one per constant [rows x batch,
/// by rank].
template <class Scalar>
struct Inputs {
  std::span<const ConstView<Scalar>> steps;
  std::span<const ConstView<Scalar>> constants;
  const AttentionMemory<Scalar>* memory = nullptr;  ///< what its equations attend to
};

/// Where the gradients of inputs and constants go; the same shapes, overwritten. A view without data is not wanted.
template <class Scalar>
struct InputGradients {
  std::span<View<Scalar>> steps;
  std::span<View<Scalar>> constants;
  MemoryGradient<Scalar> memory = {};
};

/// Some columns that stand next to each other in a batch: of one step, on the way through time, or of many steps,
/// afterwards.
template <class Scalar, int states>
struct Step {
  Index first = 0;                                   ///< column in the batch
  Index columns = 0;                                 ///< how many
  Index rank = 0;                                    ///< rank of the first; only when they belong to one step
  Table<Strided<const Scalar>, states> before = {};  ///< states before the step
  Table<Strided<Scalar>, states> after = {};         ///< states after the step
  Strided<Scalar> output = {};                       ///< only for cells whose output is no state
};

/// The same on the way back.
template <class Scalar, int states>
struct StepBack : Step<Scalar, states> {
  Table<Strided<Scalar>, states> d_state =
      {};                               ///< gradient of the state after the step, replaced by that of the one before
  Strided<const Scalar> d_output = {};  ///< gradient that reached the output; no data: none did
};

}  // namespace unroll
