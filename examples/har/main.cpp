// Task: ten seconds of a smart watch's accelerometer and gyroscope; say what its wearer was doing.
// bin/har [--cell lstm] [--units 64] [--layers 2] [--train MINE_TRAIN.ts --test MINE_TEST.ts] ...      bin/har --help
// Under ten seconds with the defaults; ends with the mean accuracy on sequences that were not trained on.

#include <cmath>
#include <cstdio>
#include <filesystem>

#include "../support/output_folder.hpp"
#include "network.hpp"
#include "options.hpp"
#include "pictures.hpp"
#include "report.hpp"
#include "training.hpp"
#include "unroll/io/checkpoint.hpp"
#include "unroll/io/model_file.hpp"
#include "unroll/layers/summary.hpp"

using namespace unroll;
using namespace har;

namespace {

/// Steps of the largest batch that training can meet.
Index largest_batch_steps(const Options& options, const Dataset<float>& data) {
  std::vector<Index> lengths;
  for (Index s = 0; s < data.size(); ++s) lengths.push_back(data.length(s));
  std::sort(lengths.rbegin(), lengths.rend());
  lengths.resize(std::min(lengths.size(), std::size_t(options.batch)));
  return std::accumulate(lengths.begin(), lengths.end(), Index(0));
}

std::string numbers_text(const Vector<double>& numbers) {
  std::string list;
  for (const double number : numbers) list += text(list.empty() ? "" : " ", number);
  return list;
}

/// With all that is needed to use the model again, and proof that it can be.
void save_and_check(const Network& network, const std::filesystem::path& file, const Options& options,
                    const Data& data) {
  std::string classes;
  for (const std::string& name : data.classes) classes += (classes.empty() ? "" : " ") + name;
  save(network, file,
       {{"classes", classes},
        {"channel_mean", numbers_text(data.mean)},
        {"channel_deviation", numbers_text(data.deviation)}});
  Network again = make_network(options, network.features(), network.outputs());
  load(again, file);
  const auto before = outputs(network, data), after = outputs(again, data);
  require<FileError>(before == after, file.string(), ": read back, the model gives other outputs");
}

void introduce(const Options& options, const Data& data, Network& network, Index steps) {
  std::printf("%s\n%s\n", data_text(options, data).c_str(), summary(network, steps, options.batch).text().c_str());
  std::printf("loss before training %.4f; of guessing, ln %zu = %.4f\n\n",
              loss_before_training(network, data, options.first_seed), data.classes.size(),
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

void show_pictures(const Pictures& pictures) {
  if (pictures.missing.empty()) {
    std::printf("pictures there: %s, %s\n", pictures.files[0].c_str(), pictures.files[1].c_str());
  } else {
    std::printf("no pictures: %s; data and scripts are there, for gnuplot curve.gp confusion.gp in that folder\n",
                pictures.missing.c_str());
  }
}

void run(const Options& options) {
  const auto folder = example::output_folder(options.out, "model.safetensors");
  const Data data = read_data(options);
  const Index classes = Index(data.classes.size()), steps = largest_batch_steps(options, data.train);
  Network network = make_network(options, data.train.features(), classes);
  if (!options.quiet) introduce(options, data, network, steps);

  std::vector<Run> runs;
  for (Index k = 0; k < options.seeds; ++k) {
    runs.push_back(train(network, options, data, options.first_seed + std::uint64_t(k), [&](const Epoch& epoch) {
      if (!options.quiet && k == 0) std::fputs(epoch_text(epoch, options).c_str(), stdout);
      std::fflush(stdout);
    }));
    if (k == 0) save_and_check(network, folder / "model.safetensors", options, data);
    if (!options.quiet) std::fputs(run_text(runs.back()).c_str(), stdout);
  }

  write_text(folder / "metrics.json", metrics_json(options, data, network, steps, runs));
  write_text(folder / "history.csv", history_csv(runs));
  report(options, data, runs);
  show_pictures(draw(folder, options, data, runs));
  std::printf("top-1 %s on %ld test sequences, %s%ld seed%s\n", percent_text(top_summaries(runs)[0]).c_str(),
              long(data.test.size()), runs.size() > 1 ? "mean and sample standard deviation of " : "",
              long(runs.size()), runs.size() > 1 ? "s" : "");
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  const int status = read_command_line(argc, argv, options);
  if (status >= 0) return status;
  run(options);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "har: %s\n", error.what());
  return 1;
}
