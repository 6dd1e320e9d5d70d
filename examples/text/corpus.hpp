#pragma once
// Text files converted to training data.

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "options.hpp"
#include "text_file.hpp"
#include "unroll/data/batches.hpp"
#include "unroll/data/lazy_dataset.hpp"
#include "unroll/data/streams.hpp"
#include "unroll/text/sentences.hpp"
#include "unroll/text/vocabulary.hpp"

namespace lm {

/// Text as token numbers; `units` holds one entry per unit, a single one for streams.
struct Part {
  std::vector<std::vector<unroll::Index>> units;  // token numbers
  std::shared_ptr<const LazyPart> lazy = {};      // in place of `units`, if tokens are read when they are needed

  unroll::Index size() const { return lazy ? std::ssize(lazy->sizes()) : std::ssize(units); }
  std::vector<unroll::Index> unit(unroll::Index k) const { return lazy ? lazy->unit(k) : units[std::size_t(k)]; }
  unroll::Index tokens() const;
};

/// Training data with options.batch streams and windows of options.steps, and validation data of one stream with its
/// tail; one sequence per unit. In memory, or read when they are needed.
unroll::TokenStreams<float> training_streams(const Part& part, const unroll::Vocabulary& vocabulary,
                                             const Options& options);
unroll::TokenStreams<float> validation_stream(const Part& part, const unroll::Vocabulary& vocabulary);
unroll::LazyDataset<float> units_of(const Part& part, const unroll::Vocabulary& vocabulary, const Options& options);

/// Calls f(data, samples) for consecutive pieces of validation data: the windows of a stream, or 50 units each.
template <class F>
void each_piece(const Part& part, const unroll::Vocabulary& vocabulary, const Options& options, F&& f) {
  constexpr unroll::Index units_of_piece = 50;
  if (options.streams()) {
    const auto stream = validation_stream(part, vocabulary);
    for (unroll::Index k = 0; k < stream.windows(); ++k) stream.visit_window(k, f);
    return;
  }
  for (unroll::Index first = 0; first < part.size(); first += units_of_piece) {
    std::vector<std::vector<unroll::Index>> some;
    for (unroll::Index k = first; k < std::min(first + units_of_piece, part.size()); ++k) some.push_back(part.unit(k));
    const auto data = unroll::sentence_data<float>(some, vocabulary, options.longest);
    f(data, unroll::all_samples(data.size()));
  }
}

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

/// A file as token numbers; with --lazy, they are read when they are needed.
Part read_part(const std::string& file, const unroll::Vocabulary& vocabulary, const Options& options);

/// Reads the files. The vocabulary is that of the training part, or `known`. With --lazy, tokens are read again when
/// they are needed. Throws FileError and ValueError for
/// unreadable, too short or constant texts.
Corpus read_corpus(const Options& options, const unroll::Vocabulary* known = nullptr);

}  // namespace lm
