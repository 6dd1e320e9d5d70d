#pragma once
// Trained models on new data: evaluation and prediction.

#include "options.hpp"

namespace har {

/// Evaluates the model of options.load on labelled data of options.data and prints its scores: of all data, and, if the
/// people are known, of those that the model was not trained on. Writes evaluation.json and a report page to --out.
void evaluate_new(const Options& options);

/// Predicts the class and the probabilities of each sequence, or of each step for a model with a class at every step.
/// Prints them as CSV, or as JSON with --json; writes both to --out.
void predict_new(const Options& options);

}  // namespace har
