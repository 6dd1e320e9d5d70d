#include "interface/random_model.hpp"

#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/cells/sru.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/batch_norm.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/conv1d.hpp>
#include <unroll/layers/conv_transpose1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/last_step.hpp>
#include <unroll/layers/layer_norm.hpp>
#include <unroll/layers/pooling.hpp>
#include <unroll/layers/pooling1d.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/layers/upsample.hpp>

namespace interface {
namespace {

/// Makes layers; `odd` asks for options that are out of the ordinary.
class Layers {
 public:
  Layers(Choices& choose, std::string& words) : choose_(choose), words_(words) {}

  AnyLayer<S> any(bool odd) {
    switch (choose_.below(4)) {
      case 0:
        return recurrent(odd);
      case 1:
        return convolution(odd);
      case 2:
        return normalisation(odd);
      default:
        return other(odd);
    }
  }

  AnyLayer<S> recurrent(bool odd) {
    const Index units = choose_.size(odd && choose_.coin());
    const auto direction = choose_.one_of({Direction::forward, Direction::backward});
    const auto returns = choose_.one_in(3) ? Returns::last : Returns::steps;
    const auto merge = choose_.one_of({Merge::concat, Merge::sum, Merge::average, Merge::product});
    words_ += text(" recurrent(", units, ")");
    switch (choose_.below(5)) {
      case 0:
        return Recurrent<Gru<S>>{.units = units, .direction = direction, .returns = returns};
      case 1:
        return Recurrent<Lstm<S>>{.units = units, .direction = direction, .returns = returns};
      case 2:
        return Recurrent<Elman<S>>{.units = units, .direction = direction, .returns = returns};
      case 3:
        return Recurrent<Sru<S>>{.units = units, .direction = direction, .returns = returns};
      default:
        return Bidirectional<Gru<S>>{.units = units, .merge = merge, .returns = returns};
    }
  }

  WindowPadding padding(bool odd) {
    switch (choose_.below(4)) {
      case 0:
        return same();
      case 1:
        return causal();
      case 2:
        return valid();
      default:
        return WindowPadding(odd ? choose_.size(true) : choose_.size() - 1);
    }
  }

  AnyLayer<S> convolution(bool odd) {
    const bool here = odd && choose_.coin();  // not all options at once, or few would be tried
    const Index units = choose_.size(odd && !here), kernel = choose_.size(here && choose_.coin());
    const Index stride = choose_.size(here && choose_.coin()), dilation = choose_.size(here && choose_.coin());
    const WindowPadding pad = padding(here);
    const bool ceil_mode = choose_.one_in(3) && (here || pad.kind() == WindowPadding::Kind::number);
    words_ += text(" conv(", units, " units, kernel ", kernel, ", stride ", stride, ", dilation ", dilation, ")");
    switch (choose_.below(5)) {
      case 0:
        return Conv1d<S>{.units = units,
                         .kernel = kernel,
                         .stride = stride,
                         .dilation = dilation,
                         .groups = choose_.one_in(3) ? choose_.size(odd) : 1,
                         .padding = pad};
      case 1:
        return ConvTranspose1d<S>{.units = units,
                                  .kernel = kernel,
                                  .stride = stride,
                                  .dilation = dilation,
                                  .padding = pad,
                                  .output_padding = choose_.coin() ? 0 : choose_.size(odd)};
      case 2:
        return MaxPool1d<S>({.kernel = kernel,
                             .stride = stride > 0 ? stride - 1 : stride,
                             .dilation = dilation,
                             .padding = pad,
                             .ceil_mode = ceil_mode});
      case 3:
        return AveragePool1d<S>({.kernel = kernel,
                                 .stride = stride > 0 ? stride - 1 : stride,
                                 .padding = pad,
                                 .count_padding = choose_.coin(),
                                 .ceil_mode = ceil_mode});
      default:
        return Upsample<S>(dilation);
    }
  }

