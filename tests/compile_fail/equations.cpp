// Messages of the compiler for wrong equations.
#include <unroll/recurrence/equation_cell.hpp>

// clang-format off: a case keeps its sentence in one line
using namespace unroll;

namespace {
using namespace unroll::symbols;
constexpr auto k = constant<"k">;
constexpr auto p = symbol<"p">;
constexpr auto small = symbol<"small", "small size">;

#if CASE == 0
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)));
#endif

// CASE 1: unroll: a cell must have at least one state; write cell(state(h), ...)
#if CASE == 1
constexpr auto equations = cell(state(), n = tanh(linear(x)), output(n));
#endif

// CASE 2: unroll: an equation uses a symbol that is neither a state nor defined by an earlier equation
#if CASE == 2
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)) * z);
#endif

// CASE 3: unroll: an equation uses a value before the equation that defines it; change their order
#if CASE == 3
constexpr auto equations = cell(state(h), next(h) = n, n = tanh(linear(x, h)));
#endif

// CASE 4: unroll: two equations define the same name, or an equation has a state's name
#if CASE == 4
constexpr auto equations = cell(state(h), n = linear(x), n = tanh(linear(x, h)), next(h) = n);
#endif

// CASE 5: unroll: two equations define the same name, or an equation has a state's name
#if CASE == 5
constexpr auto equations = cell(state(h), h = tanh(linear(x)), next(h) = h);
#endif

// CASE 6: unroll: two equations define the same name, or an equation has a state's name
#if CASE == 6
constexpr auto equations = cell(state(h), next(h) = linear(x), next(h) = tanh(linear(x, h)));
#endif

// CASE 7: unroll: next(...) must name one of the states in state(...)
#if CASE == 7
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)), next(c) = h);
#endif

// CASE 8: unroll: a state has no equation next(...) = ...
#if CASE == 8
constexpr auto equations = cell(state(h, c), next(h) = tanh(linear(x, h)) * c);
#endif

// CASE 9: unroll: neither a state nor the output depends on one of the equations; use its value or remove it
#if CASE == 9
constexpr auto equations = cell(state(h), n = tanh(linear(x)), next(h) = tanh(linear(x, h)));
#endif

// CASE 10: unroll: neither a state nor the output depends on one of the equations; use its value or remove it
#if CASE == 10
constexpr auto equations = cell(state(h), n = h, next(h) = tanh(linear(x, h)));
#endif

// CASE 11: unroll: an input or a constant is written with two different sizes; declare it once
#if CASE == 11
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)) * input<"x", "units">);
#endif

// CASE 12: unroll: by_row(...), by_column(...) and outer(...) must be of a matrix; its size is a product such as
#if CASE == 12
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)) + outer(h, h));
#endif

// CASE 13: unroll: output(...) must not be an input or a constant
#if CASE == 13
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)), output(x));
#endif

// CASE 14: unroll: values must have equal sizes element by element, or the size "one"; change the size through linear(...)
#if CASE == 14
constexpr auto equations = cell(state(h), small = tanh(linear(x)), next(h) = tanh(linear(x, h)) * small);
#endif

// CASE 15: unroll: output(...) must name a value that an equation defines
#if CASE == 15
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)), output(y));
#endif

// CASE 16: unroll: a linear(...) must not read the same value twice; one weight matrix is enough
#if CASE == 16
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h, x)));
#endif

// CASE 17: unroll: linear(...) must not read a number or a single weight; use the bias of linear(...)
#if CASE == 17
constexpr auto equations = cell(state(h), n = weight(p), next(h) = tanh(linear(x, n)) + h);
#endif

// CASE 18: unroll: one name is used for two kinds of weights, or for values of different sizes; use different names
#if CASE == 18
constexpr auto equations = cell(state(h), next(h) = tanh(weight(p) * h + bias(p)));
#endif

// CASE 19: unroll: a cell must have at most 12 inputs, 12 constants, 12 states and 12 sizes
#if CASE == 19
template <int k>
constexpr auto delayed = symbol<numbered<"d", k>>;
constexpr auto equations = cell(state(h, delayed<0>, delayed<1>, delayed<2>, delayed<3>, delayed<4>, delayed<5>,
                                      delayed<6>, delayed<7>, delayed<8>, delayed<9>, delayed<10>, delayed<11>),
                                next(h) = linear(x), next(delayed<0>) = h,
                                repeat<11>([]<int k> { return group(next(delayed<k + 1>) = delayed<k>); }));
