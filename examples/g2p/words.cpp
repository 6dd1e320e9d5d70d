#include "words.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "unroll/io/input_file.hpp"
#include "unroll/io/text_lines.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// A line of a file.
struct Entry {
  std::string word;
  std::vector<std::string> letters, phonemes;
};

std::optional<Index> place_of(const std::vector<std::string>& sorted, const std::string& symbol) {
  const auto found = std::lower_bound(sorted.begin(), sorted.end(), symbol);
  if (found == sorted.end() || *found != symbol) return std::nullopt;
  return found - sorted.begin();
}

std::string small(std::string letter) {
  if (letter.size() == 1 && letter[0] >= 'A' && letter[0] <= 'Z') letter[0] = char(letter[0] - 'A' + 'a');
  return letter;
}

/// Bytes of the code point that begins with this one; 0 for none.
std::size_t bytes_of(unsigned char first) {
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first < 0xE0) return 2;
  if (first >= 0xE0 && first < 0xF0) return 3;
  return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

std::vector<std::string> parts(std::string_view line) {
  std::vector<std::string> all;
  while (!line.empty())
    if (const auto part = detail::take_until(line, ' '); !part.empty()) all.emplace_back(part);
  return all;
}

class Reader {
 public:
  /// `limit` 0: all lines. `vocabulary`, where there is one, must know all letters and phonemes.
  std::vector<Entry> read(const std::filesystem::path& path, Index limit, const Vocabulary* vocabulary) {
    const std::string content = detail::read_text(path), name = path.string();
    detail::TextLines lines(content, name);
    std::vector<Entry> entries;
    for (auto line = lines.next(); line && (limit == 0 || Index(entries.size()) < limit); line = lines.next()) {
      entries.push_back(entry(*line, lines));
      if (vocabulary != nullptr) check_known(entries.back(), *vocabulary, lines);
    }
    require<FileError>(!entries.empty(), name, ": expected lines of a word, a tab and its phonemes, found none");
    return entries;
  }

 private:
  Entry entry(std::string_view line, const detail::TextLines& lines) {
    Entry entry{std::string(detail::take_until(line, '\t')), {}, parts(line)};
    lines.expect(!entry.phonemes.empty() && line.find('\t') == line.npos, "expected a word, a tab and its phonemes");
    entry.letters = letters_of(entry.word);
    lines.expect(!entry.letters.empty(), "expected a word in UTF-8 without blanks before the tab");
    lines.expect(Index(std::max(entry.letters.size(), entry.phonemes.size())) <= longest_word, "a word of ",
                 entry.letters.size(), " letters and ", entry.phonemes.size(), " phonemes, at most ", longest_word,
                 " are possible");
    lines.expect(seen_.insert(entry.word).second, "the word '", entry.word, "' was there before");
    return entry;
  }

  static void check_known(const Entry& entry, const Vocabulary& vocabulary, const detail::TextLines& lines) {
    for (const std::string& letter : entry.letters)
      lines.expect(place_of(vocabulary.letters, letter).has_value(), "the letter '", letter, "' of '", entry.word,
                   "' is in no training word");
    for (const std::string& phoneme : entry.phonemes)
      lines.expect(place_of(vocabulary.phonemes, phoneme).has_value(), "the phoneme '", phoneme, "' of '", entry.word,
                   "' is in no training word");
  }

  std::set<std::string> seen_;
};

Vocabulary vocabulary_of(const std::vector<Entry>& entries) {
  std::set<std::string> letters, phonemes;
  for (const Entry& entry : entries) {
    letters.insert(entry.letters.begin(), entry.letters.end());
    phonemes.insert(entry.phonemes.begin(), entry.phonemes.end());
  }
  return {{letters.begin(), letters.end()}, {phonemes.begin(), phonemes.end()}};
}

void add(const Entry& entry, const Vocabulary& vocabulary, Words& words) {
  std::vector<Index> letters, phonemes;
  for (const std::string& letter : entry.letters) letters.push_back(*place_of(vocabulary.letters, letter));
  for (const std::string& phoneme : entry.phonemes) phonemes.push_back(*place_of(vocabulary.phonemes, phoneme) + 2);
  words.spelled.push_back(entry.word);
  words.sources.push_back(token_row<float>(letters));
  words.targets.push_back(std::move(phonemes));
}

}  // namespace

std::vector<std::string> letters_of(const std::string& word) {
  std::vector<std::string> letters;
  for (std::size_t k = 0; k < word.size();) {
    const std::size_t bytes = bytes_of(static_cast<unsigned char>(word[k]));
    const bool whole = bytes > 0 && k + bytes <= word.size() &&
                       std::all_of(word.begin() + Index(k) + 1, word.begin() + Index(k + bytes), continues);
    if (!whole || (bytes == 1 && (word[k] <= ' ' || word[k] == 0x7F))) return {};
    letters.push_back(word.substr(k, bytes));
    k += bytes;
  }
  return letters;
}

Matrix<float> Vocabulary::source(const std::string& word) const {
  const auto spelled = letters_of(word);
  require<ValueError>(!spelled.empty() && Index(spelled.size()) <= longest_word, "'", word,
                      "': expected a word of 1 to ", longest_word, " letters in UTF-8 without blanks");
  std::vector<Index> numbers;
  for (const std::string& letter : spelled) {
    auto place = place_of(letters, letter);
    if (!place) place = place_of(letters, small(letter));
    require<ValueError>(place.has_value(), "'", word, "': the letter '", letter, "' is in no word that was learned");
    numbers.push_back(*place);
  }
  return token_row<float>(numbers);
}

std::string Vocabulary::spoken(std::span<const Index> tokens) const {
  std::string line;
  for (const Index token : tokens)
    line += (line.empty() ? "" : " ") + (token < 2 ? "?" : phonemes[std::size_t(token - 2)]);
  return line;
}

Data read_data(const std::filesystem::path& train, const std::filesystem::path& validation, Index limit,
               const Vocabulary* known) {
  Reader reader;
  const auto words = reader.read(train, limit, known);
  require<FileError>(Index(words.size()) >= spread, train.string(), ": expected at least ", spread,
                     " words, of which one in ", spread, " is for testing; found ", words.size());
  Data data{known != nullptr ? *known : vocabulary_of(words), {}, {}, {}};
  for (std::size_t k = 0; k < words.size(); ++k)
    add(words[k], data.vocabulary, Index(k + 1) % spread == 0 ? data.test : data.train);
  for (const Entry& entry : reader.read(validation, 0, &data.vocabulary)) add(entry, data.vocabulary, data.validation);
  return data;
}

}  // namespace g2p
