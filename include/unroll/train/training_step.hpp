#pragma once
// One batch: forward, loss, backward, clipping, update.

#include <deque>
#include <string>

#include "unroll/layers/layer.hpp"
#include "unroll/threads/flush_to_zero.hpp"
#include "unroll/threads/lender.hpp"
#include "unroll/train/detail/data_checks.hpp"
#include "unroll/train/detail/part_gradients.hpp"
#include "unroll/train/detail/part_states.hpp"
#include "unroll/train/detail/truncation.hpp"
#include "unroll/train/detail/update.hpp"
#include "unroll/train/step_options.hpp"

namespace unroll {

/// Trains a model batch by batch. It refers to model and optimizer, which must outlive it. After the first batch of a
/// shape a step allocates nothing.
///
/// The parts of a sharded batch go through all of their steps at the same time, each on a tape and with a gradient of
/// its own; the gradients are added in the order of the parts. So what comes out has the same bits for any number of
/// threads.
template <class Model, class Loss, Optimizer O>
class TrainingStep {
 public:
  using Scalar = typename Model::Scalar;
  using States = std::vector<State<Scalar>>;

  /// Throws ValueError for options out of range.
  TrainingStep(Model& model, Loss loss, O& optimizer, StepOptions options = {})
      : model_(model),
        loss_(std::move(loss)),
        options_(std::move(options)),
        update_(optimizer, model.parameters().table(), detail::Clipping::of(options_), options_.learning_rate) {
    detail::check_keeping(options_.keeping);
    options_.truncation.check();
    require<ValueError>(!whole_sequences || !options_.truncation.active(),
                        "training: this loss needs all steps of a sequence at once, so it knows no truncation");
    parts_.emplace_back(model_);
  }

  /// `carried` is the state before the first step (empty: zero) of each sample of the batch; afterwards the one behind
  /// the last.
  ///
  /// Throws NonFiniteError when the loss or the gradient is not finite, naming where the first such value arose, and
  /// leaves parameters and optimizer as they were after the last good update. An update itself can make parameters that
  /// are not finite, with a rate that is too large: see check_finite.
  StepReport step(const ShardedBatch<Scalar>& batch, States* carried = nullptr) {
    return step(batch.shards(), carried);
  }
  /// The same for a batch in one part.
  StepReport step(const Batch<Scalar>& batch, States* carried = nullptr) { return step({&batch, 1}, carried); }

  /// Also keeps an average of the parameters, see WeightAverage; nullptr: no more.
  void average_into(WeightAverage<Scalar>* average) { update_.average = average; }

  /// Updates done; to be set when a run is resumed, because dropout and schedules depend on it.
  std::int64_t& updates() { return update_.updates; }
  /// That of the last update, clipped.
  const Parameters<Scalar>& gradient() const { return parts_.front().gradient; }

 private:
  /// Does the loss look at sequences as a whole? Then all outputs of a part are in memory together.
  static constexpr bool whole_sequences = detail::TakesLabelSequences<Loss>;

  /// What one part of a batch is worked on with.
  struct Part {
    explicit Part(const Model& model) : gradient(model.parameters().zeros_like()) {}

    Parameters<Scalar> gradient;
    TruncatedRun<Model> run;
    LossCount whole;  // of the whole batch
    LossValue loss;   // of the window at hand
    Hits hits;
    Vector<double> statistics;          // see Chain::add_statistics
    States first;                       // state before the first step
    std::vector<Signal<Scalar>> input;  // of the window at hand
  };
  /// What a thread works with.
  struct Desk {
    typename Model::Tape tape;
    Buffer<Scalar> d_output;
  };
  using Shards = std::span<const Batch<Scalar>>;
  using Update = detail::Update<Scalar, O>;

  StepReport step(Shards shards, States* carried) {
    const FlushToZero flush;
    detail::check_target_kind("training", model_, shards.front().kind());
    require<ValueError>(shards.size() == 1 || model_.statistics() == 0, "training: a batch norm needs a batch in one ",
                        "part, this one is in ", shards.size(), "; gather it with its size as the size of a shard");
    while (parts_.size() < shards.size()) parts_.emplace_back(model_);
    begin(shards, carried);
    StepReport report;
    const Index steps = longest(shards), windows = options_.truncation.windows(steps);
    for (Index k = 0; k < windows; ++k) {
      const bool new_sum = k == 0 || !options_.truncation.accumulate;
      if (new_sum) {
        model_.prepare(weights_);
        model_.prepare_back(weights_);
      }
      each_part(shards, [&](Part& part, const Batch<Scalar>& batch) { learn(part, batch, k, steps, new_sum); });
      take_in(shards, report);
      if (k + 1 == windows || !options_.truncation.accumulate) update(shards, report);
    }
    if (carried != nullptr) hand_over(shards, *carried);
    return report;
  }

