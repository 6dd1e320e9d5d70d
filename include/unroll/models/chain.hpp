#pragma once
// Chain of layers: common base of Sequential and Stack.

#include "unroll/core/non_temporary.hpp"
#include "unroll/models/detail/prepared_chain.hpp"
#include "unroll/threads/flush_to_zero.hpp"

namespace unroll {

/// States of all layers of a model, in order. Empty for a layer without states; empty as a whole: all zero.
template <class Scalar>
using ModelState = std::vector<State<Scalar>>;

/// Chain of layers. `Layers` holds the layers and the types of their tapes: ListedLayers of stack.hpp.
///
/// The model owns only its parameters. Passes write to a Tape, so threads can share a model if each has its own tape.
template <class Layers>
class Chain : public detail::PreparedChain<Layers> {
  using Base = detail::PreparedChain<Layers>;
  using Base::check_size, Base::check_states, Base::each, Base::last_is_columnwise, Base::non_finite_parameter;
  using Base::no_state, Base::pass_of, Base::states, Base::within;

 public:
  using Scalar = typename Layers::Scalar;
  using Base::depth, Base::features, Base::parameters, Base::piece_columns, Base::parameter_offset;
  using Base::prepare, Base::prepare_back, Base::shape;
  using typename Base::Weights;

  /// Values that a forward pass stores for the backward pass; reused between batches. It refers to the weights, and to
  /// the input and the timeline unless they were temporaries; these must outlive its use. Not movable, because it also
  /// refers to itself.
  struct Tape {
    Tape() = default;
    Tape(const Tape&) = delete;
    Tape& operator=(const Tape&) = delete;

    Weights own;  // if the caller gives no weights
    const Weights* weights = nullptr;
    typename Layers::Tapes layers;
    std::vector<Signal<Scalar>> in;  // of each layer, followed by the output of the last one
    MatrixX<Scalar> x;               // holds temporary arguments
    Timeline timeline;
    Pass pass;
    Buffer<Scalar> d_in[2];  // alternating: a layer writes one and the layer before it reads it
    bool consumed = false;   // the backward pass overwrites the stored values
  };

  /// Forward pass: x [features x columns of the timeline] -> [outputs x columns], or one column per sequence by rank;
  /// see output_timeline. Empty `initial`: all states zero. The tape stores temporary x and timeline. Throws ShapeError
  /// if sizes do not match.
  ConstView<Scalar> forward(detail::PassInput<Scalar> x, detail::PassTimeline timeline, Tape& tape,
                            const Pass& pass = {}, const ModelState<Scalar>& initial = {}) const {
    prepare(tape.own);
    run(tape.own, x, timeline, tape, pass, initial, depth());
    return tape.in.back().values;
  }
  /// The same with prepared weights.
  ConstView<Scalar> forward(detail::NonTemporary<Weights> weights, detail::PassInput<Scalar> x,
                            detail::PassTimeline timeline, Tape& tape, const Pass& pass = {},
                            const ModelState<Scalar>& initial = {}) const {
    run(weights, x, timeline, tape, pass, initial, depth());
    return tape.in.back().values;
  }

  /// First half of a training pass, completed by `learn`. Weights must be prepared for both passes. Omits a columnwise
  /// last layer, so that its outputs are never all in memory.
  void begin_learning(detail::NonTemporary<Weights> weights, detail::PassInput<Scalar> x, detail::PassTimeline timeline,
                      Tape& tape, const Pass& pass = {}, const ModelState<Scalar>& initial = {}) const {
    run(weights, x, timeline, tape, pass, initial, depth() - (last_is_columnwise() ? 1 : 0));
  }

  /// Second half of a training pass. `loss(first, output)` receives a block of output columns and the number of its
  /// first column, and returns their gradient, a view that must stay valid until the next call. Adds to `gradient`.
  template <class F>
  void learn(Tape& tape, Parameters<Scalar>& gradient, F&& loss) const {
    if (tape.in.size() == depth() + 1) return backward(tape, loss(Index(0), tape.in.back().values), gradient);
    require<ValueError>(tape.in.size() == depth() && last_is_columnwise(), no_pass);
    check_way_back(tape);
    check_size(gradient);
    tape.consumed = true;
    const FlushToZero flush;
    const std::size_t last = depth() - 1;
    const auto& layer = layers().at(last);
    this->within(last, layer, [&] { learn_last(layer, last, tape, gradient, loss); });
    back(tape, depth() - 1, std::as_const(tape.d_in[(depth() - 1) % 2]).view(), gradient, nullptr, {}, nullptr);
  }

  /// Outputs for a block `some` of the columns of `tape.in.back()` after `begin_learning`; valid until the next call.
  ConstView<Scalar> finish(Tape& tape, ConstView<Scalar> some) const {
    if (tape.in.size() == depth() + 1) return some;
    require<ValueError>(tape.in.size() == depth() && last_is_columnwise(), no_pass);
    const FlushToZero flush;
    const std::size_t last = depth() - 1;
    return layers()
        .at(last)
        .forward(Layers::of(tape.weights->layers, last), {some, tape.in.back().timeline},
                 this->pass_of(last, tape.pass), no_state(), Layers::of(tape.layers, last))
        .values;
  }

