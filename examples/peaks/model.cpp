#include "model.hpp"

#include <algorithm>

#include "unroll/cells/lstm.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/layers/activation.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/convolution/conv_transpose1d.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/graph.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/parameters/initializers.hpp"

namespace peaks {

using namespace unroll;

namespace {

constexpr Index input_channels = 4, rcnn_stride = 4;

/// Initial bias that puts all outputs near 0, softplus(-5) = 0.007, as most targets are. From softplus(0) = 0.7 the
/// first updates would push the outputs down for so long that they end where softplus has no gradient.
Initializers low_start() { return {.bias = init::constant(-5)}; }

using Layers = std::vector<AnyLayer<float>>;
using Rectify = Activate<LeakyRelu>;
using Positive = Activate<Softplus>;
using BiLstm = Bidirectional<Lstm>;

Conv1d convolution(Index units, Index kernel, Index stride = 1) {
  return {.units = units, .kernel = kernel, .stride = stride, .padding = same()};
}

Conv1d last_convolution() {
  Conv1d last = convolution(1, 5);
  last.initializers = low_start();
  return last;
}

/// A convolution, batch normalisation if it is used, and the activation.
void add_convolution(Layers& layers, const ModelOptions& options, const Conv1d& convolution) {
  layers.push_back(convolution);
  if (options.batch_norm) layers.push_back(BatchNorm());
  layers.push_back(Rectify());
}

Network make_cnn(const ModelOptions& options) {
  Layers layers;
  add_convolution(layers, options, convolution(options.units, 25));
  const Index middle = std::max<Index>(1, 3 * options.units / 4), last = std::max<Index>(1, options.units / 2);
  for (Index k = 1; k + 1 < options.layers; ++k)
    add_convolution(layers, options, convolution(k + 2 == options.layers ? last : middle, 15));
  layers.push_back(last_convolution());
  layers.push_back(Positive());
  return {input_channels, std::move(layers)};
}

Network make_rnn(const ModelOptions& options) {
  Layers layers;
  for (Index k = 0; k < options.layers; ++k) {
    layers.push_back(BiLstm{.units = options.units});
    if (options.batch_norm) layers.push_back(BatchNorm());
  }
  layers.push_back(BiLstm{.units = 1, .merge = Merge::average});
  layers.push_back(Dense{.units = 1, .initializers = low_start()});
  layers.push_back(Positive());
  return {input_channels, std::move(layers)};
}

Network make_rcnn(const ModelOptions& options) {
  Graph<float> graph;
  const auto convolved = [&](Index units, Index kernel, Graph<float>::Node from, Index stride = 1) {
    auto node = graph.add(convolution(units, kernel, stride), from);
    if (options.batch_norm) node = graph.add(BatchNorm(), node);
    return graph.add(Rectify(), node);
  };
  const auto fine = convolved(12, 15, convolved(16, 25, graph.input()));
  auto coarse = convolved(options.units, 8, fine, rcnn_stride);
  for (Index k = 0; k < options.layers; ++k) {
    coarse = graph.add(BiLstm{.units = options.units}, coarse);
    if (options.batch_norm) coarse = graph.add(BatchNorm(), coarse);
  }
  const ConvTranspose1d back{.units = 8, .kernel = 8, .stride = rcnn_stride, .padding = same()};
  const auto far = graph.add(Rectify(), graph.add(back, coarse));
  const auto both = convolved(8, 15, convolved(12, 15, graph.concat({fine, far})));
  graph.add(Positive(), graph.add(last_convolution(), both));
  return {input_channels, {graph}};
}

struct Kind {
  std::string name;
  Index units, layers;
  Network (*make)(const ModelOptions&);
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all{{"cnn", 16, 5, make_cnn}, {"rnn", 24, 2, make_rnn}, {"rcnn", 24, 1, make_rcnn}};
  return all;
}

const Kind& kind_of(const std::string& name) {
  const auto found = std::find_if(kinds().begin(), kinds().end(), [&](const Kind& kind) { return kind.name == name; });
  require<ValueError>(found != kinds().end(), "model: kind must be cnn, rnn or rcnn, got ",
                      unroll::detail::in_quotes(name));
  return *found;
}

}  // namespace

std::vector<std::string> model_kinds() {
  std::vector<std::string> names;
  for (const Kind& kind : kinds()) names.push_back(kind.name);
  return names;
}

ModelOptions completed(const ModelOptions& options) {
  const Kind& kind = kind_of(options.kind);
  return {kind.name, options.units > 0 ? options.units : kind.units, options.layers > 0 ? options.layers : kind.layers,
          options.batch_norm};
}

Index stride_of(const std::string& kind) { return kind == "rcnn" ? rcnn_stride : 1; }

Network make_network(const ModelOptions& options) { return kind_of(options.kind).make(completed(options)); }

}  // namespace peaks