  // ---- beginning and end

  void begin(Shards shards, const States* carried) {
    if (carried != nullptr) detail::check_samples(*carried, samples(shards));
    LossCount total;
    // Whatever is refused in a later window must be refused before the first one has changed the parameters.
    const bool all_at_once = options_.truncation.accumulate || options_.truncation.windows(longest(shards)) == 1;
    for (std::size_t s = 0; s < shards.size(); ++s) {
      const Batch<Scalar>& batch = shards[s];
      if (!all_at_once) model_.check_input(batch.x());
      detail::with_targets(loss_, batch, 0, batch.target_columns(), [&](const auto& targets) {
        if (!all_at_once) detail::check_loss(loss_, model_.outputs(), targets);
        loss_.count(targets, batch.columns(0, batch.target_columns()), parts_[s].whole);
      });
      total += parts_[s].whole;
    }
    for (std::size_t s = 0; s < shards.size(); ++s) {
      if (shards.size() > 1) parts_[s].whole.divide_by(total);
      const States* first = carried;
      if (carried != nullptr && shards.size() > 1) {
        detail::take_places(*carried, shards[s].timeline(), parts_[s].first);
        first = &parts_[s].first;
      }
      parts_[s].run.begin(model_, options_.truncation, first, carried != nullptr);
    }
  }

  void hand_over(Shards shards, States& carried) {
    for (std::size_t s = 0; s < shards.size(); ++s)  // a part without any step keeps the state that it began with
      detail::put_places(parts_[s].run.state(), shards[s].timeline(), samples(shards), carried);
  }

  static Index samples(Shards shards) {
    Index samples = 0;
    for (const auto& batch : shards) samples += batch.timeline().batch();
    return samples;
  }
  static Index longest(Shards shards) {
    Index steps = 0;
    for (const auto& batch : shards) steps = std::max(steps, batch.timeline().steps());
    return steps;
  }

  // ---- parts

  /// f(part, batch) for all parts, at the same time where that pays.
  template <class F>
  void each_part(Shards shards, F&& f) {
    run_tasks(threads(shards), Index(shards.size()), [&](Index s) {
      const FlushToZero flush;
      f(parts_[std::size_t(s)], shards[std::size_t(s)]);
    });
  }

  ThreadPool* threads(Shards shards) const {
    Index columns = 0;
    for (const auto& batch : shards) columns += batch.timeline().columns();
    return options_.threads.for_work(columns * detail::Segments(gradient().dense()).numbers());
  }

  Pass pass(ThreadPool* threads) const {
    return {.training = true,
            .seed = options_.seed,
            .update = std::uint64_t(update_.updates),
            .keeping = options_.keeping,
            .threads = threads};
  }

  /// Window `k` of one part: forward, loss and back.
  void learn(Part& part, const Batch<Scalar>& batch, Index k, Index steps, bool new_sum) {
    if (new_sum) part.gradient.reset(), part.statistics.setZero(model_.statistics());
    part.loss = {};
    part.hits = {};
    auto loan = desks_.borrow();
    Desk& desk = *loan;
    part.run.window(
        k, steps, batch.x(), batch.timeline(),
        [&](ConstView<Scalar> x, const Timeline& timeline, const States& initial) {
          part.input.clear();
          part.input.push_back({x, &timeline});
          if constexpr (whole_sequences)
            model_.forward(weights_, x, timeline, desk.tape, pass(threads({&batch, 1})), initial);
          else
            model_.begin_learning(weights_, x, timeline, desk.tape, pass(threads({&batch, 1})), initial);
          detail::check_output_steps(batch, timeline, *desk.tape.in.back().timeline);
        },
        [&](States& state) { model_.final_state(desk.tape, state); },
        [&](const Window& window) {
          model_.learn(desk.tape, part.gradient, [&](Index first, const ConstView<Scalar>& output) {
            if constexpr (whole_sequences)
              return gradient_of_sequences(part, batch, model_.output_timeline(desk.tape), output, desk.d_output);
            else
              return gradient_of_loss(part, batch, window, first, output, desk.d_output);
          });
          model_.add_statistics(desk.tape, part.statistics.data());
        });
  }

