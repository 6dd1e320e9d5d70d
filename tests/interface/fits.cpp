// Training of random models with random options: it is refused, and nothing has changed, or its parameters are finite.

#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/train.hpp>

#include "interface/random_model.hpp"

namespace interface {
namespace {

/// One option out of the ordinary.
void odd_option(Choices& choose, FitOptions<S>& options, Report& report) {
  switch (choose.below(14)) {
    case 0:
      options.epochs = std::min<Index>(choose.size(true), 3);
      return report.also(text("epochs ", options.epochs));
    case 1:
      options.batches.size = choose.size(true);
      return report.also(text("batches of ", options.batches.size));
    case 2:
      options.batches.tokens = choose.size(true);
      return report.also(text("tokens ", options.batches.tokens));
    case 3:
      options.batches.by_length = true;
      options.batches.pool = choose.size(true);
      return report.also(text("pool ", options.batches.pool));
    case 4:
      options.validation_fraction = choose.real(true);
      return report.also(text("validation fraction ", options.validation_fraction));
    case 5:
      options.clip_norm = choose.real(true);
      options.clip_value = choose.real(true);
      options.clip_p = choose.one_of({1.0, 2.0, 3.5, std::numeric_limits<double>::infinity()});
      return report.also(text("clip ", options.clip_norm, " ", options.clip_value, " ", options.clip_p));
    case 6:
      options.truncation = {.update_every = choose.size(true),
                            .back = choose.coin() ? 0 : choose.size(true),
                            .accumulate = choose.coin()};
      return report.also(text("truncation ", options.truncation.update_every, " ", options.truncation.back));
    case 7:
      options.keeping = {Keep::checkpoints, choose.size(true)};
      return report.also(text("checkpoints every ", options.keeping.every));
    case 8:
      options.shard = choose.size(true);
      return report.also(text("shard ", options.shard));
    case 9:
      options.evaluation_batch = choose.size(true);
      options.validation_fraction = 0.4;
      return report.also(text("evaluation batch ", options.evaluation_batch));
    case 10:
      options.early_stopping = EarlyStopping{.patience = choose.size(true), .min_delta = choose.real(true)};
      options.validation_fraction = 0.4;
      return report.also("early stopping");
    case 11:
      options.plateau = PlateauOptions{.initial = choose.real(true),
                                       .factor = choose.real(true),
                                       .patience = choose.size(true),
                                       .threshold = choose.real(true),
                                       .cooldown = choose.size(true),
                                       .lowest = choose.real(true)};
      options.plateau_monitor = Monitor::training_loss;
      return report.also("plateau");
    case 12:
      options.average = WeightAverageOptions{.momentum = choose.real(true)};
      return report.also("average");
    default:
      options.learning_rate =
          LearningRate(schedule::Cosine{.initial = choose.real(true), .half_period = long(choose.size(true))},
                       LearningRate::per_update);
      return report.also("cosine");
  }
}

/// Targets for what the model gives: a class for each sequence, or numbers for each step of its output.
std::optional<Dataset<S>> random_data(Choices& choose, const RandomModel& made, Report& report) {
  const Stack<S>& model = *made.model;
  const Index samples = 1 + choose.below(7);
  std::vector<Matrix<S>> sequences, values;
  std::vector<Index> labels;
  for (Index s = 0; s < samples; ++s) {
    Matrix<S> sequence = choose.matrix(made.features, 1 + choose.below(6));
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

}  // namespace

void try_fit(Choices& choose, Report& report, const RandomModel& made) {
  Stack<S> model = *made.model;
  const auto data = random_data(choose, made, report);
  if (!data) return;
  FitOptions<S> options{.epochs = 2, .threads = int(1 + choose.below(3)), .progress = Progress::quiet};
  options.batches.size = choose.size();
  if (choose.coin()) odd_option(choose, options, report);
  const Vector<S> before = model.parameters().values();
  Adam<S> adam({.learning_rate = 1e-3});
  bool diverged = false;
  const bool trained = report.attempt("fit", [&] {
    try {
      if (model.per_step())
        fit(model, MeanSquaredError<S>(), adam, *data, options);
      else
        fit(model, SoftmaxCrossEntropy<S>(), adam, *data, options);
    } catch (const NonFiniteError&) {  // with an absurd rate; earlier updates were right
      diverged = true;
      throw;
    }
  });
  const Vector<S>& after = model.parameters().values();
  report.expect(after.allFinite(), "fit leaves parameters that are not finite");
  report.expect(trained || diverged || same_bits(before, after), "fit is refused after it has changed parameters");
  report.expect(trained || diverged || adam.updates() == 0, "fit is refused after it has changed the optimizer");
}

}  // namespace interface
