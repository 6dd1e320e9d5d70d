#include "corpus.hpp"

#include "unroll/core/random.hpp"
#include "unroll/io/detail/text_lines.hpp"

namespace word2vec {

using namespace unroll;

namespace {

std::vector<std::string> words_of(const std::string& unit, bool keep_case) {
  auto all = words(unit, !keep_case);
  std::erase_if(all, [](const std::string& word) { return !unroll::detail::is_letter(code_point(word)->value); });
  return all;
}

}  // namespace

Corpus read_corpus(const CorpusOptions& options) {
  std::vector<std::vector<std::string>> texts;
  TokenCounts counts;
  for (const std::string& file : options.files)
    for (const std::string& unit : units(read_text_file(file), options.unit)) {
      texts.push_back(words_of(unit, options.keep_case));
      counts.add_all(texts.back());
    }
  const VocabularyOptions kept{options.size, options.least, false, false, false};
  Corpus corpus{Vocabulary(counts, kept), {}, counts.total(), Index(counts.counts().size())};
  require<ValueError>(corpus.vocabulary.size() >= 2, "the text must have at least two words that occur ", options.least,
                      " times (--min-count), got '", corpus.vocabulary.token(0), "' only");
  for (const auto& text : texts) {
    corpus.sentences.emplace_back();
    for (const std::string& word : text) corpus.sentences.back().push_back(corpus.vocabulary.find(word).value_or(-1));
  }
  return corpus;
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
  Index right = 0;
  for (Index k = 0; k < count; ++k) {
    const auto& [word, partner] = known[std::size_t(k)];
    const Index other = (k + 1 + random.below(std::uint64_t(k), count - 1)) % count;
    right += vectors.similarity(word, partner) > vectors.similarity(word, known[std::size_t(other)].second);
  }
  return {double(right) / double(count), count, Index(pairs.size()) - count};
}

}  // namespace word2vec
