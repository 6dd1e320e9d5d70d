#pragma once
// Runs of several settings and seeds on the same data, spread over the cores. Finished runs are kept as files.

#include <functional>

#include "model_file.hpp"

namespace har {

/// Run to train.
struct Job {
  Setting setting;
  std::uint64_t seed = 1;
  unroll::Index epochs = 1;
};

class Runs {
 public:
  /// `folder`: of the files of runs. `before`: trained model whose parameters all runs start from; null: none.
  Runs(const Options& options, const Data& data, std::filesystem::path folder, const TrainedModel* before = nullptr);

  /// Options of a run.
  Options options_of(const Setting& setting) const;
  /// Its name, which is that of its files.
  std::string name_of(const Setting& setting, std::uint64_t seed) const;
  /// Removes files of earlier runs with the names of these, before a run that does not continue them.
  void forget(const std::vector<Job>& jobs) const;

  using OnRun = std::function<void(const Run&)>;
  using OnEpochOf = std::function<void(const Job&, const unroll::Epoch&, const Network&)>;
  /// Trains all, the longest first, with one thread each, or with all threads if there is one run only. Results are
  /// equal for any number of threads. With `scored` each run has its training and validation scores, and with `tested`
  /// its test scores. Without `scored`, finished runs with more epochs are permitted. The callbacks are never called
  /// concurrently. Throws Interrupted after a signal.
  std::vector<Run> train(const std::vector<Job>& jobs, bool scored, bool tested, const OnRun& on_run = {},
                         const OnEpochOf& on_epoch = {}) const;

  /// Network of a finished run, from its file.
  Network network_of(const Run& run) const;
  /// Adds the test scores of a finished run.
  void test(Run& run, const unroll::Threads& threads) const;
  /// Writes the file of a finished run's network with its details.
  void save(const Run& run, const std::filesystem::path& file) const;

 private:
  Run train_one(const Job& job, bool scored, bool tested, bool shown, const unroll::Threads& threads,
                const OnEpoch& on_epoch) const;

  const Options& options_;
  const Data& data_;
  std::filesystem::path folder_;
  const TrainedModel* before_;
  std::string fingerprint_;
};

/// The best run by validation data, of the options' measure; the first without validation data. Throws ValueError if
/// all diverged.
const Run& best_of(const std::vector<Run>& runs, const Options& options);

}  // namespace har
