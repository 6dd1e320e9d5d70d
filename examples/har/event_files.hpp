#pragma once
// Event files of a run for TensorBoard.

#include <filesystem>
#include <memory>

#include "training.hpp"

namespace unroll {
class EventFile;
}

namespace har {

/// Writer of FOLDER/seedN/events.out.tfevents.har: numbers of each epoch, histograms of all parameters, and the final
/// confusion matrix. Replaces the file of an earlier run; a resumed run writes a further file, NAME.1, NAME.2, ...
class RunEvents {
 public:
  RunEvents(const std::filesystem::path& folder, std::uint64_t seed, bool resumes);
  ~RunEvents();
  RunEvents(const RunEvents&) = delete;
  RunEvents& operator=(const RunEvents&) = delete;

  void epoch(const unroll::Epoch& epoch, const Network& network);
  /// Adds the confusion matrix; adds nothing if gnuplot is missing.
  void end(const Run& run, const Data& data);

 private:
  std::filesystem::path folder_;
  std::unique_ptr<unroll::EventFile> file_;
};

}  // namespace har
