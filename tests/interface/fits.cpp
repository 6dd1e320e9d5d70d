// Random tests of training. A refused run changes nothing; an accepted one ends with finite parameters.

#include "interface/random_model.hpp"

namespace interface {
namespace {

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

}  // namespace

void try_fit(Choices& choose, Report& report, const RandomModel& made) {
  Stack<S> model = *made.model;
  const auto data = random_data(choose, report, made);
  if (!data) return;
  FitOptions<S> options{.epochs = 2, .threads = int(1 + choose.below(3)), .progress = Progress::quiet};
  options.batches.size = choose.size();
  if (choose.coin()) odd_option(choose, options, report);
  const VectorX<S> before = model.parameters().values();
  std::optional<AnyOptimizer> optimizer;
  if (!report.attempt("optimizer", [&] { optimizer.emplace(random_optimizer(choose, choose.one_in(6))); })) return;
  const std::vector<double> optimizer_before = optimizer->state();
  TrainingState<S> state;
  bool diverged = false;
  const bool trained = report.attempt("fit", [&] {
    try {
      train(model, *optimizer, *data, options, state);
    } catch (const NonFiniteError&) {  // too large a rate; earlier updates were valid
      diverged = true;
      throw;
    }
  });
  const VectorX<S>& after = model.parameters().values();
  report.expect(!trained || after.allFinite(), "fit ends with parameters that are not finite");
  report.expect(state.parameters.allFinite(), "the state of fit has parameters that are not finite");
  report.expect(trained || diverged || same_bits(before, after), "fit is refused after it has changed parameters");
  report.expect(trained || diverged || optimizer->state() == optimizer_before,
                "fit is refused after it has changed the optimizer");
}

}  // namespace interface
