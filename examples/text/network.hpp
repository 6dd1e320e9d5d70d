#pragma once

#include "options.hpp"
#include "unroll/models/stack.hpp"

namespace lm {

using Network = unroll::Stack<float>;

/// Embedding, recurrent layers with dropout behind each, scores for every token. Throws ShapeError or ValueError naming
/// the layer that does not fit.
Network make_network(const Options& options, unroll::Index vocabulary);

}  // namespace lm
