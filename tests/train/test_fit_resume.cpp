// Runs that are stopped after any batch or epoch and resumed from a file have the bits of an uninterrupted run.

#include <chrono>
#include <map>
#include <thread>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/checkpoint.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/fit.hpp>

#include "models/seq2seq_run.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_fit_resume {

using namespace unroll;

namespace {

using Loss = SoftmaxCrossEntropy<float>;
using Bits = std::map<std::string, std::string, std::less<>>;

/// Visitor that collects all values except durations.
struct Collect {
  Bits& bits;

  template <class T>
  void operator()(std::string_view name, const T& value) const {
    if (name == "partial.seconds") return;
    std::string& all = bits[std::string(name)];
    if constexpr (std::is_same_v<T, std::string>) {
      all = value;
    } else if constexpr (std::is_arithmetic_v<T>) {
      all.assign(reinterpret_cast<const char*>(&value), sizeof value);
    } else {
      for (Index k = 0; k < value.size(); ++k)
        if (name != "history" || k % 8 != 7) all.append(reinterpret_cast<const char*>(&value[k]), sizeof value[k]);
    }
  }
};

/// Model, optimizer and state of a run.
template <class Model, class O, class Data>
struct Run {
  using Options = FitOptions<float, Data>;

  Model model;
  O optimizer;
  TrainingState<float> state{};
  FitResult result{};

  template <class L>
  void operator()(const L& loss, const Data& data, Options options) {
    options.progress = Progress::quiet;
    result = fit(model, loss, optimizer, data, options, state);
  }
  Bits bits() {
    Bits all;
    state.visit_state(Collect{all});
    optimizer.visit_state(Collect{all});
    Collect{all}("model", model.parameters().values());
    return all;
  }
};

/// Names of the values that differ.
std::string differences(const Bits& one, const Bits& other) {
  std::string names = one.size() == other.size() ? "" : "number ";
  for (const auto& [name, value] : one)
    if (!other.contains(name) || other.at(name) != value) names += name + " ";
  return names;
}

/// Checks that a run resumed from any checkpoint, at any batch and end of an epoch, ends with the bits of a run without
/// stops. `make(seed)` returns a Run.
template <class Make, class Data>
void check_resumption(const Make& make, const Data& data, FitOptions<float, Data> options) {
  const support::TemporaryFolder folder;
  const auto file = [&](Index k) { return folder.path / text(k, ".safetensors"); };
  auto whole = make(1);
  whole(Loss(), data, options);
  const Bits want = whole.bits();

  auto saved = options;
  auto run = make(1);
  Index files = 0, batches = 0;
  saved.on_batch = [&](const BatchEnd&) { return ++batches > 0; };
  saved.on_checkpoint = [&] { write_checkpoint(file(files++), run.state, run.optimizer); };
  saved.checkpoint_seconds = 0;
  run(Loss(), data, saved);
  CHECK(differences(want, run.bits()) == "");
  REQUIRE(files == batches + Index(run.result.history.size()));

  for (Index k = 0; k < files; ++k) {
    INFO("checkpoint " << k << " of " << files);
    auto resumed = make(2);
    read_checkpoint(file(k), resumed.state, resumed.optimizer);
    resumed(Loss(), data, options);
    CHECK(differences(want, resumed.bits()) == "");
    CHECK(resumed.result.best_epoch == whole.result.best_epoch);
    CHECK(resumed.result.stopped_early == whole.result.stopped_early);
  }

  // Stopped after every batch and every epoch.
  auto stopping = options;
  const auto write = [&](auto& from) { write_checkpoint(file(0), from.state, from.optimizer); };
  Index stops = 0;
  for (bool ended = false; !ended; ++stops) {
    auto part = make(stops == 0 ? 1 : 3);
    if (stops > 0) read_checkpoint(file(0), part.state, part.optimizer);
    Index saves = 0;
    stopping.on_batch = [](const BatchEnd&) { return false; };
    stopping.on_epoch = [](const Epoch&) { return false; };
    stopping.on_checkpoint = [&] { ++saves, write(part); };
    part(Loss(), data, stopping);
    ended = saves == 0;
    if (!ended) REQUIRE(saves == 1);
    if (ended) CHECK(differences(want, part.bits()) == "");
    REQUIRE(stops <= files);
  }
  CHECK(stops == files + 1);
}

// ---- data sets

MatrixX<float> noise(Index rows, Index cols, Index s) {
  const Random random(5, Purpose::data, std::uint64_t(s));
  return MatrixX<float>::NullaryExpr(
      rows, cols, [&](Index r, Index c) { return float(random.normal(std::uint64_t(rows * c + r))); });
}

Dataset<float> classes(Index count) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < count; ++s) sequences.push_back(noise(2, 2 + 5 * s % 7, s)), labels.push_back(s % 3);
  return Dataset<float>::labelled(sequences, labels);
}

