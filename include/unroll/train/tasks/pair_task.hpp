#pragma once

#include <string>

#include "unroll/data/pairs.hpp"
#include "unroll/threads/stable_list.hpp"
#include "unroll/train/detail/part_gradients.hpp"
#include "unroll/train/detail/scheduled_sampling.hpp"
#include "unroll/train/step_options.hpp"

namespace unroll::detail {

/// Task of Seq2SeqStep, see TaskStep: a batch of pairs, with teacher forcing or scheduled sampling.
template <class M, class Loss>
class PairTask {
  static_assert(!TakesSeveral<Loss>, "unroll: a model of pairs must have one loss, of its tokens, not Losses");

 public:
  using Model = M;
  using Scalar = typename Model::Scalar;
  using Batch = PairBatch<Scalar>;
  using Weights = typename Model::Weights;
  using Shards = std::span<const Batch>;

  struct Memory {
    typename Model::Tape tape;
    ScheduledSampling<Model> sampling;
    Buffer<Scalar> d_scores;
  };
  struct Part : StepPart<Scalar> {
    explicit Part(const PairTask& task) : StepPart<Scalar>(task.model.parameters()) {}
    void reset() { this->gradient.reset(); }
  };

  /// Throws ValueError for options that do not apply.
  PairTask(Model& trained, Loss loss, StepOptions chosen)
      : model(trained), options(std::move(chosen)), loss_(std::move(loss)) {
    options.truncation.check();
    require<ValueError>(!options.truncation.active() && !options.truncation.accumulate,
                        "training: update_every must be 0 steps and accumulate false for pairs, got ",
                        options.truncation.update_every, " and ", options.truncation.accumulate);
    require<ValueError>(options.truncation.back == 0, "training: back must be 0 steps for pairs, got ",
                        options.truncation.back);
  }

  /// Returns the share of decoder inputs from the target.
  double begin(StableList<Part>& parts, Shards shards, std::int64_t updates) {
    for (std::size_t k = 0; k < shards.size(); ++k)
      loss_.count(labels(shards[k], 0, shards[k].target_columns()), shards[k].columns(0, shards[k].target_columns()),
                  parts[k].whole);
    join_counts(shards.size(), [&](std::size_t k) -> LossCount& { return parts[k].whole; });
    teacher_ = options.teacher ? options.teacher(long(updates)) : 1;
    require<ValueError>(teacher_ >= 0 && teacher_ <= 1, "training: the share of tokens from the target after ", updates,
                        " updates must be in [0, 1], got ", teacher_);
    return teacher_;
  }

  Index windows() const { return 1; }
  bool begins_sum(Index) const { return true; }

  Index work(Shards shards, const Parameters<Scalar>&) const {
    Index columns = 0;
    for (const auto& batch : shards) columns += batch.sources().columns() + batch.targets().columns();
    return columns * model.parameters().size() / 2;
  }

  void learn(Part& part, const Batch& batch, Index, const Weights& weights, Memory& memory, const Pass& pass) const {
    forward(batch, weights, memory, pass);
    model.learn(weights, memory.tape, part.gradient, [&](Index first, const ConstView<Scalar>& scores) {
      auto d_scores = memory.d_scores.shape(scores.rows(), scores.cols());
      part.loss +=
          loss_(scores, labels(batch, first, scores.cols()), d_scores, batch.columns(first, scores.cols()), part.whole);
      if (options.count_hits) part.add_hits(scores, batch.labels(first, scores.cols()));
      return view(std::as_const(d_scores));
    });
  }

  void updated(const Part&) {}

  std::string locate(const Part&, const Batch& batch, const Weights& weights, Memory& memory, const Pass& pass) const {
    forward(batch, weights, memory, pass);
    return model.locate_non_finite(weights, memory.tape);
  }

  void end(const StableList<Part>&, Shards) const {}

  Model& model;
  StepOptions options;

 private:
  static Eigen::Ref<const Labels> labels(const Batch& batch, Index first, Index count) {
    return batch.labels(first, count);
  }

  void forward(const Batch& batch, const Weights& weights, Memory& memory, const Pass& pass) const {
    const auto fed =
        teacher_ < 1 ? memory.sampling(model, weights, memory.tape, batch, teacher_, pass) : batch.tokens();
    model.begin_learning(weights, batch.x(), batch.sources(), fed, batch.targets(), memory.tape, pass);
  }

  Loss loss_;
  double teacher_ = 1;  // of the present batch
};

}  // namespace unroll::detail
