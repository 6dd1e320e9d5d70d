#pragma once
// A model of random layers, and a batch for it.

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
  Index tokens = 0;  ///< above 0: what comes in is a token
};

/// Empty where the layers do not fit each other, or are refused for an option.
RandomModel random_model(Choices& choose, Report& report);

/// Sequences of different lengths, some empty, some with gaps.
struct RandomBatch {
  MatrixX<bool> mask;
  Timeline timeline;
  MatrixX<S> padded, x;  ///< NaN where masked; packed
};
RandomBatch random_batch(Choices& choose, Index features, Index tokens);

/// Sequences with a class for each, or numbers for each step of the model's output.
std::optional<Dataset<S>> random_data(Choices& choose, Report& report, const RandomModel& made);
/// `fit` with a loss for such data.
FitResult train(Stack<S>& model, AnyOptimizer& optimizer, const Dataset<S>& data, const FitOptions<S>& options,
                TrainingState<S>& state);
/// The loss of such data.
Evaluation score(const Stack<S>& model, const Dataset<S>& data, const EvaluateOptions& options);

/// A folder for files, which goes when the program ends.
const std::filesystem::path& scratch_folder();

/// Training with odd options: it is refused, and nothing has changed, or its parameters are finite.
void try_fit(Choices& choose, Report& report, const RandomModel& made);
/// Training with good options: the same bits for any number of threads, with checkpoints, and resumed from a file.
void try_runs(Choices& choose, Report& report, const RandomModel& made);
/// Saving and loading: the same bits, or it is refused and the model is as it was.
void try_model_file(Choices& choose, Report& report, const RandomModel& made);

}  // namespace interface
