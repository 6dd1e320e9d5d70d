#pragma once

#include "model.hpp"

namespace hcp {

/// Encoder-decoder model: a GRU encoder, and a GRU decoder that predicts a class at every step and attends to the steps
/// read so far. The decoder is fed its own predictions in training and validation too (no teacher forcing): the true
/// class is the same at every step, so a decoder fed with it would only learn to repeat it.
std::unique_ptr<Model> make_attention_model(const ModelOptions& options, unroll::Index regions, unroll::Index classes);

}  // namespace hcp
