// Optimizers and clipping change only the parameters that the gradient touched.

#include <unroll/optim/adadelta.hpp>
#include <unroll/optim/adagrad.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/adamax.hpp>
#include <unroll/optim/clip.hpp>
#include <unroll/optim/lion.hpp>
#include <unroll/optim/nadam.hpp>
#include <unroll/optim/radam.hpp>
#include <unroll/optim/rmsprop.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/parameters/decay_mask.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_touched {

using namespace unroll;

namespace {

ParameterTable words(Index dimension, Index size, std::vector<bool> frozen = {}) {
  ParameterTable table;
  ParameterBlock block{"words", Role::input_weight, table.reserve(dimension, size), dimension, size, dimension};
  block.sparse = true;
  block.frozen = std::move(frozen);
  table.add_block(std::move(block));
  return table;
}

/// Gradient of a batch that touches the given columns of the table, which begins at entry 0.
template <class Scalar>
void reach(Parameters<Scalar>& gradient, const std::vector<Index>& columns, double scale = 1) {
  gradient.reset();
  gradient.touch(0, columns);
  for (const detail::Segment& segment : gradient.segments())
    for (Index k = segment.first; k < segment.first + segment.size; ++k)
      gradient.values()[k] = Scalar(scale * std::sin(double(3 * k + 1)));
}

template <class Scalar>
void fill(Parameters<Scalar>& theta) {
  for (Index k = 0; k < theta.size(); ++k) theta.values()[k] = Scalar(std::cos(double(k)));
}

/// State vectors of an optimizer, concatenated.
template <class O>
VectorX<typename O::Scalar> state_of(O& optimizer) {
  VectorX<typename O::Scalar> all;
  const auto take = [&]<class T>(std::string_view, T& value) {
    if constexpr (std::same_as<T, VectorX<typename O::Scalar>>) {
      const VectorX<typename O::Scalar> before = all;
      all.resize(before.size() + value.size());
      all << before, value;
    }
  };
  optimizer.visit_state(take);
  return all;
}

/// Calls f(optimizer) for every method, with weight decay.
template <class F>
void with_all(F&& f) {
  f(SGD<double>({.learning_rate = 0.1, .weight_decay = 0.1}));
  f(SGD<double>({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .weight_decay = 0.1}));
  f(Adam<double>({.learning_rate = 0.1, .amsgrad = true, .weight_decay = 0.1}));
  f(AdamW<double>({.learning_rate = 0.1}));
  f(NAdam<double>({.learning_rate = 0.1, .weight_decay = 0.1}));
  f(RAdam<double>({.learning_rate = 0.1, .weight_decay = 0.1}));
  f(Adamax<double>({.learning_rate = 0.1, .weight_decay = 0.1}));
  f(Lion<double>({.learning_rate = 0.1, .weight_decay = 0.1}));
  f(Adagrad<double>({.learning_rate = 0.1, .initial_accumulator = 0.2, .weight_decay = 0.1}));
  f(Adadelta<double>({.learning_rate = 0.1, .weight_decay = 0.1, .decay = Decay::decoupled}));
  f(RMSprop<double>({.learning_rate = 0.1, .centered = true, .momentum = 0.5, .weight_decay = 0.1}));
}

/// Parameters after four batches of 1 to 3 tokens in a table [2 x 5], as run in PyTorch for the values below.
template <class O>
VectorX<double> four_batches(O optimizer) {
  Parameters<double> theta(words(2, 5)), gradient(words(2, 5));
  for (Index k = 0; k < 10; ++k) theta.values()[k] = 0.1 * double(2 * (k / 2) + k % 2) - 0.4;
  const std::vector<std::vector<Index>> batches{{1, 3, 1}, {3, 0}, {1}, {4, 4, 3}};
  for (std::size_t t = 0; t < batches.size(); ++t) {
    gradient.reset();
    gradient.touch(0, batches[t]);
    for (std::size_t k = 0; k < batches[t].size(); ++k)
      for (Index j = 0; j < 2; ++j)
        gradient["words"](j, batches[t][k]) += double(k + 1) * double(j + 1) * 0.25 - 0.3 * double(t);
    optimizer.step(theta, gradient);
  }
  return theta.values();
}

}  // namespace

