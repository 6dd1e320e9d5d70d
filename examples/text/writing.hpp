#pragma once

#include "model_file.hpp"

namespace lm {

/// options.samples generated texts that start with options.prompt. Throws ValueError for a prompt with unknown tokens.
std::vector<std::string> write(const Model& model, const Options& options, std::uint64_t seed);

}  // namespace lm
