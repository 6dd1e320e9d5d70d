#pragma once

#include "unroll/models/detail/untyped.hpp"
#include "unroll/train/detail/fit_run.hpp"
#include "unroll/train/tasks/sample_fit.hpp"
#include "unroll/train/tasks/stream_fit.hpp"

namespace unroll {
namespace detail {

template <class Model, class Loss, class Data>
struct FitTask {
  using type = SampleFit<Model, Loss, Data>;
};
template <class Model, class Loss, class S>
struct FitTask<Model, Loss, TokenStreams<S>> {
  using type = StreamFit<Model, Loss>;
};

/// Data types that `fit` accepts for a model with scalar `S`.
template <class Data, class S>
concept FitData = SampleData<Data, S> || std::same_as<Data, SequencePairs<S>> || std::same_as<Data, TokenStreams<S>>;

}  // namespace detail

/// Training of a model, in place:
///
///     Adam adam({.learning_rate = 1e-3});
///     const auto result = fit(model, SoftmaxCrossEntropy(), adam, data,
///                             {.epochs = 30, .validation_fraction = 0.2});
///
/// `data` is a Dataset or LazyDataset, SequencePairs for a Seq2Seq model, or TokenStreams for a language model. The
/// samples of a LazyDataset are checked when they were read, before the update. With TokenStreams the state is carried
/// from window to window and is zero at the start of an epoch. The losses of pairs, including the validation loss, are
/// those of a decoder that is fed the target.
///
/// Throws before training if model, loss, data and options do not match. Throws NonFiniteError as soon as a loss or
/// gradient is not finite, with epoch, batch and the place where the first such value arose, and at the end of an epoch
/// whose updates made a parameter non-finite. `state` is then as in the last call of on_checkpoint, or as at the end of
/// the previous epoch.
///
/// `state` supports stopping and resuming, at any batch. Pass it again, together with the optimizer as it was: training
/// continues with the next batch, bit for bit as without the stop. After the last batch of an epoch it continues with
/// the validation.
template <class Model, class Loss, Optimizer O, detail::FitData<typename Model::Scalar> Data>
FitResult fit(Model& model, const Loss& loss, O& optimizer, const Data& data,
              const std::type_identity_t<FitOptions<typename Model::Scalar, Data>>& options,
              TrainingState<typename Model::Scalar>& state) {
  if constexpr (!std::same_as<Model, detail::Untyped<Model>>) {
    return fit<detail::Untyped<Model>>(model, loss, optimizer, data, options, state);
  } else {
    const detail::OptimizerReference<typename Model::Scalar> any(optimizer);
    typename detail::FitTask<Model, Loss, Data>::type task(model, loss, any, data, options);
    return detail::FitRun<Model, decltype(task)>(model, any, options, state, task).run();
  }
}

template <class Model, class Loss, Optimizer O, detail::FitData<typename Model::Scalar> Data>
FitResult fit(Model& model, const Loss& loss, O& optimizer, const Data& data,
              const std::type_identity_t<FitOptions<typename Model::Scalar, Data>>& options = {}) {
  if constexpr (!std::same_as<Model, detail::Untyped<Model>>) {
    return fit<detail::Untyped<Model>>(model, loss, optimizer, data, options);
  } else {
    TrainingState<typename Model::Scalar> state;
    return fit(model, loss, optimizer, data, options, state);
  }
}

}  // namespace unroll