Dataset<float> tagged(Index count) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (Index s = 0; s < count; ++s) {
    sequences.push_back(noise(2, 2 + 5 * s % 7, s));
    labels.push_back(Labels::NullaryExpr(sequences.back().cols(), [&](Index t) { return (s + t) % 4 - 1; }));
  }
  return Dataset<float>::step_labelled(sequences, labels, 3);
}

TokenStreams<float> stream_text(Index count, const StreamOptions& options) {
  const Random random(4, Purpose::data);
  std::vector<Index> tokens;
  for (Index k = 0; k < count; ++k) tokens.push_back(random.below(std::uint64_t(k), 7));
  return {tokens, 7, options};
}

SequencePairs<float> some_pairs(Index count) {
  std::vector<std::pair<Index, Index>> lengths;
  for (Index k = 0; k < count; ++k) lengths.emplace_back(1 + k % 5, k % 4);
  return seq2seq_run::pairs<float>(lengths, seq2seq_run::special_tokens);
}

// ---- models

template <class Data, class O = Adam<float>>
Run<Stack<float>, O, Data> stack_run(Index features, std::vector<AnyLayer<float>> layers, std::uint64_t seed,
                                     O optimizer = O({.learning_rate = 0.02})) {
  Stack<float> model(features, std::move(layers));
  model.initialise(seed);
  return {std::move(model), std::move(optimizer)};
}

const auto classifier = [](std::uint64_t seed) {
  return stack_run<Dataset<float>>(
      2, {Recurrent<Gru>{.units = 4}, Dropout{.rate = 0.2}, MeanOverTime{}, Dense{.units = 3}}, seed);
};
const auto tagger = [](std::uint64_t seed) {
  return stack_run<Dataset<float>>(2, {Recurrent<Lstm>{.units = 4}, Dropout{.rate = 0.2}, Dense{.units = 3}}, seed);
};
const auto normalised = [](std::uint64_t seed) {
  return stack_run<Dataset<float>, SGD<float>>(
      2, {BatchNorm{.momentum = 0.5}, Dense{.units = 4}, BatchNorm{.momentum = {}}, Dense{.units = 3}}, seed,
      SGD<float>({.learning_rate = 0.05, .momentum = 0.9}));
};
const auto language = [](std::uint64_t seed) {
  return stack_run<TokenStreams<float>>(
      1,
      {Embedding{.size = 7, .dimension = 3}, Conv1d{.units = 3, .kernel = 2, .padding = causal()},
       Recurrent<Lstm>{.units = 4}, Dropout{.rate = 0.2}, Recurrent<Gru>{.units = 3}, Dense{.units = 7}},
      seed);
};

struct Translation {
  Sequential<float, Embedding, Recurrent<Gru>> reader{1, Embedding{.size = seq2seq_run::letters, .dimension = 3},
                                                      Recurrent<Gru>{.units = 4}};
  using Model = Seq2Seq<decltype(reader), Gru<float>>;

  Run<Model, Adam<float>, SequencePairs<float>> operator()(std::uint64_t seed) const {
    Model model(reader, {.vocabulary = seq2seq_run::words, .embedding = 3, .units = 4});
    model.initialise(seed);
    return {std::move(model), Adam<float>({.learning_rate = 0.02})};
  }
};

const schedule::Step halving{.initial = 0.1, .every = 1, .factor = 0.5};
const schedule::Cosine falling{.initial = 0.1, .half_period = 20};

}  // namespace

TEST_CASE("fit: a run of sequences resumed after any batch has the same bits") {
  FitOptions<float> options{.epochs = 3, .batches = {.size = 5}, .clip_norm = 1};
  const auto data = classes(17), other = classes(6);
  SECTION("plateau, early stopping, average, part of the data for validation") {
    options.validation_fraction = 0.3;
    options.plateau = PlateauOptions{.initial = 0.02, .patience = 0, .threshold = 0.5};
    options.early_stopping = EarlyStopping{.patience = 5};
    options.average = WeightAverageOptions{.momentum = 0.8};
    check_resumption(classifier, data, options);
  }
  SECTION("run that early stopping ends, accuracies") {
    options.epochs = 6;
    options.validation = &other;
    options.plateau = PlateauOptions{.initial = 0.02, .patience = 0};
    options.plateau_monitor = Monitor::training_accuracy;
    options.early_stopping = EarlyStopping{.patience = 2, .min_delta = 0.4, .monitor = Monitor::validation_accuracy};
    check_resumption(classifier, data, options);
  }
  SECTION("rate per epoch, batches by length") {
    options.batches = {.size = 4, .by_length = true, .pool = 2};
    options.learning_rate = halving;
    check_resumption(classifier, data, options);
  }
  SECTION("rate per update, parts, threads, truncation, batches by steps") {
    options.batches = {.tokens = 24};
    options.learning_rate = {falling, LearningRate::per_update};
    options.truncation = {.update_every = 3, .back = 4};
    options.threads = 2;
    options.shard = 2;
    options.clip_value = 0.05;
    options.average = WeightAverageOptions{.momentum = 0.8};
    check_resumption(tagger, tagged(13), options);
  }
  SECTION("batch norm, momentum") {
    options.average = WeightAverageOptions{.momentum = 0.8};
    const auto steps = tagged(6);
    options.validation = &steps;
    check_resumption(normalised, tagged(13), options);
  }
}

