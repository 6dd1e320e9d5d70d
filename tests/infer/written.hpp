#pragma once
// Decoders whose logits are any function of the source and of all previous tokens, and references for their hypotheses.

#include <unroll/core/random.hpp>
#include <unroll/infer/decoder.hpp>
#include <unroll/infer/hypothesis.hpp>

#include <algorithm>
#include <functional>
#include <limits>
#include <vector>

#include "support/catch.hpp"

namespace written {

using namespace unroll;

inline constexpr double infinity = std::numeric_limits<double>::infinity();

using Tokens = std::vector<Index>;
/// Column of numbers as a function of a source's key and of the previous tokens.
template <class S>
using Law = std::function<VectorX<S>(std::uint64_t key, const Tokens& tokens)>;

/// Random law with standard deviation `spread` that depends on the last `order` tokens.
template <class S>
Law<S> chain(Index rows, double spread = 1, std::size_t order = 1000, std::uint64_t seed = 0) {
  return [=](std::uint64_t key, const Tokens& tokens) -> VectorX<S> {
    std::uint64_t state = seed;
    for (std::size_t i = tokens.size() - std::min(order, tokens.size()); i < tokens.size(); ++i)
      state = Random(state, Purpose::data, std::uint64_t(tokens[i])).bits(1);
    const Random random(state, Purpose::data, key, 77);
    return VectorX<S>::NullaryExpr(rows, [&](Index i) { return S(spread * random.normal(std::uint64_t(i))); });
  };
}

/// Softmax of a random law, as attention weights; some are nearly 0.
template <class S>
Law<S> attention(Index rows, std::uint64_t seed = 5) {
  return [law = chain<double>(rows, 8, 1000, seed)](std::uint64_t key, const Tokens& tokens) -> VectorX<S> {
    const VectorX<double> e = law(key, tokens).array().exp();
    return (e / e.sum()).cast<S>();
  };
}

/// Decoder whose hypotheses are their token lists, so a wrong parent shows as a wrong hypothesis.
template <class S>
class Written {
 public:
  using Scalar = S;

  Written(std::vector<std::uint64_t> keys, Index vocabulary, Law<S> logits)
      : keys_(std::move(keys)), vocabulary_(vocabulary), law_(std::move(logits)) {}

  Index vocabulary() const { return vocabulary_; }
  Index sources() const { return Index(keys_.size()); }

  ConstView<S> start() {
    set_.clear(), widths.clear();
    for (std::size_t b = 0; b < keys_.size(); ++b) set_.push_back({b, {}});
    return logits();
  }

  ConstView<S> step(std::span<const Index> parents, std::span<const Index> tokens) {
    if (parents.size() != tokens.size() || parents.empty()) throw std::logic_error("a set of nothing");
    std::vector<One> next;
    for (std::size_t k = 0; k < parents.size(); ++k) {
      next.push_back(set_.at(std::size_t(parents[k])));
      next.back().tokens.push_back(tokens[k]);
    }
    set_ = next;
    return logits();
  }

  std::vector<std::size_t> widths;  // of all sets since start()

 protected:
  struct One {
    std::size_t source;
    Tokens tokens;
  };

  ConstView<S> logits() {
    widths.push_back(set_.size());
    out_.resize(vocabulary_ + 3, Index(set_.size()));  // columns are not contiguous
    out_.setConstant(std::numeric_limits<S>::quiet_NaN());
    for (std::size_t k = 0; k < set_.size(); ++k)
      out_.col(Index(k)).head(vocabulary_) = law_(keys_[set_[k].source], set_[k].tokens);
    return view(std::as_const(out_).topRows(vocabulary_));
  }

  std::vector<std::uint64_t> keys_;
  Index vocabulary_;
  Law<S> law_;
  std::vector<One> set_;
  MatrixX<S> out_;
};

/// Decoder with attention, whose weights after the end of a source are NaN.
template <class S>
class Attending : public Written<S> {
  using Base = Written<S>;

