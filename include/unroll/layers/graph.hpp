#pragma once
// Graph of layers: skip connections, branches and merges.

#include "unroll/layers/detail/graph_nodes.hpp"
#include "unroll/layers/streams/graph_stream.hpp"

namespace unroll {

/// Static graph of layers. It is itself a layer, for use in a model or in another graph:
///
///     Graph<float> graph;
///     const auto in = graph.input();
///     const auto deep = graph.add(Bidirectional<Lstm>{.units = 16}, graph.add(Dense{.units = 8}, in));
///     graph.add(Dense{.units = 1}, graph.concat({in, deep}));  // the last node is the output
///     Stack<float> model(4, {graph});
///
/// Several inputs are rows of one matrix: `graph.input("x", 6)` and `graph.input("gap", 1)` are rows 0 to 5 and row 6.
///
/// Nodes are numbered in the order of addition; the input is node 0. Parameters are named by node: "1.weight". States
/// are those of the nodes in order. Merged nodes must have the same steps. For an Embedding inside a graph, all vectors
/// count as touched by every batch. No layer inside may share the weights of another layer.
template <class S>
class Graph : public detail::GraphNodes<S> {
  using Base = detail::GraphNodes<S>;
  using Base::all_states, Base::each, Base::first_state, Base::node, Base::offset, Base::pass_of, Base::size;
  using typename Base::Layer;

 public:
  using typename Base::Weights;
  struct Tape {
    std::vector<typename Layer::Tape> layers;  // by node
    std::vector<Signal<S>> values;             // by node
    std::vector<Buffer<S>> merged;             // by node
    std::vector<Buffer<S>> gradients;          // of values, by slot
    std::vector<char> reached;                 // by node: whether its value has a gradient
    Buffer<S> further;                         // gradient to be added to another one
    std::vector<State<S>> state, d_state;      // by node
  };

  void prepare(const S* theta, Weights& weights) const {
    weights.layers.resize(size());
    each([&](const Layer& layer, std::size_t n) { layer.prepare(theta + this->offset(n), weights.layers[n]); });
  }
  void prepare_back(const S* theta, Weights& weights) const {
    each([&](const Layer& layer, std::size_t n) { layer.prepare_back(theta + this->offset(n), weights.layers[n]); });
  }

  Signal<S> forward(const Weights& weights, const Signal<S>& in, const Pass& pass, const State<S>& initial,
                    Tape& tape) const {
    tape.layers.resize(size());
    tape.merged.resize(size());
    tape.state.resize(size());
    tape.d_state.resize(size());
    tape.values.clear();
    tape.values.push_back(in);
    for (std::size_t n = 1; n < size(); ++n)
      detail::within("node ", n, node(n), [&] {
        const auto& layer = node(n).layer;
        tape.values.push_back(layer ? layer->forward(weights.layers[n], value_in(n, tape), pass_of(n, pass),
                                                     part_of(n, initial, tape.state[n]), tape.layers[n])
                              : this->is_rows(n) ? Signal<S>{this->rows_of(n, in.values), in.timeline}
                                                 : merged(n, tape));
      });
    return tape.values.back();
  }

  void final_state(const Signal<S>&, Tape& tape, State<S>& state) const {
    state.resize(all_states());
    each([&](const Layer& layer, std::size_t n) {
      layer.final_state(value_in(n, tape), tape.layers[n], tape.state[n]);
      if (tape.state[n].size() != std::size_t(states(n)))  // names are made for messages alone
        throw ValueError(text(this->named(n), ": states of final_state must be ", states(n), ", as in state_rows, got ",
                              tape.state[n].size()));
      this->hand_over(n, tape.state[n], state);
    });
  }

  void backward(const Weights& weights, const Signal<S>&, const Pass& pass, ConstView<S> d_out, const State<S>& d_final,
                Tape& tape, S* gradient, View<S> d_in, State<S>* d_initial) const {
    tape.gradients.resize(this->slots());
    tape.reached.assign(size(), 0);
    if (d_initial != nullptr) d_initial->resize(all_states());
    for (std::size_t n = size() - 1; n > 0; --n) {
      const ConstView<S> d = n + 1 == size() ? d_out : d_value(n, tape);
      const auto& layer = node(n).layer;
      if (d.data() == nullptr && (!layer || states(n) == 0)) continue;
      if (!layer) {
        this->is_rows(n) ? rows_back(n, d, tape, d_in) : merged_back(n, d, tape, d_in);
        continue;
      }
      add_gradient(node(n).reads[0], tape, d_in, [&](const View<S>& d_source) {
        layer->backward(weights.layers[n], value_in(n, tape), pass_of(n, pass), d, part_of(n, d_final, tape.state[n]),
                        tape.layers[n], gradient + offset(n), d_source,
                        d_initial == nullptr ? nullptr : &tape.d_state[n]);
      });
      if (d_initial != nullptr) hand_over(n, tape.d_state[n], *d_initial);
    }
  }

