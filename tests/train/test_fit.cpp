#include <unroll/cells/gru.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/layers/sequential.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "support/catch.hpp"

using namespace unroll;

namespace {

using Model = decltype(Sequential(2, Recurrent<Gru<float>>{.units = 6}, Dropout<float>({.rate = 0.1}),
                                  MeanOverTime<float>{}, Dense<float>{.units = 3}));
using Loss = SoftmaxCrossEntropy<float>;

/// Three classes that differ in the mean of their two features.
Dataset<float> classes(Index count, std::uint64_t seed = 1) {
  std::vector<Matrix<float>> sequences;
  std::vector<Index> labels;
  for (Index s = 0; s < count; ++s) {
    const Random random(seed, Purpose::data, std::uint64_t(s));
    const auto noise = [&](Index r, Index t) { return float(random.normal(std::uint64_t(2 * t + r))); };
    labels.push_back(s % 3);
    sequences.push_back(Matrix<float>::NullaryExpr(2, 3 + s % 6, noise));
    sequences.back().row(0).array() += float(s % 3);
    sequences.back().row(1).array() -= float(s % 3);
  }
  return Dataset<float>::labelled(sequences, labels);
}

struct Run {
  Model model{2, Recurrent<Gru<float>>{.units = 6}, Dropout<float>({.rate = 0.1}), MeanOverTime<float>{},
              Dense<float>{.units = 3}};
  Adam<float> adam{{.learning_rate = 1e-2}};
  TrainingState<float> state{};
  Run() { model.initialise(1); }

  FitResult operator()(const Dataset<float>& data, FitOptions<float> options) {
    options.progress = Progress::quiet;
    return fit(model, Loss(), adam, data, options, state);
  }
  const Vector<float>& theta() const { return model.parameters().values(); }
};

}  // namespace

