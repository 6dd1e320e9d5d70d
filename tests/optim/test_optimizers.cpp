#include <cstring>
#include <map>
#include <unroll/optim/adadelta.hpp>
#include <unroll/optim/adagrad.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/adamax.hpp>
#include <unroll/optim/lion.hpp>
#include <unroll/optim/nadam.hpp>
#include <unroll/optim/radam.hpp>
#include <unroll/optim/rmsprop.hpp>
#include <unroll/optim/sgd.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_optimizers {

using namespace unroll;

namespace {

/// Optimizer with options that use all of its state.
template <class O>
O make(double learning_rate, double weight_decay = 0) {
  typename O::Options options;
  options.learning_rate = learning_rate;
  options.weight_decay = weight_decay;
  if constexpr (requires { options.momentum; }) options.momentum = 0.9;
  if constexpr (requires { options.centered; }) options.centered = true;
  if constexpr (requires { options.amsgrad; }) options.amsgrad = true;
  return O(options);
}

template <class Scalar>
VectorX<Scalar> ramp(Index n, double from, double to) {
  return VectorX<Scalar>::LinSpaced(n, Scalar(from), Scalar(to));
}

/// Copies state out of an optimizer or into another.
template <class Scalar>
struct Store {
  std::map<std::string, VectorX<Scalar>> vectors;
  std::map<std::string, double> numbers;

  template <class O>
  void save(O& optimizer) {
    optimizer.visit_state([&](std::string_view name, auto& value) {
      if constexpr (requires { value.size(); })
        vectors[std::string(name)] = value;
      else
        numbers[std::string(name)] = double(value);
    });
  }
  template <class O>
  void restore(O& optimizer) const {
    optimizer.visit_state([&]<class Value>(std::string_view name, Value& value) {
      if constexpr (requires { value.size(); })
        value = vectors.at(std::string(name));
      else
        value = Value(numbers.at(std::string(name)));
    });
  }
  bool operator==(const Store& other) const { return vectors == other.vectors && numbers == other.numbers; }
};

template <class O>
Store<typename O::Scalar> state_of(O& optimizer) {
  Store<typename O::Scalar> store;
  store.save(optimizer);
  return store;
}

/// User-defined optimizer with only the members that the concept requires.
struct SignDescent {
  using Scalar = float;
  struct Options {
    double learning_rate = 0.1;
  } given;
  void step(OutVector<float> theta, InVector<float> gradient) {
    theta.array() -= float(given.learning_rate) * gradient.array().sign();
  }
  double& learning_rate() { return given.learning_rate; }
  Options& options() { return given; }
  void set_decay_mask(const VectorX<float>&) {}
  template <class F>
  void visit_state(F&&) {}
};
static_assert(Optimizer<SignDescent> && Optimizer<Adam<float>> && !Optimizer<int>);

}  // namespace

#define EVERY_IN(S) \
  SGD<S>, RMSprop<S>, Adam<S>, AdamW<S>, Adamax<S>, NAdam<S>, RAdam<S>, Adagrad<S>, Adadelta<S>, Lion<S>
#define EVERY_OPTIMIZER EVERY_IN(float), EVERY_IN(double)

TEMPLATE_TEST_CASE("optimizers: each minimizes a quadratic", "", EVERY_OPTIMIZER) {
  using Scalar = typename TestType::Scalar;
  constexpr bool accumulates = std::same_as<TestType, Adagrad<Scalar>>,
                 unitless = std::same_as<TestType, Adadelta<Scalar>>;
  auto optimizer = make<TestType>(accumulates ? 1 : unitless ? 1 : 0.01);
  const Index n = 2500;  // more than two pieces, not a multiple of the piece size
  const VectorX<Scalar> target = ramp<Scalar>(n, -1, 1), curvature = ramp<Scalar>(n, 0.5, 2);
  VectorX<Scalar> theta = ramp<Scalar>(n, 2, 1);
  for (int t = 0; t < 1500; ++t) optimizer.step(theta, curvature.cwiseProduct(theta - target));
  CHECK((theta - target).cwiseAbs().maxCoeff() < (unitless ? 0.3 : 0.03));
}

