#pragma once
// Layers for one sequence, a step at a time, each with a copy of its weights in the order in which a step reads them.

#include "unroll/layers/dense.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/recurrence/equation_cell.hpp"
#include "unroll/recurrence/language.hpp"
#include "unroll/recurrence/run/cell_stream.hpp"

namespace unroll {

/// The layer L for one sequence; `in` and `out` are its features where they are known at compile time, else 0. Without
/// a specialisation a layer runs by its pass forward.
///
/// As CellStream: a sequence has memory_rows() numbers with the caller; step() returns the output, which lies there, or
/// is what came in.
template <class L, int in, int out>
struct LayerStream;

template <class L>
concept HasStream = requires {
  LayerStream<L, 0, 0>::states;
};

namespace detail {

template <class S, const auto& equations, int units>
constexpr int fixed_units(const EquationCell<S, equations, units>*) {
  return units == Eigen::Dynamic ? 0 : units;
}

/// A cell of equations that can be streamed.
template <class C>
concept StreamedCell = requires(const C* cell) {
  fixed_units(cell);
}
&&StreamPlan<typename C::Derivation>::streamable;

/// What a layer's features and a cell's type say about its rows.
template <class C>
constexpr FixedRows fixed_rows(int in, int out) {
  FixedRows fixed{.input = in};
  constexpr int units = fixed_units(static_cast<const C*>(nullptr));
  fixed.size[0] = units;
  if (out > 0) fixed.size[C::program.dimension_of(C::program.output)] = out;
  return fixed;
}

}  // namespace detail

template <detail::StreamedCell C, int in, int out>
struct LayerStream<Recurrent<C>, in, out>
    : CellStream<typename C::Scalar, typename C::Derivation, detail::fixed_rows<C>(in, out)> {
  static constexpr int states = C::states;

  LayerStream(const Recurrent<C>& layer, const typename C::Scalar* theta)
      : LayerStream::CellStream(layer.cell.layout(), theta) {}
};

namespace equations {
/// W x + b as a cell that never reads its state: its parameters lie as those of Dense.
inline constexpr auto map = cell(state(symbols::y), next(symbols::y) = linear(symbols::x));
}  // namespace equations

namespace detail {

/// Weights and biases of a dense layer; zeros where it has no biases.
template <class S>
Vector<S> map_parameters(const Dense<S>& layer, const S* theta) {
  Vector<S> all = Vector<S>::Zero(layer.units * (layer.features + 1));
  const Index given = layer.parameters().size();
  all.head(given) = Eigen::Map<const Vector<S>>(theta, given);
  return all;
}

/// So few outputs fill no register: each is a sum over registers of inputs.
inline constexpr int most_dots = 4;

}  // namespace detail

template <class S, int in, int out>
struct LayerStream<Dense<S>, in, out> : CellStream<S, Derived<equations::map>, FixedRows{{{out}}, in}> {
  using Cell = typename LayerStream::CellStream;
  static constexpr int states = 0;

  LayerStream(const Dense<S>& layer, const S* theta)
      : Cell(CellLayout<Derived<equations::map>>({.inputs = {layer.features}, .units = layer.units}),
             detail::map_parameters(layer, theta).data()) {}
};

template <class S, int in, int out>
requires(in > 0 && out > 0 && out <= detail::most_dots) struct LayerStream<Dense<S>, in, out> {
  static constexpr int states = 0, fixed_memory_rows = int(detail::stream_room<S>(out));

  LayerStream(const Dense<S>& layer, const S* theta) {
    const Vector<S> all = detail::map_parameters(layer, theta);
    weights_ = Eigen::Map<const Matrix<S>>(all.data(), out, in).transpose();
    biases_ = all.tail(out);
  }
  Index memory_rows() const { return fixed_memory_rows; }

  EIGEN_ALWAYS_INLINE const S* step(const S* input, S* memory, Index) const noexcept {
    detail::each_operation<out>([&]<class Row>(Row) __attribute__((always_inline)) {
      memory[Row::value] = dot(input, weights_.data() + Row::value * in) + biases_[Row::value];
    });
    return memory;
  }

 private:
  EIGEN_ALWAYS_INLINE static S dot(const S* a, const S* b) {
    using V = decltype(detail::narrow<NativeLanes<S>, in>());
    constexpr int whole = in / V::size * V::size, rest = in - whole;
    V sum = V::constant(0);
#pragma GCC unroll 4
    for (int k = 0; k < whole; k += V::size) sum = fma(V::load(a + k), V::load(b + k), sum);
    if constexpr (rest > 0) sum = fma(V::load_partial(a + whole, rest), V::load_partial(b + whole, rest), sum);
    return lane_sum(sum);
  }

  Matrix<S> weights_;  // a column for each output
  Vector<S> biases_;
};

/// Nothing is dropped but in training.
template <class S, int in, int out>
struct LayerStream<Dropout<S>, in, out> {
  static constexpr int states = 0, fixed_memory_rows = 0;

  LayerStream(const Dropout<S>&, const S*) {}
  Index memory_rows() const { return 0; }
  EIGEN_ALWAYS_INLINE const S* step(const S* input, S*, Index) const noexcept { return input; }
};

}  // namespace unroll
