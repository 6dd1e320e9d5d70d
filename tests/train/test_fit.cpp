#include <map>
#include <unroll/cells/gru.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "support/catch.hpp"

namespace test_fit {

using namespace unroll;

namespace {

using Model =
    decltype(Sequential(2, Recurrent<Gru>{.units = 6}, Dropout{.rate = 0.1}, MeanOverTime{}, Dense{.units = 3}));
using Loss = SoftmaxCrossEntropy<float>;

/// Data set of three classes that differ in the mean of their two features.
Dataset<float> classes(Index count, std::uint64_t seed = 1) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < count; ++s) {
    const Random random(seed, Purpose::data, std::uint64_t(s));
    const auto noise = [&](Index r, Index t) { return float(random.normal(std::uint64_t(2 * t + r))); };
    labels.push_back(s % 3);
    sequences.push_back(MatrixX<float>::NullaryExpr(2, 3 + s % 6, noise));
    sequences.back().row(0).array() += float(s % 3);
    sequences.back().row(1).array() -= float(s % 3);
  }
  return Dataset<float>::labelled(sequences, labels);
}

struct Run {
  Model model{2, Recurrent<Gru>{.units = 6}, Dropout{.rate = 0.1}, MeanOverTime{}, Dense{.units = 3}};
  Adam<float> adam{{.learning_rate = 1e-2}};
  TrainingState<float> state{};
  Run() { model.initialise(1); }

  FitResult operator()(const Dataset<float>& data, FitOptions<float> options) {
    options.progress = Progress::quiet;
    return fit(model, Loss(), adam, data, options, state);
  }
  const VectorX<float>& theta() const { return model.parameters().values(); }
};

}  // namespace

TEST_CASE("fit: learns and its history has training and validation values") {
  Run run;
  const auto data = classes(90), other = classes(60, 2);
  const auto result = run(data, {.epochs = 25, .batches = {.size = 10}, .validation = &other, .clip_norm = 1});
  REQUIRE(result.history.size() == 25);
  CHECK(result.history.back().loss < 0.6 * result.history.front().loss);
  CHECK(result.history.back().validation_accuracy > 0.8);
  const auto after = evaluate(run.model, other, Loss());
  CHECK(after.loss.value() == result.history.back().validation_loss);
  CHECK(after.hits.value() == result.history.back().validation_accuracy);
  CHECK(after.hits.scored == 60);
  CHECK(result.history.back().learning_rate == 1e-2);
  CHECK(!result.stopped_early);
}

TEST_CASE("fit: the loss of an epoch is the sum of losses over the sum of counts") {
  Run run;
  const auto data = classes(7);
  run.adam.learning_rate() = 1e-30;
  LossValue sum;
  const auto result = run(data, {.epochs = 1, .batches = {.size = 3}, .on_batch = [&](const BatchEnd& end) {
                                   sum += end.report.loss;
                                   return true;
                                 }});
  CHECK(sum.scored == 7);
  CHECK(result.history[0].loss == sum.sum / sum.count);
}

TEST_CASE("fit: evaluation and prediction have the same bits for any batch size") {
  Run run;
  const auto data = classes(23);
  const auto one = predict(run.model, data, {.batch_size = 1}), many = predict(run.model, data, {.batch_size = 23});
  REQUIRE(one.size() == 23);
  for (std::size_t s = 0; s < one.size(); ++s) CHECK(one[s] == many[s]);
  const auto want = evaluate(run.model, data, Loss(), {.batch_size = 1}).loss.sum;
  CHECK(evaluate(run.model, data, Loss(), {.batch_size = 4}).loss.sum == want);
  CHECK(evaluate(run.model, data, Loss(), {.batch_size = 23}).loss.sum == want);
  CHECK_THROWS_MATCHES(predict(run.model, data, {.batch_size = 0}), ValueError,
                       says("batch_size must be at least 1 sequence, got 0"));
}