  AnyLayer<S> normalisation(bool odd) {
    const double epsilon = choose_.one_in(3) ? 1e-5 : choose_.real(odd);
    words_ += text(" norm(", epsilon, ")");
    switch (choose_.below(3)) {
      case 0:
        return LayerNorm<S>{.epsilon = epsilon, .scaled = choose_.coin(), .centred = choose_.coin()};
      case 1:
        return BatchNorm<S>{.epsilon = epsilon, .scaled = choose_.coin()};
      default:
        return Dropout<S>({.rate = choose_.real(odd), .same_for_all_steps = choose_.coin()});
    }
  }

  AnyLayer<S> other(bool odd) {
    switch (choose_.below(6)) {
      case 0:
        words_ += " mean";
        return MeanOverTime<S>{};
      case 1:
        words_ += " max";
        return MaxOverTime<S>{};
      case 2:
        words_ += " last";
        return LastStep<S>{};
      case 3:
        words_ += " activation";
        return Activate<S, Tanh>{};
      case 4:
        return graph(odd);
      default: {
        const Index units = choose_.size(odd);
        words_ += text(" dense(", units, ")");
        return Dense<S>{.units = units, .biased = choose_.coin()};
      }
    }
  }

  /// Two or three layers side by side behind one that all read, and what they give merged.
  AnyLayer<S> graph(bool odd) {
    words_ += " graph[";
    Graph<S> graph;
    const auto units = choose_.size();
    const auto first = graph.add(Dense<S>{.units = units}, graph.input());
    const auto deep = choose_.coin() ? graph.add(recurrent(odd), first) : graph.add(convolution(odd), first);
    const auto wide = graph.add(Dense<S>{.units = units}, first);
    switch (choose_.below(4)) {
      case 0:
        graph.concat({first, deep, wide});
        break;
      case 1:
        graph.sum({first, wide});
        break;
      case 2:
        graph.mean({deep, wide});
        break;
      default:
        graph.product({first, deep});
    }
    words_ += " ]";
    return graph;
  }

 private:
  Choices& choose_;
  std::string& words_;
};

}  // namespace

RandomModel random_model(Choices& choose, Report& report) {
  RandomModel made;
  const bool odd = choose.one_in(3);
  const Index depth = 1 + choose.below(4), odd_layer = odd ? choose.below(depth) : -1;
  made.features = odd && choose.one_in(6) ? choose.size(true) : 1 + choose.below(4);
  std::string words = text("seed ", choose.seed(), ":");
  Layers layers(choose, words);
  std::vector<AnyLayer<S>> all;
  if (made.features == 1 && choose.coin()) {
    made.tokens = choose.size(odd && choose.one_in(4));
    const Index dimension = choose.size(odd && choose.one_in(4));
    words += text(" embedding(", made.tokens, " x ", dimension, ")");
    all.push_back(Embedding<S>{.size = made.tokens, .dimension = dimension});
  }
  for (Index k = 0; k < depth; ++k) all.push_back(layers.any(k == odd_layer));
  report.now(words);
  if (!report.attempt("model", [&] { made.model.emplace(made.features, all); })) return {};
  if (made.model->parameters().size() > 3000000 || made.features > 100000) return {};  // right, but it would take long
  report.attempt("initialise", [&] { made.model->initialise(choose.seed()); });
  return made;
}

RandomBatch random_batch(Choices& choose, Index features, Index tokens) {
  RandomBatch made;
  const Index batch = choose.one_in(12) ? 0 : 1 + choose.below(9), steps = choose.one_in(15) ? 0 : 1 + choose.below(20);
  made.mask = Matrix<bool>(batch, steps);
  for (Index b = 0; b < batch; ++b) {
    const Index kind = choose.below(4), length = choose.below(steps + 1);
    for (Index t = 0; t < steps; ++t) made.mask(b, t) = kind == 0 ? false : kind == 1 ? choose.coin() : t < length;
  }
  made.timeline = Timeline::from_mask(made.mask);
  made.padded = Matrix<S>::Constant(features, steps * batch, std::numeric_limits<S>::quiet_NaN());
  for (Index b = 0; b < batch; ++b)
    for (Index t = 0; t < steps; ++t)
      for (Index r = 0; made.mask(b, t) && r < features; ++r)
        made.padded(r, t * batch + b) = tokens > 0 ? S(choose.below(tokens)) : S(choose.number());
  made.x = made.timeline.pack(made.padded);
  return made;
}

}  // namespace interface
