#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "unroll/data/dataset.hpp"
#include "unroll/text/vocabulary.hpp"

namespace unroll {

/// Data set for language modelling. For each sentence w_1 ... w_n the inputs are <s> w_1 ... w_n and the labels w_1 ...
/// w_n </s>: the start is never predicted, the end is. Sentences are truncated to `longest` tokens (0: no limit). For
/// batches of similar length use BatchOptions::by_length. Throws ValueError for a vocabulary without start or end
/// token, and for no sentences.
template <std::floating_point S>
Dataset<S> sentence_data(const std::vector<std::vector<Index>>& sentences, const Vocabulary& vocabulary,
                         Index longest = 0) {
  require<ValueError>(vocabulary.start() >= 0 && vocabulary.end() >= 0,
                      "sentences: the vocabulary must have a start and an end token, got the numbers ",
                      vocabulary.start(), " and ", vocabulary.end());
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

/// Share of a label among all labels of a data set; 0 for -1.
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
