#pragma once

#include "options.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/models/stack.hpp"

namespace lm {

using Network = unroll::Stack<float>;

/// Language model: embedding, recurrent layers, each followed by dropout, and a layer of scores for every token. Throws
/// ShapeError or ValueError with the name of the layer that does not fit. `pretrained`: initial vectors of tokens.
Network make_network(const Options& options, unroll::Index vocabulary, unroll::Pretrained pretrained = {});

}  // namespace lm
