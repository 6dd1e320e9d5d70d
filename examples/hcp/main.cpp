// Brain decoding: classifies movie clips from the activity of brain regions at every second.
// bin/hcp [train] [--model lstm] [--data X.npy --meta meta.csv] ...      bin/hcp --help
// Takes about 20 seconds with the defaults. Prints the accuracy on participants that are not in the training
// data. bin/hcp controls trains on shuffled, random and permuted data and reports whether information leaks.

#include <filesystem>
#include <nlohmann/json.hpp>

#include "../support/program.hpp"
#include "../support/run_folder.hpp"
#include "files.hpp"
#include "model_file.hpp"
#include "pictures.hpp"
#include "predictions.hpp"
#include "report.hpp"
#include "unroll/io/atomic_file.hpp"

using namespace unroll;
using namespace hcp;

namespace {

void print(const Options& options, const std::string& words) {
  if (!options.running.quiet && !options.running.json) example::print(words);
}

/// Options with their values, without those of the synthetic data for other data.
nlohmann::json settings_of(const CLI::App& verb, const Options& options) {
  auto settings = nlohmann::json::parse(example::settings_json(verb));
  if (!options.data.empty())
    for (const std::string& name : synthetic_options()) settings.erase(name.substr(2));
  return settings;
}

/// Takes the values of a loaded model in place of options.
ModelFile load(Options& options) {
  ModelFile file = read_model(options.load);
  options.model = file.options;
  options.steps = file.steps;
  options.stand_in.regions = file.regions;
  return file;
}

std::filesystem::path meta_of(const Options& options) {
  return options.meta.empty() ? std::filesystem::path(options.data).replace_filename("meta.csv")
                              : std::filesystem::path(options.meta);
}

/// Data of the user, or synthetic ones; `file`: the loaded model, whose classes and regions they must have.
Data read_data(const Options& options, const ModelFile* file) {
  const auto named = options.classes.empty() ? std::vector<std::string>() : read_names(options.classes);
  Data data = options.data.empty() ? make_stand_in(options.stand_in, options.steps)
                                   : read_recordings(options.data, meta_of(options), options.steps,
                                                     file != nullptr ? file->classes : named);
  if (file == nullptr) return data;
  require<ShapeError>(file->regions == data.clips.features(), data.source, ": must have ", file->regions,
                      " regions, as the training data of ", options.load, ", got ", data.clips.features());
  require<ValueError>(file->classes == data.classes,
                      "--data must be given: the synthetic data do not have the classes of ", options.load);
  return data;
}

/// Facts about a training for its model file.
Facts facts_of(const Options& options, const Data& data, const Run& run) {
  const TrainingOptions& training = options.training;
  return {{"data", data.source},
          {"data fingerprint", fingerprint(data)},
          {"seed", text(run.seed)},
          {"epochs", text(run.training.history.size())},
          {"batch", text(training.batch)},
          {"rate", text(training.rate)},
          {"l2", text(training.l2)},
          {"clip", text(training.clip)},
          {"validation", text(options.validation)},
          {"patience", text(training.patience)},
          {"loaded", options.load}};
}

void write_files(const std::filesystem::path& folder, const Options& options, const nlohmann::json& settings,
                 const Data& data, const Division& division, const Model* model, const Results& results) {
  const std::string metrics = metrics_json(settings, data, division, results);
  if (!folder.empty()) {
    write_text(folder / "metrics.json", metrics);
    const auto& shown = division.test.empty() ? division.training : division.test;
    const std::string missing = write_report(folder, settings, data, shown, model, results);
    const bool saved = std::filesystem::exists(folder / "model.safetensors");
    print(options, text("files in ", folder.string(), ": report.html, metrics.json", saved ? ", model.safetensors" : "",
                        missing.empty() ? "" : "; without figures: " + missing, "\n"));
  }
  if (options.running.json && !options.running.quiet) example::print(metrics);
}

int train(const CLI::App& verb, Options& options) {
  std::optional<ModelFile> loaded;
  if (!options.load.empty()) loaded = load(options);
  const Data data = read_data(options, loaded ? &*loaded : nullptr);
  fit_to_participants(options, data);
  const Division division = divide(options, data);
  (void)held_out(division.training, options.validation, 0);  // throws before the folder changes
  example::RunFolder folder(verb, options.running, {"epochs"});
  example::check_copy(options.save);
  folder.begin(fingerprint(data));
  options.folder = folder.path();
  print(options, data_text(data, division));
  TrainedOn trained = trained_on(data, division.training);
  if (loaded && loaded->trained_on) trained = joined(std::move(trained), *loaded->trained_on);
  const bool known = !loaded || loaded->trained_on;
  Results results;
  const auto seeds = options.seeds.all();
  std::unique_ptr<Model> saved;
  for (const std::uint64_t seed : seeds) {
    Run run{.seed = seed};
    if (options.folds > 0)
      cross_validate(options, data, division, results, run, [&](const Fold& fold) {
        print(options, fold_text(results.folds.size() % std::size_t(options.folds) + 1, fold));
      });
    if (run.cross_validation) print(options, text("cross-validation: ", percent_text(*run.cross_validation), "\n\n"));
    auto model = make_model(options.model, data.clips.features(), data.clips.classes());
    loaded ? model->load(options.load) : model->initialise(seed);
    print(options, text(options.model.kind, " with ", model->parameters(), " parameters, seed ", seed, "\n"));
    run.training = train_model(*model, options, data, division, seed,
                               [&](const Epoch& epoch) { print(options, epoch_text(epoch, options.training.epochs)); });
    if (run.training.best_epoch > 0 && options.training.patience > 0)
      print(options, text("parameters of epoch ", run.training.best_epoch, ", with the lowest validation loss\n"));
    if (!division.test.empty())
      test_model(*model, data, division.test, known ? std::optional(trained) : std::nullopt, results, run);
    const auto write = [&](const std::string& name) {
      write_model(folder / name, *model, options.model, options.steps, data.classes, trained,
                  facts_of(options, data, run), data.clips.sequence(0));
    };
    if (seeds.size() > 1) write(text("model-", seed, ".safetensors"));
    results.runs.push_back(run);
    if (&results.best() == &results.runs.back()) write("model.safetensors"), saved = std::move(model);
  }
  if (!results.test && !results.cross_validation)
    throw ValueError("hcp: no participant was tested; give --test-participants or --test-people");
  print(options, "\n" + moments_text(results.main()) + chance_text(results.chance));
  write_files(folder.path(), options, settings_of(verb, options), data, division, saved.get(), results);
  example::write_copy(folder / "model.safetensors", options.save);
  write_scores(folder.path(), scores_of(data, results.runs));
  print(options, seeds_text(results) + known_text(results) + result_text(results));
  return 0;
}

int controls(const CLI::App& verb, Options& options) {
  const Data data = read_data(options, nullptr);
  fit_to_participants(options, data);
  const Division division = divide(options, data);
  example::RunFolder folder(verb, options.running);
  folder.begin(fingerprint(data));
  options.folder = folder.path();
  print(options, data_text(data, division));
  Results results;
  run_controls(options, data, division, results, [&](Control control, Index repeat, const GroupedHits& hits) {
    print(options, run_text(control, repeat, hits));
  });
  write_files(folder.path(), options, settings_of(verb, options), data, division, nullptr, results);
  print(options, text("\n", results.leak->table(), "\n", results.leak->verdict(), "\n"));
  return 0;
}

int evaluate_recordings(const CLI::App& verb, Options& options) {
  const ModelFile file = load(options);
  const Data data = read_data(options, &file);
  const Division division{.training = {}, .test = tested_people(options, data)};
  std::filesystem::path path;
  if (!options.running.out.empty()) {
    example::RunFolder folder(verb, options.running);
    folder.begin(fingerprint(data));
    path = folder.path();
  }
  print(options, data_text(data, division));
  Results results;
  Run run;
  test_model(*file.model, data, division.test, file.trained_on, results, run);
  print(options, "\n" + moments_text(results.main()) + chance_text(results.chance));
  write_files(path, options, settings_of(verb, options), data, division, file.model.get(), results);
  if (!path.empty()) write_scores(path, scores_of(data, {run}));
  print(options, known_text(results) + result_text(results));
  return 0;
}

int predict_recordings(const CLI::App& verb, Options& options) {
  const ModelFile file = load(options);
  Data data = options.data.empty() ? read_data(options, &file)
                                   : read_unlabelled(options.data,
                                                     options.meta.empty() && !std::filesystem::exists(meta_of(options))
                                                         ? std::filesystem::path()
                                                         : meta_of(options),
                                                     options.steps, file.classes);
  require<ShapeError>(file.regions == data.clips.features(), data.source, ": must have ", file.regions,
                      " regions, as the training data of ", options.load, ", got ", data.clips.features());
  const Outputs outputs = file.model->predict(data.clips);
  const std::string csv = predictions_csv(data, outputs), json = predictions_json(data, outputs);
  if (options.running.out.empty()) {
    if (!options.running.quiet) example::print(options.running.json ? json : csv);
    return 0;
  }
  example::RunFolder folder(verb, options.running);
  folder.begin(fingerprint(data));
  write_text(folder / "predictions.csv", csv);
  write_text(folder / "predictions.json", json);
  if (options.steps_output) write_text(folder / "steps.csv", steps_csv(data, outputs));
  print(options, text("predictions of ", data.clips.size(), " sequences in ", folder.path().string(),
                      ": predictions.csv, predictions.json", options.steps_output ? ", steps.csv" : "", "\n"));
  if (options.running.json && !options.running.quiet) example::print(json);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("hcp", [&] {
    return example::run_verbs(
        "hcp", "Classifies movie clips from the activity of brain regions at every second.", argc, argv,
        {example::verb_with<Options>(
             "train", "trains a network, or continues the training of one; with cross-validation and test",
             add_train_options, check_options, train),
         example::verb_with<Options>("evaluate", "tests a trained network on recordings with classes",
                                     add_evaluate_options, check_options, evaluate_recordings),
         example::verb_with<Options>("predict", "predicts the classes of new recordings, as CSV or JSON",
                                     add_predict_options, check_options, predict_recordings),
         example::verb_with<Options>("controls", "trains on shuffled, random and permuted data, as a test for leaks",
                                     add_controls_options, check_options, controls)},
        {{"--controls", "controls"}});
  });
}
