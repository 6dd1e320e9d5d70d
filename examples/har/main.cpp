// Activity recognition: classifies ten seconds of a smart watch's accelerometer and gyroscope.
// bin/har [--cell lstm] [--units 64] [--layers 2] [--data MINE] ...                                     bin/har --help
// bin/har --study       a table of settings, with several seeds each; finished runs are not repeated
// bin/har --stream      recordings with a label at every step
// Takes less than ten seconds with the defaults. Prints the mean accuracy on the test sequences.

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "event_files.hpp"
#include "network.hpp"
#include "options.hpp"
#include "pictures.hpp"
#include "readers.hpp"
#include "report.hpp"
#include "stand_in.hpp"
#include "stream_report.hpp"
#include "study_report.hpp"
#include "unroll/io/checkpoint.hpp"
#include "unroll/io/model_file.hpp"
#include "unroll/models/summary.hpp"

using namespace unroll;
using namespace har;

namespace {

Data read_data(const Options& options) {
  if (options.data.empty()) return prepare(read_ts_pair(options.train, options.test));
  if (options.data == "stand-in") return prepare(make_stand_in({}));
  return prepare(read_recordings(options.data, options.window));
}

void say(const Options& options, const std::string& words) {
  if (!options.quiet) example::tell(words);
}

/// Maximum number of steps of a training batch.
Index largest_batch_steps(const Options& options, const Dataset<float>& data) {
  std::vector<Index> lengths;
  for (Index s = 0; s < data.size(); ++s) lengths.push_back(data.length(s));
  std::sort(lengths.rbegin(), lengths.rend());
  lengths.resize(std::min(lengths.size(), std::size_t(options.setting.batch)));
  return std::accumulate(lengths.begin(), lengths.end(), Index(0));
}

/// Saves the model with its metadata and checks that the loaded file gives the same outputs.
void save_and_check(const Network& network, const std::filesystem::path& file, const Options& options,
                    const Data& data) {
  save(network, file, metadata_of(data));
  Network again = make_network(options, network.features(), network.outputs());
  load(again, file);
  const Threads threads(options.threads);
  const auto before = outputs(network, data, threads), after = outputs(again, data, threads);
  require<FileError>(before == after, file.string(), ": read back, the model gives other outputs");
}

void introduce(const Options& options, const Data& data, Network& network, Index steps) {
  std::printf("%s\n%s\n", data_text(data).c_str(), summary(network, steps, options.setting.batch).text().c_str());
  std::printf("loss before training %.4f; of guessing, ln %zu = %.4f\n\n",
              loss_before_training(network, options, data, options.first_seed, options.threads), data.classes.size(),
              std::log(double(data.classes.size())));
}

void report(const Options& options, const Data& data, const std::vector<Run>& runs) {
  const auto confusion = confusion_of_all(runs);
  std::printf("\ntest sequences of all runs by true class (rows) and predicted class (columns):\n%s\n",
              confusion_text(confusion, data.classes).c_str());
  const auto tops = top_summaries(runs);
  for (std::size_t k = 1; k < tops.size(); ++k) std::printf("top-%zu %s\n", k + 1, percent_text(tops[k]).c_str());
  std::printf("in %s: model.safetensors (seed %llu; read back, it gives the same outputs), metrics.json, history.csv\n",
              options.out.c_str(), static_cast<unsigned long long>(runs.front().seed));
}

void tell_page(const std::string& missing) {
  if (missing.empty())
    std::printf("to look at: report.html there\n");
  else
    std::printf("to look at: report.html there; no pictures: %s; data and scripts are there\n", missing.c_str());
}

void run(const Options& options) {
  const auto folder = example::output_folder(options.out, "model.safetensors");
  const Data data = read_data(options);
  const Index classes = Index(data.classes.size()), steps = largest_batch_steps(options, data.train);
  Network network = make_network(options, data.train.features(), classes);
  if (!options.quiet) introduce(options, data, network, steps);

  const Threads threads(options.threads);
  std::vector<Run> runs;
  Inspection seen;
  for (Index k = 0; k < options.seeds; ++k) {
    const std::uint64_t seed = options.first_seed + std::uint64_t(k);
    std::optional<RunEvents> events;
    if (!options.tensorboard.empty()) events.emplace(options.tensorboard, seed);
    runs.push_back(train(network, options, data, seed, threads, [&](const Epoch& epoch) {
      if (k == 0) say(options, epoch_text(epoch, options));
      if (events) events->epoch(epoch, network);
    }));
    if (events) events->end(runs.back(), data);
    if (k == 0) save_and_check(network, folder / "model.safetensors", options, data);
    if (k == 0) seen = inspect(network, options, data);
    say(options, run_text(runs.back()));
  }

  write_text(folder / "metrics.json", metrics_json(options, data, network, steps, runs));
  write_text(folder / "history.csv", history_csv(runs));
  report(options, data, runs);
  tell_page(write_report(folder, options, data, runs, seen));
  std::printf("top-1 %s on %ld test sequences, %s%ld seed%s\n", percent_text(top_summaries(runs)[0]).c_str(),
              long(data.test.size()), runs.size() > 1 ? "mean and sample standard deviation of " : "",
              long(runs.size()), runs.size() > 1 ? "s" : "");
}

void study(const Options& options) {
  const auto folder = example::output_folder(options.out, "study.json");
  example::output_folder((folder / "runs").string(), "run.json");
  const Data data = read_data(options);
  say(options, data_text(data) + "\n");
  const Study study = run_study(options, data, folder / "runs", [&](const Outcome& outcome, bool resumed) {
    say(options, outcome_text(outcome, resumed));
  });
  const std::string table = study_text(study, options, data);
  write_text(folder / "study.txt", table);
  write_text(folder / "study.md", study_markdown(study, options, data));
  write_text(folder / "study.csv", study_csv(study));
  write_text(folder / "study.json", study_json(study, options, data));
  say(options, text("\n", study.runs.size(), " runs in ", std::lround(study.seconds), " s, ", study.resumed,
                    " of them were there; in ", options.out, ": study.txt, study.md, study.csv, study.json, runs/\n"));
  tell_page(write_report(folder, options, data, study));
  example::tell("\n" + table);
}

StreamParts read_stream_data(const Options& options) {
  if (options.data == "freezing") return make_gait_stand_in({}, options.test_share);
  return read_streams(options.data, options.test_share);
}

void streams(const Options& options) {
  const auto folder = example::output_folder(options.out, "streams.json");
  const StreamParts parts = read_stream_data(options);
  say(options, streams_text(options, parts));
  const StreamResults results =
      run_streams(options, parts, [&](const StreamRun& run) { say(options, stream_run_text(run)); });
  const std::string table = table_text(options, parts, results, false);
  write_text(folder / "streams.txt", table);
  write_text(folder / "streams.md", table_text(options, parts, results, true));
  write_text(folder / "streams.csv", streams_csv(results));
  write_text(folder / "streams.json", streams_json(options, parts, results));
  say(options, text("\nin ", options.out, ": streams.txt, streams.md, streams.csv, streams.json\n"));
  tell_page(write_report(folder, options, parts, results));
  example::tell("\n" + table);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("har", [&] {
    Options options;
    const int status = read_command_line(argc, argv, options);
    if (status >= 0) return status;
    options.study ? study(options) : options.stream ? streams(options) : run(options);
    return 0;
  });
}
