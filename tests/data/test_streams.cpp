#include <unroll/cells/gru.hpp>
#include <unroll/data/streams.hpp>
#include <unroll/infer/greedy.hpp>
#include <unroll/infer/sampling.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/text/language_decoder.hpp>
#include <unroll/text/readers.hpp>
#include <unroll/text/sentences.hpp>
#include <unroll/train/evaluate.hpp>
#include <unroll/train/training_step.hpp>

#include "support/catch.hpp"

namespace test_streams {

using namespace unroll;

namespace {

using Tokens = std::vector<Index>;
using Model = Stack<double>;
using Loss = SoftmaxCrossEntropy<double>;
using States = std::vector<State<double>>;

Tokens counting(Index first, Index last) {
  Tokens tokens;
  for (Index t = first; t <= last; ++t) tokens.push_back(t);
  return tokens;
}

Tokens drawn(Index count, Index vocabulary) {
  const Random random(4, Purpose::data);
  Tokens tokens;
  for (Index k = 0; k < count; ++k) tokens.push_back(random.below(std::uint64_t(k), vocabulary));
  return tokens;
}

Tokens inputs(const TokenStreams<double>& streams, Index window, Index stream) {
  const auto& row = streams.data().sequence(streams.window(window)[std::size_t(stream)]);
  Tokens tokens;
  for (Index t = 0; t < row.cols(); ++t) tokens.push_back(Index(row(0, t)));
  return tokens;
}
Tokens targets(const TokenStreams<double>& streams, Index window, Index stream) {
  const Labels& row = streams.data().labels(streams.window(window)[std::size_t(stream)]);
  return {row.begin(), row.end()};
}

Model model_of(Index vocabulary) {
  Model model(1,
              {Embedding{.size = vocabulary, .dimension = 3}, Recurrent<Gru>{.units = 4}, Dense{.units = vocabulary}});
  model.initialise(3);
  return model;
}

/// All targets of a text in one sequence.
Dataset<double> whole(const Tokens& tokens, Index vocabulary) {
  return TokenStreams<double>(tokens, vocabulary, {1, Index(tokens.size()), Tail::keep}).data();
}

}  // namespace

TEST_CASE("token streams: windows of the documented example are exact") {
  const TokenStreams<double> streams(counting(1, 13), 14, {.streams = 2, .steps = 3});
  REQUIRE(streams.windows() == 2);
  CHECK(inputs(streams, 0, 0) == counting(1, 3));
  CHECK(inputs(streams, 0, 1) == counting(7, 9));
  CHECK(inputs(streams, 1, 0) == counting(4, 6));
  CHECK(inputs(streams, 1, 1) == counting(10, 12));
  CHECK(targets(streams, 0, 0) == counting(2, 4));
  CHECK(targets(streams, 0, 1) == counting(8, 10));
  CHECK(targets(streams, 1, 0) == counting(5, 7));
  CHECK(targets(streams, 1, 1) == counting(11, 13));
  CHECK(streams.tokens() == 12);
  CHECK(streams.dropped() == 0);
}

TEST_CASE("token streams: an incomplete window is dropped, or kept with fewer steps") {
  const TokenStreams<double> dropped(counting(0, 19), 20, {.streams = 2, .steps = 3});
  CHECK(dropped.windows() == 3);
  CHECK(dropped.dropped() == 1);
  CHECK(dropped.tokens() == 18);
  CHECK(TokenStreams<double>(counting(0, 18), 20, {.streams = 2, .steps = 3}).windows() == 3);
  CHECK(TokenStreams<double>(counting(0, 17), 20, {.streams = 2, .steps = 3}).windows() == 2);

  const TokenStreams<double> kept(counting(0, 19), 20, {.streams = 3, .steps = 4, .tail = Tail::keep});
  CHECK(kept.windows() == 2);
  CHECK(inputs(kept, 1, 0) == counting(4, 6));
  CHECK(targets(kept, 1, 1) == counting(12, 14));
  CHECK(inputs(kept, 1, 2) == counting(18, 18));
  CHECK(kept.tokens() == 19);
  CHECK(kept.dropped() == 0);
  const TokenStreams<double> more(counting(0, 5), 6, {.streams = 4, .steps = 2, .tail = Tail::keep});
  CHECK(inputs(more, 0, 2) == counting(4, 4));
  CHECK(inputs(more, 0, 3).empty());
}

TEST_CASE("token streams: refuses a text that is too short and tokens outside the vocabulary") {
  const auto streams = [](const Tokens& tokens, StreamOptions options) { TokenStreams<double>(tokens, 20, options); };
  CHECK_THROWS_MATCHES(streams(counting(0, 5), {.streams = 2, .steps = 3}), ValueError,
                       says("text must have at least 7 tokens for 2 streams of 3 steps, got 6"));
  CHECK_THROWS_MATCHES(streams({}, {.streams = 2, .steps = 3, .tail = Tail::keep}), ValueError,
                       says("text must have at least 2 tokens, got 0"));
  CHECK_THROWS_MATCHES(streams(counting(0, 20), {.streams = 2, .steps = 3}), ValueError,
                       says("streams: token must be 0 to 19, got 20"));
  CHECK_THROWS_MATCHES(streams({3, -1, 2}, {.streams = 1, .steps = 2}), ValueError,
                       says("streams: token must be 0 to 19, got -1"));
  constexpr Index exact = Index(1) << std::numeric_limits<float>::digits;
  const auto in_float = [](Index size) { TokenStreams<float>(counting(0, 5), size, {.streams = 1, .steps = 2}); };
  CHECK_NOTHROW(in_float(exact));
  CHECK_THROWS_MATCHES(in_float(exact + 1), ValueError, says("vocabulary must be at most 16777216, got 16777217"));
  constexpr Index most = std::numeric_limits<Index>::max();
  CHECK_THROWS_AS(streams(counting(0, 5), {.streams = most, .steps = most}), ShapeError);
  CHECK_THROWS_MATCHES(streams(counting(0, 5), {.streams = 1, .steps = most}), ValueError,
                       says("must have at least 9223372036854775808 tokens"));
  CHECK_THROWS_MATCHES(streams(counting(0, 5), {.streams = most, .steps = 1, .tail = Tail::keep}), ValueError,
                       says("streams must be at most 5 for a text of 6 tokens"));
  CHECK_THROWS_AS(streams(counting(0, 5), {.streams = 6, .steps = 1, .tail = Tail::keep}), ValueError);
  CHECK_NOTHROW(streams(counting(0, 5), {.streams = 5, .steps = 1, .tail = Tail::keep}));
  CHECK(TokenStreams<double>(counting(0, 5), 20, {.streams = 2, .steps = most, .tail = Tail::keep}).data().length(0) ==
        3);
  CHECK_THROWS_MATCHES(streams(counting(0, 5), {.streams = 0}), ValueError,
                       says("streams: streams must be at least 1, got 0"));
  const TokenStreams<double> two(counting(0, 13), 20, {.streams = 2, .steps = 3});
  CHECK(two.window(1).front() == 2);
  CHECK_THROWS_MATCHES(two.window(2), ValueError, says("streams: window must be 0 to 1, got 2"));
  CHECK_THROWS_AS(two.window(-1), ValueError);
}

TEST_CASE("evaluate: the loss of token streams does not depend on the window size") {
  const Index vocabulary = 7;
  const Tokens tokens = drawn(101, vocabulary);
  const Model model = model_of(vocabulary);
  const Evaluation at_once = evaluate(model, whole(tokens, vocabulary), Loss());
  const double want = at_once.loss.sum;
  Evaluator<Model> evaluator;
  const auto sum = [&](StreamOptions options) {
    const auto all = evaluate(evaluator, model, TokenStreams<double>(tokens, vocabulary, options), Loss());
    CHECK(all.loss.scored == 100);
    CHECK(all.hits.scored == 100);
    if (options.streams == 1) CHECK(all.hits.correct == at_once.hits.correct);
    return all.loss.sum;
  };
  for (const Index steps : {1, 7, 64, 100, 500}) CHECK(sum({1, steps, Tail::keep}) == Approx(want).epsilon(1e-13));
  const double two = sum({2, 11, Tail::keep});
  CHECK(std::abs(two - want) > 1e-6);  // the second stream starts from a zero state
  CHECK(sum({2, 50, Tail::keep}) == Approx(two).epsilon(1e-13));
}

TEST_CASE("streams: a text that is read by windows has the windows of the text in memory") {
  const Tokens tokens = drawn(37, 9);
  Index longest = 0;
  const auto read = [&](Index first, Index count) {
    longest = std::max(longest, count);
    return Tokens(tokens.begin() + first, tokens.begin() + first + count);
  };
  const Model model = model_of(9);
  for (const Tail tail : {Tail::drop, Tail::keep}) {
    const StreamOptions options{.streams = 3, .steps = 4, .tail = tail};
    const TokenStreams<double> whole(tokens, 9, options), parts(37, read, 9, options);
    CHECK(parts.windows() == whole.windows());
    CHECK(parts.tokens() == whole.tokens());
    CHECK(parts.dropped() == whole.dropped());
    for (Index k = 0; k < whole.windows(); ++k)
      parts.visit_window(k, [&](const Dataset<double>& data, std::span<const Index> samples) {
        REQUIRE(samples.size() == 3);
        for (std::size_t s = 0; s < 3; ++s) {
          CHECK(data.sequence(samples[s]) == whole.data().sequence(whole.window(k)[s]));
          CHECK(data.labels(samples[s]) == whole.data().labels(whole.window(k)[s]));
        }
      });
    Evaluator<Model> evaluator;
    CHECK(evaluate(evaluator, model, parts, Loss()).loss.sum == evaluate(evaluator, model, whole, Loss()).loss.sum);
    CHECK_THROWS_MATCHES(parts.visit_window(whole.windows(), [](const auto&, auto) {}), ValueError, says("window"));
    CHECK_THROWS_MATCHES(parts.window(1), ValueError, says("window"));
  }
  CHECK(longest == 5);
  const StreamOptions two{.streams = 2, .steps = 3};
  const auto late = [&](Index first, Index count) { return Tokens(std::size_t(count), first < 6 ? 1 : 9); };
  CHECK_THROWS_MATCHES(TokenStreams<double>(13, late, 9, two), ValueError, says("token must be 0 to 8, got 9"));
  const auto few = [](Index, Index count) { return Tokens(std::size_t(count - 1), 1); };
  CHECK_THROWS_MATCHES(TokenStreams<double>(13, few, 9, two), ShapeError, says("4, got 3"));
  CHECK_THROWS_MATCHES(TokenStreams<double>(6, read, 9, two), ValueError, says("text must have at least 7 tokens"));
  CHECK_THROWS_MATCHES(TokenStreams<double>(13, {}, 9, two), ValueError, says("the reading function is empty"));
}

TEST_CASE("evaluate: the loss of a large vocabulary is exact when it is computed in pieces") {
  const Index vocabulary = 1500;
  const Tokens tokens = drawn(400, vocabulary);
  const Model model = model_of(vocabulary);
  REQUIRE(model.piece_columns() < 200);
  const auto data = whole(tokens, vocabulary);
  const MatrixX<double> scores = predict(model, data).front();
  const LossValue want = Loss()(scores, data.labels(0));
  const auto all = evaluate(model, data, Loss());
  CHECK(all.loss.value() == Approx(want.value()).epsilon(1e-13));
  CHECK(all.loss.scored == 399);
  CHECK(all.hits.scored == 399);
  CHECK_THROWS_MATCHES(evaluate(model, data, SoftmaxCrossEntropy<double>({.class_weights = VectorX<double>::Ones(3)})),
                       Error, says("3"));
}

TEST_CASE("token streams: training on windows equals truncated backpropagation bit for bit") {
  const Index vocabulary = 5;
  const Tokens tokens = drawn(41, vocabulary);
  const auto trained = [&](Index window, Truncation truncation) {
    Model model = model_of(vocabulary);
    SGD<double> sgd({.learning_rate = 0.5});
    // Sums instead of means: a mean would depend on the number of targets per window.
    TrainingStep step(model, Loss({.reduction = Reduction::sum}), sgd, {.truncation = truncation});
    const TokenStreams<double> streams(tokens, vocabulary, {.streams = 2, .steps = window});
    States states;
    ShardedBatch<double> batch;
    for (Index k = 0; k < streams.windows(); ++k) {
      batch.gather(streams.data(), streams.window(k));
      step.step(batch, &states);
    }
    CHECK(states[1][0].cols() == 2);
    return VectorX<double>(model.parameters().values());
  };
  const VectorX<double> carried = trained(5, {});
  CHECK(trained(20, {.update_every = 5}) == carried);
  CHECK(trained(10, {.update_every = 5}) == carried);
  CHECK(trained(20, {.update_every = 20}) == trained(20, {}));
  CHECK(trained(20, {.update_every = 5, .back = 20}) != carried);
  CHECK(trained(20, {}) != carried);
}

TEST_CASE("sentence data: inputs begin with the start token, and labels end with the end token") {
  TokenCounts counts;
  counts.add_all(words("a a b c"));
  const Vocabulary vocabulary(counts, {.size = 5});
  const auto data = sentence_data<double>({vocabulary.numbers(words("b a c")), {}}, vocabulary);
  CHECK(data.sequence(0) == (MatrixX<double>(1, 4) << 1, 4, 3, 0).finished());
  CHECK(data.labels(0) == (Labels(4) << 4, 3, 0, 2).finished());
  CHECK(data.sequence(1) == MatrixX<double>::Constant(1, 1, 1));
  CHECK(data.labels(1) == Labels::Constant(1, 2));
  CHECK(data.classes() == 5);
  CHECK(share_of_label(data, vocabulary.unknown()) == 0.2);
  CHECK(share_of_label(data, -1) == 0);
  const auto cut = sentence_data<double>({{4, 3, 0}}, vocabulary, 2);
  CHECK(cut.labels(0) == (Labels(3) << 4, 3, 2).finished());
  CHECK_THROWS_MATCHES(sentence_data<double>({{0}}, Vocabulary(counts, {.end = false})), ValueError,
                       says("the vocabulary must have a start and an end token"));
}

TEST_CASE("language decoder: greedy tokens have the largest scores after prompts of any length") {
  const Index vocabulary = 7;
  const Model model = model_of(vocabulary);
  const std::vector<Tokens> prompts{{3}, {1, 2, 5, 0}, {6, 6}};
  LanguageDecoder decoder(model, {0, -1});
  decoder.read(prompts);
  const auto written = greedy(decoder, {.limits = {.longest = 6}});
  for (std::size_t k = 0; k < prompts.size(); ++k) {
    Tokens so_far = prompts[k];
    double log_probability = 0;
    for (const Index token : written[k].tokens) {
      so_far.push_back(0);
      const auto all = predict(model, whole(so_far, vocabulary)).front();
      const VectorX<double> scores = all.col(all.cols() - 1).tail(vocabulary - 1);  // token 0 is never written
      Index best = 0;
      scores.maxCoeff(&best);
      CHECK(token == best + 1);
      log_probability += scores[best] - std::log(scores.array().exp().sum());
      so_far.back() = token;
    }
    CHECK(written[k].log_probability == Approx(log_probability).epsilon(1e-12));
    CHECK(written[k].tokens.size() == 6);
  }
  const SamplingOptions options{.limits = {.longest = 9}, .samples = 3};
  const auto first = sample(decoder, options), second = sample(decoder, options);
  for (std::size_t k = 0; k < prompts.size(); ++k)
    for (std::size_t s = 0; s < 3; ++s) {
      CHECK(first[k][s].tokens == second[k][s].tokens);
      CHECK(std::ranges::count(first[k][s].tokens, 0) == 0);
    }
}

TEST_CASE("language decoder: refuses empty prompts, unknown tokens and unknown hypotheses") {
  const Model model = model_of(7);
  LanguageDecoder decoder(model);
  CHECK_THROWS_MATCHES(decoder.start(), ValueError, says("no prompt was read; call read(...) first"));
  CHECK_THROWS_MATCHES(decoder.read({{1}, {}}), ValueError, says("prompt 1 must have at least 1 token"));
  CHECK_THROWS_MATCHES(decoder.read({{7}}), ValueError, says("token must be 0 to 6, got 7"));
  CHECK_THROWS_MATCHES(LanguageDecoder(model, {7}), ValueError, says("a token of never must be below 7, got 7"));
  decoder.read({{1}});
  decoder.start();
  const Tokens parents{1}, tokens{2}, negative{-1};
  CHECK_THROWS_MATCHES(decoder.step(negative, tokens), ValueError, says("parent must be 0 to 0, got -1"));
  CHECK_THROWS_MATCHES(decoder.step(parents, tokens), ValueError, says("parent must be 0 to 0, got 1"));
  CHECK_THROWS_MATCHES(decoder.step(parents, {}), ShapeError,
                       says("tokens must have as many entries as parents, 1, got 0"));
}

TEST_CASE("language decoder: refuses models of several features or one output per sequence") {
  const Model wide(2, {Recurrent<Gru>{.units = 4}, Dense{.units = 7}});
  CHECK_THROWS_MATCHES(LanguageDecoder(wide), ShapeError,
                       says("the model must have 1 feature and an output at every step"));
  const Model pooled(1, {Recurrent<Gru>{.units = 4, .returns = Returns::last}, Dense{.units = 7}});
  CHECK_THROWS_MATCHES(LanguageDecoder(pooled), ShapeError, says("features and one output for each sequence"));
}

TEST_CASE("language decoder: start sets one hypothesis per prompt, read none") {
  const Model model = model_of(7);
  LanguageDecoder decoder(model);
  decoder.read({{1}, {2, 3}});
  const MatrixX<double> first = decoder.start();
  const Tokens one{0}, other{1}, token{4};
  const MatrixX<double> second = decoder.step(other, token);
  CHECK_THROWS_MATCHES(decoder.step(other, token), ValueError, says("parent must be 0 to 0, got 1"));
  CHECK(decoder.start() == first);
  CHECK(decoder.step(other, token) == second);
  decoder.read({{5}});
  CHECK_THROWS_MATCHES(decoder.step(one, token), ValueError, says("parent must be 0 to -1, got 0"));
}

TEST_CASE("language decoder: a refused step leaves the state unchanged") {
  const Model model = model_of(7);
  LanguageDecoder decoder(model), undisturbed(model);
  for (auto* each : {&decoder, &undisturbed}) each->read({{1}, {2, 3}}), each->start();
  const Tokens swapped{1, 0}, wrong_parents{1, 2}, tokens{4, 5}, wrong_tokens{4, 7};
  CHECK_THROWS_AS(decoder.step(wrong_parents, tokens), ValueError);
  CHECK_THROWS_AS(decoder.step(swapped, wrong_tokens), ValueError);
  const MatrixX<double> after = decoder.step(swapped, tokens);
  CHECK(after == undisturbed.step(swapped, tokens));
}

}  // namespace test_streams
