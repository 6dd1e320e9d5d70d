#pragma once
// Division of the data, training with several seeds, and errors of networks and baselines.

#include <functional>

#include "model_file.hpp"
#include "options.hpp"
#include "scores.hpp"
#include "unroll/train/fit.hpp"

namespace forecast {

/// Reads the files of the options and divides them. A regression sets the task of the plan. With `loaded`, data whose
/// test part the network was trained on are refused. Throws FileError and ValueError.
Data read_data(const CLI::App& verb, Options& options, const ModelFile* loaded);

/// Throws ValueError for options of the verb that a regression does not have; sets those that it fixes in the plan.
void make_regression(const CLI::App& verb, Plan& plan);

/// Hash of the data and their division.
std::string fingerprint(const Data& data);

struct Run {
  std::uint64_t seed = 0;
  unroll::FitResult fit;
  ModelFile model;
  Scores validation, test;

  double validation_loss() const { return fit.history[std::size_t(fit.best_epoch - 1)].validation_loss; }
};

/// Errors of a baseline.
struct Baseline {
  std::string name;
  Scores validation, test;
};

struct Results {
  std::vector<Run> runs;
  std::vector<Baseline> baselines;

  /// Run with the lowest validation loss.
  const Run& best() const;
};

/// Scores at these origins. `ends`: by series, the end of the steps that give the scale of the scaled error.
Scores scores_of(const ModelFile& model, const Windows& windows, const std::vector<Origin>& origins,
                 const std::vector<unroll::Index>& ends, int threads);
Scores baseline_scores(const Plan& plan, const Windows& windows, const std::vector<Origin>& origins,
                       const std::vector<unroll::Index>& ends, std::size_t number);

/// Trains all seeds on the scale of `plan`, from the parameters of `loaded` if there is one; tests each once.
Results train_all(const Options& options, const Plan& plan, const Windows& windows, const Data& data,
                  const ModelFile* loaded, const std::filesystem::path& folder,
                  const std::function<void(const std::string&)>& print);

}  // namespace forecast
