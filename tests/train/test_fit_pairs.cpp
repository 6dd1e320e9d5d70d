#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "models/seq2seq_run.hpp"

namespace test_fit_pairs {

using namespace seq2seq_run;

namespace {

Sequential reader(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4});
using Model = Seq2Seq<decltype(reader), Gru<float>>;
using Loss = SoftmaxCrossEntropy<float>;
using Options = FitOptions<float, SequencePairs<float>>;

SequencePairs<float> some(Index count, SpecialTokens given = special_tokens) {
  std::vector<std::pair<Index, Index>> lengths;
  for (Index k = 0; k < count; ++k) lengths.emplace_back(1 + k % 5, k % 4);
  return pairs<float>(lengths, given);
}

struct Run {
  Model model{reader, {.vocabulary = words, .embedding = 3, .units = 4}};
  Adam<float> adam{{.learning_rate = 0.02}};
  TrainingState<float> state{};
  Run() { model.initialise(2); }

  FitResult operator()(const SequencePairs<float>& data, Options options) {
    options.progress = Progress::quiet;
    return fit(model, Loss(), adam, data, options, state);
  }
  const VectorX<float>& theta() const { return model.parameters().values(); }
};

struct Falling {
  double rate(long update) const { return 0.01 / (1 + double(update)); }
};

/// Share of tokens from the target.
double share(long update) { return 0.3 + 0.6 / (1 + double(update)); }

Options usual() {
  return {.epochs = 3,
          .batches = {.size = 5},
          .seed = 3,
          .clip_norm = 1,
          .clip_value = 0.05,
          .clip_p = 1,
          .learning_rate = LearningRate(Falling{}, LearningRate::per_update),
          .teacher = share,
          .shard = 2,
          .keeping = {Keep::checkpoints}};
}

}  // namespace

TEST_CASE("fit with pairs: has the bits of a loop of steps") {
  const auto data = some(13);
  Run run;
  const auto result = run(data, usual());

  Run by_hand;
  Seq2SeqStep step(by_hand.model, Loss(), by_hand.adam,
                   {.clip_norm = 1,
                    .clip_value = 0.05,
                    .clip_p = 1,
                    .seed = 3,
                    .learning_rate = [](long update) { return Falling{}.rate(update); },
                    .teacher = share,
                    .count_hits = true});
  Batches batches;
  ShardedBatch<float, PairBatch<float>> batch;
  for (Index epoch = 0; epoch < 3; ++epoch) {
    batches.plan(
        all_samples(data.size()), [&](Index k) { return data.length(k); }, {.size = 5}, 3, epoch);
    LossValue loss;
    Hits hits;
    double norm = 0;
    for (Index b = 0; b < batches.count(); ++b) {
      batch.gather(data, batches.batch(b), 2);
      const StepReport report = step.step(batch);
      CHECK(report.teacher == share(step.updates() - 1));
      loss += report.loss, hits += report.hits, norm = std::max(norm, report.gradient_norm);
    }
    const Epoch& row = result.history[std::size_t(epoch)];
    CHECK(row.loss == loss.value());
    CHECK(row.accuracy == hits.value());
    CHECK(row.gradient_norm == norm);
  }
  CHECK(run.theta() == by_hand.theta());
}

TEST_CASE("fit with pairs: decoder inputs are sampled unless the share from the target is 1") {
  const auto trained = [](const teacher_forcing::Schedule& teacher) {
    Options options = usual();
    options.epochs = 1, options.batches.size = 13, options.teacher = teacher;
    Run run;
    run(some(13), options);
    return VectorX<float>(run.theta());
  };
  const VectorX<float> forced = trained({});
  CHECK(trained(teacher_forcing::constant(1)) == forced);
  CHECK(trained(teacher_forcing::constant(0.7)) != forced);
}

TEST_CASE("fit with pairs: a stopped and resumed run has the same bits") {
  const auto data = some(13), other = some(6);
  Options options = usual();
  options.epochs = 5, options.validation = &other;
  options.early_stopping = EarlyStopping{.patience = 9};
  options.average = WeightAverageOptions{};
  Run whole, parts;
  const auto want = whole(data, options);
  options.epochs = 2;
  parts(data, options);
  options.epochs = 5;
  parts.model.initialise(7);  // the state contains everything
  const auto got = parts(data, options);
  CHECK(parts.theta() == whole.theta());
  CHECK(parts.adam.updates() == whole.adam.updates());
  REQUIRE(got.history.size() == want.history.size());
  for (std::size_t k = 0; k < want.history.size(); ++k) {
    CHECK(got.history[k].loss == want.history[k].loss);
    CHECK(got.history[k].validation_loss == want.history[k].validation_loss);
  }
  CHECK(got.best_epoch == want.best_epoch);
}

