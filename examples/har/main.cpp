// Activity recognition: classifies ten seconds of a smart watch's accelerometer and gyroscope.
// bin/har [--cell lstm] [--units 64] [--layers 2] [--data MINE] ...                                     bin/har --help
// bin/har --study       all combinations of settings, several seeds each; finished runs are not repeated
// bin/har --stream      recordings with a label at every step
// Takes less than ten seconds with the defaults. Prints the mean accuracy on the test sequences.

#include <cmath>
#include <filesystem>

#include "../support/format.hpp"
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
using example::format;

namespace {

Data read_data(const Options& options) {
  if (options.data.empty()) return prepare(read_ts_pair(options.train, options.test));
  if (options.data == "stand-in") return prepare(make_stand_in({}));
  return prepare(read_recordings(options.data, options.window));
}

void print(const Options& options, const std::string& words) {
  if (!options.quiet) example::print(words);
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
  save(network, file, details_of(data, options));
  Network again = make_network(options, network.features(), network.outputs());
  load(again, file);
  const Threads threads(options.threads);
  const auto before = outputs(network, data, threads), after = outputs(again, data, threads);
  require<FileError>(before == after, file.string(), ": the saved model must give the same outputs after loading");
}

/// Data, model summary, and the loss with initial parameters.
std::string start_text(const Options& options, const Data& data, Network& network, Index steps) {
  return text(data_text(data), "\n", summary(network, steps, options.setting.batch).text(), "\n",
              format("loss before training %.4f; loss of uniform probabilities, ln %zu = %.4f\n\n",
                     loss_before_training(network, options, data, options.first_seed, options.threads),
                     data.classes.size(), std::log(double(data.classes.size()))));
}

std::string results_text(const Options& options, const Data& data, const std::vector<Run>& runs) {
  std::string words = text("\nconfusion matrix of the test sequences, all runs; rows: true class, columns: predicted\n",
                           confusion_text(confusion_of_all(runs), data.classes), "\n");
  const auto tops = top_summaries(runs);
  for (std::size_t k = 1; k < tops.size(); ++k) words += text("top-", k + 1, " ", percent_text(tops[k]), "\n");
  return words + text("files in ", options.out, ": model.safetensors (seed ", runs.front().seed,
                      "), metrics.json, history.csv\n");
}

std::string page_text(const std::string& missing) {
  return missing.empty() ? "report page: report.html\n"
                         : text("report page: report.html, without figures: ", missing, "\n");
}

void run(const Options& options) {
  const auto folder = example::output_folder(options.out, "model.safetensors");
  const Data data = read_data(options);
  const Index classes = Index(data.classes.size()), steps = largest_batch_steps(options, data.train);
  Network network = make_network(options, data.train.features(), classes);
  if (!options.quiet) print(options, start_text(options, data, network, steps));

  const Threads threads(options.threads);
  std::vector<Run> runs;
  Inspection seen;
  for (Index k = 0; k < options.seeds; ++k) {
    const std::uint64_t seed = options.first_seed + std::uint64_t(k);
    std::optional<RunEvents> events;
    if (!options.tensorboard.empty()) events.emplace(options.tensorboard, seed);
    runs.push_back(train(network, options, data, seed, threads, [&](const Epoch& epoch) {
      if (k == 0) print(options, epoch_text(epoch, options));
      if (events) events->epoch(epoch, network);
    }));
    if (events) events->end(runs.back(), data);
    if (k == 0) save_and_check(network, folder / "model.safetensors", options, data);
    if (k == 0) seen = inspect(network, options, data);
    print(options, run_text(runs.back()));
  }

  write_text(folder / "metrics.json", metrics_json(options, data, network, steps, runs));
  write_text(folder / "history.csv", history_csv(runs));
  print(options, results_text(options, data, runs));
  print(options, page_text(write_report(folder, options, data, runs, seen)));
  print(options, text("top-1 ", percent_text(top_summaries(runs)[0]), " on ", data.test.size(), " test sequences, ",
                      runs.size() > 1 ? "mean and sample standard deviation of " : "", runs.size(),
                      runs.size() > 1 ? " seeds\n" : " seed\n"));
}

void study(const Options& options) {
  const auto folder = example::output_folder(options.out, "study.json");
  example::output_folder((folder / "runs").string(), "run.json");
  const Data data = read_data(options);
  print(options, data_text(data) + "\n");
  const Study study = run_study(options, data, folder / "runs", [&](const Outcome& outcome, bool resumed) {
    print(options, outcome_text(outcome, resumed));
  });
  const std::string table = study_text(study, options, data);
  write_text(folder / "study.txt", table);
  write_text(folder / "study.md", study_markdown(study, options, data));
  write_text(folder / "study.csv", study_csv(study));
  write_text(folder / "study.json", study_json(study, options, data));
  print(options,
        text("\n", study.runs.size(), " runs in ", std::lround(study.seconds), " s, ", study.resumed,
             " of them loaded; files in ", options.out, ": study.txt, study.md, study.csv, study.json, runs/\n"));
  print(options, page_text(write_report(folder, options, data, study)));
  print(options, "\n" + table);
}

StreamParts read_stream_data(const Options& options) {
  if (options.data == "freezing") return make_gait_stand_in({}, options.test_share);
  return read_streams(options.data, options.test_share);
}

void streams(const Options& options) {
  const auto folder = example::output_folder(options.out, "streams.json");
  const StreamParts parts = read_stream_data(options);
  print(options, streams_text(options, parts));
  const StreamResults results =
      run_streams(options, parts, [&](const StreamRun& run) { print(options, stream_run_text(run)); });
  const std::string table = table_text(options, parts, results, false);
  write_text(folder / "streams.txt", table);
  write_text(folder / "streams.md", table_text(options, parts, results, true));
  write_text(folder / "streams.csv", streams_csv(results));
  write_text(folder / "streams.json", streams_json(options, parts, results));
  print(options, text("\nfiles in ", options.out, ": streams.txt, streams.md, streams.csv, streams.json\n"));
  print(options, page_text(write_report(folder, options, parts, results)));
  print(options, "\n" + table);
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
