#include <unroll/check/gradient.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>

#include "seq2seq_run.hpp"

namespace test_seq2seq {

using namespace seq2seq_run;

namespace {

/// Mean cross entropy; computes the gradient if one is given.
template <class Model>
double loss_of(const Model& model, const PairBatch<double>& batch, Parameters<double>* gradient = nullptr,
               Keeping keeping = {}, ThreadPool* threads = nullptr) {
  typename Model::Weights weights;
  typename Model::Tape tape;
  model.prepare(weights);
  model.prepare_back(weights);
  model.begin_learning(weights, batch.x(), batch.sources(), batch.tokens(), batch.targets(), tape,
                       {.keeping = keeping, .threads = threads});
  const SoftmaxCrossEntropy<double> entropy;
  const Labels labels = batch.labels(0, batch.target_columns());
  const LossCount whole = entropy.count(labels);
  LossValue loss;
  MatrixX<double> d_scores;
  const auto piece = [&](Index first, const ConstView<double>& scores) {
    d_scores.resize(scores.rows(), scores.cols());
    const Labels some = labels.segment(first, scores.cols());
    loss += entropy(scores, some, d_scores, {}, whole);
    return view(std::as_const(d_scores));
  };
  auto ignored = model.parameters().zeros_like();
  model.learn(weights, tape, gradient == nullptr ? ignored : *gradient, piece);
  return loss.value();
}

template <class Model>
void check(Model model, const std::vector<std::pair<Index, Index>>& lengths, Keeping keeping = {}) {
  randomise(model);
  const auto batch = batch_of(pairs<double>(lengths));
  auto gradient = model.parameters().zeros_like();
  loss_of(model, batch, &gradient, keeping);
  const auto report =
      check_gradient([&] { return loss_of(model, batch, nullptr, keeping); }, model.parameters().values(),
                     gradient.values(), [&](Index k) { return entry_name(model.parameters().table(), k); });
  INFO(report.text());
  CHECK(report.worst < 2e-6);
}

const std::vector<std::pair<Index, Index>> ragged{{3, 2}, {1, 4}, {5, 0}, {0, 3}, {2, 1}};

template <class C, class Encoder>
Seq2Seq<Encoder, C> made(const Encoder& encoder, Seq2SeqOptions options) {
  options.vocabulary = words;
  if (options.embedding == 0) options.embedding = 3;
  if (options.units == 0) options.units = 4;
  return {encoder, options};
}

}  // namespace

TEST_CASE("seq2seq: threads that share a batch do not change the bits") {
  auto model = made<LuongGru<double>>(encoder<double>(), {.bridge = Bridge::zero});
  randomise(model);
  const auto batch = batch_of(pairs<double>({{300, 700}, {5, 650}, {280, 3}}));
  auto alone = model.parameters().zeros_like(), shared = alone;
  const double loss = loss_of(model, batch, &alone);
  ThreadPool pool(3);
  CHECK(loss_of(model, batch, &shared, {}, &pool) == loss);
  CHECK(shared.values() == alone.values());
}

TEST_CASE("seq2seq: gradients match central differences for every decoder and bridge") {
  const auto both = encoder<double>();
  check(made<BahdanauGru<double>>(both, {.sizes = {{"readout", 5}}}), ragged);
  check(made<BahdanauLstm<double>>(both, {.sizes = {{"readout", 3}}, .tied = true}), ragged);
  check(made<LuongGru<double>>(both, {.bridge = Bridge::zero}), ragged);
  check(made<LuongLstm<double>>(lstm_encoder<double>(), {.units = 5, .bridge = Bridge::copy}), ragged);
  check(made<Gru<double>>(both, {}), ragged);
  check(made<Lstm<double>>(lstm_encoder<double>(), {.units = 5, .bridge = Bridge::copy}), ragged);
}

TEST_CASE("seq2seq: a decoder without biases keeps those of the bridge and of the output") {
  using C = BahdanauGru<double, symbols::additive_biased>;
  const auto make = [](bool biased) {
    return made<C>(encoder<double>(), {.sizes = {{"readout", 5}}, .biased = biased});
  };
  auto model = make(false), whole = make(true);
  std::string biases, of_whole;
  for (const ParameterBlock& block : model.parameters().table().blocks())
    if (block.role == Role::bias && !block.name.starts_with("encoder.")) biases += block.name + " ";
  CHECK(biases == "bridge.0.bias output.bias ");
  for (const ParameterBlock& block : whole.parameters().table().blocks())
    if (block.role == Role::bias && block.name.starts_with("decoder.")) of_whole += block.name + " ";
  CHECK(of_whole == "decoder.r.b decoder.z.b decoder.n.b decoder.readout.b decoder.n2.b decoder.ctx.b ");
  randomise(model);
  for (const ParameterBlock& block : model.parameters().table().blocks())
    whole.parameters()[block.name] = model.parameters().block(block);
  const auto batch = batch_of(pairs<double>(ragged));
  CHECK(loss_of(model, batch, nullptr) == loss_of(whole, batch, nullptr));
  check(model, ragged);
}

TEST_CASE("seq2seq: gradients of a causal decoder match central differences") {
  check(made<BahdanauGru<double>>(
            sequential<double>(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4}),
            {.sizes = {{"readout", 5}}, .causal = true}),
        {{3, 2}, {4, 3}, {2, 4}});
}

