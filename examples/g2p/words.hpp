#pragma once
// Pronunciation dictionaries: words with their pronunciations, read from files and encoded as numbers.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "unroll/data/pairs.hpp"

namespace g2p {

/// Numbers of the begin and end tokens; phonemes are numbered from 2.
inline constexpr unroll::SpecialTokens special_tokens{.begin = 0, .end = 1};
/// Maximum number of letters and of phonemes of a word.
inline constexpr unroll::Index longest_word = 64;

/// Every `spread`-th word, in order of first appearance in the file, belongs to the test part, with all of its
/// pronunciations.
inline constexpr unroll::Index spread = 20;

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
};

/// Letters of a word, one per UTF-8 code point. Empty for invalid UTF-8 and for words with blanks.
std::vector<std::string> letters_of(const std::string& word);

/// Reads two dictionaries, of the training file the first `limit` words (0: all), and splits off the test part. A line
/// holds a word and its phonemes, in the format of CMUdict: separated by a tab in all lines, or by blanks; `;;;` starts
/// a comment line, ` #` a comment after the phonemes; `word(2)` and repeated words are further pronunciations. Stress
/// digits are part of their phonemes. Letters and phonemes are those of the training file, or of `known`, the
/// vocabulary of a trained network. Throws FileError, with the line, for a malformed line, a validation word that is in
/// the training file, and an unknown letter or phoneme.
Data read_data(const std::filesystem::path& train, const std::filesystem::path& validation, unroll::Index limit,
               const Vocabulary* known = nullptr);

}  // namespace g2p
