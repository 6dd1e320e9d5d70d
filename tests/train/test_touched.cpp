// Training steps on tables of which a batch touches few columns.

#include <unroll/cells/gru.hpp>
#include <unroll/io/checkpoint.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/parameters/decay_mask.hpp>
#include <unroll/train/fit.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_touched {

using namespace unroll;

namespace {

constexpr Index size = 40, dimension = 5, classes = 3;

/// Data set of `count` sequences of 0 to 8 tokens in [first, first + kinds).
Dataset<float> sentences(Index count, Index first, Index kinds) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < count; ++s) {
    const Index length = (5 * s + 3) % 9;
    sequences.push_back(
        MatrixX<float>::NullaryExpr(1, length, [&](Index, Index t) { return float(first + (7 * s + 3 * t) % kinds); }));
    labels.push_back(Labels::NullaryExpr(length, [&](Index t) { return (s + t) % classes; }));
  }
  return Dataset<float>::step_labelled(sequences, labels, classes);
}

auto model(Embedding words = {}) {
  words.size = size, words.dimension = dimension;
  Sequential model(1, std::move(words), Recurrent<Gru>{.units = 6}, Dense{.units = classes});
  model.initialise(1);
  return model;
}
using Model = decltype(model());

using Loss = SoftmaxCrossEntropy<float>;

template <class O, class M = Model>
using Training = TrainingStep<M, Loss, O>;

/// One update with all samples, cut into parts of at most `shard` sequences.
template <class O, class M>
StepReport step_on(Training<O, M>& step, const Dataset<float>& data, Index shard = 3) {
  ShardedBatch<float> batch;
  batch.gather(data, all_samples(data.size()), shard);
  return step.step(batch);
}

bool close(const VectorX<float>& a, const VectorX<float>& b) { return (a - b).norm() < 1e-5F * b.norm(); }

/// User-defined optimizer for whole vectors only.
struct Own {
  using Scalar = float;
  struct Options {
    double learning_rate = 0.1;
  };
  Options options_ = {};
  void step(VectorX<float>& theta, const VectorX<float>& gradient) { theta -= 0.1F * gradient; }
  double& learning_rate() { return options_.learning_rate; }
  Options& options() { return options_; }
  void set_decay_mask(const VectorX<float>&) {}
  template <class F>
  void visit_state(F&&) {}
};

}  // namespace

TEST_CASE("sparse embedding: a step moves only tokens of its batch, with momentum too") {
  auto trained = model();
  Adam<float> adam({.learning_rate = 0.05, .weight_decay = 0.1});
  Training<Adam<float>> step(trained, Loss(), adam, {.clip_norm = 1});
  step_on(step, sentences(45, 0, 20));
  const MatrixX<float> before = trained.parameters()["0.weight"];
  step_on(step, sentences(45, 15, 20));
  const MatrixX<float> after = trained.parameters()["0.weight"], gradient = step.gradient()["0.weight"];
  for (Index token = 0; token < size; ++token) {
    const bool touched = token >= 15 && token < 35;
    CHECK((after.col(token) != before.col(token)) == touched);
    CHECK(gradient.col(token).isZero(0) == !touched);  // the gradient of the preceding batch has been cleared
  }
}

TEST_CASE("sparse embedding: trains as a dense one without momentum and decay") {
  const Truncation truncation = GENERATE(Truncation{}, Truncation{.update_every = 3, .back = 3},
                                         Truncation{.update_every = 2, .back = 4, .accumulate = true});
  const double clip_value = GENERATE(0.0, 0.01);
  auto one = model(), two = model({.sparse = false});
  SGD<float> first({.learning_rate = 0.5}), second({.learning_rate = 0.5});
  const StepOptions options{.clip_norm = 0.3, .clip_value = clip_value, .truncation = truncation};
  Training<SGD<float>> sparse(one, Loss(), first, options), dense(two, Loss(), second, options);
  for (Index k = 0; k < 4; ++k) {
    const auto a = step_on(sparse, sentences(9, 5 * k, 20)), b = step_on(dense, sentences(9, 5 * k, 20));
    CHECK(a.gradient_norm == Approx(b.gradient_norm).epsilon(1e-6));
    CHECK(a.loss.sum == Approx(b.loss.sum).epsilon(1e-6));
  }
  CHECK(close(one.parameters().values(), two.parameters().values()));
}

