#include "corpus.hpp"

#include <cmath>

#include "../support/fingerprint.hpp"
#include "../support/texts.hpp"
#include "unroll/text/readers.hpp"

namespace lm {

using namespace unroll;

namespace {

TextUnit unit_of(const Options& options) {
  return options.unit == "line"       ? TextUnit::line
         : options.unit == "sentence" ? TextUnit::sentence
                                      : TextUnit::paragraph;
}

/// Splits off the end: tokens of a stream, or the units whose share of the tokens, with an end token each, is nearest.
std::vector<Tokens> take_end(std::vector<Tokens>& all, double share, const Options& options) {
  std::vector<Tokens> end;
  if (options.streams()) {
    Tokens& stream = all.front();
    end.emplace_back(stream.end() - Index(std::floor(share * double(stream.size()))), stream.end());
    stream.resize(stream.size() - end.front().size());
    return end;
  }
  double total = 0, taken = 0;
  for (const Tokens& unit : all) total += double(unit.size() + 1);
  std::size_t first = all.size();
  for (; first > 0; --first) {
    const double with = taken + double(all[first - 1].size() + 1);
    if (share * total - taken < with - share * total) break;
    taken = with;
  }
  end.assign(all.begin() + Index(first), all.end());
  all.resize(first);
  return end;
}

/// The first `limit` tokens of a stream, or the first units with that number of tokens.
void limit_tokens(std::vector<Tokens>& all, Index limit) {
  if (limit == 0) return;
  Index left = limit;
  std::size_t kept = 0;
  for (; kept < all.size() && left > 0; ++kept) {
    if (Index(all[kept].size()) > left) all[kept].resize(std::size_t(left));
    left -= Index(all[kept].size());
  }
  all.resize(kept);
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

Tokens tokens_of(const std::string& text, const Options& options) {
  if (options.words()) return words(text, options.lower());
  return characters(options.lower() ? lower_case(text) : text);
}

std::string text_of(const Tokens& tokens, const Options& options) {
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

std::vector<Tokens> read_tokens(const std::string& file, const std::string& column, const Options& options) {
  const std::vector<std::string> texts = example::read_texts(file, column);
  std::vector<Tokens> all;
  if (options.streams() && !options.words()) {
    std::string text;
    for (const std::string& one : texts) text += (text.empty() ? "" : "\n") + one;
    return {tokens_of(text, options)};
  }
  for (const std::string& text : texts)
    for (const std::string& one : units(text, unit_of(options))) all.push_back(tokens_of(one, options));
  if (!options.streams()) return all;
  Tokens stream;
  for (Tokens& one : all) {
    stream.insert(stream.end(), one.begin(), one.end());
    stream.emplace_back(Vocabulary::end_token);
  }
  return {stream};
}

Corpus read_corpus(const Options& options, const Vocabulary* known) {
  auto train = read_tokens(options.text, options.column, options);
  const auto share = options.share();
  const auto validation =
      share ? take_end(train, *share, options) : read_tokens(options.validation, options.column, options);
  limit_tokens(train, options.limit);
  const bool enough = !validation.empty() && (!options.streams() || validation.front().size() > 1);
  require<ValueError>(enough && !train.empty(), options.text,
                      ": must be long enough for training and validation with --validation ", options.validation,
                      "; give a file or another share");
  Corpus corpus;
  corpus.vocabulary = known != nullptr ? *known : vocabulary_of(train, options);
  corpus.train = part_of(train, corpus.vocabulary);
  corpus.validation = part_of(validation, corpus.vocabulary);
  return corpus;
}

std::string Corpus::fingerprint() const {
  example::Fingerprint all;
  for (Index k = 0; k < vocabulary.size(); ++k) all.add(vocabulary.token(k).c_str(), vocabulary.token(k).size() + 1);
  for (const Part* part : {&train, &validation}) {
    for (const auto& unit : part->units) {
      const auto size = std::uint64_t(unit.size());
      all.add(&size, sizeof size).add(unit.data(), unit.size() * sizeof(Index));
    }
    const std::uint64_t end = part->units.size();
    all.add(&end, sizeof end);
  }
  return all.text();
}

Part part_of(const std::vector<Tokens>& all, const Vocabulary& vocabulary) {
  Part part;
  for (const Tokens& tokens : all) part.units.push_back(vocabulary.numbers(tokens));
  return part;
}

}  // namespace lm
