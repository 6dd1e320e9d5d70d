#pragma once
// Structure of a graph: nodes, shapes, and the positions of parameters, states and gradients.

#include <initializer_list>
#include <span>

#include "unroll/layers/detail/graph_node.hpp"
#include "unroll/layers/detail/layer_checks.hpp"

namespace unroll::detail {

template <class S>
struct GraphWeights {
  std::vector<typename AnyLayer<S>::Weights> layers;  // by node
};

template <class S>
class GraphStream;

/// Base class of Graph, without the passes.
template <class S>
class GraphNodes : public LayerBase<S, GraphWeights<S>> {
 protected:
  friend class GraphStream<S>;
  using Layer = AnyLayer<S>;

 public:
  /// Handle of a node, for use as an input of other nodes.
  struct Node {
    std::size_t number = 0;
  };

  GraphNodes() : nodes_(1) {}

  Node input() const { return {}; }
  /// One of several inputs: the next `rows` rows of the input of the graph. Throws as NamedRows::add.
  Node input(std::string name, Index rows) {
    const Index first = named_.rows();
    named_.add(name, rows);
    return append({.layer = {}, .reads = {0}, .input = std::move(name), .first = first});
  }
  /// Throws ValueError for a node that does not exist.
  Node add(Layer layer, Node reads) { return append({std::move(layer), Merge::concat, {reads.number}}); }

  /// Concatenates all features.
  Node concat(std::initializer_list<Node> nodes) { return merge(Merge::concat, listed(nodes)); }
  /// Elementwise.
  Node sum(std::initializer_list<Node> nodes) { return merge(Merge::sum, listed(nodes)); }
  Node mean(std::initializer_list<Node> nodes) { return merge(Merge::average, listed(nodes)); }
  Node product(std::initializer_list<Node> nodes) { return merge(Merge::product, listed(nodes)); }
  /// Merge of at least 2 nodes, with a method and nodes chosen at run time.
  Node merge(Merge how, std::span<const Node> nodes) {
    require<ValueError>(nodes.size() > 1, "graph: ", detail::name_of(how), " must have at least 2 inputs, got ",
                        nodes.size());
    Inner node{.layer = {}, .how = how, .reads = {}};
    for (const Node& n : nodes) node.reads.push_back(n.number);
    return append(std::move(node));
  }

  Shape connect(Shape in) {
    check_read();
    if (!named_.empty())
      check_equal("", text("features of the inputs ", rows_text(named_)), in.features, named_.rows());
    // Densities are relative to the input of the graph.
    shapes_ = {{.features = in.features, .per_step = in.per_step, .of_model = in.of_model}};
    table_ = {};
    offsets_ = {0};
    first_state_ = {0, 0};
    numbers_ = {0, 0};
    for (std::size_t n = 1; n < size(); ++n) {
      detail::within("node ", n, nodes_[n], [&] { shapes_.push_back(checked(connect(nodes_[n]))); });
      const auto& layer = nodes_[n].layer;
      offsets_.push_back(layer ? append(layer->parameters(), n) : table_.size());
      first_state_.push_back(first_state_.back() + (layer ? layer->state_rows().size() : 0));
      numbers_.push_back(numbers_.back() + (layer ? layer->layers_inside() : 0));
    }
    place_gradients();
    return {shapes_.back().features, shapes_.back().per_step, shapes_.back().density * in.density};
  }
  std::string_view name() const { return "graph"; }
  LayerOptions options() const {
    std::vector<LayerOptions> all;
    for (std::size_t n = 1; n < size(); ++n) {
      const auto& [layer, how, reads, input, first] = nodes_[n];
      LayerOptions node{{"reads", std::vector<Index>(reads.begin(), reads.end())}};
      if (layer)
        for (LayerOption& option : detail::description_of(*layer)) node.push_back(std::move(option));
      else if (!input.empty())
        node.emplace_back("input", input), node.emplace_back("rows", named_.rows(input));
      else
        node.emplace_back("merge", detail::name_of(how));
      all.push_back(std::move(node));
    }
    return {{"layer", "graph"}, {"nodes", std::move(all)}};
  }
  const ParameterTable& parameters() const { return table_; }
  /// Those that `input(name, rows)` added, else those of the first layer that reads the whole input and names them.
  NamedRows inputs() const {
    NamedRows named = named_;
    each([&](const Layer& layer, std::size_t n) {
      if (named.empty() && nodes_[n].reads[0] == 0) named = layer.inputs();
    });
    return named;
  }
  std::vector<Index> state_rows() const {
    std::vector<Index> all;
    each([&](const Layer& layer, std::size_t) {
      for (const Index rows : layer.state_rows()) all.push_back(rows);
    });
    return all;
  }
  bool causal() const { return for_all(&Layer::causal); }
  bool of_last_step() const { return for_all(&Layer::causal, &Layer::of_last_step); }
  bool detaches() const { return for_all(&Layer::detaches); }
  /// Checked by the layers that read the input or some of its rows.
  void check_input(const ConstView<S>& values) const {
    each([&](const Layer& layer, std::size_t n) {
      const std::size_t source = nodes_[n].reads[0];
      if (source == 0 || is_rows(source))
        detail::within("node ", n, nodes_[n],
                       [&] { layer.check_input(source == 0 ? values : rows_of(source, values)); });
    });
  }
  /// Throws ShapeError if merged values would have different steps.
  Index steps_after(Index steps) const {
    std::vector<Index> all{steps};  // by node; 1 for one column per sequence
    for (std::size_t n = 1; n < size(); ++n) {
      const auto& layer = nodes_[n].layer;
      const auto& reads = nodes_[n].reads;
      const Index first = all[reads[0]];
      for (const std::size_t other : reads)
        require<ShapeError>(all[other] == first, named(n), ": steps of ", named(other), " must be ", first, ", as in ",
                            named(reads[0]), ", got ", all[other]);
      all.push_back(!shapes_[n].per_step ? 1 : layer ? layer->steps_after(first) : first);
    }
    return all.back();
  }
  std::uint64_t layers_inside() const { return std::max<std::uint64_t>(1, numbers_.back()); }

