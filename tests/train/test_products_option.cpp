// Products of bfloat16 factors in training and evaluation: StepOptions::products.

#include <bit>
#include <cmath>
#include <cstdint>
#include <unroll/cells/lstm.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/conv_transpose1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_products_option {

using namespace unroll;

namespace {

using Model = Stack<float>;
constexpr Precision bfloat16 = Precision::bfloat16;
const double unit = std::ldexp(1.0, -8);  // largest relative error of rounding to bfloat16

MatrixX<float> numbers(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Purpose::data);
  return MatrixX<float>::NullaryExpr(
      rows, cols, [&](Index r, Index c) { return float(random.normal(std::uint64_t(rows * c + r))); });
}
MatrixX<float> rounded(const MatrixX<float>& m) { return m.unaryExpr(&detail::round_to_bfloat16); }

/// Sequences of 1 to 24 steps whose labels are the sign of the sum of the first feature up to the step.
Dataset<float> sums(Index size, std::uint64_t seed = 0) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < size; ++s) {
    sequences.push_back(numbers(3, 1 + (7 * s + 3) % 24, seed + std::uint64_t(s)));
    Labels of_steps(sequences.back().cols());
    float sum = 0;
    for (Index t = 0; t < of_steps.size(); ++t) of_steps[t] = (sum += sequences.back()(0, t)) > 0;
    labels.push_back(of_steps);
  }
  return Dataset<float>::step_labelled(sequences, labels, 2);
}
Dataset<float> texts(Index size) {
  const auto words = sums(size);
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < size; ++s) {
    const MatrixX<float> values = words.sequence(s);
    sequences.push_back(values.row(1).unaryExpr([](float v) { return std::floor(std::abs(v) * 5); }));
    labels.push_back(Labels::NullaryExpr(values.cols(), [&](Index t) { return (3 * t + s) % 11; }));
  }
  return Dataset<float>::step_labelled(sequences, labels, 23);
}

Model layers_of_steps() {
  Model model(3, {Conv1d{.units = 6, .kernel = 3, .padding = same()},
                  ConvTranspose1d{.units = 6, .kernel = 3, .groups = 2, .padding = same()},
                  Recurrent<Lstm>{.units = 17}, Dense{.units = 2}});
  model.initialise(1);
  return model;
}
Model layers_of_words() {
  Model model(1, {Embedding{.size = 23, .dimension = 12}, Recurrent<Lstm>{.units = 12}, TiedDense{.embedding = 0}});
  model.initialise(1);
  return model;
}

/// Parameters after three updates. `shard`: sequences of a part; 0: one part.
struct Run {
  VectorX<float> theta, gradient;  // gradient: of the first update
};
Run train(Model model, const Dataset<float>& data, StepOptions options, Index shard = 4) {
  Adam<float> adam({.learning_rate = 0.01});
  TrainingStep<Model, SoftmaxCrossEntropy<float>, Adam<float>> step(model, SoftmaxCrossEntropy<float>(), adam, options);
  ShardedBatch<float> batch;
  batch.gather(data, all_samples(data.size()), shard == 0 ? data.size() : shard, &options.threads);
  Run run;
  for (int k = 0; k < 3; ++k) {
    step.step(batch);
    if (k == 0) run.gradient = step.gradient().values();
  }
  run.theta = model.parameters().values();
  return run;
}

Adam<float> adam() { return Adam<float>({.learning_rate = 0.02}); }

bool entries_within(const MatrixX<double>& difference, const MatrixX<double>& magnitude) {
  return (difference.cwiseAbs().array() <= (2 * unit + unit * unit + 1e-6) * magnitude.array()).all();
}

}  // namespace

