#pragma once
// Model of random layers, and a batch for it.

#include <filesystem>
#include <optional>
#include <unroll/models/stack.hpp>
#include <unroll/train/evaluate.hpp>
#include <unroll/train/fit_options.hpp>
#include <vector>

#include "interface/random_optimizer.hpp"

namespace interface {

struct RandomModel {
  std::optional<Stack<S>> model;
  Index features = 0;
  Index tokens = 0;  ///< if above 0, the inputs are tokens below it
};

/// Random model; empty if its layers or options are refused.
RandomModel random_model(Choices& choose, Report& report);

/// Random sequences of different lengths, some empty, some with gaps.
struct RandomBatch {
  MatrixX<bool> mask;
  Timeline timeline;
  MatrixX<S> padded, x;  ///< padded: NaN where masked; x: packed
};
RandomBatch random_batch(Choices& choose, Index features, Index tokens);

/// Random data set with a class per sequence, or with targets for each step of the model's output.
std::optional<Dataset<S>> random_data(Choices& choose, Report& report, const RandomModel& made);
/// Calls `fit` with a loss for such data.
FitResult train(Stack<S>& model, AnyOptimizer& optimizer, const Dataset<S>& data, const FitOptions<S>& options,
                TrainingState<S>& state);
Evaluation score(const Stack<S>& model, const Dataset<S>& data, const EvaluateOptions& options);

/// Folder for files, removed when the program ends.
const std::filesystem::path& scratch_folder();

/// Trains with unusual options. A refused run changes nothing; an accepted one ends with finite parameters.
void try_fit(Choices& choose, Report& report, const RandomModel& made);
/// Trains with valid options: identical bits for any number of threads, with checkpoints, and resumed from a file.
void try_runs(Choices& choose, Report& report, const RandomModel& made);
/// Saves and loads: identical bits, or a refusal that leaves the model unchanged.
void try_model_file(Choices& choose, Report& report, const RandomModel& made);

}  // namespace interface
