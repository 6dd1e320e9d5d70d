// Options of the weights of linear terms: dropped, frozen, shared, antisymmetric and orthogonal weights.

#include <unroll/infer/streaming.hpp>
#include <unroll/parameters/matrices.hpp>
#include <unroll/recurrence/describe.hpp>
#include <unroll/threads/thread_pool.hpp>
#include <unroll/unroll.hpp>

#include "cells/every_cell.hpp"

namespace test_weights {

namespace equations {
using namespace unroll;
using namespace symbols;

inline constexpr auto A = shared_matrix<"A">;
inline constexpr auto B = shared_matrix<"B">;
inline constexpr auto p = symbol<"p">;
inline constexpr auto v = input<"v", "features">;
inline constexpr auto back = symbol<"back", "features">;
inline constexpr auto q = symbol<"q">;
inline constexpr auto u = symbol<"u", "order">;
inline constexpr auto k = constant<"k">;

/// Numbers that depend on the place of an entry.
inline MatrixX<double> numbered(Index rows, Index columns) {
  MatrixX<double> values(rows, columns);
  for (Index j = 0; j < columns; ++j)
    for (Index i = 0; i < rows; ++i) values(i, j) = 0.1 * double(i + 1) - 0.07 * double(j);
  return values;
}
inline MatrixX<double> too_small(Index rows, Index columns) { return MatrixX<double>::Zero(rows - 1, columns); }

// clang-format off
inline constexpr auto dropped = cell(state(h, c),
    i = sigmoid(linear(x) + linear(h, drop_weights(0.4), no_bias)),
    f = sigmoid(linear(x, drop_weights(0.2)) + linear(h, drop_weights(0.4), no_bias)),
    q = tanh(linear(x, h) + linear(h, drop_weights(0.1))),
    next(c) = f * c + i * q,
    r = layer_norm(linear(c, drop_weights(0.3))),
    next(h) = tanh(r + linear(q, drop_weights(0.5)) + linear(next(c))));

inline constexpr auto others = cell(state(h, u),
    next(u) = linear(u, frozen("numbers", numbered), no_bias) + linear(x, frozen("ones", matrices::ones), no_bias),
    q = tanh(linear(h, A) + linear(x) + linear(next(u))),
    next(h) = h + 0.3 * tanh(linear(q, A, no_bias) + linear(h, antisymmetric(0.2)) + linear(x, frozen)));

inline constexpr auto transposes = cell(state(h, u),  // the first product with B reads its transpose
    q = tanh(linear(v, A) + linear(u, transposed(B))),
    next(u) = tanh(linear(q, B, no_bias) + linear(u)),
    back = tanh(linear(q, transposed(A), no_bias)),
    next(h) = tanh(linear(back, A) + linear(h)));

inline constexpr auto rotations = cell(state(h, u),
    q = tanh(linear(x) + linear(h, cayley)),
    next(u) = linear(u, cayley, no_bias) + linear(u, antisymmetric(0.3), no_bias) + linear(q, no_bias),
    next(h) = tanh(linear(q, cayley, no_bias) + linear(h, antisymmetric(0.1), no_bias) + linear(next(u))));
inline constexpr auto rotation = cell(state(h), next(h) = linear(h, cayley, no_bias) + linear(x, no_bias));

inline constexpr auto single = cell(state(h, c),
    r = sigmoid(weight(p, frozen("numbers", numbered)) + weight(s, frozen)),
    next(c) = r * c + weight(s, frozen) * linear(x),
    next(h) = tanh(next(c) * weight(p, frozen("numbers", numbered)) + linear(h)));
inline constexpr auto few_numbers = cell(state(h), next(h) = weight(p, frozen("few", too_small)) * linear(x, h));

inline constexpr auto of_constant = cell(state(h),
    next(h) = tanh(linear(k, drop_weights(0.5)) + linear(k, A) + linear(x, h) + linear(k, frozen) +
                   linear(k, transposed(B))));

inline constexpr auto of_two_sizes = cell(state(h), next(h) = tanh(linear(x, A) + linear(h, A)));
inline constexpr auto of_wrong_values = cell(state(h), next(h) = tanh(linear(x) + linear(h, frozen("few", too_small))));

inline constexpr auto drop_network = cell(state(h), next(h) = tanh(linear(x) + linear(h, drop_weights(0.5), no_bias)));
inline constexpr auto streamed = cell(state(h),
    q = tanh(linear(x) + linear(h, drop_weights(0.4), no_bias) + linear(h, A, no_bias)),
    next(h) = tanh(linear(q, A) + linear(q, frozen("numbers", numbered)) + linear(h) +
                   weight(p, frozen("numbers", numbered)) * linear(q, transposed(A), no_bias)));
// clang-format on
}  // namespace equations

namespace {

using namespace cell_run;

template <const auto& source>
struct Named : EquationCell<double, source> {
  using EquationCell<double, source>::EquationCell;
  static constexpr std::string_view name = "cell of the test";
};

template <class S>
using Dropped = EquationCell<S, equations::dropped>;
template <class S>
using Others = EquationCell<S, equations::others>;
template <class S>
using Streamed = EquationCell<S, equations::streamed>;
template <class S>
using DropNetwork = EquationCell<S, equations::drop_network>;

template <class C>
void is_right() {
  gradients_are_right<C>();
  values_are_those_of_the_equations<C>();
  batch_mates_change_nothing<C>();
  runs_repeat_bit_for_bit<C>();
  windows_equal_the_whole<C>();
  biases_can_be_left_out<C>();
  nothing_comes_of_nothing<C>();
  passes_allocate_nothing<C>();
}

/// Pass of a cell in training.
template <class C>
void run_with_noise(CellRun<C>& run, const Noise& noise, Keeping keeping = {}) {
  std::vector<ConstView<double>> x, k;
  std::vector<View<double>> d_x, d_k;
  for (const auto& m : run.inputs) x.push_back(view(m));
  for (const auto& m : run.constants) k.push_back(view(m));
  for (auto& m : run.d_inputs) d_x.push_back(view(m));
  for (auto& m : run.d_constants) d_k.push_back(view(m));
  auto pass = run.over_time();
  pass.forward({x, k, nullptr, noise}, run.initial, keeping);
  run.gradient.setZero(run.theta.size());
  const MatrixX<double> d_y = pass.output();
  pass.backward({x, k}, view(d_y), run.d_final, run.gradient.data(), {d_x, d_k}, run.d_initial);
  run.d_output = d_y;
}

}  // namespace

TEST_CASE("weights: dropped weights have right values and gradients in evaluation") {
  is_right<Named<equations::dropped>>();
}

TEST_CASE("weights: frozen, shared and antisymmetric weights have right values and gradients") {
  is_right<Named<equations::others>>();
}

TEST_CASE("weights: orthogonal weights have right values and gradients, and keep lengths") {
  is_right<Named<equations::rotations>>();
  CellRun<Named<equations::rotation>> run(Timeline::rectangular(2, 50), Direction::forward, 9);
  run.inputs[0].setZero();
  run.theta *= 5;  // far from the identity
  const MatrixX<double> y = run.forward();
  for (Index c = 0; c < y.cols(); ++c)
    CHECK(y.col(c).norm() == Approx(run.initial[0].col(c % 2).norm()).epsilon(1e-12));
  CHECK((y.rightCols(2) - run.initial[0]).norm() > 0.1);
  CHECK(describe(run.cell) == "h' = orthogonal[cayley](W_h_h) h + W_h2_x x\n");
  CHECK(describe(run.cell, Notation::latex).find("\\mathrm{Cayley}(W_{h h} - W_{h h}^T) h_{t-1}") != std::string::npos);
}

TEST_CASE("weights: the transpose of a shared matrix has right values and gradients") {
  using C = Named<equations::transposes>;
  is_right<C>();
  const C cell({.inputs = {3}, .units = 4, .sizes = {{"order", 5}}});
  CHECK(cell.parameters().at("A").rows == 4);
  CHECK(cell.parameters().at("B").rows == 5);
  CHECK(cell.parameters().at("B").cols == 4);
  CHECK(describe(cell, Notation::source).find("linear(u, transposed[B])") != std::string::npos);
  CHECK(describe(cell).find("q = tanh(A v + b_q + B^T u + b_q2)\n") == 0);
  CHECK(describe(cell, Notation::latex).find("B^T u_{t-1}") != std::string::npos);
}

TEST_CASE("weights: frozen numbers of each unit have right values, and nothing trains them") {
  using C = Named<equations::single>;
  is_right<C>();
  const C cell({.inputs = {3}, .units = 4});
  CHECK(cell.parameters().names() == "c.x, h.h, c.b, h.b, p, s");
  CHECK(cell.parameters().at("p").is_frozen(0));
  CellRun<C> run(Timeline::rectangular(2, 3), Direction::forward, 4);
  cell.set_given(run.theta.data());
  const auto block = [&](const VectorX<double>& all, const char* name) -> VectorX<double> {
    return all.segment(cell.parameters().at(name).offset, 4);
  };
  CHECK(block(run.theta, "p") == equations::numbered(4, 1));
  CHECK(block(run.theta, "s").norm() > 0.1);
  run.forward(), run.backward();
  CHECK((block(run.gradient, "p").isZero(0) && block(run.gradient, "s").isZero(0)));
  CHECK(describe(cell, Notation::source)
            .starts_with("state(h, c)\nr = sigmoid(weight(p, frozen[numbers]) + weight(s, frozen[start]))\n"));
  CHECK(describe(cell).starts_with("r = sigmoid(p + s)\n"));
  const Named<equations::few_numbers> wrong({.inputs = {3}, .units = 4});
  VectorX<double> theta(wrong.parameters().size());
  CHECK_THROWS_MATCHES(wrong.set_given(theta.data()), ShapeError,
                       says("the values of 'few' must be [4 x 1], got [3 x 1]"));
}

TEST_CASE("weights: weights of a constant have right values and gradients") {
  using C = Named<equations::of_constant>;
  CellRun<C> run(CellSizes{.inputs = {3}, .units = 5, .constants = {4}}, timelines()[2]);
  const GradientReport report = run.check();
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  CHECK((run.forward() - Reference<C>(run)().output).norm() < 1e-12);
}

TEST_CASE("weights: dropped weights have right gradients in training") {
  auto model = sequential<double>(3, Recurrent<Dropped>{.units = 5}, Bidirectional<Dropped>{.units = 4});
  model.initialise(3);
  const Timeline timeline = Timeline::from_lengths({5, 3, 0, 1});
  const MatrixX<double> x = noise(3, timeline.columns(), 1), weight = noise(model.outputs(), timeline.columns(), 2);
  const auto loss = [&](const auto& output, MatrixX<double>& d_output) {
    d_output = weight;
    return output.cwiseProduct(weight).sum();
  };
  const GradientReport report = check_gradients(model, x, timeline, loss, {.training = true, .seed = 4});
  INFO(report.text());
  CHECK(report.worst < 1e-5);
}

TEST_CASE("weights: masks of weights are those of a written-out network") {
  using C = Named<equations::drop_network>;
  CellRun<C> run(Timeline::from_lengths({4, 2}), Direction::forward, 40);
  const Noise keys{.training = true, .seed = 5, .update = 3, .layer = 2};
  run_with_noise(run, keys);
  Parameters<double> parameters(run.cell.parameters()), gradient(run.cell.parameters());
  parameters.values() = run.theta, gradient.values() = run.gradient;
  // The gradient of a dropped weight is 0, that of another one is not.
  const MatrixX<double> mask =
      (gradient["h2.h"].array() != 0).select(MatrixX<double>::Constant(40, 40, 2), MatrixX<double>::Zero(40, 40));
  CHECK(std::abs(mask.mean() - 1) < 0.1);
  const MatrixX<double> w = parameters["h2.h"].cwiseProduct(mask), v = parameters["h.x"], b = parameters["h.b"];
  for (Index sample = 0; sample < 2; ++sample) {
    VectorX<double> h = run.initial[0].col(sample);
    for (Index k = 0; k < run.timeline.length(run.timeline.rank(sample)); ++k) {
      const Index column = run.timeline.offset(k) + run.timeline.rank(sample);
      h = (v * run.inputs[0].col(column) + w * h + b).array().tanh().matrix().eval();
      CHECK((run.d_output.col(column) - h).norm() < 1e-12);
    }
  }
}

TEST_CASE("weights: masks of weights depend on seed, update, layer and direction only") {
  using C = Named<equations::dropped>;
  const auto gradient = [](const Timeline& timeline, const Noise& noise, Keeping keeping = {}) {
    CellRun<C> run(timeline);
    run_with_noise(run, noise, keeping);
    return std::pair{run.d_output, run.gradient};
  };
  const Timeline timeline = Timeline::rectangular(3, 900);  // several intervals between checkpoints
  const Noise usual{.training = true, .seed = 7};
  const auto [y, d_theta] = gradient(timeline, usual);
  const auto [again, d_again] = gradient(timeline, usual, {Keep::checkpoints, 1});
  CHECK(same_bits(y, again));
  CHECK(same_bits(d_theta, d_again));
  for (const Noise& other :
       {Noise{.training = true, .seed = 8}, Noise{.training = true, .seed = 7, .update = 1},
        Noise{.training = true, .seed = 7, .layer = 1}, Noise{.training = true, .seed = 7, .backward = true}, Noise{}})
    CHECK((y - gradient(timeline, other).first).norm() > 0.1);
}

TEST_CASE("weights: all samples of a batch and all threads have one mask") {
  auto model = sequential<double>(3, Recurrent<DropNetwork>{.units = 9});
  model.initialise(3);
  const MatrixX<double> x = noise(3, 4, 1);
  decltype(model)::Tape tape;
  const auto last = [&](Index batch) {
    const Timeline timeline = Timeline::rectangular(batch, 4);
    MatrixX<double> same(3, 4 * batch);
    for (Index c = 0; c < same.cols(); ++c) same.col(c) = x.col(c / batch);
    return MatrixX<double>(model.forward(same, timeline, tape, {.training = true, .seed = 3}).rightCols(batch));
  };
  const MatrixX<double> alone = last(1), together = last(6);
  for (Index c = 0; c < 6; ++c) CHECK(same_bits(together.col(c), alone));
}

TEST_CASE("weights: frozen weights have their values, are saved and are not trained") {
  auto model = sequential<double>(3, Recurrent<Others>{.units = 4, .sizes = {{"order", 5}}},
                                  Bidirectional<Others>{.units = 4, .sizes = {{"order", 2}}});
  model.initialise(3);
  const MatrixX<double> values = model.parameters()["0.u.u"];
  CHECK(values == equations::numbered(5, 5));
  CHECK(model.parameters()["0.u2.x"] == MatrixX<double>::Ones(5, 3));
  CHECK(model.parameters()["1.backward.u.u"] == equations::numbered(2, 2));
  const MatrixX<double> kept = model.parameters()["0.h3.x"];
  CHECK(kept.norm() > 0.1);
  CHECK(model.parameters().table().at("0.h3.x").is_frozen(0));
  const Timeline timeline = Timeline::from_lengths({4, 2});
  decltype(model)::Tape tape;
  const MatrixX<double> d_y = model.forward(noise(3, timeline.columns(), 1), timeline, tape);
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, d_y, gradient);
  CHECK(gradient["0.u.u"].isZero(0));
  CHECK(gradient["0.h3.x"].isZero(0));
  CHECK(gradient["0.A"].norm() > 1e-6);
  Adam<double> adam;
  adam.step(model.parameters(), gradient);
  CHECK(model.parameters()["0.u.u"] == values);
  CHECK(model.parameters()["0.h3.x"] == kept);
}

