// Training and evaluation on a LazyDataset have the bits of those on the same data in memory.

#include <atomic>
#include <chrono>
#include <cstring>
#include <limits>
#include <thread>
#include <unroll/cells/gru.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/ctc.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_fit_lazy {

using namespace unroll;

namespace {

using Data = Dataset<float>;
using Lazy = LazyDataset<float>;
using Model = Stack<float>;

// ---- data

MatrixX<float> noise(Index rows, Index cols, Index s) {
  const Random random(5, Purpose::data, std::uint64_t(s));
  return MatrixX<float>::NullaryExpr(
      rows, cols, [&](Index r, Index c) { return float(random.normal(std::uint64_t(rows * c + r))); });
}

std::vector<MatrixX<float>> ragged(Index count, Index least = 0) {
  std::vector<MatrixX<float>> sequences;
  for (Index s = 0; s < count; ++s) sequences.push_back(noise(2, least + 5 * s % 7, s));
  return sequences;
}

/// Every fourth sequence has no class. Sums of the weighted losses are rounded, so their order matters.
Data classes(Index count) {
  std::vector<Index> labels;
  std::vector<double> weights;
  for (Index s = 0; s < count; ++s) labels.push_back(s % 4 - 1), weights.push_back(0.1 + double(s % 3) / 3);
  auto data = Data::labelled(ragged(count), labels, 3);
  data.set_weights(weights);
  return data;
}

/// Every third step is masked.
Data tagged(Index count) {
  std::vector<Labels> labels;
  for (const auto& x : ragged(count))
    labels.push_back(Labels::NullaryExpr(x.cols(), [](Index t) { return t % 3 - 1; }));
  return Data::step_labelled(ragged(count), labels, 3);
}

/// Some numbers are missing.
Data numbers(Index count) {
  std::vector<MatrixX<float>> targets;
  for (const auto& x : ragged(count)) {
    targets.push_back(noise(3, x.cols(), 100 + x.cols()));
    if (x.cols() > 2) targets.back()(1, 2) = std::numeric_limits<float>::quiet_NaN();
  }
  return Data::step_valued(ragged(count), targets);
}

Data transcripts(Index count) {
  std::vector<Labels> labels;
  for (Index s = 0; s < count; ++s) labels.push_back(Labels::Constant(s % 3, 1 + s % 2));
  return Data::transcribed(ragged(count, 6), labels, 3);
}

Lazy lazy(const Data& data, Index prefetch = 2, bool with_lengths = true) {
  LazyOptions options{.prefetch = prefetch};
  for (Index s = 0; with_lengths && s < data.size(); ++s) options.lengths.push_back(data.length(s));
  return {data.size(), [&data](Index s) { return data.subset(std::vector{s}); }, std::move(options)};
}

// ---- runs

Model model_of(bool pools, std::uint64_t seed = 1) {
  std::vector<AnyLayer<float>> layers{Recurrent<Gru>{.units = 4}, Dropout{.rate = 0.2}};
  if (pools) layers.push_back(MeanOverTime{});
  layers.push_back(Dense{.units = 3});
  Model model(2, std::move(layers));
  model.initialise(seed);
  return model;
}

struct Run {
  Model model;
  Adam<float> optimizer{{.learning_rate = 0.02}};
  TrainingState<float> state = {};

