#pragma once
// Step-by-step inference against the forward pass.

#include <unroll/infer/streaming.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/sequential.hpp>

#include "cells/all_cells.hpp"
#include "cells/cell_run.hpp"
#include "support/catch.hpp"

namespace streamed {

using namespace unroll;
using cell_run::noise;

/// Rows of a cell's output with the sizes of sizes_for(units).
template <class C>
constexpr int output_rows(int units) {
  if constexpr (requires { C::program; })
    if (const int size = C::program.dimension_of(C::program.output); size > 0) return 1 + size;
  return units;
}

template <class Model>
Model filled(Model model) {
  model.parameters().values() = noise(model.parameters().size(), 1, 4, 0.4).template cast<typename Model::Scalar>();
  return model;
}

template <class... L>
auto made(Index features, L... layers) {
  return filled(Sequential(features, std::move(layers)...));
}

template <template <class, int...> class C = Lstm>
using Small = Sequential<float, Recurrent<C>, Dense>;

template <template <class, int...> class C = Lstm>
auto small(Index units) {
  return made(1, Recurrent<C>{.units = units}, Dense{.units = 1});
}

template <class C>
Recurrent<OneScalar<C>::template Cell> layer_of(Index units, bool biased = true) {
  return {.units = units, .sizes = cell_run::sizes_for<C>(units).sizes, .biased = biased};
}

template <class Model>
MatrixX<typename Model::Scalar> forward(const Model& model, const MatrixX<typename Model::Scalar>& x) {
  typename Model::Tape tape;
  return model.forward(x, Timeline::rectangular(1, x.cols()), tape);
}

template <class S>
std::span<const S> numbers(const MatrixX<S>& m) {
  return {m.data(), std::size_t(m.size())};
}
template <class S>
std::span<S> numbers(MatrixX<S>& m) {
  return {m.data(), std::size_t(m.size())};
}

/// Largest difference from the forward pass over 30 steps, relative to the largest output if that exceeds 1.
template <int... widths, class Model>
double difference(const Model& model) {
  using S = typename Model::Scalar;
  const MatrixX<S> x = noise(model.features(), 30, 9).template cast<S>(), expected = forward(model, x);
  const Streaming<Model, widths...> streaming(model);
  auto stream = streaming.stream();
  MatrixX<S> y = MatrixX<S>::Constant(expected.rows(), expected.cols(), std::numeric_limits<S>::quiet_NaN());
  REQUIRE(streaming.run(numbers(x), numbers(y), stream));
  REQUIRE(y.allFinite());
  return double((y - expected).cwiseAbs().maxCoeff() / std::max(S(1), expected.cwiseAbs().maxCoeff()));
}

/// Every cell in double, where only the order of sums differs, with a number of units that is no multiple of a
/// register, known at compile time and at run time, with biases and without.
template <template <class> class List, int part, int parts>
void every_cell_agrees() {
  cell_run::each_cell<part, parts>(List<double>{}, []<class C>() {
    INFO(C::name);
    for (const bool biased : {true, false}) {
      if (!biased && !requires { typename C::Derivation; }) continue;  // a cell without equations has its biases
      const auto model = filled(sequential<typename C::Scalar>(3, layer_of<C>(21, biased)));
      CHECK(difference<3, output_rows<C>(21)>(model) < 1e-12);
      CHECK(difference(model) < 1e-12);
    }
  });
}

}  // namespace streamed