TEMPLATE_TEST_CASE("optimizers: a resumed run continues with the same bits", "", EVERY_OPTIMIZER) {
  using Scalar = typename TestType::Scalar;
  const Index n = 1030;
  auto optimizer = make<TestType>(0.01, 0.1), fresh = make<TestType>(0.01, 0.1);
  VectorX<Scalar> theta = ramp<Scalar>(n, -1, 2);
  const auto train = [&](TestType& by, VectorX<Scalar>& values) {
    for (int t = 0; t < 7; ++t) by.step(values, (values.array() * Scalar(1.5) - Scalar(0.3)).matrix());
  };
  train(optimizer, theta);
  const auto saved = state_of(optimizer);
  CHECK(saved.numbers.at("updates") == 7);
  CHECK(!saved.vectors.empty());
  VectorX<Scalar> copy = theta, without = theta;
  saved.restore(fresh);
  train(optimizer, theta);
  train(fresh, copy);
  CHECK(std::memcmp(theta.data(), copy.data(), sizeof(Scalar) * std::size_t(n)) == 0);
  CHECK(state_of(optimizer) == state_of(fresh));
  auto forgetful = make<TestType>(0.01, 0.1);
  train(forgetful, without);
  CHECK(theta != without);  // otherwise the state would have no effect
}

TEMPLATE_TEST_CASE("optimizers: a non-finite gradient changes neither parameters nor state", "", EVERY_OPTIMIZER) {
  using Scalar = typename TestType::Scalar;
  using Limits = std::numeric_limits<Scalar>;
  const auto bad = GENERATE(Limits::quiet_NaN(), -Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity());
  const Index n = 600, at = GENERATE(Index(0), Index(255), Index(256), Index(599));
  auto optimizer = make<TestType>(0.01, 0.1);
  VectorX<Scalar> theta = ramp<Scalar>(n, -1, 2), gradient = ramp<Scalar>(n, 1, -1);
  optimizer.step(theta, gradient);
  const VectorX<Scalar> before = theta;
  const auto state_before = state_of(optimizer);
  gradient[at] = bad;
  CHECK_THROWS_MATCHES(optimizer.step(theta, gradient), NonFiniteError, says("entry " + std::to_string(at)));
  CHECK(theta == before);
  CHECK(state_of(optimizer) == state_before);
}

/// Step with l2 weight decay 1 of parameters whose entry 300 has the value `large`, in the second piece of the check.
template <class O>
void refused_decay(float large, const std::string& message) {
  typename O::Options options;
  options.weight_decay = 1, options.decay = Decay::l2;
  O optimizer(options);
  VectorX<float> theta = VectorX<float>::Ones(600), gradient = VectorX<float>::Ones(600);
  optimizer.step(theta, gradient);
  theta[300] = large, gradient[300] = large;
  const VectorX<float> before = theta;
  const auto state = state_of(optimizer);
  CHECK_THROWS_MATCHES(optimizer.step(theta, gradient), NonFiniteError, says(message));
  CHECK(theta == before);
  CHECK(state_of(optimizer) == state);
  // No entry reaches the limit without the decay of this one, but the sum of all magnitudes does.
  gradient.setConstant(large / 8), gradient[300] = large;
  VectorX<float> mask = VectorX<float>::Ones(600);
  mask[300] = 0;
  optimizer.set_decay_mask(mask);
  CHECK_NOTHROW(optimizer.step(theta, gradient));
  // Only the factor of the mask makes the sum large.
  gradient.setOnes(), theta[300] = gradient[300] = large / 5;
  CHECK_NOTHROW(optimizer.step(theta, gradient));
  mask[300] = 8;
  optimizer.set_decay_mask(mask);
  CHECK_THROWS_MATCHES(optimizer.step(theta, gradient), NonFiniteError, says("with weight decay must be finite"));
}

TEST_CASE("optimizers: a gradient that overflows with l2 weight decay is refused") {
  refused_decay<Adam<float>>(8e18f, ": entry 300 of the gradient with weight decay must be finite when squared, got ");
  refused_decay<RMSprop<float>>(8e18f, "entry 300 of the gradient with weight decay must be finite when squared");
  refused_decay<SGD<float>>(3e38f, "SGD: entry 300 of the gradient with weight decay must be finite, got inf");
  refused_decay<Adamax<float>>(3e38f, "entry 300 of the gradient with weight decay must be finite, got inf");
}

TEST_CASE("optimizers: large parameters are no obstacle to decoupled weight decay") {
  VectorX<float> theta = VectorX<float>::Constant(3, 1e38f);
  AdamW<float> adam({.weight_decay = 0.1});
  CHECK_NOTHROW(adam.step(theta, VectorX<float>::Ones(3)));
  CHECK(finite(theta));
}