  template <class Loss, class D>
  void operator()(const Loss& loss, const D& data, FitOptions<float, D> options) {
    options.progress = Progress::quiet;
    fit(model, loss, optimizer, data, options, state);
  }
  Run copy() { return {model, optimizer, state}; }
};

void check_same(const Run& one, const Run& other) {
  const VectorX<float>&a = one.model.parameters().values(), &b = other.model.parameters().values();
  REQUIRE(a.size() == b.size());
  CHECK(std::memcmp(a.data(), b.data(), std::size_t(a.size()) * sizeof(float)) == 0);
  CHECK(one.state.parameters == other.state.parameters);
  CHECK(one.state.updates == other.state.updates);
  REQUIRE(one.state.history.size() == other.state.history.size());
  for (std::size_t k = 0; k < one.state.history.size(); ++k) {
    const Epoch &x = one.state.history[k], &y = other.state.history[k];
    CHECK(x.loss == y.loss);
    CHECK((x.accuracy == y.accuracy || (std::isnan(x.accuracy) && std::isnan(y.accuracy))));
    CHECK((x.validation_loss == y.validation_loss || std::isnan(x.validation_loss)));
    CHECK(std::isnan(x.validation_loss) == std::isnan(y.validation_loss));
    CHECK(x.gradient_norm == y.gradient_norm);
  }
}

FitOptions<float, Lazy> lazily(const FitOptions<float>& options) {
  return {.epochs = options.epochs,
          .batches = options.batches,
          .seed = options.seed,
          .validation_fraction = options.validation_fraction,
          .clip_norm = options.clip_norm,
          .truncation = options.truncation,
          .threads = options.threads,
          .shard = options.shard,
          .evaluation_batch = options.evaluation_batch};
}

/// Checks that a lazy run has the bits of the run in memory.
template <class Loss>
void check_fit(bool pools, const Loss& loss, const Data& data, FitOptions<float> options,
               const Data* validation = nullptr) {
  options.validation = validation;
  Run expected{model_of(pools)};
  expected(loss, data, options);
  for (const Index prefetch : {0, 1, 3}) {
    auto other = lazily(options);
    std::optional<Lazy> held_out;
    if (validation != nullptr) other.validation = &held_out.emplace(lazy(*validation, prefetch));
    Run run{model_of(pools)};
    run(loss, lazy(data, prefetch), other);
    check_same(expected, run);
  }
}

using ClassLoss = SoftmaxCrossEntropy<float>;

void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

}  // namespace

TEST_CASE("fit: a lazy data set gives the bits of the data in memory") {
  const Data data = classes(17), other = classes(6), steps = tagged(13);
  SECTION("classes, weights, validation data") {
    check_fit(true, ClassLoss(), data, {.epochs = 3, .batches = {.size = 5}, .clip_norm = 1}, &other);
  }
  SECTION("a part of the data for validation, threads, shards") {
    for (const int threads : {1, 3})
      check_fit(true, ClassLoss(), data,
                {.epochs = 3,
                 .batches = {.size = 6},
                 .validation_fraction = 0.3,
                 .threads = threads,
                 .shard = 2,
                 .evaluation_batch = 2});
  }
  SECTION("masks, truncation, batches by length") {
    check_fit(false, ClassLoss(), steps,
              {.epochs = 2, .batches = {.size = 4, .by_length = true, .pool = 6}, .truncation = {.update_every = 3}},
              &steps);
  }
  SECTION("batches by steps, a window") {
    check_fit(false, ClassLoss(), steps, {.epochs = 2, .batches = {.size = 4, .tokens = 12, .window = 5}});
  }
  SECTION("regression with missing numbers") {
    const Data values = numbers(13);
    check_fit(false, MeanSquaredError<float>(), values, {.epochs = 2, .batches = {.size = 4}, .threads = 2}, &values);
  }
  SECTION("label sequences") {
    const Data labels = transcripts(7);
    check_fit(false, CtcLoss<float>(), labels, {.epochs = 2, .batches = {.size = 3}}, &labels);
  }
}

