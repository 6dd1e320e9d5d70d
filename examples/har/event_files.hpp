#pragma once
// A run as TensorBoard shows it.

#include <filesystem>

#include "training.hpp"

namespace unroll {
class EventFile;
}

namespace har {

/// FOLDER/seedN/events.out.tfevents.har: the numbers of each epoch, histograms of all weights, and what was taken for
/// what in the end. A file of an earlier run is replaced.
class RunEvents {
 public:
  RunEvents(const std::filesystem::path& folder, std::uint64_t seed);
  ~RunEvents();
  RunEvents(const RunEvents&) = delete;
  RunEvents& operator=(const RunEvents&) = delete;

  void epoch(const unroll::Epoch& epoch, const Network& network);
  /// Draws nothing where gnuplot is missing.
  void end(const Run& run, const Data& data);

 private:
  std::filesystem::path folder_;
  std::unique_ptr<unroll::EventFile> file_;
};

}  // namespace har
