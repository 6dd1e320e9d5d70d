// Forecasting of time series: several steps ahead, with quantiles, and the regression of one value per series.
// bin/forecast [train] [--data MINE.csv --columns co2 --horizon 12] ...                bin/forecast VERB --help
// bin/forecast evaluate --load MODEL --data NEW       errors at many origins of series with known values
// bin/forecast predict --load MODEL --data NEW        continues the series
// Takes less than a minute with the defaults. Prints errors on the test part and those of baselines.

#include "../support/program.hpp"
#include "../support/run_folder.hpp"
#include "baselines.hpp"
#include "predictions.hpp"
#include "report.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/input_file.hpp"

using namespace unroll;
using namespace forecast;

namespace {

void print(const Options& options, const std::string& words) {
  if (!options.running.quiet && !options.running.json) example::print(words);
}
std::string text_of(const nlohmann::ordered_json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}
void print_json(const Options& options, const std::string& json) {
  if (options.running.json && !options.running.quiet) example::print(json);
}

/// Throws ValueError if an option contradicts the loaded model.
void check_options_of(const ModelFile& model, const Options& options) {
  const auto given = network_options(options.plan), fixed = network_options(model.plan);
  for (const auto& [name, value] : fixed.items())
    require<ValueError>(given.at(name) == value, "--", name, " must be ", value.dump(), ", as in ", options.load,
                        ", got ", given.at(name).dump());
}

std::map<std::string, std::string> facts_of(const Options& options, const Data& data, const Run& run) {
  return {{"data", data.set.source},
          {"data fingerprint", fingerprint(data)},
          {"seed", text(run.seed)},
          {"epochs", text(options.epochs)},
          {"epoch of the parameters", text(run.fit.best_epoch)},
          {"batch", text(options.batch)},
          {"learning rate", text(options.rate)},
          {"clip", text(options.clip)},
          {"patience", text(options.patience)},
          {"loaded", options.load}};
}

int train(const CLI::App& verb, Options& options) {
  example::RunFolder folder(verb, options.running, {"epochs"});
  std::optional<ModelFile> loaded;
  if (!options.load.empty()) {
    loaded = read_model(options.load);
    check_options_of(*loaded, options);
  }
  const Data data = read_data(verb, options, loaded ? &*loaded : nullptr);
  Plan plan = loaded ? loaded->plan : options.plan;
  const Windows windows(plan, data.set);
  if (!loaded) windows.fit_scale(plan, data);
  fit_baseline(plan, windows, data);
  example::check_copy(options.save);
  folder.begin(fingerprint(data) + (loaded ? fingerprint(loaded->network) : ""));
  print(options, data_text(plan, data) + "\n");
  const Results results = train_all(options, plan, windows, data, loaded ? &*loaded : nullptr, folder.path(),
                                    [&](const std::string& words) { print(options, words); });
  for (const Run& run : results.runs) {
    const auto write = [&](const std::string& name) {
      write_model(folder / name, run.model, facts_of(options, data, run));
    };
    if (results.runs.size() > 1) write(text("model-", run.seed, ".safetensors"));
    if (&run == &results.best()) write("model.safetensors");
  }
  example::write_copy(folder / "model.safetensors", options.save);
  const ModelFile& best = results.best().model;
  const auto origins = windows.origins(plan, data, Part::test, true);
  const auto settings = nlohmann::ordered_json::parse(example::settings_json(verb));
  const std::string json = text_of(results_json(settings, data, results));
  write_text(folder / "results.json", json);
  write_text(folder / "history.csv", history_csv(results));
  write_text(folder / "forecasts.csv",
             forecasts_csv(best.plan, windows, origins,
                           forecasts(best.network, best.plan, windows, origins, options.running.threads), true));
  const std::string missing = write_report(folder.path(), settings, windows, data, results, options.running.threads);
  Named all;
  for (const Run& run : results.runs) all.emplace_back(text("network, seed ", run.seed), &run.test);
  for (const Baseline& one : results.baselines) all.emplace_back(one.name, &one.test);
  write_scores(folder.path(), scores_of(results, origins));
  print(options, text("\ntest part, ", origins.size(), " origins\n", comparison_text(best.plan, all), "files in ",
                      options.running.out, ": model.safetensors, report.html, results.json, forecasts.csv, history.csv",
                      missing.empty() ? "" : "; without figures: " + missing, "\n", result_text(results)));
  print_json(options, json);
  return 0;
}

/// Series of a verb that applies a model.
SeriesSet read_new(const Options& options, const ModelFile& model, bool needs_values) {
  ReadOptions reading = options.reading();
  SeriesSet set = read_series(options.data, reading);
  require<ValueError>(!needs_values || model.plan.regression() == !set.values.empty(), options.data, ": must have ",
                      model.plan.regression() ? "a value of each series, as the training data of "
                                              : "no values of whole series, as the training data of ",
                      options.load);
  if (model.plan.regression()) set.targets = 1;
  if (!needs_values) set.values.clear();
  return set;
}

/// Files and output of the verbs evaluate and predict. `scores`: null for predictions, which are not tested.
void write_results(const CLI::App& verb, const Options& options, const SeriesSet& set, const std::string& csv,
                   const std::string& json, const std::string& words, const char* json_name,
                   const example::RunScores* scores) {
  if (!options.running.out.empty()) {
    example::RunFolder folder(verb, options.running);
    folder.begin(fingerprint(set));
    write_text(folder / "forecasts.csv", csv);
    write_text(folder / json_name, json);
    if (scores != nullptr) write_scores(folder.path(), *scores);
    print(options, text("files in ", options.running.out, ": forecasts.csv, ", json_name, "\n"));
  }
  print(options, words);
  print_json(options, json);
}

int evaluate_series(const CLI::App& verb, Options& options) {
  const ModelFile model = read_model(options.load);
  const SeriesSet set = read_new(options, model, true);
  const Windows windows(model.plan, set);
  std::vector<Origin> origins;
  std::vector<Index> ends;
  Index excluded = 0;
  for (std::size_t k = 0; k < set.series.size(); ++k) {
    const Index seen = seen_steps(model.seen, set.series[k]);
    excluded += seen;
    ends.push_back(std::max(seen, model.plan.first_origin() + 1));
    const auto all = windows.origins_from(model.plan, k, seen);
    std::vector<Origin> some;
    for (auto at = Index(all.size()) - 1; at >= 0; at -= options.every)
      if (options.origins == 0 || Index(some.size()) < options.origins) some.push_back(all[std::size_t(at)]);
    origins.insert(origins.end(), some.rbegin(), some.rend());
  }
  require<ValueError>(!origins.empty(), options.data, ": must have at least one origin with a window of ",
                      model.plan.window, " steps before it and ", model.plan.horizon, " new steps after it, got none; ",
                      excluded, " steps are training or validation data of the model");
  const Scores network = scores_of(model, windows, origins, ends, options.running.threads);
  std::vector<Scores> baselines;
  const auto names = baseline_names(model.plan);
  for (std::size_t k = 0; k < names.size(); ++k)
    baselines.push_back(baseline_scores(model.plan, windows, origins, ends, k));
  Named all{{"network", &network}};
  nlohmann::ordered_json json{{"data", options.data},
                              {"model", options.load},
                              {"origins", origins.size()},
                              {"excluded_steps", excluded},
                              {"network", errors_json(model.plan, network)}};
  for (std::size_t k = 0; k < names.size(); ++k) {
    all.emplace_back(names[k], &baselines[k]);
    json["baselines"].push_back({{"name", names[k]}, {"errors", errors_json(model.plan, baselines[k])}});
  }
  const auto made = forecasts(model.network, model.plan, windows, origins, options.running.threads);
  const auto of_items = scores_of(model.plan, origins, {{0, &network}});
  write_results(verb, options, set, forecasts_csv(model.plan, windows, origins, made, true), text_of(json),
                text(excluded > 0 ? text(excluded, " steps of the training and validation data are excluded\n") : "",
                     origins.size(), " origins\n", comparison_text(model.plan, all)),
                "results.json", &of_items);
  return 0;
}

int predict_series(const CLI::App& verb, Options& options) {
  const ModelFile model = read_model(options.load);
  const SeriesSet set = read_new(options, model, false);
  const Windows windows(model.plan, set);
  std::vector<Origin> origins;
  for (std::size_t k = 0; k < set.series.size(); ++k) {
    const Index steps = set.series[k].values.cols();
    require<ValueError>(model.plan.regression() || steps > model.plan.first_origin(), name_of(set, k),
                        ": must have at least ", model.plan.first_origin() + 1, " steps for the window, got ", steps);
    origins.push_back({k, steps - 1});
  }
  const auto made = forecasts(model.network, model.plan, windows, origins, options.running.threads);
  const std::string csv = forecasts_csv(model.plan, windows, origins, made, false);
  write_results(verb, options, set, csv, text_of(forecasts_json(model.plan, windows, origins, made)),
                options.running.out.empty() ? csv : std::string(), "forecasts.json", nullptr);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("forecast", [&] {
    return example::run_verbs(
        "forecast", "Trains and tests recurrent networks that forecast time series.", argc, argv,
        {example::verb_with<Options>("train", "trains a network, or continues the training of one", add_train_options,
                                     check_options, train, inherited),
         example::verb_with<Options>("evaluate", "tests a trained network at many origins of series",
                                     add_evaluate_options, check_options, evaluate_series, inherited),
         example::verb_with<Options>("predict", "continues series, as CSV or JSON", add_predict_options, check_options,
                                     predict_series, inherited)});
  });
}
