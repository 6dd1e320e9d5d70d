#pragma once
// The networks that the command line asks for.

#include "options.hpp"
#include "unroll/models/stack.hpp"

namespace har {

using Network = unroll::Stack<float>;

/// Recurrent layers, one vector per sequence (or per step: --every-step, --stream), and a score for each class; not
/// initialised.
Network make_network(const Options& options, unroll::Index features, unroll::Index classes);

/// Multinomial logistic regression.
Network make_baseline(unroll::Index features, unroll::Index classes);

}  // namespace har
