#pragma once
// Stream of a graph of layers.

#include <algorithm>
#include <memory>
#include <vector>

#include "unroll/layers/detail/graph_nodes.hpp"
#include "unroll/layers/streams/any_stream.hpp"

namespace unroll::detail {

/// Graph with one stream per layer.
template <class S>
class GraphStream final : public AnyStream<S> {
  using Base = typename AnyStream<S>::Work;

  struct Work final : Base {
    VectorX<S> values;  // of the nodes, for stream_chunk steps
    std::vector<std::unique_ptr<Base>> nodes;
  };

  struct Node {
    std::unique_ptr<AnyStream<S>> stream = nullptr;  // null: a merge, or rows of the input
    Merge how = Merge::concat;
    std::vector<std::size_t> reads = {};
    bool is_rows = false;
    Index first_row = 0;
    Index features = 0, first_value = 0, first_number = 0;
    std::size_t first_state = 0;
  };

 public:
  /// `theta` points to the parameters of the graph and must outlive the stream.
  GraphStream(const GraphNodes<S>& graph, const S* theta) {
    for (std::size_t n = 0; n < graph.size(); ++n) {
      const auto& from = graph.node(n);
      Node node{.how = from.how,
                .reads = from.reads,
                .is_rows = graph.is_rows(n),
                .first_row = from.first,
                .features = graph.shape(n).features,
                .first_value = values_,
                .first_number = numbers_,
                .first_state = graph.first_state(n)};
      if (from.layer) {
        node.stream =
            from.layer->make_stream(graph.shape(from.reads[0]).features, node.features, theta + graph.offset(n));
        numbers_ += node.stream->memory_rows();
      }
      if (n > 0) values_ += node.features * stream_chunk;  // those of node 0 are the input
      nodes_.push_back(std::move(node));
    }
  }

  Index memory_rows() const override { return numbers_; }
  void save(const S* numbers, S* to) const override {
    for (const Node& node : nodes_)
      if (node.stream) node.stream->save(numbers + node.first_number, to + node.first_number);
  }
  void restore(const S* from, S* numbers) const override {
    for (const Node& node : nodes_)
      if (node.stream) node.stream->restore(from + node.first_number, numbers + node.first_number);
  }
  S* state(S* numbers, Index turn, Index s) const override {
    std::size_t n = 0;
    while (n + 1 < nodes_.size() && nodes_[n + 1].first_state <= std::size_t(s)) ++n;
    return nodes_[n].stream->state(numbers + nodes_[n].first_number, turn, s - Index(nodes_[n].first_state));
  }

  std::unique_ptr<Base> work() const override {
    auto work = std::make_unique<Work>();
    work->values.setZero(values_);
    for (const Node& node : nodes_) work->nodes.push_back(node.stream ? node.stream->work() : nullptr);
    return work;
  }

  bool run(const S* x, S* y, Index steps, S* numbers, Index turn, Base* base) const override {
    auto& work = static_cast<Work&>(*base);
    S* const values = work.values.data();
    const auto of = [&](std::size_t n) { return n == 0 ? x : values + nodes_[n].first_value; };
    const auto view_of = [&](std::size_t n) {
      return ConstView<S>(of(n), nodes_[n].features, steps, Eigen::OuterStride<>(nodes_[n].features));
    };
    for (std::size_t n = 1; n < nodes_.size(); ++n) {
      const Node& node = nodes_[n];
      View<S> to(values + node.first_value, node.features, steps, Eigen::OuterStride<>(node.features));
      if (node.stream) {
        if (!node.stream->run(of(node.reads[0]), to.data(), steps, numbers + node.first_number, turn,
                              work.nodes[n].get()))
          return false;
      } else if (node.is_rows) {
        to = view_of(0).middleRows(node.first_row, node.features);
      } else {
        merge_values<S>(
            node.how, node.reads.size(), [&](std::size_t k) { return view_of(node.reads[k]); }, to);
      }
    }
    std::copy_n(of(nodes_.size() - 1), steps * nodes_.back().features, y);
    return true;
  }

 private:
  std::vector<Node> nodes_;
  Index numbers_ = 0, values_ = 0;
};

}  // namespace unroll::detail
