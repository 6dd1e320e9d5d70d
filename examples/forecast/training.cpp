#include "training.hpp"

#include <algorithm>
#include <cmath>

#include "../support/fingerprint.hpp"
#include "../support/format.hpp"
#include "../support/memory.hpp"
#include "../support/trained.hpp"
#include "baselines.hpp"
#include "predictions.hpp"
#include "unroll/losses/mean_squared_error.hpp"
#include "unroll/losses/pinball.hpp"
#include "unroll/optim/adam.hpp"

namespace forecast {

using namespace unroll;
using example::format;

namespace {

Index share_of(double share, Index all, Index least) {
  return share > 0 ? std::max(least, Index(std::lround(share * double(all)))) : 0;
}

/// Division of the steps of each series, or of the series of a regression, in their order.
void divide(Data& data, const Options& options) {
  const double tested = options.test.empty() ? options.test_share : 0;
  const double validated = validation_share(options).value_or(0);
  const bool regression = options.plan.regression();
  const auto count = Index(data.set.series.size());
  for (Index k = 0; k < count; ++k) {
    const Index all = regression ? count : data.set.series[std::size_t(k)].values.cols();
    const Index least = regression ? 1 : options.plan.horizon;
    const Index validation = all - share_of(tested, all, least),
                training = validation - share_of(validated, all, least);
    require<ValueError>(training > 0, name_of(data.set, std::size_t(k)), ": must have more ",
                        regression ? "series" : "steps", " than its validation and test parts, ", validation - training,
                        " and ", all - validation, ", got ", all);
    const Index steps = data.set.series[std::size_t(k)].values.cols();
    data.borders.push_back(regression ? Borders{k < training ? steps : 0, k < validation ? steps : 0}
                                      : Borders{training, validation});
  }
}

/// Adds the series of another file to one part.
void append(Data& data, const std::string& file, const Options& options, Part part) {
  ReadOptions reading = options.reading();
  reading.values.clear();
  SeriesSet more = read_series(file, reading);
  require<ValueError>(more.channels == data.set.channels && more.values.empty() == data.set.values.empty(), file,
                      ": must have the channels of ", data.set.source, ", and values as there");
  for (Series& one : more.series) {
    if (one.name.empty()) one.name = file;
    data.borders.push_back({0, part == Part::validation ? one.values.cols() : 0});
    data.set.series.push_back(std::move(one));
  }
  data.set.values.insert(data.set.values.end(), more.values.begin(), more.values.end());
}

void check_parts(const Plan& plan, const Data& data) {
  for (std::size_t k = 0; k < data.borders.size(); ++k) {
    const Borders& borders = data.borders[k];
    const Index steps = data.set.series[k].values.cols();
    require<ValueError>(plan.regression() || steps > plan.first_origin() + plan.horizon, name_of(data.set, k),
                        ": must have at least ", plan.first_origin() + plan.horizon + 1, " steps, for a window of ",
                        plan.window, " and a horizon of ", plan.horizon, ", got ", steps);
    require<ValueError>(
        plan.regression() || borders.training == 0 || borders.training > plan.first_origin() + plan.horizon + 1,
        name_of(data.set, k), ": the training part must have at least ", plan.first_origin() + plan.horizon + 2,
        " steps, for two windows, got ", borders.training);
  }
}

/// Ends of the steps that give the scale of the scaled error.
std::vector<Index> scale_ends(const Plan& plan, const Data& data) {
  std::vector<Index> ends;
  for (const Borders& borders : data.borders)
    ends.push_back(borders.training > 0 ? borders.training : plan.first_origin() + 1);
  return ends;
}

template <class Add>
Scores scored(const Plan& plan, const SeriesSet& set, const std::vector<Origin>& origins,
              const std::vector<Index>& ends, const Add& add) {
  std::vector<std::vector<double>> scales;
  for (std::size_t k = 0; k < set.series.size(); ++k) scales.push_back(scales_of(plan, set, k, ends[k]));
  Scores scores(plan);
  for (std::size_t n = 0; n < origins.size(); ++n) add(scores, n, scales[origins[n].series]);
  return scores;
}

std::vector<Origin> training_origins(const Options& options, const Plan& plan, const Windows& windows,
                                     const Data& data) {
  const auto all = windows.origins(plan, data, Part::training, false);
  if (options.limit == 0) return all;
  std::vector<Origin> some;
  for (std::size_t n = 0; n < all.size(); ++n) {
    const std::size_t later = n + std::size_t(options.limit);
    if (later >= all.size() || all[later].series != all[n].series) some.push_back(all[n]);
  }
  return some;
}

std::string epoch_text(const Epoch& epoch, Index epochs, const char* loss) {
  return format("epoch %4.0f/%ld  %s %.4f  validation %.4f  %.1f s\n", epoch.epoch, long(epochs), loss, epoch.loss,
                epoch.validation_loss, epoch.seconds);
}

struct Sets {
  Dataset<float> training, validation;
};

FitResult fit_run(Network& network, const Options& options, const Plan& plan, const Sets& sets, std::uint64_t seed,
                  const std::filesystem::path& checkpoint, const std::function<void(const Epoch&)>& on_epoch) {
  constexpr Index never = Index(1) << 40;
  const FitOptions<float> fit{
      .epochs = options.epochs,
      .batches = {.size = options.batch},
      .seed = seed,
      .validation = &sets.validation,
      .clip_norm = options.clip,
      .early_stopping = EarlyStopping{.patience = options.patience > 0 ? options.patience : never},
      .threads = {options.running.threads},
      .products = example::precision_of(options.products),
      .on_epoch = [&](const Epoch& epoch) { return on_epoch(epoch), true; }};
  const example::RunControl control{checkpoint, options.running.checkpoint_seconds,
                                    options.running.quiet || options.running.json};
  Adam<float> adam({.learning_rate = options.rate});
  if (plan.recursive()) return example::train(network, MeanSquaredError<float>(), adam, sets.training, fit, control);
  return example::train(network, Pinball<float>({.quantiles = plan.quantiles}), adam, sets.training, fit, control);
}

}  // namespace

void make_regression(const CLI::App& verb, Plan& plan) {
  for (const char* name : {"--horizon", "--season", "--mode", "--transform", "--exogenous"})
    if (verb.get_option_no_throw(name) != nullptr && verb.count(name) > 0 && verb.count("--config") == 0 &&
        verb.count("--load") == 0)
      example::refuse(name, "must be left out in a regression of one value per series");
  if (plan.model != "rnn") example::refuse("--model", "must be rnn in a regression: series have different lengths");
  plan.task = "regression", plan.mode = "direct", plan.transform = "none", plan.horizon = 1, plan.season = 0;
}

std::string fingerprint(const Data& data) {
  std::string all = fingerprint(data.set);
  for (const Borders& borders : data.borders) all += text(" ", borders.training, "-", borders.validation);
  return example::Fingerprint().add(all.data(), all.size()).text();
}

Data read_data(const CLI::App& verb, Options& options, const ModelFile* loaded) {
  Data data{read_series(options.data, options.reading()), {}};
  if (!data.set.values.empty()) make_regression(verb, options.plan);
  options.plan.channels = data.set.channels, options.plan.targets = data.set.targets;
  divide(data, options);
  if (!validation_share(options)) append(data, options.validation, options, Part::validation);
  if (!options.test.empty()) append(data, options.test, options, Part::test);
  check_parts(options.plan, data);
  for (std::size_t k = 0; loaded != nullptr && k < data.borders.size(); ++k) {
    const Index seen = seen_steps(loaded->seen, data.set.series[k]);
    require<ValueError>(
        data.borders[k].validation >= seen || data.borders[k].validation == data.set.series[k].values.cols(),
        name_of(data.set, k), ": the test part must begin at step ", seen,
        " or later, because the loaded model was trained on the steps before, got ", data.borders[k].validation);
  }
  if (const Index missing = data.set.missing(); missing > 0)
    data.remarks.push_back(text(missing, " missing values: inputs repeat the last value, targets are not scored"));
  return data;
}

const Run& Results::best() const {
  return *std::ranges::min_element(runs, {}, [](const Run& run) { return run.validation_loss(); });
}

Scores scores_of(const ModelFile& model, const Windows& windows, const std::vector<Origin>& origins,
                 const std::vector<Index>& ends, int threads) {
  const auto all = forecasts(model.network, model.plan, windows, origins, threads);
  return scored(model.plan, windows.set(), origins, ends, [&](Scores& scores, std::size_t n, const auto& scales) {
    scores.add(windows, origins[n], all[n], scales);
  });
}

Scores baseline_scores(const Plan& plan, const Windows& windows, const std::vector<Origin>& origins,
                       const std::vector<Index>& ends, std::size_t number) {
  return scored(plan, windows.set(), origins, ends, [&](Scores& scores, std::size_t n, const auto& scales) {
    scores.add(windows, origins[n], baseline_forecast(plan, windows, origins[n], number), scales);
  });
}

Results train_all(const Options& options, const Plan& plan, const Windows& windows, const Data& data,
                  const ModelFile* loaded, const std::filesystem::path& folder,
                  const std::function<void(const std::string&)>& print) {
  const auto training = training_origins(options, plan, windows, data);
  const auto validation = windows.origins(plan, data, Part::validation, true);
  const auto test = windows.origins(plan, data, Part::test, true);
  for (const auto& [part, origins] : {std::pair("validation", &validation), {"test", &test}})
    require<ValueError>(!origins->empty(), data.set.source, ": the ", part, " part must have at least ", plan.horizon,
                        " steps after a window of ", plan.window, ", got none");
  const auto values = double(plan.channels.size()) * double(plan.window) * double(training.size() + validation.size());
  example::check_memory(std::size_t(8 * values), example::available_memory(), "try --limit or a smaller --window");
  const Sets sets{windows.dataset(plan, training, Part::training, data),
                  windows.dataset(plan, windows.origins(plan, data, Part::validation, false), Part::validation, data)};
  const auto ends = scale_ends(plan, data);
  Results results;
  const auto names = baseline_names(plan);
  for (std::size_t k = 0; k < names.size(); ++k)
    results.baselines.push_back(
        {names[k], baseline_scores(plan, windows, validation, ends, k), baseline_scores(plan, windows, test, ends, k)});
  for (const std::uint64_t seed : options.seeds.all()) {
    ModelFile model{plan, make_network(plan), seen_in(data)};
    model.network.initialise(seed);
    if (loaded != nullptr) {
      model.network.parameters().values() = loaded->network.parameters().values();
      model.seen.insert(model.seen.end(), loaded->seen.begin(), loaded->seen.end());
    }
    print(text("seed ", seed, ", ", model.network.parameters().size(), " parameters, ", training.size(),
               " training windows\n"));
    FitResult fit =
        fit_run(model.network, options, plan, sets, seed, folder / text("checkpoint-seed", seed, ".safetensors"),
                [&](const Epoch& epoch) {
                  print(epoch_text(epoch, options.epochs, plan.recursive() ? "squared error" : "pinball loss"));
                });
    if (plan.recursive()) fit_error_quantiles(model.plan, model.network, windows, validation, options.running.threads);
    Scores own = scores_of(model, windows, validation, ends, options.running.threads);
    Scores tested = scores_of(model, windows, test, ends, options.running.threads);
    print(text("parameters of epoch ", fit.best_epoch, ", with the lowest validation loss\n"));
    results.runs.push_back({seed, std::move(fit), std::move(model), std::move(own), std::move(tested)});
  }
  return results;
}

}  // namespace forecast