  /// Initializers of all blocks, as their layers define them.
  std::vector<NamedInitializer> named_initializers() const {
    std::vector<NamedInitializer> all;
    each([&](const Layer& layer, std::size_t n) {
      for (const ParameterBlock& block : layer.parameters().blocks())
        all.emplace_back(text(n, ".", block.name), detail::initializer_of(layer, block));
    });
    return all;
  }
  void set_given(S* theta) const {
    each([&](const Layer& layer, std::size_t n) { layer.set_given(theta + offsets_[n]); });
  }

  Index statistics() const {
    Index numbers = 0;
    each([&](const Layer& layer, std::size_t) { numbers += layer.statistics(); });
    return numbers;
  }
  void update_statistics(const double* from, S* theta) const {
    each([&](const Layer& layer, std::size_t n) {
      layer.update_statistics(from, theta + offsets_[n]);
      from += layer.statistics();
    });
  }

  Index kept(Index columns, Index batch, Keeping keeping) const {
    const auto values = [&](std::size_t n) { return shapes_[n].features * shapes_[n].columns(columns, batch); };
    std::vector<Index> gradients(slots_);
    Index numbers = 0, further = 0;
    for (std::size_t n = 0; n < size(); ++n) {
      const auto& layer = nodes_[n].layer;
      if (layer) numbers += layer->kept(shapes_[nodes_[n].reads[0]].columns(columns, batch), batch, keeping);
      if (!layer && n > 0 && !is_rows(n)) numbers += values(n);
      if (readers_[n] > 1) further = std::max(further, values(n));
      if (slot_[n] != none) gradients[slot_[n]] = std::max(gradients[slot_[n]], values(n));
    }
    for (const Index gradient : gradients) numbers += gradient;
    return numbers + further;
  }

 protected:
  using Inner = GraphNode<S>;

  std::size_t size() const { return nodes_.size(); }
  const Inner& node(std::size_t n) const { return nodes_[n]; }
  std::string named(std::size_t n) const { return text("node ", n, " (", nodes_[n].name(), ")"); }
  const Shape& shape(std::size_t n) const { return shapes_[n]; }
  bool is_rows(std::size_t n) const { return !nodes_[n].input.empty(); }
  /// Rows of the input that node n names, in a matrix of all rows.
  template <class Values>
  Values rows_of(std::size_t n, Values all) const {
    return {all.data() + nodes_[n].first, shapes_[n].features, all.cols(), Eigen::OuterStride<>(all.outerStride())};
  }
  Index offset(std::size_t n) const { return offsets_[n]; }  ///< of the first parameter of a node

  /// The states of node n are [first_state(n), first_state(n + 1)).
  std::size_t first_state(std::size_t n) const { return first_state_[n]; }
  std::size_t all_states() const { return first_state_.back(); }