  /// Of some columns of a window's output, the first of them number `first`. Steps that are only run again have no
  /// loss.
  ConstView<Scalar> gradient_of_loss(Part& part, const Batch<Scalar>& batch, const Window& window, Index first,
                                     const ConstView<Scalar>& output, Buffer<Scalar>& memory) {
    const Timeline& timeline = batch.target_timeline();
    const Index begin = model_.per_step() ? timeline.offset(window.begin) + first : first;
    const Index scored = model_.per_step() ? std::max(begin, timeline.offset(window.scored)) : first;
    const Index again = std::min(scored - begin, output.cols()), count = output.cols() - again;
    auto d_output = memory.shape(output.rows(), output.cols());
    d_output.leftCols(again).setZero();
    detail::with_targets(loss_, batch, begin + again, count, [&](const auto& targets) {
      part.loss += loss_(output.rightCols(count), targets, d_output.rightCols(count),
                         batch.columns(begin + again, count), part.whole);
    });
    if (options_.count_hits && has_labels(batch.kind())) {
      Accuracy accuracy;
      accuracy.add(output.rightCols(count), batch.labels(begin + again, count));
      part.hits += accuracy.hits();
    }
    return view(std::as_const(d_output));
  }

  ConstView<Scalar> gradient_of_sequences(Part& part, const Batch<Scalar>& batch, const Timeline& timeline,
                                          const ConstView<Scalar>& output, Buffer<Scalar>& memory) {
    auto d_output = memory.shape(output.rows(), output.cols());
    detail::with_targets(loss_, batch, 0, batch.target_columns(), [&](const auto& targets) {
      part.loss += loss_(output, timeline, targets, d_output, batch.columns(0, batch.target_columns()), part.whole);
    });
    return view(std::as_const(d_output));
  }

  /// Adds up what the parts found in a window.
  void take_in(Shards shards, StepReport& report) {
    for (std::size_t s = 0; s < shards.size(); ++s) {
      if (!is_finite(parts_[s].loss.sum)) fail(shards, text("the loss is ", parts_[s].loss.sum));
      report.loss += parts_[s].loss;
      report.hits += parts_[s].hits;
    }
  }

  // ---- the update

  void update(Shards shards, StepReport& report) {
    Parameters<Scalar>& gradient = parts_.front().gradient;
    ThreadPool* const pool = threads(shards);
    detail::add_gradients(
        shards.size(), [&](std::size_t s) -> auto& { return parts_[s].gradient; }, pool);
    const double norm = update_(
        model_.parameters(), gradient, pool,
        [&](double bad) { fail(shards, text("the norm of the gradient is ", bad)); },
        [&] { model_.update_statistics(parts_.front().statistics.data()); });
    report.gradient_norm = std::max(report.gradient_norm, norm);
  }

  /// Runs forward once more, because the way back overwrites what a search needs.
  [[noreturn]] void fail(Shards shards, const std::string& what) {
    std::string where;
    auto loan = desks_.borrow();
    Desk& desk = *loan;
    Pass again = pass(nullptr);
    again.keeping = {};
    for (std::size_t s = 0; s < shards.size() && where.empty(); ++s) {
      const Signal<Scalar>& in = parts_[s].input.front();
      model_.forward(in.values, *in.timeline, desk.tape, again, parts_[s].run.state());
      where = model_.locate_non_finite(desk.tape);
    }
    if (where.empty()) where = gradient_entry();
    throw NonFiniteError(text(what, where.empty() ? "" : "; first not finite: ", where));
  }

  std::string gradient_entry() const {
    const Index entry = first_non_finite(gradient().values());
    if (entry < 0) return {};
    return "the gradient of parameter '" + gradient().table().holding(entry).name + "'";
  }

  Model& model_;
  Loss loss_;
  StepOptions options_;
  Update update_;
  typename Model::Weights weights_;
  std::deque<Part> parts_;
  Lender<Desk> desks_;
};

}  // namespace unroll