  void add_statistics(const Tape& tape, double* to) const {
    each([&](const Layer& layer, std::size_t n) {
      layer.add_statistics(tape.layers[n], to);
      to += layer.statistics();
    });
  }

  std::optional<NonFinite> first_non_finite(const Weights& weights, const Signal<S>&, Tape& tape) const {
    for (std::size_t n = 1; n < size(); ++n)
      if (auto where = non_finite_in(n, weights, tape)) {
        where->value = text(this->named(n), ": ", where->value);
        return where;
      }
    return std::nullopt;
  }

 private:
  const Signal<S>& value_in(std::size_t n, const Tape& tape) const { return tape.values[node(n).reads[0]]; }

  // ---- states of one node within those of all nodes

  std::size_t states(std::size_t n) const { return first_state(n + 1) - first_state(n); }

  /// Copies the states of node n to `part`; returns no states if `all` is empty.
  const State<S>& part_of(std::size_t n, const State<S>& all, State<S>& part) const {
    static const State<S> no_state;
    if (all.empty()) return no_state;
    part.resize(states(n));
    for (std::size_t k = 0; k < part.size(); ++k) part[k] = all[first_state(n) + k];
    return part;
  }
  void hand_over(std::size_t n, const State<S>& part, State<S>& all) const {
    for (std::size_t k = 0; k < states(n); ++k) all[first_state(n) + k] = part[k];
  }

  // ---- merging

  auto values_in(std::size_t n, const Tape& tape) const {
    return [&tape, &reads = node(n).reads](std::size_t k) { return tape.values[reads[k]].values; };
  }

  Signal<S> merged(std::size_t n, Tape& tape) const {
    const auto& reads = node(n).reads;
    const Signal<S>& first = tape.values[reads[0]];
    for (std::size_t k = 1; k < reads.size(); ++k)
      if (const auto differ = detail::difference(*first.timeline, *tape.values[reads[k]].timeline); !differ.empty())
        throw ShapeError(
            text(this->named(reads[k]), " must have the same steps as ", this->named(reads[0]), ", got ", differ));
    View<S> out = tape.merged[n].shape(this->shape(n).features, first.values.cols());
    detail::merge_values<S>(node(n).how, reads.size(), values_in(n, tape), out);
    return {view(std::as_const(out)), first.timeline};
  }

  void merged_back(std::size_t n, const ConstView<S>& d, Tape& tape, const View<S>& d_in) const {
    const auto& reads = node(n).reads;
    for (std::size_t k = 0; k < reads.size(); ++k)
      add_gradient(reads[k], tape, d_in, [&](const View<S>& d_source) {
        if (d_source.data() != nullptr)
          detail::unmerge<S>(node(n).how, reads.size(), values_in(n, tape), k, d, d_source);
      });
  }

  void rows_back(std::size_t n, const ConstView<S>& d, Tape& tape, const View<S>& d_in) const {
    add_gradient(0, tape, d_in, [&](View<S> d_source) {
      if (d_source.data() == nullptr) return;
      d_source.setZero();
      this->rows_of(n, d_source) = d;
    });
  }

  std::optional<NonFinite> non_finite_in(std::size_t n, const Weights& weights, Tape& tape) const {
    const auto& layer = node(n).layer;
    return layer ? detail::first_non_finite(*layer, weights.layers[n], value_in(n, tape), this->shape(node(n).reads[0]),
                                            tape.layers[n], tape.values[n], this->shape(n))
                 : detail::non_finite_output(tape.values[n], this->shape(n));
  }

  // ---- gradients of values

  /// Null if no gradient has reached the node.
  ConstView<S> d_value(std::size_t n, const Tape& tape) const {
    return tape.reached[n] != 0 ? tape.gradients[this->slot(n)].view() : nothing<S>();
  }

  /// Accumulates the gradient of node n. `write(d)` overwrites d with the contribution of one consumer of node n. The
  /// first contribution is written directly, the others are added. `d_in` is the gradient of the input and may be null:
  /// then it is not computed.
  template <class F>
  void add_gradient(std::size_t n, Tape& tape, const View<S>& d_in, F&& write) const {
    if (n == 0 && d_in.data() == nullptr) return write(d_in);
    const auto& values = tape.values[n].values;
    View<S> d = n == 0 ? d_in : tape.gradients[this->slot(n)].shape(values.rows(), values.cols());
    if (tape.reached[n] == 0) {
      write(d);
      tape.reached[n] = 1;
    } else {
      View<S> further = tape.further.shape(values.rows(), values.cols());
      write(further);
      d += further;
    }
  }
};

namespace detail {
template <class S>
struct MakeStream<Graph<S>> {
  static std::unique_ptr<AnyStream<S>> of(const Graph<S>& graph, Index, Index, const S* theta) {
    return std::make_unique<GraphStream<S>>(graph, theta);
  }
};
}  // namespace detail

}  // namespace unroll
