#include "network.hpp"

#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"
#include "unroll/layers/recurrent.hpp"

namespace har {
namespace {

using namespace unroll;

Initializers initializers_of(const Options& options) {
  if (options.start == "usual") return {};
  const Initializer within = init::uniform(-0.1, 0.1);
  return {.input_weight = within, .recurrent_weight = within, .bias = within};
}

template <template <class, int...> class C>
AnyLayer<float> over_time(const Options& options, Returns returns) {
  const Index units = options.setting.units;
  if (options.direction == "bidirectional")
    return Bidirectional<C>{.units = units, .returns = returns, .initializers = initializers_of(options)};
  const Direction direction = options.direction == "backward" ? Direction::backward : Direction::forward;
  return Recurrent<C>{
      .units = units, .direction = direction, .returns = returns, .initializers = initializers_of(options)};
}

AnyLayer<float> recurrent(const Options& options, Returns returns) {
  if (options.cell == "lstm") return over_time<Lstm>(options, returns);
  if (options.cell == "elman") return over_time<Elman>(options, returns);
  return over_time<Gru>(options, returns);
}

}  // namespace

Network make_network(const Options& options, Index features, Index classes) {
  const bool pools = !options.every_step && !options.stream;
  std::vector<AnyLayer<float>> layers;
  for (Index k = 1; k <= options.layers; ++k) {
    // Returns::last considers the direction: for a backward layer it is the first step.
    const bool last = k == options.layers && pools && options.pool == "last";
    layers.push_back(recurrent(options, last ? Returns::last : Returns::steps));
    if (options.dropout > 0) layers.push_back(Dropout{.rate = options.dropout});
  }
  if (pools && options.pool == "mean") layers.push_back(MeanOverTime{});
  if (pools && options.pool == "max") layers.push_back(MaxOverTime{});
  layers.push_back(Dense{.units = classes, .initializers = initializers_of(options)});
  return Network(features, std::move(layers));
}

Network make_baseline(Index features, Index classes) {
  return Network(features, {LastStep{}, Dense{.units = classes}});
}

}  // namespace har
