#include "network.hpp"

#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/pooling.hpp"
#include "unroll/layers/recurrent.hpp"

namespace har {
namespace {

using namespace unroll;

template <Cell C>
AnyLayer<float> over_time(const Options& options, Returns returns) {
  if (options.direction == "bidirectional") return Bidirectional<C>{.units = options.units, .returns = returns};
  const Direction direction = options.direction == "backward" ? Direction::backward : Direction::forward;
  return Recurrent<C>{.units = options.units, .direction = direction, .returns = returns};
}

AnyLayer<float> recurrent(const Options& options, Returns returns) {
  if (options.cell == "lstm") return over_time<Lstm<float>>(options, returns);
  if (options.cell == "elman") return over_time<Elman<float>>(options, returns);
  return over_time<Gru<float>>(options, returns);
}

}  // namespace

Network make_network(const Options& options, Index features, Index classes) {
  std::vector<AnyLayer<float>> layers;
  for (Index k = 1; k <= options.layers; ++k) {
    // The layer itself knows which step is its last: in a backward direction it is the first one.
    const bool last = k == options.layers && options.pool == "last";
    layers.push_back(recurrent(options, last ? Returns::last : Returns::steps));
    if (options.dropout > 0) layers.push_back(Dropout<float>({.rate = options.dropout}));
  }
  if (options.pool == "mean") layers.push_back(MeanOverTime<float>{});
  if (options.pool == "max") layers.push_back(MaxOverTime<float>{});
  layers.push_back(Dense<float>{.units = classes});
  return Network(features, std::move(layers));
}

}  // namespace har
