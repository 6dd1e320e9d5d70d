// Vertex finding: locates proton collisions along a beam from the density of the outgoing tracks.
// bin/peaks [train] [--model cnn|rnn|rcnn] [--data events.h5] ...      bin/peaks study units --seeds 3
// bin/peaks predict --load out/peaks/model.safetensors --data new.h5   bin/peaks --help
// Takes a minute or two with the defaults. Prints the share of collisions that are found, and false positives per
// event.

#include <cstdio>

#include "../support/program.hpp"
#include "../support/run_folder.hpp"
#include "model_file.hpp"
#include "predictions.hpp"
#include "report.hpp"
#include "unroll/io/atomic_file.hpp"

using namespace unroll;
using namespace peaks;

namespace {

constexpr int collapsed_status = 3;

void print(const Options& options, const std::string& words) {
  if (!options.running.quiet && !options.running.json) example::print(words);
}

/// Exit status. A collapsed training is an error, reported on standard error.
int status_of(const Options& options, const std::vector<Point>& points) {
  Index all = 0;
  const Run* first = nullptr;
  for (const Point& point : points)
    for (const Run& run : point.runs)
      if (!run.collapse.empty() && all++ == 0) first = &run;
  if (first == nullptr) return 0;
  const std::string others = options.study.empty() ? std::string() : text(all, " trainings collapsed; the first: ");
  std::fprintf(stderr, "peaks: %sseed %llu: %s\n", others.c_str(), static_cast<unsigned long long>(first->seed),
               first->collapse.c_str());
  return collapsed_status;
}

std::map<std::string, std::string> facts_of(const Options& options, const Run& run) {
  const TrainingOptions& training = options.training;
  return {{"seed", text(run.seed)},
          {"epochs", text(training.epochs)},
          {"epochs with squared error", text(training.warm_up)},
          {"learning rate", text(training.rate)},
          {"beta1", text(training.beta1)},
          {"beta2", text(training.beta2)},
          {"asymmetry", text(training.asymmetry)},
          {"batch", text(training.batch)},
          {"loaded", options.load}};
}

/// Hashes of the first training events, of the validation events, which select a network, and of the events of the
/// loaded model; none if those are unknown.
std::optional<std::set<std::string>> trained_on(const EventSets& events, Index count,
                                                const std::optional<ModelFile>& loaded) {
  if (loaded && !loaded->trained_on) return std::nullopt;
  std::set<std::string> hashes(events.training_hashes.begin(), events.training_hashes.begin() + count);
  for (std::string& hash : hashes_of(events.validation)) hashes.insert(std::move(hash));
  if (loaded) hashes.insert(loaded->trained_on->begin(), loaded->trained_on->end());
  hashes.erase("");
  return hashes;
}

/// The verbs train and study.
int run_trainings(const CLI::App& verb, Options& options) {
  VectorX<float> start;
  std::optional<ModelFile> loaded;
  if (!options.load.empty()) {
    loaded = read_model(options.load);
    options.model = loaded->options, start = loaded->network.parameters().values();
    if (options.data.empty()) options.toy.bins = loaded->bins;
  }
  if (options.data.empty()) check_memory(options, options.events, options.toy.bins);
  const EventSets events = read_events(options);
  if (loaded) check_fits(*loaded, events.training);
  check_memory(options, events.training.data.size(), events.training.bins());
  example::RunFolder folder(verb, options.running, {"lazy"});
  example::check_copy(options.save);
  folder.begin(fingerprint(events.training) + fingerprint(events.validation) + fingerprint(events.test));
  options.folder = folder.path();
  const Baseline baseline =
      threshold_baseline(events.training, events.test, Search().scaled_to(events.test.bin_width()));
  print(options, data_text(events) + baseline_text(baseline, events.test));
  const auto points = run(options, events, start, [&](const std::string& words) { print(options, words); });
  const Point& best = best_of(points);
  const Options selected = options.study.empty() ? options : with_value(options, best.value);
  const Events trained = options.study == "samples" ? part(events.training, 0, selected.events) : events.training;
  const auto hashes = trained_on(events, trained.data.size(), loaded);
  const auto save = [&](const Run& run, const std::string& name) {
    write_model(folder / name, network_of(selected, run), selected.model, trained, facts_of(selected, run), hashes);
  };
  save(best_of(best), "model.safetensors");
  if (best.runs.size() > 1)
    for (const Run& run : best.runs) save(run, text("model-", run.seed, ".safetensors"));
  example::write_copy(folder / "model.safetensors", options.save);
  const auto settings = nlohmann::json::parse(example::settings_json(verb));
  const std::string results = results_json(settings, options, events, baseline, points)
                                  .dump(2, ' ', false, nlohmann::json::error_handler_t::replace) +
                              "\n";
  write_text(folder / "results.json", results);
  const Written written = write_report(folder.path(), settings, options, events, baseline, points);
  write_scores(folder.path(), scores_of(events.test, best));
  std::string words = study_text(options, points) + "files in " + options.running.out + ":";
  for (const std::string& file : written.files) words += (&file == written.files.data() ? " " : ", ") + file;
  if (!written.missing.empty()) words += "; without figures: " + written.missing;
  print(options, "\n" + words + "\n");
  print(options, result_text(options, points, events.test));
  if (options.running.json && !options.running.quiet) example::print(results);
  return status_of(options, points);
}

/// Events to apply a model to: those of a file, or test events of the toy.
Events new_events(const Options& options, const ModelFile& model, bool needs_truth) {
  Toy toy = options.toy;
  toy.bins = model.bins;
  ReadOptions reading{options.channels, options.unit, needs_truth, options.lazy};
  if (options.channels == Channels::automatic && model.channels == "poca")
    reading.channels = Channels::closest_approach;
  if (options.channels == Channels::automatic && model.channels == "kernel") reading.channels = Channels::kernel;
  Events events = options.data.empty() ? make_events(toy, 1, options.test_events) : read_events(options.data, reading);
  check_fits(model, events);
  if (options.test_events == 0) return events;
  require<ValueError>(options.test_events <= events.data.size(), "--test-events must be at most ", events.data.size(),
                      ", the events in ", events.source, ", got ", options.test_events);
  return part(events, 0, options.test_events);
}

/// The verbs evaluate and predict.
int apply(const CLI::App& verb, const Options& options, bool needs_truth) {
  const ModelFile model = read_model(options.load);
  const Events events = new_events(options, model, needs_truth);
  std::vector<Found> found;
  each_output(model.network, events, options.running.threads,
              [&](Index event, const MatrixX<float>& output) { found.push_back(found_in(events, event, output)); });
  Known known;
  if (model.trained_on) known = are_among(hashes_of(events), *model.trained_on);
  const std::string csv = vertices_csv(events, found), json = vertices_json(events, found, known);
  if (!options.running.out.empty()) {
    example::RunFolder folder(verb, options.running, {"lazy"});
    folder.begin(fingerprint(events));
    write_text(folder / "vertices.csv", csv);
    write_text(folder / "vertices.json", json);
    print(options, "files in " + options.running.out + ": vertices.csv, vertices.json\n");
  } else if (!needs_truth) {
    print(options, csv);
  }
  if (options.running.json && !options.running.quiet) example::print(json);
  // Without an output folder, standard output of predict has the vertices only.
  if (events.has_truth && (needs_truth || !options.running.out.empty()))
    print(options, test_text(events, found, known));
  return 0;
}
int evaluate_events(const CLI::App& verb, Options& options) { return apply(verb, options, true); }
int predict_vertices(const CLI::App& verb, Options& options) { return apply(verb, options, false); }

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("peaks", [&] {
    return example::run_verbs(
        "peaks", "Finds vertices of proton collisions along a beam from the density of tracks.", argc, argv,
        {example::verb_with<Options>("train", "trains a network, or continues the training of one", add_train_options,
                                     check_options, run_trainings),
         example::verb_with<Options>("evaluate", "tests a trained network: efficiency and false positives",
                                     add_evaluate_options, check_options, evaluate_events),
         example::verb_with<Options>("predict", "finds the vertices of new events, as CSV or JSON", add_predict_options,
                                     check_options, predict_vertices),
         example::verb_with<Options>("study", "compares values of one option by validation events", add_study_options,
                                     check_options, run_trainings)},
        {{"--study", "study"}, {"--checkpoints", "--recompute"}});
  });
}
