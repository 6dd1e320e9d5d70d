#pragma once

#include "unroll/data/streams.hpp"
#include "unroll/train/detail/part_states.hpp"
#include "unroll/train/tasks/sample_fit.hpp"

namespace unroll::detail {

/// Task of FitRun for token streams: a batch is a window, and the state is carried to the next one.
template <class Model, class Loss>
class StreamFit {
  using S = typename Model::Scalar;

 public:
  using Data = TokenStreams<S>;

  StreamFit(Model& model, const Loss& loss, OptimizerReference<S> optimizer, const Data& text,
            const FitOptions<S, Data>& options)
      : model_(model),
        loss_(loss),
        text_(text),
        options_(options),
        step_(model, loss, optimizer, step_options(options)) {}

  MonitoredData monitored() const {
    return {
        .validation = options_.validate || options_.validation != nullptr, .labels = true, .validation_labels = true};
  }

  void check() const {
    require<ValueError>(options_.validation_fraction == 0, "fit: validation_fraction must be 0 for streams, got ",
                        options_.validation_fraction, "; give other streams as validation");
    require<ValueError>(options_.batches == BatchOptions{},
                        "fit: the batches of streams are their windows; leave batches out and set StreamOptions");
    require<ValueError>(model_.causal(),
                        "fit: the model reads later steps (bidirectional, backward or pooling over time); train it on "
                        "sequences instead of streams");
    TruncatedRun<Model>::check(model_, options_.truncation);
    check("the data set", text_);
    if (options_.validation != nullptr) check("the validation data set", *options_.validation);
  }

  Index samples() const { return text_.windows() * text_.streams(); }
  bool validates() const { return options_.validation != nullptr; }
  auto& step() { return step_; }
  LossNames loss_names() const { return names_of_losses(loss_); }

  Index begin_epoch(Index) {
    states_.clear();
    return text_.windows();
  }

  VectorX<S> carried() const { return flat_states(states_); }
  void carry(const VectorX<S>& states) { states_ = states_of(model_, states, text_.streams()); }

  StepReport train(Index b) {
    text_.visit_window(b, [this](const Dataset<S>& data, std::span<const Index> samples) {
      batch_.gather(data, samples, shard_size(model_, samples, options_.shard), &options_.threads);
    });
    return step_.step(batch_, &states_);
  }

  Evaluation validate(const EvaluateOptions& options) {
    return evaluate(evaluator_, model_, *options_.validation, loss_, options);
  }

 private:
  void check(std::string_view what, const Data& text) const {
    check_data("fit", what, model_, loss_, text.data(), all_samples(text.data().size()));
  }

  Model& model_;
  const Loss& loss_;
  const Data& text_;
  const FitOptions<S, Data>& options_;
  TrainingStep<Model, Loss, OptimizerReference<S>> step_;
  Evaluator<Model> evaluator_;
  std::vector<State<S>> states_;
  ShardedBatch<S> batch_;
};

}  // namespace unroll::detail