TEST_CASE("seq2seq: temporary sources, tokens and targets live until the backward pass") {
  auto model = made<BahdanauGru<double>>(encoder<double>(), {.sizes = {{"readout", 5}}});
  randomise(model);
  const auto batch = batch_of(pairs<double>(ragged));
  auto kept = model.parameters().zeros_like(), given = model.parameters().zeros_like();
  loss_of(model, batch, &kept);
  decltype(model)::Weights weights;
  decltype(model)::Tape tape;
  model.prepare(weights);
  model.prepare_back(weights);
  model.begin_learning(weights, MatrixX<double>(batch.x()), Timeline(batch.sources()),
                       std::vector<Index>(batch.tokens().begin(), batch.tokens().end()), Timeline(batch.targets()),
                       tape);
  const Labels labels = batch.labels(0, batch.target_columns());
  const SoftmaxCrossEntropy<double> entropy;
  const LossCount whole = entropy.count(labels);
  MatrixX<double> d_scores;
  model.learn(weights, tape, given, [&](Index first, const ConstView<double>& scores) {
    d_scores.resize(scores.rows(), scores.cols());
    entropy(scores, Labels(labels.segment(first, scores.cols())), d_scores, {}, whole);
    return view(std::as_const(d_scores));
  });
  CHECK(given.values() == kept.values());
}

TEST_CASE("seq2seq: checkpoints change no bit of a gradient") {
  auto model = made<BahdanauGru<double>>(encoder<double>(), {.sizes = {{"readout", 5}}});
  randomise(model);
  const auto batch = batch_of(pairs<double>({{400, 500}, {3, 90}}));
  auto everything = model.parameters().zeros_like(), checkpoints = everything;
  loss_of(model, batch, &everything);
  loss_of(model, batch, &checkpoints, {Keep::checkpoints});
  CHECK(everything.values() == checkpoints.values());
}

TEST_CASE("seq2seq: scores of a causal decoder do not depend on later source steps") {
  auto model = made<BahdanauGru<double>>(
      sequential<double>(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4}),
      {.sizes = {{"readout", 5}}, .bridge = Bridge::zero, .causal = true});
  randomise(model);
  std::vector<MatrixX<double>> sources{token_row<double>(std::vector<Index>{1, 2, 3, 4})};
  const std::vector<std::vector<Index>> targets{{1, 0, 2, 3}};
  const auto told = forced(model, batch_of(SequencePairs<double>(sources, targets, {.begin = 5})));
  sources[0](0, 2) = 0;
  const auto changed = forced(model, batch_of(SequencePairs<double>(sources, targets, {.begin = 5})));
  CHECK((told[0] == changed[0] && told[1] == changed[1]));
  CHECK((told[2] != changed[2] && told[3] != changed[3]));
}

TEST_CASE("seq2seq: a pair has the same bits alone and in any batch") {
  auto model = made<LuongGru<double>>(encoder<double>(), {});
  randomise(model);
  const auto data = pairs<double>(ragged);
  const auto batch = batch_of(data);
  const auto together = forced(model, batch);
  for (Index k = 0; k < data.size(); ++k) {
    PairBatch<double> one;
    one.gather(data, std::vector<Index>{k});
    const auto alone = forced(model, one);
    const Index rank = batch.targets().rank(k);
    for (std::size_t t = 0; t < alone.size(); ++t)
      CHECK(alone[t] == together[std::size_t(batch.targets().offset(Index(t)) + rank)]);
  }
}

