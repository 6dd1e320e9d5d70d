#pragma once
// Small encoder-decoder models and random pairs to train them.

#include <unroll/attention/bahdanau.hpp>
#include <unroll/attention/luong.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/data/pairs.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/seq2seq.hpp>
#include <unroll/models/sequential.hpp>

#include "support/catch.hpp"

namespace seq2seq_run {

using namespace unroll;

constexpr Index letters = 6, words = 7;
constexpr SpecialTokens special_tokens{.begin = 5, .end = 6};

template <class S>
auto encoder() {
  return sequential<S>(1, Embedding{.size = letters, .dimension = 3}, Bidirectional<Gru>{.units = 4});
}
template <class S>
auto lstm_encoder() {
  return sequential<S>(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Lstm>{.units = 5});
}

/// Normally distributed parameters, so that no gate is at its middle.
template <class Model>
void randomise(Model& model, double size = 0.6) {
  const Random random(11, Purpose::sample);
  for (Index k = 0; k < model.parameters().size(); ++k)
    model.parameters().values()[k] = typename Model::Scalar(size * random.normal(std::uint64_t(k)));
}

template <class S>
SequencePairs<S> pairs(std::vector<std::pair<Index, Index>> lengths, SpecialTokens given = special_tokens) {
  std::vector<MatrixX<S>> sources;
  std::vector<std::vector<Index>> targets;
  const Random random(3, Purpose::data);
  std::uint64_t count = 0;
  for (const auto& [source, target] : lengths) {
    MatrixX<S> row(1, source);
    for (Index k = 0; k < source; ++k) row(0, k) = S(random.below(count++, letters));
    std::vector<Index> tokens;
    for (Index k = 0; k < target; ++k) tokens.push_back(random.below(count++, 5));
    sources.push_back(row), targets.push_back(tokens);
  }
  return {sources, targets, given};
}

template <class S>
PairBatch<S> batch_of(const SequencePairs<S>& data) {
  PairBatch<S> batch;
  std::vector<Index> all(std::size_t(data.size()));
  for (std::size_t k = 0; k < all.size(); ++k) all[k] = Index(k);
  batch.gather(data, all);
  return batch;
}

/// Log-probabilities of the batch's labels by target column, with teacher forcing.
template <class Model>
std::vector<double> forced(const Model& model, const PairBatch<typename Model::Scalar>& batch) {
  typename Model::Weights weights;
  typename Model::Tape tape;
  model.prepare(weights);
  model.begin_learning(weights, batch.x(), batch.sources(), batch.tokens(), batch.targets(), tape);
  std::vector<double> each;
  model.each_score(weights, tape, [&](Index first, const auto& scores) {
    for (Index c = 0; c < scores.cols(); ++c) {
      const VectorX<double> column = scores.col(c).template cast<double>();
      const double greatest = column.maxCoeff();
      each.push_back(column[batch.labels(first + c, 1)[0]] - greatest -
                     std::log((column.array() - greatest).exp().sum()));
    }
  });
  return each;
}

}  // namespace seq2seq_run
