#pragma once
// Predicted classes of recordings, as CSV and JSON.

#include "data.hpp"
#include "model.hpp"

namespace hcp {

/// One prediction per sequence: the class with the largest probability, where probabilities are means over the steps.
std::string predictions_csv(const Data& data, const Outputs& outputs);
/// The same, with the probabilities of all classes.
std::string predictions_json(const Data& data, const Outputs& outputs);
/// One prediction per step.
std::string steps_csv(const Data& data, const Outputs& outputs);

}  // namespace hcp
