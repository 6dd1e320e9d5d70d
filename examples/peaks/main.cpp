// Vertex finding: locates proton collisions along a beam from the density of the outgoing tracks.
// bin/peaks [--model cnn|rnn|rcnn] [--study units --seeds 3] [--data events.h5] ...      bin/peaks --help
// Takes a minute or two with the defaults. Prints the share of collisions that are found, and false positives per
// event.

#include <cstdio>

#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "report.hpp"

using namespace unroll;
using namespace peaks;

namespace {

constexpr int collapsed_status = 3;

void print(const Options& options, const std::string& words) {
  if (!options.quiet) example::print(words);
}

/// Exit status. A collapsed training is an error, reported on standard error, unless it is part of a study.
int status_of(const Options& options, const std::vector<Point>& points) {
  if (!options.study.empty()) return 0;
  for (const Run& run : points.front().runs) {
    if (run.collapse.empty()) continue;
    std::fprintf(stderr, "peaks: seed %llu: %s\n", static_cast<unsigned long long>(run.seed), run.collapse.c_str());
    return collapsed_status;
  }
  return 0;
}

int run_all(const Options& options) {
  const auto folder = example::output_folder(options.out, "report.html");
  if (options.data.empty()) check_memory(options, options.events, options.toy.bins);
  const EventSets events = read_events(options);
  check_memory(options, events.training.data.size(), events.training.bins());
  const Baseline baseline =
      threshold_baseline(events.training, events.test, Search().scaled_to(events.test.bin_width()));
  print(options, data_text(events) + baseline_text(baseline, events.test));
  std::optional<Network> network;
  const auto points = run(options, events, network, [&](const std::string& words) { print(options, words); });
  const Written written = write_report(folder, options, events, baseline, points, *network);
  std::string words = study_text(options, points) + "files in " + options.out + ":";
  for (const std::string& file : written.files) words += (&file == written.files.data() ? " " : ", ") + file;
  if (!written.missing.empty()) words += "; without figures: " + written.missing;
  print(options, "\n" + words + "\n");
  print(options, result_text(options, points, events.test));
  return status_of(options, points);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("peaks", [&] {
    Options options;
    const int status = read_command_line(argc, argv, options);
    return status >= 0 ? status : run_all(options);
  });
}
