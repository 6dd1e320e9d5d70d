#pragma once

#include "unroll/data/split.hpp"
#include "unroll/train/detail/fit_checks.hpp"
#include "unroll/train/detail/truncation.hpp"
#include "unroll/train/evaluate.hpp"
#include "unroll/train/fit_options.hpp"
#include "unroll/train/seq2seq_step.hpp"
#include "unroll/train/tasks/pair_evaluation.hpp"
#include "unroll/train/training_step.hpp"

namespace unroll::detail {

/// Step options of a run's options.
template <class Options>
StepOptions step_options(const Options& options) {
  const bool per_update = options.learning_rate.counts == LearningRate::per_update;
  return {.clip_norm = options.clip_norm,
          .clip_value = options.clip_value,
          .clip_p = options.clip_p,
          .truncation = options.truncation,
          .seed = options.seed,
          .learning_rate = per_update ? options.learning_rate.rate : nullptr,
          .teacher = options.teacher,
          .keeping = options.keeping,
          .threads = options.threads,
          .count_hits = true};
}

/// Size of the parts of a batch: batch statistics need the whole batch in one part.
template <class Model>
Index shard_size(const Model& model, std::span<const Index> samples, Index shard) {
  return model.statistics() > 0 ? Index(samples.size()) : shard;
}

/// Step, evaluator, batch and checks for a type of data.
template <class Data>
struct FitKind;

template <class S>
struct FitKind<Dataset<S>> {
  template <class Model, class Loss, class O>
  using Step = TrainingStep<Model, Loss, O>;
  template <class Model>
  using Evaluator = unroll::Evaluator<Model>;
  using Batch = unroll::Batch<S>;

  template <class Model>
  static void check(const Model& model, const Truncation& truncation) {
    detail::TruncatedRun<Model>::check(model, truncation);
  }
  template <class Model>
  static Index shard(const Model& model, std::span<const Index> samples, Index shard) {
    return shard_size(model, samples, shard);
  }
  static bool labels(const Dataset<S>& data) { return has_labels(data.kind()); }
  static unroll::Split split(const Dataset<S>& data, double fraction, std::uint64_t seed) {
    return stratified_split(data, fraction, seed);
  }
};

template <class S>
struct FitKind<SequencePairs<S>> {
  template <class Model, class Loss, class O>
  using Step = Seq2SeqStep<Model, Loss, O>;
  template <class Model>
  using Evaluator = PairEvaluator<Model>;
  using Batch = PairBatch<S>;

  template <class Model>
  static void check(const Model&, const Truncation&) {}
  template <class Model>
  static Index shard(const Model&, std::span<const Index>, Index shard) {
    return shard;
  }
  static bool labels(const SequencePairs<S>&) { return true; }
  static unroll::Split split(const SequencePairs<S>& data, double fraction, std::uint64_t seed) {
    return random_split(data.size(), fraction, seed);
  }
};

/// Task of FitRun for sequences and pairs, which are divided into new batches every epoch.
template <class Model, class Loss, class O, class D>
class SampleFit {
 public:
  using Data = D;

  SampleFit(Model& model, const Loss& loss, O& optimizer, const Data& data,
            const FitOptions<typename Model::Scalar, Data>& options)
      : model_(model),
        loss_(loss),
        data_(data),
        options_(options),
        step_(model, loss, optimizer, step_options(options)) {}

  MonitoredData monitored() const {
    return {.validation = options_.validate || options_.validation != nullptr || options_.validation_fraction > 0,
            .labels = Kind::labels(data_),
            .validation_labels = options_.validate || Kind::labels(validation())};
  }

  void check() {
    Kind::check(model_, options_.truncation);
    divide();
    const auto length = [this](Index s) { return data_.length(s); };
    check_data("fit", "the data set", model_, loss_, data_, kept_);
    Batches::check(kept_, length, options_.batches);
    const bool own = options_.validation == nullptr;
    check_data("fit", own ? "the data set" : "the validation data set", model_, loss_, validation(), held_out_);
  }

  Index samples() const { return Index(kept_.size()); }
  bool validates() const { return !held_out_.empty(); }
  auto& step() { return step_; }

  Index begin_epoch(Index epoch) {
    batches_.plan(
        kept_, [this](Index s) { return data_.length(s); }, options_.batches, options_.seed, epoch);
    return batches_.count();
  }

  VectorX<typename Model::Scalar> carried() const { return {}; }
  void carry(const VectorX<typename Model::Scalar>& states) const {
    require<ShapeError>(states.size() == 0, "fit: the state must have no carried states for these data, got ",
                        states.size(), " numbers");
  }

  StepReport train(Index b) {
    const auto samples = batches_.batch(b);
    batch_.gather(data_, samples, Kind::shard(model_, samples, options_.shard), &options_.threads);
    return step_.step(batch_);
  }

  Evaluation validate(const EvaluateOptions& options) {
    return evaluator_(model_, validation(), held_out_, loss_, options);
  }

 private:
  using Kind = FitKind<Data>;

  const Data& validation() const { return options_.validation != nullptr ? *options_.validation : data_; }

  void divide() {
    kept_ = all_samples(data_.size());
    if (options_.validation != nullptr) held_out_ = all_samples(options_.validation->size());
    if (options_.validation_fraction == 0) return;
    unroll::Split split = Kind::split(data_, options_.validation_fraction, options_.seed);
    kept_ = std::move(split.kept);
    held_out_ = std::move(split.held_out);
  }

  Model& model_;
  const Loss& loss_;
  const Data& data_;
  const FitOptions<typename Model::Scalar, Data>& options_;
  typename Kind::template Step<Model, Loss, O> step_;
  typename Kind::template Evaluator<Model> evaluator_;
  std::vector<Index> kept_, held_out_;
  Batches batches_;
  ShardedBatch<typename Model::Scalar, typename Kind::Batch> batch_;
};

}  // namespace unroll::detail