TEST_CASE("fit with pairs: early stopping keeps the parameters of the least validation loss") {
  const auto data = some(13), other = some(6);
  Options options = usual();
  options.epochs = 200, options.validation = &other;
  options.early_stopping = EarlyStopping{.patience = 2, .min_delta = 0.01};
  VectorX<float> best;
  Run run;
  options.on_epoch = [&](const Epoch& row) {
    if (row.epoch == double(run.state.best_epoch)) best = run.theta();
    return true;
  };
  const auto result = run(data, options);
  REQUIRE(result.stopped_early);
  CHECK(run.theta() == best);
  const auto after = evaluate(run.model, other, Loss());
  CHECK(after.loss.value() == result.history[std::size_t(result.best_epoch - 1)].validation_loss);
  CHECK(after.hits.value() == result.history[std::size_t(result.best_epoch - 1)].validation_accuracy);
}

TEST_CASE("fit with pairs: does not train on the held-out part") {
  const auto data = some(20);
  Options options = usual();
  options.validation_fraction = 0.25;
  Run run;
  Index scored = 0;
  options.epochs = 1;
  options.on_batch = [&](const BatchEnd& end) {
    scored += end.report.loss.scored;
    return true;
  };
  const auto result = run(data, options);
  CHECK(run.state.samples == 15);
  const auto split = random_split(20, 0.25, 3);
  Index kept = 0;
  for (const Index k : split.kept) kept += data.target_steps(k);
  CHECK(scored == kept);
  CHECK(is_finite(result.history[0].validation_loss));
}

TEST_CASE("evaluate with pairs: does not depend on batch size or threads") {
  Run run;
  randomise(run.model);
  const auto data = some(23);
  const auto one = evaluate(run.model, data, Loss(), {.batch_size = 1});
  for (const Index size : {4, 23}) {
    const auto many = evaluate(run.model, data, Loss(), {.batch_size = size, .threads = 2});
    CHECK(many.loss.sum == one.loss.sum);
    CHECK(many.hits.correct == one.hits.correct);
  }
  Index steps = 0;
  double sum = 0;
  for (Index k = 0; k < data.size(); ++k) steps += data.target_steps(k);
  for (const double log_probability : forced(run.model, batch_of(data))) sum -= log_probability;
  CHECK(one.loss.count == double(steps));
  CHECK(one.loss.sum == Approx(sum));
  const auto by_sequence = evaluate(run.model, data, Loss({.reduction = Reduction::per_sequence}));
  CHECK(by_sequence.loss.count == double(data.size()));
}

TEST_CASE("pair evaluation: a large vocabulary is scored in pieces, a pair without labels is empty") {
  constexpr Index many = 3000, hit = 1;
  Model model(reader, {.vocabulary = many, .embedding = 3, .units = 4});
  randomise(model);
  model.parameters()["output.bias"](hit, 0) = 20;  // the most likely token at every step
  const Index piece = model.piece_columns(), steps = 2 * piece + 3;
  REQUIRE(piece < 500);
  std::vector<Index> target(std::size_t(steps), hit + 1);
  std::fill_n(target.begin(), piece, hit);
  const SequencePairs<float> data({MatrixX<float>::Ones(1, 2), MatrixX<float>::Ones(1, 3)}, {target, {hit, 4}}, {});
  const auto all = evaluate(model, data, Loss());
  CHECK(all.hits.scored == steps + 2);
  CHECK(all.hits.correct == piece + 1);
  double sum = 0, means = 0;
  for (Index k = 0; k < 2; ++k) {
    const SequencePairs<float> pair({data.source(k)}, {data.target(k)}, {});
    double loss = 0;
    for (const double log_probability : forced(model, batch_of(pair))) loss -= log_probability;
    sum += loss, means += loss / double(data.target_steps(k));
  }
  CHECK(all.loss.sum == Approx(sum));
  CHECK(evaluate(model, data, Loss({.reduction = Reduction::per_sequence})).loss.sum == Approx(means));

  const auto none = evaluate(model, SequencePairs<float>({MatrixX<float>::Ones(1, 2)}, {{}}, {}), Loss());
  CHECK(none.loss.empty == 1);
  CHECK(none.loss.scored == 0);
}

