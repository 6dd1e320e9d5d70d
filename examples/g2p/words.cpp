#include "words.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "unroll/core/utf8.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/text_lines.hpp"
#include "unroll/io/input_file.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// Word of a file with all of its pronunciations, without duplicates.
struct Entry {
  std::string word;
  std::vector<std::string> letters;
  std::vector<std::vector<std::string>> pronunciations;
};

std::optional<Index> place_of(const std::vector<std::string>& sorted, const std::string& symbol) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), symbol);
  if (found == sorted.end() || *found != symbol) return std::nullopt;
  return found - sorted.begin();
}

/// Swaps upper and lower case of a-z and A-Z; other letters are unchanged.
std::string other_case(std::string letter) {
  const char c = char(letter[0] | 0x20);
  if (letter.size() == 1 && c >= 'a' && c <= 'z') letter[0] = char(letter[0] ^ 0x20);
  return letter;
}

std::vector<std::string> parts(std::string_view line) {
  std::vector<std::string> all;
  while (!line.empty())
    if (const auto part = detail::take_until(line, ' '); !part.empty()) all.emplace_back(part);
  return all;
}

std::string_view without_comment(std::string_view line) {
  return line.substr(0, std::min(line.find(" #"), line.find("\t#")));
}

/// Strips the number of CMUdict's alternative pronunciations: "read(2)" becomes "read".
std::string_view without_number(std::string_view word) {
  const std::size_t open = word.rfind('(');
  if (open == word.npos || open == 0 || !word.ends_with(')')) return word;
  const auto number = word.substr(open + 1, word.size() - open - 2);
  const bool digits = !number.empty() && number.find_first_not_of("0123456789") == number.npos;
  return digits ? word.substr(0, open) : word;
}

class Reader {
 public:
  /// Reads at most `limit` words (0: all). If `vocabulary` is not null, unknown letters and phonemes are errors.
  std::vector<Entry> read(const std::filesystem::path& path, Index limit, const Vocabulary* vocabulary) {
    const std::string content = detail::read_text(path), name = path.string();
    detail::TextLines lines(content, name);
    std::vector<Entry> entries;
    std::map<std::string, std::size_t> places;
    std::optional<bool> tabs;
    for (auto line = lines.next(); line; line = lines.next()) {
      if (line->starts_with(";;;") || line->starts_with("# ")) continue;
      if (!tabs) tabs = line->find('\t') != line->npos;
      Entry entry = Reader::entry(without_comment(*line), *tabs ? '\t' : ' ', lines);
      lines.expect(!seen_.contains(entry.word), "the word '", entry.word, "' must not be in the training file");
      const auto place = places.find(entry.word);
      // Words within the limit get all their pronunciations, even those far down in the file.
      if (place == places.end() && limit > 0 && Index(entries.size()) == limit) continue;
      if (vocabulary != nullptr) check_known(entry, *vocabulary, lines);
      if (place != places.end()) {
        add(std::move(entry.pronunciations.front()), entries[place->second]);
      } else {
        places.emplace(entry.word, entries.size());
        entries.push_back(std::move(entry));
      }
    }
    require<FileError>(!entries.empty(), name, ": expected lines with a word and its phonemes, found none");
    for (const Entry& entry : entries) seen_.insert(entry.word);
    return entries;
  }

 private:
  /// Parses a line; `separator`, between word and phonemes, is the same in all lines of a file.
  static Entry entry(std::string_view line, char separator, const detail::TextLines& lines) {
    Entry entry{std::string(without_number(detail::take_until(line, separator))), {}, {parts(line)}};
    const std::size_t phonemes = entry.pronunciations.front().size();
    lines.expect(phonemes > 0 && line.find('\t') == line.npos, "expected a word, a ",
                 separator == ' ' ? "blank" : "tab", " and its phonemes");
    for (const std::string& phoneme : entry.pronunciations.front())
      lines.expect(!letters_of(phoneme).empty(), "the phoneme must be UTF-8, got ",
                   [&] { return detail::in_quotes(phoneme); });
    entry.letters = letters_of(entry.word);
    lines.expect(!entry.letters.empty(), "expected a word in UTF-8 without blanks before its phonemes");
    lines.expect(Index(std::max(entry.letters.size(), phonemes)) <= longest_word, "a word must have at most ",
                 longest_word, " letters and phonemes, got ", entry.letters.size(), " and ", phonemes);
    return entry;
  }

