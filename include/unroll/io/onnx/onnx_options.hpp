#pragma once

#include <string>

#include "unroll/core/requirements.hpp"

namespace unroll {

/// Choices for a file with several inputs or outputs.
struct OnnxReadOptions {
  std::string input = {};   ///< of the model; empty: the first one
  std::string output = {};  ///< of the model; empty: the first one. Nodes that it does not need are not read
};

/// Inputs and outputs of a model that is written.
struct OnnxOptions {
  bool lengths = false;  ///< input "lengths" [batch], int32: valid steps of each sequence, from the first one
  bool states = false;   ///< an input such as "0.h" for each state, and an output "0.h_next"
};

}  // namespace unroll