TEST_CASE("fit: a lazy run stopped after any batch continues with the same bits, also in memory") {
  const Data data = classes(17), other = classes(6);
  const Lazy read = lazy(data), read_other = lazy(other);
  FitOptions<float> in_memory{.epochs = 3, .batches = {.size = 5, .window = 8}, .clip_norm = 1};
  auto options = lazily(in_memory);
  in_memory.validation = &other, options.validation = &read_other;
  Run expected{model_of(true)};
  expected(ClassLoss(), data, in_memory);
  const Index batches = expected.state.updates;
  REQUIRE(batches == 12);
  for (Index stop = 1; stop < batches; ++stop) {
    Run run{model_of(true)};
    auto stopping = options;
    Index done = 0;
    stopping.on_batch = [&](const BatchEnd&) { return ++done < stop; };
    run(ClassLoss(), read, stopping);
    REQUIRE(run.state.updates == stop);
    Run again = run.copy();
    run(ClassLoss(), read, options);
    check_same(expected, run);
    again(ClassLoss(), data, in_memory);
    check_same(expected, again);
  }
}

TEST_CASE("evaluate: a lazy data set gives the bits of the data in memory for any batch and thread") {
  const auto check = [](bool pools, const auto& loss, const Data& data) {
    const Model model = model_of(pools);
    const Evaluation expected = evaluate(model, data, loss);
    const auto outputs = predict(model, data);
    for (const Index prefetch : {0, 2})
      for (const Index size : {1, 3, 100})
        for (const int threads : {1, 3}) {
          const EvaluateOptions options{.batch_size = size, .threads = threads};
          const Evaluation result = evaluate(model, lazy(data, prefetch, false), loss, options);
          CHECK(result.loss.sum == expected.loss.sum);
          CHECK(result.loss.count == expected.loss.count);
          CHECK(result.hits.correct == expected.hits.correct);
          CHECK(result.hits.scored == expected.hits.scored);
          const auto all = predict(model, lazy(data, prefetch, false), options);
          REQUIRE(all.size() == outputs.size());
          for (std::size_t s = 0; s < all.size(); ++s) CHECK(all[s] == outputs[s]);
        }
  };
  check(true, ClassLoss(), classes(17));
  check(false, ClassLoss(), tagged(13));
  check(false, MeanSquaredError<float>(), numbers(13));
  check(false, CtcLoss<float>(), transcripts(7));
  CHECK_THROWS_MATCHES(evaluate(model_of(true), lazy(classes(5)), ClassLoss(), {.batch_size = 0}), ValueError,
                       says("evaluation: batch_size must be at least 1 sequence, got 0"));
}

TEST_CASE("fit: an error of reading has the sample, leaves the last state and ends the thread") {
  const Data data = classes(17);
  std::atomic<Index> calls = 0;
  Index fail_at = -1;
  const Lazy read(17, [&](Index s) {
    if (++calls > 30 && s == fail_at) throw FileError("part3.csv: line 9: 'x' is no number");
    return data.subset(std::vector{s});
  });
  fail_at = 11;  // of the second epoch
  Run run{model_of(true)};
  auto options = lazily({.epochs = 9, .batches = {.size = 2}});
  Adam<float> saved = run.optimizer;
  options.on_checkpoint = [&] { saved = run.optimizer; };
  CHECK_THROWS_MATCHES(run(ClassLoss(), read, options), FileError,
                       says("lazy data set: sample 11: part3.csv: line 9: 'x' is no number"));
  CHECK(run.state.epochs == 1);
  const Index after = calls;
  wait();
  CHECK(calls == after);
  fail_at = -1;
  run.optimizer = saved;
  run(ClassLoss(), read, options);
  Run whole{model_of(true)};
  whole(ClassLoss(), data, {.epochs = 9, .batches = {.size = 2}});
  check_same(whole, run);
}

