#pragma once
// Text files converted to training data.

#include <optional>

#include "options.hpp"
#include "text_file.hpp"
#include "unroll/data/lazy_dataset.hpp"
#include "unroll/data/streams.hpp"
#include "unroll/text/sentences.hpp"
#include "unroll/text/vocabulary.hpp"

namespace lm {

/// Text as token numbers; `units` holds one entry per unit, a single one for streams.
struct Part {
  std::vector<std::vector<unroll::Index>> units;  // token numbers
  std::shared_ptr<const LazyPart> lazy = {};      // in place of `units`, if tokens are read when they are needed
  unroll::Index tokens() const;
};

/// Validation data, or training data in memory: token streams with their windows, or one sequence per unit.
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

/// Training data as Sequences::for_training, in memory or read when they are needed.
unroll::TokenStreams<float> training_streams(const Part& part, const unroll::Vocabulary& vocabulary,
                                             const Options& options);
unroll::LazyDataset<float> training_units(const Part& part, const unroll::Vocabulary& vocabulary,
                                          const Options& options);

struct Corpus {
  unroll::Vocabulary vocabulary;
  Part train, validation;
  /// Hash of the tokens and their numbers.
  std::string fingerprint() const;
};

/// Characters or words of a text.
Tokens tokens_of(const std::string& text, const Options& options);
/// Text of tokens. Words are separated by blanks, except at punctuation; an end token becomes a line break.
std::string text_of(const Tokens& tokens, const Options& options);

/// Tokens of each unit of a file; of a stream one list, in which words have an end token after each unit. `column`: see
/// example::read_texts.
std::vector<Tokens> read_tokens(const std::string& file, const std::string& column, const Options& options);
/// Numbers of tokens.
Part part_of(const std::vector<Tokens>& all, const unroll::Vocabulary& vocabulary);

/// Reads the files. The vocabulary is that of the training part, or `known`. With --lazy, tokens of the training part
/// are read again when they are needed. Throws FileError and ValueError for
/// unreadable, too short or constant texts.
Corpus read_corpus(const Options& options, const unroll::Vocabulary* known = nullptr);

}  // namespace lm
