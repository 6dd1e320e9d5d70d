#include <limits>
#include <numeric>
#include <unroll/parameters/initializers.hpp>

#include "support/catch.hpp"

namespace test_initializers {

using namespace unroll;

namespace {

const Random random_numbers(42, Purpose::initialise, 3, 0);

template <class Scalar = double>
MatrixX<Scalar> filled(const Initializer& initializer, Index rows, Index cols, Fans fans = {}, Index first = 0) {
  MatrixX<Scalar> m = MatrixX<Scalar>::Constant(rows, cols, 99);
  initializer.fill(m, random_numbers, first, fans);
  return m;
}

double deviation(const MatrixX<double>& m) { return std::sqrt((m.array() - m.mean()).square().mean()); }

}  // namespace

TEST_CASE("initializers: limits and deviations of the named rules") {
  const Index rows = 300, cols = 200;
  const double fan_in = double(cols), fan_out = double(rows);
  struct Rule {
    const char* name;
    Initializer initializer;
    double deviation, limit;
  };
  const auto uniform = [](const char* name, Initializer rule, double limit) {
    return Rule{name, rule, limit / std::sqrt(3.0), limit};
  };
  const auto normal = [](const char* name, Initializer rule, double deviation) {
    return Rule{name, rule, deviation, 2 * deviation / 0.8796256610342398};
  };
  for (const Rule& rule : {
           uniform("glorot uniform", init::glorot_uniform(), std::sqrt(6 / (fan_in + fan_out))),
           uniform("he uniform", init::he_uniform(), std::sqrt(6 / fan_in)),
           uniform("lecun uniform", init::lecun_uniform(), std::sqrt(3 / fan_in)),
           uniform("lecun uniform with a gain", init::lecun_uniform(2), 2 * std::sqrt(3 / fan_in)),
           uniform("PyTorch linear", init::pytorch_linear(), 1 / std::sqrt(fan_in)),
           uniform("PyTorch rnn", init::pytorch_rnn(64), 1 / 8.0),
           uniform("PyTorch rnn by rows", init::pytorch_rnn(), 1 / std::sqrt(fan_out)),
           uniform("uniform", init::uniform(-0.1, 0.1), 0.1),
           normal("glorot normal", init::glorot_normal(), std::sqrt(2 / (fan_in + fan_out))),
           normal("he normal", init::he_normal(), std::sqrt(2 / fan_in)),
           normal("lecun normal", init::lecun_normal(), std::sqrt(1 / fan_in)),
           normal("truncated normal", init::truncated_normal(0, 0.5), 0.5 * 0.8796256610342398),
           Rule{"normal", init::normal(0, 0.5), 0.5, 5},
       }) {
    INFO(rule.name);
    const MatrixX<double> m = filled(rule.initializer, rows, cols);
    CHECK(deviation(m) == Approx(rule.deviation).epsilon(0.01));
    CHECK(std::abs(m.mean()) < 0.015 * rule.deviation);
    CHECK(m.cwiseAbs().maxCoeff() <= rule.limit);
    CHECK(m.cwiseAbs().maxCoeff() > (rule.limit == 5 ? 1.5 : 0.995 * rule.limit));
  }
}

TEST_CASE("initializers: the truncated normal has the correct distribution function") {
  const MatrixX<double> m = filled(init::truncated_normal(1, 2), 400, 250);
  for (const double z : {-1.5, -1.0, -0.3, 0.0, 0.7, 1.9}) {
    const auto phi = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
    const double expected = (phi(z) - phi(-2)) / (phi(2) - phi(-2));
    CHECK(double((m.array() < 1 + 2 * z).count()) / double(m.size()) == Approx(expected).margin(0.006));
  }
  CHECK(m.minCoeff() >= -3);
  CHECK(m.maxCoeff() <= 5);
}

TEST_CASE("initializers: fans can be those of a larger matrix") {
  const MatrixX<double> alone = filled(init::glorot_uniform(), 50, 40);
  const MatrixX<double> gate = filled(init::glorot_uniform(), 50, 40, {.out = 200});
  CHECK(gate.isApprox(alone * std::sqrt(90.0 / 240), 1e-14));
  CHECK(filled(init::he_uniform(), 50, 40, {.in = 10}).isApprox(filled(init::he_uniform(), 50, 40) * 2, 1e-14));
}

TEST_CASE("initializers: fans of the call override those of the rule, and these those of the block") {
  const Initializer rule = init::he_uniform();
  CHECK(filled(rule.with_fans({.in = 10}), 50, 40) == filled(rule, 50, 40, {.in = 10}));
  CHECK(filled(rule.with_fans({.in = 10}), 50, 40, {.in = 90}) == filled(rule, 50, 40, {.in = 90}));
  CHECK(filled(rule.with_fans({.out = 10}), 50, 40) == filled(rule, 50, 40));
}

TEST_CASE("initializers: an entry depends on its number, not on the size of the filled block") {
  for (const Initializer& rule : {init::uniform(-1, 1), init::normal(0, 1), init::truncated_normal(0, 1)}) {
    const MatrixX<double> whole = filled(rule, 6, 5);
    MatrixX<double> parts = MatrixX<double>::Zero(6, 5);
    for (Index col = 4; col >= 0; --col) rule.fill(parts.col(col), random_numbers, col * 6);
    CHECK(parts == whole);
    CHECK(filled<float>(rule, 6, 5) == whole.cast<float>());
    const MatrixX<double> next = filled(rule, 6, 5, {}, 30);
    CHECK((next - whole).cwiseAbs().minCoeff() > 0);
    MatrixX<double> other(6, 5);
    rule.fill(other, Random(43, Purpose::initialise, 3, 0));
    CHECK((other - whole).cwiseAbs().minCoeff() > 0);
  }
}

TEST_CASE("initializers: a block inside a larger matrix is filled without changes around it") {
  MatrixX<float> m = MatrixX<float>::Constant(8, 4, 7);
  init::constant(0.5).fill(m.middleRows(2, 3), random_numbers);
  CHECK((m.middleRows(2, 3).array() == 0.5f).all());
  CHECK((m.topRows(2).array() == 7).all());
  CHECK((m.bottomRows(3).array() == 7).all());
  init::orthogonal().fill(m.middleRows(2, 4), random_numbers);
  CHECK((m.topRows(2).array() == 7).all());
  CHECK((m.bottomRows(2).array() == 7).all());
}

TEST_CASE("initializers: orthogonal matrices have orthonormal columns or rows times the gain") {
  const double gain = GENERATE(1.0, 2.5);
  SECTION("square") {
    const MatrixX<double> q = filled(init::orthogonal(gain), 30, 30);
    CHECK((q * q.transpose()).isApprox(gain * gain * MatrixX<double>::Identity(30, 30), 1e-12));
  }
  SECTION("tall, such as stacked gates: orthonormal columns, but no orthogonal gates") {
    const MatrixX<double> q = filled(init::orthogonal(gain), 40, 10);
    CHECK((q.transpose() * q).isApprox(gain * gain * MatrixX<double>::Identity(10, 10), 1e-12));
    const MatrixX<double> first = q.topRows(10);
    CHECK(!(first.transpose() * first).isApprox(gain * gain * MatrixX<double>::Identity(10, 10), 0.1));
  }
  SECTION("wide: orthonormal rows") {
    const MatrixX<float> q = filled<float>(init::orthogonal(gain), 7, 40);
    CHECK((q * q.transpose()).isApprox(float(gain * gain) * MatrixX<float>::Identity(7, 7), 1e-5f));
  }
  SECTION("one entry") { CHECK(std::abs(filled(init::orthogonal(gain), 1, 1)(0, 0)) == Approx(gain)); }
  SECTION("empty") { CHECK_NOTHROW(filled(init::orthogonal(gain), 0, 0)); }
}

TEST_CASE("initializers: columns of a large square matrix are orthogonal to rounding") {
  const Index size = 200;
  const MatrixX<double> q = filled(init::orthogonal(), size, size);
  CHECK((q.transpose() * q - MatrixX<double>::Identity(size, size)).cwiseAbs().maxCoeff() < 2e-15);
}

TEST_CASE("initializers: orthogonal matrices are uniformly distributed in sign") {
  // A plain Householder QR, where R may have negative diagonal entries, would always give this entry the same sign.
  Index positive = 0;
  for (Index k = 0; k < 400; ++k) positive += filled(init::orthogonal(), 3, 3, {}, 9 * k)(0, 0) > 0;
  CHECK(positive > 160);
  CHECK(positive < 240);
}

TEST_CASE("initializers: constant and identity fill the given values") {
  CHECK(filled(init::zeros(), 2, 3).isZero(0));
  CHECK((filled(init::constant(1), 2, 3).array() == 1).all());
  const MatrixX<double> wide = filled(init::identity(0.5), 2, 4);
  CHECK(wide == 0.5 * MatrixX<double>::Identity(2, 4));
  VectorX<float> bias = VectorX<float>::Constant(5, 9);
  init::constant(1).fill(bias, random_numbers);
  CHECK(bias == VectorX<float>::Ones(5));
  CHECK(init::glorot_uniform() == init::glorot_uniform());
  CHECK(!(init::constant(1) == init::constant(2)));
}

TEST_CASE("initializers: chrono biases cover the time scales, input biases are their negatives") {
  const Index longest = 101;
  const MatrixX<double> forget = filled(init::chrono_forget(longest), 5000, 1);
  CHECK(forget == -filled(init::chrono_input(longest), 5000, 1));
  CHECK(forget.minCoeff() >= 0);
  CHECK(forget.maxCoeff() <= std::log(100.0));
  CHECK(forget.array().exp().mean() == Approx(50.5).epsilon(0.02));
}

TEST_CASE("initializers: gains equal those of PyTorch") {
  CHECK(init::tanh_gain == Approx(5.0 / 3));
  CHECK(init::relu_gain == Approx(std::sqrt(2.0)));
  CHECK(init::sigmoid_gain == 1);
  CHECK(init::selu_gain == 0.75);
  CHECK(init::leaky_relu_gain(0.01) == Approx(std::sqrt(2 / 1.0001)));
}

TEST_CASE("initializers: refuse options and fans out of range") {
  CHECK_THROWS_MATCHES(init::uniform(1, -1), ValueError,
                       says("high of uniform(low, high) must be finite and at least low"));
  CHECK_THROWS_MATCHES(init::normal(0, -1), ValueError, says("got -1"));
  CHECK_THROWS_MATCHES(init::truncated_normal(0, NAN), ValueError, says("nan"));
  CHECK_THROWS_AS(init::constant(INFINITY), ValueError);
  CHECK_THROWS_MATCHES(init::orthogonal(0), ValueError, says("gain"));
  CHECK_THROWS_MATCHES(init::lecun_uniform(0), ValueError, says("gain"));
  CHECK_THROWS_MATCHES(init::pytorch_rnn(0), ValueError, says("units"));
  CHECK_THROWS_MATCHES(init::chrono_forget(2), ValueError, says("above 2 steps"));
  CHECK_THROWS_MATCHES(filled(init::he_uniform(), 3, 0), ValueError, says("fans must be above 0, got "));
  CHECK_THROWS_AS(filled(init::he_uniform(), 3, 2, {.in = -1}), ValueError);
}

TEST_CASE("initializers: the message names the non-finite option") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK_THROWS_MATCHES(init::normal(inf, 1), ValueError, says("mean must be finite, got inf"));
  CHECK_THROWS_MATCHES(init::truncated_normal(-inf, 1), ValueError, says("mean must be finite, got -inf"));
  CHECK_THROWS_MATCHES(init::normal(0, -1), ValueError,
                       says("standard deviation must be finite and at least 0, got -1"));
  CHECK_THROWS_MATCHES(init::uniform(-inf, 1), ValueError, says("low of uniform(low, high) must be finite, got -inf"));
  CHECK_THROWS_MATCHES(init::uniform(2, 1), ValueError, says("must be finite and at least low, got 1"));
}

}  // namespace test_initializers
