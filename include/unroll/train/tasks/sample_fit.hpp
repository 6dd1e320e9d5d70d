#pragma once

#include <optional>
#include <span>
#include <vector>

#include "unroll/data/read_ahead.hpp"
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
          .count_hits = true,
          .products = options.products};
}

/// Size of the parts of a batch: batch statistics need the whole batch in one part.
template <class Model>
Index shard_size(const Model& model, std::span<const Index> samples, Index shard) {
  return model.statistics() > 0 ? Index(samples.size()) : shard;
}

/// Step, evaluator, batch and checks for a type of data.
template <class Data>
struct FitKind;

template <SampleData D>
struct FitKind<D> {
  using S = typename D::Scalar;

  template <class Model, class Loss>
  using Step = TrainingStep<Model, Loss, OptimizerReference<S>>;
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
  static bool labels(const D& data) { return has_labels(data.kind()); }
  static unroll::Split split(const D& data, double fraction, std::uint64_t seed) {
    return stratified_split(data, fraction, seed);
  }
};

template <class S>
struct FitKind<SequencePairs<S>> {
  template <class Model, class Loss>
  using Step = Seq2SeqStep<Model, Loss, OptimizerReference<S>>;
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

/// Batches of an epoch with their data.
template <class Data>
class BatchReader {
 public:
  void begin_epoch() {}
  /// Calls f(data, samples) with the samples of batch b.
  template <class Check, class F>
  void operator()(const Data& data, const Batches& batches, Index b, const Check&, F&& f) {
    f(data, batches.batch(b));
  }
};

/// Reads the batches after the first requested one ahead.
template <class S>
class BatchReader<LazyDataset<S>> {
 public:
  /// Ends the reading of an earlier epoch, whose batches may then change.
  void begin_epoch() { reader_.reset(); }
  /// Calls check(part, numbers) and f(part, samples): the samples of `part` are those of batch b, `numbers` in `data`.
  template <class Check, class F>
  void operator()(const LazyDataset<S>& data, const Batches& batches, Index b, const Check& check, F&& f) {
    if (!reader_ || reader_->next() != b)
      reader_.emplace(data, b, batches.count(), [&batches](Index part) { return batches.batch(part); });
    const Dataset<S> part = reader_->take();
    check(part, batches.batch(b));
    f(part, all_samples(part.size()));
  }

 private:
  std::optional<ReadAhead<S>> reader_;
};

/// Task of FitRun for sequences and pairs, which are divided into new batches every epoch.
template <class Model, class Loss, class D>
class SampleFit {
 public:
  using Data = D;

  SampleFit(Model& model, const Loss& loss, OptimizerReference<typename Model::Scalar> optimizer, const Data& data,
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
  LossNames loss_names() const { return names_of_losses(loss_); }

  Index begin_epoch(Index epoch) {
    read_.begin_epoch();
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
    const auto check = [this](const auto& part, std::span<const Index> numbers) {
      check_part("fit", "the data set", model_, loss_, part, numbers);
    };
    read_(data_, batches_, b, check, [this](const auto& data, std::span<const Index> samples) {
      batch_.gather(data, samples, Kind::shard(model_, samples, options_.shard), &options_.threads);
    });
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
  typename Kind::template Step<Model, Loss> step_;
  typename Kind::template Evaluator<Model> evaluator_;
  std::vector<Index> kept_, held_out_;
  Batches batches_;
  BatchReader<Data> read_;
  ShardedBatch<typename Model::Scalar, typename Kind::Batch> batch_;
};

}  // namespace unroll::detail