 public:
  Attending(std::vector<std::uint64_t> keys, Index vocabulary, Law<S> logits, std::vector<Index> lengths)
      : Base(std::move(keys), vocabulary, std::move(logits)), lengths_(std::move(lengths)) {}

  Index source_length(Index b) const { return lengths_[std::size_t(b)]; }

  ConstView<S> attention() {
    const Index rows = *std::max_element(lengths_.begin(), lengths_.end());
    weights_.setConstant(rows, Index(this->set_.size()), std::numeric_limits<S>::quiet_NaN());
    for (std::size_t k = 0; k < this->set_.size(); ++k) {
      const std::size_t b = this->set_[k].source;
      weights_.col(Index(k)).head(lengths_[b]) = of(this->keys_[b], this->set_[k].tokens, lengths_[b]);
    }
    return view(std::as_const(weights_));
  }

  static VectorX<S> of(std::uint64_t key, const Tokens& tokens, Index length) {
    return written::attention<S>(length)(key, tokens);
  }

 private:
  std::vector<Index> lengths_;
  MatrixX<S> weights_;
};

/// Log softmax by definition, in long double.
template <class S>
VectorX<double> log_probabilities(const VectorX<S>& logits) {
  VectorX<double> out(logits.size());
  const long double top = logits.maxCoeff();
  long double sum = 0;
  for (const S x : logits) sum += std::exp(static_cast<long double>(x) - top);
  for (Index i = 0; i < out.size(); ++i) out[i] = double(static_cast<long double>(logits[i]) - top - std::log(sum));
  return out;
}

/// Log-probability of the given tokens under teacher forcing, including `end` unless it is negative.
template <class S>
double forced(const Law<S>& law, std::uint64_t key, const Tokens& tokens, Index end = -1) {
  Tokens before;
  double sum = 0;
  for (const Index token : tokens) {
    sum += log_probabilities<S>(law(key, before))[token];
    before.push_back(token);
  }
  return end < 0 ? sum : sum + log_probabilities<S>(law(key, before))[end];
}

/// Whether the last n tokens occurred before.
inline bool repeats(const Tokens& tokens, Index n) {
  if (n == 0 || Index(tokens.size()) < n) return false;
  const auto last = tokens.end() - n;
  for (auto run = tokens.begin(); run != last; ++run)
    if (std::equal(last, tokens.end(), run)) return true;
  return false;
}

/// Whether `token` may follow `tokens`.
inline bool allowed(const Limits& limits, const Tokens& tokens, Index token) {
  if (token == limits.end) return Index(tokens.size()) >= limits.shortest;
  Tokens longer = tokens;
  longer.push_back(token);
  return !repeats(longer, limits.no_repeat_ngram);
}

inline Index longest(const Limits& limits, std::size_t source) {
  return limits.longest_of.empty() ? limits.longest : limits.longest_of[source];
}

template <class S>
void check_same(const Hypothesis<S>& a, const Hypothesis<S>& b) {
  CHECK(a.tokens == b.tokens);
  CHECK(a.log_probability == b.log_probability);
  CHECK(a.score == b.score);
  CHECK(a.ended == b.ended);
  CHECK(a.attention.rows() == b.attention.rows());
  CHECK(a.attention.cols() == b.attention.cols());
  if (a.attention.size() == b.attention.size()) CHECK((a.attention.array() == b.attention.array()).all());
}

/// Checks that each column is the decoder's attention after the previous tokens.
template <class S>
void check_attention(const Hypothesis<S>& one, std::uint64_t key, Index length) {
  REQUIRE(one.attention.rows() == length);
  REQUIRE(one.attention.cols() == Index(one.tokens.size()));
  Tokens before;
  for (std::size_t t = 0; t < one.tokens.size(); before.push_back(one.tokens[t]), ++t)
    CHECK((one.attention.col(Index(t)).array() == Attending<S>::of(key, before, length).array()).all());
}

}  // namespace written
