#pragma once
// Sentences (or whatever stands by itself in a text) as sequences whose every token is to be predicted.

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include "unroll/data/dataset.hpp"
#include "unroll/text/vocabulary.hpp"

namespace unroll {

/// For each sentence w_1 ... w_n the inputs <s> w_1 ... w_n, and as labels w_1 ... w_n </s>: the start is never
/// predicted, the end is. Of a sentence longer than `longest` tokens (0: no limit) only so many are kept. Batches of
/// similar length are BatchOptions::by_length. Throws ValueError for a vocabulary without start or end, and for none.
template <std::floating_point S>
Dataset<S> sentence_data(const std::vector<std::vector<Index>>& sentences, const Vocabulary& vocabulary,
                         Index longest = 0) {
  require<ValueError>(vocabulary.start() >= 0 && vocabulary.end() >= 0,
                      "sentences: the vocabulary has no token for the start or none for the end");
  std::vector<MatrixX<S>> inputs;
  std::vector<Labels> targets;
  for (const std::vector<Index>& sentence : sentences) {
    const Index size = Index(sentence.size()), kept = longest == 0 ? size : std::min(size, longest);
    Labels tokens(kept + 2);
    tokens[0] = vocabulary.start(), tokens[kept + 1] = vocabulary.end();
    tokens.segment(1, kept) = Eigen::Map<const Labels>(sentence.data(), kept);
    inputs.push_back(tokens.head(kept + 1).transpose().template cast<S>());
    targets.push_back(tokens.tail(kept + 1));
  }
  return Dataset<S>::step_labelled(std::move(inputs), std::move(targets), vocabulary.size());
}

/// exp of the mean loss in nats: of how many tokens, equally likely, the next one would have to be chosen to be as hard
/// to foretell. Unknown tokens count as tokens, so tell their share beside it: many of them make a text look easy.
inline double perplexity(double nats) { return std::exp(nats); }
/// The mean loss in bits.
inline double bits(double nats) { return nats / std::numbers::ln2; }

/// The share of a data set's labels that is this one; 0 for -1.
template <std::floating_point S>
double share_of_label(const Dataset<S>& data, Index label) {
  Index found = 0, all = 0;
  for (Index s = 0; s < data.size(); ++s) {
    found += (data.labels(s).array() == label).count();
    all += data.labels(s).size();
  }
  return label < 0 || all == 0 ? 0 : double(found) / double(all);
}

}  // namespace unroll
