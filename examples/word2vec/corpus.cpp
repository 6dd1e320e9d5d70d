#include "corpus.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <sstream>
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
  const auto frequent =
      std::ranges::count_if(counts.counts(), [&](const auto& word) { return word.second >= options.least; });
  if (known.empty()) {
    require<ValueError>(options.size != 1, "--vocabulary must be 0 or at least 2, got 1");
    require<ValueError>(frequent >= 2, "the text must have at least two words that occur ", options.least,
                        " times or more (--min-count), got ", frequent, " of ", counts.counts().size(),
                        " different words");
    return Vocabulary(counts, kept);
  }
  if (frequent == 0) return Vocabulary::of(known, "--load");
  const Vocabulary of_text(counts, kept);
  std::vector<std::string> all = known;
  const std::unordered_set<std::string> found(known.begin(), known.end());
  for (const std::string& word : of_text.tokens())
    if (!found.contains(word)) all.push_back(word);
  return Vocabulary::of(all, "--load");
}

/// Throws ValueError if word2vec has nothing to predict.
void check_trainable(const Corpus& corpus, const std::string& unit) {
  std::vector<bool> seen(std::size_t(corpus.vocabulary.size()));
  bool contexts = false;
  for (const auto& sentence : corpus.sentences) {
    Index words = 0;
    for (const Index word : sentence)
      if (word >= 0) seen[std::size_t(word)] = true, ++words;
    contexts = contexts || words >= 2;
  }
  const auto different = std::ranges::count(seen, true);
  require<ValueError>(different >= 2, "the text must have at least two words of the vocabulary, got ", different);
  require<ValueError>(contexts, "a ", unit, " of the text must have at least two words of the vocabulary (--unit)");
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
  for (const Sentence& text : texts) {
    corpus.sentences.emplace_back();
    for (const std::string& word : text) corpus.sentences.back().push_back(corpus.vocabulary.find(word).value_or(-1));
  }
  check_trainable(corpus, options.unit);
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
    std::istringstream stream{std::string(*line)};
    const std::vector<std::string> pair{std::istream_iterator<std::string>(stream), {}};
    lines.expect(pair.size() == 2, "the line must have two words, got ", pair.size());
    pairs.emplace_back(pair[0], pair[1]);
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
