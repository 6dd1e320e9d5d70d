#pragma once
// Networks.

#include "plan.hpp"
#include "unroll/models/stack.hpp"

namespace forecast {

using Network = unroll::Stack<float>;

/// Network of plan.model with plan.outputs() outputs; parameters are not initialised.
///
/// - rnn: recurrent layers and a dense layer on their last step.
/// - linear: one linear function of all values of the window.
/// - rnn+linear: the sum of both.
Network make_network(const Plan& plan);

}  // namespace forecast
