#pragma once

#include <type_traits>

#include "unroll/data/batches.hpp"
#include "unroll/data/read_ahead.hpp"
#include "unroll/data/streams.hpp"
#include "unroll/layers/layer.hpp"
#include "unroll/models/detail/untyped.hpp"
#include "unroll/train/detail/batch_runs.hpp"
#include "unroll/train/detail/data_checks.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll {

/// Loss and hits of a data set.
struct Evaluation {
  LossValue loss;
  Hits hits;  ///< only for a data set with labels
};

/// Evaluator of a model. Results are bitwise independent of the batch size. Memory is reused between calls.
template <class Model>
class Evaluator {
 public:
  using Scalar = typename Model::Scalar;

  /// Calls f(sample, output) for each of `samples`, in this order and on the calling thread. `output` is [outputs x
  /// steps], or [outputs x 1] for a model that pools. As many batches run in parallel as there are threads.
  template <class F>
  void each_output(const Model& model, const Dataset<Scalar>& data, std::span<const Index> samples,
                   const EvaluateOptions& options, F&& f) {
    detail::check_inputs("evaluation", "the data set", model, data);
    weights_.products = options.products;
    model.prepare(weights_);
    outputs_of(model, data, samples, options, f);
  }
  template <class F>
  void each_output(const Model& model, const LazyDataset<Scalar>& data, std::span<const Index> samples,
                   const EvaluateOptions& options, F&& f) {
    detail::check_inputs("evaluation", "the data set", model, data);
    weights_.products = options.products;
    model.prepare(weights_);
    each_part(data, samples, options, [&](const Dataset<Scalar>& part, std::span<const Index> numbers) {
      outputs_of(model, part, all_samples(part.size()), options,
                 [&](Index s, const auto& output) { f(numbers[std::size_t(s)], output); });
    });
  }

  /// Loss and hits of `samples`. The loss is summed per sample, and within a sample per piece; the length of a piece
  /// depends on the model only, so rounding does not depend on the batches. If the last layer is column-wise, its
  /// output is in memory for one piece at a time.
  ///
  /// `carried`: states before the first step of each sample (empty: zero); replaced by the states after the last step.
  /// All samples then form one batch.
  template <class Loss>
  Evaluation operator()(const Model& model, const Dataset<Scalar>& data, std::span<const Index> samples,
                        const Loss& loss, EvaluateOptions options = {}, std::vector<State<Scalar>>* carried = nullptr) {
    check(model, data, loss);
    if (carried != nullptr) options.batch_size = std::max<Index>(Index(samples.size()), 1);
    Evaluation result;
    weights_.products = options.products;
    model.prepare(weights_);
    add(result, model, data, samples, loss, options, carried);
    return result;
  }
  template <class Loss>
  Evaluation operator()(const Model& model, const LazyDataset<Scalar>& data, std::span<const Index> samples,
                        const Loss& loss, const EvaluateOptions& options = {}) {
    check(model, data, loss);
    Evaluation result;
    weights_.products = options.products;
    model.prepare(weights_);
    each_part(data, samples, options, [&](const Dataset<Scalar>& part, std::span<const Index> numbers) {
      detail::check_part("evaluation", "the data set", model, loss, part, numbers);
      add(result, model, part, all_samples(part.size()), loss, options, nullptr);
    });
    return result;
  }

 private:
  template <class Data, class Loss>
  static void check(const Model& model, const Data& data, const Loss& loss) {
    detail::check_target_kind("evaluation", model, data.kind());
    detail::check_inputs("evaluation", "the data set", model, data);
    detail::check_targets("evaluation", "the data set", loss, data);
  }

  struct Run {
    Batch<Scalar> batch, one;  // `one`: batch of a single sample
    typename Model::Tape tape;
    Buffer<Scalar> sample;
    Timeline alone;                  // timeline of one output, for losses on whole sequences
    std::vector<Evaluation> scores;  // per sample
  };

  template <class F>
  void outputs_of(const Model& model, const Dataset<Scalar>& data, std::span<const Index> samples,
                  const EvaluateOptions& options, F&& f) {
    const auto work = [&](Run& run, std::span<const Index>) {
      model.forward(weights_, run.batch.x(), run.batch.timeline(), run.tape, {.keeping = {Keep::nothing}});
    };
    each_batch_(data, samples, options, work, [&](Run& run, std::span<const Index> some) {
      for (std::size_t b = 0; b < some.size(); ++b) f(some[b], of_sample(run, Index(b)));
    });
  }