#endif

// CASE 20: unroll: linear() must read named values; give the expression a separate equation
#if CASE == 20
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, z * h)));
#endif

// CASE 21: unroll: no_bias must be the last argument of linear(...)
#if CASE == 21
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, no_bias, h)));
#endif

// CASE 22: unroll: linear() must read at least one value
#if CASE == 22
constexpr auto equations = cell(state(h), next(h) = tanh(linear(no_bias) + h));
#endif

// CASE 23: unroll: output() must have a named value
#if CASE == 23
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)), output(2 * h));
#endif

// CASE 24: unroll: linear() must read at most 8 values
#if CASE == 24
constexpr auto s1 = symbol<"s1">;
constexpr auto equations = cell(state(a, c, f, g, h, i, m), s1 = linear(x), n = linear(a, c, f, g, h, i, m, x, s1), next(a) = n, next(c) = a,
                                next(f) = c, next(g) = f, next(h) = g, next(i) = h, next(m) = i);
#endif

// CASE 25: unroll: an equation uses a value before the equation that defines it; change their order
#if CASE == 25
constexpr auto equations = cell(state(h), n = n * h, next(h) = tanh(linear(x, h)) * n);
#endif

// CASE 26: unroll: a cell must have one output(...)
#if CASE == 26
constexpr auto equations = cell(state(h), n = linear(x), next(h) = tanh(linear(x, h)) * n, output(n), output(next(h)));
#endif
// CASE 27: unroll: attend(...), layer_norm(...) and other operations on all rows must be a separate equation; read it by name
#if CASE == 27
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)) + attend(dot, h));
#endif

// CASE 28: unroll: next(...) must not be attend(...), layer_norm(...) or another operation on all rows itself; give it a separate
#if CASE == 28
constexpr auto equations = cell(state(h), next(h) = attend(dot, h));
#endif

// CASE 29: unroll: the result of attend(...) has the rows of the memory; leave out the size of its symbol
#if CASE == 29
constexpr auto wide = symbol<"wide", "width">;
constexpr auto equations = cell(state(h), wide = attend(dot, h), next(h) = tanh(linear(x, h, wide)));
#endif

// CASE 30: unroll: output(...) must not be attend(...), layer_norm(...) or another operation on all rows itself; add an equation
#if CASE == 30
constexpr auto equations = cell(state(h), ctx = attend(dot, h), next(h) = tanh(linear(x, h, ctx)), output(ctx));
#endif

// CASE 31: unroll: attend(dot, ...), layer_norm(...) and other operations on all rows must not read a constant; project it first
#if CASE == 31
constexpr auto equations = cell(state(h), ctx = attend(dot, constant<"k">), next(h) = tanh(linear(x, h, ctx)));
#endif

// CASE 32: unroll: the score of attend(score, query) must be dot, scaled_dot, general, concat or additive
#if CASE == 32
constexpr auto equations = cell(state(h), ctx = attend(h, h), next(h) = tanh(linear(x, h, ctx)));
#endif

// CASE 33: unroll: the query of attend(score, query) must be a named value; give the expression a separate equation
#if CASE == 33
constexpr auto equations = cell(state(h), ctx = attend(dot, 2 * h), next(h) = tanh(linear(x, h, ctx)));
#endif

// CASE 34: unroll: values must have equal sizes element by element, or the size "one"; change the size through linear(...)
#if CASE == 34
constexpr auto equations = cell(state(h), ctx = attend(dot, h), next(h) = tanh(linear(x, h)) * ctx);
#endif

// CASE 35: unroll: mean(...), sum(...) and max_of(...) have one row; declare symbol<"m", "one">
#if CASE == 35
constexpr auto equations = cell(state(h), m = mean(h), next(h) = tanh(linear(x, h)) * m);
#endif

// CASE 36: unroll: attend(...), layer_norm(...) and other operations on all rows must be a separate equation; read it by name
#if CASE == 36
constexpr auto equations = cell(state(h), next(h) = tanh(layer_norm(linear(x, h))));
#endif

// CASE 37: unroll: an operation on rows, such as layer_norm(...), must read a named value or linear(...)
#if CASE == 37
constexpr auto equations = cell(state(h), n = layer_norm(2 * h), next(h) = tanh(linear(x, n)));
#endif

