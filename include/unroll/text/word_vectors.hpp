#pragma once

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/finite.hpp"
#include "unroll/core/types.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/text/vocabulary.hpp"

namespace unroll {

/// Word with its cosine similarity to a query.
struct SimilarWord {
  std::string word;
  double similarity = 0;
};

/// Word vectors with cosine similarity.
class WordVectors {
 public:
  /// `vectors` [dimension x words]. Throws ShapeError if the numbers of words and vectors differ or are 0, ValueError
  /// for an empty word, a duplicate word and a vector that is not finite.
  WordVectors(std::vector<std::string> words, MatrixX<float> vectors)
      : words_(std::move(words)), vectors_(std::move(vectors)), lengths_(vectors_.cols()) {
    for (Index k = 0; k < lengths_.size(); ++k) lengths_[k] = std::sqrt(vectors_.col(k).squaredNorm());
    require<ShapeError>(Index(words_.size()) == vectors_.cols() && vectors_.size() > 0,
                        "word vectors: the vectors must have a column for each word, ", words_.size(),
                        ", and at least 1 number, got [", vectors_.rows(), " x ", vectors_.cols(), "]");
    for (Index k = 0; k < size(); ++k) {
      const std::string& word = words_[std::size_t(k)];
      const auto [twin, is_new] = numbers_.emplace(word, k);
      require<ValueError>(!word.empty(), "word vectors: word ", k + 1, " must have at least 1 byte, got 0");
      const auto quoted = [&] { return detail::in_quotes(word); };
      require<ValueError>(is_new, "word vectors: all words must differ, got ", quoted, " as words ", twin->second + 1,
                          " and ", k + 1);
      require<ValueError>(vectors_.col(k).allFinite(), "word vectors: the vector of ", quoted,
                          " must be finite, got NaN or infinity");
    }
  }

  Index size() const { return vectors_.cols(); }
  Index dimension() const { return vectors_.rows(); }
  const std::vector<std::string>& words() const { return words_; }
  const MatrixX<float>& vectors() const { return vectors_; }

  std::optional<Index> find(std::string_view word) const {
    const auto found = numbers_.find(word);
    return found == numbers_.end() ? std::nullopt : std::optional(found->second);
  }
  /// Number of a word. Throws ValueError with similarly spelled words if it is unknown.
  Index number(std::string_view word) const {
    const auto found = find(word);
    if (!found) refuse(word);
    return *found;
  }
  auto vector(std::string_view word) const { return vectors_.col(number(word)); }

  /// Cosine similarity of two words; 0 if a vector is zero.
  double similarity(std::string_view a, std::string_view b) const {
    return double(unit(number(a)).dot(unit(number(b))));
  }

  /// The `count` words most similar to a word, without the word itself, in decreasing order of similarity.
  std::vector<SimilarWord> nearest(std::string_view word, Index count) const {
    const Index asked = number(word);
    return nearest(vectors_.col(asked), count, {asked});
  }

  /// Analogy "a is to b as c is to ...": the `count` words nearest to b - a + c, computed with vectors of length 1,
  /// without a, b and c (Mikolov, Yih, Zweig 2013, "Linguistic regularities in continuous space word representations").
  std::vector<SimilarWord> analogy(std::string_view a, std::string_view b, std::string_view c, Index count) const {
    const Index from = number(a), to = number(b), of = number(c);
    return nearest(unit(to) - unit(from) + unit(of), count, {from, to, of});
  }

  /// The `count` words nearest to a vector, without the numbers in `left_out`. Throws ShapeError for another dimension.
  std::vector<SimilarWord> nearest(InVector<float> vector, Index count, std::initializer_list<Index> left_out) const {
    require<ShapeError>(vector.size() == dimension(), "nearest words: the vector must have ", dimension(),
                        " numbers, got ", vector.size());
    const float length = vector.norm();
    const VectorX<float> products = vectors_.transpose() * vector;
    std::vector<std::pair<float, Index>> ranked;
    for (Index k = 0; k < size(); ++k)
      if (std::find(left_out.begin(), left_out.end(), k) == left_out.end())
        ranked.emplace_back(-ratio(products[k], length * lengths_[k]), k);
    const auto shown = std::clamp<Index>(count, 0, Index(ranked.size()));
    std::partial_sort(ranked.begin(), ranked.begin() + shown, ranked.end());
    std::vector<SimilarWord> found;
    for (Index k = 0; k < shown; ++k)
      found.push_back({words_[std::size_t(ranked[std::size_t(k)].second)], -double(ranked[std::size_t(k)].first)});
    return found;
  }

 private:
  static float ratio(float product, float lengths) { return lengths > 0 ? product / lengths : 0; }
  VectorX<float> unit(Index k) const { return vectors_.col(k) * ratio(1, lengths_[k]); }

  [[noreturn]] void refuse(std::string_view word) const {
    const std::vector<std::string_view> all(words_.begin(), words_.end());
    detail::fail<ValueError>({"word vectors: the word must be one of ", size(), " words, got ", detail::in_quotes(word),
                              "; the nearest: ", detail::nearest_names(word, all)});
  }

  std::vector<std::string> words_;
  MatrixX<float> vectors_;
  VectorX<float> lengths_;
  detail::TokenNumbers numbers_;
};

/// Pretrained vectors for the tokens of a vocabulary.
struct TokenVectors {
  MatrixX<float> vectors;     ///< [dimension x found]
  std::vector<Index> tokens;  ///< tokens of the columns
  Index missing = 0;          ///< number of tokens without a vector, including special ones
};

/// Pretrained vectors for the tokens of a vocabulary, for `Embedding{.pretrained = {found.vectors, found.tokens}}`. The
/// other tokens keep the layer's initial values, drawn or init::zeros. Throws ValueError if no token has a vector.
inline TokenVectors vectors_for(const Vocabulary& vocabulary, const WordVectors& known) {
  TokenVectors found;
  std::vector<Index> columns;
  for (Index token = 0; token < vocabulary.size(); ++token)
    if (const auto column = known.find(vocabulary.token(token)))
      columns.push_back(*column), found.tokens.push_back(token);
  require<ValueError>(!columns.empty(), "pretrained vectors: at least 1 of ", vocabulary.size(),
                      " tokens must be one of the ", known.size(), " words, got 0");
  found.vectors.resize(known.dimension(), Index(columns.size()));
  for (std::size_t k = 0; k < columns.size(); ++k) found.vectors.col(Index(k)) = known.vectors().col(columns[k]);
  found.missing = vocabulary.size() - Index(columns.size());
  return found;
}

}  // namespace unroll
