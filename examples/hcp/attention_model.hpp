#pragma once

#include "model.hpp"

namespace hcp {

/// Encoder-decoder model: a GRU encoder, and a GRU decoder that predicts a clip at every step and attends to the steps
/// read so far. The decoder is fed its own predictions in training too (no teacher forcing): the true clip is the same
/// at every step, so a decoder fed with it would only learn to repeat it.
std::unique_ptr<Model> make_attention_model(const ModelOptions& options, unroll::Index regions);

}  // namespace hcp
