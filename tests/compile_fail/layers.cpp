// What the compiler says about layers and models that lack something.
#include <unroll/check/gradient.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/models/sequential.hpp>

using namespace unroll;

struct Twice : PlainLayer<double> {
// CASE 1: unroll: a layer needs the types Scalar, Weights and Tape
#if CASE != 1
  struct Tape {
    Matrix<double> output;
  };
#else
  struct Other {
    Matrix<double> output;
  };
  using Kept = Other;
#endif
#if CASE != 1
  using Kept = Tape;
#endif
  Shape connect(Shape in) { return in; }
// CASE 2: unroll: a layer needs connect(shape), and const: name, parameters, state_rows, causal, start, named_starts and kept
#if CASE != 2
  std::string_view name() const { return "twice"; }
#endif
  Index kept(Index columns, Index) const { return columns; }
  Signal<double> forward(const double*, const Signal<double>& in, const Pass&, const State<double>&, Kept& tape) const {
    tape.output = 2 * in.values;
    return {view(std::as_const(tape.output)), in.timeline};
  }
// CASE 3: unroll: a layer needs prepare, prepare_back, forward, final_state, backward and first_non_finite, all
#if CASE != 3
  void backward(const double*, const Signal<double>&, const Pass&, ConstView<double> d_out, const State<double>&, Kept&, double*,
                View<double> d_in, State<double>*) const {
    if (d_in.data() != nullptr) d_in = 2 * d_out;
  }
#endif
  std::optional<NonFinite> first_non_finite(const double*, const Signal<double>&, Kept&) const { return std::nullopt; }
};

void make() { Sequential model(3, Twice{}); }

// CASE 4: unroll: all layers of a model have the same Scalar
#if CASE == 4
void mixed() { Sequential model(3, Dense<float>{.units = 2}, Dense<double>{.units = 2}); }
#endif

// CASE 5: unroll: gradients are checked in double; make the model with double
#if CASE == 5
using Number = float;
#else
using Number = double;
#endif
void check() {
  Sequential model(3, Dense<Number>{.units = 2});
  check_gradients(model, Matrix<double>::Zero(3, 1), Timeline::rectangular(1, 1),
                  [](const auto& output, auto&) { return double(output.sum()); });
}
