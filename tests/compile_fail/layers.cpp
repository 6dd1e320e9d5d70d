// Messages of the compiler for incomplete layers and wrong models.
#include <unroll/cells/gru.hpp>
#include <unroll/check/gradient.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/ctc.hpp>
#include <unroll/losses/several/losses.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/models/stack.hpp>

using namespace unroll;

// CASE 1: unroll: a layer derives from LayerBase<Scalar>; see docs/own-layer.md
#if CASE == 1
struct Base {
  using Scalar = double;
};
// CASE 2: unroll: a layer with Weights other than a pointer to its parameters needs prepare(theta, weights) const
#elif CASE == 2
using Base = LayerBase<double, MatrixX<double>>;
#else
using Base = LayerBase<double>;
#endif

struct Twice : Base {
  struct Kept {
    MatrixX<double> output;
  };
#if CASE != 1
  using Tape = Kept;
#endif
  Shape connect(Shape in) { return in; }
// CASE 3: unroll: a layer needs Shape connect(Shape) and name() const
#if CASE != 3
  std::string_view name() const { return "twice"; }
#endif
// CASE 4: unroll: a layer derives from LayerBase<Scalar>, and its members have the signatures that they have there
#if CASE == 4
  Index kept(Index columns, Index) const { return columns; }
#endif
  template <class W>
  Signal<double> forward(const W&, const Signal<double>& in, const Pass&, const State<double>&, Kept& tape) const {
    tape.output = 2 * in.values;
    return {view(std::as_const(tape.output)), in.timeline};
  }
// CASE 5: unroll: a layer needs forward(weights, in, pass, initial, tape) and backward(weights, in, pass, d_out, d_final, tape,
#if CASE != 5
  template <class W>
  void backward(const W&, const Signal<double>&, const Pass&, ConstView<double> d_out, const State<double>&, Kept&, double*,
                View<double> d_in, State<double>*) const {
    if (d_in.data() != nullptr) d_in = 2 * d_out;
  }
#endif
};

void make() { Sequential model(3, Twice{}); }

// CASE 6: unroll: all layers of a model must have the same Scalar
#if CASE == 6
void mixed() { auto model = sequential<float>(3, Dense{.units = 2}, Twice{}); }
#endif

// CASE 7: unroll: gradients are checked in double; make the model with double
#if CASE == 7
using Number = float;
#else
using Number = double;
#endif
void check() {
  auto model = sequential<Number>(3, Dense{.units = 2});
  check_gradients(model, MatrixX<double>::Zero(3, 1), Timeline::rectangular(1, 1),
                  [](const auto& output, auto&) { return double(output.sum()); });
}

// CASE 8: unroll: a cell is not a layer; write Recurrent<Gru>{.units = 32} or Bidirectional<Gru>{.units = 32}
#if CASE == 8
void cell_in_sequential() { Sequential model(3, Gru<float>({.inputs = {3}, .units = 4}), Dense{.units = 2}); }
#endif

// CASE 9: unroll: a cell is not a layer; write Recurrent<Gru>{.units = 32} or Bidirectional<Gru>{.units = 32}
#if CASE == 9
void cell_in_stack() { Stack<float> model(3, {Gru<float>({.inputs = {3}, .units = 4})}); }
#endif

// CASE 10: a class template
#if CASE == 10
void cell_with_scalar() { Sequential model(3, Recurrent<Gru<float>>{.units = 4}); }
#endif

// CASE 11: unroll: Recurrent and Bidirectional must have a cell, such as Recurrent<Gru>, not a layer
#if CASE == 11
void layer_as_cell() { Sequential model(3, Recurrent<DenseLayer>{.units = 4}); }
#endif

// CASE 12: unroll: a layer must be options such as Dense{.units = 4}, or a type that derives from LayerBase<Scalar>
#if CASE == 12
void no_layer() { Sequential model(3, 4); }
#endif

// CASE 13: unroll: a loss of whole sequences, such as CtcLoss, and Losses must not be one of several losses
#if CASE == 13
void sequences_among_several() { Losses losses{NamedLoss{"text", CtcLoss{}, 3}}; }
#endif
