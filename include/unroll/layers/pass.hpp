#pragma once
// What layers are given and what they give: shapes, values on their timeline, how a pass runs, first values.

#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/timeline.hpp"
#include "unroll/engine/tape.hpp"
#include "unroll/parameters/initializers.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/threads/thread_pool.hpp"

namespace unroll {

/// What flows between layers: features, and whether there is a column for every step or one for every sequence.
struct Shape {
  Index features = 0;
  bool per_step = true;
  double density = 1;  ///< steps for each one that comes in, about: what strides and upsampling leave

  /// Of a batch that came in with `steps` steps of all sequences together. Throws ShapeError for more than memory
  /// holds.
  Index columns(Index steps, Index batch) const {
    if (!per_step) return batch;
    const double all = std::ceil(density * double(steps));
    require<ShapeError>(all <= double(most_entries), "memory: ", steps, " steps become ", all, " columns");
    return Index(all);
  }
};

/// Values on their timeline [features x timeline->columns()]. Both belong to somebody else and must outlive the pass.
template <class Scalar>
struct Signal {
  ConstView<Scalar> values;
  const Timeline* timeline;
};

/// How a pass runs, and what its random numbers are keyed by.
struct Pass {
  bool training = false;  ///< dropout only happens in training
  std::uint64_t seed = 0;
  std::uint64_t update = 0;       ///< counts the batches of a training run
  std::uint64_t layer = 0;        ///< set by the model; layers that hold others give each its own
  Keeping keeping = {};           ///< how much recurrent layers keep for the way back
  ThreadPool* threads = nullptr;  ///< for what a layer can do at the same time; nullptr: the calling thread alone
  bool* refused = nullptr;  ///< where given, a layer whose input has a value that it cannot take sets it, in place
                            ///< of throwing, and gives outputs that are not a number
};

/// First values by role; a cell may override single blocks (the forget bias of an LSTM).
struct Start {
  Initializer input_weight = init::glorot_uniform();
  Initializer recurrent_weight = init::orthogonal();
  Initializer bias = init::zeros();
  Initializer gain = init::zeros();

  const Initializer& of(Role role) const {
    switch (role) {
      case Role::input_weight:
        return input_weight;
      case Role::recurrent_weight:
        return recurrent_weight;
      case Role::bias:
        return bias;
      default:
        return gain;
    }
  }
};

/// A named block with its own first values.
using NamedStart = std::pair<std::string, Initializer>;

/// The first value that was not finite.
struct NonFinite {
  std::string value;                   ///< what it is, e.g. "equation 'c'"
  Index column = 0;                    ///< of the timeline
  const Timeline* timeline = nullptr;  ///< nullptr: that of the layer's input
  bool per_sequence = false;           ///< whether that timeline has one step per sequence
};

/// A block of parameters that belongs to another layer.
struct TiedWeight {
  ParameterBlock block = {};  ///< as the model has it
  Index distance = 0;  ///< to its first entry from the first parameter of the layer that is tied, also in a gradient
  std::string owner = {};  ///< "layer 0 (embedding)"
};

}  // namespace unroll