TEST_CASE("weights: shared weights are one block of parameters") {
  const Named<equations::others> cell({.inputs = {3}, .units = 4, .sizes = {{"order", 5}}});
  CHECK(cell.parameters().names() == "u2.x, q2.x, h3.x, A, h2.h, u.u, q3.u_next, q2.b, h3.b, q.b, q3.b, h2.b");
  CHECK_THROWS_MATCHES(Named<equations::of_two_sizes>({.inputs = {3}, .units = 4}), ShapeError,
                       says("the matrix 'A' must be [4 x 3] in all equations, got [4 x 4]"));
  CHECK_NOTHROW(Named<equations::of_two_sizes>({.inputs = {4}, .units = 4}));
  const Named<equations::of_wrong_values> wrong({.inputs = {3}, .units = 4});
  VectorX<double> theta(wrong.parameters().size());
  CHECK_THROWS_MATCHES(wrong.set_given(theta.data()), ShapeError,
                       says("the values of 'few' must be [4 x 4], got [3 x 4]"));
}

TEST_CASE("weights: options are printed as they are written") {
  const Named<equations::others> cell({.inputs = {3}, .units = 4, .sizes = {{"order", 5}}});
  CHECK(describe(cell, Notation::source) ==
        "state(h, u[order])\n"
        "next(u) = linear(u, frozen[numbers], no_bias) + linear(x, frozen[ones], no_bias)\n"
        "q = tanh(linear(h, shared[A]) + linear(x) + linear(next(u)))\n"
        "next(h) = h + 0.3 * tanh(linear(q, shared[A], no_bias) + linear(h, antisymmetric[0.2]) + "
        "linear(x, frozen[start]))\n");
  CHECK(describe(cell) ==
        "u' = frozen[numbers](W_u_u) u + frozen[ones](W_u2_x) x\n"
        "q = tanh(A h + b_q + W_q2_x x + b_q2 + W_q3_u u' + b_q3)\n"
        "h' = h + 0.3 * tanh(A q + antisymmetric[0.2](W_h2_h) h + b_h2 + frozen[start](W_h3_x) x + b_h3)\n");
  const std::string latex = describe(cell, Notation::latex);
  CHECK(latex.find("(W_{h2 h} - W_{h2 h}^T - 0.2 I) h_{t-1}") != std::string::npos);
  CHECK(latex.find("A q_{t}") != std::string::npos);
  const Named<equations::drop_network> network({.inputs = {3}, .units = 4});
  CHECK(describe(network) == "h' = tanh(W_h_x x + b_h + drop_weights[0.5](W_h2_h) h)\n");
  CHECK(describe(network, Notation::latex).find("\\mathrm{drop}_{0.5}(W_{h2 h}) h_{t-1}") != std::string::npos);
  CHECK(describe(network, Notation::source) ==
        "state(h)\nnext(h) = tanh(linear(x) + linear(h, drop_weights[0.5], no_bias))\n");
}

