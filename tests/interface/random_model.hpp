#pragma once
// A model of random layers, and a batch for it.

#include <optional>
#include <unroll/layers/stack.hpp>
#include <vector>

#include "interface/choices.hpp"

namespace interface {

struct RandomModel {
  std::optional<Stack<S>> model;
  Index features = 0;
  Index tokens = 0;  ///< above 0: what comes in is a token
};

/// Empty where the layers do not fit each other, or are refused for an option.
RandomModel random_model(Choices& choose, Report& report);

/// Sequences of different lengths, some empty, some with gaps.
struct RandomBatch {
  Matrix<bool> mask;
  Timeline timeline;
  Matrix<S> padded, x;  ///< NaN where masked; packed
};
RandomBatch random_batch(Choices& choose, Index features, Index tokens);

/// Training with random options.
void try_fit(Choices& choose, Report& report, const RandomModel& made);

}  // namespace interface
