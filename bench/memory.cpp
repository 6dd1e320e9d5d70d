// How much memory a training step takes, beside what the model's summary foretells. Prints one JSON line; MB are 2^20
// bytes, as the operating system (Linux) counts them.
//
//     ./memory [NAME [--checkpoints]]     of a configuration, in full; peaks_4x4000/lstm without one
//
// all_mb: the peak of the process above what it had before there were model and batch. foretold_mb: the same by
// training_bytes. added_mb: the peak above what it had with model and batch, before the first step; what is asked of
// the peers too.

#include <cstdio>
#include <fstream>
#include <string>

#include "workload.hpp"

namespace {

using namespace bench;

/// A field of the process's status, in MB.
double status_mb(const std::string& field) {
  std::ifstream lines("/proc/self/status");
  for (std::string word; lines >> word;)
    if (double kilobytes; word == field && lines >> kilobytes) return kilobytes / 1024;
  throw std::runtime_error("the operating system does not tell " + field);
}

/// Where the peak, VmHWM, is measured from.
double begin_peak() {
  std::ofstream("/proc/self/clear_refs") << 5;
  return status_mb("VmRSS:");
}

void measure(const Configuration& c, Keeping keeping) {
  const double empty = begin_peak();
  Workload workload(c, false, 1, keeping);
  const double ready = begin_peak();
  workload.train();
  workload.train();
  const double peak = status_mb("VmHWM:"), mb = 1 << 20;
  const double foretold =
      double(training_bytes(workload.model(), workload.columns(), c.batch, {keeping, workload.parts()})) / mb;
  std::printf(
      "{\"what\": \"unroll\", \"cfg\": \"%s\", \"mode\": \"memory\", \"added_mb\": %.1f, \"all_mb\": %.1f, "
      "\"foretold_mb\": %.1f}\n",
      c.name().c_str(), peak - ready, peak - empty, foretold);
}

}  // namespace

int main(int count, char** arguments) try {
  const bool checkpoints = count > 2 && std::string(arguments[2]) == "--checkpoints";
  measure(configuration(count > 1 ? arguments[1] : "peaks_4x4000/lstm"),
          {checkpoints ? Keep::checkpoints : Keep::everything});
} catch (const std::exception& e) {
  std::fprintf(stderr, "memory: %s\n", e.what());
  return 1;
}
