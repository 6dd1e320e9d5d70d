#include "phrases.hpp"

#include <set>
#include <unordered_map>

namespace word2vec {

using namespace unroll;

namespace {

using Sentence = std::vector<std::string>;

/// Counts of words and of pairs of successive words.
class Collocations {
 public:
  Collocations(const std::vector<Sentence>& sentences, Index least) : least_(least) {
    for (const Sentence& sentence : sentences)
      for (const std::string& word : sentence) ++words_[word], ++total_;
    for (const Sentence& sentence : sentences)
      for (std::size_t k = 1; k < sentence.size(); ++k)
        if (is_frequent(sentence[k - 1]) && is_frequent(sentence[k])) ++pairs_[sentence[k - 1] + ' ' + sentence[k]];
  }

  double score(const std::string& a, const std::string& b) const {
    const auto pair = pairs_.find(a + ' ' + b);
    if (pair == pairs_.end()) return -1;
    return double(pair->second - least_) / double(words_.at(a)) / double(words_.at(b)) * double(total_);
  }

 private:
  bool is_frequent(const std::string& word) const { return words_.at(word) >= least_; }

  std::unordered_map<std::string, Index> words_, pairs_;
  Index least_, total_ = 0;
};

}  // namespace

Index join_phrases(std::vector<Sentence>& sentences, Index least, double threshold) {
  const Collocations collocations(sentences, least);
  std::set<std::string> phrases;
  for (Sentence& sentence : sentences) {
    Sentence joined;
    for (std::size_t k = 0; k < sentence.size(); ++k) {
      const bool pair = k + 1 < sentence.size() && collocations.score(sentence[k], sentence[k + 1]) > threshold;
      joined.push_back(pair ? sentence[k] + '_' + sentence[k + 1] : sentence[k]);
      if (pair) phrases.insert(joined.back()), ++k;
    }
    sentence = std::move(joined);
  }
  return Index(phrases.size());
}

}  // namespace word2vec
