// Errors that `fit` can detect before the first update are thrown before it and leave every bit unchanged.
#include <unroll/cells/gru.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/binary_cross_entropy.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/negative_log_likelihood.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include <cstring>

#include "support/catch.hpp"

namespace test_fit_refusals {

using namespace unroll;

namespace {

constexpr double not_finite = std::numeric_limits<double>::quiet_NaN(),
                 infinite = std::numeric_limits<double>::infinity();
using Data = Dataset<float>;

Data labelled(Index features, std::vector<Index> lengths, Index labels, Index classes = 0) {
  std::vector<MatrixX<float>> x;
  std::vector<Labels> y;
  for (const Index n : lengths) {
    x.push_back(MatrixX<float>::NullaryExpr(features, n, [&](Index r, Index c) { return float(r + c) / 8; }));
    y.push_back(Labels::NullaryExpr(n, [&](Index t) { return t % labels; }));
  }
  return Data::step_labelled(x, y, classes);
}
Data valued(float value, Index rows = 2) {
  return Data::step_valued({MatrixX<float>::Ones(2, 3), MatrixX<float>::Ones(2, 4)},
                           {MatrixX<float>::Zero(rows, 3), MatrixX<float>::Constant(rows, 4, value)});
}
Data per_sequence() { return Data::labelled({MatrixX<float>::Ones(2, 3), MatrixX<float>::Ones(2, 4)}, {0, 1}); }

struct Bits {
  std::string bits;
  template <class V>
  void operator()(std::string_view, V& value) {
    if constexpr (requires { value.data(); })
      bits.append(reinterpret_cast<const char*>(value.data()), std::size_t(value.size()) * sizeof(*value.data()));
    else
      bits.append(reinterpret_cast<const char*>(&value), sizeof value);
    bits += '|';
  }
};

/// Run with everything that it could change.
struct Run {
  Stack<float> model;
  Adam<float> adam{{.learning_rate = 1e-2}};
  TrainingState<float> state{};

