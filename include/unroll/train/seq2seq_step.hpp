#pragma once
// One batch of pairs: forward, loss, backward, clipping, update.

#include <deque>
#include <string>

#include "unroll/models/seq2seq.hpp"
#include "unroll/threads/flush_to_zero.hpp"
#include "unroll/threads/lender.hpp"
#include "unroll/train/detail/part_gradients.hpp"
#include "unroll/train/detail/update.hpp"
#include "unroll/train/metrics/hits.hpp"
#include "unroll/train/teacher_forcing.hpp"

namespace unroll {

struct Seq2SeqStepOptions {
  double clip_norm = 0;    ///< largest norm of the whole gradient; 0: no limit
  double clip_value = 0;   ///< largest magnitude of its entries, before the norm is taken; 0: no limit
  double clip_p = 2;       ///< which norm that is and the report gives: p > 0, infinity for the largest magnitude
  std::uint64_t seed = 0;  ///< of dropout and of scheduled sampling
  std::function<double(long)> learning_rate = {};  ///< of the count of updates done; empty: as the optimizer has it
  teacher_forcing::Schedule teacher = {};  ///< share of the fed tokens that come from the target; empty: all of them
  Keeping keeping = {};
  Threads threads = {};     ///< that run the parts of a batch; results do not depend on how many there are
  bool count_hits = false;  ///< how often the largest score stood at the token that was to be told
};

/// What a batch gave, before the update. Neither is a result: the decoder was fed targets. What a model can do by
/// itself a Seq2SeqDecoder tells.
struct Seq2SeqReport {
  LossValue loss;
  double gradient_norm = 0;  ///< before clipping
  Hits hits = {};            ///< only with Seq2SeqStepOptions::count_hits
  double teacher = 1;        ///< share that was asked for
};

/// Trains a Seq2Seq model batch by batch, see TrainingStep; the same bits for any number of threads.
template <class Model, class Loss, class O>
class Seq2SeqStep {
 public:
  using Scalar = typename Model::Scalar;

  /// Refers to model and optimizer, which must outlive it. Throws ValueError for options out of range.
  Seq2SeqStep(Model& model, Loss loss, O& optimizer, Seq2SeqStepOptions options = {})
      : model_(model),
        loss_(std::move(loss)),
        options_(std::move(options)),
        update_(optimizer, model.parameters().table(), detail::Clipping::of(options_), options_.learning_rate) {
    detail::check_keeping(options_.keeping);
    parts_.emplace_back(model_);
  }

  /// Throws NonFiniteError when the loss or the gradient is not finite, naming where the first such value arose, and
  /// leaves parameters and optimizer as they were. An update itself can make parameters that are not finite, with a
  /// rate that is too large: see check_finite.
  Seq2SeqReport step(const ShardedBatch<Scalar, PairBatch<Scalar>>& batch) {
    const FlushToZero flush;
    const Shards shards = batch.shards();
    while (parts_.size() < shards.size()) parts_.emplace_back(model_);
    count(shards);
    Seq2SeqReport report;
    if (options_.teacher) report.teacher = options_.teacher(long(update_.updates));
    require<ValueError>(report.teacher >= 0 && report.teacher <= 1,
                        "training: the share of tokens from the target after ", update_.updates, " updates is ",
                        report.teacher, ", expected 0 to 1");
    model_.prepare(weights_);
    model_.prepare_back(weights_);
    ThreadPool* const pool = threads(shards);
    run_tasks(pool, Index(shards.size()), [&](Index k) {
      const FlushToZero own;
      learn(parts_[std::size_t(k)], shards[std::size_t(k)], report.teacher);
    });
    for (std::size_t k = 0; k < shards.size(); ++k) {
      if (!is_finite(parts_[k].loss.sum)) fail(shards, report.teacher, text("the loss is ", parts_[k].loss.sum));
      report.loss += parts_[k].loss;
      report.hits += parts_[k].hits;
    }
    update(shards, pool, report);
    return report;
  }

  /// Updates done; to be set when a run is resumed.
  std::int64_t& updates() { return update_.updates; }
  /// Also keeps an average of the parameters, see WeightAverage; nullptr: no more.
  void average_into(WeightAverage<Scalar>* average) { update_.average = average; }
  /// That of the last update, clipped.
  const Parameters<Scalar>& gradient() const { return parts_.front().gradient; }

