#include "network.hpp"

#include "unroll/cells/elman.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/graph.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"
#include "unroll/layers/recurrent.hpp"

namespace forecast {

using namespace unroll;

namespace {

AnyLayer<float> recurrent(const Plan& plan, Returns returns) {
  if (plan.cell == "lstm") return Recurrent<Lstm>{.units = plan.units, .returns = returns};
  if (plan.cell == "elman") return Recurrent<Elman>{.units = plan.units, .returns = returns};
  return Recurrent<Gru>{.units = plan.units, .returns = returns};
}

/// A window without padding has one output step.
Conv1d linear(const Plan& plan) { return {.units = plan.outputs(), .kernel = plan.window}; }

std::vector<AnyLayer<float>> recurrent_layers(const Plan& plan) {
  std::vector<AnyLayer<float>> layers;
  for (Index k = 1; k <= plan.layers; ++k) {
    layers.push_back(recurrent(plan, k == plan.layers ? Returns::last : Returns::steps));
    if (plan.dropout > 0) layers.push_back(Dropout{.rate = plan.dropout});
  }
  layers.push_back(Dense{.units = plan.outputs()});
  return layers;
}

}  // namespace

Network make_network(const Plan& plan) {
  const auto channels = Index(plan.channels.size());
  if (plan.model == "rnn") return Network(channels, recurrent_layers(plan));
  if (plan.model == "linear") return Network(channels, {linear(plan), LastStep{}});
  Graph<float> graph;
  const auto in = graph.input();
  auto deep = in;
  for (AnyLayer<float>& layer : recurrent_layers(plan)) deep = graph.add(std::move(layer), deep);
  graph.sum({deep, graph.add(LastStep{}, graph.add(linear(plan), in))});
  return Network(channels, {graph});
}

}  // namespace forecast
