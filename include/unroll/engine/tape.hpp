#pragma once
// What a pass over time keeps.

#include <algorithm>
#include <cmath>
#include <vector>

#include "unroll/cell/concept.hpp"
#include "unroll/cell/state.hpp"
#include "unroll/core/buffer.hpp"

namespace unroll {

enum class Direction { forward, backward };

/// What a pass forward keeps for the way back, besides its output.
enum class Keep {
  everything,   ///< all that the way back reads
  checkpoints,  ///< the states every few steps; the way back computes the rest again (Chen et al. 2016,
                ///< arXiv:1604.06174), so that its gradients are the same to the last bit
  nothing,      ///< there is no way back
};

struct Keeping {
  Keep keep = Keep::everything;
  Index every = 0;  ///< steps between checkpoints; 0: about the square root of their number. Whole chunks are kept
                    ///< together, so fewer than make a chunk change nothing.

  /// Throws ValueError for a length that makes no sense.
  void check() const {
    require<ValueError>(every >= 0, "keeping: `every` is ", every,
                        " steps, expected at least 1, or 0 for a good number");
  }
};

namespace detail {

/// Steps [first, last).
struct StepRange {
  Index first, last;
};

/// The part of a matrix that begins at a column; nothing stays nothing.
template <class V>
V from_column(const V& whole, Index first, Index columns) {
  if (whole.data() == nullptr) return V(nullptr, 0, 0, Eigen::OuterStride<>(0));
  return V(const_cast<typename V::Scalar*>(whole.data()) + first * whole.outerStride(), whole.rows(), columns,
           Eigen::OuterStride<>(whole.outerStride()));
}

}  // namespace detail

/// Buffers of a pass and of its way back. Reused from batch to batch.
template <Cell C>
struct Tape {
  using Scalar = typename C::Scalar;
  template <class T>
  using PerState = Table<T, C::states>;

  typename C::Weights weights;  ///< where the caller brings none
  typename C::Work work;
  PerState<Buffer<Scalar>> initial;  ///< before the first step of the stretch at hand [rows x batch], by rank
  PerState<Buffer<Scalar>> states;   ///< memory of the states after the steps of a stretch
  PerState<Strided<Scalar>> after;   ///< where these are: there, or in the output
  Buffer<Scalar> output_memory;      ///< [rows x columns], where the caller brings none
  Strided<Scalar> output;            ///< of the whole pass
  Strided<Scalar> stretch_output;    ///< of the stretch at hand
  PerState<Buffer<Scalar>> d_state;  ///< [rows x batch], by rank
  PerState<Buffer<Scalar>> before;   ///< states before the steps of a chunk, where they do not lie side by side

  Keep keep = Keep::everything;
  Index columns = -1;                        ///< of the pass that is kept; -1: none is
  std::vector<detail::StepRange> stretches;  ///< in the order of the pass
  std::size_t present = 0;                   ///< the stretch whose values are kept
  Timeline part;                             ///< of that stretch, unless it is the whole
  std::vector<State<Scalar>> checkpoints;    ///< before each stretch, by sample
  State<Scalar> state;                       ///< carried from stretch to stretch, by sample
  std::vector<ConstView<Scalar>> part_inputs;
  std::vector<View<Scalar>> part_d_inputs;
};

}  // namespace unroll