 private:
  using Shards = std::span<const PairBatch<Scalar>>;

  struct Part {
    explicit Part(const Model& model) : gradient(model.parameters().zeros_like()) {}
    Parameters<Scalar> gradient;
    LossCount whole;
    LossValue loss;
    Hits hits;
  };
  struct Desk {
    typename Model::Tape tape;
    detail::ScheduledSampling<Model> sampling;
    Buffer<Scalar> d_scores;
  };

  void count(Shards shards) {
    LossCount total;
    for (std::size_t k = 0; k < shards.size(); ++k) {
      loss_.count(labels(shards[k], 0, shards[k].target_columns()), shards[k].columns(0, shards[k].target_columns()),
                  parts_[k].whole);
      total += parts_[k].whole;
    }
    if (shards.size() > 1)
      for (std::size_t k = 0; k < shards.size(); ++k) parts_[k].whole.divide_by(total);
  }
  static Eigen::Ref<const Labels> labels(const PairBatch<Scalar>& batch, Index first, Index count) {
    return batch.labels(first, count);
  }

  ThreadPool* threads(Shards shards) const {
    Index columns = 0;
    for (const auto& batch : shards) columns += batch.sources().columns() + batch.targets().columns();
    return options_.threads.for_work(columns * model_.parameters().size() / 2);
  }

  /// A batch of one part leaves its threads to the encoder.
  Pass pass(ThreadPool* threads) const {
    return {.training = true,
            .seed = options_.seed,
            .update = std::uint64_t(update_.updates),
            .keeping = options_.keeping,
            .threads = threads};
  }

  void forward(const PairBatch<Scalar>& batch, double teacher, const Pass& pass, Desk& desk) {
    const auto fed = teacher < 1 ? desk.sampling(model_, weights_, desk.tape, batch, teacher, pass) : batch.tokens();
    model_.begin_learning(weights_, batch.x(), batch.sources(), fed, batch.targets(), desk.tape, pass);
  }

  void learn(Part& part, const PairBatch<Scalar>& batch, double teacher) {
    part.gradient.reset();
    part.loss = {};
    part.hits = {};
    auto loan = desks_.borrow();
    Desk& desk = *loan;
    forward(batch, teacher, pass(threads({&batch, 1})), desk);
    model_.learn(weights_, desk.tape, part.gradient, [&](Index first, const ConstView<Scalar>& scores) {
      auto d_scores = desk.d_scores.shape(scores.rows(), scores.cols());
      part.loss +=
          loss_(scores, labels(batch, first, scores.cols()), d_scores, batch.columns(first, scores.cols()), part.whole);
      if (options_.count_hits) {
        Accuracy accuracy;
        accuracy.add(scores, batch.labels(first, scores.cols()));
        part.hits += accuracy.hits();
      }
      return view(std::as_const(d_scores));
    });
  }

  void update(Shards shards, ThreadPool* pool, Seq2SeqReport& report) {
    detail::add_gradients(
        shards.size(), [&](std::size_t k) -> auto& { return parts_[k].gradient; }, pool);
    report.gradient_norm = update_(
        model_.parameters(), parts_.front().gradient, pool,
        [&](double bad) { fail(shards, report.teacher, text("the norm of the gradient is ", bad)); }, [] {});
  }

  /// Runs forward once more, because the way back overwrites what a search needs.
  [[noreturn]] void fail(Shards shards, double teacher, const std::string& what) {
    std::string where;
    auto loan = desks_.borrow();
    Pass again = pass(nullptr);
    again.keeping = {};
    for (std::size_t k = 0; k < shards.size() && where.empty(); ++k) {
      forward(shards[k], teacher, again, *loan);
      where = model_.locate_non_finite(weights_, (*loan).tape);
    }
    throw NonFiniteError(text(what, where.empty() ? "" : "; first not finite: ", where));
  }

  Model& model_;
  Loss loss_;
  Seq2SeqStepOptions options_;
  detail::Update<Scalar, O> update_;
  typename Model::Weights weights_;
  std::deque<Part> parts_;
  Lender<Desk> desks_;
};

}  // namespace unroll
