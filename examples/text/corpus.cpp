#include "corpus.hpp"

#include <algorithm>
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

/// Sizes of the units of a text, of which the last ones are split off: those whose share of the tokens, with an end
/// token each, is nearest. Of a stream, whose size is the only one, the last tokens. Returns the sizes of the first
/// part.
std::vector<Index> without_end(std::vector<Index> sizes, double share, const Options& options) {
  if (options.streams()) {
    sizes.front() -= Index(std::floor(share * double(sizes.front())));
    return sizes;
  }
  double total = 0, taken = 0;
  for (const Index size : sizes) total += double(size + 1);
  std::size_t first = sizes.size();
  for (; first > 0; --first) {
    const double with = taken + double(sizes[first - 1] + 1);
    if (share * total - taken < with - share * total) break;
    taken = with;
  }
  sizes.resize(first);
  return sizes;
}

/// Sizes of the first `limit` tokens of a stream, or of the first units with that number of tokens; 0: all.
std::vector<Index> limited(std::vector<Index> sizes, Index limit) {
  if (limit == 0) return sizes;
  Index left = limit;
  std::size_t kept = 0;
  for (; kept < sizes.size() && left > 0; ++kept) {
    sizes[kept] = std::min(sizes[kept], left);
    left -= sizes[kept];
  }
  sizes.resize(kept);
  return sizes;
}

std::vector<Index> sizes_of(const std::vector<Tokens>& all) {
  std::vector<Index> sizes;
  for (const Tokens& tokens : all) sizes.push_back(std::ssize(tokens));
  return sizes;
}

/// The tokens behind the first `sizes` of each unit.
std::vector<Tokens> behind(const std::vector<Tokens>& all, const std::vector<Index>& sizes, const Options& options) {
  if (options.streams()) return {Tokens(all.front().begin() + sizes.front(), all.front().end())};
  return {all.begin() + std::ssize(sizes), all.end()};
}

void shorten(std::vector<Tokens>& all, const std::vector<Index>& sizes) {
  all.resize(sizes.size());
  for (std::size_t k = 0; k < sizes.size(); ++k) all[k].resize(std::size_t(sizes[k]));
}

Vocabulary vocabulary_of(const TokenCounts& counts, const Options& options) {
  Index different = 0;
  for (const auto& count : counts.counts()) different += count.first != Vocabulary::end_token;
  require<ValueError>(different > 1, options.text, ": must have at least two different ", options.tokens, ", got 1");
  const bool start = !options.streams(), end = start || options.words();
  const Index special = 1 + start + end;
  require<ValueError>(options.vocabulary == 0 || options.vocabulary > special, "--vocabulary must be 0 or above ",
                      special, ", the number of special tokens, got ", options.vocabulary);
  return Vocabulary(counts, {.size = options.vocabulary, .start = start, .end = end});
}

void check_enough(bool enough, const Options& options) {
  require<ValueError>(enough, options.text, ": must be long enough for training and validation with --validation ",
                      options.validation, "; give a file or another share");
}

/// Counts of the tokens of a part of a file.
TokenCounts counts_of(const TextFile& file, const std::vector<Index>& sizes, const Options& options) {
  TokenCounts counts;
  const Index pieces = options.streams() ? file.pieces() : std::ssize(sizes);
  for (Index k = 0; k < pieces; ++k) {
    const Index left = options.streams() ? sizes.front() - file.before(k) : sizes[std::size_t(k)];
    if (left <= 0 && options.streams()) break;
    Tokens tokens = file.read(k);
    if (left < std::ssize(tokens)) tokens.resize(std::size_t(left));
    counts.add_all(tokens);
  }
  return counts;
}

/// Numbers of tokens in each unit of a text file; of a stream, one number.
std::vector<Index> sizes_of(const TextFile& file, const Options& options) {
  if (options.streams()) return {file.before(file.pieces())};
  std::vector<Index> sizes;
  for (Index k = 0; k < file.pieces(); ++k) sizes.push_back(file.tokens(k));
  return sizes;
}

/// The tokens behind the first `sizes` of each unit, of which all have the sizes `all`.
Part behind(const std::shared_ptr<const TextFile>& file, std::vector<Index> all, const std::vector<Index>& sizes,
            const Vocabulary& vocabulary, const Options& options) {
  const Index first = options.streams() ? sizes.front() : std::ssize(sizes);
  if (options.streams())
    all.front() -= first;
  else
    all.erase(all.begin(), all.begin() + first);
  return {{}, std::make_shared<const LazyPart>(file, first, std::move(all), vocabulary, options.streams())};
}

/// A corpus whose parts stay in their files.
Corpus read_lazily(const Options& options, const Vocabulary* known) {
  const auto file = std::make_shared<const TextFile>(options.text, options);
  const auto share = options.share();
  const std::vector<Index> all = sizes_of(*file, options), first = share ? without_end(all, *share, options) : all,
                           kept = limited(first, options.limit);
  check_enough(!kept.empty() && (!share || (options.streams() ? all.front() > first.front() + 1 : all != first)),
               options);
  Corpus corpus;
  corpus.vocabulary = known != nullptr ? *known : vocabulary_of(counts_of(*file, kept, options), options);
  corpus.train.lazy = std::make_shared<const LazyPart>(file, 0, kept, corpus.vocabulary, options.streams());
  corpus.validation = share ? behind(file, all, first, corpus.vocabulary, options)
                            : read_part(options.validation, corpus.vocabulary, options);
  check_enough(corpus.validation.size() > 0 && (!options.streams() || corpus.validation.tokens() > 1), options);
  return corpus;
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
  if (lazy)
    for (const Index size : lazy->sizes()) sum += size;
  for (const auto& unit : units) sum += Index(unit.size());
  return sum;
}