TEST_CASE("fit with pairs: refuses mismatched data and options before anything changes") {
  const auto data = some(6);
  const auto refused = [](const SequencePairs<float>& given, const std::function<void(Options&)>& change,
                          const std::string& part) {
    Run run;
    const VectorX<float> before = run.theta();
    Options options = usual();
    change(options);
    CHECK_THROWS_MATCHES(run(given, options), Error, says(part));
    CHECK(run.theta() == before);
    CHECK(run.adam.updates() == 0);
  };
  const auto no_change = [](Options&) {};
  refused(
      data, [](Options& o) { o.truncation.update_every = 2; },
      "update_every must be 0 steps and accumulate false for pairs, got 2 and false");
  refused(
      data, [](Options& o) { o.truncation.back = 2; }, "back must be 0 steps for pairs, got 2");
  refused(
      data, [](Options& o) { o.teacher = teacher_forcing::Schedule([](long) { return 2.0; }); },
      "the share of tokens from the target after 0 updates must be in [0, 1], got 2");
  refused(
      data, [](Options& o) { o.teacher = teacher_forcing::Schedule([](long) { return -1.0; }); },
      "the share of tokens from the target after 0 updates must be in [0, 1], got -1");
  refused(
      data, [](Options& o) { o.truncation.accumulate = true; },
      "update_every must be 0 steps and accumulate false for pairs, got 0 and true");
  refused(
      data, [](Options& o) { o.batches = {.size = 1, .tokens = 2}; },
      "must have at most 2 steps, the limit `tokens`, got ");
  refused(some(6, {.begin = words, .end = 6}), no_change,
          "the special tokens of the data set must be below 7, the vocabulary of the model, got 7 and 6");
  refused({{}, {}, {.begin = 5}}, no_change, "fit: the data set must have at least 1 pair, got 0");
  refused(
      data, [](Options& o) { o.validation_fraction = 0.01; }, "each part must have at least 1 sequence");
  refused(
      data, [](Options& o) { o.early_stopping = EarlyStopping{}; }, "early stopping needs validation data");
  refused(some(6, {.begin = 5, .end = words}), no_change,
          "the special tokens of the data set must be below 7, the vocabulary of the model, got 5 and 7");
  refused({{MatrixX<float>::Ones(1, 2)}, {{1, words}}, special_tokens}, no_change,
          "the data set, sample 0: the tokens of the target must be below 7, the vocabulary of the model, got 7");
  refused({{MatrixX<float>::Constant(1, 2, 9)}, {{1}}, special_tokens}, no_change, "token must be 0 to 5, got 9");
  refused({{MatrixX<float>::Ones(2, 2)}, {{1}}, special_tokens}, no_change,
          "must have 1 features per step, as the model, got 2");
  const SequencePairs<float> wrong({MatrixX<float>::Ones(1, 2)}, {{1, words}}, special_tokens);
  refused(
      data, [&](Options& o) { o.validation = &wrong; }, "the validation data set, sample 0: the tokens of the target");
  Run run;
  const Loss weighted({.class_weights = VectorX<double>::Ones(3)});
  CHECK_THROWS_MATCHES(
      fit(run.model, weighted, run.adam, data, usual(), run.state), Error,
      says("fit: the data set, sample 0: loss: class weights must have as many entries as classes, 7, got 3"));
  (void)run(data, usual());
  CHECK_THROWS_MATCHES(run(some(7), usual()), ValueError, says("must have 6 sequences, as in the state, got 7"));
}

TEST_CASE("pairs: refuses a source that the encoder cannot process, with its number") {
  const Sequential longer(1, Embedding{.size = letters, .dimension = 3}, Upsample{.factor = Index(1) << 24},
                          Recurrent<Gru>{.units = 4});
  const Seq2Seq<std::remove_const_t<decltype(longer)>, Gru<float>> model(
      longer, {.vocabulary = words, .embedding = 3, .units = 4});
  const SequencePairs<float> data({MatrixX<float>::Ones(1, 1), MatrixX<float>::Ones(1, 1 << 20)}, {{1}, {1}}, {});
  const auto check = [&](Index count) {
    detail::check_data("fit", "the data set", model, Loss(), data, all_samples(count));
  };
  CHECK_NOTHROW(check(1));
  CHECK_THROWS_MATCHES(check(2), ShapeError, says("fit: the data set, sample 1: layer 1 (upsample)"));
}

TEST_CASE("fit with pairs: sparse embeddings change only for tokens fed to the decoder") {
  const SequencePairs<float> data({MatrixX<float>::Ones(1, 3)}, {{1, 2}}, special_tokens);
  const auto trained = [&](bool sparse, bool tied) {
    Model model(reader, {.vocabulary = words, .embedding = 4, .units = 4, .tied = tied, .sparse = sparse});
    model.initialise(2);
    Adam<float> adam({.learning_rate = 0.1, .weight_decay = 0.1});
    const MatrixX<float> before = model.parameters()["embedding.weight"];
    fit(model, Loss(), adam, data, {.epochs = 1, .progress = Progress::quiet});
    const MatrixX<float> after = model.parameters()["embedding.weight"];
    return std::pair(before, after);
  };
  const auto [before, all] = trained(false, false);
  const auto some_only = trained(true, false).second;
  for (Index token = 0; token < words; ++token) {
    const bool fed = token == 1 || token == 2 || token == special_tokens.begin;
    CHECK((some_only.col(token) == before.col(token)) == !fed);
    CHECK(all.col(token) != before.col(token));
    if (fed) CHECK(some_only.col(token) == all.col(token));
  }
  CHECK(trained(true, true).second == trained(false, true).second);
}

}  // namespace test_fit_pairs