// CASE 38: unroll: mean(...), sum(...), max_of(...), row_sums(...) and column_sums(...) must read a named value; give the
#if CASE == 38
constexpr auto equations = cell(state(h), single = mean(linear(h)), next(h) = tanh(linear(x, h)) * single);
#endif

// CASE 39: unroll: part<k>(...), by_head(...), by_row(...), by_column(...) and outer(...) must read named values; give the expression a separate equation
#if CASE == 39
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h)) * part<0>(2 * h));
#endif

// CASE 40: the rate of dropout, zoneout or drop_weights must be at least 0 and below 1, got
#if CASE == 40
constexpr auto equations = cell(state(h), next(h) = dropout(tanh(linear(x, h)), 1.0));
#endif

// CASE 41: unroll: heads<n> must be 1 to 64 heads
#if CASE == 41
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x) + linear(h, heads<0>)));
#endif

// CASE 42: unroll: equations of another size, part<k>(...), by_head(...), by_row(...), by_column(...) and operations on all rows must not
#if CASE == 42
constexpr auto single_row = symbol<"single_row", "one">;
constexpr auto equations = cell(state(h), single_row = scalar(p), next(h) = tanh(linear(x, h)) * single_row);
#endif

// CASE 43: unroll: an operation on all rows must read an input whose size has a name: input<"x", "features">
#if CASE == 43
constexpr auto equations = cell(state(h), n = softmax(x), next(h) = tanh(linear(n, h)));
#endif

// CASE 44: unroll: linear(...) with heads<n>, drop_weights(rate), frozen, antisymmetric(damping), cayley or a matrix
#if CASE == 44
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, h, heads<2>)));
#endif

// CASE 45: the epsilon of layer_norm or rms_norm must be at least 0 and below 1e30, got
#if CASE == 45
constexpr auto equations = cell(state(h), n = layer_norm(linear(x, h), -1), next(h) = tanh(n));
#endif

// CASE 46: unroll: linear(h, antisymmetric(damping)) and linear(h, cayley) must read a value of the size of their
#if CASE == 46
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x, antisymmetric(0.1)) + linear(h)));
#endif

// CASE 47: unroll: a shared_matrix<"A"> that several linear(...) share must have the same sizes in all of them
#if CASE == 47
constexpr auto wide_value = symbol<"wide_value", "2 units">;
constexpr auto A = shared_matrix<"A">;
constexpr auto equations = cell(state(h), wide_value = linear(x), next(h) = tanh(linear(h, A) + linear(wide_value, A)));
#endif

// CASE 48: the rate of dropout, zoneout or drop_weights must be at least 0 and below 1, got
#if CASE == 48
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x) + linear(h, drop_weights(-0.1))));
#endif

// CASE 49: the name of frozen(name, values) must have only a-z, 0-9 and '_', and values
#if CASE == 49
inline MatrixX<double> values(Index rows, Index columns) { return MatrixX<double>::Ones(rows, columns); }
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x) + linear(h, frozen("A[1]", values))));
#endif

// CASE 50: the damping of antisymmetric must be at least 0 and below 1e30, got
#if CASE == 50
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x) + linear(h, antisymmetric(-1))));
#endif

// CASE 51: unroll: one name is used for two kinds of weights, or for values of different sizes; use different names
#if CASE == 51
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x) + linear(h, shared_matrix<"p">)) + weight(p) * h);
#endif

// CASE 52: unroll: rotate(re, im, angle) must read named values or parts of them; give the expression a separate equation
#if CASE == 52
constexpr auto equations = cell(state(h, c), next(h) = rotate(linear(x), c, h).re, next(c) = tanh(linear(h)));
#endif

// CASE 53: unroll: one name is used for two kinds of weights, or for values of different sizes; use different names
#if CASE == 53
constexpr auto equations = cell(state(h), next(h) = tanh(linear(x) + weight(p, frozen) * h) + weight(p) * h);
#endif

// CASE 54: unroll: a shared_matrix<"A"> that several linear(...) share must have the same sizes in all of them
#if CASE == 54
inline constexpr auto u = symbol<"u", "order">;
inline constexpr auto A = shared_matrix<"A">;
constexpr auto equations = cell(state(h, u), next(u) = linear(h, A), next(h) = tanh(linear(x, h) + linear(h, transposed(A))));
#endif
}  // namespace

using Made = EquationCell<double, equations>;
Made made() { return Made(CellSizes{.inputs = {1}, .units = 1}); }
