#pragma once
// Training that can be interrupted at any time and resumed with bitwise equal results.

#include <filesystem>
#include <functional>
#include <optional>

#include "corpus.hpp"
#include "model_file.hpp"
#include "unroll/check/learning.hpp"
#include "unroll/train/evaluate.hpp"
#include "unroll/train/training_state.hpp"

namespace lm {

/// State of a run, saved in checkpoints.
struct RunState {
  unroll::TrainingState<float> training;  // including the history
  std::int64_t batch = 0;                 // completed batches of the current epoch
  unroll::VectorX<float> carried;         // recurrent states after that batch
  unroll::LossValue loss;                 // of the current epoch
  double gradient_norm = 0, seconds = 0;  // of the current epoch
  double first_loss = 0;                  // of the first batch, before any update
  unroll::VectorX<double> ratios;         // update/weight of each tensor in the last update of each epoch
  std::string samples;                    // generated during training
  std::string identity, vocabulary;       // of the run; resuming with others throws
  unroll::Index tokens = 0;               // trained per epoch; depends on the text

  template <class F>
  void visit_state(F&& f) {
    training.visit_state([&](std::string_view name, auto& value) { f(name, value); });
    f(std::string_view("batch"), batch), f(std::string_view("carried"), carried);
    f(std::string_view("loss_sum"), loss.sum), f(std::string_view("loss_count"), loss.count);
    f(std::string_view("gradient_norm"), gradient_norm), f(std::string_view("seconds"), seconds);
    f(std::string_view("first_loss"), first_loss), f(std::string_view("ratios"), ratios);
    f(std::string_view("samples"), samples);
    f(std::string_view("identity"), identity), f(std::string_view("vocabulary"), vocabulary);
  }
};

struct Validation {
  unroll::Evaluation evaluation;
  double unknown = 0;  // share of unknown tokens
};
/// Validation: mean loss per token, in nats.
Validation validate(const Network& network, const Sequences& sequences, const unroll::Vocabulary& vocabulary,
                    const unroll::Threads& threads);

/// Trains the model from new initial values or, with options.resume, from the checkpoint in the folder if there is one.
/// `on_epoch` may change the state of an epoch before it is saved.
RunState train(Model& model, const Corpus& corpus, const Options& options, const unroll::Threads& threads,
               const std::filesystem::path& folder, const std::function<void(RunState&)>& on_epoch);

/// Overfitting check: can the network memorise options.overfit sequences without dropout? It cannot determine at the
/// start which sequence it reads, so the loss has a lower bound: ln(number of sequences) per sequence.
unroll::OverfitResult overfit_check(const Options& options, const Corpus& corpus);

}  // namespace lm
