#pragma once

#include "unroll/models/stack.hpp"

namespace unroll {

/// Model of an ONNX file with its initial states.
template <class S>
struct OnnxModel {
  Stack<S> model;
  ModelState<S> first;  ///< for one sequence, as passes and Streaming::set_state take them; empty: all 0
};

}  // namespace unroll