TEST_CASE("optimizers: an infinite squared gradient is refused where squares are needed") {
  const VectorX<float> gradient = VectorX<float>::Constant(3, 1e19f);
  VectorX<float> theta = VectorX<float>::Zero(3);
  CHECK_THROWS_MATCHES(Adam<float>().step(theta, gradient), NonFiniteError, says("must be finite when squared, got "));
  CHECK_THROWS_AS(RMSprop<float>().step(theta, gradient), NonFiniteError);
  CHECK_THROWS_AS(Adagrad<float>().step(theta, gradient), NonFiniteError);
  CHECK_NOTHROW(Adamax<float>().step(theta, gradient));
  CHECK_NOTHROW(SGD<float>().step(theta, gradient));
  CHECK_NOTHROW(Lion<float>().step(theta, gradient));
  Adam<float> adam;
  adam.step(theta, VectorX<float>::Constant(3, 9e18f));
  CHECK(finite(theta));
  adam.visit_state([](std::string_view, auto& value) {
    if constexpr (requires { value.size(); }) CHECK(finite(value));
  });
}

TEMPLATE_TEST_CASE("optimizers: weight decay leaves out entries that the mask excludes", "", EVERY_OPTIMIZER) {
  using Scalar = typename TestType::Scalar;
  const auto decay = GENERATE(Decay::l2, Decay::decoupled);
  const Index n = 1500;
  auto masked = make<TestType>(0.01, 0.3), decaying = make<TestType>(0.01, 0.3), plain = make<TestType>(0.01);
  masked.options().decay = decaying.options().decay = decay;
  VectorX<Scalar> mask = VectorX<Scalar>::Ones(n);
  mask.segment(1000, 300).setZero();
  masked.set_decay_mask(mask);
  VectorX<Scalar> by_masked = ramp<Scalar>(n, 1, 2), by_decaying = by_masked, by_plain = by_masked;
  const VectorX<Scalar> gradient = ramp<Scalar>(n, -0.1, -0.2);  // opposite to the decay
  for (int t = 0; t < 3; ++t) {
    masked.step(by_masked, gradient);
    decaying.step(by_decaying, gradient);
    plain.step(by_plain, gradient);
  }
  CHECK(by_masked.segment(1000, 300) == by_plain.segment(1000, 300));
  CHECK(by_masked.head(1000) == by_decaying.head(1000));
  CHECK(by_masked.tail(200) == by_decaying.tail(200));
  CHECK((by_decaying - by_plain).segment(1000, 300).cwiseAbs().maxCoeff() > 0);  // otherwise the mask has no effect
}

