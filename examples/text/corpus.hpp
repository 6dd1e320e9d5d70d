#pragma once
// From files of text to what a network learns from.

#include <optional>

#include "options.hpp"
#include "unroll/data/streams.hpp"
#include "unroll/text/sentences.hpp"
#include "unroll/text/vocabulary.hpp"

namespace lm {

/// A text as tokens, with the words that were cut off or are not known.
struct Part {
  std::vector<std::vector<unroll::Index>> units;  // of streams one
  unroll::Index tokens() const;
};

/// What is learned from, or watched: streams with their windows, or units.
class Sequences {
 public:
  /// `batch` streams of `steps` for learning; for watching, one stream that is read to its end.
  static Sequences to_learn(const Part& part, const unroll::Vocabulary& vocabulary, const Options& options);
  static Sequences to_watch(const Part& part, const unroll::Vocabulary& vocabulary, const Options& options);

  const unroll::Dataset<float>& data() const { return streams_ ? streams_->data() : *units_; }
  /// nullptr for units.
  const unroll::TokenStreams<float>* streams() const { return streams_ ? &*streams_ : nullptr; }

 private:
  std::optional<unroll::TokenStreams<float>> streams_;
  std::optional<unroll::Dataset<float>> units_;
};

struct Corpus {
  unroll::Vocabulary vocabulary;
  Part train, watched;
};

/// The tokens of a text: characters or words.
std::vector<std::string> tokens_of(const std::string& text, const Options& options);
/// Tokens as a text again.
std::string text_of(const std::vector<std::string>& tokens, const Options& options);

/// Reads the files; the vocabulary is that of the part to learn from, or the `known` one. Throws FileError and
/// ValueError for texts that nothing can be learned from.
Corpus read_corpus(const Options& options, const unroll::Vocabulary* known = nullptr);
/// A whole file with a vocabulary that is known.
Part read_part(const std::string& file, const Options& options, const unroll::Vocabulary& vocabulary);

}  // namespace lm