TEST_CASE("sparse embedding: any number of threads gives the same bits") {
  const auto run = [&](int threads) {
    auto trained = model();
    Adam<float> adam({.learning_rate = 0.05});
    Training<Adam<float>> step(trained, Loss(), adam, {.clip_norm = 0.1, .threads = threads});
    for (Index k = 0; k < 3; ++k) step_on(step, sentences(200, 5 * k, 25));
    return VectorX<float>(trained.parameters().values());
  };
  const auto alone = run(1);
  for (const int threads : {2, 4}) CHECK(run(threads) == alone);
}

TEST_CASE("sparse embedding: a loop of passes and updates equals the training step") {
  auto one = model({.padding = 3}), two = model({.padding = 3});
  Adam<float> first({.weight_decay = 0.1}), second({.weight_decay = 0.1});
  Training<Adam<float>> step(one, Loss(), first, {.clip_norm = 0.1});
  auto gradient = two.parameters().zeros_like();
  Model::Tape tape;
  for (Index k = 0; k < 3; ++k) {
    const auto data = sentences(9, 5 * k, 20);
    Batch<float> batch;
    batch.gather(data, all_samples(data.size()));
    step.step(batch);
    const MatrixX<float> x = batch.x(), scores = two.forward(x, batch.timeline(), tape, {.training = true});
    MatrixX<float> d_scores(scores.rows(), scores.cols());
    Loss()(scores, batch.labels(0, scores.cols()), d_scores);
    gradient.reset();
    two.backward(tape, d_scores, gradient);
    clip_by_global_norm(gradient, 0.1);
    second.step(two.parameters(), gradient);
  }
  CHECK(close(one.parameters().values(), two.parameters().values()));
  CHECK(two.parameters()["0.weight"].col(3).isZero(0));
}

TEST_CASE("sparse embedding: a batch in parts touches what the whole batch does") {
  auto one = model(), two = model();
  SGD<float> first({.learning_rate = 0.5, .momentum = 0.9}), second({.learning_rate = 0.5, .momentum = 0.9});
  Training<SGD<float>> parts(one, Loss(), first), whole(two, Loss(), second);
  for (Index k = 0; k < 4; ++k) step_on(parts, sentences(9, 5 * k, 20), 2), step_on(whole, sentences(9, 5 * k, 20), 9);
  CHECK(close(one.parameters().values(), two.parameters().values()));
}

