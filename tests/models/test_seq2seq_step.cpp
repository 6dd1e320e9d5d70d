#include <unroll/infer/greedy.hpp>
#include <unroll/infer/seq2seq_decoder.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/seq2seq_step.hpp>

#include "seq2seq_run.hpp"
#include "support/allocations.hpp"

namespace test_seq2seq_step {

using namespace seq2seq_run;

namespace {

using Model = Seq2Seq<decltype(encoder<float>()), BahdanauGru<float>>;

Model made() {
  Model model(encoder<float>(), {.vocabulary = words, .embedding = 3, .units = 8, .sizes = {{"readout", 6}}});
  model.initialise(2);
  return model;
}

const std::vector<std::pair<Index, Index>> lengths{{3, 2}, {1, 4}, {5, 1}, {2, 3}, {4, 4},
                                                   {2, 2}, {0, 1}, {6, 0}, {3, 3}};

std::vector<Index> all(Index count) {
  std::vector<Index> samples;
  for (Index k = 0; k < count; ++k) samples.push_back(k);
  return samples;
}

struct Outcome {
  VectorX<float> theta;
  double loss = 0, norm = 0;
};

Outcome train(Index shard, Seq2SeqStepOptions options, int updates = 3) {
  Model model = made();
  SGD<float> sgd({.learning_rate = 0.3});
  Seq2SeqStep step(model, SoftmaxCrossEntropy<float>(), sgd, std::move(options));
  const auto data = pairs<float>(lengths);
  ShardedBatch<float, PairBatch<float>> batch;
  Outcome outcome;
  for (int k = 0; k < updates; ++k) {
    batch.gather(data, all(data.size()), shard);
    const auto report = step.step(batch);
    outcome.loss = report.loss.value(), outcome.norm = report.gradient_norm;
  }
  outcome.theta = model.parameters().values();
  return outcome;
}

}  // namespace

TEST_CASE("seq2seq step: parts give the update of the whole batch and any thread count the same bits") {
  const Outcome whole = train(100, {.clip_norm = 1, .threads = 1});
  for (const Index shard : {1, 4}) {
    const Outcome parts = train(shard, {.clip_norm = 1, .threads = 1});
    CHECK((parts.theta - whole.theta).norm() < 1e-5F * whole.theta.norm());
    CHECK(parts.loss == Approx(whole.loss).epsilon(1e-5));
    for (const int threads : {2, 3}) CHECK(train(shard, {.clip_norm = 1, .threads = threads}).theta == parts.theta);
    const Seq2SeqStepOptions sampled{.seed = 4, .teacher = teacher_forcing::constant(0.4), .threads = 1};
    Seq2SeqStepOptions more = sampled;
    more.threads = 3;
    CHECK(train(shard, sampled).theta == train(shard, more).theta);
  }
  CHECK(train(4, {.teacher = teacher_forcing::constant(0.4)}).theta !=
        train(4, {.seed = 1, .teacher = teacher_forcing::constant(0.4)}).theta);
  CHECK(train(4, {.teacher = teacher_forcing::constant(1)}).theta == train(4, {}).theta);
}

TEST_CASE("seq2seq step: refuses invalid options and tokens before anything changes") {
  Model model = made();
  const VectorX<float> before = model.parameters().values();
  SGD<float> sgd({.learning_rate = 0.3, .momentum = 0.9});
  const SoftmaxCrossEntropy<float> loss;
  const auto refused = [&](Seq2SeqStepOptions options, const std::string& part, Index token = 1) {
    ShardedBatch<float, PairBatch<float>> batch;
    const SequencePairs<float> data({MatrixX<float>::Ones(1, 3), MatrixX<float>::Ones(1, 2)}, {{1, 1}, {1, token}},
                                    {0, 1});
    batch.gather(data, all(2), 1);
    CHECK_THROWS_MATCHES(Seq2SeqStep(model, loss, sgd, options).step(batch), Error, says(part));
    CHECK(model.parameters().values() == before);
    CHECK(sgd.updates() == 0);
  };
  for (const double share : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()})
    refused({.teacher = [=](long) { return share; }},
            "the share of tokens from the target after 0 updates must be in [0, 1], got");
  refused({.learning_rate = [](long) { return -1.0; }}, "the learning rate after 0 updates");
  refused({.clip_norm = -1}, "clip_norm must be 0 or at least");
  refused({.clip_p = 0}, "clip_p must be above 0");
  refused({.keeping = {Keep::nothing}}, "Keep::nothing");
  refused({}, "token must be 0 to " + std::to_string(words - 1), words);
  refused({}, "token must be 0 to ", std::numeric_limits<Index>::max());
  VectorX<float> other = VectorX<float>::Ones(2);
  sgd.step(other, other);
  CHECK_THROWS_MATCHES(Seq2SeqStep(model, loss, sgd), ShapeError, says("use one optimizer per model"));
}

