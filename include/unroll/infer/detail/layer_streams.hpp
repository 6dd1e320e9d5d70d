#pragma once
// Model, step by step, whose layers are known at compile time and all have a LayerStream.

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "unroll/infer/detail/layer_stream.hpp"
#include "unroll/models/sequential.hpp"

namespace unroll::detail {

/// Features of a model's input and of each layer's output; empty if known only at run time.
template <int... widths>
struct Widths {
  static constexpr std::array<int, sizeof...(widths)> all{widths...};
  static constexpr int at(std::size_t k) { return k < all.size() ? all[k] : 0; }
};

/// Rows of memory of all layers together, at least 1; Eigen::Dynamic if unknown for one of them.
template <class... Streams>
constexpr int fixed_memory_rows(std::tuple<Streams...>*) {
  if (((Streams::fixed_memory_rows == Eigen::Dynamic) || ...)) return Eigen::Dynamic;
  return std::max(1, (Streams::fixed_memory_rows + ...));
}

template <class W, class... L>
class LayerStreams {
  template <std::size_t... k>
  static std::tuple<LayerStream<L, W::at(k), W::at(k + 1)>...> types(std::index_sequence<k...>);
  using Streams = decltype(types(std::index_sequence_for<L...>{}));
  using S = typename std::tuple_element_t<0, std::tuple<L...>>::Scalar;
  static constexpr int features = W::at(0), outputs = W::at(sizeof...(L));

 public:
  struct Memory {
    Eigen::Matrix<S, fixed_memory_rows(static_cast<Streams*>(nullptr)), 1> numbers;
    Index turn = 0;
  };

  template <class Model>
  explicit LayerStreams(const Model& model) : streams_(make(model, std::index_sequence_for<L...>{})) {
    each([&]<class K>(K) {
      rows_ += rows<K::value>();
      if constexpr (const auto& stream = std::get<K::value>(streams_); requires { stream.weight_bytes(); })
        bytes_ += stream.weight_bytes();
    });
    rows_ = std::max<Index>(1, rows_);
  }

  Memory memory() const {
    Memory memory;
    memory.numbers.setZero(rows_);
    return memory;
  }
  bool fits(const Memory& memory) const noexcept { return memory.numbers.size() == rows_; }
  void reset(Memory& memory) const noexcept {
    memory.numbers.setZero();
    memory.turn = 0;
  }

  /// Whether two sequences run faster together: in small models, whose steps are chains of dependent operations, and in
  /// models whose weights are larger than the first-level cache. Between these sizes they are as fast or slower.
  bool pairs() const noexcept { return bytes_ <= 12 * 1024 || large(); }

  /// Runs consecutive steps of each sequence, x [features x steps] -> y [outputs x steps]. If the weights of several
  /// recurrent layers are larger than the first-level cache, each layer runs some steps before the next one.
  template <int sequences>
  void run(Table<const S*, sequences> x, Table<S*, sequences> y, Index steps,
           const Table<Memory*, sequences>& memory) const noexcept {
    constexpr int recurrent = recurrent_layers(static_cast<Streams*>(nullptr));
    const Index most = recurrent > 1 && large() ? most_steps : 1;
    for (Index count; steps > 0; steps -= count) {
      count = std::min(steps, most);
      if constexpr (recurrent > 1)
        if (count > 1) {
          run_by_layers(x, y, count, memory);
          for (int n = 0; n < sequences; ++n) x[n] += count * features, y[n] += count * outputs;
          continue;
        }
      step(x, y, memory);
      for (int n = 0; n < sequences; ++n) x[n] += features, y[n] += outputs;
    }
  }
  template <int sequences>
  EIGEN_ALWAYS_INLINE void step(Table<const S*, sequences> values, const Table<S*, sequences>& y,
                                const Table<Memory*, sequences>& memory) const noexcept {
    Table<S*, sequences> numbers;
    Table<Index, sequences> turn;
    for (int n = 0; n < sequences; ++n) {
      numbers[n] = memory[n]->numbers.data();
      turn[n] = memory[n]->turn;
    }
    each([&]<class K>(K) __attribute__((always_inline)) {
      values = step_of<K::value>(values, numbers, turn);
      for (int n = 0; n < sequences; ++n) numbers[n] += rows<K::value>();
    });
    for (int n = 0; n < sequences; ++n) {
      memory[n]->turn = 1 - turn[n];
      for (int k = 0; k < outputs; ++k) y[n][k] = values[n][k];
    }
  }

