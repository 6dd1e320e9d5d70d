#pragma once
// Layers with random options.

#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/cells/sru.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/conv_transpose1d.hpp>
#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/detail/last_step.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>
#include <unroll/layers/recurrent.hpp>
#include <vector>

#include "interface/choices.hpp"

namespace interface {

/// Factory of random layers. `odd` selects unusual options.
template <class Number>
class RandomLayers {
 public:
  /// Omits layers with kinks or near-kinks, at which finite differences are wrong.
  bool smooth = false;

  RandomLayers(Choices& choose, std::string& words) : choose_(choose), words_(words) {}

  AnyLayer<Number> any(bool odd) {
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

  AnyLayer<Number> recurrent(bool odd) {
    const Index units = choose_.size(odd && choose_.coin());
    const auto direction = choose_.one_of({Direction::forward, Direction::backward});
    const auto returns = choose_.one_in(3) ? Returns::last : Returns::steps;
    const auto merge = choose_.one_of({Merge::concat, Merge::sum, Merge::average, Merge::product});
    words_ += text(" recurrent(", units, ")");
    switch (choose_.below(6)) {
      case 0:
        return Recurrent<Gru>{.units = units, .direction = direction, .returns = returns};
      case 1:
        return Recurrent<Lstm>{.units = units, .direction = direction, .returns = returns};
      case 2:
        return Recurrent<Elman>{.units = units, .direction = direction, .returns = returns};
      case 3:
        return Recurrent<Sru>{.units = units, .direction = direction, .returns = returns};
      case 4:
        return Recurrent<Lru>{
            .units = units, .direction = direction, .returns = returns, .sizes = {{"outputs", choose_.size()}}};
      default:
        return Bidirectional<Gru>{.units = units, .merge = merge, .returns = returns};
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

  AnyLayer<Number> convolution(bool odd) {
    const bool here = odd && choose_.coin();  // not all options at once, since most such layers are refused
    const Index units = choose_.size(odd && !here), kernel = choose_.size(here && choose_.coin());
    const Index stride = choose_.size(here && choose_.coin()), dilation = choose_.size(here && choose_.coin());
    const WindowPadding pad = padding(here);
    const bool ceil_mode = choose_.one_in(3) && (here || pad.kind() == WindowPadding::Kind::number);
    words_ += text(" conv(", units, " units, kernel ", kernel, ", stride ", stride, ", dilation ", dilation, ")");
    switch (choose_.below(5)) {
      case 0:
        return Conv1d{.units = units,
                      .kernel = kernel,
                      .stride = stride,
                      .dilation = dilation,
                      .groups = choose_.one_in(3) ? choose_.size(odd) : 1,
                      .padding = pad};
      case 1:
        return ConvTranspose1d{.units = units,
                               .kernel = kernel,
                               .stride = stride,
                               .dilation = dilation,
                               .padding = pad,
                               .output_padding = choose_.coin() ? 0 : choose_.size(odd)};
      case 2:
        if (smooth) return Upsample{.factor = dilation};
        return MaxPool1d{.kernel = kernel,
                         .stride = stride > 0 ? stride - 1 : stride,
                         .dilation = dilation,
                         .padding = pad,
                         .ceil_mode = ceil_mode};
      case 3:
        return AveragePool1d{.kernel = kernel,
                             .stride = stride > 0 ? stride - 1 : stride,
                             .padding = pad,
                             .count_padding = choose_.coin(),
                             .ceil_mode = ceil_mode};
      default:
        return Upsample{.factor = dilation};
    }
  }

  AnyLayer<Number> normalisation(bool odd) {
    const double epsilon = !smooth && choose_.one_in(3) ? 1e-5 : choose_.real(odd);
    words_ += text(" norm(", epsilon, ")");
    switch (choose_.below(3)) {
      case 0:
        return LayerNorm{.epsilon = epsilon, .scaled = choose_.coin(), .centred = choose_.coin()};
      case 1:
        return BatchNorm{.epsilon = epsilon, .scaled = choose_.coin()};
      default:
        return Dropout{.rate = choose_.real(odd), .same_for_all_steps = choose_.coin()};
    }
  }

  AnyLayer<Number> other(bool odd) {
    switch (choose_.below(6)) {
      case 0:
        words_ += " mean";
        return MeanOverTime{};
      case 1:
        words_ += smooth ? " mean" : " max";
        if (smooth) return MeanOverTime{};
        return MaxOverTime{};
      case 2:
        words_ += " last";
        return LastStep{};
      case 3:
        words_ += " activation";
        if (smooth || choose_.coin()) return Activate<Tanh>{};
        return PRelu{.per_feature = choose_.coin(), .initial = choose_.real(odd)};
      case 4:
        return graph(odd);
      default: {
        const Index units = choose_.size(odd);
        words_ += text(" dense(", units, ")");
        return Dense{.units = units, .biased = choose_.coin()};
      }
    }
  }

  /// Graph of random nodes, including nested graphs, each of which reads earlier nodes; finally two may be merged.
  AnyLayer<Number> graph(bool odd) {
    words_ += " graph[";
    ++depth_;
    Graph<Number> graph;
    const Index units = choose_.size();
    std::vector<typename Graph<Number>::Node> nodes{graph.add(Dense{.units = units}, graph.input())};
    const auto earlier = [&] { return nodes[std::size_t(choose_.below(Index(nodes.size())))]; };
    for (Index k = choose_.below(4); k >= 0; --k) {
      // Often reads the previous node, so that graphs become deep. A node that no other reads is refused.
      const auto from = choose_.one_in(4) ? earlier() : nodes.back();
      switch (choose_.below(depth_ < 3 ? 5 : 4)) {
        case 0:
          nodes.push_back(graph.add(choose_.coin() ? recurrent(odd) : convolution(odd), from));
          break;
        case 1:
          nodes.push_back(graph.add(normalisation(odd), from));
          break;
        case 2:
          nodes.push_back(merged(graph, from, earlier()));
          break;
        case 3:
          nodes.push_back(graph.add(Dense{.units = units}, from));
          break;
        default:
          nodes.push_back(graph.add(this->graph(odd), from));
      }
    }
    if (choose_.coin()) merged(graph, nodes.back(), earlier());
    --depth_;
    words_ += " ]";
    return graph;
  }

 private:
  static auto merged(Graph<Number>& graph, typename Graph<Number>::Node a, typename Graph<Number>::Node b, Index how) {
    if (how == 0) return graph.sum({a, b});
    if (how == 1) return graph.mean({a, b});
    return how == 2 ? graph.product({a, b}) : graph.concat({a, b, a});
  }
  auto merged(Graph<Number>& graph, typename Graph<Number>::Node a, typename Graph<Number>::Node b) {
    return merged(graph, a, b, choose_.below(4));
  }

  Choices& choose_;
  std::string& words_;
  Index depth_ = 0;  // depth of nested graphs
};

}  // namespace interface
