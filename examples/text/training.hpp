#pragma once
// A run, which can be interrupted at any moment and goes on with the same bits.

#include <filesystem>
#include <functional>
#include <optional>

#include "corpus.hpp"
#include "model_file.hpp"
#include "unroll/check/learning.hpp"
#include "unroll/train/evaluate.hpp"
#include "unroll/train/training_state.hpp"

namespace lm {

/// What a run continues from.
struct RunState {
  unroll::TrainingState<float> training;  // its history too
  std::int64_t batch = 0;                 // done in the epoch at hand
  unroll::VectorX<float> carried;         // states behind that batch
  unroll::LossValue loss;                 // of the epoch at hand
  double gradient_norm = 0, seconds = 0;  // likewise
  double first_loss = 0;                  // of the first batch, before any update
  unroll::VectorX<double> ratios;         // update/weight of each tensor in the last update of each epoch
  std::string samples;                    // written while learning
  std::string identity, vocabulary;       // of the run, to refuse another
  unroll::Index tokens = 0;               // that an epoch learns; follows from the text

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

struct Watched {
  unroll::Evaluation evaluation;
  double unknown = 0;  // share of the tokens
};
/// The mean loss in nats of every token.
Watched watch(const Network& network, const Sequences& sequences, const unroll::Vocabulary& vocabulary,
              const unroll::Threads& threads);

/// Trains the network of the model, from first values on or, with options.resume, from the checkpoint in the folder, if
/// there is one. `on_epoch` may change what is kept of an epoch.
RunState train(Model& model, const Corpus& corpus, const Options& options, const unroll::Threads& threads,
               const std::filesystem::path& folder, const std::function<void(RunState&)>& on_epoch);

/// Whether a network can learn options.overfit sequences by heart, without dropout. What cannot be known is which of
/// them it is in, so the loss has a floor: ln(sequences) for each of them.
unroll::OverfitResult overfit_check(const Options& options, const Corpus& corpus);

}  // namespace lm