TEST_CASE("seq2seq step: products in bfloat16 change the update a little, with the same bits for any threads") {
  const Outcome exact = train(4, {}), some = train(4, {.threads = 1, .products = Precision::bfloat16});
  const Model model = made();
  CHECK((some.theta - exact.theta).norm() < 0.02F * (exact.theta - model.parameters().values()).norm());
  Index first = 0;
  for (const ParameterBlock& block : model.parameters().table().blocks()) {
    INFO(block.name);
    const Index size = block.rows * block.cols;
    CHECK(some.theta.segment(first, size) != exact.theta.segment(first, size));
    first += size;
  }
  const Seq2SeqStepOptions more{.keeping = {Keep::checkpoints, 2}, .threads = 3, .products = Precision::bfloat16};
  CHECK(train(4, more).theta == some.theta);

  const auto scores = [&](Precision products) {
    Seq2SeqDecoder decoder(model, special_tokens.begin, products);
    const auto batch = batch_of(pairs<float>({{3, 5}, {1, 5}, {4, 5}}));
    decoder.read(batch.x(), batch.sources());
    return MatrixX<float>(decoder.start());
  };
  CHECK(scores(Precision::bfloat16) != scores(Precision::float32));
  CHECK(scores(Precision::bfloat16).isApprox(scores(Precision::float32), 0.02F));
}

TEST_CASE("scheduled sampling: does not depend on the division into parts") {
  const Seq2SeqStepOptions options{.seed = 4, .teacher = teacher_forcing::constant(0.5)};
  const Outcome whole = train(100, options), parts = train(2, options);
  CHECK((parts.theta - whole.theta).norm() < 1e-5F * whole.theta.norm());
}

TEST_CASE("scheduled sampling: without teacher forcing the decoder reads its own output") {
  const Model model = made();
  const auto data = pairs<float>({{3, 5}, {1, 5}, {4, 5}});
  const auto batch = batch_of(data);
  Model::Weights weights;
  Model::Tape tape;
  model.prepare(weights);
  detail::ScheduledSampling<Model> sampling;
  const auto fed = sampling(model, weights, tape, batch, 0, {});
  Seq2SeqDecoder decoder(model, special_tokens.begin);
  decoder.read(batch.x(), batch.sources());
  const auto written = greedy(decoder, {.limits = {.longest = 5}});
  for (Index c = 0; c < batch.target_columns(); ++c) {
    const auto& tokens = written[std::size_t(batch.targets().sample_of(c))].tokens;
    const Index t = batch.targets().step_of(c);
    CHECK(fed[std::size_t(c)] == (t == 0 ? special_tokens.begin : tokens[std::size_t(t - 1)]));
  }
}

TEST_CASE("teacher forcing: schedules give the documented shares and refuse options out of range") {
  namespace schedule = teacher_forcing;
  CHECK(schedule::linear(0.2, 10)(0) == 1);
  CHECK(schedule::linear(0.2, 10)(5) == Approx(0.6));
  CHECK(schedule::linear(0.2, 10)(50) == Approx(0.2));
  CHECK(schedule::exponential(0.9)(2) == Approx(0.81));
  CHECK(schedule::inverse_sigmoid(10)(0) == Approx(10. / 11));
  CHECK(schedule::inverse_sigmoid(10)(30) == Approx(10 / (10 + std::exp(3.))));
  CHECK_THROWS_MATCHES(schedule::exponential(1), ValueError, says("k of exponential decay must be in (0, 1)"));
  CHECK_THROWS_MATCHES(schedule::constant(1.5), ValueError, says("teacher forcing: share must be in [0, 1]"));
  CHECK_THROWS_AS(schedule::linear(0.5, 0), ValueError);
  CHECK_THROWS_AS(schedule::inverse_sigmoid(0.5), ValueError);
}