TEST_CASE("sparse embedding: a step on known tokens allocates nothing") {
  auto trained = model({.padding = 3});
  Adam<float> adam;
  Training<Adam<float>> step(trained, Loss(), adam, {.clip_norm = 1, .clip_value = 1});
  const auto data = sentences(12, 0, 20);
  ShardedBatch<float> batch;
  batch.gather(data, all_samples(data.size()), 4);
  step.step(batch);
  support::AllocationCount allocations;
  step.step(batch);
  step.step(batch);
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("embedding: frozen vectors do not move, dense, sparse or tied, under momentum and decay") {
  const bool sparse = GENERATE(true, false), whole = GENERATE(false, true), is_tied = GENERATE(false, true);
  const Embedding words{
      .size = size, .dimension = dimension, .padding = 2, .frozen = whole, .frozen_tokens = {4, 7}, .sparse = sparse};
  const auto check = [&](auto trained, Index kinds) {
    trained.initialise(5);
    const MatrixX<float> first = trained.parameters()["0.weight"];
    AdamW<float> adam({.learning_rate = 0.05, .weight_decay = 0.1});
    Training<AdamW<float>, decltype(trained)> step(trained, Loss(), adam, {.clip_norm = 1});
    for (Index k = 0; k < 3; ++k) step_on(step, sentences(45, 0, kinds));
    const MatrixX<float> last = trained.parameters()["0.weight"];
    for (Index token = 0; token < size; ++token) {
      const bool kept = whole || token == 2 || token == 4 || token == 7;
      const bool moves = !kept && (token < kinds || is_tied || !sparse);
      CHECK((first.col(token) != last.col(token)) == moves);
    }
  };
  if (is_tied)
    check(Sequential(1, words, Recurrent<Gru>{.units = dimension}, TiedDense{}), 20);
  else
    check(Sequential(1, words, Recurrent<Gru>{.units = 4}, Dense{.units = classes}), 20);
}

TEST_CASE("training step: a user optimizer of vectors steps over all and is refused for frozen parameters") {
  static_assert(Optimizer<Own>);
  auto one = model(), two = model();
  Own own;
  SGD<float> sgd({.learning_rate = 0.1});
  Training<Own> by_own(one, Loss(), own);
  Training<SGD<float>> by_sgd(two, Loss(), sgd);
  for (Index k = 0; k < 3; ++k) step_on(by_own, sentences(9, 5 * k, 20)), step_on(by_sgd, sentences(9, 5 * k, 20));
  CHECK(close(one.parameters().values(), two.parameters().values()));
  auto frozen = model({.padding = 0});
  CHECK_THROWS_MATCHES(Training<Own>(frozen, Loss(), own), ValueError,
                       says("the optimizer would change frozen parameters"));
}

TEST_CASE("fit: a sparse embedding resumes with the same bits, averages and decay masks too") {
  const auto data = sentences(30, 0, 35);
  FitOptions<float> options{.epochs = 4, .batches = {.size = 4}, .clip_norm = 1, .progress = Progress::quiet};
  options.average = WeightAverageOptions{.momentum = 0.8};
  const Loss loss;
  const auto adam = [&] {
    AdamW<float> made({.learning_rate = 0.02, .weight_decay = 0.1});
    made.set_decay_mask(decay_mask<float>(model().parameters().table()));
    return made;
  };
  auto straight = model();
  auto whole = adam();
  fit(straight, loss, whole, data, options);

  const support::TemporaryFolder folder;
  TrainingState<float> state;
  auto stopped = model();
  auto first = adam();
  options.epochs = 2;
  fit(stopped, loss, first, data, options, state);
  write_checkpoint(folder.path / "run", state, first);
  TrainingState<float> read;
  auto resumed = model();
  auto second = adam();
  read_checkpoint(folder.path / "run", read, second);
  options.epochs = 4;
  fit(resumed, loss, second, data, options, read);
  CHECK(resumed.parameters().values() == straight.parameters().values());
}

TEST_CASE("sparse embedding: a step after a non-finite gradient begins with a clean one") {
  auto trained = model();
  SGD<float> sgd({.learning_rate = 0.1});
  Training<SGD<float>> step(trained, Loss(), sgd);
  const auto good = sentences(9, 0, 20);
  const VectorX<float> theta = trained.parameters().values();
  trained.parameters()["0.weight"].col(25).setConstant(std::numeric_limits<float>::quiet_NaN());
  CHECK_THROWS_MATCHES(step_on(step, sentences(9, 15, 20)), NonFiniteError, says("parameter '0.weight'"));
  trained.parameters().values() = theta;
  step_on(step, good);
  auto other = model();
  Training<SGD<float>> fresh(other, Loss(), sgd);
  step_on(fresh, good);
  CHECK(trained.parameters().values() == other.parameters().values());
}

TEST_CASE("sparse embedding: a token is touched when its sequence is too short for later layers") {
  const auto words_of = [](Index steps) {
    return Dataset<float>::labelled({MatrixX<float>::Constant(1, steps, 3)}, {1}, classes);
  };
  Embedding words{.size = size, .dimension = dimension};
  Sequential model(1, words, Conv1d{.units = classes, .kernel = 4}, MeanOverTime{});
  model.initialise(1);
  const float before = model.parameters()["0.weight"](0, 3);
  SGD<float> fresh({.learning_rate = 0.5, .weight_decay = 0.5});
  auto other = model;
  SGD<float> used = fresh;

  Training<SGD<float>, decltype(model)> first(model, Loss(), fresh);
  step_on(first, words_of(2));  // no window of 4 steps
  CHECK(model.parameters()["0.weight"](0, 3) == Approx(0.75f * before));

  Training<SGD<float>, decltype(model)> second(other, Loss(), used);
  step_on(second, words_of(6));
  other.parameters().values() = model.parameters().values();
  step_on(second, words_of(2));  // a preceding step makes no difference
  CHECK(other.parameters()["0.weight"](0, 3) == Approx(0.75f * 0.75f * before));
}

TEST_CASE("model: a gradient without columns touches tokens, an absent one does not") {
  Sequential model(1, Embedding{.size = size, .dimension = dimension}, Conv1d{.units = classes, .kernel = 4});
  model.initialise(1);
  const MatrixX<float> x = MatrixX<float>::Constant(1, 2, 3);
  const Timeline timeline = Timeline::rectangular(1, 2);
  decltype(model)::Tape tape;
  for (const MatrixX<float>& d_output : {MatrixX<float>(classes, 0), MatrixX<float>()}) {
    auto gradient = model.parameters().zeros_like();
    model.forward(x, timeline, tape);
    model.backward(tape, d_output, gradient);
    CHECK(gradient.touched().size() == (d_output.rows() > 0 ? 1 : 0));
  }
}

}  // namespace test_touched
