#pragma once

#include "unroll/data/batches.hpp"
#include "unroll/data/pairs.hpp"
#include "unroll/train/detail/batch_runs.hpp"
#include "unroll/train/detail/data_checks.hpp"
#include "unroll/train/evaluate.hpp"

namespace unroll {

/// Evaluator of an encoder-decoder model on pairs, with teacher forcing, see Evaluator. To evaluate the model's own
/// output, decode with a Seq2SeqDecoder.
template <class Model>
class PairEvaluator {
 public:
  using Scalar = typename Model::Scalar;

  /// Loss and hits of `samples`. The loss is summed per sample, and within a sample per piece; the length of a piece
  /// depends on the model only.
  template <class Loss>
  Evaluation operator()(const Model& model, const SequencePairs<Scalar>& data, std::span<const Index> samples,
                        const Loss& loss, const EvaluateOptions& options = {}) {
    const auto work = [&](Run& run, std::span<const Index> some) {
      const PairBatch<Scalar>& batch = run.batch;
      model.begin_learning(weights_, batch.x(), batch.sources(), batch.tokens(), batch.targets(), run.tape,
                           {.keeping = {Keep::nothing}});
      const ConstView<Scalar> outputs = model.decoded(weights_, run.tape);
      run.results.clear();
      for (std::size_t b = 0; b < some.size(); ++b) {
        run.one.gather(data, some.subspan(b, 1));
        run.results.push_back(
            evaluate(model, loss, run, detail::sample_columns(outputs, batch.targets(), Index(b), run.sample)));
      }
    };
    detail::check_inputs("evaluation", "the data set", model, data);
    Evaluation result;
    weights_.products = options.products;
    model.prepare(weights_);
    each_batch_(data, samples, options, work, [&](Run& run, std::span<const Index>) {
      for (const Evaluation& one : run.results) result.loss += one.loss, result.hits += one.hits;
    });
    return result;
  }

 private:
  struct Run {
    PairBatch<Scalar> batch, one;  // `one`: batch of a single pair
    typename Model::Tape tape;
    Buffer<Scalar> sample;
    std::vector<Evaluation> results;  // per pair
  };

  /// Loss and hits of the pair in run.one, given the outputs of the decoder.
  template <class Loss>
  Evaluation evaluate(const Model& model, const Loss& loss, Run& run, const ConstView<Scalar>& outputs) const {
    const auto labels = [&](Index first, Index some) -> Eigen::Ref<const Labels> {
      return run.one.labels(first, some);
    };
    const Index count = outputs.cols(), piece = model.piece_columns();
    Evaluation result;
    Accuracy accuracy;
    LossCount whole;
    loss.count(labels(0, count), run.one.columns(0, count), whole);
    for (Index first = 0, some = 0; first < count; first += some) {
      some = std::min(piece, count - first);
      const auto scores = model.score(weights_, detail::from_column(outputs, first, some), run.tape);
      result.loss += loss(scores, labels(first, some), run.one.columns(first, some), whole);
      accuracy.add(scores, labels(first, some));
    }
    result.loss.empty = result.loss.scored == 0;
    result.hits = accuracy.hits();
    return result;
  }

  typename Model::Weights weights_;
  detail::BatchRuns<Run> each_batch_;
};

/// Loss and hits of all pairs, without dropout. Values are ratios of sums, see LossValue.
template <class Model, class Loss>
Evaluation evaluate(const Model& model, const SequencePairs<typename Model::Scalar>& data, const Loss& loss,
                    const EvaluateOptions& options = {}) {
  return PairEvaluator<Model>()(model, data, all_samples(data.size()), loss, options);
}

namespace detail {

/// Throws ShapeError or ValueError unless the model can be trained on these pairs with this loss: features, sources,
/// tokens.
template <class Model, class Loss, class S>
void check_data(std::string_view where, std::string_view what, const Model& model, const Loss& loss,
                const SequencePairs<S>& data, std::span<const Index> samples) {
  require<ValueError>(data.size() > 0, where, ": ", what, " must have at least 1 pair, got 0");
  check_inputs(where, what, model, data);
  require<ShapeError>(data.features() == model.features(), where, ": ", what, " must have ", model.features(),
                      " features per step, as the model, got ", data.features());
  const Index tokens = model.vocabulary();
  require<ValueError>(std::max(data.special_tokens().begin, data.special_tokens().end) < tokens, where,
                      ": the special tokens of ", what, " must be below ", tokens,
                      ", the vocabulary of the model, got ", data.special_tokens().begin, " and ",
                      data.special_tokens().end);
  for (const Index s : samples)
    within_sample(where, what, s, [&] {
      model.encoder().check_input(view(data.source(s)));
      (void)model.encoder().output_steps(data.source(s).cols());
      const std::vector<Index>& target = data.target(s);
      for (const Index token : target)
        require<ValueError>(token < tokens, "the tokens of the target must be below ", tokens,
                            ", the vocabulary of the model, got ", token);
      check_loss(loss, tokens, Eigen::Ref<const Labels>(Eigen::Map<const Labels>(target.data(), Index(target.size()))));
    });
}

}  // namespace detail
}  // namespace unroll