TEST_CASE("seq2seq step: a model learns to reverse sequences") {
  const auto data = [] {
    auto random = pairs<float>(std::vector<std::pair<Index, Index>>(60, {4, 0}));
    std::vector<MatrixX<float>> sources;
    std::vector<std::vector<Index>> targets;
    for (Index k = 0; k < random.size(); ++k) {
      MatrixX<float> row = random.source(k).array().min(4);
      targets.emplace_back();
      for (Index t = row.cols(); t-- > 0;) targets.back().push_back(Index(row(0, t)));
      sources.push_back(row);
    }
    return SequencePairs<float>(sources, targets, special_tokens);
  }();
  Model model(encoder<float>(), {.vocabulary = words, .embedding = 3, .units = 16, .sizes = {{"readout", 16}}});
  model.initialise(1);
  Adam<float> adam({.learning_rate = 0.01});
  Seq2SeqStep step(model, SoftmaxCrossEntropy<float>(), adam,
                   {.clip_norm = 1, .teacher = teacher_forcing::linear(0.8, 300), .count_hits = true});
  ShardedBatch<float, PairBatch<float>> batch;
  batch.gather(data, all(data.size()));
  Seq2SeqReport report;
  for (int k = 0; k < 300; ++k) report = step.step(batch);
  CHECK(report.hits.value() > 0.95);
  Seq2SeqDecoder decoder(model, special_tokens.begin);
  const auto whole = batch_of(data);
  decoder.read(whole.x(), whole.sources());
  const auto written = greedy(decoder, {.limits = {.end = special_tokens.end, .longest = 10}});
  int right = 0;
  for (Index k = 0; k < data.size(); ++k) right += written[std::size_t(k)].tokens == data.target(k);
  CHECK(right >= 54);
}

TEST_CASE("seq2seq step: allocates nothing after the first step") {
  Model model = made();
  Adam<float> adam;
  Seq2SeqStep step(model, SoftmaxCrossEntropy<float>(), adam, {.clip_norm = 1, .threads = 1});
  const auto data = pairs<float>(lengths);
  const auto samples = all(data.size());
  ShardedBatch<float, PairBatch<float>> batch;
  const auto once = [&] {
    batch.gather(data, samples, 4);
    step.step(batch);
  };
  once();
  const support::AllocationCount allocations;
  once();
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("seq2seq step: a non-finite value is an error and changes nothing") {
  Model model = made();
  model.parameters()["decoder.readout.b"].setConstant(3e38F);
  model.parameters()["output.weight"].setConstant(3e38F);
  const auto before = model.parameters().values();
  SGD<float> sgd({.learning_rate = 0.1});
  Seq2SeqStep step(model, SoftmaxCrossEntropy<float>(), sgd);
  ShardedBatch<float, PairBatch<float>> batch;
  const auto data = pairs<float>(lengths);
  batch.gather(data, all(data.size()));
  CHECK_THROWS_AS(step.step(batch), NonFiniteError);
  CHECK(model.parameters().values() == before);
  Seq2SeqStep sparing(model, SoftmaxCrossEntropy<float>(), sgd, {.keeping = {Keep::checkpoints, 1}});
  const auto long_pairs = pairs<float>({{3000, 2000}, {1500, 900}});
  batch.gather(long_pairs, all(2));
  CHECK_THROWS_AS(sparing.step(batch), NonFiniteError);  // locating the value needs more than checkpoints keep
  CHECK_THROWS_MATCHES((Seq2SeqStep(model, SoftmaxCrossEntropy<float>(), sgd, {.keeping = {Keep::nothing}})),
                       ValueError, says("got Keep::nothing"));
  CHECK_THROWS_MATCHES((Seq2SeqStep(model, SoftmaxCrossEntropy<float>(), sgd, {.clip_norm = -1})), ValueError,
                       says("clip_norm must be 0 or at least "));
}

}  // namespace test_seq2seq_step
