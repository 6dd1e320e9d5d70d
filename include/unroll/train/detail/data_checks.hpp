#pragma once
// Checks that model, loss and data match, before training.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/data/batch.hpp"
#include "unroll/data/lazy_dataset.hpp"
#include "unroll/losses/several/losses.hpp"

namespace unroll::detail {

/// Throws ShapeError unless model outputs and targets are both per step or both per sequence.
template <class Model>
void check_target_kind(std::string_view where, const Model& model, TargetKind kind) {
  require<ShapeError>(
      model.per_step() || kind != TargetKind::label_sequence, where,
      ": the model must give an output for every step, as label sequences need, got one for each sequence");
  require<ShapeError>(
      model.per_step() == needs_steps(kind) || kind == TargetKind::none, where, ": ",
      model.per_step()
          ? "the model must give one output for each sequence, one for each target, got one for every step; add a "
            "layer such as LastStep or MeanOverTime"
          : "the model must give an output for every step, one for each target, got one for each sequence");
}

/// Throws ShapeError unless each sequence of a batch has as many targets as outputs. `in` and `out` are the timelines
/// of the model's input (a window or the whole batch) and output.
template <class S>
void check_output_steps(const Batch<S>& batch, const Timeline& in, const Timeline& out) {
  const Timeline& targets = batch.target_timeline();
  if (!per_step(batch.kind()) || (&out == &in && &targets == &batch.timeline())) return;
  require<ShapeError>(in.columns() == batch.timeline().columns(),
                      "training: the model changes the number of steps; train it without truncation");
  for (Index r = 0; r < in.batch(); ++r)
    require<ShapeError>(out.length(r) == targets.length(r), "training: sample ", in.place(in.sample(r)),
                        ": the targets must have ", out.length(r), " steps, as the outputs for ", in.length(r),
                        " steps, got ", targets.length(r));
}

/// Checks of the loss on targets that need no output.
template <class Loss, class Targets>
void check_loss(const Loss& loss, Index outputs, const Targets& targets) {
  if constexpr (requires { loss.check(outputs, targets); }) loss.check(outputs, targets);
}

/// Checks that `steps` outputs are enough for the targets.
template <class Loss, class Targets>
void check_loss_steps(const Loss& loss, Index steps, const Targets& targets) {
  if constexpr (TakesLabelSequences<Loss>)
    for (Index b = 0; b < targets.size(); ++b) loss.check_steps(targets, b, steps);
}

/// Throws ShapeError unless the data have the names and rows of the inputs that the model names. `what` names the data
/// in messages, for example "the data set".
template <class Model, class Data>
void check_inputs(std::string_view where, std::string_view what, const Model& model, const Data& data) {
  NamedRows expected;
  if constexpr (requires { model.encoder(); })
    expected = model.encoder().inputs();
  else if constexpr (requires { model.inputs(); })
    expected = model.inputs();
  if (!expected.empty()) check_rows(where, text("the inputs of ", what), "as in the model", data.inputs(), expected);
}

/// Throws ValueError or ShapeError unless `data` have the targets that the loss reads, by name, kind and size.
template <class Loss, class Data>
void check_targets(std::string_view where, std::string_view what, const Loss& loss, const Data& data) {
  if constexpr (TakesSeveral<Loss>) {
    const std::vector<LossPart> losses = loss.several();
    const std::vector<TargetPart>& targets = data.targets();
    const auto names = [](const auto& parts) {
      std::string all;
      for (const auto& part : parts) all += text(all.empty() ? "" : ", ", part.name);
      return all.empty() ? "none" : all;
    };
    require<ValueError>(std::ranges::equal(losses, targets, {}, &LossPart::name, &TargetPart::name), where,
                        ": the targets of ", what, " must be ", names(losses), ", those of the losses, got ",
                        names(targets));
    for (std::size_t k = 0; k < losses.size(); ++k) {
      const TargetPart& target = targets[k];
      const bool labels = has_labels(target.kind), fits = losses[k].labels == labels;
      require<ValueError>(fits, where, ": the target '", target.name, "' of ", what, " must be ",
                          losses[k].labels ? "labels" : "real-valued", ", as its loss takes, got ",
                          name_of(target.kind));
      require<ShapeError>(labels ? target.size <= losses[k].outputs : target.size == losses[k].outputs, where,
                          ": the target '", target.name, "' of ", what, " must have ", labels ? "at most " : "",
                          losses[k].outputs, labels ? " classes" : " numbers", ", the outputs of its loss, got ",
                          target.size);
    }
  }
}

/// Calls f() and adds the sample to the messages of its errors.
template <class F>
void within_sample(std::string_view where, std::string_view what, Index sample, F&& f) {
  with_place([&] { return text(where, ": ", what, ", sample ", sample, ": "); }, f);
}

template <class S>
LabelSequences label_sequence_of(const Dataset<S>& data, Index sample) {
  LabelSequences one;
  one.add({data.labels(sample).data(), std::size_t(data.labels(sample).size())});
  return one;
}

/// Throws ShapeError or ValueError unless the model can be trained on sample s of `data` with this loss.
template <class Model, class Loss, class S>
void check_sample(const Model& model, const Loss& loss, const Dataset<S>& data, Index s) {
  model.check_input(view(data.sequence(s)));
  const Index steps = model.output_steps(data.length(s));
  require<ShapeError>(data.target_steps(s) == steps || !per_step(data.kind()), "the targets must have ", steps,
                      " steps, as the outputs for ", data.length(s), " steps, got ", data.target_steps(s));
  with_targets<S, Loss>(
      data.kind(), [&]() -> auto& { return data.labels(s); }, [&]() -> auto& { return data.values(s); },
      [&] { return label_sequence_of(data, s); },
      [&](const auto& targets) {
        check_loss(loss, model.outputs(), targets);
        check_loss_steps(loss, steps, targets);
      });
}

/// Throws what check_sample throws for a part of a lazy data set; `numbers`: the numbers of its samples.
template <class Model, class Loss, class S>
void check_part(std::string_view where, std::string_view what, const Model& model, const Loss& loss,
                const Dataset<S>& part, std::span<const Index> numbers) {
  for (Index s = 0; s < part.size(); ++s)
    within_sample(where, what, numbers[std::size_t(s)], [&] { check_sample(model, loss, part, s); });
}

/// Throws ShapeError or ValueError unless the model can be trained on these samples with this loss: features, and kind,
/// number and range of targets; names of inputs and of several targets. `what` names the data in messages, for example
/// "the data set". Of a lazy data set, the first sample is checked; the others are when they were read.
template <class Model, class Loss, SampleData Data>
void check_data(std::string_view where, std::string_view what, const Model& model, const Loss& loss, const Data& data,
                std::span<const Index> samples) {
  check_inputs(where, what, model, data);
  require<ShapeError>(data.features() == model.features(), where, ": ", what, " must have ", model.features(),
                      " features per step, as the model, got ", data.features());
  check_targets(where, what, loss, data);
  require<ShapeError>(data.classes() <= model.outputs(), where, ": ", what, " must have at most ", model.outputs(),
                      " classes, the outputs of the model, got ", data.classes());
  require<ShapeError>(!has_values(data.kind()) || data.target_rows() == model.outputs(), where, ": ", what,
                      " must have ", model.outputs(), " numbers per target, the outputs of the model, got ",
                      data.target_rows());
  check_target_kind(where, model, data.kind());
  if constexpr (is_lazy<Data>)
    within_sample(where, what, 0, [&] { check_sample(model, loss, data.first(), 0); });
  else
    for (const Index s : samples) within_sample(where, what, s, [&] { check_sample(model, loss, data, s); });
}

}  // namespace unroll::detail