TEST_CASE("fit: early stopping waits, stops and restores the best parameters") {
  Run run;
  const auto data = classes(30);
  std::vector<VectorX<float>> seen;
  const auto result = run(data, {.epochs = 60,
                                 .validation_fraction = 0.3,
                                 .early_stopping = EarlyStopping{.patience = 2, .min_delta = 0.05},
                                 .on_epoch = [&](const Epoch&) {
                                   seen.push_back(run.theta());
                                   return true;
                                 }});
  REQUIRE(result.stopped_early);
  CHECK(Index(result.history.size()) == result.best_epoch + 2);
  CHECK(run.theta() == seen[std::size_t(result.best_epoch - 1)]);
  CHECK(run.theta() != seen.back());
}

TEST_CASE("fit: early stopping ignores an improvement of at most min_delta") {
  const auto data = classes(30);
  // Expected best epoch and last epoch for this min_delta.
  const auto expected = [](const History& history, double min_delta) {
    std::pair<Index, Index> best_and_last{1, 1};
    auto& [best, last] = best_and_last;
    for (; last < Index(history.size()) && last - best < 3; ++last)
      if (history[std::size_t(last)].loss < history[std::size_t(best - 1)].loss - min_delta) best = last + 1;
    return best_and_last;
  };
  FitOptions<float> options{.epochs = 40,
                            .batches = {.size = 5},
                            .early_stopping = EarlyStopping{.patience = 3, .monitor = Monitor::training_loss}};
  const auto all = Run()(data, {.epochs = 40, .batches = {.size = 5}}).history;
  for (const double min_delta : {0.0, 0.03, -0.03}) {
    options.early_stopping->min_delta = min_delta;
    const auto result = Run()(data, options);
    CHECK(std::pair(result.best_epoch, Index(result.history.size())) == expected(all, std::abs(min_delta)));
  }
  CHECK(expected(all, 0.03) != expected(all, 0));
}

TEST_CASE("fit: the last parameters remain unless restore_best is set") {
  const auto data = classes(30), other = classes(20, 2);
  for (const bool averaged : {false, true}) {
    FitOptions<float> options{.epochs = 60,
                              .batches = {.size = 5},
                              .validation = &other,
                              .early_stopping = EarlyStopping{.patience = 2, .min_delta = 0.05, .restore_best = false}};
    if (averaged) options.average = WeightAverageOptions{.momentum = 0.5};
    Run last, best;
    std::vector<VectorX<float>> seen;
    options.on_epoch = [&](const Epoch&) {
      seen.push_back(averaged ? last.state.average.average() : last.theta());
      return true;
    };
    const auto result = last(data, options);
    REQUIRE(result.stopped_early);
    REQUIRE(result.best_epoch > 1);  // the first average equals the parameters
    REQUIRE(result.best_epoch + 2 == Index(seen.size()));
    CHECK(last.theta() == seen.back());
    CHECK(last.state.best.size() == 0);
    options.early_stopping->restore_best = true;
    options.on_epoch = {};
    best(data, options);
    CHECK(best.theta() == seen[std::size_t(result.best_epoch - 1)]);
    CHECK(best.theta() != last.theta());
  }
}

TEST_CASE("fit: a non-finite value is never the best") {
  auto other = classes(3);
  other.set_weights({1e308, 1e308, 1e308});  // the sum of their losses is infinite
  const auto result =
      Run()(classes(12), {.epochs = 9, .validation = &other, .early_stopping = EarlyStopping{.patience = 2}});
  REQUIRE(!is_finite(result.history[0].validation_loss));
  CHECK(result.best_epoch == 0);
  CHECK(result.history.size() == 2);
}

TEST_CASE("fit: the gradient norm of an epoch is the largest of its batches") {
  std::vector<double> norms;
  bool last_is_largest = true;
  const auto check = [&](const Epoch& epoch) {
    CHECK(epoch.gradient_norm == *std::max_element(norms.begin(), norms.end()));
    last_is_largest = last_is_largest && norms.back() == epoch.gradient_norm;
    norms.clear();
    return true;
  };
  const auto note = [&](const BatchEnd& end) {
    norms.push_back(end.report.gradient_norm);
    return true;
  };
  Run()(classes(30), {.epochs = 4, .batches = {.size = 4}, .on_batch = note, .on_epoch = check});
  CHECK_FALSE(last_is_largest);
}