TEST_CASE("weights: a float model has the masks of a double model") {
  auto wide = sequential<double>(3, Recurrent<DropNetwork>{.units = 9});
  auto narrow = sequential<float>(3, Recurrent<DropNetwork>{.units = 9});
  wide.initialise(3), narrow.initialise(3);
  const Timeline timeline = Timeline::rectangular(1, 6);
  const MatrixX<double> x = noise(3, 6, 1);
  const MatrixX<float> x_float = x.cast<float>();
  decltype(wide)::Tape tape;
  decltype(narrow)::Tape narrow_tape;
  const Pass training{.training = true, .seed = 3};
  const MatrixX<double> y = wide.forward(x, timeline, tape, training);
  const MatrixX<float> y_float = narrow.forward(x_float, timeline, narrow_tape, training);
  CHECK((y - y_float.cast<double>()).norm() < 1e-5);
  decltype(wide)::Tape fresh;
  CHECK(same_bits(MatrixX<double>(wide.forward(x, timeline, tape)), wide.forward(x, timeline, fresh)));  // evaluation
}

TEST_CASE("weights: streams have the values of evaluation") {
  auto model = sequential<double>(3, Recurrent<Streamed>{.units = 9});
  model.initialise(3);
  const Timeline timeline = Timeline::rectangular(1, 6);
  const MatrixX<double> x = noise(3, 6, 1);
  decltype(model)::Tape tape;
  const MatrixX<double> expected = model.forward(x, timeline, tape);
  const Streaming filter(model);
  auto stream = filter.stream();
  MatrixX<double> y(9, 6);
  REQUIRE(filter.run({x.data(), 18}, {y.data(), 54}, stream));
  CHECK((y - expected).norm() < 1e-12);
  CHECK((y - model.forward(x, timeline, tape, {.training = true, .seed = 3})).norm() > 0.01);
}

