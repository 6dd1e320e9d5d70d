// Training on label sequences without alignment.

#include <unroll/cells/gru.hpp>
#include <unroll/infer/ctc.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/ctc.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_ctc {

using namespace unroll;

namespace {

using Model = decltype(Sequential(3, Recurrent<Gru>{.units = 12}, Dense{.units = 4}));

/// Data set of bursts: one to three steps in one of three features, with silence of one to three steps around them. The
/// target is the sequence of their features. The blank is class 0, feature k is class k + 1.
Dataset<float> bursts(Index count, std::uint64_t seed) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < count; ++s) {
    const Random random(seed, Purpose::data, std::uint64_t(s));
    std::uint64_t draws = 0;
    const auto below = [&](Index n) { return random.below(draws++, n); };
    const Index bursts = below(5);
    Labels label(bursts);
    std::vector<Index> at(std::size_t(1 + below(3)), -1);  // the feature of each step; -1: silence
    for (Index k = 0; k < bursts; ++k) {
      const Index feature = below(3);
      label[k] = feature + 1;
      at.insert(at.end(), std::size_t(1 + below(3)), feature);
      at.insert(at.end(), std::size_t(1 + below(3)), -1);
    }
    MatrixX<float> x(3, Index(at.size()));
    for (Index t = 0; t < x.cols(); ++t)
      for (Index r = 0; r < 3; ++r)
        x(r, t) = float(at[std::size_t(t)] == r) + 0.1f * float(random.normal(std::uint64_t(1000 + 3 * t + r)));
    sequences.push_back(x), labels.push_back(label);
  }
  return Dataset<float>::transcribed(sequences, labels);
}

struct Run {
  Model model{3, Recurrent<Gru>{.units = 12}, Dense{.units = 4}};
  Adam<float> adam{{.learning_rate = 2e-2}};
  TrainingState<float> state{};
  CtcLoss<float> loss{};
  Run() { model.initialise(1); }

  FitResult operator()(const Dataset<float>& data, FitOptions<float> options) {
    options.progress = Progress::quiet;
    return fit(model, loss, adam, data, options, state);
  }
  const VectorX<float>& theta() const { return model.parameters().values(); }
};

Index rightly_written(const Model& model, const Dataset<float>& data) {
  Index right = 0;
  const auto outputs = predict(model, data);
  for (Index s = 0; s < data.size(); ++s) {
    const auto& output = outputs[std::size_t(s)];
    const auto written = ctc_greedy(output, Timeline::from_lengths({output.cols()})).at(0).labels;
    right += std::ranges::equal(written, data.labels(s));
  }
  return right;
}

}  // namespace

TEST_CASE("ctc: fit learns to label sequences without alignment", "[ctc]") {
  Run run;
  const auto data = bursts(120, 1), other = bursts(40, 2);
  CHECK(rightly_written(run.model, other) < 15);
  const auto result = run(data, {.epochs = 25, .batches = {.size = 12}, .validation = &other, .clip_norm = 5});
  CHECK(rightly_written(run.model, data) == 120);
  CHECK(rightly_written(run.model, other) >= 39);
  CHECK(result.history.back().loss < 0.1 * result.history.front().loss);
  CHECK(std::isnan(result.history.back().accuracy));
  CHECK(evaluate(run.model, other, run.loss).loss.value() == result.history.back().validation_loss);
}

TEST_CASE("ctc: a training step has the gradient of forward, loss and backward", "[ctc]") {
  Run run;
  const auto data = bursts(7, 3);
  Batch<float> batch;
  const std::vector<Index> samples{4, 1, 6, 0, 2};
  batch.gather(data, samples);
  Model::Tape tape;
  const auto output = run.model.forward(batch.x(), batch.timeline(), tape);
  std::vector<Labels> targets;
  for (const Index s : samples) targets.push_back(data.labels(s));
  MatrixX<float> d_output(output.rows(), output.cols());
  const double value = run.loss(output, batch.timeline(), targets, d_output).value();
  CHECK(evaluate(run.model, data.subset(samples), run.loss).loss.value() == Approx(value));
  auto gradient = run.model.parameters().zeros_like();
  run.model.backward(tape, d_output, gradient);
  TrainingStep step(run.model, run.loss, run.adam);
  CHECK(step.step(batch).loss.value() == value);
  CHECK(step.gradient().values() == gradient.values());
  step.step(batch);
  const support::AllocationCount allocations;
  step.step(batch);
  const auto made = allocations.count();
  CHECK(made == 0);
}

TEST_CASE("ctc: weights apply to their samples and samples without a target have no gradient", "[ctc]") {
  auto data = bursts(6, 4);
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < 6; ++s)
    sequences.push_back(data.sequence(s)), labels.push_back(s < 3 ? data.labels(s) : Labels::Constant(1, -1));
  const auto without = Dataset<float>::transcribed(sequences, labels, 4);
  data.set_weights({1, 1, 1, 0, 0, 0});
  const auto trained = [&](const Dataset<float>& some, Reduction reduction) {
    Run run;
    run.loss = CtcLoss<float>({.reduction = reduction});
    Batch<float> batch;
    batch.gather(some, all_samples(6));
    TrainingStep step(run.model, run.loss, run.adam);
    step.step(batch);
    return VectorX<float>(step.gradient().values());
  };
  CHECK(trained(data, Reduction::sum) == trained(without, Reduction::sum));
  const auto loss = evaluate(Run().model, without, CtcLoss<float>()).loss;
  CHECK(loss.unscored == 3);
  CHECK(loss.value() ==
        Approx(evaluate(Run().model, without.subset(std::vector<Index>{0, 1, 2}), CtcLoss<float>()).loss.value()));
}

