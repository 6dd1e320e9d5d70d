#pragma once
// Training that can be interrupted at any time and resumed with bitwise equal results.

#include <filesystem>
#include <functional>

#include "corpus.hpp"
#include "model_file.hpp"
#include "unroll/check/learning.hpp"
#include "unroll/train/evaluate.hpp"
#include "unroll/train/training_state.hpp"

namespace lm {

/// State of a run, saved in checkpoints.
struct RunState : unroll::TrainingState<float> {
  double first_loss = 0;             // of the first batch, before any update
  unroll::VectorX<double> ratios;    // update/weight of each tensor in the last update of each epoch
  std::string samples_written = {};  // generated during training
  std::string details = {};          // of the model, as JSON
  unroll::Index tokens = 0;          // trained per epoch; follows from the text

  template <class F>
  void visit_state(F&& f) {
    unroll::TrainingState<float>::visit_state(f);
    f(std::string_view("first_loss"), first_loss), f(std::string_view("ratios"), ratios);
    f(std::string_view("samples_written"), samples_written), f(std::string_view("details"), details);
  }
};

struct Validation {
  unroll::Evaluation evaluation;
  double unknown = 0;                          // share of unknown tokens
  std::vector<unroll::LossValue> pieces = {};  // losses of consecutive pieces of the text
};
/// Validation on a text: mean loss per token, in nats.
Validation validate(const Network& network, const Part& part, const unroll::Vocabulary& vocabulary,
                    const Options& options, const unroll::Threads& threads);

/// A run: seed, checkpoint, and what is called after every epoch, before its state is saved.
struct Run {
  std::uint64_t seed = 1;
  std::filesystem::path checkpoint;
  std::function<void(RunState&)> on_epoch;
};

/// Trains the model from its present parameters, or from the checkpoint if the file exists. Throws Interrupted after a
/// signal.
RunState train(Model& model, const Corpus& corpus, const Options& options, const Run& run);

/// Overfitting check: can the network memorise options.overfit sequences without dropout? It cannot determine at the
/// start which sequence it reads, so the loss has a lower bound: ln(number of sequences) per sequence.
unroll::OverfitResult overfit_check(const Options& options, const Corpus& corpus, std::uint64_t seed);

}  // namespace lm
