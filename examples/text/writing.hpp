#pragma once

#include "model_file.hpp"

namespace lm {

/// options.samples texts that go on from options.prompt, which stands at their beginning. Throws ValueError for a
/// prompt with tokens that the model does not know.
std::vector<std::string> write(const Model& model, const Options& options, unroll::Index seed);

}  // namespace lm