TEST_CASE("fit: each lazy sample is checked against model and loss before the update of its batch") {
  const Data data = tagged(12);
  const auto with = [&](const Data& other) {
    return Lazy(12, [&data, other](Index s) { return s == 7 ? other : data.subset(std::vector{s}); });
  };
  const auto refused = [&](const Data& other, const std::string& message) {
    Run run{model_of(false)};
    const VectorX<float> before = run.model.parameters().values();
    const Lazy read = with(other);
    CHECK_THROWS_MATCHES(run(ClassLoss(), read, lazily({.batches = {.size = 12}})), ShapeError, says(message));
    CHECK(run.model.parameters().values() == before);
    CHECK_THROWS_MATCHES(evaluate(run.model, read, ClassLoss()), ShapeError, says("sample 7: "));
  };
  refused(Data::step_labelled({noise(2, 3, 1)}, {Labels::Zero(4)}, 3),
          "fit: the data set, sample 7: the targets must have 3 steps, as the outputs for 3 steps, got 4");
  refused(Data::step_labelled({noise(2, 3, 1)}, {Labels::Zero(3)}, 4), "lazy data set: sample 7: data set: classes");
}

TEST_CASE("fit: refuses lazy data before training when model, loss or options do not match") {
  const Data data = classes(8);
  const auto refused = [&](const Lazy& read, bool pools, const FitOptions<float, Lazy>& options,
                           const std::string& message) {
    Run run{model_of(pools)};
    CHECK_THROWS_MATCHES(run(ClassLoss(), read, options), Error, says(message));
    CHECK(run.state.updates == 0);
  };
  const Lazy read = lazy(data, 2, false);
  refused(read, true, {.batches = {.by_length = true}}, "need LazyOptions::lengths");
  refused(read, true, {.batches = {.tokens = 100}}, "need LazyOptions::lengths");
  refused(lazy(data), true, {.batches = {.tokens = 3}}, "must have at most 3 steps, the limit `tokens`, got");
  refused(read, false, {}, "fit: the model must give one output for each sequence");
  const Data wide = Data::labelled({noise(3, 2, 0)}, {1}, 3), many = Data::labelled({noise(2, 2, 0)}, {1}, 4);
  refused(lazy(wide), true, {}, "the data set must have 2 features per step, as the model, got 3");
  refused(lazy(many), true, {}, "must have at most 3 classes, the outputs of the model, got 4");
  const Lazy other = lazy(wide);
  refused(read, true, {.validation = &other}, "the validation data set must have 2 features");
}

TEST_CASE("fit: a callback may stop a lazy run or evaluate the data that the thread reads") {
  const Data data = classes(40);
  std::atomic<Index> calls = 0;
  const Lazy read(40, [&](Index s) { return ++calls, data.subset(std::vector{s}); });
  Run run{model_of(true)};
  auto options = lazily({.epochs = 5, .batches = {.size = 2}});
  std::vector<double> losses;
  options.on_batch = [&](const BatchEnd& end) {
    losses.push_back(evaluate(run.model, read, ClassLoss(), {.batch_size = 7}).loss.value());
    CHECK(losses.back() == evaluate(run.model, data, ClassLoss()).loss.value());
    return end.batch < 2;
  };
  run(ClassLoss(), read, options);
  CHECK(losses.size() == 3);
  const Index after = calls;
  wait();
  CHECK(calls == after);
}

TEST_CASE("fit: a lazy data set has the memory of some batches") {
  constexpr Index samples = 400, steps = 1000, bytes = samples * steps * 2 * Index(sizeof(float));
  const Lazy read(
      samples, [](Index s) { return Data::labelled({MatrixX<float>::Constant(2, steps, float(s % 2))}, {s % 3}, 3); });
  Model model(2, {MeanOverTime{}, Dense{.units = 3}});
  model.initialise(1);
  Adam<float> adam({.learning_rate = 0.01});
  const support::MemoryPeak peak;
  fit(model, ClassLoss(), adam, read,
      {.epochs = 1,
       .batches = {.size = 2},
       .validation_fraction = 0.5,
       .threads = 1,
       .evaluation_batch = 2,
       .progress = Progress::quiet});
  const std::size_t most = peak.bytes();
  CHECK(most < std::size_t(bytes) / 4);
}

}  // namespace test_fit_lazy
