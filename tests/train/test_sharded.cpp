// Training on a batch in parts, with any number of threads.

#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/data/batches.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/fit.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_sharded {

using namespace unroll;

namespace {

MatrixX<float> numbers(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Purpose::data);
  return MatrixX<float>::NullaryExpr(
      rows, cols, [&](Index r, Index c) { return float(random.normal(std::uint64_t(rows * c + r))); });
}

/// Data set of sequences of 0 to 39 steps; every fifth step has no label.
Dataset<float> step_data(Index size, Index classes = 3) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < size; ++s) {
    const Index length = (17 * s + 5) % 40;
    sequences.push_back(numbers(2, length, std::uint64_t(s)));
    labels.push_back(Labels::NullaryExpr(length, [&](Index t) { return t % 5 == 4 ? -1 : (t + s) % classes; }));
  }
  return Dataset<float>::step_labelled(sequences, labels, classes);
}

auto model() {
  Sequential model(2, Recurrent<Gru>{.units = 24}, Dropout{.rate = 0.3}, Recurrent<Lstm>{.units = 20},
                   Dense{.units = 3});
  model.initialise(1);
  return model;
}

/// The same sequences and a model of the same type with one output for each.
Dataset<float> sequence_data(Index size) {
  const auto steps = step_data(size);
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < size; ++s) sequences.push_back(steps.sequence(s)), labels.push_back(s % 3);
  return Dataset<float>::labelled(sequences, labels, 3);
}
auto last_step_model() {
  Sequential model(2, Recurrent<Gru>{.units = 24}, Dropout{.rate = 0.3},
                   Recurrent<Lstm>{.units = 20, .returns = Returns::last}, Dense{.units = 3});
  model.initialise(1);
  return model;
}

auto mean_model() {
  Sequential model(2, Recurrent<Gru>{.units = 24}, Dropout{.rate = 0.3}, Recurrent<Lstm>{.units = 20}, MeanOverTime{},
                   Dense{.units = 3});
  model.initialise(1);
  return model;
}

struct Outcome {
  VectorX<float> theta;
  LossValue loss;
  Hits hits;
  std::vector<State<float>> state;
};

/// Three updates on a batch cut into parts of at most `shard` sequences; 0: one part.
template <class Model, class Loss = SoftmaxCrossEntropy<float>>
Outcome train(Model model, const Dataset<float>& data, Index shard, StepOptions options, const Loss& loss = Loss(),
              bool carries = false) {
  SGD<float> sgd({.learning_rate = 0.1});
  options.count_hits = true;
  TrainingStep<Model, Loss, SGD<float>> step(model, loss, sgd, options);
  const auto samples = all_samples(data.size());
  Outcome outcome;
  Batch<float> whole;
  ShardedBatch<float> parts;
  for (int k = 0; k < 3; ++k) {
    if (shard == 0) whole.gather(data, samples);
    if (shard > 0) parts.gather(data, samples, shard, &options.threads);
    auto* const state = carries ? &outcome.state : nullptr;
    const StepReport report = shard == 0 ? step.step(whole, state) : step.step(parts, state);
    outcome.loss += report.loss;
    outcome.hits += report.hits;
  }
  outcome.theta = model.parameters().values();
  return outcome;
}

bool close(const VectorX<float>& a, const VectorX<float>& b) { return (a - b).norm() < 1e-5F * b.norm(); }

}  // namespace

TEST_CASE("sharded batch: parts give the loss, hits and update of the whole batch") {
  const auto data = step_data(21);
  const auto reduction =
      GENERATE(Reduction::sum, Reduction::valid, Reduction::weighted, Reduction::per_sequence, Reduction::batch);
  const SoftmaxCrossEntropy<float> loss({.class_weights = VectorX<double>{{1, 2, 0.5}}, .reduction = reduction});
  const StepOptions options{.clip_norm = 1, .seed = 4};
  const Outcome whole = train(model(), data, 0, options, loss);
  for (const Index shard : {1, 4, 7, 20, 100}) {
    const Outcome parts = train(model(), data, shard, options, loss);
    CHECK(close(parts.theta, whole.theta));
    CHECK(parts.loss.value() == Approx(whole.loss.value()).epsilon(1e-5));
    CHECK(parts.loss.scored == whole.loss.scored);
    CHECK(parts.hits.scored == whole.hits.scored);
    CHECK(parts.hits.correct == whole.hits.correct);
  }
}

