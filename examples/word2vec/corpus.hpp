#pragma once
// Texts as sentences of word numbers, and pairs of words that belong together.

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "unroll/text/readers.hpp"
#include "unroll/text/vocabulary.hpp"
#include "unroll/text/word_vectors.hpp"
#include "unroll/word2vec/word2vec_options.hpp"

namespace word2vec {

struct CorpusOptions {
  std::vector<std::string> files = {UNROLL_EXAMPLE_DATA "/word2vec/data/wordnet_glosses.txt",
                                    UNROLL_EXAMPLE_DATA "/text/data/wordnet_sentences_train.txt"};
  unroll::TextUnit unit = unroll::TextUnit::line;
  unroll::Index least = 5;  // times that a word must be there
  unroll::Index size = 0;   // words at most; 0: no limit
  bool keep_case = false;
};

/// Words are what begins with a letter; others, rare ones among them, are not there at all.
struct Corpus {
  unroll::Vocabulary vocabulary;
  unroll::Sentences sentences;
  unroll::Index words = 0, different = 0;  // before rare ones were left out
};

/// Throws FileError for a file without text, ValueError where no word is left or only one.
Corpus read_corpus(const CorpusOptions& options);

using WordPairs = std::vector<std::pair<std::string, std::string>>;

/// Lines of two words with a blank between them. Throws FileError, with the line.
WordPairs read_pairs(const std::filesystem::path& path);

/// How often a word is nearer to its partner than to the partner of another pair.
struct PairScore {
  double share = 0;  // 0.5: by chance
  unroll::Index scored = 0, missing = 0;
};

/// Pairs of which a word has no vector are counted as missing. Which other pair each is compared with is drawn, the
/// same for any vectors. Throws ValueError where less than two pairs are left.
PairScore score(const WordPairs& pairs, const unroll::WordVectors& vectors);

}  // namespace word2vec
