#include <unroll/infer/beam.hpp>
#include <unroll/infer/greedy.hpp>
#include <unroll/infer/sampling.hpp>
#include <unroll/infer/seq2seq_decoder.hpp>

#include "seq2seq_run.hpp"

namespace test_seq2seq_decoder {

using namespace seq2seq_run;

namespace {

template <class C>
auto made(double size = 1.2) {
  Seq2SeqOptions options{.vocabulary = words, .embedding = 3, .units = 4};
  if constexpr (std::is_same_v<C, BahdanauGru<double>>) options.sizes = {{"readout", 5}};
  Seq2Seq<decltype(encoder<double>()), C> model(encoder<double>(), options);
  randomise(model, size);
  return model;
}

const std::vector<std::pair<Index, Index>> lengths{{3, 0}, {5, 0}, {1, 0}, {0, 0}, {4, 0}};
const Limits limits{.end = special_tokens.end, .longest = 8};

/// Log-probability of the tokens, and of the end mark if it was written, with teacher forcing.
template <class Model>
double forced_score(const Model& model, const MatrixX<double>& source, const std::vector<Index>& tokens, bool ended) {
  double sum = 0;
  const SequencePairs<double> one({source}, {tokens},
                                  {.begin = special_tokens.begin, .end = ended ? special_tokens.end : -1});
  for (const double each : forced(model, batch_of(one))) sum += each;
  return sum;
}

}  // namespace

TEMPLATE_TEST_CASE("seq2seq decoder: generated tokens have the log-probability of teacher forcing", "",
                   BahdanauGru<double>, LuongLstm<double>, Gru<double>) {
  const auto model = made<TestType>();
  const auto data = pairs<double>(lengths);
  const auto batch = batch_of(data);
  Seq2SeqDecoder decoder(model, special_tokens.begin);
  decoder.read(batch.x(), batch.sources());
  REQUIRE(decoder.sources() == 5);
  const auto written = beam_search(decoder, {.limits = limits, .beams = 3, .n_best = 3});
  for (Index b = 0; b < 5; ++b)
    for (const auto& one : written[std::size_t(b)])
      CHECK(one.log_probability == Approx(forced_score(model, data.source(b), one.tokens, one.ended)).epsilon(1e-9));
  const auto greedily = greedy(decoder, {.limits = limits});
  for (Index b = 0; b < 5; ++b) {
    const auto& one = greedily[std::size_t(b)];
    CHECK(one.log_probability == Approx(forced_score(model, data.source(b), one.tokens, one.ended)).epsilon(1e-9));
  }
}

TEST_CASE("beam search: a beam of one equals greedy search") {
  const auto model = made<BahdanauGru<double>>();
  const auto batch = batch_of(pairs<double>(lengths));
  Seq2SeqDecoder decoder(model, special_tokens.begin);
  decoder.read(batch.x(), batch.sources());
  const auto greedily = greedy(decoder, {.limits = limits});
  const auto one = beam_search(decoder, {.limits = limits, .beams = 1});
  for (std::size_t b = 0; b < 5; ++b) {
    CHECK(one[b].front().tokens == greedily[b].tokens);
    CHECK(one[b].front().log_probability == greedily[b].log_probability);
  }
}

TEST_CASE("seq2seq decoder: results of a source do not depend on other sources or earlier reads") {
  const auto model = made<LuongLstm<double>>();
  const auto data = pairs<double>(lengths);
  const auto batch = batch_of(data);
  Seq2SeqDecoder decoder(model, special_tokens.begin);
  decoder.read(batch.x(), batch.sources());
  const BeamOptions options{.limits = limits, .beams = 4, .n_best = 4};
  const auto together = beam_search(decoder, options);
  for (Index b = 0; b < 5; ++b) {
    PairBatch<double> one;
    one.gather(data, std::vector<Index>{b});
    decoder.read(one.x(), one.sources());
    const auto alone = beam_search(decoder, options);
    REQUIRE(alone[0].size() == together[std::size_t(b)].size());
    for (std::size_t k = 0; k < alone[0].size(); ++k) {
      CHECK(alone[0][k].tokens == together[std::size_t(b)][k].tokens);
      CHECK(alone[0][k].score == together[std::size_t(b)][k].score);
    }
  }
}

TEST_CASE("beam search: stored attention equals that of teacher forcing") {
  const auto model = made<BahdanauGru<double>>();
  const auto data = pairs<double>(lengths);
  const auto batch = batch_of(data);
  Seq2SeqDecoder decoder(model, special_tokens.begin);
  decoder.read(batch.x(), batch.sources());
  const auto written = beam_search(decoder, {.limits = limits, .keep_attention = true, .beams = 3});
  typename std::remove_cvref_t<decltype(model)>::Weights weights;
  typename std::remove_cvref_t<decltype(model)>::Tape tape;
  model.prepare(weights);
  for (Index b = 0; b < 5; ++b) {
    const auto& one = written[std::size_t(b)].front();
    const auto again = batch_of(SequencePairs<double>({data.source(b)}, {one.tokens}, {.begin = special_tokens.begin}));
    model.begin_learning(weights, again.x(), again.sources(), again.tokens(), again.targets(), tape);
    const MatrixX<double> want = model.trace(weights, tape, "ctx.weights");
    REQUIRE(one.attention.rows() == data.source(b).cols());
    REQUIRE(one.attention.cols() == Index(one.tokens.size()));
    CHECK((one.attention - want).norm() < 1e-12);
  }
}

TEST_CASE("seq2seq decoder: a causal decoder scores a step as if its source ended there") {
  const auto forward = sequential<double>(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4});
  Seq2Seq<std::remove_const_t<decltype(forward)>, BahdanauGru<double>> model(forward, {.vocabulary = words,
                                                                                       .embedding = 3,
                                                                                       .units = 4,
                                                                                       .sizes = {{"readout", 5}},
                                                                                       .bridge = Bridge::zero,
                                                                                       .causal = true});
  randomise(model, 1.2);
  const auto source = pairs<double>({{6, 0}}).source(0);
  Seq2SeqDecoder decoder(model, special_tokens.begin);
  const auto scores_of = [&](Index steps) {
    decoder.read(MatrixX<double>(source.leftCols(steps)), Timeline::from_lengths({steps}));
    MatrixX<double> scores(words, steps);
    std::vector<Index> parent{0}, token{0};
    scores.col(0) = decoder.start();
    for (Index t = 1; t < steps; ++t)
      scores.col(t - 1).maxCoeff(token.data()), scores.col(t) = decoder.step(parent, token);
    return scores;
  };
  const MatrixX<double> whole = scores_of(6);
  CHECK(decoder.start() == whole.col(0));  // begins at the first step again
  for (Index steps = 1; steps < 6; ++steps) CHECK(scores_of(steps) == whole.leftCols(steps));
}