TEST_CASE("sharded batch: bits do not depend on the number of threads") {
  const auto data = step_data(30);
  const StepOptions one{.clip_norm = 1, .seed = 4, .threads = 1};
  const auto checked_on = [](const auto& samples, auto model, StepOptions options, bool carries) {
    const Outcome alone = train(model, samples, 4, options, SoftmaxCrossEntropy<float>(), carries);
    for (const int threads : {2, 3, 8}) {
      options.threads = threads;
      const Outcome together = train(model, samples, 4, options, SoftmaxCrossEntropy<float>(), carries);
      CHECK(together.theta == alone.theta);
      CHECK(together.loss.sum == alone.loss.sum);
      CHECK(together.state == alone.state);
    }
  };
  const auto checked = [&](auto model, StepOptions options, bool carries = false) {
    checked_on(data, model, options, carries);
  };
  checked_on(sequence_data(30), last_step_model(), {.truncation = {.back = 6}, .threads = 1}, true);
  checked_on(sequence_data(30), mean_model(), {.truncation = {.back = 6}, .threads = 1}, true);
  checked(model(), one);
  checked(model(), {.truncation = {.update_every = 6, .back = 9}, .threads = 1}, true);
  checked(model(),
          {.truncation = {.update_every = 6, .accumulate = true}, .keeping = {Keep::checkpoints, 2}, .threads = 1});
  Sequential both(2, Bidirectional<Lstm>{.units = 16}, Bidirectional<Gru>{.units = 12, .merge = Merge::sum},
                  Dense{.units = 3});
  both.initialise(1);
  checked(both, one);
  checked(both, {.keeping = {Keep::checkpoints}, .threads = 1});
}

TEST_CASE("training step: back alone limits the gradient of a mean over time") {
  const auto data = sequence_data(12);
  const auto theta = [&](Truncation truncation) {
    return train(mean_model(), data, 0, {.truncation = truncation}).theta;
  };
  CHECK_FALSE(close(theta({.back = 2}), theta({})));
  CHECK(theta({.back = 1000}) == theta({}));
}

TEST_CASE("training step: checkpoints change no bit") {
  const auto data = step_data(12);
  Sequential both(2, Bidirectional<Lstm>{.units = 50}, Recurrent<Gru>{.units = 60}, Dense{.units = 3});
  both.initialise(1);
  CHECK(train(both, data, 5, {.keeping = {Keep::checkpoints, 1}}).theta == train(both, data, 5, {}).theta);
}

TEST_CASE("sharded batch: windows and carried states of parts equal those of the whole batch") {
  const auto data = step_data(21);
  const Truncation truncation =
      GENERATE(Truncation{.update_every = 6}, Truncation{.update_every = 6, .back = 9}, Truncation{.back = 6});
  const bool last = truncation.back_alone();
  const auto trained = [&](Index shard) {
    return train(last ? last_step_model() : model(), last ? sequence_data(21) : data, shard,
                 {.truncation = truncation, .seed = 4}, SoftmaxCrossEntropy<float>(), true);
  };
  const Outcome whole = trained(0), parts = trained(4);
  CHECK(close(parts.theta, whole.theta));
  CHECK(parts.loss.scored == whole.loss.scored);
  REQUIRE(parts.state.size() == whole.state.size());
  for (std::size_t k = 0; k < whole.state.size(); ++k)
    for (std::size_t s = 0; s < whole.state[k].size(); ++s) CHECK(parts.state[k][s].isApprox(whole.state[k][s], 1e-4F));
}

