#pragma once
// Layers for one sequence, step by step, each with a copy of its weights in reading order.

#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/recurrence/equation_cell.hpp"
#include "unroll/recurrence/language.hpp"
#include "unroll/recurrence/run/stream/cell_stream.hpp"

namespace unroll::detail {

/// Layer L for one sequence, with `in` and `out` features. A model with a layer that has no specialisation runs as a
/// StreamList.
///
/// As in CellStream, the caller holds memory_rows() numbers per sequence. step() returns the output, which is in this
/// memory, or is the input.
template <class L, int in, int out>
struct LayerStream;

template <class L>
concept HasStream = requires {
  LayerStream<L, 0, 0>::states;
};

template <class Options, class S, int in, int out>
requires requires { typename Options::template Cell<S>::template Stream<in, out>; }
struct LayerStream<RecurrentLayer<Options, S>, in, out> : Options::template Cell<S>::template Stream<in, out> {
  static constexpr int states = Options::template Cell<S>::states;

  LayerStream(const RecurrentLayer<Options, S>& layer, const S* theta)
      : Options::template Cell<S>::template Stream<in, out>(layer.cell().layout(), theta) {}
};

namespace stream_equations {
/// W x + b as a cell that never reads its state; its parameters have the layout of Dense.
inline constexpr auto map = cell(state(symbols::y), next(symbols::y) = linear(symbols::x));
}  // namespace stream_equations

/// Weights and biases of a dense layer; biases are 0 if it has none.
template <class S>
VectorX<S> map_parameters(const DenseLayer<S>& layer, const S* theta) {
  const ParameterBlock& weight = layer.parameters().blocks().front();
  VectorX<S> all = VectorX<S>::Zero(weight.rows * (weight.cols + 1));
  const Index given = layer.parameters().size();
  all.head(given) = Eigen::Map<const VectorX<S>>(theta, given);
  return all;
}

template <class S, int in, int out>
struct LayerStream<DenseLayer<S>, in, out> : CellStream<S, Derived<stream_equations::map>, FixedRows{{{out}}, in}> {
  using Cell = typename LayerStream::CellStream;
  static constexpr int states = 0;

  LayerStream(const DenseLayer<S>& layer, const S* theta)
      : LayerStream(layer.parameters().blocks().front(), layer, theta) {}

 private:
  LayerStream(const ParameterBlock& weight, const DenseLayer<S>& layer, const S* theta)
      : Cell(CellLayout<Derived<stream_equations::map>>({.inputs = {weight.cols}, .units = weight.rows}),
             map_parameters(layer, theta).data()) {}
};

template <class S, int in, int out>
requires(in > 0 && out > 0 && out <= most_dots) struct LayerStream<DenseLayer<S>, in, out> {
  static constexpr int states = 0, fixed_memory_rows = int(stream_room<S>(out));

  LayerStream(const DenseLayer<S>& layer, const S* theta) {
    const VectorX<S> all = map_parameters(layer, theta);
    weights_ = Eigen::Map<const MatrixX<S>>(all.data(), out, in).transpose();
    biases_ = all.tail(out);
  }
  Index memory_rows() const { return fixed_memory_rows; }

  EIGEN_ALWAYS_INLINE const S* step(const S* input, S* memory, Index) const noexcept {
    each_operation<out>([&]<class Row>(Row) __attribute__((always_inline)) {
      memory[Row::value] = dot(input, weights_.data() + Row::value * in) + biases_[Row::value];
    });
    return memory;
  }

 private:
  EIGEN_ALWAYS_INLINE static S dot(const S* a, const S* b) {
    using V = decltype(narrow<NativeLanes<S>, in>());
    constexpr int whole = in / V::size * V::size, rest = in - whole;
    V sum = V::constant(0);
#pragma GCC unroll 4
    for (int k = 0; k < whole; k += V::size) sum = fma(V::load(a + k), V::load(b + k), sum);
    if constexpr (rest > 0) sum = fma(V::load_partial(a + whole, rest), V::load_partial(b + whole, rest), sum);
    return lane_sum(sum);
  }

  MatrixX<S> weights_;  // one column per output
  VectorX<S> biases_;
};

/// Dropout is the identity outside training.
template <class S, int in, int out>
struct LayerStream<DropoutLayer<S>, in, out> {
  static constexpr int states = 0, fixed_memory_rows = 0;

  LayerStream(const DropoutLayer<S>&, const S*) {}
  Index memory_rows() const { return 0; }
  EIGEN_ALWAYS_INLINE const S* step(const S* input, S*, Index) const noexcept { return input; }
};

}  // namespace unroll::detail
