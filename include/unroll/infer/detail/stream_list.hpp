#pragma once
// Model, step by step, whose layers have any types: one virtual call per layer and stream_chunk steps.

#include <algorithm>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include "unroll/layers/streams/make_stream.hpp"

namespace unroll::detail {

template <class Model>
class StreamList {
  using S = typename Model::Scalar;
  using Any = AnyStream<S>;

  struct Entry {
    std::unique_ptr<Any> stream;
    std::vector<Index> state_rows;
    Index rows;  // of memory
  };

  /// Layers and weights, shared by all sequences.
  struct Shared {
    explicit Shared(const Model& model)
        : theta(model.parameters().values()), features(model.features()), outputs(model.outputs()) {
      model.each_layer([&]<class L>(const L& layer, auto number) {
        const auto k = std::size_t(number);
        const Index in = model.shape(k).features, out = model.shape(k + 1).features;
        layers.push_back(
            {MakeStream<L>::of(layer, in, out, theta.data() + model.parameter_offset(k)), layer.state_rows(), 0});
        constexpr Index line = 64 / Index(sizeof(S));  // each layer begins at a multiple of a cache line
        rows += layers.back().rows = (layers.back().stream->memory_rows() + line - 1) / line * line;
        widest = std::max(widest, out);
      });
    }

    const VectorX<S> theta;
    const Index features, outputs;
    Index rows = 0, widest = 0;
    std::vector<Entry> layers;
  };

 public:
  /// Memory of one sequence.
  class Memory {
   public:
    explicit Memory(std::shared_ptr<const Shared> shared)
        : shared_(std::move(shared)),
          numbers_(VectorX<S>::Zero(shared_->rows)),
          before_(numbers_),
          between_(2 * stream_chunk * shared_->widest) {
      for (const Entry& layer : shared_->layers) work_.push_back(layer.stream->work());
    }
    Memory(const Memory& other) : Memory(other.shared_) { take(other); }
    /// Allocates nothing if both streams belong to the same model.
    Memory& operator=(const Memory& other) {
      if (shared_ != other.shared_) return *this = Memory(other);
      take(other);
      return *this;
    }
    Memory(Memory&&) noexcept = default;
    Memory& operator=(Memory&&) noexcept = default;
    ~Memory() = default;

   private:
    friend StreamList;
    void take(const Memory& other) {
      numbers_ = other.numbers_;
      turn_ = other.turn_;
    }

    std::shared_ptr<const Shared> shared_;
    VectorX<S> numbers_;
    VectorX<S> before_;   // numbers before the present steps
    VectorX<S> between_;  // outputs of two layers, in turn
    std::vector<std::unique_ptr<typename Any::Work>> work_;
    Index turn_ = 0;
  };

  explicit StreamList(const Model& model) : shared_(std::make_shared<const Shared>(model)) {}

  Memory memory() const { return Memory(shared_); }
  bool fits(const Memory& memory) const noexcept { return memory.shared_ == shared_; }
  void reset(Memory& memory) const noexcept {
    memory.numbers_.setZero();
    memory.turn_ = 0;
  }

  /// Runs steps, x [features x steps] -> y [outputs x steps]. The outputs of a step are NaN and the states unchanged if
  /// a layer refuses its input, such as an invalid token, or if a layer of the user throws.
  void run(Table<const S*, 1> from, Table<S*, 1> to, Index steps, const Table<Memory*, 1>& memories) const noexcept {
    const S* x = from[0];
    S* y = to[0];
    Memory& memory = *memories[0];
    const Index in = shared_->features, out = shared_->outputs;
    while (steps > 0) {
      const Index count = std::min(steps, stream_chunk);
      if (!taken(x, y, count, memory))
        for (Index t = 0; t < count; ++t)
          if (count == 1 || !taken(x + t * in, y + t * out, 1, memory))
            std::fill_n(y + t * out, out, std::numeric_limits<S>::quiet_NaN());
      x += count * in, y += count * out, steps -= count;
    }
  }

  /// Calls f(layer, state, values) for all states.
  template <class M, class F>
  void each_state(M& memory, F&& f) const {
    using Values = std::conditional_t<std::is_const_v<M>, const VectorX<S>, VectorX<S>>;
    S* numbers = const_cast<S*>(memory.numbers_.data());
    for (std::size_t k = 0; k < shared_->layers.size(); ++k) {
      const Entry& layer = shared_->layers[k];
      for (std::size_t s = 0; s < layer.state_rows.size(); ++s)
        f(k, s, Eigen::Map<Values>(layer.stream->state(numbers, memory.turn_, Index(s)), layer.state_rows[s]));
      numbers += layer.rows;
    }
  }

 private:
  /// Runs at most stream_chunk steps. Returns false, with unchanged states, if a layer refuses an input.
  bool taken(const S* x, S* y, Index steps, Memory& memory) const noexcept {
    each_layer(memory, [](const Any& stream, S* now, S* before) { stream.save(now, before); });
    const auto& layers = shared_->layers;
    S* numbers = memory.numbers_.data();
    bool all = true;
    try {
      for (std::size_t k = 0; all && k < layers.size(); ++k) {
        S* const to = memory.between_.data() + Index(k % 2) * stream_chunk * shared_->widest;
        all = layers[k].stream->run(x, to, steps, numbers, memory.turn_, memory.work_[k].get());
        numbers += layers[k].rows;
        x = to;
      }
    } catch (...) {
      all = false;
    }
    if (!all) {
      each_layer(memory, [](const Any& stream, S* now, S* before) { stream.restore(before, now); });
      return false;
    }
    std::copy_n(x, steps * shared_->outputs, y);  // not written before: it may be the memory of the input
    memory.turn_ = (memory.turn_ + steps) % 2;
    return true;
  }

  /// Calls f(stream, its numbers, its numbers before the present steps) for all layers.
  template <class F>
  void each_layer(Memory& memory, F&& f) const {
    Index first = 0;
    for (const Entry& layer : shared_->layers) {
      f(*layer.stream, memory.numbers_.data() + first, memory.before_.data() + first);
      first += layer.rows;
    }
  }

  std::shared_ptr<const Shared> shared_;
};

}  // namespace unroll::detail
