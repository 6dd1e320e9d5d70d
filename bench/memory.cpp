// Memory of a training step, measured and as predicted by the model's summary. Prints one JSON line; MB are 2^20 bytes.
// Linux only.
//
//     ./memory [NAME [--checkpoints]]     full name of a configuration; default: peaks_4x4000/lstm
//
// all_mb: peak of the process minus its memory before model and batch. foretold_mb: its prediction by
// training_bytes. added_mb: peak minus the memory with model and batch, before the first step; this number is compared
// with the peers.

#include <cstdio>
#include <fstream>
#include <string>

#include "workload.hpp"

namespace {

using namespace bench;

/// Value of a field of the process's status, in MB.
double status_mb(const std::string& field) {
  std::ifstream lines("/proc/self/status");
  for (std::string word; lines >> word;)
    if (double kilobytes; word == field && lines >> kilobytes) return kilobytes / 1024;
  throw std::runtime_error("/proc/self/status must contain " + field);
}

/// Resets the peak, VmHWM, and returns the present memory.
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
  const double predicted =
      double(training_bytes(workload.model(), workload.columns(), c.batch, {keeping, workload.parts()})) / mb;
  std::printf(
      "{\"what\": \"unroll\", \"cfg\": \"%s\", \"mode\": \"memory\", \"added_mb\": %.1f, \"all_mb\": %.1f, "
      "\"foretold_mb\": %.1f}\n",
      c.name().c_str(), peak - ready, peak - empty, predicted);
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
