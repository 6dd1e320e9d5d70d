#include "network.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/layers/tied_dense.hpp"

namespace lm {

using namespace unroll;

namespace {

AnyLayer<float> recurrent(const Options& options) {
  if (options.cell == "elman") return Recurrent<Elman>{.units = options.units};
  if (options.cell == "gru") return Recurrent<Gru>{.units = options.units};
  return Recurrent<Lstm>{.units = options.units};
}

/// Glorot's uniform range, but at least that of PyTorch's Linear. With thousands of tokens Glorot's is narrower, and
/// the network then takes long to distinguish tokens.
Initializer first_scores(const Options& options, Index vocabulary) {
  const double inputs = double(options.units), glorot = std::sqrt(6 / (inputs + double(vocabulary)));
  const double range = std::max(glorot, 1 / std::sqrt(inputs));
  return init::uniform(-range, range);
}

}  // namespace

Network make_network(const Options& options, Index vocabulary, Pretrained pretrained) {
  std::vector<AnyLayer<float>> layers{Embedding{.size = vocabulary,
                                                .dimension = options.embedding,
                                                .initializer = init::normal(0, options.embedding_deviation),
                                                .pretrained = std::move(pretrained)}};
  const auto drop = [&] {
    if (options.dropout > 0) layers.push_back(Dropout{.rate = options.dropout});
  };
  drop();
  for (Index k = 0; k < options.layers; ++k) {
    layers.push_back(recurrent(options));
    drop();
  }
  if (options.tied)
    layers.push_back(TiedDense{.embedding = 0});
  else
    layers.push_back(Dense{.units = vocabulary, .initializers = {.input_weight = first_scores(options, vocabulary)}});
  return Network(1, std::move(layers));
}

}  // namespace lm
