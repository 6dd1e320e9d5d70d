#pragma once

#include "model.hpp"

namespace hcp {

/// A GRU that reads, and one that writes a clip at every step while it attends to what has been read until then. It is
/// fed what it wrote itself, in training too: fed the true clip, which is the same at every step, it would learn
/// nothing but to repeat it.
std::unique_ptr<Model> make_attention_model(const ModelOptions& options, unroll::Index regions);

}  // namespace hcp
