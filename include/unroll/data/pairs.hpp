#pragma once

#include <limits>
#include <utility>
#include <vector>

#include "unroll/core/finite.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/tables/named_rows.hpp"
#include "unroll/data/batch.hpp"

namespace unroll {

/// Special tokens of a target sequence.
struct SpecialTokens {
  Index begin = 0;  ///< input of the decoder before the first token
  Index end = -1;   ///< target after the last token; -1: no end mark, for example with one label per source step
};

using Marks [[deprecated("renamed to SpecialTokens")]] = SpecialTokens;

/// Tokens as a sequence with one feature [1 x tokens], the input of an Embedding layer. Throws ValueError for a token
/// that S cannot hold exactly.
template <std::floating_point S>
MatrixX<S> token_row(std::span<const Index> tokens) {
  constexpr Index most = Index(1) << std::numeric_limits<S>::digits;
  MatrixX<S> row(1, Index(tokens.size()));
  for (std::size_t k = 0; k < tokens.size(); ++k) {
    require<ValueError>(tokens[k] >= -most && tokens[k] <= most, "token row: token must be ", -most, " to ", most,
                        ", got ", tokens[k], "; larger integers are not exact in ", detail::name_of_scalar<S>);
    row(0, Index(k)) = S(tokens[k]);
  }
  return row;
}

/// Data set for encoder-decoder models: pairs of a source [features x steps] and target tokens without the marks. Both
/// may be empty.
template <std::floating_point S>
class SequencePairs {
 public:
  /// Throws ShapeError if numbers of sequences or features differ, ValueError for a negative token or a source with a
  /// number that is not finite.
  SequencePairs(std::vector<MatrixX<S>> sources, std::vector<std::vector<Index>> targets, SpecialTokens special_tokens)
      : sources_(std::move(sources)), targets_(std::move(targets)), special_tokens_(special_tokens) {
    detail::check_as_many("pairs", "targets", "sequences as sources", Index(targets_.size()), Index(sources_.size()));
    for (std::size_t k = 0; k < sources_.size(); ++k) {
      const MatrixX<S>& x = sources_[k];
      require<ShapeError>(x.rows() == features(), "pairs: features of source ", k, " must be ", features(),
                          ", as in source 0, got ", x.rows());
      for (Index t = 0; t < x.cols(); ++t)
        for (Index r = 0; r < x.rows(); ++r)
          require<ValueError>(is_finite(x(r, t)), "pairs: source ", k, ", step ", t, ", feature ", r,
                              " must be finite, got ", x(r, t));
    }
    for (std::size_t k = 0; k < targets_.size(); ++k)
      for (const Index token : targets_[k])
        require<ValueError>(token >= 0, "pairs: token of target ", k, " must be at least 0, got ", token);
    detail::check_least("pairs", "special_tokens.begin", special_tokens_.begin, 0);
    detail::check_least("pairs", "special_tokens.end", special_tokens_.end, -1, " (-1: none)");
  }

  Index size() const { return Index(sources_.size()); }
  Index features() const { return sources_.empty() ? 0 : sources_.front().rows(); }
  const SpecialTokens& special_tokens() const { return special_tokens_; }
  /// Names and rows of several inputs of the encoder, see Dataset::set_inputs.
  const NamedRows& inputs() const { return inputs_; }
  void set_inputs(NamedRows inputs) {
    if (!inputs.empty()) detail::check_equal("pairs", "rows of the inputs", inputs.rows(), features());
    inputs_ = std::move(inputs);
  }
  /// Source and target of pair k. These and the following accessors throw ValueError if there is no such pair.
  const MatrixX<S>& source(Index k) const { return of(sources_, k); }
  const std::vector<Index>& target(Index k) const { return of(targets_, k); }
  /// Steps of source and target together; batches are formed by this length.
  Index length(Index k) const { return source(k).cols() + target_steps(k); }
  Index target_steps(Index k) const { return Index(target(k).size()) + (special_tokens_.end >= 0 ? 1 : 0); }

 private:
  template <class T>
  static const T& of(const std::vector<T>& list, Index k) {
    detail::check_index("pairs", "pair", k, Index(list.size()));
    return list[std::size_t(k)];
  }

  std::vector<MatrixX<S>> sources_;
  std::vector<std::vector<Index>> targets_;
  SpecialTokens special_tokens_;
  NamedRows inputs_;
};

/// Batch of pairs, packed for a forward pass. Sources and targets have one timeline each; sample b of both is the same
/// pair. For each target column, `labels` holds the token to predict and `tokens` the preceding token.
template <std::floating_point S>
class PairBatch {
 public:
  /// Fills the batch; parameters as in Batch::gather.
  void gather(const SequencePairs<S>& data, std::span<const Index> samples, std::span<const Index> places = {}) {
    lengths_.clear(), target_lengths_.clear();
    for (const Index s : samples)
      lengths_.push_back(data.source(s).cols()), target_lengths_.push_back(data.target_steps(s));
    sources_.assign_lengths(lengths_);
    targets_.assign_lengths(target_lengths_);
    if (!places.empty()) sources_.set_places(places), targets_.set_places(places);
    auto x = x_.shape(data.features(), sources_.columns());
    for (Index c = 0; c < x.cols(); ++c)
      x.col(c) = data.source(samples[at(sources_.sample_of(c))]).col(sources_.step_of(c));
    gather_targets(data, samples);
  }

  ConstView<S> x() const { return x_.view(); }  ///< [features x columns of the sources]
  const Timeline& sources() const { return sources_; }
  const Timeline& targets() const { return targets_; }
  std::span<const Index> tokens() const { return tokens_; }
  Index target_columns() const { return targets_.columns(); }
  /// Labels of the target columns [first, first + count). Throws ShapeError if these columns do not exist.
  Eigen::Map<const Labels> labels(Index first, Index count) const {
    detail::check_range(first, count, target_columns());
    return {labels_.data() + first, count};
  }
  Columns columns(Index first, Index count) const {
    detail::check_range(first, count, target_columns());
    return {.weights = Eigen::Map<const VectorX<double>>(nullptr, 0),
            .sequence = Eigen::Map<const Labels>(ranks_.data() + first, count),
            .sequences = targets_.batch()};
  }

 private:
  static std::size_t at(Index k) { return static_cast<std::size_t>(k); }

  void gather_targets(const SequencePairs<S>& data, std::span<const Index> samples) {
    const std::size_t count = at(targets_.columns());
    tokens_.resize(count), labels_.resize(count), ranks_.resize(count);
    for (std::size_t c = 0; c < count; ++c) {
      const auto& target = data.target(samples[at(targets_.sample_of(Index(c)))]);
      const Index t = targets_.step_of(Index(c));
      tokens_[c] = t == 0 ? data.special_tokens().begin : target[at(t - 1)];
      labels_[c] = t < Index(target.size()) ? target[at(t)] : data.special_tokens().end;
      ranks_[c] = targets_.rank_of(Index(c));
    }
  }

  std::vector<Index> lengths_, target_lengths_, tokens_, labels_, ranks_;
  Timeline sources_, targets_;
  Buffer<S> x_;
};

}  // namespace unroll
