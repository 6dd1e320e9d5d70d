#pragma once
// Texts as sentences of word numbers, and pairs of related words.

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
  std::string column = {};  // of CSV files; empty: texts
  std::string unit = "line";
  std::string letters = "lower";
  unroll::Index least = 5;    // minimum number of occurrences of a word
  unroll::Index size = 0;     // maximum number of words; 0: no limit
  unroll::Index phrases = 0;  // passes
  double threshold = 100;     // of the last pass
};

/// Words of the texts. Tokens that do not begin with a letter are dropped; rare words have the number -1.
struct Corpus {
  unroll::Vocabulary vocabulary;
  unroll::Sentences sentences;
  unroll::Index words = 0, different = 0;  // before removal of rare words
  unroll::Index phrases = 0;               // different ones in the text
  /// Hash of the words and their numbers.
  std::string fingerprint() const;
};

/// Reads the texts. The words of `known`, if there are any, come first in the vocabulary, whether they occur or not.
/// Throws FileError for a file without text, ValueError if fewer than two different words remain, or if no unit has two
/// words.
Corpus read_corpus(const CorpusOptions& options, const std::vector<std::string>& known = {});

using WordPairs = std::vector<std::pair<std::string, std::string>>;

/// Reads a file with two words per line, separated by blanks or tabs. Throws FileError, with the line, for other lines.
WordPairs read_pairs(const std::filesystem::path& path);

/// Share of pairs whose words are nearer to each other than to the partner of another pair.
struct PairScore {
  double share = 0;  // 0.5: chance
  unroll::Index scored = 0, missing = 0;
  WordPairs pairs = {};          // the scored ones
  std::vector<bool> right = {};  // whether each of these is nearer
};

/// Scores the pairs; pairs with a word without vector count as missing. The other pair of each comparison is drawn at
/// random, the same for all vectors. Throws ValueError if fewer than two pairs remain.
PairScore score(const WordPairs& pairs, const unroll::WordVectors& vectors);

}  // namespace word2vec