TEST_CASE("fit: a run of pairs resumed after any batch has the same bits") {
  FitOptions<float, SequencePairs<float>> options{.epochs = 3, .batches = {.size = 4}, .clip_norm = 1};
  const auto data = some_pairs(13);
  SECTION("teacher forcing, early stopping") {
    options.validation_fraction = 0.3;
    options.early_stopping = EarlyStopping{.patience = 3};
    check_resumption(Translation(), data, options);
  }
  SECTION("scheduled sampling, rate per update, average") {
    options.teacher = [](long update) { return 0.3 + 0.6 / (1 + double(update)); };
    options.learning_rate = {falling, LearningRate::per_update};
    options.average = WeightAverageOptions{.momentum = 0.8};
    options.shard = 2;
    check_resumption(Translation(), data, options);
  }
}

TEST_CASE("fit: a run of streams resumed after any window has the same bits") {
  FitOptions<float, TokenStreams<float>> options{.epochs = 3, .clip_norm = 1};
  const auto other = stream_text(40, {.streams = 1, .tail = Tail::keep});
  SECTION("plateau, early stopping, average, validation") {
    options.validation = &other;
    options.plateau = PlateauOptions{.initial = 0.02, .patience = 0, .threshold = 0.5};
    options.early_stopping = EarlyStopping{.patience = 5};
    options.average = WeightAverageOptions{.momentum = 0.8};
    check_resumption(language, stream_text(100, {.streams = 4, .steps = 6}), options);
  }
  SECTION("rate per update, parts, threads, truncation, streams of different lengths") {
    options.learning_rate = {falling, LearningRate::per_update};
    options.truncation = {.update_every = 3, .back = 4};
    options.threads = 2;
    options.shard = 2;
    check_resumption(language, stream_text(60, {.streams = 5, .steps = 4, .tail = Tail::keep}), options);
  }
  SECTION("streams without tokens") {
    options.shard = 1;
    check_resumption(language, stream_text(6, {.streams = 4, .steps = 1, .tail = Tail::keep}), options);
  }
}

TEST_CASE("fit: on_checkpoint is called after on_epoch, and when a callback stops the run") {
  const auto data = classes(12);
  std::string calls;
  auto run = classifier(1);
  FitOptions<float> options{.epochs = 2,
                            .batches = {.size = 6},
                            .on_batch =
                                [&](const BatchEnd&) {
                                  calls += 'b';
                                  return true;
                                },
                            .on_epoch =
                                [&](const Epoch&) {
                                  calls += 'e';
                                  return true;
                                },
                            .on_checkpoint = [&] { calls += text("(", run.state.updates, ")"); }};
  run(Loss(), data, options);
  CHECK(calls == "bbe(2)bbe(4)");
  options.checkpoint_seconds = 1e9, options.epochs = 3;
  run(Loss(), data, options);
  CHECK(calls == "bbe(2)bbe(4)bbe(6)");
  options.checkpoint_seconds = 0, options.epochs = 4, calls.clear();
  run(Loss(), data, options);
  CHECK(calls == "b(7)b(8)e(8)");
  options.epochs = 9, calls.clear();
  options.on_epoch = [](const Epoch& epoch) { return epoch.epoch < 5; };
  run(Loss(), data, options);
  CHECK(calls == "b(9)b(10)(10)");
  CHECK(run.state.partial.batches == 0);
  options.on_batch = [](const BatchEnd&) { return false; }, calls.clear();
  run(Loss(), data, options);
  CHECK(calls == "(11)");
  CHECK(run.state.partial.batches == 1);
  CHECK(run.result.history.size() == 5);
}