  std::size_t slots() const { return slots_; }  ///< buffers for gradients of values
  std::size_t slot(std::size_t n) const { return slot_[n]; }

  Pass pass_of(std::size_t n, Pass pass) const {
    pass.layer += numbers_[n];
    return pass;
  }

  /// Calls f(layer, node) for each layer.
  template <class F>
  void each(F&& f) const {
    for (std::size_t n = 1; n < size(); ++n)
      if (nodes_[n].layer) f(*nodes_[n].layer, n);
  }
  /// Whether each layer has at least one of the properties.
  template <class... Properties>
  bool for_all(Properties... properties) const {
    bool all = true;
    each([&](const Layer& layer, std::size_t) { all = all && ((layer.*properties)() || ...); });
    return all;
  }

 private:
  static constexpr std::size_t none = std::size_t(-1);

  static std::span<const Node> listed(std::initializer_list<Node> nodes) { return {nodes.begin(), nodes.size()}; }

  Node append(Inner node) {
    for (const std::size_t n : node.reads)
      require<ValueError>(n < size(), "graph: input of ", node.name(), " must be node 0 to ", size() - 1, ", got node ",
                          n);
    nodes_.push_back(std::move(node));
    return {size() - 1};
  }
  void check_read() {
    require<ShapeError>(size() > 1, "number of layers must be at least 1, got 0");
    readers_.assign(size(), 0);
    for (const Inner& node : nodes_)
      for (const std::size_t n : node.reads) ++readers_[n];
    for (std::size_t n = 0; n + 1 < size(); ++n)
      require<ValueError>(readers_[n] > 0, "no node reads ", named(n), "; the output is the last node, ",
                          named(size() - 1));
  }

  Shape connect(Inner& node) {
    if (!node.input.empty()) return {.features = named_.rows(node.input), .per_step = shapes_[0].per_step};
    if (!node.layer) return merged_shape(node);
    require<ValueError>(!node.layer->tied_to(), "tied weights are not supported in a graph");
    const Shape out = node.layer->connect(shapes_[node.reads[0]]);
    if (const NamedRows named = node.layer->inputs(); node.reads[0] == 0 && !named.empty())
      check_rows("", "inputs", "as of the graph and its other layers", named, inputs());
    return out;
  }
  Shape merged_shape(const Inner& node) const {
    Shape all = shapes_[node.reads[0]];
    const auto count = [](Shape shape) { return shape.per_step ? "every step" : "every sequence"; };
    for (std::size_t k = 1; k < node.reads.size(); ++k) {
      const Shape next = shapes_[node.reads[k]];
      require<ShapeError>(all.per_step == next.per_step, named(node.reads[k]), " must have a column for ", count(all),
                          ", as ", named(node.reads[0]), ", got one for ", count(next));
      require<ShapeError>(node.how == Merge::concat || all.features == next.features, "features of ",
                          named(node.reads[k]), " must be ", all.features, ", as in ", named(node.reads[0]), ", got ",
                          next.features);
      if (node.how == Merge::concat) all.features = checked_add(all.features, next.features, "features");
    }
    return all;
  }
  Index append(const ParameterTable& part, std::size_t n) {
    const Index offset = table_.append(part, text(n, "."));
    for (const ParameterBlock& block : part.blocks()) table_.make_dense(text(n, ".", block.name));
    return offset;
  }

  /// Assigns gradient buffers. In the backward pass, the gradient of a node is in use from the last node that reads it
  /// to the node itself; nodes with disjoint intervals share a slot.
  void place_gradients() {
    slots_ = 0;
    slot_.assign(size(), none);
    std::vector<std::size_t> free;
    for (std::size_t n = size() - 1; n > 0; --n) {
      for (const std::size_t source : nodes_[n].reads) {
        if (source == 0 || slot_[source] != none) continue;
        if (free.empty()) free.push_back(slots_++);
        slot_[source] = free.back();
        free.pop_back();
      }
      if (slot_[n] != none) free.push_back(slot_[n]);
    }
  }

  std::vector<Inner> nodes_;
  NamedRows named_;
  // Set by connect, by node:
  std::vector<std::size_t> readers_, first_state_, slot_;
  std::vector<Shape> shapes_;
  std::vector<Index> offsets_;
  std::vector<std::uint64_t> numbers_ = {0};
  ParameterTable table_;
  std::size_t slots_ = 0;
};

}  // namespace unroll::detail
