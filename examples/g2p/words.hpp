#pragma once
// Pronunciation dictionaries: words with their pronunciations, read from files and encoded as numbers.

#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "unroll/data/pairs.hpp"

namespace g2p {

/// Numbers of the begin and end tokens; phonemes are numbered from 2.
inline constexpr unroll::SpecialTokens special_tokens{.begin = 0, .end = 1};
/// Maximum number of letters and of phonemes of a word.
inline constexpr unroll::Index longest_word = 64;

/// How the lines of a dictionary are read.
struct Reading {
  bool lower = true;   // letters A-Z of words become a-z
  bool stress = true;  // false: phonemes lose the stress digit at their end, AH0 becomes AH
};

/// Dictionaries of a training. A part is a file, or a share of the words of `train` such as "0.05".
struct Sources {
  std::string train, validation, test = "0.05";
  unroll::Index limit = 0;  // words of `train` that are read; 0: all
  Reading reading = {};
};

struct Vocabulary {
  std::vector<std::string> letters, phonemes;  // sorted, without duplicates

  unroll::Index tokens() const { return unroll::Index(phonemes.size()) + 2; }
  /// Encoded word [1 x letters]. An unknown letter of a-z or A-Z is replaced by its other case. Throws ValueError for a
  /// word without letters, with more than `longest_word`, or with unknown ones.
  unroll::MatrixX<float> source(const std::string& word) const;
  /// Phonemes as text: "HH AH L OW".
  std::string phonemes_text(std::span<const unroll::Index> tokens) const;
};

/// Encoded words with their pronunciations.
struct Words {
  std::vector<std::string> spellings;
  std::vector<unroll::MatrixX<float>> sources;
  std::vector<std::vector<std::vector<unroll::Index>>> pronunciations;  // one or more per word

  unroll::Index size() const { return unroll::Index(spellings.size()); }
  /// Number of (word, pronunciation) pairs.
  unroll::Index pairs() const;
  Words subset(std::span<const unroll::Index> some) const;
};

struct Data {
  Vocabulary vocabulary;
  Words train, validation, test;

  /// Hash of all words and pronunciations, by part.
  std::string fingerprint() const;
  /// The same for the test words.
  std::string test_fingerprint() const;
};

/// What a trained network has learned from.
struct Learned {
  Vocabulary vocabulary;
  std::set<std::string> words;
};

/// The number in `part` if it is a share of a dictionary; none for the name of a file.
std::optional<double> share_of(const std::string& part);

/// Letters of a word, one per UTF-8 code point. Empty for invalid UTF-8 and for words with blanks.
std::vector<std::string> letters_of(const std::string& word);

/// Reads the dictionaries of a training. A line holds a word and its phonemes, in the format of CMUdict: separated by a
/// tab in all lines, or by blanks; `;;;` starts a comment line, ` #` a comment after the phonemes; `word(2)` and
/// repeated words are further pronunciations, which stay together. A share of 0.05 is every 20th word, in order of
/// first appearance; that of the validation words is of the words that are not test words. Letters and phonemes are
/// those of the training words, or of `learned`, whose words always belong to the training part. Throws FileError, with
/// the line, for a malformed line, a word that is in two files, and an unknown letter or phoneme.
Data read_data(const Sources& sources, const Learned* learned = nullptr);

/// Words to test, and the number of others that have letters without a number.
struct TestWords {
  Words words;
  unroll::Index left_out = 0;
};
/// Reads the test words of `sources` with the letters and phonemes of a trained network. Throws as read_data, except
/// for unknown letters.
TestWords read_test(const Sources& sources, const Vocabulary& known);

}  // namespace g2p
