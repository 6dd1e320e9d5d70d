#pragma once
// What a model says about a data set, in the order of its samples: independent of the batch size, bit for bit.

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
};

/// Runs a model over data sets and keeps the memory of a pass.
template <class Model>
class Evaluator {
 public:
  using Scalar = typename Model::Scalar;

  /// f(sample, output [outputs x steps], or [outputs x 1] of a model that pools) for each of `samples`, in this order.
  template <class F>
  void each_output(const Model& model, const Dataset<Scalar>& data, std::span<const Index> samples,
                   const EvaluateOptions& options, F&& f) {
    require<ValueError>(options.batch_size > 0, "evaluation: batch_size is ", options.batch_size,
                        ", expected at least 1");
    for (std::size_t first = 0; first < samples.size(); first += std::size_t(options.batch_size)) {
      const auto some = samples.subspan(first, std::min(samples.size() - first, std::size_t(options.batch_size)));
      batch_.gather(data, some);
      const auto output = model.forward(batch_.x(), batch_.timeline(), tape_);
      for (std::size_t b = 0; b < some.size(); ++b)
        f(some[b], of_sample(output, model.output_timeline(tape_), Index(b)));
    }
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
  ConstView<Scalar> of_sample(const ConstView<Scalar>& output, const Timeline& timeline, Index b) {
    const Index rank = timeline.rank(b), steps = timeline.length(rank);
    auto mine = mine_.shape(output.rows(), steps);
    for (Index t = 0; t < steps; ++t) mine.col(t) = output.col(timeline.offset(t) + rank);
    return view(std::as_const(mine));
  }

  Batch<Scalar> batch_, one_;
  typename Model::Tape tape_;
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