  /// Adds the running statistics of the last forward pass to `to` [statistics()], initially 0.
  void add_statistics(const Tape& tape, double* to) const {
    if (this->statistics() == 0) return;
    each([&](const auto& layer, auto k) {
      layer.add_statistics(Layers::of(tape.layers, k), to);
      to += layer.statistics();
    });
  }

  /// Timeline of the output of the last pass: that of the batch, or one step per sequence.
  const Timeline& output_timeline(const Tape& tape) const {
    check_forward(tape);
    return *tape.in.back().timeline;
  }

  /// States after the last step of each sequence.
  ModelState<Scalar> final_state(Tape& tape) const {
    ModelState<Scalar> state;
    final_state(tape, state);
    return state;
  }
  void final_state(Tape& tape, ModelState<Scalar>& state) const {
    require<ValueError>(tape.in.size() >= depth(), no_pass);
    state.resize(depth());
    each([&](const auto& layer, auto k) {
      if (k + 1 == tape.in.size()) return state[k].clear();  // omitted layer, which has no state
      layer.final_state(tape.in[k], Layers::of(tape.layers, k), state[k]);
      if (state[k].size() != this->states(k).size())  // avoids building the message unless it is needed
        throw ValueError(text("layer ", std::size_t(k), " (", layer.name(), "): states of final_state must be ",
                              this->states(k).size(), ", as in state_rows, got ", state[k].size()));
    });
  }

  /// Backward pass: adds the gradient of the last forward pass to `gradient` (same table as parameters()). `d_output`
  /// is the gradient of its output, `d_final` those of its final states. If not null, `d_x` [features x columns] is
  /// overwritten with the gradient of the input and `d_initial` with those of the initial states.
  void backward(Tape& tape, ConstView<Scalar> d_output, Parameters<Scalar>& gradient, MatrixX<Scalar>* d_x = nullptr,
                const ModelState<Scalar>& d_final = {}, ModelState<Scalar>* d_initial = nullptr) const {
    check_gradient(tape, d_output, gradient);
    check_states("gradients of final states", d_final);
    if (tape.weights == &tape.own) prepare_back(tape.own);
    tape.consumed = true;
    if (d_x != nullptr) d_x->resize(features(), tape.in.front().values.cols());
    if (d_initial != nullptr) d_initial->resize(depth());
    back(tape, depth(), d_output, gradient, d_x, d_final, d_initial);
  }
  void backward(Tape& tape, const MatrixX<Scalar>& d_output, Parameters<Scalar>& gradient,
                MatrixX<Scalar>* d_x = nullptr, const ModelState<Scalar>& d_final = {},
                ModelState<Scalar>* d_initial = nullptr) const {
    backward(tape, detail::given(d_output), gradient, d_x, d_final, d_initial);
  }

  /// Description of the first non-finite value of the last forward pass; empty if there is none. Throws ValueError
  /// after the backward pass, which overwrites the stored values.
  std::string locate_non_finite(Tape& tape) const {
    check_forward(tape);
    check_not_consumed(tape);
    std::string found = non_finite_input(tape);
    if (found.empty()) found = non_finite_parameter();
    each([&](const auto& layer, auto k) {
      if (!found.empty()) return;
      if (const auto where =
              detail::first_non_finite(layer, Layers::of(tape.weights->layers, k), tape.in[k], this->shape(k),
                                       Layers::of(tape.layers, k), tape.in[k + 1], this->shape(k + 1)))
        found =
            text("layer ", std::size_t(k), " (", layer.name(), "): ", where->value, " at ", detail::place_of(*where));
    });
    return found;
  }

 protected:
  using Base::Base, Base::layers;

  void check_forward(const Tape& tape) const { require<ValueError>(tape.in.size() == depth() + 1, no_pass); }
  static void check_not_consumed(const Tape& tape) {
    require<ValueError>(!tape.consumed, "model: a backward pass has used this tape; call forward(...) with it first");
  }

 private:
  static constexpr const char* no_pass = "model: the tape has no forward pass; call forward(...) with it first";

  /// Forward pass of the first `count` layers.
  void run(const Weights& weights, detail::PassInput<Scalar>& x, detail::PassTimeline& timeline, Tape& tape,
           const Pass& pass, const ModelState<Scalar>& initial, std::size_t count) const {
    check(x.view(), timeline.get(), initial);
    const FlushToZero flush;
    tape.pass = pass;
    tape.weights = &weights;
    layers().make_room(tape.layers);
    tape.consumed = false;
    tape.in.clear();
    tape.in.push_back({std::move(x).settle(tape.x), &std::move(timeline).settle(tape.timeline)});
    each([&](const auto& layer, auto k) {
      if (k >= count) return;
      this->within(k, layer, [&] {
        tape.in.push_back(layer.forward(Layers::of(weights.layers, k), tape.in.back(), this->pass_of(k, pass),
                                        initial.empty() ? no_state() : initial[k], Layers::of(tape.layers, k)));
      });
    });
  }

