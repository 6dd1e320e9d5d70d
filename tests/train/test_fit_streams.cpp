#include <unroll/cells/gru.hpp>
#include <unroll/data/streams.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "support/catch.hpp"

namespace test_fit_streams {

using namespace unroll;

namespace {

using Model = Stack<float>;
using Loss = SoftmaxCrossEntropy<float>;
using Options = FitOptions<float, TokenStreams<float>>;
constexpr Index vocabulary = 7;

std::vector<Index> tokens_of(Index count, std::uint64_t seed) {
  const Random random(seed, Purpose::data);
  std::vector<Index> tokens{0};
  for (Index k = 1; k < count; ++k) {
    const Index next = tokens.back() + 1 + random.below(std::uint64_t(k), 2);
    tokens.push_back(next % vocabulary);
  }
  return tokens;
}

TokenStreams<float> text(Index count, const StreamOptions& options, std::uint64_t seed = 4) {
  return {tokens_of(count, seed), vocabulary, options};
}

Model model_of(AnyLayer<float> middle) {
  return Model(1, {Embedding{.size = vocabulary, .dimension = 3}, std::move(middle), Dense{.units = vocabulary}});
}

struct Run {
  Model model = model_of(Recurrent<Gru>{.units = 5});
  Adam<float> adam{{.learning_rate = 0.02}};
  TrainingState<float> state{};
  Run() { model.initialise(2); }

  FitResult operator()(const TokenStreams<float>& data, Options options) {
    options.progress = Progress::quiet;
    return fit(model, Loss(), adam, data, options, state);
  }
  const VectorX<float>& theta() const { return model.parameters().values(); }
};

}  // namespace

TEST_CASE("fit with streams: has the bits of a loop of steps with the carried state") {
  const auto data = text(100, {.streams = 4, .steps = 6});
  Run run;
  const auto result =
      run(data, {.epochs = 2, .seed = 3, .clip_norm = 1, .truncation = {.update_every = 3, .back = 5}, .shard = 2});

  Run by_hand;
  TrainingStep step(by_hand.model, Loss(), by_hand.adam,
                    {.clip_norm = 1, .truncation = {.update_every = 3, .back = 5}, .seed = 3, .count_hits = true});
  ShardedBatch<float> batch;
  for (std::size_t epoch = 0; epoch < 2; ++epoch) {
    std::vector<State<float>> states;
    LossValue loss;
    for (Index k = 0; k < data.windows(); ++k) {
      batch.gather(data.data(), data.window(k), 2);
      loss += step.step(batch, &states).loss;
    }
    CHECK(result.history[epoch].loss == loss.value());
  }
  CHECK(run.state.samples == 4 * data.windows());
  CHECK(run.theta() == by_hand.theta());
}

TEST_CASE("fit with streams: a resumed run has the same bits and validation carries the state") {
  const auto data = text(200, {.streams = 4, .steps = 6}), other = text(60, {.streams = 1, .tail = Tail::keep}, 5);
  Options options{.epochs = 4, .validation = &other, .early_stopping = EarlyStopping{.patience = 9}};
  Run whole, parts;
  const auto want = whole(data, options);
  options.epochs = 1;
  parts(data, options);
  options.epochs = 4;
  parts.model.initialise(7);  // the state contains everything
  const auto got = parts(data, options);
  CHECK(parts.theta() == whole.theta());
  REQUIRE(got.history.size() == 4);
  for (std::size_t k = 0; k < 4; ++k) CHECK(got.history[k].validation_loss == want.history[k].validation_loss);
  CHECK(want.history[3].loss < want.history[0].loss);
  Evaluator<Model> evaluator;
  const auto after = evaluate(evaluator, whole.model, other, Loss());
  CHECK(after.loss.value() == want.history[std::size_t(want.best_epoch - 1)].validation_loss);
  CHECK(after.hits.value() == want.history[std::size_t(want.best_epoch - 1)].validation_accuracy);
}

TEST_CASE("fit with streams: a text that is read by windows gives the bits of the text in memory") {
  const StreamOptions streams{.streams = 4, .steps = 6};
  const std::vector<Index> tokens = tokens_of(200, 4);
  const TokenStreams<float> parts(
      200,
      [&](Index first, Index count) {
        return std::vector<Index>(tokens.begin() + first, tokens.begin() + first + count);
      },
      vocabulary, streams);
  const auto whole = text(Index(200), streams);
  Run one, two;
  const auto want = one(whole, {.epochs = 3, .validation = &whole, .shard = 3});
  two(parts, {.epochs = 1, .validation = &parts, .shard = 3});
  const auto got = two(parts, {.epochs = 3, .validation = &parts, .shard = 3});
  CHECK(two.theta() == one.theta());
  CHECK(two.state.samples == one.state.samples);
  for (std::size_t k = 0; k < 3; ++k) CHECK(got.history[k].validation_loss == want.history[k].validation_loss);
}

TEST_CASE("fit with streams: a part of streams without tokens does not change the states of the others") {
  const auto data = text(6, {.streams = 4, .steps = 1, .tail = Tail::keep});
  Run together, apart;
  together(data, {.epochs = 1, .shard = 4});
  apart(data, {.epochs = 1, .shard = 1});
  CHECK(data.windows() == 2);
  CHECK(apart.theta().isApprox(together.theta(), 1e-5f));
}

TEST_CASE("fit with streams: refuses unsuitable options and models before anything changes") {
  const auto data = text(100, {.streams = 4, .steps = 6});
  const auto refused = [&](const Options& options, const std::string& part) {
    Run run;
    const VectorX<float> before = run.theta();
    CHECK_THROWS_MATCHES(run(data, options), ValueError, says(part));
    CHECK(run.theta() == before);
  };
  refused({.batches = {.size = 4}}, "the batches of streams are their windows");
  refused({.batches = {.tokens = 40}}, "the batches of streams are their windows");
  refused({.truncation = {.update_every = 4, .back = 2}}, "back must be at least 4 steps, as update_every, got 2");
  refused({.truncation = {.back = 2}},
          "update_every must be at least 1 step for a model with an output per step, got 0");
  refused({.validation_fraction = 0.5}, "validation_fraction must be 0 for streams, got 0.5");
  refused({.teacher = [](long) { return 1.0; }}, "the model has no decoder");
  refused({.early_stopping = EarlyStopping{}}, "early stopping needs validation data");
  Model model = model_of(Bidirectional<Gru>{.units = 3});
  Adam<float> adam;
  CHECK_THROWS_MATCHES(fit(model, Loss(), adam, data), ValueError, says("the model reads later steps"));
  const std::vector<Index> tokens{0, 1, 8};
  const TokenStreams<float> others(tokens, 9, {.streams = 1, .steps = 2});
  Run run;
  CHECK_THROWS_MATCHES(run(others, {}), Error,
                       says("the data set must have at most 7 classes, the outputs of the model, got 9"));
  CHECK_THROWS_MATCHES(run(data, {.validation = &others}), Error,
                       says("the validation data set must have at most 7 classes, the outputs of the model, got 9"));
  Model few(1, {Embedding{.size = 5, .dimension = 3}, Recurrent<Gru>{.units = 3}, Dense{.units = vocabulary}});
  const std::vector<Index> late{0, 1, 2, 3, 4, 3, 6, 1, 0};
  CHECK_THROWS_MATCHES(fit(few, Loss(), adam, TokenStreams<float>(late, vocabulary, {.streams = 1, .steps = 2})), Error,
                       says("the data set, sample 3: layer 0 (embedding): token must be 0 to 4, got 6"));
  CHECK(adam.updates() == 0);
}

}  // namespace test_fit_streams