TEST_CASE("ctc: bits do not depend on threads or evaluation batches", "[ctc]") {
  const auto data = bursts(40, 5);
  const auto trained = [&](int threads) {
    Run run;
    run(data, {.epochs = 2, .batches = {.size = 40}, .threads = threads, .shard = 6});
    return run;
  };
  const Run one = trained(1), three = trained(3);
  CHECK(one.theta() == three.theta());
  const auto whole = evaluate(one.model, data, one.loss, {.batch_size = 40});
  for (const Index size : {1, 7}) {
    const auto result = evaluate(one.model, data, one.loss, {.batch_size = size, .threads = 2});
    CHECK(result.loss.sum == whole.loss.sum);
    CHECK(result.loss.count == whole.loss.count);
  }
}

TEST_CASE("ctc: a stopped and resumed run has the same bits", "[ctc]") {
  const auto data = bursts(20, 6);
  FitOptions<float> options{.epochs = 4, .batches = {.size = 7}, .validation_fraction = 0.25};
  Run whole, parts, resumed;
  whole(data, options);
  options.epochs = 2;
  parts(data, options);
  resumed.state = parts.state;
  resumed.adam = parts.adam;
  options.epochs = 4;
  resumed(data, options);
  CHECK(resumed.theta() == whole.theta());
  CHECK(whole.theta() != parts.theta());
}

TEST_CASE("ctc: refuses targets longer than the outputs of the model", "[ctc]") {
  Sequential model(3, MaxPool1d{.kernel = 2}, Recurrent<Gru>{.units = 4}, Dense{.units = 4});
  model.initialise(1);
  Adam<float> adam;
  const MatrixX<float> x = MatrixX<float>::Ones(3, 7);  // pooled to three outputs
  const auto with = [&](std::vector<Index> label) {
    return Dataset<float>::transcribed(
        {x, x}, {Labels::Constant(1, 1), Eigen::Map<Labels>(label.data(), Index(label.size()))}, 4);
  };
  const FitOptions<float> options{.epochs = 1, .progress = Progress::quiet};
  CHECK_NOTHROW(fit(model, CtcLoss<float>(), adam, with({1, 2, 3}), options));
  CHECK_THROWS_MATCHES(
      fit(model, CtcLoss<float>(), adam, with({1, 2, 2}), options), ValueError,
      says("fit: the data set, sample 1: ctc: output must have at least 4 steps for a target of 3 labels, got 3"));
  CHECK_NOTHROW(fit(model, CtcLoss<float>({.zero_infinity = true}), adam, with({1, 2, 2}), options));
}

TEST_CASE("ctc: fit refuses mismatched data, loss and model before training", "[ctc]") {
  Run run;
  const auto data = bursts(8, 7);
  const VectorX<float> before = run.theta();
  const auto x = [] { return std::vector<MatrixX<float>>{MatrixX<float>::Ones(3, 4)}; };
  const auto single = Dataset<float>::labelled(x(), {1}, 4);
  const auto steps = Dataset<float>::step_labelled(x(), {Labels::Ones(4)}, 4);
  CHECK_THROWS_MATCHES(run(steps, {}), ValueError,
                       says("targets for this loss must be label sequences (Dataset::transcribed), got labels"));
  CHECK_THROWS_MATCHES(run(single, {}), ShapeError,
                       says("must give one output for each sequence, one for each target, got one for every step"));
  CHECK_THROWS_MATCHES(fit(run.model, SoftmaxCrossEntropy<float>(), run.adam, data), ValueError,
                       says("targets for this loss must be labels, got label sequences"));
  CHECK_THROWS_MATCHES(run(data, {.truncation = {.update_every = 3}}), ValueError,
                       says("update_every must be 0 steps for a loss of whole sequences, got 3"));
  const auto blank = Dataset<float>::transcribed(x(), {(Labels(2) << 1, 0).finished()}, 4);
  CHECK_THROWS_MATCHES(run(blank, {}), ValueError, says("must differ from the blank, got 0"));
  const auto wide = Dataset<float>::transcribed(x(), {Labels::Constant(1, 4)});
  CHECK_THROWS_MATCHES(run(wide, {}), ShapeError, says("must have at most 4 classes, the outputs of the model, got 5"));
  CHECK_THROWS_MATCHES(Dataset<float>::transcribed(x(), {(Labels(2) << 1, -1).finished()}), ValueError,
                       says("sample 0: labels must be at least 0, got -1"));
  CHECK_THROWS_MATCHES(run(data, {.early_stopping = EarlyStopping{.monitor = Monitor::training_accuracy}}), ValueError,
                       says("needs labels for the accuracy"));
  Sequential pools(3, Recurrent<Gru>{.units = 4}, LastStep{}, Dense{.units = 4});
  pools.initialise(1);
  CHECK_THROWS_MATCHES(fit(pools, CtcLoss<float>(), run.adam, data), ShapeError,
                       says("must give an output for every step, as label sequences need"));
  CHECK(run.theta() == before);
}

}  // namespace test_ctc