TEST_CASE("fit: a plateau of an accuracy treats larger values as better") {
  const auto data = classes(60), other = classes(30, 2);
  for (const Monitor monitor : {Monitor::training_accuracy, Monitor::validation_accuracy})
    for (const Better better : {Better::smaller, Better::larger}) {
      Run run;
      const PlateauOptions options{.initial = 1e-2, .factor = 0.5, .patience = 1, .better = better, .threshold = 0.02};
      const auto history = run(data, {.epochs = 15,
                                      .batches = {.size = 10},
                                      .validation = &other,
                                      .plateau = options,
                                      .plateau_monitor = monitor})
                               .history;
      PlateauOptions rising = options;
      rising.better = Better::larger;
      Plateau want(rising);
      for (const Epoch& epoch : history) {
        CHECK(epoch.learning_rate == want.rate());
        want.update(monitor == Monitor::training_accuracy ? epoch.accuracy : epoch.validation_accuracy);
      }
      CHECK(history.back().accuracy > 0.8);
      CHECK(history[4].learning_rate == 1e-2);  // no reduction while the accuracy rises
    }
  CHECK_THROWS_MATCHES(
      Run()(data, {.plateau = PlateauOptions{.better = Better::larger}, .plateau_monitor = Monitor::training_loss}),
      ValueError, says("better of plateau must be Better::smaller for a loss"));
}

TEST_CASE("fit: early stopping by accuracy keeps the largest") {
  const auto data = classes(30), other = classes(30, 2);
  Run run;
  std::vector<VectorX<float>> seen;
  const auto result =
      run(data, {.epochs = 12,
                 .validation = &other,
                 .early_stopping = EarlyStopping{.patience = 12, .monitor = Monitor::validation_accuracy},
                 .on_epoch = [&](const Epoch&) {
                   seen.push_back(run.theta());
                   return true;
                 }});
  std::size_t best = 0;
  for (std::size_t k = 0; k < result.history.size(); ++k)
    if (result.history[k].validation_accuracy > result.history[best].validation_accuracy) best = k;
  REQUIRE(best > 0);
  CHECK(result.best_epoch == Index(best) + 1);
  CHECK(run.theta() == seen[best]);
  CHECK(run.state.best_value == result.history[best].validation_accuracy);
}

TEST_CASE("fit: refuses to resume with another monitor, a plateau may be added") {
  const auto data = classes(12);
  const auto begun = [&](FitOptions<float> options) {
    Run run;
    options.epochs = 1;
    run(data, options);
    return run.state;
  };
  FitOptions<float> options{.epochs = 2,
                            .plateau = PlateauOptions{.initial = 1e-2},
                            .plateau_monitor = Monitor::training_loss,
                            .early_stopping = EarlyStopping{.monitor = Monitor::training_loss}};
  Run run, joined;
  run.state = begun(options);
  options.plateau_monitor = Monitor::training_accuracy;
  CHECK_THROWS_MATCHES(run(data, options), ValueError,
                       says("the monitor of plateau must be training_loss, as in the state, got training_accuracy"));
  options.plateau = {};
  options.early_stopping->monitor = Monitor::training_accuracy;
  CHECK_THROWS_MATCHES(run(data, options), ValueError, says("the monitor of early stopping must be training_loss"));
  joined.state = begun({});
  options.plateau = PlateauOptions{.initial = 0.125};
  CHECK(joined(data, options).history.back().learning_rate == 0.125);
}

