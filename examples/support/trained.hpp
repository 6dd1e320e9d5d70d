#pragma once
// Training that can be stopped at any time and resumed with the same bits.

#include <filesystem>
#include <string>
#include <utility>

#include "program.hpp"
#include "unroll/io/checkpoint.hpp"
#include "unroll/train/fit.hpp"

namespace example {

/// Value of --products.
inline unroll::Precision precision_of(const std::string& products) {
  return products == "bfloat16" ? unroll::Precision::bfloat16 : unroll::Precision::float32;
}

/// How a training run is stored and shown.
struct RunControl {
  std::filesystem::path checkpoint;  ///< file of the checkpoint; an existing one is continued. Empty: none
  double seconds = 20;               ///< between checkpoints
  bool quiet = false;                ///< no progress within epochs
};

/// `fit` with checkpoints. A requested stop (Ctrl-C, SIGTERM) writes a checkpoint and throws Interrupted. `state` is a
/// TrainingState, or derived from it with further parts in its visit_state, which checkpoints then contain.
template <class Model, class Loss, class O, class Data, class State>
unroll::FitResult train(Model& model, const Loss& loss, O& optimizer, const Data& data,
                        unroll::FitOptions<typename Model::Scalar, Data> options, const RunControl& control,
                        State& state) {
  if (std::filesystem::exists(control.checkpoint)) {
    unroll::read_checkpoint(control.checkpoint, state, optimizer);
    unroll::require<unroll::ValueError>(state.epochs <= options.epochs, "--epochs must be at least ", state.epochs,
                                        ", the number of epochs of the run that is continued, got ", options.epochs);
  }
  if (!control.checkpoint.empty()) {
    options.on_checkpoint = [&] { unroll::write_checkpoint(control.checkpoint, state, optimizer); };
    options.checkpoint_seconds = control.seconds;
  }
  options.progress = control.quiet ? unroll::Progress::quiet : unroll::Progress::batches;
  options.on_batch = [user = std::move(options.on_batch)](const unroll::BatchEnd& end) {
    return (!user || user(end)) && stop_requested() == 0;
  };
  auto result = unroll::fit(model, loss, optimizer, data, options, state);
  stop_if_requested(control.checkpoint.empty() ? "the training was not saved" : "--resume continues the run");
  return result;
}

template <class Model, class Loss, class O, class Data>
unroll::FitResult train(Model& model, const Loss& loss, O& optimizer, const Data& data,
                        const unroll::FitOptions<typename Model::Scalar, Data>& options, const RunControl& control) {
  unroll::TrainingState<typename Model::Scalar> state;
  return train(model, loss, optimizer, data, options, control, state);
}

}  // namespace example
