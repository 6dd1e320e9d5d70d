#include "words.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>

#include "../support/fingerprint.hpp"
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

/// Word in lower case, as far as its letters are A-Z.
std::string lower(std::string word) {
  for (char& c : word)
    if (c >= 'A' && c <= 'Z') c = char(c | 0x20);
  return word;
}

std::optional<Index> letter_in(const Vocabulary& vocabulary, const std::string& letter) {
  const auto place = place_of(vocabulary.letters, letter);
  return place ? place : place_of(vocabulary.letters, other_case(letter));
}

enum class Unknown { refused, left_out };

/// Reader of dictionaries. `vocabulary` is that of all words, or null if the first file defines it.
class Reader {
 public:
  Reader(const Reading& reading, const Vocabulary* vocabulary, Unknown unknown = Unknown::refused)
      : reading_(reading), vocabulary_(vocabulary), unknown_(unknown) {}

  /// Reads at most `limit` words (0: all), none of which may be in `taken`.
  std::vector<Entry> read(const std::filesystem::path& path, Index limit, const std::set<std::string>& taken) {
    const std::string content = detail::read_text(path), name = path.string();
    detail::TextLines lines(content, name);
    std::vector<Entry> entries;
    std::map<std::string, std::size_t> places;
    std::optional<bool> tabs;
    for (auto line = lines.next(); line; line = lines.next()) {
      if (line->starts_with(";;;") || line->starts_with("# ")) continue;
      if (!tabs) tabs = line->find('\t') != line->npos;
      Entry entry = this->entry(without_comment(*line), *tabs ? '\t' : ' ', lines);
      lines.expect(!taken.contains(entry.word), "the word '", entry.word, "' must not be in the training file");
      const auto place = places.find(entry.word);
      // Words within the limit get all their pronunciations, even those far down in the file.
      if (place == places.end() && limit > 0 && Index(entries.size()) == limit) continue;
      if (vocabulary_ != nullptr) check_known(entry, lines);
      if (place != places.end()) {
        add(std::move(entry.pronunciations.front()), entries[place->second]);
      } else {
        places.emplace(entry.word, entries.size());
        entries.push_back(std::move(entry));
      }
    }
    require<FileError>(!entries.empty(), name, ": expected lines with a word and its phonemes, found none");
    return entries;
  }

 private:
  /// Parses a line; `separator`, between word and phonemes, is the same in all lines of a file.
  Entry entry(std::string_view line, char separator, const detail::TextLines& lines) const {
    Entry entry{std::string(without_number(detail::take_until(line, separator))), {}, {parts(line)}};
    auto& phonemes = entry.pronunciations.front();
    lines.expect(!phonemes.empty() && line.find('\t') == line.npos, "expected a word, a ",
                 separator == ' ' ? "blank" : "tab", " and its phonemes");
    for (std::string& phoneme : phonemes) {
      lines.expect(!letters_of(phoneme).empty(), "the phoneme must be UTF-8, got ",
                   [&] { return detail::in_quotes(phoneme); });
      if (!reading_.stress && phoneme.size() > 1 && phoneme.back() >= '0' && phoneme.back() <= '2') phoneme.pop_back();
    }
    if (reading_.lower) entry.word = lower(entry.word);
    entry.letters = letters_of(entry.word);
    lines.expect(!entry.letters.empty(), "expected a word in UTF-8 without blanks before its phonemes");
    lines.expect(Index(std::max(entry.letters.size(), phonemes.size())) <= longest_word, "a word must have at most ",
                 longest_word, " letters and phonemes, got ", entry.letters.size(), " and ", phonemes.size());
    return entry;
  }

  static void add(std::vector<std::string> pronunciation, Entry& entry) {
    auto& all = entry.pronunciations;
    if (std::find(all.begin(), all.end(), pronunciation) == all.end()) all.push_back(std::move(pronunciation));
  }

  void check_known(Entry& entry, const detail::TextLines& lines) const {
    for (const std::string& letter : entry.letters) {
      const bool known = letter_in(*vocabulary_, letter).has_value();
      if (!known && unknown_ == Unknown::left_out) {
        entry.letters.clear();
        return;
      }
      lines.expect(known, "the letter '", letter, "' of '", entry.word, "' must occur in a training word");
    }
    for (const std::string& phoneme : entry.pronunciations.front())
      lines.expect(
          place_of(vocabulary_->phonemes, phoneme).has_value(), "the phoneme ",
          [&] { return detail::in_quotes(phoneme); }, " of '", entry.word,
          "' must occur in a training word; --stress drop removes stress digits");
  }