TEST_CASE("products option: a dense layer rounds the factors of its products, and nothing else") {
  Model model(37, {Dense{.units = 19}});
  model.initialise(1);
  const auto timeline = Timeline::from_lengths({5, 3, 1});
  const auto x = numbers(37, 9, 1), d = numbers(19, 9, 2);
  struct Values {
    MatrixX<float> y, d_w, d_b, d_x;
  };
  const auto pass = [&](Precision products) {
    Model::Tape tape;
    tape.own.products = products;
    Values values;
    values.y = model.forward(x, timeline, tape);
    auto gradient = model.parameters().zeros_like();
    model.backward(tape, d, gradient, &values.d_x);
    values.d_w = gradient.values().head(19 * 37).reshaped(19, 37);
    values.d_b = gradient.values().tail(19);
    return values;
  };
  const Values exact = pass(Precision::float32), some = pass(bfloat16);
  const MatrixX<float> w = model.parameters().values().head(19 * 37).reshaped(19, 37);
  const auto of_rounded = [](const MatrixX<float>& a, const MatrixX<float>& b) {
    return MatrixX<double>(rounded(a).cast<double>() * rounded(b).cast<double>());
  };
  const auto magnitude = [](const MatrixX<float>& a, const MatrixX<float>& b) {
    return MatrixX<double>(a.cwiseAbs().cast<double>() * b.cwiseAbs().cast<double>());
  };
  CHECK(some.y.cast<double>().isApprox(of_rounded(w, x), 1e-6));
  CHECK(some.d_w.cast<double>().isApprox(of_rounded(d, x.transpose()), 1e-6));
  CHECK(some.d_x.cast<double>().isApprox(of_rounded(w.transpose(), d), 1e-6));
  CHECK(entries_within((some.y - exact.y).cast<double>(), magnitude(w, x)));
  CHECK(entries_within((some.d_w - exact.d_w).cast<double>(), magnitude(d, x.transpose())));
  CHECK(entries_within((some.d_x - exact.d_x).cast<double>(), magnitude(w.transpose(), d)));
  CHECK(some.d_b == exact.d_b);
}

TEST_CASE("products option: both factors of the gradients of all weights are rounded") {
  // With one term, a gradient is the product of two numbers of 8 significant bits: the lowest 8 bits of a float are 0.
  const auto check = [](std::vector<AnyLayer<float>> layers, Index features, Index steps, const std::string& block) {
    Model model(features, std::move(layers));
    model.initialise(1);
    const auto timeline = Timeline::from_lengths({steps});
    const MatrixX<float> x = features == 1 ? MatrixX<float>::Zero(1, steps) : numbers(features, steps, 1);
    const auto d = numbers(model.outputs(), steps, 2);
    for (const Precision products : {Precision::float32, bfloat16}) {
      Model::Tape tape;
      tape.own.products = products;
      model.forward(x, timeline, tape);
      auto gradient = model.parameters().zeros_like();
      model.backward(tape, d, gradient);
      const MatrixX<float> entries = gradient[block];
      const Index first = features == 1 ? 1 : 0;  // the vector of token 0 has a sum as its gradient
      bool short_products = true;
      for (const float entry : entries.rightCols(entries.cols() - first).reshaped())
        short_products = short_products && (std::bit_cast<std::uint32_t>(entry) & 0xff) == 0;
      INFO(block);
      CHECK(entries.norm() > 0);
      CHECK(short_products == (products == bfloat16));
    }
  };
  check({Dense{.units = 9}}, 5, 1, "0.weight");
  check({Conv1d{.units = 9, .kernel = 1}}, 5, 1, "0.weight");
  check({ConvTranspose1d{.units = 9, .kernel = 1}}, 5, 1, "0.weight");
  check({Recurrent<Lstm>{.units = 9}}, 5, 1, "0.o.x");
  check({Recurrent<Lstm>{.units = 9}}, 5, 2, "0.o.h");  // the state before the first step is 0
  check({Embedding{.size = 23, .dimension = 12}, TiedDense{.embedding = 0}}, 1, 1, "0.weight");
}

TEST_CASE("products option: gradients of all blocks are near those in float, and differ") {
  // A path from a parameter to the loss has at most 24 steps and 3 other layers, each with one product. The 2 factors
  // of a product are rounded by at most 2^-8 of their values; the variances of independent roundings add.
  const double bound = std::sqrt(2.0 * (24 + 3)) * unit;
  const auto check = [&](const Model& model, const Dataset<float>& data) {
    const Run exact = train(model, data, {}), some = train(model, data, {.products = bfloat16});
    Index first = 0;
    for (const ParameterBlock& block : model.parameters().table().blocks()) {
      const Index size = block.rows * block.cols;
      const VectorX<float> of_block = exact.gradient.segment(first, size);
      const double difference = (some.gradient.segment(first, size) - of_block).norm() / of_block.norm();
      INFO(block.name << ": " << difference);
      CHECK(difference < bound);
      CHECK(difference > unit / 64);  // rounding as in float would give about 2^-20
      first += size;
    }
  };
  check(layers_of_steps(), sums(12));
  check(layers_of_words(), texts(12));
}

