// Random tests of training with valid options: identical bits for any number of threads, with and without checkpoints,
// and resumed from a file; and of evaluation.

#include <unroll/io/checkpoint.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/train/train.hpp>

#include "interface/random_model.hpp"

namespace interface {

std::optional<Dataset<S>> random_data(Choices& choose, Report& report, const RandomModel& made) {
  const Stack<S>& model = *made.model;
  const Index samples = 1 + choose.below(7);
  std::vector<MatrixX<S>> sequences, values;
  std::vector<Index> labels;
  for (Index s = 0; s < samples; ++s) {
    MatrixX<S> sequence = choose.matrix(made.features, 1 + choose.below(6));
    for (Index k = 0; made.tokens > 0 && k < sequence.size(); ++k) sequence.data()[k] = S(choose.below(made.tokens));
    values.push_back(choose.matrix(model.outputs(), sequence.cols()));
    labels.push_back(choose.below(std::max<Index>(1, model.outputs())) - Index(choose.one_in(5)));
    sequences.push_back(std::move(sequence));
  }
  std::optional<Dataset<S>> data;
  report.attempt("data set", [&] {
    data = model.per_step() ? Dataset<S>::step_valued(std::move(sequences), std::move(values))
                            : Dataset<S>::labelled(std::move(sequences), labels, model.outputs());
  });
  return data;
}

FitResult train(Stack<S>& model, AnyOptimizer& optimizer, const Dataset<S>& data, const FitOptions<S>& options,
                TrainingState<S>& state) {
  if (model.per_step()) return fit(model, MeanSquaredError<S>(), optimizer, data, options, state);
  return fit(model, SoftmaxCrossEntropy<S>(), optimizer, data, options, state);
}

Evaluation score(const Stack<S>& model, const Dataset<S>& data, const EvaluateOptions& options) {
  if (model.per_step()) return evaluate(model, data, MeanSquaredError<S>(), options);
  return evaluate(model, data, SoftmaxCrossEntropy<S>(), options);
}

namespace {

FitOptions<S> good_options(Choices& choose) {
  FitOptions<S> options{.epochs = 3, .seed = choose.seed(), .progress = Progress::quiet};
  options.batches = {
      .size = choose.size(), .shuffle = choose.coin(), .by_length = choose.coin(), .pool = choose.size()};
  options.shard = choose.below(4);
  if (choose.coin()) options.validation_fraction = 0.4;
  if (choose.coin()) options.clip_norm = choose.real();
  if (choose.one_in(3)) options.clip_value = choose.real();
  if (choose.one_in(3))
    options.truncation = {.update_every = choose.size(), .back = choose.coin() ? 0 : 5, .accumulate = choose.coin()};
  if (choose.one_in(3)) options.average = WeightAverageOptions{.momentum = choose.real()};
  if (choose.one_in(3))
    options.early_stopping = EarlyStopping{.patience = 1 + choose.below(2), .monitor = Monitor::training_loss};
  const Index schedule = choose.below(4);
  const auto every = choose.one_of({LearningRate::per_epoch, LearningRate::per_update});
  if (schedule == 0) options.learning_rate = LearningRate(schedule::Exponential{.initial = 0.01, .factor = 0.9}, every);
  if (schedule == 1) options.learning_rate = LearningRate(schedule::Cosine{.initial = 0.01, .half_period = 9}, every);
  if (schedule == 2) {
    options.plateau = PlateauOptions{.initial = 0.01, .factor = 0.5, .patience = 0};
    options.plateau_monitor = Monitor::training_loss;
  }
  return options;
}

/// A training run and all that it changes.
struct Run {
  Stack<S> model;
  AnyOptimizer optimizer;
  TrainingState<S> state{};
  FitResult result{};

  bool operator()(const char* what, Report& report, const Dataset<S>& data, const FitOptions<S>& options) {
    return report.attempt(what, [&] { result = train(model, optimizer, data, options, state); });
  }
};

bool same_history(const History& a, const History& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k) {
    auto one = a[k].numbers(), other = b[k].numbers();
    one.back() = other.back() = 0;  // seconds
    if (std::memcmp(one.data(), other.data(), sizeof one) != 0) return false;
  }
  return true;
}

void compare(Report& report, const char* what, const Run& usual, const Run& other) {
  report.expect(same_bits(usual.model.parameters().values(), other.model.parameters().values()),
                text(what, ": the parameters have other bits"));
  report.expect(same_history(usual.result.history, other.result.history), text(what, ": the history is another one"));
}

bool same_evaluation(const Evaluation& a, const Evaluation& b) {
  return std::memcmp(&a.loss.sum, &b.loss.sum, sizeof a.loss.sum) == 0 && a.loss.count == b.loss.count &&
         a.loss.scored == b.loss.scored && a.hits.correct == b.hits.correct && a.hits.scored == b.hits.scored;
}

void try_evaluation(Choices& choose, Report& report, const Stack<S>& model, const Dataset<S>& data) {
  Evaluation usual, again, other;
  if (!report.attempt("evaluate", [&] { usual = score(model, data, {}); })) return;
  report.attempt("evaluate again", [&] {
    again = score(model, data, {});
    other = score(model, data, {.batch_size = choose.size(), .threads = int(1 + choose.below(3))});
  });
  report.expect(same_evaluation(usual, again), "evaluate: another result the second time");
  report.expect(same_evaluation(usual, other), "evaluate: another result with other batches and threads");
}

}  // namespace

void try_runs(Choices& choose, Report& report, const RandomModel& made) {
  const auto data = random_data(choose, report, made);
  if (!data) return;
  FitOptions<S> options = good_options(choose);
  const Run begin{*made.model, random_optimizer(choose, false)};
  Run whole = begin;
  if (!whole("run", report, *data, options)) return;
  report.expect(whole.model.parameters().values().allFinite(), "a run ends with parameters that are not finite");
  try_evaluation(choose, report, whole.model, *data);

  Run threaded = begin;
  FitOptions<S> other = options;
  other.threads = 3;
  other.keeping = {Keep::checkpoints, choose.below(4)};
  other.evaluation_batch = choose.size();
  if (threaded("run in threads with checkpoints", report, *data, other))
    compare(report, "threads and checkpoints", whole, threaded);
  else
    report.fault("a run in threads with checkpoints is refused, without them it is not");

  Run stopped = begin, resumed = begin;
  options.epochs = 1 + choose.below(2);
  if (!stopped("run that is stopped", report, *data, options)) return report.fault("the first epochs are refused");
  const auto file = scratch_folder() / "checkpoint";
  if (!report.attempt("checkpoint", [&] {
        write_checkpoint(file, stopped.state, stopped.optimizer);
        read_checkpoint(file, resumed.state, resumed.optimizer);
      }))
    return report.fault("a checkpoint is refused");
  options.epochs = 3;
  if (resumed("resumed run", report, *data, options))
    compare(report, "resumed", whole, resumed);
  else
    report.fault("a resumed run is refused");
}

}  // namespace interface