  /// Forward and backward pass of the last layer, in blocks of columns.
  template <class L, class F>
  void learn_last(const L& layer, auto k, Tape& tape, Parameters<Scalar>& gradient, F&& loss) const {
    const Signal<Scalar> in = tape.in.back();
    const Index columns = in.values.cols(), piece = piece_columns();
    View<Scalar> d_in(nullptr, 0, 0, Eigen::OuterStride<>(0));
    if (k > 0) new (&d_in) View<Scalar>(tape.d_in[k % 2].shape(in.values.rows(), columns));
    for (Index first = 0; first == 0 || first < columns; first += piece) {
      const Index count = std::min(piece, columns - first);
      const Signal<Scalar> some{detail::from_column(in.values, first, count), in.timeline};
      auto& layer_tape = Layers::of(tape.layers, k);
      const auto& weights = Layers::of(tape.weights->layers, k);
      const auto out = layer.forward(weights, some, this->pass_of(k, tape.pass), no_state(), layer_tape);
      layer.backward(weights, some, this->pass_of(k, tape.pass), loss(first, out.values), no_state(), layer_tape,
                     gradient.values().data() + parameter_offset(k), detail::from_column(d_in, first, count), nullptr);
      gradient.touch(parameter_offset(k), layer.touched(layer_tape));
    }
  }

  /// Backward pass of the first `count` layers.
  void back(Tape& tape, std::size_t count, ConstView<Scalar> d_out, Parameters<Scalar>& gradient, MatrixX<Scalar>* d_x,
            const ModelState<Scalar>& d_final, ModelState<Scalar>* d_initial) const {
    const FlushToZero flush;
    layers().each_back([&](const auto& layer, auto k) {
      if (k >= count) return;
      View<Scalar> d_in(nullptr, 0, 0, Eigen::OuterStride<>(0));
      const auto& in = tape.in[k].values;
      if (k > 0) new (&d_in) View<Scalar>(tape.d_in[k % 2].shape(in.rows(), in.cols()));
      if (k == 0 && d_x != nullptr) new (&d_in) View<Scalar>(view(*d_x));
      if (d_out.data() == nullptr && this->states(k).empty()) {  // only final states have a gradient, and none is left
        if (k == 0) d_in.setZero();
        return;
      }
      this->within(k, layer, [&] {
        layer.backward(Layers::of(tape.weights->layers, k), tape.in[k], this->pass_of(k, tape.pass), d_out,
                       d_final.empty() ? no_state() : d_final[k], Layers::of(tape.layers, k),
                       gradient.values().data() + this->parameter_offset(k), d_in,
                       d_initial == nullptr ? nullptr : &(*d_initial)[k]);
        gradient.touch(this->parameter_offset(k), layer.touched(Layers::of(tape.layers, k)));
      });
      new (&d_out) ConstView<Scalar>(d_in.data(), d_in.rows(), d_in.cols(), Eigen::OuterStride<>(d_in.outerStride()));
    });
  }

  void check(const ConstView<Scalar>& x, const Timeline& timeline, const ModelState<Scalar>& initial) const {
    require<ShapeError>(x.rows() == features(), "layer 0 (", layers().first_name(), "): features per step must be ",
                        features(), ", got ", x.rows());
    require<ShapeError>(x.cols() == timeline.columns(), "model: input must have as many columns as the timeline, ",
                        timeline.columns(), ", got ", x.cols());
    check_states("initial states", initial);
  }

  /// Called before a gradient is modified.
  static void check_way_back(const Tape& tape) {
    check_not_consumed(tape);
    require<ValueError>(tape.pass.keeping.keep != Keep::nothing,
                        "model: the forward pass ran with Keep::nothing; run it with Keep::everything");
  }
  void check_gradient(const Tape& tape, const ConstView<Scalar>& d_output, const Parameters<Scalar>& gradient) const {
    check_forward(tape);
    check_way_back(tape);
    for (std::size_t k = 0; k <= depth(); ++k)
      require<ShapeError>(tape.in[k].values.rows() == shape(k).features,
                          "model: the tape is of another model; call forward(...) of this model with it first");
    const auto& out = tape.in.back().values;
    if (d_output.data() != nullptr)
      detail::check_shape("model", "gradient of the output", d_output.rows(), d_output.cols(), out.rows(), out.cols());
    check_size(gradient);
  }

  std::string non_finite_input(const Tape& tape) const {
    const Signal<Scalar>& in = tape.in.front();
    const auto found = detail::non_finite_output(in, shape(0));
    return found ? "input at " + detail::place_of(*found) : std::string();
  }
};

}  // namespace unroll