  /// Adds loss and hits of `samples` to `result`, one sample after the other.
  template <class Loss>
  void add(Evaluation& result, const Model& model, const Dataset<Scalar>& data, std::span<const Index> samples,
           const Loss& loss, const EvaluateOptions& options, std::vector<State<Scalar>>* carried) {
    const std::vector<State<Scalar>> zero;
    const auto work = [&](Run& run, std::span<const Index> some) {
      const std::vector<State<Scalar>>& initial = carried == nullptr ? zero : *carried;
      const Pass pass{.keeping = {Keep::nothing}};
      if constexpr (detail::TakesLabelSequences<Loss>)
        model.forward(weights_, run.batch.x(), run.batch.timeline(), run.tape, pass, initial);
      else
        model.begin_learning(weights_, run.batch.x(), run.batch.timeline(), run.tape, pass, initial);
      run.scores.clear();
      for (std::size_t b = 0; b < some.size(); ++b) {
        run.one.gather(data, some.subspan(b, 1));
        const ConstView<Scalar> output = of_sample(run, Index(b));
        require<ShapeError>(output.cols() == run.one.target_columns() || data.kind() == TargetKind::none ||
                                data.kind() == TargetKind::label_sequence,
                            "evaluation: sample ", some[b], ": the targets must have ", output.cols(),
                            " steps, as the outputs for ", data.length(some[b]), " steps, got ",
                            run.one.target_columns());
        run.scores.push_back(score(model, loss, run, output));
      }
      if (carried != nullptr) model.final_state(run.tape, *carried);
    };
    each_batch_(data, samples, options, work, [&](Run& run, std::span<const Index>) {
      for (const Evaluation& one : run.scores) result.loss += one.loss, result.hits += one.hits;
    });
  }

  /// Reads the samples of as many batches as run in parallel at a time.
  template <class F>
  static void each_part(const LazyDataset<Scalar>& data, std::span<const Index> samples, const EvaluateOptions& options,
                        F&& f) {
    detail::check_batch_size(options);
    const bool one = Index(samples.size()) <= options.batch_size;
    const Index most = one ? Index(samples.size()) : Index(options.threads.pool().threads()) * options.batch_size;
    detail::each_part(data, samples, std::max<Index>(most, 1), f);
  }

  /// Loss and hits of the sample in run.one; `all`: output of the forward pass without the last column-wise layer.
  template <class Loss>
  static Evaluation score(const Model& model, const Loss& loss, Run& run, const ConstView<Scalar>& all) {
    const Index count = run.one.target_columns(), piece = model.piece_columns();
    Evaluation result;
    Accuracy accuracy;
    LossCount whole;
    detail::with_targets(loss, run.one, 0, count,
                         [&](const auto& targets) { loss.count(targets, run.one.columns(0, count), whole); });
    for (Index first = 0, some = 0; first < count; first += some) {
      some = std::min(piece, count - first);
      const auto output = model.finish(run.tape, detail::from_column(all, first, some));
      detail::with_targets(loss, run.one, first, some, [&](const auto& targets) {
        result.loss += loss(output, targets, run.one.columns(first, some), whole);
      });
      if (has_labels(run.one.kind())) accuracy.add(output, run.one.labels(first, some));
    }
    result.loss.empty = result.loss.scored == 0;
    result.hits = accuracy.hits();
    return result;
  }

  template <class Loss>
  requires detail::TakesLabelSequences<Loss>
  static Evaluation score(const Model&, const Loss& loss, Run& run, const ConstView<Scalar>& output) {
    const Index steps = output.cols();
    run.alone.assign_lengths({&steps, 1});
    Evaluation result;
    detail::with_targets(loss, run.one, 0, run.one.target_columns(), [&](const auto& targets) {
      result.loss = loss(output, run.alone, targets, run.one.columns(0, run.one.target_columns()));
    });
    return result;
  }

  static ConstView<Scalar> of_sample(Run& run, Index b) {
    const Signal<Scalar>& last = run.tape.in.back();
    return detail::sample_columns(last.values, *last.timeline, b, run.sample);
  }

  typename Model::Weights weights_;
  detail::BatchRuns<Run> each_batch_;
};

/// Loss and hits of a whole data set, without dropout. Values are ratios of sums, see LossValue.
template <class Model, detail::SampleData<typename Model::Scalar> Data, class Loss>
Evaluation evaluate(const Model& model, const Data& data, const Loss& loss, const EvaluateOptions& options = {}) {
  if constexpr (!std::same_as<Model, detail::Untyped<Model>>)
    return evaluate<detail::Untyped<Model>>(model, data, loss, options);
  else
    return Evaluator<Model>()(model, data, all_samples(data.size()), loss, options);
}

/// Outputs [outputs x steps], or [outputs x 1] for a model that pools, of all samples in order.
template <class Model, detail::SampleData<typename Model::Scalar> Data>
std::vector<MatrixX<typename Model::Scalar>> predict(const Model& model, const Data& data,
                                                     const EvaluateOptions& options = {}) {
  if constexpr (!std::same_as<Model, detail::Untyped<Model>>) {
    return predict<detail::Untyped<Model>>(model, data, options);
  } else {
    std::vector<MatrixX<typename Model::Scalar>> outputs;
    Evaluator<Model>().each_output(model, data, all_samples(data.size()), options,
                                   [&](Index, const auto& output) { outputs.push_back(output); });
    return outputs;
  }
}

/// Loss and hits of all windows, with the state carried from window to window. With one stream and Tail::keep this is
/// the loss of the whole text; the length of the windows only bounds the memory.
template <class Model, class Loss>
Evaluation evaluate(Evaluator<Model>& evaluator, const Model& model, const TokenStreams<typename Model::Scalar>& text,
                    const Loss& loss, const EvaluateOptions& options = {}) {
  Evaluation all;
  std::vector<State<typename Model::Scalar>> states;
  for (Index k = 0; k < text.windows(); ++k)
    text.visit_window(k, [&](const auto& data, std::span<const Index> samples) {
      const Evaluation window = evaluator(model, data, samples, loss, options, &states);
      all.loss += window.loss, all.hits += window.hits;
    });
  return all;
}

}  // namespace unroll