TEMPLATE_TEST_CASE("optimizers: step allocates nothing after the first call", "", EVERY_OPTIMIZER) {
  using Scalar = typename TestType::Scalar;
  auto optimizer = make<TestType>(0.01, 0.1);
  VectorX<Scalar> theta = ramp<Scalar>(3000, -1, 2);
  const VectorX<Scalar> gradient = ramp<Scalar>(3000, 1, -1);
  optimizer.set_decay_mask(VectorX<Scalar>::Ones(3000));
  optimizer.step(theta, gradient);
  support::AllocationCount allocations;
  for (int t = 0; t < 3; ++t) optimizer.step(theta, gradient);
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEMPLATE_TEST_CASE("optimizers: refuse mismatched sizes before anything changes", "", EVERY_IN(float)) {
  auto optimizer = make<TestType>(0.01, 0.1);
  VectorX<float> theta = ramp<float>(5, 0, 1);
  const VectorX<float> before = theta;
  CHECK_THROWS_MATCHES(optimizer.step(theta, ramp<float>(4, 0, 1)), ShapeError,
                       says("gradient must have as many entries as parameters, 5, got 4"));
  optimizer.set_decay_mask(VectorX<float>::Ones(6));
  CHECK_THROWS_MATCHES(optimizer.step(theta, theta), ShapeError,
                       says("decay mask must have as many entries as parameters, 5, got 6"));
  CHECK(theta == before);
  optimizer.set_decay_mask({});
  optimizer.step(theta, before);
  VectorX<float> other = ramp<float>(6, 0, 1);
  CHECK_THROWS_MATCHES(optimizer.step(other, other), ShapeError, says("use one optimizer per model"));
  VectorX<float> none;
  CHECK_NOTHROW(make<TestType>(0.01).step(none, none));
}

TEST_CASE("optimizers: refuse options out of range with name and value") {
  CHECK_THROWS_MATCHES(Adam<float>({.learning_rate = -1}), ValueError,
                       says("Adam: learning_rate must be finite and at least 0 in float, got -1"));
  CHECK_THROWS_MATCHES(AdamW<float>({.beta2 = 1}), ValueError, says("AdamW: beta2 must be in [0, 1) in float, got 1"));
  CHECK_THROWS_MATCHES(NAdam<float>({.beta1 = -0.5}), ValueError, says("beta1"));
  CHECK_THROWS_MATCHES(NAdam<float>({.momentum_decay = -1}), ValueError, says("momentum_decay"));
  CHECK_THROWS_MATCHES(RAdam<float>({.epsilon = 0}), ValueError, says("epsilon"));
  CHECK_THROWS_MATCHES(Adamax<float>({.epsilon = 1e-60}), ValueError, says("1e-60"));
  CHECK_THROWS_MATCHES(Lion<float>({.beta1 = 1}), ValueError, says("Lion: beta1"));
  CHECK_THROWS_MATCHES(Lion<float>({.beta2 = -0.1}), ValueError, says("Lion: beta2"));
  CHECK_THROWS_MATCHES(SGD<float>({.momentum = 1.5}), ValueError, says("momentum must be in [0, 1) in float, got 1.5"));
  CHECK_THROWS_MATCHES(SGD<float>({.momentum = 0.5, .dampening = 2}), ValueError, says("dampening"));
  CHECK_THROWS_MATCHES(SGD<float>({.nesterov = true}), ValueError,
                       says("momentum must be above 0 with nesterov, got 0"));
  CHECK_THROWS_MATCHES(SGD<float>({.momentum = 0.9, .dampening = 0.1, .nesterov = true}), ValueError,
                       says("dampening must be 0 with nesterov, got 0.1"));
  CHECK_THROWS_MATCHES(RMSprop<float>({.rho = 1}), ValueError, says("rho"));
  CHECK_THROWS_MATCHES(Adagrad<float>({.lr_decay = -1}), ValueError, says("lr_decay"));
  CHECK_THROWS_MATCHES(Adagrad<float>({.initial_accumulator = -1}), ValueError, says("initial_accumulator"));
  CHECK_THROWS_MATCHES(Adadelta<float>({.weight_decay = NAN}), ValueError, says("nan"));
  CHECK_THROWS_MATCHES(SGD<float>().set_decay_mask(VectorX<float>::Constant(2, -1)), ValueError,
                       says("decay mask must be finite and at least 0, got -1"));

  SGD<float> sgd;
  VectorX<float> theta = VectorX<float>::Ones(2);
  sgd.learning_rate() = INFINITY;  // as from a faulty schedule
  CHECK_THROWS_MATCHES(sgd.step(theta, theta), ValueError, says("learning_rate"));
  CHECK(theta == VectorX<float>::Ones(2));
}

TEST_CASE("optimizers: refuse a restored state with a negative count of updates") {
  Adam<double> adam;
  adam.visit_state([]<class Value>(std::string_view name, Value& value) {
    if constexpr (std::same_as<Value, std::int64_t>) value = -3;
    CHECK((name == "updates" || name == "m" || name == "v"));
  });
  VectorX<double> theta = VectorX<double>::Ones(2);
  CHECK_THROWS_MATCHES(adam.step(theta, theta), ValueError, says("-3"));
}

TEST_CASE("sgd: velocities of PyTorch and Keras differ after a change of the learning rate") {
  const VectorX<double> gradient = VectorX<double>::Ones(1);
  const auto after = [&](Velocity velocity, double second_rate) {
    SGD<double> sgd({.learning_rate = 0.1, .momentum = 0.5, .velocity = velocity});
    VectorX<double> theta = VectorX<double>::Zero(1);
    sgd.step(theta, gradient);
    sgd.learning_rate() = second_rate;
    sgd.step(theta, gradient);
    return theta[0];
  };
  CHECK(after(Velocity::gradient, 0.1) == Approx(after(Velocity::step, 0.1)));
  CHECK(after(Velocity::gradient, 0.01) == Approx(-0.1 - 0.01 * 1.5));
  CHECK(after(Velocity::step, 0.01) == Approx(-0.1 - 0.05 - 0.01));
}

TEST_CASE("rmsprop: centred variance may round below zero") {
  RMSprop<float> rmsprop({.rho = 0.9, .centered = true});
  VectorX<float> theta = VectorX<float>::Zero(64);
  const VectorX<float> gradient = ramp<float>(64, 0.1, 1000);
  // With gradients constant in time the variance tends to 0; if the mean approaches from above, its rounded square ends
  // above the mean square.
  for (int t = 0; t < 400; ++t) rmsprop.step(theta, t < 20 ? VectorX<float>(3 * gradient) : gradient);
  CHECK(finite(theta));
}

TEST_CASE("optimizers: a decay mask is applied in all shares of threads") {
  const Index n = 70'000, first = 66'000;  // the last entries are in the second share
  ThreadPool pool(2);
  VectorX<float> theta = VectorX<float>::Ones(n), mask = theta;
  mask.segment(first, 2000).setZero();
  SGD<float> sgd({.learning_rate = 0.5, .weight_decay = 0.5});
  sgd.set_decay_mask(mask);
  sgd.step(theta, VectorX<float>::Zero(n), &pool);
  for (const Index k : {Index(0), Index(500), Index(65'535), Index(65'536), first - 1, first + 2000, n - 1})
    CHECK(theta[k] == 0.75f);
  CHECK(theta.segment(first, 2000) == VectorX<float>::Ones(2000));
}

TEMPLATE_TEST_CASE("optimizers: an entry with gradient 0 never moves", "", EVERY_OPTIMIZER) {
  using Scalar = typename TestType::Scalar;
  const auto never_moves = [](TestType optimizer) {
    VectorX<Scalar> theta = VectorX<Scalar>::Ones(3);
    for (int t = 0; t < 8; ++t) optimizer.step(theta, VectorX<Scalar>::Zero(3));
    CHECK(theta == VectorX<Scalar>::Ones(3));
  };
  TestType plain;
  plain.options().weight_decay = 0;
  never_moves(plain);
  never_moves(make<TestType>(0.1));
  if constexpr (std::same_as<TestType, RMSprop<Scalar>>)
    never_moves(TestType({.epsilon = 1e-7, .epsilon_at = RootEpsilon::inside, .centered = true}));
}

TEMPLATE_TEST_CASE("lion: three steps equal values by hand with both kinds of weight decay", "", float, double) {
  using V = VectorX<TestType>;
  const V start = (V(3) << 2, 0, -1).finished();
  const V first = (V(3) << 1, 0, -3).finished(), second = (V(3) << -1, 0, 3).finished();
  const auto after = [&](double weight_decay, Decay decay, std::initializer_list<const V*> gradients) {
    Lion<TestType> lion(
        {.learning_rate = 0.5, .beta1 = 0.9, .beta2 = 0.5, .weight_decay = weight_decay, .decay = decay});
    V theta = start;
    for (const V* gradient : gradients) lion.step(theta, *gradient);
    return theta;
  };
  // First m = 0.5, -1.5, so the second direction is 0.45 - 0.1, -1.35 + 0.3; then m = -0.25, 0.75, and the third
  // direction is -0.225 + 0.1, 0.675 - 0.3.
  CHECK(after(0, Decay::decoupled, {&first}) == (V(3) << 1.5, 0, -0.5).finished());
  CHECK(after(0, Decay::decoupled, {&first, &second}) == (V(3) << 1, 0, 0).finished());
  CHECK(after(0, Decay::decoupled, {&first, &second, &first}) == (V(3) << 1.5, 0, -0.5).finished());
  CHECK(after(0.5, Decay::decoupled, {&first}) == (V(3) << 1, 0, -0.25).finished());  // decay keeps 75 %
  CHECK(after(4, Decay::l2, {&first}) == (V(3) << 1.5, 0, -0.5).finished());
  CHECK(after(0.5, Decay::l2, {&second}) == (V(3) << 2, 0, -1.5).finished());  // -1 + 0.5 * 2 is 0: no step
}

TEMPLATE_TEST_CASE("adamax: epsilon is added inside the maximum or outside it", "", float, double) {
  const auto after = [](MaximumEpsilon at, double gradient) {
    Adamax<TestType> adamax({.learning_rate = 1, .beta1 = 0.5, .epsilon = 1, .epsilon_at = at});
    VectorX<TestType> theta = VectorX<TestType>::Zero(1);
    adamax.step(theta, VectorX<TestType>::Constant(1, TestType(gradient)));
    adamax.step(theta, VectorX<TestType>::Zero(1));
    return double(theta[0]);
  };
  // m = 1.5, then 0.75; corrected 3 and 1. u = 4, then 3.996; with epsilon outside the maximum 3 and 2.997.
  CHECK(after(MaximumEpsilon::inside, 3) == Approx(-3. / 4 - 1 / 3.996).epsilon(1e-6));
  CHECK(after(MaximumEpsilon::outside, 3) == Approx(-3. / 4 - 1 / 3.997).epsilon(1e-6));
}

}  // namespace test_optimizers
