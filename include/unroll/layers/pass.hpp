#pragma once
// Arguments and results of layers: shapes, values on a timeline, settings of a pass, initializers.

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

/// Shape of the values between layers: number of features, and one column per step or per sequence.
struct Shape {
  Index features = 0;
  bool per_step = true;
  double density = 1;     ///< approximate steps per input step of the model, after strides and upsampling
  bool of_model = false;  ///< whether these are the features of the model's input

  /// Number of columns for a batch whose sequences have `steps` input steps in total. Throws ShapeError if memory
  /// cannot hold them.
  Index columns(Index steps, Index batch) const {
    if (!per_step) return batch;
    const double all = std::ceil(density * double(steps));
    require<ShapeError>(all <= double(most_entries), "memory: columns must be at most ", most_entries, ", got ", all,
                        " for ", steps, " steps");
    return Index(all);
  }
};

/// Values on a timeline [features x timeline->columns()]. Non-owning: both must outlive the pass.
template <class Scalar>
struct Signal {
  ConstView<Scalar> values;
  const Timeline* timeline;
};

/// Settings of a pass, including the keys of its random numbers.
struct Pass {
  bool training = false;  ///< enables dropout
  std::uint64_t seed = 0;
  std::uint64_t update = 0;  ///< number of the batch in the training run
  std::uint64_t layer = 0;   ///< set by the model; a layer that contains layers assigns a number to each
  Keeping keeping = {};      ///< what recurrent layers store for the backward pass
  Index detach_every = 0;    ///< n: in recurrent layers, the states before the steps n, 2 n, ... are constants of the
                             ///< gradient; 0: none
  ThreadPool* threads = nullptr;  ///< for parallel work within a layer; nullptr: only the calling thread
  bool* refused =
      nullptr;  ///< if set, a layer with an invalid input value sets it to true and outputs NaN instead of throwing
};

/// Initializers by role; a cell may override single blocks (the forget bias of an LSTM).
struct Initializers {
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

/// Initializer of a named block.
using Start [[deprecated("renamed to Initializers")]] = Initializers;
using NamedInitializer = std::pair<std::string, Initializer>;

/// Location of the first non-finite value.
struct NonFinite {
  std::string value;                   ///< description, e.g. "equation 'c'"
  Index column = 0;                    ///< of the timeline
  const Timeline* timeline = nullptr;  ///< nullptr: timeline of the layer's input
  bool per_sequence = false;           ///< whether the timeline has one step per sequence
};

/// Parameter block that is shared with another layer.
struct TiedWeight {
  ParameterBlock block = {};  ///< as in the parameter table of the model
  Index distance =
      0;  ///< from the first parameter of the tied layer to the first entry of the block, also in a gradient
  std::string owner = {};  ///< e.g. "layer 0 (embedding)"
};

}  // namespace unroll