TEST_CASE("sharded batch: samples are distributed by length, each to one part") {
  const auto data = step_data(23);
  auto samples = all_samples(data.size());
  std::reverse(samples.begin(), samples.end());
  ShardedBatch<float> batch;
  for (const Index shard : {0, 1, 5, 23, 30}) {
    batch.gather(data, samples, shard);
    std::vector<Index> places;
    Index least = 1'000'000, most = 0;
    for (const auto& part : batch.shards()) {
      CHECK(part.timeline().batch() <= (shard == 0 ? 16 : shard));
      for (Index b = 0; b < part.timeline().batch(); ++b) {
        const Index place = part.timeline().place(b), sample = samples[std::size_t(place)];
        places.push_back(place);
        const Index rank = part.timeline().rank(b);
        REQUIRE(part.timeline().length(rank) == data.length(sample));
        if (data.length(sample) > 0) CHECK(part.x().col(rank) == data.sequence(sample).col(0));
      }
      least = std::min(least, part.timeline().columns()), most = std::max(most, part.timeline().columns());
    }
    std::sort(places.begin(), places.end());
    CHECK(places == all_samples(data.size()));
    if (shard == 5) CHECK(2 * most < 3 * least);
  }
  batch.gather(data, std::span(samples).first(7));
  CHECK(batch.shards().size() == 1);
  batch.gather(data, std::span(samples).first(10));
  CHECK(batch.shards().size() == 2);
  CHECK_THROWS_MATCHES(batch.gather(data, samples, -1), ValueError,
                       says("shard must be at least 0 sequences (0: 16), got -1"));
}

TEST_CASE("sharded batch: the longest are distributed first, 16 to a part by default") {
  std::vector<MatrixX<float>> sequences;
  for (const Index length : {5, 1, 4, 2, 3}) sequences.push_back(numbers(2, length, 1));
  ShardedBatch<float> batch;
  batch.gather(Dataset<float>::unlabelled(sequences), all_samples(5), 2);
  std::vector<std::vector<Index>> places;
  for (const auto& part : batch.shards()) {
    places.emplace_back();
    for (Index b = 0; b < part.timeline().batch(); ++b) places.back().push_back(part.timeline().place(b));
  }
  CHECK(places == std::vector<std::vector<Index>>{{0, 3}, {2, 1}, {4}});
  const auto data = step_data(33);
  for (const auto& [samples, parts] : {std::pair(7, 1), std::pair(8, 2), std::pair(32, 2), std::pair(33, 3)}) {
    batch.gather(data, all_samples(samples));
    CHECK(Index(batch.shards().size()) == parts);
  }
}

TEST_CASE("sharded batch: a non-finite value is located in any part") {
  auto data = step_data(20);
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < data.size(); ++s) sequences.push_back(data.sequence(s)), labels.push_back(data.labels(s));
  sequences[13](1, 2) = 3e38F;
  data = Dataset<float>::step_labelled(sequences, labels, 3);
  Sequential net(2, Dense{.units = 2}, Recurrent<Gru>{.units = 4}, Dense{.units = 3});
  net.initialise(1);
  net.parameters()["0.weight"].setConstant(10);
  CHECK_THROWS_MATCHES(train(net, data, 4, {.keeping = {Keep::checkpoints}}), NonFiniteError,
                       says("layer 0 (dense): its output at sample 13, step 2"));
}

