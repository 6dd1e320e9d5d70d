#pragma once
// Data exchanged between the engine, which loops over time, and a cell, which computes a step.

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "unroll/cell/attention.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Sizes of a cell. Sizes not given are derived from its equations.
struct CellSizes {
  std::vector<Index> inputs = {};     ///< features per step of each input, in the order of first use in the equations
  Index units = 0;                    ///< rows of states and intermediate values
  std::vector<Index> constants = {};  ///< rows of each constant, in the order of first use
  std::vector<std::pair<std::string, Index>> sizes = {};  ///< rows of each named size other than "units"
  Index memory = 0;                                       ///< rows of the values of the attention memory
  Index keys = 0;                                         ///< rows of the keys; 0: the values are the keys
  bool biased = true;                                     ///< false: all biases are 0 and no parameters
};

/// Keys of the random numbers of a pass, for the masks of dropout(...) and zoneout(...) in equations.
struct Noise {
  bool training = false;  ///< false: masks have their expected values
  std::uint64_t seed = 0;
  std::uint64_t update = 0;  ///< number of the batch in the training run
  std::uint64_t layer = 0;   ///< below 2^22
  bool backward = false;     ///< the cell of a layer that runs backward in time
};

/// Inputs of a recurrence: one matrix per input [rows x columns of the timeline], and one per constant [rows x batch,
/// by rank].
template <class Scalar>
struct Inputs {
  std::span<const ConstView<Scalar>> steps;
  std::span<const ConstView<Scalar>> constants;
  const AttentionMemory<Scalar>* memory = nullptr;  ///< attention memory of the equations
  Noise noise = {};
};

/// Gradients of inputs and constants, in the same shapes, overwritten. A view may have no data: then its gradient is
/// not computed.
template <class Scalar>
struct InputGradients {
  std::span<View<Scalar>> steps;
  std::span<View<Scalar>> constants;
  MemoryGradient<Scalar> memory = {};
};

/// Contiguous columns of a batch: of a single step in the loop over time, of several steps after it.
template <class Scalar, int states>
struct Step {
  Index first = 0;                                   ///< first column in the batch
  Index columns = 0;                                 ///< number of columns
  Index rank = 0;                                    ///< rank of the first column; only for columns of a single step
  Table<Strided<const Scalar>, states> before = {};  ///< states before the step
  Table<Strided<Scalar>, states> after = {};         ///< states after the step
  Strided<Scalar> output = {};                       ///< only for cells whose output is not a state
};

/// The same for the backward pass.
template <class Scalar, int states>
struct StepBack : Step<Scalar, states> {
  Table<Strided<Scalar>, states> d_state =
      {};  ///< gradient of the state after the step, replaced by that of the state before it
  Strided<const Scalar> d_output = {};  ///< gradient of the output; no data: zero
};

/// Rows of the weights whose gradient one of several lanes adds: adjacent blocks, so that every sum is that of one
/// lane.
struct LaneRows {
  int lane = 0, lanes = 1;

  /// Rows of this lane: multiples of a block of registers, except at the end.
  constexpr Index first(Index rows) const { return block(rows) * lane < rows ? block(rows) * lane : rows; }
  constexpr Index end(Index rows) const { return LaneRows{lane + 1, lanes}.first(rows); }

 private:
  constexpr Index block(Index rows) const {
    constexpr Index least = 48;
    return (rows + least * lanes - 1) / (least * lanes) * least;
  }
};

}  // namespace unroll
