#include "network.hpp"

#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/layers/tied_dense.hpp"

namespace lm {

using namespace unroll;

namespace {

AnyLayer<float> recurrent(const Options& options) {
  if (options.cell == "elman") return Recurrent<Elman<float>>{.units = options.units};
  if (options.cell == "gru") return Recurrent<Gru<float>>{.units = options.units};
  return Recurrent<Lstm<float>>{.units = options.units};
}

}  // namespace

Network make_network(const Options& options, Index vocabulary) {
  std::vector<AnyLayer<float>> layers{Embedding<float>{.size = vocabulary,
                                                       .dimension = options.embedding,
                                                       .first_values = init::normal(0, options.embedding_deviation)}};
  const auto drop = [&] {
    if (options.dropout > 0) layers.push_back(Dropout<float>({.rate = options.dropout}));
  };
  drop();
  for (Index k = 0; k < options.layers; ++k) {
    layers.push_back(recurrent(options));
    drop();
  }
  if (options.tied)
    layers.push_back(TiedDense<float>{.embedding = 0});
  else
    layers.push_back(Dense<float>{.units = vocabulary});
  return Network(1, std::move(layers));
}

}  // namespace lm
