#pragma once
// Nodes of a model that is read from an ONNX file, and the model that they become.

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "unroll/io/import/pytorch_layers.hpp"
#include "unroll/io/onnx/detail/onnx_recurrent.hpp"
#include "unroll/io/onnx/onnx_file.hpp"
#include "unroll/io/onnx/onnx_model.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/graph.hpp"

namespace unroll::detail {

/// Largest number of nodes, far above that of real models.
inline constexpr std::size_t most_onnx_nodes = 1024;

template <class S>
struct OnnxNode {
  std::vector<std::size_t> reads = {};
  std::optional<AnyLayer<S>> layer = {};  ///< none: the input, a merge or a recurrent layer
  Merge how = Merge::concat;
  std::optional<OnnxRecurrent<S>> recurrent = {};
  /// Sets the parameters whose names begin with a prefix.
  std::function<void(Parameters<S>&, const std::string&)> fill = {};
  std::optional<Dense> dense = {};  ///< options of a dense layer, to which a later operator may add a bias
  Index features = 0;               ///< of its value
  std::string where = {};           ///< file and operator, for messages
};

/// Calls f and converts the library's errors to FileError, preceded by the place in a file.
template <class F>
auto within_onnx(const std::string& where, F&& f) {
  try {
    return f();
  } catch (const Error& error) {
    const std::string_view what = error.what();
    throw FileError(what.starts_with(where) ? std::string(what) : text(where, ": ", what));
  }
}

/// Tensors with the names and shapes of PyTorch's modules as the parameters of a layer.
template <class S>
std::function<void(Parameters<S>&, const std::string&)> fill_with(SafeTensors tensors, bool transposed = false) {
  return [tensors = std::make_shared<const SafeTensors>(std::move(tensors)), transposed](Parameters<S>& to,
                                                                                         const std::string& prefix) {
    TensorReader reader(*tensors);
    for (const auto& item : tensors->tensors) {
      const ParameterBlock& block = to.table().at(prefix + item.first);
      to.block(block) = read_plain<S>(reader, item.first, block, transposed);
    }
  };
}

/// Nodes with the signals that they compute. Node 0 is the input.
template <class S>
class OnnxNetwork {
 public:
  /// `tensors` must outlive the network.
  OnnxNetwork(Index features, OnnxTensors& tensors) : tensors_(tensors), nodes_(1) { nodes_[0].features = features; }

  const std::vector<OnnxNode<S>>& nodes() const { return nodes_; }
  const OnnxNode<S>& node(std::size_t n) const { return nodes_[n]; }
  /// Counts the bytes of weights that a node copies. Throws FileError if all have more than 16 times the bytes of the
  /// files.
  void count(const SafeTensors& weights) const {
    for (const auto& item : weights.tensors) tensors_.count(item.second.bytes.size());
  }
  /// Place for the messages of the following nodes.
  void set_where(std::string where) { where_ = std::move(where); }
  const std::string& where() const { return where_; }

  std::size_t add(OnnxNode<S> node) {
    require<FileError>(nodes_.size() < most_onnx_nodes, "the model must have at most ", most_onnx_nodes, " nodes");
    node.where = where_;
    nodes_.push_back(std::move(node));
    return nodes_.size() - 1;
  }
  std::size_t merge(Merge how, std::vector<std::size_t> reads) {
    Index features = 0;
    for (const std::size_t n : reads)
      features = how == Merge::concat ? checked_add(features, nodes_[n].features, "features") : nodes_[n].features;
    return add({.reads = std::move(reads), .how = how, .features = features});
  }

  /// A layer that keeps the meaning of all dimensions, for each part of a signal.
  OnnxSignal each(OnnxSignal x, const AnyLayer<S>& layer) {
    for (std::size_t& part : x.parts) part = add({.reads = {part}, .layer = layer, .features = nodes_[part].features});
    return x;
  }

  /// The same signal with one part. Throws FileError unless directions and units are one dimension.
  OnnxSignal whole(OnnxSignal x) {
    if (x.parts.size() == 1) return x;
    for (auto& dimension : x.axes)
      for (std::size_t k = 0; k + 1 < dimension.size(); ++k)
        if (dimension[k].axis == OnnxAxis::direction && dimension[k + 1].axis == OnnxAxis::features) {
          x.parts = {merge(Merge::concat, x.parts)};
          dimension[k + 1].size.number = nodes_[x.parts[0]].features;
          dimension.erase(dimension.begin() + std::ptrdiff_t(k));
          return x;
        }
    throw FileError("directions must be followed by their units in one dimension, got " + text_of(x.axes));
  }