TEST_CASE("products option: bits do not depend on threads, checkpoints, or the other samples in bfloat16") {
  const auto check = [&](const Model& model, const Dataset<float>& data) {
    for (const Index shard : {0, 4}) {
      const auto trained = [&](int threads, Keeping keeping) {
        return train(model, data, {.keeping = keeping, .threads = threads, .products = bfloat16}, shard).theta;
      };
      const auto once = trained(1, {});
      CHECK(once != train(model, data, {}, shard).theta);
      for (const int threads : {2, 3}) CHECK(trained(threads, {}) == once);
      CHECK(trained(2, {Keep::checkpoints, 5}) == once);
    }
    const auto alone = predict(model, data, {.batch_size = 1, .products = bfloat16});
    CHECK(predict(model, data, {.threads = 2, .products = bfloat16}) == alone);
    CHECK(predict(model, data) != alone);
  };
  check(layers_of_steps(), sums(30));
  check(layers_of_words(), texts(30));
}

TEST_CASE("products option: a resumed run in bfloat16 has the bits of one run, validated in bfloat16") {
  const auto data = sums(40), held_out = sums(10, 1000);
  FitOptions<float> options{.epochs = 4, .validation = &held_out, .progress = Progress::quiet};
  options.products = bfloat16;
  Model whole = layers_of_steps(), parts = layers_of_steps();
  const SoftmaxCrossEntropy<float> loss;
  auto of_whole = adam(), of_parts = adam();
  const auto result = fit(whole, loss, of_whole, data, options);
  TrainingState<float> state;
  options.on_batch = [](const BatchEnd& end) { return end.epoch < 1 || end.batch < 1; };
  fit(parts, loss, of_parts, data, options, state);
  CHECK(parts.parameters().values() != whole.parameters().values());
  options.on_batch = {};
  fit(parts, loss, of_parts, data, options, state);
  CHECK(parts.parameters().values() == whole.parameters().values());

  Model in_float = layers_of_steps();
  auto of_float = adam();
  options.products = Precision::float32;
  fit(in_float, loss, of_float, data, options);
  CHECK(in_float.parameters().values() != whole.parameters().values());

  const double validation = result.history.back().validation_loss;
  CHECK(evaluate(whole, held_out, loss, {.products = bfloat16}).loss.value() == validation);
  CHECK(evaluate(whole, held_out, loss).loss.value() != validation);
}

TEST_CASE("products option: training in bfloat16 reaches the accuracy of float") {
  const auto data = sums(120), held_out = sums(60, 1000);
  const SoftmaxCrossEntropy<float> loss;
  const auto accuracy = [&](Precision products) {
    Model model(3, {Recurrent<Lstm>{.units = 17}, Dense{.units = 2}});
    model.initialise(1);
    auto optimizer = adam();
    FitOptions<float> options{.epochs = 12, .progress = Progress::quiet};
    options.products = products;
    fit(model, loss, optimizer, data, options);
    return evaluate(model, held_out, loss, {.products = products}).hits.value();
  };
  const double exact = accuracy(Precision::float32), some = accuracy(bfloat16);
  CAPTURE(exact, some);
  CHECK(exact > 0.9);
  CHECK(std::abs(some - exact) < 0.03);
}

TEST_CASE("products option: a step in bfloat16 allocates nothing after the first") {
  Model model = layers_of_steps();
  auto optimizer = adam();
  const auto data = sums(9);
  TrainingStep<Model, SoftmaxCrossEntropy<float>, Adam<float>> step(model, SoftmaxCrossEntropy<float>(), optimizer,
                                                                    {.products = bfloat16});
  ShardedBatch<float> batch;
  batch.gather(data, all_samples(9), 4);
  for (int k = 0; k < 2; ++k) step.step(batch);
  const support::AllocationCount allocations;
  step.step(batch);
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("products option: bfloat16 is refused for models of double before anything changes") {
  Stack<double> model(2, {Dense{.units = 2}});
  model.initialise(1);
  Adam<double> optimizer({.learning_rate = 0.1});
  using Step = TrainingStep<Stack<double>, SoftmaxCrossEntropy<double>, Adam<double>>;
  const auto refusal = says("products: the scalar of a model with Precision::bfloat16 must be float, got double");
  CHECK_THROWS_MATCHES(Step(model, SoftmaxCrossEntropy<double>(), optimizer, {.products = bfloat16}), ValueError,
                       refusal);
  const auto data = Dataset<double>::labelled({MatrixX<double>::Ones(2, 1)}, {1}, 2);
  CHECK_THROWS_MATCHES(predict(model, data, {.products = bfloat16}), ValueError, refusal);
  Stack<double>::Weights weights;
  weights.products = bfloat16;
  CHECK_THROWS_MATCHES(model.prepare(weights), ValueError, refusal);
}

}  // namespace test_products_option
