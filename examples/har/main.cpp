// Activity recognition: classifies ten seconds of a smart watch's accelerometer and gyroscope.
// bin/har [train] [--cell lstm] [--units 64] [--data MINE] ...                            bin/har VERB --help
// bin/har study       several settings, several seeds each, of which validation data select one
// bin/har stream      recordings with a class at every step
// bin/har evaluate --load MODEL --data NEW, and predict, train and stream: a trained model on new data
// Takes less than ten seconds with the defaults. Prints the mean accuracy on the test sequences.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>

#include "../support/format.hpp"
#include "../support/program.hpp"
#include "../support/run_folder.hpp"
#include "application.hpp"
#include "event_files.hpp"
#include "pictures.hpp"
#include "readers.hpp"
#include "report.hpp"
#include "search.hpp"
#include "stand_in.hpp"
#include "stream_report.hpp"
#include "study_report.hpp"
#include "unroll/models/summary.hpp"

using namespace unroll;
using namespace har;
using example::format;

namespace {

Recordings read_training_data(const Options& options) {
  if (options.data.empty()) return read_ts_pair(options.train, options.test);
  if (options.data == "stand-in") return make_stand_in({});
  return read_recordings(options.data, options.window);
}

template <class Training>
Data prepared(RecordingsOf<Training> recordings, const Options& options, const TrainedModel* before) {
  if (const std::string file = options.validation_file(); !file.empty())
    recordings.validation = read_validation(file, recordings.classes, recordings.train.features());
  if (before == nullptr) return prepare(std::move(recordings));
  check_fits(*before, recordings.classes, recordings.train.features(), recordings.sample_rate);
  return prepare(std::move(recordings), before->standardizer());
}

Data read_data(const Options& options, const TrainedModel* before) {
  if (!options.lazy) return prepared(read_training_data(options), options, before);
  return prepared(options.data.empty() ? read_ts_pair_lazily(options.train, options.test) : read_lazily(options.data),
                  options, before);
}

void print(const Options& options, const std::string& words) {
  if (!options.running.quiet && !options.running.json) example::print(words);
}

/// Prints the results as JSON with --json.
void print_json(const Options& options, const nlohmann::json& json) {
  if (options.running.json) example::print(text_of(json));
}

/// Model of --load; sets the options of its network.
std::optional<TrainedModel> loaded_model(Options& options) {
  if (options.load.empty()) return std::nullopt;
  std::optional<TrainedModel> model = read_trained(options.load);
  require<ValueError>(model->options.stream == options.stream, options.load, ": the model must be one for ",
                      options.stream ? "a class at every step, which the verb stream trains"
                                     : "whole sequences, which the verb train trains");
  const auto file = options.load;
  take_network(network_json(model->options), file, options);
  if (options.stream) options.directions = {options.direction};
  return model;
}

/// Maximum number of steps of a training batch.
Index largest_batch_steps(const Options& options, const LazyDataset<float>& data) {
  std::vector<Index> lengths;
  for (Index s = 0; s < data.size(); ++s) lengths.push_back(data.length(s));
  std::sort(lengths.rbegin(), lengths.rend());
  lengths.resize(std::min(lengths.size(), std::size_t(options.setting.batch)));
  return std::accumulate(lengths.begin(), lengths.end(), Index(0));
}

/// Data, model summary, and the loss with initial parameters.
std::string start_text(const Options& options, const Data& data, Network& network, Index steps) {
  const double loss = score(network, data.test, options, options.running.threads).loss;
  return text(data_text(data), "\n", summary(network, steps, options.setting.batch).text(), "\n",
              format("loss before training %.4f; loss of uniform probabilities, ln %zu = %.4f\n\n", loss,
                     data.classes.size(), std::log(double(data.classes.size()))));
}

std::string results_text(const Options& options, const Data& data, const std::vector<Run>& runs, const Run& best) {
  std::string words = text("\nconfusion matrix of the test sequences, all runs; rows: true class, columns: predicted\n",
                           confusion_text(confusion_of_all(runs), data.classes), "\n");
  const auto tops = top_summaries(runs, &Run::test);
  for (std::size_t k = 1; k < tops.size(); ++k) words += text("top-", k + 1, " ", percent_text(tops[k]), "\n");
  return words + text("files in ", options.running.out, ": model.safetensors (seed ", best.seed,
                      "), metrics.json, history.csv\n");
}

std::string page_text(const std::string& missing) {
  return missing.empty() ? "report page: report.html\n"
                         : text("report page: report.html, without figures: ", missing, "\n");
}

/// Event files of all runs.
class AllEvents {
 public:
  AllEvents(const Options& options, bool resumes) : folder_(options.tensorboard), resumes_(resumes) {}
  RunEvents& of(std::uint64_t seed) {
    auto& events = events_[seed];
    if (!events) events = std::make_unique<RunEvents>(folder_, seed, resumes_);
    return *events;
  }
  bool used() const { return !folder_.empty(); }

