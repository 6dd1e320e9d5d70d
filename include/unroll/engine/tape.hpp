#pragma once
// Saved values of a pass over time.

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "unroll/cell/concept.hpp"
#include "unroll/cell/state.hpp"
#include "unroll/core/buffer.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/threads/chunk_pipeline.hpp"

namespace unroll {

enum class Direction { forward, backward };

/// Values that the forward pass keeps for the backward pass, besides its output.
enum class Keep {
  everything,   ///< all values that the backward pass reads
  checkpoints,  ///< the states every few steps; the backward pass recomputes the other values (Chen et al. 2016,
                ///< arXiv:1604.06174) and gives bitwise equal gradients
  nothing,      ///< no backward pass
};

/// Option of a pass: the values to keep, and the distance of checkpoints.
struct Keeping {
  Keep keep = Keep::everything;
  Index every = 0;  ///< steps between checkpoints; 0: about the square root of the number of steps. Rounded up to whole
                    ///< chunks, so values below the length of a chunk have no effect.

  /// Range check: throws ValueError for a negative length.
  void check() const { detail::check_least("keeping", "every", every, 0, " steps (0: automatic)"); }
};

namespace detail {

/// Steps [first, last).
struct StepRange {
  Index first, last;
};

/// View of some columns; an empty view stays empty.
template <class V>
V from_column(const V& whole, Index first, Index columns) {
  if (whole.data() == nullptr) return V(nullptr, 0, 0, Eigen::OuterStride<>(0));
  return V(const_cast<typename V::Scalar*>(whole.data()) + first * whole.outerStride(), whole.rows(), columns,
           Eigen::OuterStride<>(whole.outerStride()));
}

}  // namespace detail

/// Buffers of the forward and backward pass, reused from batch to batch.
template <Cell C>
struct Tape {
  using Scalar = typename C::Scalar;
  template <class T>
  using PerState = Table<T, C::states>;

  typename C::Weights weights;  ///< prepared by the pass if the caller gives none
  typename C::Work work;
  PerState<Buffer<Scalar>> initial;  ///< states before the first step of the present interval [rows x batch], by rank
  PerState<Buffer<Scalar>> states;   ///< memory of the states after the steps of an interval
  PerState<Strided<Scalar>> after;   ///< the states after the steps: in `states` or in the output
  Buffer<Scalar> output_memory;      ///< [rows x columns], if the caller gives none
  Strided<Scalar> output;            ///< of the whole pass
  Strided<Scalar> interval_output;   ///< of the present interval
  PerState<Buffer<Scalar>> d_state;  ///< [rows x batch], by rank
  std::array<PerState<Buffer<Scalar>>, detail::most_lanes>
      before;  ///< states before the steps of a chunk, copied if not contiguous, of each thread that reads them

  Keep keep = Keep::everything;
  Index detach_every = 0;  ///< the backward pass of a forward direction takes the states before the steps n, 2 n, ...
                           ///< as constants; 0: none
  bool only_last = false;  ///< the cell computed no other outputs than those of the last steps, and perhaps of the
                           ///< steps at the end of an interval
  Index columns = -1;      ///< columns of the kept pass; -1: none
  std::vector<detail::StepRange> intervals;  ///< in the order of the pass
  std::size_t present = 0;                   ///< index of the interval whose values are kept
  Timeline part;                             ///< timeline of that interval, unless it is the whole
  std::vector<State<Scalar>> checkpoints;    ///< states before each interval, by sample
  State<Scalar> state;                       ///< final state of an interval, by sample
  Noise noise;                               ///< of the forward pass, also for values that are computed again
  std::vector<detail::StepRange> chunks;     ///< of the present interval, in the order of the present pass
  std::vector<ConstView<Scalar>> part_inputs;
  std::vector<View<Scalar>> part_d_inputs;
};

}  // namespace unroll
