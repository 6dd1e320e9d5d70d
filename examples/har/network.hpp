#pragma once
// Networks for the command-line options.

#include "options.hpp"
#include "unroll/models/stack.hpp"

namespace har {

using Network = unroll::Stack<float>;

/// Recurrent layers, pooling over time (none with --every-step and --stream), and a dense layer with one score per
/// class. Parameters are not initialised.
Network make_network(const Options& options, unroll::Index features, unroll::Index classes);

/// Multinomial logistic regression on the last step.
Network make_baseline(unroll::Index features, unroll::Index classes);

}  // namespace har
