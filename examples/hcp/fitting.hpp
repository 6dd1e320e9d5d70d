#pragma once
// Training that all models share.

#include "../support/trained.hpp"
#include "model.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/parameters/decay_mask.hpp"

namespace hcp {

/// Decay mask, 1 for the input weights of the recurrent layers, which are the parameters before number `end`.
template <class Network>
unroll::VectorX<float> input_weights(const Network& network, unroll::Index end) {
  using unroll::Role;
  auto mask = unroll::decay_mask<float>(network.parameters().table(), {Role::bias, Role::recurrent_weight, Role::gain});
  mask.tail(mask.size() - end).setZero();
  return mask;
}

/// Trains `network`; `options` has what differs between the models. `end`: see input_weights.
template <class Network, class Data>
Training fitted(Network& network, unroll::Index end, const Data& data, unroll::FitOptions<float, Data> options,
                const TrainingOptions& given, const std::function<void(const unroll::Epoch&)>& on_epoch) {
  using namespace unroll;
  // The gradient of l2 w^2 is 2 l2 w.
  Adam<float> adam({.learning_rate = given.rate, .weight_decay = 2 * given.l2});
  adam.set_decay_mask(input_weights(network, end));
  options.epochs = given.epochs, options.batches.size = given.batch, options.seed = given.seed;
  options.clip_norm = given.clip, options.threads = {given.threads};
  options.products = example::precision_of(given.products);
  if (given.patience > 0) options.early_stopping = EarlyStopping{.patience = given.patience};
  options.on_epoch = [&](const Epoch& epoch) { return on_epoch(epoch), true; };
  FitResult result = example::train(network, SoftmaxCrossEntropy<float>(), adam, data, std::move(options),
                                    {given.checkpoint, given.checkpoint_seconds, given.quiet});
  return {std::move(result.history), result.best_epoch, result.stopped_early};
}

}  // namespace hcp