 private:
  std::string folder_;
  bool resumes_;
  std::map<std::uint64_t, std::unique_ptr<RunEvents>> events_;
};

int train_verb(const CLI::App& verb, Options options) {
  example::RunFolder folder(verb, options.running, {"epochs", "lazy"});
  const auto before = loaded_model(options);
  const Data data = read_data(options, before ? &*before : nullptr);
  AllEvents events(options, folder.resumes());
  const auto seeds = options.seeds.all();
  if (events.used() && !folder.resumes())
    for (const std::uint64_t seed : seeds) events.of(seed);  // an error before training
  example::check_copy(options.save);
  folder.begin(data_fingerprint(data));
  const auto run_folder = folder.inner("runs");
  const Runs runs(options, data, run_folder, before ? &*before : nullptr);
  const auto jobs = jobs_of({options.setting}, options, options.epochs);
  if (!folder.resumes()) runs.forget(jobs);

  const Index steps = largest_batch_steps(options, data.train);
  Network network = make_network(options, data.train.features(), std::ssize(data.classes));
  network.initialise(seeds.front());
  if (before) network.parameters().values() = before->network.parameters().values();
  print(options, start_text(options, data, network, steps));
  const auto results = runs.train(
      jobs, true, true, [&](const Run& run) { print(options, run_text(run)); },
      [&](const Job& job, const Epoch& epoch, const Network& now) {
        if (job.seed == seeds.front()) print(options, epoch_text(epoch, options, options.epochs));
        if (events.used()) events.of(job.seed).epoch(epoch, now);
      });
  if (events.used())
    for (const Run& run : results) events.of(run.seed).end(run, data);

  const Run& best = best_of(results, options);
  runs.save(best, folder / "model.safetensors");
  example::write_copy(folder / "model.safetensors", options.save);
  const auto json = metrics_json(options, data, network, steps, results, best.seed);
  write_text(folder / "metrics.json", text_of(json));
  write_text(folder / "history.csv", history_csv(results));
  print(options, results_text(options, data, results, best));
  const Inspection seen = inspect(runs.network_of(best), options, data);
  print(options, page_text(write_report(folder.path(), options, data, results, best, seen)));
  write_scores(folder.path(), scores_of(options, data, results));
  print(options, text("top-1 ", percent_text(top_summaries(results, &Run::test)[0]), " on ", data.test.size(),
                      " test sequences, ", results.size() > 1 ? "mean and sample standard deviation of " : "",
                      results.size(), results.size() > 1 ? " seeds\n" : " seed\n"));
  print_json(options, json);
  return 0;
}

int study_verb(const CLI::App& verb, Options options) {
  const auto begin = std::chrono::steady_clock::now();
  options.setting = {0, 0, 0};  // names of runs have all three
  // The rungs of a search by halving depend on the number of epochs.
  std::vector<std::string> free{"test-all"};
  if (options.search != "halving") free.emplace_back("epochs");
  example::RunFolder folder(verb, options.running, free);
  (void)settings_of(options);  // throws before the data are read
  const Data data = read_data(options, nullptr);
  example::check_copy(options.save);
  folder.begin(data_fingerprint(data));
  const auto run_folder = folder.inner("runs");
  const Runs runs(options, data, run_folder);
  if (!folder.resumes()) runs.forget(jobs_of(settings_of(options), options, options.epochs));
  print(options, data_text(data) + "\n");
  const Study study = run_study(options, data, runs, [&](const Run& run) { print(options, outcome_text(run)); });
  const Run& best = best_of(study.selected().runs, options);
  runs.save(best, folder / "model.safetensors");
  example::write_copy(folder / "model.safetensors", options.save);
  const std::string table = study_text(study, options, data);
  const nlohmann::json json = study_json(study, options, data);
  write_text(folder / "study.txt", table);
  write_text(folder / "study.md", study_markdown(study, options, data));
  write_text(folder / "study.csv", study_csv(study));
  write_text(folder / "study.json", text_of(json));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  print(options,
        text("\n", study.trained, " runs in ", std::lround(seconds), " s, ", study.loaded, " of them loaded; files in ",
             options.running.out, ": model.safetensors, study.txt, study.md, study.csv, study.json, runs/\n"));
  const Options chosen = runs.options_of(best.setting);
  const Inspection seen = inspect(runs.network_of(best), chosen, data);
  print(options, page_text(write_report(folder.path(), options, data, study, seconds, seen)));
  write_scores(folder.path(), scores_of(options, data, study.selected().runs));
  print(options, "\n" + table);
  print_json(options, json);
  return 0;
}

int stream_verb(const CLI::App& verb, Options options) {
  example::RunFolder folder(verb, options.running, {"epochs"});
  const auto before = loaded_model(options);
  const StreamParts parts = options.data == "freezing" ? make_gait_stand_in({}, options.test_share)
                                                       : read_streams(options.data, options.test_share);
  if (before) check_fits(*before, parts.classes, parts.train.front().channels.rows(), parts.sample_rate);
  example::check_copy(options.save);
  folder.begin(stream_fingerprint(parts));
  const auto run_folder = folder.inner("runs");
  print(options, streams_text(options, parts));
  const StreamResults results =
      run_streams(options, parts, run_folder, folder.resumes(), before ? &*before : nullptr,
                  folder / "model.safetensors", [&](const StreamRun& run) { print(options, stream_run_text(run)); });
  example::write_copy(folder / "model.safetensors", options.save);
  const std::string table = table_text(options, parts, results, false);
  const nlohmann::json json = streams_json(options, parts, results);
  write_text(folder / "streams.txt", table);
  write_text(folder / "streams.md", table_text(options, parts, results, true));
  write_text(folder / "streams.csv", streams_csv(results));
  write_text(folder / "streams.json", text_of(json));
  print(options, text("\nfiles in ", options.running.out, ": model.safetensors (", results.saved,
                      "), streams.txt, streams.md, streams.csv, streams.json, runs/\n"));
  print(options, page_text(write_report(folder.path(), options, parts, results)));
  write_scores(folder.path(), scores_of(parts, results));
  print(options, "\n" + table);
  print_json(options, json);
  return 0;
}

example::Verb training_verb(const char* name, const char* help, Kind kind, Options& options,
                            int (*run)(const CLI::App&, Options)) {
  options = default_options(kind);
  return {name, help,
          [&options, kind](CLI::App& app) {
            options = default_options(kind);
            add_training_verb(app, options, kind);
          },
          [&options, kind](const CLI::App& app) { check_training_verb(app, options, kind); },
          [&options, run](const CLI::App& app) { return run(app, options); }};
}

example::Verb application_verb(const char* name, const char* help, Options& options, void (*run)(const Options&)) {
  return {name, help,
          [&options](CLI::App& app) {
            options = {};
            add_application_verb(app, options);
          },
          [&options](const CLI::App& app) { check_application_verb(app, options); },
          [&options, run](const CLI::App&) { return run(options), 0; }};
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("har", [&] {
    Options train, study, stream, evaluate, predict;
    return example::run_verbs(
        "har", "Trains and tests recurrent networks for human activity recognition from motion sensors.", argc, argv,
        {training_verb("train", "trains a network, or continues the training of one", Kind::train, train, train_verb),
         training_verb("study", "compares settings by validation data", Kind::study, study, study_verb),
         training_verb("stream", "trains networks with a class at every step of long recordings", Kind::stream, stream,
                       stream_verb),
         application_verb("evaluate", "tests a trained network on labelled data", evaluate, evaluate_new),
         application_verb("predict", "predicts classes and probabilities of new data, as CSV or JSON", predict,
                          predict_new)},
        {{"--first-seed", "--seed"}, {"--study", "study"}, {"--stream", "stream"}});
  });
}