TEST_CASE("fit: on_checkpoint is called within epochs when checkpoint_seconds have passed since the last call") {
  using Clock = std::chrono::steady_clock;
  auto run = classifier(1);
  auto last = Clock::now();
  Index within = 0;
  run(Loss(), classes(12),
      {.epochs = 2,
       .batches = {.size = 3},
       .on_batch =
           [&](const BatchEnd&) {
             std::this_thread::sleep_for(std::chrono::milliseconds(15));
             return true;
           },
       .on_checkpoint =
           [&] {
             const auto now = Clock::now();
             if (run.state.partial.batches > 0) {
               ++within;
               CHECK(now - last >= std::chrono::milliseconds(20));
             }
             last = now;
           },
       .checkpoint_seconds = 0.021});
  CHECK(within >= 2);
}

TEST_CASE("fit: seconds of an epoch include those before a stop") {
  const auto data = classes(12);
  auto run = classifier(1);
  FitOptions<float> options{.epochs = 1, .batches = {.size = 6}, .on_batch = [&](const BatchEnd&) {
                              std::this_thread::sleep_for(std::chrono::milliseconds(20));
                              return false;
                            }};
  run(Loss(), data, options);
  CHECK(run.state.partial.seconds >= 0.02);
  run(Loss(), data, options);
  options.on_batch = {};
  run(Loss(), data, options);
  REQUIRE(run.result.history.size() == 1);
  CHECK(run.result.history[0].seconds >= 0.04);
}

TEST_CASE("fit: the state changes only when it is complete") {
  const auto data = classes(12);
  auto run = classifier(1);
  Bits before;
  run(Loss(), data,
      {.epochs = 3,
       .batches = {.size = 4},
       .validation = &data,
       .plateau = PlateauOptions{.initial = 0.02, .patience = 0},
       .early_stopping = EarlyStopping{},
       .average = WeightAverageOptions{.momentum = 0.8},
       .on_batch =
           [&](const BatchEnd& end) {
             Bits now;
             run.state.visit_state(Collect{now});
             if (end.epoch > 0) CHECK(differences(before, now) == "");
             return true;
           },
       .on_checkpoint =
           [&] {
             before.clear();
             run.state.visit_state(Collect{before});
           }});
}

TEST_CASE("fit: an exception within an epoch leaves the state of the last checkpoint") {
  const auto data = classes(12);
  auto run = classifier(1);
  Bits saved;
  FitOptions<float> options{.epochs = 2, .batches = {.size = 4}, .on_checkpoint = [&] {
                              saved.clear();
                              run.state.visit_state(Collect{saved});
                            }};
  options.checkpoint_seconds = 0;
  options.learning_rate = {schedule::lambda(1, [](long update) { return update < 4 ? 0.01 : 3e38; }),
                           LearningRate::per_update};
  CHECK_THROWS_AS(run(Loss(), data, options), NonFiniteError);
  Bits now;
  run.state.visit_state(Collect{now});
  CHECK(differences(saved, now) == "");
  CHECK(run.state.updates >= 4);
  CHECK(run.state.parameters.allFinite());
}

TEST_CASE("fit: refuses to resume within an epoch with other batches or states before anything changes") {
  const auto sequences = classes(12);
  const auto streams = stream_text(100, {.streams = 4, .steps = 6});
  const auto refused = [](auto run, const auto& data, const auto& options, const std::string& part) {
    const Bits before = run.bits();
    CHECK_THROWS_MATCHES(run(Loss(), data, options), Error, says(part));
    CHECK(differences(before, run.bits()) == "");
  };
  FitOptions<float> options{.batches = {.size = 4}, .on_batch = [](const BatchEnd& end) { return end.batch < 1; }};
  auto run = classifier(1);
  run(Loss(), sequences, options);
  REQUIRE(run.state.partial.batches == 2);
  auto changed = options;
  changed.batches.size = 3;
  refused(run, sequences, changed, "the epoch must have 3 batches, as in the state, got 4");
  run.state.partial.batches = 4;
  refused(run, sequences, options, "partial.batches of the state must be 0 to 3, got 4");
  run.state.partial.batches = 2, run.state.partial.carried.setZero(5);
  refused(run, sequences, options, "the state must have no carried states for these data, got 5 numbers");

  FitOptions<float, TokenStreams<float>> windows{.on_batch = [](const BatchEnd&) { return false; }};
  auto reader = language(1);
  reader(Loss(), streams, windows);
  const Index numbers = reader.state.partial.carried.size();
  CHECK(numbers == 4 * (3 + 2 * 4 + 3));
  refused(reader, stream_text(100, {.streams = 2, .steps = 12}), windows, "the training data must have 16 sequences");
  for (const Index bad : {Index(0), numbers - 1, numbers + 4}) {
    reader.state.partial.carried.setZero(bad);
    refused(reader, streams, windows,
            text("the carried states of the state must have 56 numbers, for 4 streams of the model, got ", bad));
  }
}

}  // namespace test_fit_resume