TEST_CASE("seq2seq: initial values depend on the seed and on the role of each block") {
  using namespace symbols;
  auto model =
      made<BahdanauGru<float, additive_normalised>>(encoder<float>(), {.sizes = {{"attention", 16}, {"readout", 5}}});
  model.initialise(3);
  const auto first = model.parameters().values();
  model.initialise(3);
  CHECK(model.parameters().values() == first);
  model.initialise(4);
  CHECK(model.parameters().values() != first);
  CHECK(model.parameters()["decoder.ctx.g"](0, 0) == 0.25F);
  CHECK(model.parameters()["output.bias"].isZero(0));
  CHECK(model.parameters()["encoder.0.weight"].norm() > 0);
  CHECK(model.parameters()["decoder.ctx.memory"].cols() == 8);
}

TEST_CASE("seq2seq: refuses mismatched encoders, decoders, sizes and tokens") {
  const auto both = encoder<double>();
  CHECK_THROWS_MATCHES(made<LuongLstm<double>>(both, {.bridge = Bridge::copy}), ShapeError,
                       says("last recurrent layer must be 8, as in its output, got 4"));
  CHECK_THROWS_MATCHES(made<Gru<double>>(lstm_encoder<double>(), {.units = 5, .bridge = Bridge::copy}), ShapeError,
                       says("states of the encoder's last recurrent layer must be 1, as in the decoder, got 2"));
  CHECK_THROWS_MATCHES(made<Lstm<double>>(lstm_encoder<double>(), {.bridge = Bridge::copy}), ShapeError,
                       says("rows of state 0 of the encoder must be 4, as in the decoder, got 5"));
  CHECK_THROWS_MATCHES(made<BahdanauGru<double>>(both, {.sizes = {{"readout", 5}}, .tied = true}), ShapeError,
                       says("output must be 3, as in the embedding, with tied weights, got 5"));
  CHECK_THROWS_MATCHES(made<BahdanauGru<double>>(both, {}), ShapeError, says("'readout', which is not given"));
  CHECK_THROWS_MATCHES(
      made<Gru<double>>(sequential<double>(1, Recurrent<Gru>{.units = 4, .returns = Returns::last}), {}), ShapeError,
      says("encoder must give an output for every step"));
  CHECK_THROWS_MATCHES(made<Gru<double>>(sequential<double>(1, BatchNorm{}), {}), ValueError,
                       says("seq2seq: the encoder has a batch norm"));
  CHECK_THROWS_MATCHES((Seq2Seq<decltype(encoder<double>()), Gru<double>>(both, {.embedding = 3, .units = 4})),
                       ValueError, says("vocabulary must be at least 1, got 0"));
  auto model = made<Gru<double>>(both, {});
  decltype(model)::Tape tape;
  decltype(model)::Weights weights;
  model.prepare(weights);
  const auto batch = batch_of(pairs<double>({{3, 2}}));
  const auto begin = [&](std::vector<Index> tokens) {
    model.begin_learning(weights, batch.x(), batch.sources(), tokens, batch.targets(), tape);
  };
  CHECK_THROWS_MATCHES(begin({5, 1}), ShapeError, says("tokens must have as many entries as target columns, 3, got 2"));
  CHECK_THROWS_MATCHES(begin({5, 1, 7}), ValueError, says("token must be 0 to 6, got 7"));
  auto gradient = model.parameters().zeros_like();
  const auto learn = [&] {
    model.learn(weights, tape, gradient, [&](Index, const ConstView<double>& scores) { return scores; });
  };
  CHECK_THROWS_MATCHES(learn(), ValueError, says("no unused pass over targets"));
  CHECK_THROWS_AS(SequencePairs<double>({MatrixX<double>::Zero(1, 2)}, {}, special_tokens), ShapeError);
  CHECK_THROWS_MATCHES(SequencePairs<double>({MatrixX<double>::Zero(1, 2)}, {{0, -2}}, special_tokens), ValueError,
                       says("token of target 0 must be at least 0, got -2"));
}

}  // namespace test_seq2seq