TEST_CASE("model: learn works in pieces of columns when there are many classes") {
  Sequential model(2, Recurrent<Gru>{.units = 8}, Dense{.units = 5000});
  model.initialise(1);
  const auto data = step_data(30, 5000);
  Batch<float> batch;
  batch.gather(data, all_samples(data.size()));
  REQUIRE(batch.timeline().columns() > 3 * 192);
  const SoftmaxCrossEntropy<float> loss;
  auto whole = model.parameters().zeros_like(), pieces = whole;
  decltype(model)::Tape tape;
  const auto labels = batch.labels(0, batch.target_columns());
  MatrixX<float> d_output = model.forward(batch.x(), batch.timeline(), tape);
  const LossCount count = loss.count(labels);
  loss(d_output, labels, d_output, {}, count);
  model.backward(tape, d_output, whole);

  decltype(model)::Weights weights;
  decltype(model)::Tape other;
  model.prepare(weights);
  model.prepare_back(weights);
  model.begin_learning(weights, batch.x(), batch.timeline(), other);
  Index calls = 0, columns = 0;
  MatrixX<float> d_piece;
  model.learn(other, pieces, [&](Index first, const ConstView<float>& output) {
    CHECK(first == columns);
    CHECK(output.cols() <= 192);
    ++calls, columns += output.cols();
    d_piece.resize(output.rows(), output.cols());
    loss(output, batch.labels(first, output.cols()), d_piece, {}, count);
    return view(std::as_const(d_piece));
  });
  std::vector<MatrixX<float>> inputs{numbers(2, 500, 1), numbers(2, 3, 2)};
  const auto mostly = Dataset<float>::step_labelled(inputs, {Labels::Constant(500, -1), Labels::Constant(3, -1)}, 5000);
  CHECK(evaluate(model, mostly, loss).loss.empty == 2);  // samples are counted, not pieces
  CHECK(calls == (batch.timeline().columns() + 191) / 192);
  CHECK(columns == batch.timeline().columns());
  CHECK(close(pieces.values(), whole.values()));
}

TEST_CASE("training step: refuses carried states of another number of samples") {
  const auto data = step_data(9);
  auto net = model();
  SGD<float> sgd({.learning_rate = 0.1});
  TrainingStep step(net, SoftmaxCrossEntropy<float>(), sgd);
  const auto before = net.parameters().values();
  for (const Index shard : {4, 100})
    for (const Index samples : {8, 10}) {
      ShardedBatch<float> batch;
      batch.gather(data, all_samples(data.size()), shard);
      std::vector<State<float>> carried(4);
      carried[0] = {MatrixX<float>::Zero(24, samples)};
      carried[2] = {MatrixX<float>::Zero(20, samples), MatrixX<float>::Zero(20, samples)};
      CHECK_THROWS_MATCHES(step.step(batch, &carried), ShapeError,
                           says(text("training: the carried state must have 9 samples, as the batch, got ", samples)));
    }
  CHECK(net.parameters().values() == before);
}

TEST_CASE("sharded batch: a step allocates nothing after the first") {  // several threads: once each had a part
  auto net = model();
  const auto data = step_data(20);
  const auto samples = all_samples(data.size());
  Adam<float> adam;
  TrainingStep<decltype(net), SoftmaxCrossEntropy<float>, Adam<float>> step(net, SoftmaxCrossEntropy<float>(), adam,
                                                                            {.clip_norm = 1, .threads = 1});
  ShardedBatch<float> batch;
  const auto train_once = [&] {
    batch.gather(data, samples, 4);
    step.step(batch);
  };
  train_once();
  const support::AllocationCount allocations;
  train_once();
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("evaluation: carried states make the samples one batch of any size") {
  const auto data = step_data(9);
  const auto net = model();
  const SoftmaxCrossEntropy<float> loss;
  const auto samples = all_samples(data.size());
  using Net = std::remove_const_t<decltype(net)>;
  std::vector<State<float>> want_state, state;
  Evaluator<Net> evaluator;
  for (int turn = 0; turn < 2; ++turn) {  // the second turn starts from the states after the first
    const Evaluation want = evaluator(net, data, samples, loss, {.batch_size = 100}, &want_state);
    const Evaluation got = evaluator(net, data, samples, loss, {.batch_size = 2}, &state);
    CHECK(got.loss.sum == want.loss.sum);
    CHECK(got.loss.scored == want.loss.scored);
    CHECK(state == want_state);
  }
  REQUIRE(state.size() == 4);
  CHECK(state[0][0].cols() == 9);
}

TEST_CASE("evaluation: does not depend on batches or threads") {
  const auto data = step_data(23);
  const auto net = model();
  const auto want = predict(net, data, {.batch_size = 100, .threads = 1});
  for (const int threads : {1, 3})
    for (const Index batch_size : {1, 4})
      CHECK(predict(net, data, {.batch_size = batch_size, .threads = threads}) == want);
}

}  // namespace test_sharded
