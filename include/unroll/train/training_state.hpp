#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/losses/reduction.hpp"
#include "unroll/optim/average.hpp"
#include "unroll/optim/schedules/plateau.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/train/history.hpp"

namespace unroll {

/// Completed batches of an epoch that has begun, with their sums.
template <std::floating_point S>
struct PartialEpoch {
  std::int64_t batches = 0;               ///< completed; 0: the epoch has not begun
  std::int64_t planned = 0;               ///< batches of the whole epoch; resuming with another number throws
  double loss_sum = 0, loss_count = 0;    ///< see LossValue
  VectorX<double> losses;                 ///< of Losses: weight, sum and count of each
  std::int64_t correct = 0, scored = 0;   ///< see Hits
  double gradient_norm = 0, seconds = 0;  ///< see Epoch
  double learning_rate = 0;               ///< of the last update
  VectorX<S> carried;  ///< states after the last window of TokenStreams: by layer, state, stream; else empty

  void add(const LossValue& loss) {
    loss_sum += loss.sum, loss_count += loss.count;
    if (loss.losses > 0 && losses.size() == 0) losses.setZero(3 * Index(loss.losses));
    for (std::size_t k = 0; k < loss.losses; ++k)
      losses.segment<3>(3 * Index(k)) =
          Eigen::Vector3d(loss.terms[k].weight, losses[3 * Index(k) + 1] + loss.terms[k].sum,
                          losses[3 * Index(k) + 2] + loss.terms[k].count);
  }
  LossValue loss() const {
    LossValue all{.sum = loss_sum, .count = loss_count};
    for (Index k = 0; k + 2 < losses.size(); k += 3)
      all.terms[all.losses++] = {losses[k], losses[k + 1], losses[k + 2]};
    return all;
  }

  /// Calls `f(name, value)` for each part but `losses`, see TrainingState.
  template <class F>
  void visit_state(F&& f) {
    f(std::string_view("batches"), batches), f(std::string_view("planned"), planned);
    f(std::string_view("loss_sum"), loss_sum), f(std::string_view("loss_count"), loss_count);
    f(std::string_view("correct"), correct), f(std::string_view("scored"), scored);
    f(std::string_view("gradient_norm"), gradient_norm), f(std::string_view("seconds"), seconds);
    f(std::string_view("learning_rate"), learning_rate), f(std::string_view("carried"), carried);
  }
};

/// State of a training run, without the optimizer, for resumption. `fit` updates it at the end of every epoch, before
/// on_epoch, and within an epoch before on_checkpoint and when on_batch stops the training. Between these calls it does
/// not change. With such a state, and the optimizer as it was then, `fit` continues bit for bit as without the stop.
template <std::floating_point S>
struct TrainingState {
  std::int64_t epochs = 0, updates = 0;  ///< completed
  std::int64_t seed = 0;                 ///< of the run; resuming with another one throws
  std::int64_t samples = 0;              ///< number of training samples; resuming with another one throws
  std::string
      parameter_names;  ///< names of the parameters, then the model's options line by line; resuming with others throws
  VectorX<S> parameters;  ///< after the last update, neither averaged nor the best
  VectorX<S> best;        ///< parameters with the best monitored value; empty unless they are to be restored
  double best_value = 0;
  std::int64_t best_epoch = 0;  ///< from 1; 0: none yet
  std::int64_t waited = 0;      ///< epochs since best_epoch
  std::int64_t stopped = 0;     ///< 1 when early stopping ended the run
  WeightAverage<S> average = WeightAverage<S>();
  Plateau plateau = Plateau();
  std::int64_t plateau_monitor = -1, stopping_monitor = -1;  ///< monitors of plateau and early stopping; -1: unused
  History history;
  PartialEpoch<S> partial;  ///< of the next epoch, if it has begun
  std::string loss_names;   ///< of Losses: a line for each; resuming with others throws

  /// Calls `f(name, value)` for each part, to save or restore it. Types: VectorX<S>, VectorX<double>, std::int64_t,
  /// double and std::string.
  template <class F>
  void visit_state(F&& f) {
    f(std::string_view("epochs"), epochs), f(std::string_view("updates"), updates);
    f(std::string_view("seed"), seed), f(std::string_view("samples"), samples);
    f(std::string_view("parameter_names"), parameter_names);
    f(std::string_view("parameters"), parameters), f(std::string_view("best"), best);
    f(std::string_view("best_value"), best_value), f(std::string_view("best_epoch"), best_epoch);
    f(std::string_view("waited"), waited), f(std::string_view("stopped"), stopped);
    average.visit_state([&](std::string_view name, auto& value) { f(text("average.", name), value); });
    plateau.visit_state([&](std::string_view name, auto& value) { f(text("plateau.", name), value); });
    f(std::string_view("plateau_monitor"), plateau_monitor);
    f(std::string_view("stopping_monitor"), stopping_monitor);
    visit_history(f);
    partial.visit_state([&](std::string_view name, auto& value) { f(text("partial.", name), value); });
    f(std::string_view("losses.partial"), partial.losses), f(std::string_view("losses.names"), loss_names);
    visit_losses(f);
  }

 private:
  /// Losses of the epochs: loss and validation loss of each, for each epoch.
  template <class F>
  void visit_losses(F&& f) {
    std::vector<double> all;
    for (const Epoch& epoch : history)
      for (const EpochLoss& one : epoch.losses) all.push_back(one.loss), all.push_back(one.validation_loss);
    VectorX<double> numbers = Eigen::Map<const VectorX<double>>(all.data(), Index(all.size()));
    f(std::string_view("losses.history"), numbers);
    const std::size_t losses = loss_names.empty() ? 0 : std::size_t(std::ranges::count(loss_names, '\n')) + 1;
    require<ValueError>(losses <= most_losses, "training state: losses must be at most ", most_losses, ", got ",
                        losses);
    require<ValueError>(numbers.size() == Index(2 * losses * history.size()), "training state: the losses must have ",
                        2 * losses, " numbers for each epoch, got ", numbers.size(), " for ", history.size());
    require<ValueError>(partial.losses.size() == 0 || partial.losses.size() == Index(3 * losses),
                        "training state: the losses of the partial epoch must have ", 3 * losses, " numbers, got ",
                        partial.losses.size());
    const double* number = numbers.data();
    for (Epoch& epoch : history) {
      epoch.losses.clear();
      for (std::size_t k = 0; k < losses; ++k, number += 2) epoch.losses.push_back({number[0], number[1]});
    }
  }

  template <class F>
  void visit_history(F&& f) {
    constexpr std::size_t columns = Epoch::names.size();
    VectorX<double> numbers(Index(columns * history.size()));
    for (std::size_t k = 0; k < history.size(); ++k)
      Eigen::Map<VectorX<double>>(numbers.data() + k * columns, columns) =
          Eigen::Map<const VectorX<double>>(history[k].numbers().data(), columns);
    f(std::string_view("history"), numbers);
    require<ValueError>(numbers.size() % Index(columns) == 0, "training state: the history must have ", columns,
                        " numbers for each epoch, got ", numbers.size());
    history.resize(std::size_t(numbers.size()) / columns);
    for (std::size_t k = 0; k < history.size(); ++k) {
      std::vector<EpochLoss> losses = std::move(history[k].losses);
      history[k] = Epoch::of(numbers.data() + k * columns);
      history[k].losses = std::move(losses);
    }
  }
};

}  // namespace unroll