 private:
  OnnxTensors& tensors_;
  std::vector<OnnxNode<S>> nodes_;
  std::string where_;
};

/// Number of nodes that read each node.
template <class S>
std::vector<std::size_t> reader_counts(const std::vector<OnnxNode<S>>& nodes) {
  std::vector<std::size_t> counts(nodes.size());
  for (const auto& node : nodes)
    for (const std::size_t n : node.reads) ++counts[n];
  return counts;
}

/// The output and the nodes that it depends on. The output becomes the last node, the input remains node 0.
template <class S>
std::vector<OnnxNode<S>> needed_nodes(const std::vector<OnnxNode<S>>& nodes, std::size_t output) {
  std::vector<char> needed(output + 1);
  needed[output] = 1;
  for (std::size_t n = output + 1; n-- > 0;)
    for (const std::size_t source : nodes[n].reads)
      if (needed[n] != 0) needed[source] = 1;
  std::vector<OnnxNode<S>> to;
  std::vector<std::size_t> number(output + 1);
  for (std::size_t n = 0; n <= output; ++n) {
    if (n > 0 && needed[n] == 0) continue;
    number[n] = to.size();
    to.push_back(nodes[n]);
    for (std::size_t& source : to.back().reads) source = number[source];
  }
  return to;
}

/// Replaces merges of a forward and a backward layer, which nothing else reads, by bidirectional layers.
template <class S>
void join_directions(std::vector<OnnxNode<S>>& nodes) {
  const auto readers = reader_counts(nodes);
  for (OnnxNode<S>& node : nodes) {
    if (node.layer || node.recurrent || node.reads.size() != 2) continue;
    const OnnxNode<S>&a = nodes[node.reads[0]], &b = nodes[node.reads[1]];
    const bool alone = readers[node.reads[0]] == 1 && readers[node.reads[1]] == 1;
    if (!a.recurrent || !b.recurrent || !alone || a.reads != b.reads) continue;
    if (!a.recurrent->pairs_with(*b.recurrent)) continue;
    node.recurrent = a.recurrent;
    node.recurrent->directions.push_back(b.recurrent->directions.front());
    node.recurrent->merge = node.how;
    node.reads = a.reads;
  }
}

/// Builder of the model: a layer for each node that alone passes on the values before it, a graph for branches.
template <class S>
class OnnxBuilder {
 public:
  OnnxBuilder(std::vector<OnnxNode<S>> nodes, std::size_t output) {
    require<FileError>(output > 0, "the output must be computed by a layer, got the input");
    nodes_ = needed_nodes(nodes, output);
    join_directions(nodes_);
    nodes_ = needed_nodes(nodes_, nodes_.size() - 1);
  }

  OnnxModel<S> model(Index features) {
    for (std::size_t first = 1; first < nodes_.size();) first = add_layer(first);
    OnnxModel<S> to{Stack<S>(features, std::move(layers_)), {}};
    to.model.parameters().values().setZero();
    for (const auto& [n, prefix] : prefixes_) fill(nodes_[n], to.model.parameters(), prefix);
    if (has_states_) set_states(to);
    return to;
  }

 private:
  /// Adds the layer that begins with a node. Returns the first node of the next layer.
  std::size_t add_layer(std::size_t first) {
    std::size_t last = first;  // so that all later nodes read it or each other
    for (std::size_t n = first + 1; n < nodes_.size(); ++n)
      if (std::ranges::any_of(nodes_[n].reads, [&](std::size_t source) { return source < last; })) last = n;
    const std::string prefix = text(layers_.size(), ".");
    if (last == first && !is_merge(nodes_[first])) {
      prefixes_.emplace_back(first, prefix);
      layers_.push_back(made(nodes_[first]));
    } else {
      layers_.push_back(graph(first, last, prefix));
    }
    spans_.emplace_back(first, last);
    return last + 1;
  }

  static bool is_merge(const OnnxNode<S>& node) { return !node.layer && !node.recurrent; }
  static AnyLayer<S> made(const OnnxNode<S>& node) { return node.layer ? *node.layer : node.recurrent->layer(); }

  Graph<S> graph(std::size_t first, std::size_t last, const std::string& prefix) {
    Graph<S> to;
    for (std::size_t n = first; n <= last; ++n) {
      std::vector<typename Graph<S>::Node> reads;
      for (const std::size_t source : nodes_[n].reads) reads.push_back({source + 1 - first});
      if (is_merge(nodes_[n])) {
        to.merge(nodes_[n].how, reads);
      } else {
        to.add(made(nodes_[n]), reads.front());
        prefixes_.emplace_back(n, text(prefix, n + 1 - first, "."));
      }
    }
    return to;
  }

  void fill(const OnnxNode<S>& node, Parameters<S>& to, const std::string& prefix) {
    within_onnx(node.where, [&] {
      if (node.fill) node.fill(to, prefix);
      if (node.recurrent) node.recurrent->fill(to, prefix);
    });
    if (!node.recurrent) return;
    has_states_ = has_states_ || node.recurrent->has_states();
  }

  /// States of one sequence; those that the file does not have are 0.
  void set_states(OnnxModel<S>& to) const {
    to.model.each_layer([&](const auto& layer, std::size_t k) {
      State<S>& all = to.first.emplace_back();
      for (const Index rows : layer.state_rows()) all.push_back(MatrixX<S>::Zero(rows, 1));
      std::size_t next = 0;
      for (std::size_t n = spans_[k].first; n <= spans_[k].second; ++n) {
        if (nodes_[n].recurrent)
          for (const VectorX<S>& state : nodes_[n].recurrent->states()) all[next++] = state;
        else if (nodes_[n].layer)
          next += nodes_[n].layer->state_rows().size();
      }
    });
  }

  std::vector<OnnxNode<S>> nodes_;
  std::vector<AnyLayer<S>> layers_;
  std::vector<std::pair<std::size_t, std::size_t>> spans_;  // first and last node, by layer
  std::vector<std::pair<std::size_t, std::string>> prefixes_;
  bool has_states_ = false;
};

}  // namespace unroll::detail
