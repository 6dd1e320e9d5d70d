#include "corpus.hpp"

#include <cmath>

#include "unroll/text/readers.hpp"

namespace lm {

using namespace unroll;

namespace {

using Tokens = std::vector<std::string>;

/// Tokens of each unit of a file; as a stream a single list, in which words have an end token after each unit.
std::vector<Tokens> read_tokens(const std::string& file, const Options& options) {
  const std::string text = read_text_file(file);
  if (options.streams() && !options.words()) return {tokens_of(text, options)};
  const TextUnit unit = options.unit == "line"       ? TextUnit::line
                        : options.unit == "sentence" ? TextUnit::sentence
                                                     : TextUnit::paragraph;
  std::vector<Tokens> all;
  for (const std::string& one : units(text, unit)) all.push_back(tokens_of(one, options));
  if (!options.streams()) return all;
  Tokens stream;
  for (Tokens& one : all) {
    stream.insert(stream.end(), one.begin(), one.end());
    stream.emplace_back(Vocabulary::end_token);
  }
  return {stream};
}

/// Splits off the end: tokens of a stream, or units.
std::vector<Tokens> take_end(std::vector<Tokens>& all, const Options& options) {
  const auto count = [&](std::size_t size) { return Index(std::floor(options.held_out * double(size))); };
  std::vector<Tokens> end;
  if (options.streams()) {
    Tokens& stream = all.front();
    end.emplace_back(stream.end() - count(stream.size()), stream.end());
    stream.resize(stream.size() - end.front().size());
  } else {
    end.assign(all.end() - count(all.size()), all.end());
    all.resize(all.size() - end.size());
  }
  return end;
}

Vocabulary vocabulary_of(const std::vector<Tokens>& all, const Options& options) {
  TokenCounts counts;
  for (const Tokens& tokens : all) counts.add_all(tokens);
  Index different = 0;
  for (const auto& count : counts.counts()) different += count.first != Vocabulary::end_token;
  require<ValueError>(different > 1, options.text, ": must have at least two different ", options.tokens, ", got 1");
  return Vocabulary(
      counts, {.size = options.vocabulary, .start = !options.streams(), .end = !options.streams() || options.words()});
}

Part part_of(const std::vector<Tokens>& all, const Vocabulary& vocabulary) {
  Part part;
  for (const Tokens& tokens : all) part.units.push_back(vocabulary.numbers(tokens));
  return part;
}

bool no_blank_before(const std::string& word) {
  return word.size() == 1 && std::string(".,;:!?)]}%'").find(word) != std::string::npos;
}
bool no_blank_behind(const std::string& word) {
  return word.size() == 1 && std::string("([{$").find(word) != std::string::npos;
}

}  // namespace

Index Part::tokens() const {
  Index sum = 0;
  for (const auto& unit : units) sum += Index(unit.size());
  return sum;
}

Sequences Sequences::for_training(const Part& part, const Vocabulary& vocabulary, const Options& options) {
  Sequences all;
  if (options.streams())
    all.streams_.emplace(part.units.front(), vocabulary.size(),
                         StreamOptions{.streams = options.batch, .steps = options.steps});
  else
    all.units_ = sentence_data<float>(part.units, vocabulary, options.longest);
  return all;
}

Sequences Sequences::for_validation(const Part& part, const Vocabulary& vocabulary, const Options& options) {
  Sequences all;
  constexpr Index steps = 1024;  // limits the memory; does not affect the result
  if (options.streams())
    all.streams_.emplace(part.units.front(), vocabulary.size(),
                         StreamOptions{.streams = 1, .steps = steps, .tail = Tail::keep});
  else
    all.units_ = sentence_data<float>(part.units, vocabulary, options.longest);
  return all;
}

std::vector<std::string> tokens_of(const std::string& text, const Options& options) {
  if (options.words()) return words(text, options.lower);
  return characters(options.lower ? lower_case(text) : text);
}

std::string text_of(const std::vector<std::string>& tokens, const Options& options) {
  std::string text;
  bool open = true;  // no blank before the next word
  for (const std::string& token : tokens) {
    const bool ends = token == Vocabulary::end_token;
    if (options.words() && !open && !ends && !no_blank_before(token)) text += " ";
    text += ends ? "\n" : token;
    open = ends || no_blank_behind(token);
  }
  return text;
}

Corpus read_corpus(const Options& options, const Vocabulary* known) {
  auto train = read_tokens(options.text, options);
  const auto validation = options.valid.empty() ? take_end(train, options) : read_tokens(options.valid, options);
  const bool enough = !validation.empty() && (!options.streams() || validation.front().size() > 1);
  require<ValueError>(enough && !train.empty(), options.text,
                      ": must be long enough for training and validation with --held-out ", options.held_out,
                      "; give --valid FILE or another share");
  Corpus corpus;
  corpus.vocabulary = known != nullptr ? *known : vocabulary_of(train, options);
  corpus.train = part_of(train, corpus.vocabulary);
  corpus.validation = part_of(validation, corpus.vocabulary);
  return corpus;
}

Part read_part(const std::string& file, const Options& options, const Vocabulary& vocabulary) {
  return part_of(read_tokens(file, options), vocabulary);
}

}  // namespace lm