TEST_CASE("fit: a function replaces the validation, stops early and resumes") {
  const auto data = classes(12);
  const std::vector<Index> correct{1, 3, 2, 2};
  std::size_t calls = 0;
  FitOptions<float> options{
      .epochs = 9,
      .validate =
          [&] {
            return Evaluation{{.sum = 8, .count = 4}, {.correct = correct.at(calls++), .scored = 4}};
          },
      .early_stopping = EarlyStopping{.patience = 2, .monitor = Monitor::validation_accuracy}};
  Run run, parts;
  const auto result = run(data, options);
  CHECK(result.stopped_early);
  CHECK(result.best_epoch == 2);
  REQUIRE(result.history.size() == 4);
  CHECK(result.history[1].validation_accuracy == 0.75);
  CHECK(result.history[1].validation_loss == 2);
  calls = 0;
  options.epochs = 3;
  parts(data, options);
  options.epochs = 9;
  CHECK(parts(data, options).best_epoch == 2);
  CHECK(parts.theta() == run.theta());
  options.validate = [] { return Evaluation{{.sum = 1, .count = 1}, {}}; };
  CHECK_FALSE(is_finite(Run()(data, {.epochs = 1, .validate = options.validate}).history[0].validation_accuracy));
}

TEST_CASE("fit: a constant value stops after patience epochs") {
  Run run;
  run.adam.learning_rate() = 1e-30;
  const auto result =
      run(classes(12), {.epochs = 9, .validation_fraction = 0.5, .early_stopping = EarlyStopping{.patience = 2}});
  CHECK(result.history.size() == 3);
  CHECK(result.best_epoch == 1);
}

TEST_CASE("fit: a stopped and resumed run has the same bits") {
  const auto data = classes(30);
  FitOptions<float> options{.epochs = 5,
                            .batches = {.size = 7},
                            .validation_fraction = 0.3,
                            .clip_norm = 1,
                            .plateau = PlateauOptions{.initial = 1e-2, .patience = 1, .threshold = 0.05},
                            .early_stopping = EarlyStopping{.patience = 4},
                            .average = WeightAverageOptions{.momentum = 0.9}};
  Run whole, parts;
  const auto want = whole(data, options);
  options.epochs = 2;
  parts(data, options);
  Run resumed;  // another model, with the saved state
  resumed.state = parts.state;
  resumed.adam = parts.adam;
  options.epochs = 5;
  const auto got = resumed(data, options);
  CHECK(resumed.theta() == whole.theta());
  CHECK(resumed.state.parameters == whole.state.parameters);
  REQUIRE(got.history.size() == 5);
  for (std::size_t k = 0; k < 5; ++k) {
    CHECK(got.history[k].loss == want.history[k].loss);
    CHECK(got.history[k].validation_loss == want.history[k].validation_loss);
    CHECK(got.history[k].learning_rate == want.history[k].learning_rate);
  }
  CHECK(whole.state.parameters != parts.state.parameters);
}

TEST_CASE("fit: refuses to resume with another seed, other data or another model") {
  const auto data = classes(12);
  Run run;
  run(data, {.epochs = 1});
  CHECK_THROWS_MATCHES(run(data, {.epochs = 2, .seed = 7}), ValueError, says("seed must be 1, as in the state, got 7"));
  CHECK_THROWS_MATCHES(run(classes(15), {.epochs = 2}), ValueError,
                       says("must have 12 sequences, as in the state, got 15"));
  run.state.parameter_names = "0.r.x";
  CHECK_THROWS_MATCHES(run(data, {.epochs = 2}), ShapeError, says("(0.r.x), as in the state, got"));
}

TEST_CASE("fit: refuses to resume with best or average parameters of another size") {
  const auto data = classes(12);
  for (const std::string_view part : {"best", "average.average"}) {
    Run run;
    const FitOptions<float> options{.epochs = 2, .average = WeightAverageOptions{}};
    run(data, {.epochs = 1, .average = WeightAverageOptions{}});
    run.state.visit_state([&](std::string_view name, auto& value) {
      if constexpr (std::is_same_v<decltype(value), VectorX<float>&>)
        if (name == part) value.setOnes(3);
    });
    CHECK_THROWS_MATCHES(run(data, options), ShapeError,
                         says("fit: the best and averaged parameters of the state must have "));
  }
}

