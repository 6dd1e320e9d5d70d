#pragma once
// Streaming inference: a trained model on an unbounded signal, one or more steps per call; the caller holds the state.

#include <functional>
#include <initializer_list>
#include <span>
#include <type_traits>

#include "unroll/infer/detail/layer_streams.hpp"
#include "unroll/infer/detail/stream_list.hpp"
#include "unroll/threads/flush_to_zero.hpp"

namespace unroll {
namespace detail {

/// Engine of a model: one function of all layers if their types and sizes are known at compile time, else a list.
template <class Model, class W>
struct StreamOf {
  using type = StreamList<Model>;
};
template <class S, class... Given, class W>
requires(W::all.size() > 0 &&
         (detail::HasStream<LayerOf<Given, S>> && ...)) struct StreamOf<Sequential<S, Given...>, W> {
  using type = LayerStreams<W, LayerOf<Given, S>...>;
};

}  // namespace detail

/// Model for single sequences, step by step:
///
///     const Streaming filter(model);                           // copies the weights
///     auto left = filter.stream(), right = filter.stream();    // one stream per signal; both share the weights
///     filter.run(samples, result, left);                       // spans of consecutive steps
///
/// Functions that run steps are noexcept and neither allocate nor lock, so real-time threads may call them. Two threads
/// may each use a stream of the same object.
///
/// `widths` gives the sizes at compile time: the features of the input and of each layer's output, as in
/// `Streaming<decltype(model), 1, 16, 1>`. The sizes of the model itself may be known only at run time. A Sequential of
/// recurrent layers of equations, Dense and Dropout (the identity) is then compiled as one function; several
/// recurrent layers with more than 32 KB of weights run some steps each in turn. All other models, a Stack in
/// particular, run layer by layer, some steps at a time.
///
/// A step gives the result of the model's forward pass: in recurrent layers of equations, and in Dense with widths or
/// at most 4 outputs, up to the order of sums, i.e. some units in the last place; in all other layers bit for bit.
template <class Model, int... widths>
class Streaming {
  using W = detail::Widths<widths...>;
  using Engine = typename detail::StreamOf<std::remove_const_t<Model>, W>::type;
  using Memory = typename Engine::Memory;
  static constexpr bool fixed = sizeof...(widths) > 0;
  static constexpr int rows(int width) { return fixed ? width : int(Eigen::Dynamic); }
  static_assert(((widths > 0) && ...), "unroll: every width of a stream must be at least 1 feature");

 public:
  using Scalar = typename Model::Scalar;
  static constexpr int fixed_features = rows(W::at(0)), fixed_outputs = rows(W::at(fixed ? sizeof...(widths) - 1 : 0));
  using Input = Eigen::Matrix<Scalar, fixed_features, 1>;
  using Output = Eigen::Matrix<Scalar, fixed_outputs, 1>;

  /// States of one signal, and buffers of a step. Made by stream(); a copy continues from the same step.
  class Stream {
    friend Streaming;
    explicit Stream(Memory memory) : memory_(std::move(memory)) {}
    Memory memory_;
  };

  /// Copies the model's weights. Throws ValueError, with the name of the layer, if a layer cannot run step by step, and
  /// ShapeError if a width is not the model's.
  explicit Streaming(const Model& model)
      : engine_(checked(model)),
        shape_(states_of(model)),
        inputs_(model.inputs()),
        features_(model.features()),
        outputs_(model.outputs()) {}

  Index features() const noexcept { return features_; }
  Index outputs() const noexcept { return outputs_; }
  /// Names and rows of several inputs within the features of a step; empty: one input without a name.
  const NamedRows& inputs() const noexcept { return inputs_; }

  /// Stream at the beginning of a signal: all states are 0.
  Stream stream() const { return Stream(engine_.memory()); }
  /// Resets a stream to the beginning of a signal.
  void reset(Stream& stream) const noexcept { engine_.reset(stream.memory_); }

  /// One step: x [features] -> [outputs]. Does not change the processor's mode, which would cost a fifth of a small
  /// step: use a FlushToZero around the loop. Inlined into its caller, which saves another tenth.
  EIGEN_ALWAYS_INLINE Output step(const Input& x, Stream& stream) const noexcept requires fixed {
    Output y;
    engine_.step(Table<const Scalar*, 1>{x.data()}, Table<Scalar*, 1>{y.data()}, Table<Memory*, 1>{&stream.memory_});
    return y;
  }

  /// Consecutive steps: `x` holds features() numbers per step, `y` receives outputs() numbers per step. They may be the
  /// same memory if both numbers are equal. Returns false, without effect, if the sizes do not match, if `x` and `y`
  /// overlap in another way, or if the stream is another model's.
  [[nodiscard]] bool run(std::span<const Scalar> x, std::span<Scalar> y, Stream& stream) const noexcept {
    const Channel channel{x, y, stream};
    if (!fits(channel)) return false;
    const FlushToZero flush;
    run_together<1>(&channel);
    return true;
  }

  /// Signal of several that run together; see run(x, y, stream).
  struct Channel {
    std::span<const Scalar> x;
    std::span<Scalar> y;
    Stream& stream;
  };