  explicit Run(Stack<float> of = Stack<float>(2, {Recurrent<Gru>{.units = 3}, Dense{.units = 2}}))
      : model(std::move(of)) {
    model.initialise(1);
  }
  template <class Loss>
  void operator()(const Loss& loss, const Data& data, FitOptions<float> options) {
    options.progress = Progress::quiet;
    fit(model, loss, adam, data, options, state);
  }
  std::string bits() {
    Bits all;
    all("", model.parameters().values()), all("", adam.learning_rate());
    adam.visit_state([&](std::string_view name, auto& value) { all(name, value); });
    state.visit_state([&](std::string_view name, auto& value) { all(name, value); });
    return all.bits;
  }
};

using Loss = SoftmaxCrossEntropy<float>;
const Data& good() {
  static const Data data = labelled(2, {3, 4, 2, 5}, 2);
  return data;
}

/// Checks that `fit` throws and changes nothing. The overload below tests a new run and a resumed one.
template <class L>
void refused(Run run, const L& loss, const Data& data, FitOptions<float> options, const std::string& part) {
  INFO(part);
  const std::string before = run.bits();
  CHECK_THROWS_MATCHES(run(loss, data, options), Error, says(part));
  CHECK(run.bits() == before);
}
void refused(FitOptions<float> options, const std::string& part) {
  refused(Run(), Loss(), good(), options, part);
  Run begun;
  begun(Loss(), good(), {.epochs = 1});
  options.epochs = options.epochs == 10 ? 2 : options.epochs;
  refused(begun, Loss(), good(), options, part);
}

/// User-defined schedule that does not check its result.
struct Unchecked {
  double value;
  double rate(long) const { return value; }
};

}  // namespace

TEST_CASE("fit: refuses options out of range before anything changes") {
  refused({.epochs = -1}, "epochs must be at least 0, got -1");
  refused({.batches = {.size = -1}}, "size must be at least 0 samples (0: no limit), got -1");
  refused({.batches = {.size = 0}}, "size or tokens must be above 0");
  refused({.batches = {.tokens = -1}}, "tokens must be at least 0 steps (0: no limit), got -1");
  refused({.batches = {.tokens = 4}}, "sample 3 must have at most 4 steps, the limit `tokens`, got 5");
  refused({.batches = {.pool = 0}}, "pool must be at least 1, got 0");
  for (const double fraction : {-0.1, 1.0, not_finite})
    refused({.validation_fraction = fraction}, "validation_fraction must be in [0, 1), got");
  refused({.validation_fraction = 0.01}, "each part must have at least 1 sequence");
  refused({.validation = &good(), .validation_fraction = 0.5},
          "validation_fraction must be 0 if validation is given, got 0.5");
  for (const double fraction : {0.0, 0.5})
    refused({.validation = fraction == 0 ? &good() : nullptr,
             .validate = [] { return Evaluation(); },
             .validation_fraction = fraction},
            "validate replaces validation and validation_fraction; give one of them");
  for (const double limit : {-1.0, not_finite}) {
    refused({.clip_norm = limit}, "clip_norm must be 0 or at least");
    refused({.clip_value = limit}, "clip_value must be 0 or at least");
    refused({.clip_p = limit}, "clip_p must be above 0");
  }
  refused({.evaluation_batch = 0}, "evaluation_batch must be at least 1 sequence, got 0");
  refused({.evaluation_batch = std::numeric_limits<Index>::min()},
          "evaluation_batch must be at least 1 sequence, got -");
  for (const double seconds : {-1.0, not_finite})
    refused({.on_checkpoint = [] {}, .checkpoint_seconds = seconds}, "checkpoint_seconds must be at least 0, got");
  refused({.checkpoint_seconds = 5}, "checkpoint_seconds needs on_checkpoint");
  refused({.shard = -1}, "shard must be at least 0 sequences (0: 16), got -1");
  refused({.keeping = {Keep::nothing}}, "Keep::nothing");
  refused({.keeping = {Keep::checkpoints, -1}}, "every must be at least 0 steps (0: automatic), got -1");
  refused({.truncation = {.update_every = -1}}, "update_every must be at least 0 steps (0: no windows), got -1");
  refused({.truncation = {.update_every = 4, .back = 2}}, "back must be at least 4 steps, as update_every, got 2");
  for (const double momentum : {-0.1, 1.0, not_finite})
    refused({.average = WeightAverageOptions{.momentum = momentum}}, "WeightAverage: momentum");
}

TEST_CASE("fit: refuses invalid rates, plateaus and early stopping before anything changes") {
  for (const double rate : {-1.0, not_finite, infinite})
    refused({.learning_rate = schedule::Constant{rate}}, "initial");
  const auto schedule = [](const auto& rate, const std::string& part) {
    refused({.learning_rate = rate}, part);
    refused({.learning_rate = {rate, LearningRate::per_update}}, part);
  };
  schedule(schedule::Step{.every = 0}, "every");
  schedule(schedule::Step{.factor = not_finite}, "factor");
  schedule(schedule::Multistep{.milestones = {3}, .factor = -1}, "factor");
  schedule(schedule::Exponential{.factor = infinite}, "factor");
  schedule(schedule::Linear{.length = 0}, "length");
  schedule(schedule::Linear{.end_factor = -1}, "end_factor");
  schedule(schedule::Polynomial{.power = 0}, "power");
  schedule(schedule::Polynomial{.final = not_finite}, "final");
  schedule(schedule::Cosine{.half_period = 0}, "half_period");
  schedule(schedule::Cosine{.lowest = -1}, "lowest");
  schedule(schedule::CosineRestarts{.stretch = 0}, "stretch");
  schedule(schedule::OneCycle{.rising = 2}, "rising");
  schedule(schedule::OneCycle{.lowest_momentum = not_finite}, "lowest_momentum");
  schedule(schedule::warmup(5, schedule::Cosine{.half_period = 0}), "half_period");
  schedule(schedule::warmup(5, schedule::Constant{}, -1), "start_factor");
  schedule(schedule::Noam{.scale = not_finite}, "scale");
  schedule(schedule::lambda(1, [](long) { return not_finite; }),
           "lambda schedule: rate must be finite and at least 0, got nan");
  schedule(schedule::lambda(1, [](long) { return -1; }), "lambda schedule: rate must be finite and at least 0, got -1");
  schedule(Unchecked{not_finite}, "the learning rate after");
  schedule(Unchecked{-1}, "must be finite and at least 0, got -1");

  const auto plateau = [](PlateauOptions options, Monitor monitor, const std::string& part) {
    refused({.plateau = options, .plateau_monitor = monitor}, part);
  };
  plateau({.factor = 1}, Monitor::training_loss, "factor");
  plateau({.initial = not_finite}, Monitor::training_loss, "initial");
  plateau({.patience = -1}, Monitor::training_loss, "patience");
  plateau({.better = Better::larger}, Monitor::training_loss, "must be Better::smaller for a loss");
  plateau({}, Monitor::validation_loss, "needs validation data");
  refused({.learning_rate = schedule::Constant{}, .plateau = PlateauOptions{}}, "both set");
  const auto stopping = [](EarlyStopping rule, const std::string& part) { refused({.early_stopping = rule}, part); };
  stopping({.patience = 0, .monitor = Monitor::training_loss}, "patience");
  stopping({.min_delta = not_finite, .monitor = Monitor::training_loss}, "min_delta");
  stopping({.monitor = Monitor::validation_accuracy}, "needs validation data");
  refused(Run(), MeanSquaredError<float>(), valued(0),
          {.early_stopping = EarlyStopping{.monitor = Monitor::training_accuracy}}, "needs labels");
}

TEST_CASE("fit: refuses mismatched data, targets and losses before anything changes") {
  const FitOptions<float> plain{.epochs = 1, .batches = {.size = 1}};
  const auto loss = Loss();
  refused(Run(), loss, labelled(3, {3, 4}, 2), plain,
          "the data set must have 2 features per step, as the model, got 3");
  refused(Run(), loss, labelled(2, {3, 4}, 3), plain, "must have at most 2 classes, the outputs of the model, got 3");
  refused(Run(), loss, per_sequence(), plain, "got one for every step");
  refused(Run(), loss, Data::unlabelled({MatrixX<float>::Ones(2, 3)}), plain,
          "targets for this loss must be labels, got none");
  refused(Run(), MeanSquaredError<float>(), good(), plain, "targets for this loss must be real-valued, got labels");
  refused(Run(), NegativeLogLikelihood<float>(), valued(0), plain,
          "targets for this loss must be labels, got real-valued targets");
  refused(Run(), MeanSquaredError<float>(), valued(0, 1), plain,
          "must have 2 numbers per target, the outputs of the model, got 1");
  refused(Run(), BinaryCrossEntropy<float>(), valued(1.5f), plain, "sample 1: binary cross entropy: target in row 0");
  refused(Run(), BinaryCrossEntropy<float>({.pos_weight = VectorX<double>::Ones(3)}), valued(0), plain, "pos_weight");
  refused(Run(), loss, valued(-1), plain,
          "sample 1: softmax cross entropy: probabilities of column 0 must be at least 0");
  refused(Run(), Loss({.class_weights = VectorX<double>::Ones(3)}), good(), plain,
          "class weights must have as many entries as classes, 2, got 3");
  refused(Run(), NegativeLogLikelihood<float>({.class_weights = VectorX<double>::Ones(1)}), good(), plain,
          "class weights must have as many entries as classes, 2, got 1");
  // Errors in the validation data, which are used only at the end of the first epoch.
  const auto validated = [&](const Data& validation, const std::string& part) {
    FitOptions<float> options = plain;
    options.validation = &validation;
    refused(Run(), loss, good(), options, part);
  };
  validated(labelled(3, {3, 4}, 2), "the validation data set must have 2 features per step, as the model, got 3");
  validated(labelled(2, {3, 4}, 3),
            "the validation data set must have at most 2 classes, the outputs of the model, got 3");
  validated(per_sequence(), "got one for every step");
  validated(Data::unlabelled({MatrixX<float>::Ones(2, 3)}), "targets for this loss must be labels, got none");
  validated(valued(-1), "the validation data set, sample 1: softmax cross entropy");
  FitOptions<float> monitored = plain;
  const Data probabilities = valued(0.5f);
  monitored.validation = &probabilities;
  monitored.early_stopping = EarlyStopping{.monitor = Monitor::validation_accuracy};
  refused(Run(), loss, good(), monitored, "needs labels");
}

TEST_CASE("fit: refuses mismatched models, inputs and optimizers before anything changes") {
  FitOptions<float> windows{.epochs = 1, .truncation = {.update_every = 2}};
  refused(Run(Stack<float>(2, {Bidirectional<Gru>{.units = 2}, Dense{.units = 2}})), Loss(), good(), windows,
          "reads later steps");
  const FitOptions<float> last{.epochs = 1, .truncation = {.back = 2}};
  refused(Run(), Loss(), good(), last, "update_every must be at least 1 step for a model with an output per step");
  const Stack<float> words(1, {Embedding{.size = 3, .dimension = 2}, Dense{.units = 2}});
  const auto tokens = Data::step_labelled({MatrixX<float>::Zero(1, 2), MatrixX<float>::Constant(1, 2, 3)},
                                          {Labels::Zero(2), Labels::Ones(2)});
  refused(Run(words), Loss(), tokens, {.epochs = 1, .batches = {.size = 1}},
          "the data set, sample 1: layer 0 (embedding): token must be 0 to 2, got 3");
  Run rate, served;
  rate.adam.learning_rate() = not_finite;
  refused(rate, Loss(), good(), {.epochs = 1}, "learning_rate");
  VectorX<float> other = VectorX<float>::Ones(3);
  served.adam.step(other, other);
  refused(served, Loss(), good(), {.epochs = 1}, "use one optimizer per model");
  Run masked;
  masked.adam.set_decay_mask(VectorX<float>::Ones(3));
  refused(masked, Loss(), good(), {.epochs = 1}, "decay mask must have as many entries as parameters, ");
}

TEST_CASE("fit: refuses a run that cannot be resumed before anything changes") {
  Run begun;
  begun(Loss(), good(), {.epochs = 1, .average = WeightAverageOptions{}});
  refused(begun, Loss(), good(), {.epochs = 2, .seed = 7}, "seed must be 1, as in the state, got 7");
  refused(begun, Loss(), labelled(2, {3, 4}, 2), {.epochs = 2}, "must have 4 sequences, as in the state, got 2");
  begun.state.best = VectorX<float>::Ones(2);
  refused(begun, Loss(), good(), {.epochs = 2}, "entries, as the model, got 2");
}

TEST_CASE("training step: refuses invalid targets of a later window before the first changes anything") {
  Run run;
  const auto bad =
      Data::step_labelled({MatrixX<float>::Ones(2, 4)}, {Labels::LinSpaced(4, -1, 2)});  // the last one is 2
  Batch<float> batch;
  batch.gather(bad, all_samples(1));
  TrainingStep step(run.model, Loss(), run.adam, {.truncation = {.update_every = 2}});
  const std::string before = run.bits();
  CHECK_THROWS_MATCHES(step.step(batch), ValueError, says("must be below 2, the number of classes, got 2"));
  CHECK(run.bits() == before);
  CHECK_THROWS_AS(TrainingStep(run.model, Loss(), run.adam, {.clip_norm = not_finite}), ValueError);
  TrainingStep wild(run.model, Loss(), run.adam, {.learning_rate = [](long) { return infinite; }});
  batch.gather(good(), all_samples(4));
  CHECK_THROWS_MATCHES(wild.step(batch), ValueError, says("the learning rate after 0 updates"));
  CHECK(run.bits() == before);
}

}  // namespace test_fit_refusals