TEST_CASE("fit: schedules count epochs or updates") {
  const auto data = classes(12);
  const schedule::Step halves{.initial = 0.5, .every = 1, .factor = 0.5};
  const auto rates = [&](LearningRate rate) {
    std::vector<double> seen;
    for (const Epoch& epoch : Run()(data, {.epochs = 3, .batches = {.size = 6}, .learning_rate = rate}).history)
      seen.push_back(epoch.learning_rate);
    return seen;
  };
  CHECK(rates(halves) == std::vector<double>{0.5, 0.25, 0.125});
  CHECK(rates({halves, LearningRate::per_update}) == std::vector<double>{0.25, 0.0625, 0.015625});
}

TEST_CASE("fit: callbacks may stop a run") {
  const auto data = classes(12);
  Run run;
  CHECK(run(data, {.on_epoch = [](const Epoch& epoch) { return epoch.epoch < 3; }}).history.size() == 3);
  Run other;
  int batches = 0;
  CHECK(other(data, {.batches = {.size = 2}, .on_batch = [&](const BatchEnd&) { return ++batches < 4; }})
            .history.empty());
  CHECK(batches == 4);
}

TEST_CASE("fit: averaged weights are validated and remain after the run") {
  const auto data = classes(30), other = classes(20, 3);
  Run run;
  const auto result = run(data, {.epochs = 3, .validation = &other, .average = WeightAverageOptions{.momentum = 0.5}});
  CHECK(run.theta() == run.state.average.average());
  CHECK(run.theta() != run.state.parameters);
  CHECK(evaluate(run.model, other, Loss()).loss.value() == result.history.back().validation_loss);
}

TEST_CASE("fit: the seed determines dropout and the held-out samples") {
  const auto data = classes(30);
  const auto run = [&](std::uint64_t seed, double fraction) {
    Run one;
    const auto history =
        one(data, {.epochs = 1, .batches = {.shuffle = false}, .seed = seed, .validation_fraction = fraction}).history;
    return std::pair(VectorX<float>(one.theta()), history[0].validation_loss);
  };
  CHECK(run(7, 0).first == run(7, 0).first);
  CHECK(run(7, 0).first != run(8, 0).first);
  for (const std::uint64_t seed : {7u, 8u}) {
    const auto [theta, loss] = run(seed, 0.3);
    Run trained;
    trained.model.parameters().values() = theta;
    const auto held_out = data.subset(stratified_split(data, 0.3, seed).held_out);
    CHECK(evaluate(trained.model, held_out, Loss()).loss.value() == loss);
  }
}

TEST_CASE("fit: every epoch has a different order and different dropout masks") {
  const auto data = classes(12);
  const auto losses = [&](BatchOptions batches) {
    Run run;
    run.adam.learning_rate() = 1e-30;  // the parameters stay constant
    std::vector<std::vector<double>> all(3);
    run(data, {.epochs = 3, .batches = batches, .on_batch = [&](const BatchEnd& end) {
                 all[std::size_t(end.epoch)].push_back(end.report.loss.sum);
                 return true;
               }});
    return all;
  };
  const auto masked = losses({.size = 12, .shuffle = false});
  CHECK(masked[0] != masked[1]);
  CHECK(masked[1] != masked[2]);
  // In batches of one, without dropout, the losses identify the samples.
  std::array<std::vector<Index>, 2> orders;
  Batches batches;
  for (Index epoch : {0, 1}) {
    batches.plan(
        all_samples(12), [](Index) { return Index(1); }, {.size = 1}, 1, epoch);
    for (Index k = 0; k < 12; ++k) orders[std::size_t(epoch)].push_back(batches.batch(k)[0]);
  }
  REQUIRE(orders[0] != orders[1]);
  Model plain{2, Recurrent<Gru>{.units = 6}, Dropout{.rate = 0}, MeanOverTime{}, Dense{.units = 3}};
  plain.initialise(1);
  Adam<float> adam({.learning_rate = 1e-30});
  std::vector<double> seen;
  fit(plain, Loss(), adam, data,
      {.epochs = 2,
       .batches = {.size = 1},
       .on_batch =
           [&](const BatchEnd& end) {
             seen.push_back(end.report.loss.sum);
             return true;
           },
       .progress = Progress::quiet});
  for (const std::size_t epoch : {0u, 1u})
    for (std::size_t k = 0; k < 12; ++k) {
      const auto one = data.subset(std::vector<Index>{orders[epoch][k]});
      CHECK(seen[12 * epoch + k] == Approx(evaluate(plain, one, Loss()).loss.sum).epsilon(1e-5));
    }
}