  /// Consecutive steps of several signals, such as those of a stereo effect. Each channel has the results of
  /// run(x, y, stream), bit for bit. With widths, two channels at a time are one computation where that is faster.
  /// Returns false, without effect, if a channel does not fit, if the numbers of steps differ, or if two channels have
  /// the same stream or one writes what another reads or writes.
  [[nodiscard]] bool run(std::span<const Channel> channels) const noexcept {
    for (std::size_t k = 0; k < channels.size(); ++k) {
      if (!fits(channels[k])) return false;
      for (std::size_t j = 0; j < k; ++j)
        if (!independent(channels[j], channels[k])) return false;
    }
    const FlushToZero flush;
    std::size_t k = 0;
    if constexpr (requires { engine_.pairs(); })
      for (; engine_.pairs() && k + 1 < channels.size(); k += 2) run_together<2>(&channels[k]);
    for (; k < channels.size(); ++k) run_together<1>(&channels[k]);
    return true;
  }
  [[nodiscard]] bool run(std::initializer_list<Channel> channels) const noexcept {
    return run(std::span<const Channel>(channels.begin(), channels.size()));
  }

  /// States after the last step, for one sequence, as the model's passes take and return them. Throws ShapeError for a
  /// stream of another model.
  ModelState<Scalar> state(const Stream& stream) const {
    check(stream);
    ModelState<Scalar> state = shape_;
    engine_.each_state(stream.memory_, [&](std::size_t layer, std::size_t s, const auto& numbers) {
      state[layer][s].col(0) = numbers;
    });
    return state;
  }

  /// Sets the states to those of one sample; empty: all 0. Throws ShapeError for states that do not match.
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
  template <int count>
  void run_together(const Channel* channels) const noexcept {
    Table<const Scalar*, count> x;
    Table<Scalar*, count> y;
    Table<Memory*, count> memory;
    for (int k = 0; k < count; ++k)
      x[k] = channels[k].x.data(), y[k] = channels[k].y.data(), memory[k] = &channels[k].stream.memory_;
    engine_.run(x, y, Index(channels->x.size()) / features_, memory);
  }

  bool fits(const Channel& channel) const noexcept {
    const std::size_t in = std::size_t(features_), out = std::size_t(outputs_), steps = channel.x.size() / in;
    const bool in_place = channel.x.data() == channel.y.data() && in == out;
    return channel.x.size() == steps * in && channel.y.size() == steps * out && engine_.fits(channel.stream.memory_) &&
           (in_place || !overlap(channel.x, channel.y));
  }
  /// Channels of equal length that can run in any order.
  static bool independent(const Channel& a, const Channel& b) noexcept {
    return a.x.size() == b.x.size() && &a.stream != &b.stream && !overlap(a.y, b.x) && !overlap(a.x, b.y) &&
           !overlap(a.y, b.y);
  }
  static bool overlap(std::span<const Scalar> a, std::span<const Scalar> b) noexcept {
    const std::less<const Scalar*> before;
    return !a.empty() && !b.empty() && before(a.data(), b.data() + b.size()) && before(b.data(), a.data() + a.size());
  }

  /// States of one sequence, all 0.
  static ModelState<Scalar> states_of(const Model& model) {
    ModelState<Scalar> all;
    model.each_layer([&](const auto& layer, auto) {
      all.emplace_back();
      for (const Index rows : layer.state_rows()) all.back().push_back(MatrixX<Scalar>::Zero(rows, 1));
    });
    return all;
  }

  static const Model& checked(const Model& model) {
    check_width(0, model.features(), "the input");
    std::size_t layers = 0;
    model.each_layer([&](const auto& layer, auto k) {
      layers = std::size_t(k) + 1;
      const std::string name = text("layer ", std::size_t(k), " (", layer.name(), ")");
      require<ValueError>(layer.causal() || model.shape(layers).per_step, "streaming: ", name,
                          ": the layer has one output for a sequence, a stream one for every step; copy the weights to "
                          "a model with all outputs, without LastStep, Returns::last and pooling over time");
      require<ValueError>(layer.causal(), "streaming: ", name,
                          ": the layer reads later steps or changes their number; use forward layers, and convolutions "
                          "with causal() and stride 1 in place of windows of pooling");
      check_width(layers, model.shape(layers).features, name);
    });
    require<ShapeError>(!fixed || sizeof...(widths) == layers + 1, "streaming: the stream must have ", layers + 1,
                        " widths for a model of ", layers, " layers, got ", sizeof...(widths));
    return model;
  }
  static void check_width(std::size_t k, Index features, std::string_view name) {
    require<ShapeError>(!fixed || k >= sizeof...(widths) || features == W::at(k), "streaming: ", name,
                        ": the width of the stream must be ", features, " features, as the model, got ", W::at(k));
  }

  void check(const Stream& stream) const {
    require<ShapeError>(engine_.fits(stream.memory_),
                        "streaming: the stream belongs to another model; use a stream of this model");
  }
  void check(const ModelState<Scalar>& state, Index sample) const {
    require<ShapeError>(state.size() == shape_.size(), "streaming: the state must have ", shape_.size(),
                        " layers, got ", state.size());
    for (std::size_t k = 0; k < state.size(); ++k) {
      if (state[k].empty()) continue;
      require<ShapeError>(state[k].size() == shape_[k].size(), "streaming: layer ", k, ": the state must have ",
                          shape_[k].size(), " matrices, got ", state[k].size());
      for (std::size_t s = 0; s < state[k].size(); ++s)
        require<ShapeError>(state[k][s].rows() == shape_[k][s].rows() && sample >= 0 && sample < state[k][s].cols(),
                            "streaming: layer ", k, ", state ", s, ": the matrix must have ", shape_[k][s].rows(),
                            " rows and a column ", sample, ", got ", state[k][s].rows(), " x ", state[k][s].cols());
    }
  }

  Engine engine_;
  ModelState<Scalar> shape_;
  NamedRows inputs_;
  Index features_, outputs_;
};

}  // namespace unroll
