#pragma once
// Words with their pronunciations, from files to numbers.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "unroll/data/pairs.hpp"

namespace g2p {

/// The numbers of the marks; phonemes are numbered behind them.
inline constexpr unroll::Marks marks{.begin = 0, .end = 1};
/// Of a word's letters and of its phonemes.
inline constexpr unroll::Index longest_word = 64;

/// One word in `spread` goes into the test part, with all of its pronunciations: the last of every `spread` in the
/// order in which words come first in the file.
inline constexpr unroll::Index spread = 20;

struct Vocabulary {
  std::vector<std::string> letters, phonemes;  // in order, each once

  unroll::Index tokens() const { return unroll::Index(phonemes.size()) + 2; }
  /// A row of numbers. A capital letter that is not known is taken as the small one, and a small one as the capital.
  /// Throws ValueError for a word without letters, with too many, or with others.
  unroll::MatrixX<float> source(const std::string& word) const;
  /// "HH AH L OW"
  std::string spoken(std::span<const unroll::Index> tokens) const;
};

/// Words as a network reads and writes them.
struct Words {
  std::vector<std::string> spelled;
  std::vector<unroll::MatrixX<float>> sources;
  std::vector<std::vector<std::vector<unroll::Index>>> pronunciations;  // of each word one or more

  unroll::Index size() const { return unroll::Index(spelled.size()); }
  /// Words with a pronunciation.
  unroll::Index pairs() const;
  Words subset(std::span<const unroll::Index> some) const;
};

struct Data {
  Vocabulary vocabulary;
  Words train, validation, test;
};

/// The letters of a word, which are code points of UTF-8. Nothing for what is no UTF-8 or has blanks in it.
std::vector<std::string> letters_of(const std::string& word);

/// Reads dictionaries, of the training file the first `limit` words (0: all), and cuts the test part off it. A line is
/// a word and its phonemes as CMUdict has them: with a tab between them in all lines, or with blanks; `;;;` begins a
/// line that is a comment, ` #` a comment behind the phonemes; `word(2)` and a word that comes again are other
/// pronunciations. Digits of stress belong to their phonemes. Letters and phonemes are those of the training file, or
/// the `known` ones of a network. Throws FileError, with the line, for a broken line, a word of the validation file
/// that is in the training file, a letter or phoneme that is not known.
Data read_data(const std::filesystem::path& train, const std::filesystem::path& validation, unroll::Index limit,
               const Vocabulary* known = nullptr);

}  // namespace g2p
