#pragma once
// A trained model on a signal that never ends: a step per call, or some, with the state held by the caller.

#include <span>

#include "unroll/infer/detail/layer_streams.hpp"
#include "unroll/infer/detail/model_stream.hpp"
#include "unroll/threads/flush_to_zero.hpp"

namespace unroll {
namespace detail {

/// How a model runs a step at a time: by streams of its layers where all have one, else by its pass forward.
template <class Model, class W>
struct StreamOf {
  using type = ModelStream<Model>;
};
template <class S, class... Given, class W>
requires(detail::HasStream<LayerOf<Given, S>>&&...) struct StreamOf<Sequential<S, Given...>, W> {
  using type = LayerStreams<W, LayerOf<Given, S>...>;
};

}  // namespace detail

/// A model for single sequences, a step at a time:
///
///     const Streaming filter(model);                           // copies the weights into an order of its own
///     auto left = filter.stream(), right = filter.stream();    // what belongs to one signal; both share the weights
///     filter.run(samples, result, left);                       // spans of steps, one after the other
///
/// What runs a step is noexcept and neither allocates nor locks nor throws, so it may be called where time matters; two
/// threads may each have a stream of the same object.
///
/// `widths` gives the sizes to the compiler: the features that come in and those that each layer hands on, as in
/// `Streaming<decltype(model), 1, 16, 1>`. The model itself may have been made with sizes known at run time only. Small
/// networks are twice as fast so.
///
/// A step gives what the model's pass forward gives, but for the order of sums: some units in the last place. Recurrent
/// layers of equations, Dense and Dropout (which does nothing) in a Sequential have streams of their own. A model with
/// other layers, or a Stack, runs by its pass forward, which takes several times as long.
template <class Model, int... widths>
class Streaming {
  using W = detail::Widths<widths...>;
  using Engine = typename detail::StreamOf<Model, W>::type;
  static constexpr bool fixed = sizeof...(widths) > 0;
  static constexpr int rows(int width) { return fixed ? width : int(Eigen::Dynamic); }
  static_assert(((widths > 0) && ...), "unroll: the widths of a stream are numbers of features, at least 1");

 public:
  using Scalar = typename Model::Scalar;
  static constexpr int fixed_features = rows(W::at(0)), fixed_outputs = rows(W::at(fixed ? sizeof...(widths) - 1 : 0));
  using Input = Eigen::Matrix<Scalar, fixed_features, 1>;
  using Output = Eigen::Matrix<Scalar, fixed_outputs, 1>;

  /// What belongs to one signal: states, and room for what a step computes. Made by stream(); a copy goes on from the
  /// same step.
  class Stream {
    friend Streaming;
    explicit Stream(typename Engine::Memory memory) : memory_(std::move(memory)) {}
    typename Engine::Memory memory_;
  };

  /// Throws ValueError naming the layer that cannot run step by step, ShapeError where a width is not the model's.
  explicit Streaming(const Model& model)
      : engine_(checked(model)), shape_(states_of(model)), features_(model.features()), outputs_(model.outputs()) {}

  Index features() const noexcept { return features_; }
  Index outputs() const noexcept { return outputs_; }

  /// At the beginning of a signal, all states zero.
  Stream stream() const { return Stream(engine_.memory()); }
  /// Back to its beginning.
  void reset(Stream& stream) const noexcept { engine_.reset(stream.memory_); }

  /// One step: x [features] -> [outputs]. It leaves the processor's mode as it is, since changing it would cost a fifth
  /// of a small step: hold a FlushToZero around the loop. It is compiled into its caller, which saves another tenth.
  EIGEN_ALWAYS_INLINE Output step(const Input& x, Stream& stream) const noexcept requires fixed {
    Output y;
    engine_.step(x.data(), y.data(), fixed_outputs, stream.memory_);
    return y;
  }