TEST_CASE("sparse update: touched rows agree with SparseAdam, SGD and Adagrad of PyTorch") {
  // torch 2.13.0 in float64: nn.Embedding(5, 2, sparse=True) with the tokens and gradients of `four_batches`.
  const VectorX<double> adam{{-0.47588233085347686, -0.3770866229852692, -0.3295026152915224, -0.25284796627542927, 0.0,
                              0.09999999999999998, 0.02916538892733693, 0.043036386993251186, 0.46497068956562737,
                              0.564289046714383}};
  const VectorX<double> sgd{{-0.5, -0.65, -0.5249999999999999, -1.05, 0.0, 0.09999999999999998, 0.05000000000000002,
                             -0.6, 0.9249999999999999, 0.6499999999999999}};
  const VectorX<double> adagrad{{-0.5069044967363984, -0.4822644753494246, -0.3273823294062038, -0.28768064684730865,
                                 0.0, 0.09999999999999998, 0.0968019823490252, -0.02613553999402272, 0.5915035160693087,
                                 0.6376494402907581}};
  // SparseAdam adds epsilon to the root before the bias correction.
  const auto by_adam = four_batches(
      Adam<double>({.learning_rate = 0.1, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 1e-3, .epsilon_at = Epsilon::raw}));
  CHECK((by_adam - adam).cwiseAbs().maxCoeff() < 1e-14);
  CHECK((four_batches(SGD<double>({.learning_rate = 0.5})) - sgd).cwiseAbs().maxCoeff() < 1e-14);
  const auto by_adagrad = four_batches(Adagrad<double>({.learning_rate = 0.2, .initial_accumulator = 0.1}));
  CHECK((by_adagrad - adagrad).cwiseAbs().maxCoeff() < 1e-14);
}

TEST_CASE("sparse update: the first step of a late column has the dampening of SGD, as in PyTorch") {
  // torch 2.14.0: nn.Embedding(3, 1) of zeros, sparse or not, with the tokens 0, 1, 1 and gradients of 2.
  SGD<double> sgd({.learning_rate = 1, .momentum = 0.5, .dampening = 0.25}), dense = sgd;
  Parameters<double> theta(words(1, 3)), gradient(words(1, 3));
  VectorX<double> whole = VectorX<double>::Zero(3);
  for (const Index token : {0, 1, 1}) {
    gradient.reset();
    gradient.touch(0, {&token, 1});
    gradient.values()[token] = 2;
    sgd.step(theta, gradient);
    dense.step(whole, gradient.values());
  }
  CHECK(state_of(sgd) == VectorX<double>{{2, 2.25, 0}});
  CHECK(theta.values() == VectorX<double>{{-2, -3.75, 0}});
  CHECK(state_of(dense) == VectorX<double>{{0.5, 2.25, 0}});
  CHECK(whole == VectorX<double>{{-3.5, -3.75, 0}});
}

TEST_CASE("sparse update: frozen and untouched entries keep values and state in every optimizer") {
  with_all([](auto optimizer) {
    INFO(optimizer.options().name);
    ParameterTable table = words(3, 6, {false, false, true, false, false, false});
    table.add("bias", Role::bias, 2, 1);
    Parameters<double> theta(table), gradient(table);
    fill(theta);
    reach(gradient, {0, 1, 2, 3, 4, 5});
    optimizer.step(theta, gradient);  // now all entries have momentum
    auto before = theta.values(), state = state_of(optimizer);
    reach(gradient, {4, 1});
    optimizer.step(theta, gradient);
    const auto after = state_of(optimizer);
    for (Index k = 0; k < theta.size(); ++k) {
      const bool moves = k / 3 == 4 || k / 3 == 1 || k >= 18;
      CHECK((theta.values()[k] != before[k]) == moves);
      for (Index s = k; s < state.size(); s += theta.size())
        if (!moves) CHECK(state[s] == after[s]);
    }
    CHECK(theta["words"].col(2) == before.segment(6, 3));
    CHECK(before[6] == std::cos(6.0));  // unchanged from the start
  });
}

TEST_CASE("sparse update: equals a step over the whole vector when all entries are touched") {
  with_all([](auto optimizer) {
    INFO(optimizer.options().name);
    auto other = optimizer;
    ParameterTable table = words(700, 9);
    table.add("bias", Role::bias, 1500, 1);
    Parameters<double> theta(table), gradient(table);
    fill(theta);
    VectorX<double> whole = theta.values();
    for (int t = 0; t < 3; ++t) {
      reach(gradient, {3, 1, 0, 2, 8, 7, 5, 6, 4}, 1 + t);
      optimizer.step(theta, gradient);
      other.step(whole, gradient.values());
    }
    CHECK(theta.values().isApprox(whole, 1e-14));
  });
}

TEST_CASE("sparse update: any number of threads gives the same bits without allocation") {
  const Index dimension = 64, size = 5000;
  std::vector<Index> columns;
  for (Index k = 0; k < 3000; ++k) columns.push_back((7 * k) % size);
  const auto run = [&](ThreadPool* threads) {
    ParameterTable table = words(dimension, size);
    table.add("weight", Role::input_weight, 300, 400);
    Parameters<float> theta(table), gradient(table);
    fill(theta);
    Adam<float> adam;
    reach(gradient, columns);
    adam.step(theta, gradient, threads);
    support::AllocationCount allocations;
    const double norm = clip_by_global_norm(gradient, 1, 2, ClipRule::pytorch, threads);
    adam.step(theta, gradient, threads);
    const auto count = allocations.count();
    CHECK(count == 0);
    return std::pair(VectorX<float>(theta.values()), norm);
  };
  const auto alone = run(nullptr);
  for (const int threads : {2, 3, 5}) {
    ThreadPool pool(threads);
    CHECK(run(&pool) == alone);
  }
}

