#pragma once
// Text files converted to training data.

#include <optional>

#include "options.hpp"
#include "unroll/data/streams.hpp"
#include "unroll/text/sentences.hpp"
#include "unroll/text/vocabulary.hpp"

namespace lm {

/// Text as token numbers; `units` holds one entry per unit, a single one for streams.
struct Part {
  std::vector<std::vector<unroll::Index>> units;  // token numbers
  unroll::Index tokens() const;
};

/// Training or validation data: token streams with their windows, or one sequence per unit.
class Sequences {
 public:
  /// Streams: for_training has options.batch streams with windows of options.steps, for_validation one stream with its
  /// tail.
  static Sequences for_training(const Part& part, const unroll::Vocabulary& vocabulary, const Options& options);
  static Sequences for_validation(const Part& part, const unroll::Vocabulary& vocabulary, const Options& options);

  const unroll::Dataset<float>& data() const { return streams_ ? streams_->data() : *units_; }
  /// nullptr for data in units.
  const unroll::TokenStreams<float>* streams() const { return streams_ ? &*streams_ : nullptr; }

 private:
  std::optional<unroll::TokenStreams<float>> streams_;
  std::optional<unroll::Dataset<float>> units_;
};

struct Corpus {
  unroll::Vocabulary vocabulary;
  Part train, validation;
};

/// Characters or words of a text.
std::vector<std::string> tokens_of(const std::string& text, const Options& options);
/// Text of tokens. Words are separated by blanks, except at punctuation; an end token becomes a line break.
std::string text_of(const std::vector<std::string>& tokens, const Options& options);

/// Reads the files. The vocabulary is that of the training part, or `known`. Throws FileError and ValueError for
/// unreadable, too short or constant texts.
Corpus read_corpus(const Options& options, const unroll::Vocabulary* known = nullptr);
/// Reads a whole file with a given vocabulary.
Part read_part(const std::string& file, const Options& options, const unroll::Vocabulary& vocabulary);

}  // namespace lm