  static void add(std::vector<std::string> pronunciation, Entry& entry) {
    auto& all = entry.pronunciations;
    if (std::find(all.begin(), all.end(), pronunciation) == all.end()) all.push_back(std::move(pronunciation));
  }

  static void check_known(const Entry& entry, const Vocabulary& vocabulary, const detail::TextLines& lines) {
    for (const std::string& letter : entry.letters)
      lines.expect(place_of(vocabulary.letters, letter).has_value(), "the letter '", letter, "' of '", entry.word,
                   "' must occur in a training word");
    for (const std::string& phoneme : entry.pronunciations.front())
      lines.expect(
          place_of(vocabulary.phonemes, phoneme).has_value(), "the phoneme ",
          [&] { return detail::in_quotes(phoneme); }, " of '", entry.word, "' must occur in a training word");
  }

  std::set<std::string> seen_;  // words of the files read before
};

Vocabulary vocabulary_of(const std::vector<Entry>& entries) {
  std::set<std::string> letters, phonemes;
  for (const Entry& entry : entries) {
    letters.insert(entry.letters.begin(), entry.letters.end());
    for (const auto& pronunciation : entry.pronunciations) phonemes.insert(pronunciation.begin(), pronunciation.end());
  }
  return {{letters.begin(), letters.end()}, {phonemes.begin(), phonemes.end()}};
}

void add(const Entry& entry, const Vocabulary& vocabulary, Words& words) {
  std::vector<Index> letters;
  for (const std::string& letter : entry.letters) letters.push_back(*place_of(vocabulary.letters, letter));
  words.spellings.push_back(entry.word);
  words.sources.push_back(token_row<float>(letters));
  words.pronunciations.emplace_back();
  for (const auto& pronunciation : entry.pronunciations) {
    auto& phonemes = words.pronunciations.back().emplace_back();
    for (const std::string& phoneme : pronunciation) phonemes.push_back(*place_of(vocabulary.phonemes, phoneme) + 2);
  }
}

}  // namespace

std::vector<std::string> letters_of(const std::string& word) {
  std::vector<std::string> letters;
  for (std::string_view rest = word; !rest.empty(); rest.remove_prefix(letters.back().size())) {
    const auto point = code_point(rest);
    if (!point || point->value <= ' ' || point->value == 0x7F) return {};
    letters.emplace_back(rest.substr(0, point->bytes));
  }
  return letters;
}

Index Words::pairs() const {
  return std::accumulate(pronunciations.begin(), pronunciations.end(), Index(0),
                         [](Index sum, const auto& of_word) { return sum + Index(of_word.size()); });
}

Words Words::subset(std::span<const Index> some) const {
  Words words;
  for (const Index k : some) {
    words.spellings.push_back(spellings[std::size_t(k)]);
    words.sources.push_back(sources[std::size_t(k)]);
    words.pronunciations.push_back(pronunciations[std::size_t(k)]);
  }
  return words;
}

MatrixX<float> Vocabulary::source(const std::string& word) const {
  const auto spelling = letters_of(word);
  require<ValueError>(!spelling.empty() && Index(spelling.size()) <= longest_word, "'", word,
                      "' must be a word of 1 to ", longest_word, " letters in UTF-8 without blanks");
  std::vector<Index> numbers;
  for (const std::string& letter : spelling) {
    auto place = place_of(letters, letter);
    if (!place) place = place_of(letters, other_case(letter));
    require<ValueError>(place.has_value(), "'", word, "': the letter '", letter, "' must occur in a training word");
    numbers.push_back(*place);
  }
  return token_row<float>(numbers);
}

std::string Vocabulary::phonemes_text(std::span<const Index> tokens) const {
  std::string line;
  for (const Index token : tokens)
    line += (line.empty() ? "" : " ") + (token < 2 ? "?" : phonemes[std::size_t(token - 2)]);
  return line;
}

Data read_data(const std::filesystem::path& train, const std::filesystem::path& validation, Index limit,
               const Vocabulary* known) {
  Reader reader;
  const auto words = reader.read(train, limit, known);
  require<FileError>(Index(words.size()) >= spread, train.string(), ": must have at least ", spread,
                     " words, because every ", spread, "th is a test word, got ", words.size());
  Data data{known != nullptr ? *known : vocabulary_of(words), {}, {}, {}};
  for (std::size_t k = 0; k < words.size(); ++k)
    add(words[k], data.vocabulary, Index(k + 1) % spread == 0 ? data.test : data.train);
  for (const Entry& entry : reader.read(validation, 0, &data.vocabulary)) add(entry, data.vocabulary, data.validation);
  return data;
}

}  // namespace g2p