TEST_CASE("seq2seq decoder: refuses steps before read and unknown hypotheses") {
  const auto model = made<LuongLstm<double>>();
  Seq2SeqDecoder decoder(model, special_tokens.begin);
  CHECK_THROWS_MATCHES(decoder.start(), ValueError, says("no source was read; call read(...) first"));
  const auto batch = batch_of(pairs<double>(lengths));
  decoder.read(batch.x(), batch.sources());
  const std::vector<Index> first{0}, beyond{5}, two{0, 1}, negative{-1};
  CHECK(decoder.source_length(4) == 4);
  for (const Index source : {-1, 5})
    CHECK_THROWS_MATCHES(decoder.source_length(source), ValueError,
                         says("source must be 0 to 4, got " + std::to_string(source)));
  CHECK_THROWS_MATCHES(decoder.step(first, first), ShapeError, says("parent must be 0 to -1, got 0"));
  decoder.start();
  CHECK_THROWS_MATCHES(decoder.step(beyond, first), ShapeError, says("parent must be 0 to 4, got 5"));
  CHECK_THROWS_MATCHES(decoder.step(two, first), ShapeError,
                       says("tokens must have as many entries as parents, 2, got 1"));
  CHECK_THROWS_MATCHES(decoder.step(negative, first), ShapeError, says("parent must be 0 to 4, got -1"));
  CHECK(decoder.step(first, first).cols() == 1);
  decoder.read(batch.x(), batch.sources());
  CHECK_THROWS_MATCHES(decoder.step(first, first), ShapeError, says("parent must be 0 to -1, got 0"));
}

TEMPLATE_TEST_CASE("seq2seq decoder: a refused step changes nothing", "", BahdanauGru<double>, LuongLstm<double>,
                   Gru<double>) {
  const auto model = made<TestType>();
  const auto batch = batch_of(pairs<double>({{3, 0}, {5, 0}}));
  Seq2SeqDecoder decoder(model, special_tokens.begin), undisturbed(model, special_tokens.begin);
  for (auto* each : {&decoder, &undisturbed}) each->read(batch.x(), batch.sources()), each->start();
  const std::vector<Index> swapped{1, 0}, wrong_parents{1, 2}, tokens{4, 5}, wrong_tokens{4, words};
  CHECK_THROWS_AS(decoder.step(wrong_parents, tokens), ShapeError);
  CHECK_THROWS_AS(decoder.step(swapped, wrong_tokens), ValueError);
  const MatrixX<double> after = decoder.step(swapped, tokens);
  CHECK(after == undisturbed.step(swapped, tokens));
}

TEST_CASE("seq2seq decoder: refuses a begin token outside the vocabulary") {
  const auto model = made<Gru<double>>();
  CHECK_THROWS_MATCHES(Seq2SeqDecoder(model, 7), ValueError, says("begin must be 0 to 6, got 7"));
  CHECK_THROWS_MATCHES(Seq2SeqDecoder(model, -1), ValueError, says("begin must be 0 to 6, got -1"));
}

}  // namespace test_seq2seq_decoder
