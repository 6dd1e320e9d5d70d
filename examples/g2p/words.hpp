#pragma once
// Words with their pronunciations, from files to numbers.

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "unroll/train/pairs.hpp"

namespace g2p {

/// The numbers of the marks; phonemes are numbered behind them.
inline constexpr unroll::Marks marks{.begin = 0, .end = 1};
/// Of a word's letters and of its phonemes.
inline constexpr unroll::Index longest_word = 64;

/// One word in `spread` goes into the test part: the last of every `spread` in the order of the file.
inline constexpr unroll::Index spread = 20;

struct Vocabulary {
  std::vector<std::string> letters, phonemes;  // in order, each once

  unroll::Index tokens() const { return unroll::Index(phonemes.size()) + 2; }
  /// A row of numbers. A capital letter that is not known is taken as the small one. Throws ValueError for a word
  /// without letters, with too many, or with others.
  unroll::Matrix<float> source(const std::string& word) const;
  /// "HH AH L OW"
  std::string spoken(std::span<const unroll::Index> tokens) const;
};

/// Words as a network reads and writes them.
struct Words {
  std::vector<std::string> spelled;
  std::vector<unroll::Matrix<float>> sources;
  std::vector<std::vector<unroll::Index>> targets;

  unroll::Index size() const { return unroll::Index(spelled.size()); }
};

struct Data {
  Vocabulary vocabulary;
  Words train, validation, test;
};

/// The letters of a word, which are code points of UTF-8. Nothing for what is no UTF-8 or has blanks in it.
std::vector<std::string> letters_of(const std::string& word);

/// Reads lines `word TAB phoneme phoneme ...`, of the training file the first `limit` (0: all), and cuts the test part
/// off it. Letters and phonemes are those of the training file, or the `known` ones of a network. Throws FileError,
/// with the line, for a broken line, a word that was there before in either file, a letter or phoneme that is not
/// known.
Data read_data(const std::filesystem::path& train, const std::filesystem::path& validation, unroll::Index limit,
               const Vocabulary* known = nullptr);

}  // namespace g2p