TEST_CASE("matrices: the Legendre memory of a constant input is its first coefficient") {
  const auto [a, b] = matrices::discretised(matrices::legt_state(6, 6), matrices::legt_input(6, 1), 1.0 / 20);
  VectorX<double> m = VectorX<double>::Zero(6);
  for (int k = 0; k < 400; ++k) m = (a * m + b).eval();
  CHECK((m - VectorX<double>::Unit(6, 0)).norm() < 1e-6);
  // One step of 1 is two steps of 1/2 with the same input.
  const auto [half_a, half_b] = matrices::discretised(matrices::legs_state(4, 4), matrices::legs_input(4, 2), 0.5);
  const auto [whole_a, whole_b] = matrices::discretised(matrices::legs_state(4, 4), matrices::legs_input(4, 2), 1);
  CHECK((whole_a - half_a * half_a).norm() < 1e-12);
  CHECK((whole_b - half_a * half_b - half_b).norm() < 1e-12);
  CHECK(half_a(0, 0) == Approx(std::exp(-0.5)).epsilon(1e-14));
  CHECK_THROWS_MATCHES(matrices::legt_state(3, 2), ShapeError, says("legt_state must be square, got [3 x 2]"));
}

TEST_CASE("initializers: spectral has the spectral radius, mapped the mapped numbers") {
  MatrixX<double> w(60, 60);
  init::spectral(0.9).fill(w, Random(3, Purpose::initialise));
  VectorX<double> v = VectorX<double>::Ones(60);
  double growth = 0;  // of a vector that is multiplied often
  for (int k = 0; k < 4000; ++k) {
    v = (w * v).eval();
    growth += k < 2000 ? 0 : std::log(v.norm()) / 2000;
    v.normalize();
  }
  CHECK(std::exp(growth) == Approx(0.9).epsilon(1e-3));
  MatrixX<double> wide(2, 3);
  CHECK_THROWS_MATCHES(init::spectral(0.9).fill(wide, Random(3, Purpose::initialise)), ValueError,
                       says("must be square, got [2 x 3]"));
  CHECK_THROWS_MATCHES(init::spectral(0), ValueError, says("spectral radius must be finite and above 0, got 0"));
  MatrixX<double> u(3, 4), mapped(3, 4);
  init::uniform(0, 1).fill(u, Random(4, Purpose::initialise));
  init::mapped([](double number) { return 2 * number - 5; }).fill(mapped, Random(4, Purpose::initialise));
  CHECK((mapped.array() - 2 * u.array() + 5).abs().maxCoeff() < 1e-15);
}

}  // namespace test_weights