TEST_CASE("sparse update: clipping measures and changes touched entries only") {
  ParameterTable table = words(2, 4);
  table.add("bias", Role::bias, 1, 1);
  Parameters<double> gradient(table);
  gradient.touch(0, std::vector<Index>{3, 1});
  gradient.values() << 0, 0, 2, -2, 0, 0, 4, 1, 5;
  CHECK(global_norm(gradient.values()) == Approx(std::sqrt(50)).epsilon(1e-15));
  CHECK(clip_by_global_norm(gradient, 1e9) == Approx(std::sqrt(50)).epsilon(1e-15));
  CHECK(clip_by_global_norm(gradient, 5, INFINITY, ClipRule::keras) == 5);
  CHECK(clip_by_global_norm(gradient, std::sqrt(2.0), 2, ClipRule::keras) == Approx(std::sqrt(50)));
  CHECK(gradient.values().isApprox(VectorX<double>{{0, 0, 0.4, -0.4, 0, 0, 0.8, 0.2, 1}}, 1e-15));
  clip_by_value(gradient, 0.5);
  CHECK(gradient.values().isApprox(VectorX<double>{{0, 0, 0.4, -0.4, 0, 0, 0.5, 0.2, 0.5}}, 1e-15));
  CHECK(finite(gradient));
  gradient.values()[0] = 7;  // an untouched column
  CHECK(clip_by_global_norm(gradient, 100) < 1);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    gradient.values()[7] = bad;
    CHECK(!finite(gradient));
    CHECK(!is_finite(clip_by_global_norm(gradient, 1)));
    CHECK(gradient.values()[8] == Approx(0.5));
  }
  CHECK_THROWS_MATCHES(clip_by_global_norm(gradient, 0), ValueError, says("max_norm must be at least "));
  CHECK_THROWS_MATCHES(clip_by_value(gradient, -1), ValueError, says("limit must be at least "));
}

TEST_CASE("sparse update: a non-finite touched entry is refused before anything changes") {
  Parameters<double> theta(words(2, 4)), gradient(words(2, 4));
  Adam<double> adam;
  reach(gradient, {0, 3});
  adam.step(theta, gradient);
  const VectorX<double> before = theta.values(), state = state_of(adam);
  gradient.values()[7] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_MATCHES(adam.step(theta, gradient), NonFiniteError,
                       says("entry 7 of the gradient must be finite, got nan"));
  CHECK(theta.values() == before);
  CHECK(state_of(adam) == state);
  Parameters<double> smaller(words(2, 3));
  CHECK_THROWS_MATCHES(adam.step(theta, smaller), ShapeError,
                       says("gradient must have as many entries as parameters, 8, got 6"));
}

TEST_CASE("weight decay: leaves out frozen columns in steps over whole vectors") {
  const ParameterTable table = words(2, 3, {false, true, false});
  const auto mask = decay_mask<double>(table);
  CHECK(mask == VectorX<double>{{1, 1, 0, 0, 1, 1}});
  for (const Decay decay : {Decay::l2, Decay::decoupled}) {
    Adam<double> adam({.weight_decay = 0.5, .decay = decay});
    adam.set_decay_mask(mask);
    VectorX<double> theta = VectorX<double>::Ones(6);
    adam.step(theta, VectorX<double>::Zero(6));
    CHECK(theta[2] == 1);
    CHECK(theta[1] < 1);
  }
}

TEMPLATE_TEST_CASE("optimizers: a parameter has the same bits in any segment", "[optim]", Adam<float>, AdamW<double>,
                   NAdam<float>, RAdam<float>, Adamax<float>, Lion<float>, RMSprop<float>, Adagrad<float>,
                   Adadelta<float>, SGD<float>) {
  using Scalar = typename TestType::Scalar;
  constexpr Index words_in_table = 41;
  for (const Index dimension : {1, 3, 7, 16, 17}) {
    const ParameterTable table = words(dimension, words_in_table);
    Parameters<Scalar> whole(table), apart(table), gradient = whole.zeros_like();
    fill(whole), fill(apart);
    TestType at_once, by_column;
    // Two steps, to test the state too. For the second optimizer each column is a separate segment.
    for (int step = 0; step < 2; ++step) {
      std::vector<Index> all, odd;
      for (Index k = 0; k < words_in_table; ++k) all.push_back(k);
      for (Index k = 0; k < words_in_table; k += 2) odd.push_back(k);
      reach(gradient, all);
      at_once.step(whole, gradient);
      reach(gradient, odd);
      by_column.step(apart, gradient);
    }
    for (Index k = 0; k < words_in_table; k += 2)
      for (Index row = 0; row < dimension; ++row)
        CHECK(whole.values()[k * dimension + row] == apart.values()[k * dimension + row]);
  }
}

}  // namespace test_touched
