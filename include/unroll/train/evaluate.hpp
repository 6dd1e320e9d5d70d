#pragma once
// What a model says about a data set, in the order of its samples: independent of the batch size, bit for bit.

#include <deque>
#include <type_traits>

#include "unroll/layers/layer.hpp"
#include "unroll/train/batch.hpp"
#include "unroll/train/batches.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {

struct Evaluation {
  LossValue loss;
  Hits hits;  ///< only where the data set has labels
};

struct EvaluateOptions {
  Index batch_size = 128;  ///< sequences at a time
  Threads threads = {};    ///< that share them
};

/// Runs a model over data sets and keeps the memory of a pass.
template <class Model>
class Evaluator {
 public:
  using Scalar = typename Model::Scalar;

  /// f(sample, output [outputs x steps], or [outputs x 1] of a model that pools) for each of `samples`, in this order
  /// and by the calling thread; as many batches are run at the same time as there are threads.
  template <class F>
  void each_output(const Model& model, const Dataset<Scalar>& data, std::span<const Index> samples,
                   const EvaluateOptions& options, F&& f) {
    require<ValueError>(options.batch_size > 0, "evaluation: batch_size is ", options.batch_size,
                        ", expected at least 1");
    model.prepare(weights_);
    const Index size = options.batch_size, batches = (Index(samples.size()) + size - 1) / size;
    if (batches < 2) return each_batch(model, data, samples, options, 0, batches, nullptr, f);
    ThreadPool& threads = options.threads.pool();
    for (Index first = 0; first < batches; first += threads.threads())
      each_batch(model, data, samples, options, first, std::min<Index>(first + threads.threads(), batches), &threads,
                 f);
  }

  /// The loss is summed sample by sample, so that batches leave no trace in its rounding.
  template <class Loss>
  Evaluation operator()(const Model& model, const Dataset<Scalar>& data, std::span<const Index> samples,
                        const Loss& loss, const EvaluateOptions& options = {}) {
    Evaluation result;
    Accuracy accuracy;
    each_output(model, data, samples, options, [&](Index sample, const ConstView<Scalar>& output) {
      one_.gather(data, {&sample, 1});
      const Index count = one_.target_columns();
      detail::with_targets(loss, one_, 0, count,
                           [&](const auto& targets) { result.loss += loss(output, targets, one_.columns(0, count)); });
      if (has_labels(data.kind())) accuracy.add(output, one_.labels(0, count));
    });
    result.hits = accuracy.hits();
    return result;
  }

 private:
  /// What a batch is run with.
  struct Run {
    Batch<Scalar> batch;
    typename Model::Tape tape;
  };

  /// The batches [first, last), one thread each.
  template <class F>
  void each_batch(const Model& model, const Dataset<Scalar>& data, std::span<const Index> samples,
                  const EvaluateOptions& options, Index first, Index last, ThreadPool* threads, F&& f) {
    const auto samples_of = [&](Index batch) {
      const std::size_t begin = std::size_t(batch * options.batch_size);
      return samples.subspan(begin, std::min(samples.size() - begin, std::size_t(options.batch_size)));
    };
    while (Index(runs_.size()) < last - first) runs_.emplace_back();
    const auto forward = [&](Index k) {
      Run& run = runs_[std::size_t(k)];
      run.batch.gather(data, samples_of(first + k));
      model.forward(weights_, run.batch.x(), run.batch.timeline(), run.tape, {.keeping = {Keep::nothing}});
    };
    run_tasks(threads, last - first, forward);
    for (Index batch = first; batch < last; ++batch) {
      const auto& tape = runs_[std::size_t(batch - first)].tape;
      const auto some = samples_of(batch);
      for (std::size_t b = 0; b < some.size(); ++b)
        f(some[b], of_sample(tape.in.back().values, model.output_timeline(tape), Index(b)));
    }
  }

  ConstView<Scalar> of_sample(const ConstView<Scalar>& output, const Timeline& timeline, Index b) {
    const Index rank = timeline.rank(b), steps = timeline.length(rank);
    auto mine = mine_.shape(output.rows(), steps);
    for (Index t = 0; t < steps; ++t) mine.col(t) = output.col(timeline.offset(t) + rank);
    return view(std::as_const(mine));
  }

  typename Model::Weights weights_;
  std::deque<Run> runs_;  // their tapes stay where they are
  Batch<Scalar> one_;
  Buffer<Scalar> mine_;
};

/// Loss and hits of the whole data set without dropout. Values are sums over sums, see LossValue.
template <class Model, class Loss>
Evaluation evaluate(const Model& model, const Dataset<typename Model::Scalar>& data, const Loss& loss,
                    const EvaluateOptions& options = {}) {
  return Evaluator<Model>()(model, data, all_samples(data.size()), loss, options);
}

/// The outputs [outputs x steps, or 1] for each sample, in their order.
template <class Model>
std::vector<Matrix<typename Model::Scalar>> predict(const Model& model, const Dataset<typename Model::Scalar>& data,
                                                    const EvaluateOptions& options = {}) {
  std::vector<Matrix<typename Model::Scalar>> outputs;
  Evaluator<Model>().each_output(model, data, all_samples(data.size()), options,
                                 [&](Index, const auto& output) { outputs.push_back(output); });
  return outputs;
}

}  // namespace unroll
