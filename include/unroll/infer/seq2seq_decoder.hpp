#pragma once
// Decoder of a Seq2Seq model.

#include <memory>
#include <numeric>
#include <optional>
#include <vector>

#include "unroll/engine/step_by_step.hpp"
#include "unroll/infer/decoder.hpp"
#include "unroll/models/seq2seq.hpp"

namespace unroll {

/// Decoder of a trained model and some sources, for greedy(), sample() and beam_search(); models the concepts Decoder
/// and AttentionDecoder. The interface takes no targets, so decoding cannot leak them.
///
///     Seq2SeqDecoder decoder(model, begin);
///     decoder.read(x, timeline);
///     const auto written = beam_search(decoder, {.limits = {.end = end, .longest = 30}, .beams = 4});
///
/// The constructor prepares the weights: make a new decoder after further training. All hypotheses of a source share
/// its encoding.
template <class Model>
class Seq2SeqDecoder {
 public:
  using Scalar = typename Model::Scalar;

  /// Decoder of a model, which must outlive it. `begin` is fed before the first token. `products`: see
  /// StepOptions. Throws ValueError if `begin` is not a token.
  Seq2SeqDecoder(detail::NonTemporary<Model> kept, Index begin, Precision products = Precision::float32)
      : model_(kept), begin_(begin), tape_(std::make_unique<typename Model::Tape>()) {
    require<ValueError>(begin >= 0 && begin < vocabulary(), "decoder: begin must be 0 to ", vocabulary() - 1, ", got ",
                        begin);
    weights_.products = products;
    model_.prepare(weights_);
    steps_.emplace(model_.cell(), weights_.decoder);
  }
  Seq2SeqDecoder(const Seq2SeqDecoder&) = delete;
  Seq2SeqDecoder& operator=(const Seq2SeqDecoder&) = delete;

  /// Encodes the sources x [features x columns of the timeline]. The arguments are not needed afterwards.
  void read(const ConstView<Scalar>& x, const Timeline& timeline) {
    source_.clear();
    model_.encode(weights_, x, timeline, *tape_, {.keeping = {Keep::nothing}});
    lengths_.resize(std::size_t(timeline.batch()));
    for (Index b = 0; b < timeline.batch(); ++b) lengths_[std::size_t(b)] = timeline.length(timeline.rank(b));
    steps_->begin(Model::attends ? &tape_->memory : nullptr);
  }
  void read(const MatrixX<Scalar>& x, const Timeline& timeline) { read(view(x), timeline); }

  Index vocabulary() const { return model_.vocabulary(); }
  Index sources() const { return Index(lengths_.size()); }
  /// Number of steps of a source. Throws ValueError for an invalid index.
  Index source_length(Index source) const {
    require<ValueError>(source >= 0 && source < sources(), "decoder: source must be 0 to ", sources() - 1, ", got ",
                        source);
    return lengths_[std::size_t(source)];
  }

  /// Logits of the first token of each source [vocabulary x sources]. Throws ValueError before read().
  ConstView<Scalar> start() {
    require<ValueError>(!tape_->initial.empty(), "decoder: no source was read; call read(...) first");
    steps_->restart();
    states_ = tape_->initial;
    source_.resize(lengths_.size());
    std::iota(source_.begin(), source_.end(), Index(0));
    tokens_.assign(lengths_.size(), begin_);
    return advance(model_.embed(weights_, tokens_, *tape_));
  }

  /// Logits of the next token after hypotheses `parents` extended by `tokens` [vocabulary x hypotheses]. Throws
  /// ShapeError for an invalid parent, ValueError for an invalid token.
  ConstView<Scalar> step(std::span<const Index> parents, std::span<const Index> tokens) {
    require<ShapeError>(parents.size() == tokens.size(), "decoder: tokens must have as many entries as parents, ",
                        parents.size(), ", got ", tokens.size());
    for (const Index parent : parents)
      require<ShapeError>(parent >= 0 && parent < Index(source_.size()), "decoder: parent must be 0 to ",
                          Index(source_.size()) - 1, ", got ", parent);
    const auto x = model_.embed(weights_, tokens, *tape_);  // refuses tokens before anything changes
    for (MatrixX<Scalar>& state : states_) {
      reordered_.resize(state.rows(), Index(parents.size()));
      for (std::size_t k = 0; k < parents.size(); ++k) reordered_.col(Index(k)) = state.col(parents[k]);
      state.swap(reordered_);
    }
    next_source_.resize(parents.size());
    for (std::size_t k = 0; k < parents.size(); ++k) next_source_[k] = source_[std::size_t(parents[k])];
    source_.swap(next_source_);
    return advance(x);
  }

  /// Attention of the last step [longest source x hypotheses]; null for a cell that does not attend.
  ConstView<Scalar> attention() const { return steps_->attention(); }

 private:
  ConstView<Scalar> advance(const ConstView<Scalar>& x) {
    return model_.score(weights_, steps_->step(x, source_, states_), *tape_);
  }

  const Model& model_;
  Index begin_;
  typename Model::Weights weights_;
  std::unique_ptr<typename Model::Tape> tape_;
  std::optional<StepByStep<std::remove_cvref_t<decltype(std::declval<const Model&>().cell())>>> steps_;
  std::vector<Index> lengths_, source_, next_source_, tokens_;
  State<Scalar> states_;
  MatrixX<Scalar> reordered_;
};

template <class Model>
Seq2SeqDecoder(const Model&, Index) -> Seq2SeqDecoder<Model>;
template <class Model>
Seq2SeqDecoder(const Model&, Index, Precision) -> Seq2SeqDecoder<Model>;

}  // namespace unroll