namespace {

TokenStreams<float> streams_of(const Part& part, const Vocabulary& vocabulary, const StreamOptions& streams) {
  if (!part.lazy) return {part.units.front(), vocabulary.size(), streams};
  const auto read = [text = part.lazy](Index first, Index count) { return text->stream(first, count); };
  return {part.tokens(), read, vocabulary.size(), streams};
}

}  // namespace

TokenStreams<float> training_streams(const Part& part, const Vocabulary& vocabulary, const Options& options) {
  return streams_of(part, vocabulary, {.streams = options.batch, .steps = options.steps});
}

TokenStreams<float> validation_stream(const Part& part, const Vocabulary& vocabulary) {
  constexpr Index steps = 1024;  // limits the memory; does not affect the result
  return streams_of(part, vocabulary, {.streams = 1, .steps = steps, .tail = Tail::keep});
}

LazyDataset<float> units_of(const Part& part, const Vocabulary& vocabulary, const Options& options) {
  if (!part.lazy) return LazyDataset<float>(sentence_data<float>(part.units, vocabulary, options.longest));
  LazyOptions lazy;
  for (const Index size : part.lazy->sizes())
    lazy.lengths.push_back(1 + (options.longest == 0 ? size : std::min(size, options.longest)));
  const auto read = [text = part.lazy, vocabulary, longest = options.longest](Index k) {
    return sentence_data<float>({text->unit(k)}, vocabulary, longest);
  };
  return {std::ssize(part.lazy->sizes()), read, std::move(lazy)};
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

std::vector<Tokens> tokens_in(const std::string& text, const Options& options) {
  if (options.streams() && !options.words()) return {tokens_of(text, options)};
  std::vector<Tokens> all;
  for (const std::string& one : units(text, unit_of(options))) all.push_back(tokens_of(one, options));
  if (!options.streams()) return all;
  Tokens stream;
  for (Tokens& one : all) {
    stream.insert(stream.end(), one.begin(), one.end());
    stream.emplace_back(Vocabulary::end_token);
  }
  return {stream};
}

std::vector<Tokens> read_tokens(const std::string& file, const std::string& column, const Options& options) {
  const std::vector<std::string> texts = example::read_texts(file, column);
  if (options.streams() && !options.words()) {
    std::string text;
    for (const std::string& one : texts) text += (text.empty() ? "" : "\n") + one;
    return tokens_in(text, options);
  }
  std::vector<Tokens> all;
  for (const std::string& text : texts)
    for (Tokens& tokens : tokens_in(text, options)) {
      if (all.empty() || !options.streams())
        all.push_back(std::move(tokens));
      else
        all.front().insert(all.front().end(), tokens.begin(), tokens.end());
    }
  return all;
}

Corpus read_corpus(const Options& options, const Vocabulary* known) {
  if (options.lazy) return read_lazily(options, known);
  auto train = read_tokens(options.text, options.column, options);
  const auto share = options.share();
  const auto sizes = sizes_of(train), first = share ? without_end(sizes, *share, options) : sizes;
  const auto validation =
      share ? behind(train, first, options) : read_tokens(options.validation, options.column, options);
  shorten(train, limited(first, options.limit));
  const bool enough = !validation.empty() && (!options.streams() || validation.front().size() > 1);
  check_enough(enough && !train.empty(), options);
  Corpus corpus;
  TokenCounts counts;
  for (const Tokens& tokens : train) counts.add_all(tokens);
  corpus.vocabulary = known != nullptr ? *known : vocabulary_of(counts, options);
  corpus.train = part_of(train, corpus.vocabulary);
  corpus.validation = part_of(validation, corpus.vocabulary);
  return corpus;
}

std::string Corpus::fingerprint() const {
  example::Fingerprint all;
  for (Index k = 0; k < vocabulary.size(); ++k) all.add(vocabulary.token(k).c_str(), vocabulary.token(k).size() + 1);
  const auto add_size = [&](std::uint64_t size) { all.add(&size, sizeof size); };
  const auto add = [&](const std::vector<Index>& numbers) { all.add(numbers.data(), numbers.size() * sizeof(Index)); };
  for (const Part* part : {&train, &validation}) {
    for (const auto& unit : part->units) add_size(unit.size()), add(unit);
    if (part->lazy) part->lazy->visit(add_size, add);
    add_size(std::uint64_t(part->size()));
  }
  return all.text();
}

Part read_part(const std::string& file, const Vocabulary& vocabulary, const Options& options) {
  if (!options.lazy) return part_of(read_tokens(file, options.column, options), vocabulary);
  const auto text = std::make_shared<const TextFile>(file, options);
  return {{}, std::make_shared<const LazyPart>(text, 0, sizes_of(*text, options), vocabulary, options.streams())};
}

Part part_of(const std::vector<Tokens>& all, const Vocabulary& vocabulary) {
  Part part;
  for (const Tokens& tokens : all) part.units.push_back(vocabulary.numbers(tokens));
  return part;
}

}  // namespace lm