TEST_CASE("fit learns, and its history tells of training and validation") {
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

TEST_CASE("the value of an epoch is the sum of its losses over the sum of their counts") {
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

TEST_CASE("evaluation and prediction do not depend on the batch size, bit for bit") {
  Run run;
  const auto data = classes(23);
  const auto one = predict(run.model, data, {.batch_size = 1}), many = predict(run.model, data, {.batch_size = 23});
  REQUIRE(one.size() == 23);
  for (std::size_t s = 0; s < one.size(); ++s) CHECK(one[s] == many[s]);
  const auto want = evaluate(run.model, data, Loss(), {.batch_size = 1}).loss.sum;
  CHECK(evaluate(run.model, data, Loss(), {.batch_size = 4}).loss.sum == want);
  CHECK(evaluate(run.model, data, Loss(), {.batch_size = 23}).loss.sum == want);
  CHECK_THROWS_MATCHES(predict(run.model, data, {.batch_size = 0}), ValueError, says("batch_size is 0"));
}

TEST_CASE("early stopping waits, stops and restores the best parameters") {
  Run run;
  const auto data = classes(30);
  std::vector<Vector<float>> seen;
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

TEST_CASE("fit: a plateau knows that of an accuracy larger values are better") {
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
      CHECK(history[4].learning_rate == 1e-2);  // nothing is cut while the accuracy rises
    }
  CHECK_THROWS_MATCHES(
      Run()(data, {.plateau = PlateauOptions{.better = Better::larger}, .plateau_monitor = Monitor::training_loss}),
      ValueError, says("plateau watches a loss"));
}

TEST_CASE("fit: early stopping by an accuracy keeps the largest") {
  const auto data = classes(30), other = classes(30, 2);
  Run run;
  std::vector<Vector<float>> seen;
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

TEST_CASE("fit: a run is not resumed with another monitor, and a plateau may join it") {
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
                       says("plateau watches training_loss, to resume it the options say training_accuracy"));
  options.plateau = {};
  options.early_stopping->monitor = Monitor::training_accuracy;
  CHECK_THROWS_MATCHES(run(data, options), ValueError, says("early stopping watches training_loss"));
  joined.state = begun({});
  options.plateau = PlateauOptions{.initial = 0.125};
  CHECK(joined(data, options).history.back().learning_rate == 0.125);
}

TEST_CASE("a constant value stops after as many epochs as it may wait") {
  Run run;
  run.adam.learning_rate() = 1e-30;
  const auto result =
      run(classes(12), {.epochs = 9, .validation_fraction = 0.5, .early_stopping = EarlyStopping{.patience = 2}});
  CHECK(result.history.size() == 3);
  CHECK(result.best_epoch == 1);
}

TEST_CASE("a run that is stopped and resumed ends with the same bits") {
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
  Run resumed;  // another model, with what was saved
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

TEST_CASE("a run is not resumed with another seed, other data or another model") {
  const auto data = classes(12);
  Run run;
  run(data, {.epochs = 1});
  CHECK_THROWS_MATCHES(run(data, {.epochs = 2, .seed = 7}), ValueError, says("begun with seed 1"));
  CHECK_THROWS_MATCHES(run(classes(15), {.epochs = 2}), ValueError, says("begun with 12 sequences"));
  run.state.parameter_names = "0.r.x";
  CHECK_THROWS_MATCHES(run(data, {.epochs = 2}), ShapeError, says("(0.r.x), the model has"));
}

TEST_CASE("schedules count epochs or updates") {
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

TEST_CASE("callbacks stop a run") {
  const auto data = classes(12);
  Run run;
  CHECK(run(data, {.on_epoch = [](const Epoch& epoch) { return epoch.epoch < 3; }}).history.size() == 3);
  Run other;
  int batches = 0;
  CHECK(other(data, {.batches = {.size = 2}, .on_batch = [&](const BatchEnd&) { return ++batches < 4; }})
            .history.empty());
  CHECK(batches == 4);
}

TEST_CASE("averaged weights are what is validated and what remains") {
  const auto data = classes(30), other = classes(20, 3);
  Run run;
  const auto result = run(data, {.epochs = 3, .validation = &other, .average = WeightAverageOptions{.momentum = 0.5}});
  CHECK(run.theta() == run.state.average.average());
  CHECK(run.theta() != run.state.parameters);
  CHECK(evaluate(run.model, other, Loss()).loss.value() == result.history.back().validation_loss);
}

TEST_CASE("a sequence of weight 0 trains nothing") {
  auto data = classes(6), part = data.subset(std::vector<Index>{0, 1, 2});
  data.set_weights({1, 1, 1, 0, 0, 0});
  part.set_weights({1, 1, 1});
  const auto sum = [](const Dataset<float>& weighted) { return evaluate(Run().model, weighted, Loss()).loss.sum; };
  CHECK(sum(data) == sum(part));
}

TEST_CASE("what diverges is told with its epoch and batch") {
  Run run;
  CHECK_THROWS_MATCHES(run(classes(12), {.batches = {.size = 6}, .learning_rate = schedule::Constant{1e38}}),
                       NonFiniteError, says("epoch 1, batch 2 of 2: "));
}

TEST_CASE("fit tells what does not fit before it trains") {
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
  CHECK_THAT(refused({.epochs = -1}), Contains("epochs is -1"));
  CHECK_THAT(refused({.validation_fraction = 1}), Contains("validation_fraction is 1"));
  CHECK_THAT(refused({.validation = &data, .validation_fraction = 0.1}), Contains("expected one of them"));
  CHECK_THAT(refused({.early_stopping = EarlyStopping{}}), Contains("watches the validation data"));
  CHECK_THAT(refused({.validation = &data, .early_stopping = EarlyStopping{.patience = 0}}), Contains("patience"));
  CHECK_THAT(refused({.plateau = PlateauOptions{}}), Contains("plateau watches the validation data"));
  CHECK_THAT(refused({.learning_rate = schedule::Constant{}, .plateau = PlateauOptions{}}), Contains("both set"));
  const auto wide = Dataset<float>::labelled({Matrix<float>::Ones(3, 2)}, {0});
  const auto many = Dataset<float>::labelled({Matrix<float>::Ones(2, 2)}, {3});
  CHECK_THROWS_MATCHES(Run()(many, {}), ShapeError, says("4 classes, the model has 3 outputs"));
  const auto valued = Dataset<float>::valued({Matrix<float>::Ones(2, 2)}, Matrix<float>::Ones(2, 1));
  CHECK_THROWS_MATCHES(Run()(valued, {}), ShapeError, says("2 numbers per target, the model has 3 outputs"));
  CHECK_THROWS_MATCHES(Run()(wide, {}), ShapeError, says("the model expects 2 features per step, the data set has 3"));
}

TEST_CASE("a history as text") {
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

TEST_CASE("progress writes lines when asked, and nothing into a file by itself") {
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
