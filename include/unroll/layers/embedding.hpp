#pragma once

#include <cmath>

#include "unroll/layers/layer.hpp"

namespace unroll {

/// A learned vector for each of `size` tokens: what comes in is one row of token numbers (0 to size - 1, as numbers of
/// the model's kind, which are exact up to 2^24 in float), what goes out is [dimension x columns].
///
/// Weight [dimension x size], a column per token; normal numbers of deviation 1 at first, as in PyTorch.
template <class S>
struct Embedding {
  using Scalar = S;
  static constexpr bool columnwise = true;
  using Weights = const S*;
  struct Tape {
    Buffer<Index> tokens;
    Buffer<S> output;
  };

  Index size = 0;
  Index dimension = 0;
  Initializer first_values = init::normal(0, 1);
  ParameterTable table = {};  ///< made by connect

  Shape connect(Shape in) {
    require<ShapeError>(size > 0 && dimension > 0, "expects at least 1 token and 1 dimension, got ", size, " and ",
                        dimension);
    require<ShapeError>(in.features == 1, "expects one token number per step, what comes in has ", in.features,
                        " features");
    table = {};
    table.add("weight", Role::input_weight, dimension, size);
    return {dimension, in.per_step};
  }
  std::string_view name() const { return "embedding"; }
  const ParameterTable& parameters() const { return table; }
  std::vector<Index> state_rows() const { return {}; }
  bool causal() const { return true; }
  Start start() const { return {.input_weight = first_values}; }
  std::vector<NamedStart> named_starts() const { return {}; }
  Index kept(Index columns, Index) const { return dimension * columns + columns * Index(sizeof(Index) / sizeof(S)); }
  void prepare(const S* theta, Weights& weights) const { weights = theta; }
  void prepare_back(const S*, Weights&) const {}

  /// Throws ValueError for a number that is no token.
  Signal<S> forward(const S* theta, const Signal<S>& in, const Pass&, const State<S>&, Tape& tape) const {
    auto tokens = tape.tokens.shape(1, in.values.cols());
    auto out = tape.output.shape(dimension, in.values.cols());
    for (Index c = 0; c < out.cols(); ++c) {
      tokens(0, c) = token(in.values(0, c));
      out.col(c) = Eigen::Map<const Vector<S>>(theta + tokens(0, c) * dimension, dimension);
    }
    return {view(std::as_const(out)), in.timeline};
  }

  void final_state(const Signal<S>&, Tape&, State<S>& state) const { state.clear(); }

  /// Nothing comes back to the numbers of tokens: `d_in` is 0.
  void backward(const S*, const Signal<S>&, const Pass&, ConstView<S> d_out, const State<S>&, Tape& tape, S* gradient,
                View<S> d_in, State<S>*) const {
    const auto tokens = tape.tokens.view();
    for (Index c = 0; c < d_out.cols(); ++c)
      Eigen::Map<Vector<S>>(gradient + tokens(0, c) * dimension, dimension) += d_out.col(c);
    if (d_in.data() != nullptr) d_in.setZero();
  }

  std::optional<NonFinite> first_non_finite(const S*, const Signal<S>&, Tape& tape) const {
    return detail::non_finite_output(std::as_const(tape.output).view());
  }

 private:
  Index token(S number) const {
    require<ValueError>(number >= 0 && number < S(size) && number == std::floor(number),
                        "expects token numbers from 0 to ", size - 1, ", got ", number);
    return Index(number);
  }
};

}  // namespace unroll