  /// Calls f(layer, state, values) for all states.
  template <class M, class F>
  void each_state(M& memory, F&& f) const {
    auto* numbers = memory.numbers.data();
    each([&]<class K>(K) {
      const auto& stream = std::get<K::value>(streams_);
      if constexpr (std::tuple_element_t<K::value, Streams>::states > 0)
        for (int s = 0; s < stream.states; ++s) f(K::value, std::size_t(s), stream.state(numbers, memory.turn, s));
      numbers += rows<K::value>();
    });
  }

 private:
  template <class F>
  EIGEN_ALWAYS_INLINE static constexpr void each(F&& f) {
    [&]<std::size_t... k>(std::index_sequence<k...>) __attribute__((always_inline)) {
      (f(std::integral_constant<std::size_t, k>{}), ...);
    }
    (std::index_sequence_for<L...>{});
  }
  static constexpr int widest = *std::ranges::max_element(W::all);
  /// Steps that a layer runs before the next one: at most 16, fewer if the outputs of two layers and two sequences
  /// would take more than 64 KB of the stack.
  static constexpr Index most_steps = std::clamp<Index>(64 * 1024 / (4 * Index(sizeof(S)) * widest), 1, 16);

  template <class... Each>
  static constexpr int recurrent_layers(std::tuple<Each...>*) {
    return ((Each::states > 0) + ... + 0);
  }
  bool large() const noexcept { return bytes_ > 32 * 1024; }

  /// One step of layer k of each sequence.
  template <std::size_t k, int sequences>
  EIGEN_ALWAYS_INLINE Table<const S*, sequences> step_of(Table<const S*, sequences> values,
                                                         const Table<S*, sequences>& numbers,
                                                         const Table<Index, sequences>& turn) const noexcept {
    const auto& stream = std::get<k>(streams_);
    if constexpr (requires { stream.step(values, numbers, turn); }) {
      return stream.step(values, numbers, turn);
    } else {
      for (int n = 0; n < sequences; ++n) values[n] = stream.step(values[n], numbers[n], turn[n]);
      return values;
    }
  }

  /// Runs at most most_steps steps, one layer after the other.
  template <int sequences>
  void run_by_layers(const Table<const S*, sequences>& x, const Table<S*, sequences>& y, Index steps,
                     const Table<Memory*, sequences>& memory) const noexcept {
    S between[2][std::size_t(sequences)][std::size_t(most_steps * widest)];  // outputs of two layers, in turn
    Table<const S*, sequences> from = x;
    Table<S*, sequences> numbers, to;
    for (int n = 0; n < sequences; ++n) numbers[n] = memory[n]->numbers.data();
    each([&]<class K>(K) {
      constexpr Index in = W::at(K::value), out = W::at(K::value + 1);
      for (int n = 0; n < sequences; ++n) to[n] = K::value + 1 < sizeof...(L) ? between[K::value % 2][n] : y[n];
      for (Index t = 0; t < steps; ++t) {
        Table<const S*, sequences> values;
        Table<Index, sequences> turn;
        for (int n = 0; n < sequences; ++n) {
          values[n] = from[n] + t * in;
          turn[n] = (memory[n]->turn + t) % 2;
        }
        values = step_of<K::value>(values, numbers, turn);
        for (int n = 0; n < sequences; ++n) std::copy_n(values[n], out, to[n] + t * out);
      }
      for (int n = 0; n < sequences; ++n) from[n] = to[n], numbers[n] += rows<K::value>();
    });
    for (int n = 0; n < sequences; ++n) memory[n]->turn = (memory[n]->turn + steps) % 2;
  }

  template <std::size_t k>
  EIGEN_ALWAYS_INLINE Index rows() const {
    constexpr int fixed = std::tuple_element_t<k, Streams>::fixed_memory_rows;
    if constexpr (fixed != Eigen::Dynamic) return fixed;
    return std::get<k>(streams_).memory_rows();
  }
  template <class Model, std::size_t... k>
  static Streams make(const Model& model, std::index_sequence<k...>) {
    const S* theta = model.parameters().values().data();
    return {std::tuple_element_t<k, Streams>(model.template layer<k>(), theta + model.parameter_offset(k))...};
  }

  Streams streams_;
  Index rows_ = 0;
  Index bytes_ = 0;  // of weights
};

}  // namespace unroll::detail