  /// Some steps: `x` holds features() numbers for each, `y` takes outputs() numbers for each. They may be the same
  /// memory where both numbers are equal. Returns false, and does nothing, where the sizes do not fit or the stream is
  /// another model's.
  [[nodiscard]] bool run(std::span<const Scalar> x, std::span<Scalar> y, Stream& stream) const noexcept {
    const std::size_t in = std::size_t(features_), out = std::size_t(outputs_), steps = x.size() / in;
    if (x.size() != steps * in || y.size() != steps * out || !engine_.fits(stream.memory_)) return false;
    const FlushToZero flush;
    for (std::size_t t = 0; t < steps; ++t)
      engine_.step(x.data() + t * in, y.data() + t * out, fixed ? fixed_outputs : outputs_, stream.memory_);
    return true;
  }

  /// The states after the last step, as the model's passes take and give them, for one sequence.
  ModelState<Scalar> state(const Stream& stream) const {
    check(stream);
    ModelState<Scalar> state = shape_;
    engine_.each_state(stream.memory_, [&](std::size_t layer, std::size_t s, const auto& numbers) {
      state[layer][s].col(0) = numbers;
    });
    return state;
  }

  /// Goes on from the states of one sample. Empty: all zero. Throws ShapeError for what does not fit.
  void set_state(Stream& stream, const ModelState<Scalar>& state, Index sample = 0) const {
    check(stream);
    if (state.empty()) return reset(stream);
    check(state, sample);
    engine_.each_state(stream.memory_, [&](std::size_t layer, std::size_t s, auto&& numbers) {
      if (state[layer].empty())
        numbers.setZero();
      else
        numbers = state[layer][s].col(sample);
    });
  }

 private:
  /// All zero, for one sequence.
  static ModelState<Scalar> states_of(const Model& model) {
    ModelState<Scalar> all;
    model.each_layer([&](const auto& layer, auto) {
      all.emplace_back();
      for (const Index rows : layer.state_rows()) all.back().push_back(MatrixX<Scalar>::Zero(rows, 1));
    });
    return all;
  }

  static const Model& checked(const Model& model) {
    check_width(0, model.features(), "what comes in");
    std::size_t layers = 0;
    model.each_layer([&](const auto& layer, auto k) {
      layers = std::size_t(k) + 1;
      const std::string name = text("layer ", std::size_t(k), " (", layer.name(), ")");
      require<ValueError>(layer.causal(), name, ": cannot run step by step: it needs all steps of a sequence");
      check_width(layers, model.shape(layers).features, name);
    });
    require<ShapeError>(!fixed || sizeof...(widths) == layers + 1, "streaming: a model of ", layers, " layers has ",
                        layers + 1, " widths, got ", sizeof...(widths));
    return model;
  }
  static void check_width(std::size_t k, Index features, std::string_view name) {
    require<ShapeError>(!fixed || k >= sizeof...(widths) || features == W::at(k), "streaming: ", name, ": has ",
                        features, " features, the stream is made for ", W::at(k));
  }

  void check(const Stream& stream) const {
    require<ShapeError>(engine_.fits(stream.memory_), "streaming: the stream is another model's");
  }
  void check(const ModelState<Scalar>& state, Index sample) const {
    require<ShapeError>(state.size() == shape_.size(), "streaming: expects the states of ", shape_.size(),
                        " layers, got ", state.size());
    for (std::size_t k = 0; k < state.size(); ++k) {
      if (state[k].empty()) continue;
      require<ShapeError>(state[k].size() == shape_[k].size(), "streaming: layer ", k, ": expects ", shape_[k].size(),
                          " states, got ", state[k].size());
      for (std::size_t s = 0; s < state[k].size(); ++s)
        require<ShapeError>(state[k][s].rows() == shape_[k][s].rows() && sample >= 0 && sample < state[k][s].cols(),
                            "streaming: layer ", k, ", state ", s, ": expects ", shape_[k][s].rows(),
                            " rows and a sample ", sample, ", got ", state[k][s].rows(), " x ", state[k][s].cols());
    }
  }

  Engine engine_;
  ModelState<Scalar> shape_;
  Index features_, outputs_;
};

}  // namespace unroll