  Reading reading_;
  const Vocabulary* vocabulary_;
  Unknown unknown_;
};

/// Whether the share of a list contains its entry k.
bool in_share(Index k, double share) { return std::floor(double(k + 1) * share) > std::floor(double(k) * share); }

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
  for (const std::string& letter : entry.letters) letters.push_back(*letter_in(vocabulary, letter));
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
    const auto place = letter_in(*this, letter);
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

namespace {

void add(const Words& words, const Vocabulary& vocabulary, example::Fingerprint& hash) {
  for (std::size_t k = 0; k < words.spellings.size(); ++k) {
    hash.add(words.spellings[k].c_str(), words.spellings[k].size() + 1);
    for (const auto& tokens : words.pronunciations[k]) {
      const std::string phonemes = vocabulary.phonemes_text(tokens);
      hash.add(phonemes.c_str(), phonemes.size() + 1);
    }
  }
  hash.add("", 1);
}

}  // namespace

std::string Data::fingerprint() const {
  example::Fingerprint hash;
  for (const Words* words : {&train, &validation, &test}) add(*words, vocabulary, hash);
  return hash.text();
}

std::string Data::test_fingerprint() const {
  example::Fingerprint hash;
  add(test, vocabulary, hash);
  return hash.text();
}

std::optional<double> share_of(const std::string& part) {
  double share = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), share);
  return error == std::errc{} && end == part.data() + part.size() ? std::optional(share) : std::nullopt;
}

namespace {

/// Divides the words of a dictionary. Words of `learned` stay in the training part.
struct Division {
  std::vector<const Entry*> train, validation, test;

  Division(const std::vector<Entry>& entries, const Sources& sources, const std::set<std::string>& learned) {
    const double test_share = share_of(sources.test).value_or(0),
                 validation_share = share_of(sources.validation).value_or(0);
    Index others = 0;
    for (std::size_t k = 0; k < entries.size(); ++k) {
      const Entry* const entry = &entries[k];
      const bool tests = in_share(Index(k), test_share), validates = !tests && in_share(others, validation_share);
      others += tests ? 0 : 1;
      (learned.contains(entry->word) || (!tests && !validates) ? train : tests ? test : validation).push_back(entry);
    }
    const auto check = [&](const char* what, const std::vector<const Entry*>& part, const std::string& source) {
      require<FileError>(!part.empty() || !share_of(source), sources.train, ": the ", what, " part, ", source, " of ",
                         entries.size(), " words, must have at least 1 word, got 0");
    };
    check("test", test, sources.test);
    check("validation", validation, sources.validation);
    require<FileError>(!train.empty(), sources.train, ": the training part must have at least 1 word, got 0");
  }
};

}  // namespace

Data read_data(const Sources& sources, const Learned* learned) {
  const auto entries = Reader(sources.reading, learned != nullptr ? &learned->vocabulary : nullptr)
                           .read(sources.train, sources.limit, {});
  Data data{learned != nullptr ? learned->vocabulary : vocabulary_of(entries), {}, {}, {}};
  std::set<std::string> taken;
  if (learned != nullptr) taken = learned->words;
  const Division division(entries, sources, taken);
  for (const Entry& entry : entries) taken.insert(entry.word);
  const auto fill = [&](const std::vector<const Entry*>& part, const std::string& source, Words& words) {
    for (const Entry* entry : part) add(*entry, data.vocabulary, words);
    if (source.empty() || share_of(source)) return;
    const auto others = Reader(sources.reading, &data.vocabulary).read(source, 0, taken);
    for (const Entry& entry : others) taken.insert(entry.word), add(entry, data.vocabulary, words);
  };
  fill(division.train, {}, data.train);
  fill(division.validation, sources.validation, data.validation);
  fill(division.test, sources.test, data.test);
  return data;
}

TestWords read_test(const Sources& sources, const Vocabulary& known) {
  const bool divides = share_of(sources.test).has_value();
  const auto entries = Reader(sources.reading, &known, Unknown::left_out)
                           .read(divides ? sources.train : sources.test, divides ? sources.limit : 0, {});
  TestWords all;
  for (std::size_t k = 0; k < entries.size(); ++k) {
    if (divides && !in_share(Index(k), *share_of(sources.test))) continue;
    if (entries[k].letters.empty())
      ++all.left_out;
    else
      add(entries[k], known, all.words);
  }
  require<FileError>(all.words.size() > 0, divides ? sources.train : sources.test,
                     ": must have at least 1 test word with known letters, got 0");
  return all;
}

}  // namespace g2p