TEST_CASE("fit: each window of a truncated batch has an update") {
  const auto whole = classes(6);
  std::vector<MatrixX<float>> inputs;
  std::vector<Labels> labels;
  for (Index s = 0; s < 6; ++s) {
    inputs.push_back(whole.sequence(s));
    labels.push_back(Labels::Constant(whole.length(s), s % 3));
  }
  const auto data = Dataset<float>::step_labelled(inputs, labels, 3);  // at most 8 steps
  Sequential model(2, Recurrent<Gru>{.units = 4}, Dense{.units = 3});
  model.initialise(1);
  Adam<float> adam;
  fit(model, Loss(), adam, data, {.epochs = 2, .truncation = {.update_every = 3}, .progress = Progress::quiet});
  CHECK(adam.updates() == 2 * 3);
  decltype(model) last(2, Recurrent<Gru>{.units = 4, .returns = Returns::last}, Dense{.units = 3});
  last.initialise(1);
  Adam<float> other;
  fit(last, Loss(), other, whole, {.epochs = 2, .truncation = {.back = 3}, .progress = Progress::quiet});
  CHECK(other.updates() == 2);
}

TEST_CASE("fit: callbacks run for every batch and every epoch, for the last too") {
  Run run;
  std::vector<std::array<Index, 3>> batches;
  Index epochs = 0;
  const auto result = run(
      classes(12), {.epochs = 30,
                    .batches = {.size = 5},
                    .early_stopping = EarlyStopping{.patience = 1, .min_delta = 10, .monitor = Monitor::training_loss},
                    .on_batch =
                        [&](const BatchEnd& end) {
                          batches.push_back({end.epoch, end.batch, end.batches});
                          return true;
                        },
                    .on_epoch = [&](const Epoch& epoch) { return epoch.epoch == double(++epochs); }});
  REQUIRE(result.history.size() == 2);
  CHECK(epochs == 2);
  CHECK(batches == std::vector<std::array<Index, 3>>{{0, 0, 3}, {0, 1, 3}, {0, 2, 3}, {1, 0, 3}, {1, 1, 3}, {1, 2, 3}});
  // A run ended by early stopping stays ended.
  const auto again =
      run(classes(12),
          {.epochs = 40,
           .batches = {.size = 5},
           .early_stopping = EarlyStopping{.patience = 1, .min_delta = 10, .monitor = Monitor::training_loss}});
  CHECK(again.history.size() == 2);
  CHECK(again.stopped_early);
}

TEST_CASE("fit: clipping by norm and by value equals that of the training step") {
  const auto data = classes(12);
  const auto trained = [&](FitOptions<float> options) {
    Run run;
    options.epochs = 2;
    run(data, options);
    return VectorX<float>(run.theta());
  };
  const auto stepped = [&](StepOptions options) {
    Run run;
    options.seed = 1;
    Batch<float> batch;
    batch.gather(data, all_samples(12));
    TrainingStep<Model, Loss, Adam<float>> step(run.model, Loss(), run.adam, options);
    for (int k = 0; k < 2; ++k) step.step(batch);
    return VectorX<float>(run.theta());
  };
  const FitOptions<float> plain{.batches = {.shuffle = false}, .shard = 12};
  FitOptions<float> by_norm = plain, by_value = plain;
  by_norm.clip_norm = 1e-4, by_value.clip_value = 1e-4;
  CHECK(trained(plain) == stepped({}));
  CHECK(trained(by_norm) == stepped({.clip_norm = 1e-4}));
  CHECK(trained(by_value) == stepped({.clip_value = 1e-4}));
  CHECK(trained(by_norm) != trained(plain));
  CHECK(trained(by_value) != trained(plain));
  CHECK(trained(by_value) != trained(by_norm));
}

