#pragma once

#include "unroll/data/batch.hpp"
#include "unroll/layers/layer.hpp"
#include "unroll/threads/stable_list.hpp"
#include "unroll/train/detail/data_checks.hpp"
#include "unroll/train/detail/part_gradients.hpp"
#include "unroll/train/detail/part_states.hpp"
#include "unroll/train/detail/truncation.hpp"
#include "unroll/train/step_options.hpp"

namespace unroll::detail {

/// Task of TrainingStep, see TaskStep: a batch of sequences, window by window with carried state.
template <class M, class Loss>
class SequenceTask {
 public:
  using Model = M;
  using Scalar = typename Model::Scalar;
  using Batch = unroll::Batch<Scalar>;
  using Weights = typename Model::Weights;
  using States = std::vector<State<Scalar>>;
  using Shards = std::span<const Batch>;

  struct Memory {
    typename Model::Tape tape;
    Buffer<Scalar> d_output;
  };
  struct Part : StepPart<Scalar> {
    explicit Part(const SequenceTask& task)
        : StepPart<Scalar>(task.model.parameters()), statistics_count(task.model.statistics()) {}

    void reset() {
      this->gradient.reset();
      statistics.setZero(statistics_count);
    }

    Index statistics_count;
    VectorX<double> statistics;  // see Chain::add_statistics
    detail::TruncatedRun<Model> run;
    States first;                       // state before the first step
    std::vector<Signal<Scalar>> input;  // input of the present window
  };

  /// Throws ValueError for options out of range or that do not apply.
  SequenceTask(Model& trained, Loss loss, StepOptions chosen)
      : model(trained), options(std::move(chosen)), loss_(std::move(loss)) {
    options.truncation.check();
    require<ValueError>(!whole_sequences || !options.truncation.active(),
                        "training: update_every must be 0 steps for a loss of whole sequences, got ",
                        options.truncation.update_every);
    require<ValueError>(!options.teacher, "training: the model has no decoder for teacher; leave teacher out");
  }

  /// `carried`: see TrainingStep::step.
  double begin(StableList<Part>& parts, Shards shards, std::int64_t, const States* carried) {
    check_target_kind("training", model, shards.front().kind());
    require<ValueError>(shards.size() == 1 || model.statistics() == 0,
                        "training: the batch must be in 1 part for batch norm, got ", shards.size(),
                        "; gather it with its size as the size of a shard");
    if (carried != nullptr) check_samples(*carried, samples(shards));
    steps_ = longest(shards);
    count(parts, shards);
    for (std::size_t s = 0; s < shards.size(); ++s) {
      const States* first = carried;
      if (carried != nullptr && shards.size() > 1) {
        take_places(*carried, shards[s].timeline(), parts[s].first);
        first = &parts[s].first;
      }
      parts[s].run.begin(model, options.truncation, first, carried != nullptr);
    }
    return 1;
  }

  Index windows() const { return options.truncation.windows(steps_); }
  bool begins_sum(Index k) const { return k == 0 || !options.truncation.accumulate; }

  Index work(Shards shards, const Parameters<Scalar>& gradient) const {
    Index columns = 0;
    for (const auto& batch : shards) columns += batch.timeline().columns();
    return columns * Segments(gradient.dense()).numbers();
  }

  void learn(Part& part, const Batch& batch, Index k, const Weights& weights, Memory& memory, const Pass& pass) const {
    part.run.window(
        k, steps_, batch.x(), batch.timeline(),
        [&](ConstView<Scalar> x, const Timeline& timeline, const States& initial, bool learns) {
          Pass some = pass;
          if (!learns) some.keeping = {Keep::nothing};
          some.detach_every = part.run.detach_every();
          part.input.clear();
          part.input.push_back({x, &timeline});
          if constexpr (whole_sequences)
            model.forward(weights, x, timeline, memory.tape, some, initial);
          else
            model.begin_learning(weights, x, timeline, memory.tape, some, initial);
          check_output_steps(batch, timeline, *memory.tape.in.back().timeline);
        },
        [&](States& state) { model.final_state(memory.tape, state); },
        [&](const Window& window) {
          model.learn(memory.tape, part.gradient, [&](Index first, const ConstView<Scalar>& output) {
            if constexpr (whole_sequences)
              return gradient_of_sequences(part, batch, model.output_timeline(memory.tape), output, memory.d_output);
            else
              return gradient_of_loss(part, batch, window, first, output, memory.d_output);
          });
          model.add_statistics(memory.tape, part.statistics.data());
        });
  }

