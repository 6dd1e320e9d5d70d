// Options are doubles, but models may compute in float: values that become 0, 1 or infinite in float are refused where
// this matters.
#include <functional>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/normalisation/layer_norm.hpp>
#include <unroll/losses/binary_cross_entropy.hpp>
#include <unroll/losses/huber.hpp>
#include <unroll/losses/log_ratio.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adadelta.hpp>
#include <unroll/optim/adagrad.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/adamax.hpp>
#include <unroll/optim/average.hpp>
#include <unroll/optim/clip.hpp>
#include <unroll/optim/nadam.hpp>
#include <unroll/optim/radam.hpp>
#include <unroll/optim/rmsprop.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/simd/activations.hpp>

#include "support/catch.hpp"

namespace test_option_ranges {

using namespace unroll;

namespace {

using Make = std::function<void(double)>;
struct Option {
  const char* name;
  Make make;  // constructs an object that computes in float, with this option
};

template <class L>
void connect(L layer) {
  sequential<float>(3, std::move(layer));
}

constexpr double subnormal_double = 1e-310, zero_in_float = 1e-46, subnormal_float = 1e-39;
constexpr double one_in_float = 1 - 1e-10, one = 1 - 1e-17, infinite_in_float = 3e39;
const double not_a_number = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();

void check(const std::vector<Option>& options, const std::vector<double>& refused, const std::vector<double>& taken) {
  for (const auto& [name, make] : options) {
    for (const double value : refused) {
      INFO(name << " = " << value);
      CHECK_THROWS_AS(make(value), ValueError);
    }
    for (const double value : taken) {
      INFO(name << " = " << value);
      CHECK_NOTHROW(make(value));
    }
  }
}

VectorX<float> numbers() { return VectorX<float>::LinSpaced(4, -1, 1); }

}  // namespace

TEST_CASE("options: divisors are neither 0 nor infinite in float") {
  check({{"layer norm", [](double x) { connect(LayerNorm{.epsilon = x}); }},
         {"rms norm", [](double x) { connect(LayerNorm{.epsilon = x, .centred = false}); }},
         {"batch norm", [](double x) { connect(BatchNorm{.epsilon = x}); }},
         {"Adam", [](double x) { Adam<float>({.epsilon = x}); }},
         {"AdamW", [](double x) { AdamW<float>({.epsilon = x}); }},
         {"RAdam", [](double x) { RAdam<float>({.epsilon = x}); }},
         {"NAdam", [](double x) { NAdam<float>({.epsilon = x}); }},
         {"Adamax", [](double x) { Adamax<float>({.epsilon = x}); }},
         {"Adagrad", [](double x) { Adagrad<float>({.epsilon = x}); }},
         {"Adadelta", [](double x) { Adadelta<float>({.epsilon = x}); }},
         {"RMSprop", [](double x) { RMSprop<float>({.epsilon = x}); }},
         {"leaky relu", [](double x) { (void)LeakyRelu{.negative_slope = x}; }},
         {"elu", [](double x) { (void)Elu{.alpha = x}; }}},
        {0, subnormal_double, zero_in_float, subnormal_float, infinite_in_float, inf, not_a_number, -1},
        {1.2e-38, one, 3e38});
  check({{"log ratio", [](double x) { LogRatio<float>({.epsilon = x}); }}},
        {0, subnormal_double, zero_in_float, 1e-20, infinite_in_float, not_a_number}, {1e-18, one});
}

TEST_CASE("options: rates and momenta that leave a remainder are below 1 in float") {
  check({{"dropout", [](double x) { connect(Dropout{.rate = x}); }},
         {"beta1", [](double x) { Adam<float>({.beta1 = x}); }},
         {"beta2", [](double x) { Adam<float>({.beta2 = x}); }},
         {"rho of RMSprop", [](double x) { RMSprop<float>({.rho = x}); }},
         {"rho of Adadelta", [](double x) { Adadelta<float>({.rho = x}); }},
         {"momentum of SGD", [](double x) { SGD<float>({.momentum = x}); }},
         {"momentum of RMSprop", [](double x) { RMSprop<float>({.momentum = x}); }},
         {"average", [](double x) { WeightAverage<float>({.momentum = x}); }}},
        {one, one_in_float, 1, infinite_in_float, not_a_number, -0.1}, {0, subnormal_double, zero_in_float, 1 - 1e-7});
  CHECK_NOTHROW(Adam<double>({.beta2 = one_in_float}));
}

TEST_CASE("options: limits do not become 0 and rates and weights not infinite in float") {
  check({{"huber", [](double x) { Huber<float>({.delta = x}); }}},
        {0, subnormal_double, zero_in_float, subnormal_float, infinite_in_float, inf, not_a_number, -1},
        {1.2e-38, one, 3e38});
  check({{"norm", [](double x) { clip_by_global_norm(numbers(), x); }},
         {"value", [](double x) { clip_by_value(numbers(), x); }}},
        {0, subnormal_double, zero_in_float, subnormal_float, not_a_number, -1}, {1.2e-38, one, infinite_in_float});
  check({{"learning rate", [](double x) { SGD<float>({.learning_rate = x}); }},
         {"weight decay", [](double x) { AdamW<float>({.weight_decay = x}); }},
         {"accumulator", [](double x) { Adagrad<float>({.initial_accumulator = x}); }},
         {"asymmetry", [](double x) { LogRatio<float>({.asymmetry = x}); }},
         {"class weight",
          [](double x) {
            SoftmaxCrossEntropy<float>({.class_weights = VectorX<double>{{1, x}}});
          }},
         {"pos weight",
          [](double x) {
            BinaryCrossEntropy<float>({.pos_weight = VectorX<double>{{1, x}}});
          }}},
        {infinite_in_float, inf, not_a_number, -1}, {0, subnormal_double, zero_in_float, one, 3e38});
  check({{"hard sigmoid's alpha", [](double x) { (void)HardSigmoid{.alpha = x}; }},
         {"hard sigmoid's beta", [](double x) { (void)HardSigmoid{.beta = x}; }}},
        {infinite_in_float, inf, not_a_number}, {-1, 0, one});
  check({{"hard tanh", [](double x) { (void)HardTanh{.high = x}; }}}, {not_a_number}, {1, inf});
  CHECK_NOTHROW(SGD<double>({.learning_rate = infinite_in_float}));
}

TEST_CASE("options: the smallest accepted epsilon gives correct numbers") {
  Sequential norm(3, LayerNorm{.epsilon = 1.2e-38});
  norm.initialise(1);
  decltype(norm)::Tape tape;
  const MatrixX<float> equal = MatrixX<float>::Constant(3, 2, 7);
  CHECK(norm.forward(equal, Timeline::rectangular(1, 2), tape).isZero(0));
  auto gradient = norm.parameters().zeros_like();
  MatrixX<float> d_x;
  norm.backward(tape, MatrixX<float>(MatrixX<float>::Ones(3, 2)), gradient, &d_x);
  CHECK(d_x.isZero(0));
  CHECK(gradient["0.bias"].isConstant(2));

  // The ratio of 1 to epsilon is 1e18: the loss is the logarithm of half of it, its slope 1.
  const float epsilon = 1e-18f;
  MatrixX<float> slope(1, 1);
  const auto loss = LogRatio<float>({.epsilon = epsilon})(MatrixX<float>{{1}}, MatrixX<float>{{0}}, slope);
  CHECK(loss.value() == Approx(18 * std::log(10.0) - std::log(2.0)).epsilon(1e-6));
  CHECK(slope(0, 0) == Approx(1).epsilon(1e-6));
}

}  // namespace test_option_ranges