namespace {

/// Parts of a state by name, as text.
std::map<std::string, std::string> parts_of(TrainingState<float>& state) {
  std::map<std::string, std::string> parts;
  state.visit_state([&]<class Part>(std::string_view name, Part& part) {
    std::string& value = parts[std::string(name)];
    if constexpr (requires {
                    part.data();
                    part.rows();
                  })
      for (const auto number : part) value += text(number, " ");
    else
      value = text(part);
  });
  return parts;
}

}  // namespace

TEST_CASE("training state: visit_state gives all members and changes none") {
  Run run;
  run(classes(30), {.epochs = 3,
                    .validation_fraction = 0.3,
                    .plateau = PlateauOptions{.initial = 1e-2, .patience = 0, .threshold = 0.5},
                    .early_stopping = EarlyStopping{.patience = 9, .min_delta = 10},
                    .average = WeightAverageOptions{.momentum = 0.9}});
  TrainingState<float> none;
  run(classes(30), {.epochs = 4, .batches = {.size = 10}, .validation_fraction = 0.3, .on_batch = [](const BatchEnd&) {
                      return false;
                    }});
  run.state.partial.carried.setOnes(3);
  auto fresh = parts_of(none);
  const auto parts = parts_of(run.state);
  CHECK(parts == parts_of(run.state));
  CHECK(run.state.history.size() == 3);
  for (const char* name : {"epochs",
                           "updates",
                           "seed",
                           "samples",
                           "parameter_names",
                           "parameters",
                           "best",
                           "best_value",
                           "best_epoch",
                           "waited",
                           "average.average",
                           "plateau.rate",
                           "plateau.best",
                           "plateau_monitor",
                           "stopping_monitor",
                           "history",
                           "partial.batches",
                           "partial.planned",
                           "partial.loss_sum",
                           "partial.loss_count",
                           "partial.correct",
                           "partial.scored",
                           "partial.gradient_norm",
                           "partial.seconds",
                           "partial.learning_rate",
                           "partial.carried"})
    CHECK(parts.at(name) != fresh[name]);
}

TEST_CASE("fit: a sequence of weight 0 has no effect") {
  auto data = classes(6), part = data.subset(std::vector<Index>{0, 1, 2});
  data.set_weights({1, 1, 1, 0, 0, 0});
  part.set_weights({1, 1, 1});
  const auto sum = [](const Dataset<float>& weighted) { return evaluate(Run().model, weighted, Loss()).loss.sum; };
  CHECK(sum(data) == sum(part));
}

TEST_CASE("fit: divergence is an error with epoch and batch") {
  Run run;
  CHECK_THROWS_MATCHES(run(classes(12), {.batches = {.size = 6}, .learning_rate = schedule::Constant{1e38}}),
                       NonFiniteError, says("epoch 1, batch 2 of 2: "));
}

TEST_CASE("fit: a last update with infinite parameters is an error") {
  Run run;
  // The second epoch has one batch, whose loss is finite; its update moves parameters by about 3e38, almost the limit
  // of float.
  const schedule::Multistep rates{.initial = 1e-2, .milestones = {1}, .factor = 3.3e40};
  run.adam.options().weight_decay = 2;
  CHECK_THROWS_MATCHES(run(classes(12), {.epochs = 2, .batches = {.size = 12}, .learning_rate = rates}), NonFiniteError,
                       says("epoch 2: parameter '0."));
  REQUIRE(run.state.epochs == 1);
  CHECK(run.state.parameters.allFinite());
  CHECK(run.state.parameters != run.theta());
}

TEST_CASE("fit: an infinite parameter is an error when a callback stops the epoch") {
  Run run;
  run.adam.options().weight_decay = 2, run.adam.options().decay = Decay::decoupled;
  CHECK_THROWS_MATCHES(run(classes(12), {.epochs = 1,
                                         .batches = {.size = 6},
                                         .learning_rate = schedule::Constant{3.3e38},
                                         .on_batch = [](const BatchEnd&) { return false; }}),
                       NonFiniteError, says("epoch 1: parameter '0."));
}