  void updated(const Part& first) { model.update_statistics(first.statistics.data()); }

  std::string locate(const Part& part, const Batch& batch, const Weights& weights, Memory& memory,
                     const Pass& pass) const {
    const Signal<Scalar>& in = part.input.front();
    if (options.truncation.back_alone())  // the value may be in an earlier step
      model.forward(weights, batch.x(), batch.timeline(), memory.tape, pass, part.run.first());
    else
      model.forward(weights, in.values, *in.timeline, memory.tape, pass, part.run.state());
    return model.locate_non_finite(memory.tape);
  }

  void end(const StableList<Part>& parts, Shards shards, States* carried) const {
    if (carried == nullptr) return;
    for (std::size_t s = 0; s < shards.size(); ++s)  // a part without steps keeps its initial state
      put_places(parts[s].run.state(), shards[s].timeline(), samples(shards), *carried);
  }

  Model& model;
  StepOptions options;

 private:
  /// Whether the loss needs whole sequences. Then all outputs of a part are in memory together.
  static constexpr bool whole_sequences = TakesLabelSequences<Loss>;

  /// Checks all windows first, because a later error would come after the first window has changed the parameters.
  void count(StableList<Part>& parts, Shards shards) const {
    const bool all_at_once = options.truncation.accumulate || windows() == 1;
    for (std::size_t s = 0; s < shards.size(); ++s) {
      const Batch& batch = shards[s];
      if (!all_at_once) model.check_input(batch.x());
      with_targets(loss_, batch, 0, batch.target_columns(), [&](const auto& targets) {
        if (!all_at_once) check_loss(loss_, model.outputs(), targets);
        loss_.count(targets, batch.columns(0, batch.target_columns()), parts[s].whole);
      });
    }
    join_counts(shards.size(), [&](std::size_t s) -> LossCount& { return parts[s].whole; });
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

  /// Gradient of the loss for columns `first` and following of a window's output. Recomputed steps have no loss.
  ConstView<Scalar> gradient_of_loss(Part& part, const Batch& batch, const Window& window, Index first,
                                     const ConstView<Scalar>& output, Buffer<Scalar>& memory) const {
    const Timeline& timeline = batch.target_timeline();
    const Index begin = model.per_step() ? timeline.offset(window.begin) + first : first;
    const Index scored = model.per_step() ? std::max(begin, timeline.offset(window.scored)) : first;
    const Index again = std::min(scored - begin, output.cols()), count = output.cols() - again;
    auto d_output = memory.shape(output.rows(), output.cols());
    d_output.leftCols(again).setZero();
    with_targets(loss_, batch, begin + again, count, [&](const auto& targets) {
      part.loss += loss_(output.rightCols(count), targets, d_output.rightCols(count),
                         batch.columns(begin + again, count), part.whole);
    });
    if (options.count_hits && has_labels(batch.kind()))
      part.add_hits(from_column(output, again, count), batch.labels(begin + again, count));
    return view(std::as_const(d_output));
  }

  ConstView<Scalar> gradient_of_sequences(Part& part, const Batch& batch, const Timeline& timeline,
                                          const ConstView<Scalar>& output, Buffer<Scalar>& memory) const {
    auto d_output = memory.shape(output.rows(), output.cols());
    with_targets(loss_, batch, 0, batch.target_columns(), [&](const auto& targets) {
      part.loss += loss_(output, timeline, targets, d_output, batch.columns(0, batch.target_columns()), part.whole);
    });
    return view(std::as_const(d_output));
  }

  Loss loss_;
  Index steps_ = 0;  // of the longest sequence of the batch
};

}  // namespace unroll::detail
