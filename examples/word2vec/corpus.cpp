#include "corpus.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_set>

#include "../support/fingerprint.hpp"
#include "../support/texts.hpp"
#include "phrases.hpp"
#include "unroll/core/random.hpp"
#include "unroll/io/detail/text_lines.hpp"

namespace word2vec {

using namespace unroll;

namespace {

using Sentence = std::vector<std::string>;

TextUnit unit_of(const CorpusOptions& options) {
  return options.unit == "line"       ? TextUnit::line
         : options.unit == "sentence" ? TextUnit::sentence
         : options.unit == "whole"    ? TextUnit::whole
                                      : TextUnit::paragraph;
}

Sentence words_of(const std::string& unit, const CorpusOptions& options) {
  Sentence all = words(unit, options.letters == "lower");
  std::erase_if(all, [](const std::string& word) { return !unroll::detail::is_letter(code_point(word)->value); });
  return all;
}

/// Vocabulary of the known words and those of the text.
Vocabulary vocabulary_of(const TokenCounts& counts, const CorpusOptions& options,
                         const std::vector<std::string>& known) {
  const VocabularyOptions kept{options.size, options.least, false, false, false};
  const Vocabulary of_text(counts, kept);
  if (known.empty()) return of_text;
  std::vector<std::string> all = known;
  const std::unordered_set<std::string> found(known.begin(), known.end());
  for (const std::string& word : of_text.tokens())
    if (!found.contains(word)) all.push_back(word);
  return Vocabulary::of(all, "--load");
}

}  // namespace

Corpus read_corpus(const CorpusOptions& options, const std::vector<std::string>& known) {
  std::vector<Sentence> texts;
  for (const std::string& file : options.files)
    for (const std::string& text : example::read_texts(file, options.column))
      for (const std::string& unit : units(text, unit_of(options))) texts.push_back(words_of(unit, options));
  Corpus corpus;
  for (Index pass = options.phrases; pass > 0; --pass)
    corpus.phrases += join_phrases(texts, options.least, std::ldexp(options.threshold, int(pass) - 1));
  TokenCounts counts;
  for (const Sentence& text : texts) counts.add_all(text);
  corpus.words = counts.total(), corpus.different = Index(counts.counts().size());
  corpus.vocabulary = vocabulary_of(counts, options, known);
  require<ValueError>(corpus.vocabulary.size() >= 2, "the text must have at least two words that occur ", options.least,
                      " times (--min-count), got '", corpus.vocabulary.token(0), "' only");
  for (const Sentence& text : texts) {
    corpus.sentences.emplace_back();
    for (const std::string& word : text) corpus.sentences.back().push_back(corpus.vocabulary.find(word).value_or(-1));
  }
  return corpus;
}

std::string Corpus::fingerprint() const {
  example::Fingerprint all;
  for (const std::string& word : vocabulary.tokens()) all.add(word.c_str(), word.size() + 1);
  for (const auto& sentence : sentences) {
    const auto size = std::uint64_t(sentence.size());
    all.add(&size, sizeof size).add(sentence.data(), sentence.size() * sizeof(Index));
  }
  return all.text();
}

WordPairs read_pairs(const std::filesystem::path& path) {
  const std::string content = read_text_file(path), name = path.string();
  unroll::detail::TextLines lines(content, name);
  WordPairs pairs;
  while (auto line = lines.next()) {
    const std::string first(unroll::detail::take_until(*line, ' ')), second(unroll::detail::trimmed(*line));
    lines.expect(!second.empty() && second.find(' ') == second.npos, "expected two words");
    pairs.emplace_back(first, second);
  }
  return pairs;
}

PairScore score(const WordPairs& pairs, const WordVectors& vectors) {
  WordPairs known;
  for (const auto& pair : pairs)
    if (vectors.find(pair.first) && vectors.find(pair.second)) known.push_back(pair);
  const Index count = Index(known.size());
  require<ValueError>(count >= 2, "--pairs must contain at least two pairs with vectors of both words, got ", count,
                      " of ", pairs.size());
  const Random random(0, Purpose::sample);
  std::vector<bool> right;
  for (Index k = 0; k < count; ++k) {
    const auto& [word, partner] = known[std::size_t(k)];
    const Index other = (k + 1 + random.below(std::uint64_t(k), count - 1)) % count;
    right.push_back(vectors.similarity(word, partner) > vectors.similarity(word, known[std::size_t(other)].second));
  }
  const double share = double(std::ranges::count(right, true)) / double(count);
  return {share, count, Index(pairs.size()) - count, std::move(known), std::move(right)};
}

}  // namespace word2vec