TEST_CASE("fit: refuses mismatched data before training") {
  const auto data = classes(12);
  const auto refused = [&](FitOptions<float> options) {
    try {
      Run()(data, options);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  using Catch::Matchers::Contains;
  CHECK_THAT(refused({.epochs = -1}), Contains("epochs must be at least 0, got -1"));
  CHECK_THAT(refused({.validation_fraction = 1}), Contains("validation_fraction must be in [0, 1), got 1"));
  CHECK_THAT(refused({.validation = &data, .validation_fraction = 0.1}),
             Contains("validation_fraction must be 0 if validation is given, got 0.1"));
  CHECK_THAT(refused({.early_stopping = EarlyStopping{}}), Contains("needs validation data"));
  CHECK_THAT(refused({.validation = &data, .early_stopping = EarlyStopping{.patience = 0}}), Contains("patience"));
  CHECK_THAT(refused({.plateau = PlateauOptions{}}), Contains("plateau needs validation data"));
  CHECK_THAT(refused({.learning_rate = schedule::Constant{}, .plateau = PlateauOptions{}}), Contains("both set"));
  const auto wide = Dataset<float>::labelled({MatrixX<float>::Ones(3, 2)}, {0});
  const auto many = Dataset<float>::labelled({MatrixX<float>::Ones(2, 2)}, {3});
  CHECK_THROWS_MATCHES(Run()(many, {}), ShapeError,
                       says("must have at most 3 classes, the outputs of the model, got 4"));
  const auto valued = Dataset<float>::valued({MatrixX<float>::Ones(2, 2)}, MatrixX<float>::Ones(2, 1));
  CHECK_THROWS_MATCHES(Run()(valued, {}), ShapeError,
                       says("must have 3 numbers per target, the outputs of the model, got 2"));
  CHECK_THROWS_MATCHES(Run()(wide, {}), ShapeError,
                       says("the data set must have 2 features per step, as the model, got 3"));
}

TEST_CASE("history: is written as CSV and JSON") {
  const History history{{.epoch = 1, .loss = 0.5, .seconds = 2}, {.epoch = 2, .loss = 0.25, .accuracy = 1}};
  CHECK(to_csv(history) ==
        "epoch,loss,accuracy,validation_loss,validation_accuracy,learning_rate,gradient_norm,seconds\n"
        "1,0.5,,,,,,2\n2,0.25,1,,,,,\n");
  CHECK(
      to_json(History{history[1]}) ==
      "[\n  {\"epoch\": 2, \"loss\": 0.25, \"accuracy\": 1, \"validation_loss\": null, \"validation_accuracy\": null, "
      "\"learning_rate\": null, \"gradient_norm\": null, \"seconds\": null}\n]\n");
  CHECK(to_json({}) == "[]\n");
}

TEST_CASE("progress: writes lines when requested and nothing into a file by default") {
  const auto written = [](Progress progress) {
    std::FILE* file = std::tmpfile();
    ProgressLine line(progress, 0, 3, file);
    line.batch(0, 0, 2, 0.5);
    line.epoch({.epoch = 1, .loss = 0.123456, .validation_loss = 2});
    std::string content(std::size_t(std::ftell(file)), ' ');
    std::rewind(file);
    content.resize(std::fread(content.data(), 1, content.size(), file));
    std::fclose(file);
    return content;
  };
  CHECK(written(Progress::lines) == "epoch 1/3  loss 0.1235  validation_loss 2\n");
  CHECK(written(Progress::automatic).empty());
  CHECK(written(Progress::quiet).empty());
  CHECK(detail::duration_text(59) == "59 s");
  CHECK(detail::duration_text(3599) == "59 min");
  CHECK(detail::duration_text(3 * 3600 + 1300) == "3 h 21 min");
}

}  // namespace test_fit
