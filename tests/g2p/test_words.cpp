#include <fstream>

#include "g2p/words.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_words {

using namespace unroll;
using namespace g2p;

namespace {

/// List of `count` words of two letters, from "aa" on, with their letters as phonemes.
std::string word_list(int count) {
  std::string list;
  for (int k = 0; k < count; ++k) {
    const char first = char('a' + k / 26), second = char('a' + k % 26);
    list += std::string{first, second, '\t', char(first - 32), ' ', char(second - 32), '\n'};
  }
  return list;
}

std::filesystem::path written(const support::TemporaryFolder& folder, const std::string& name,
                              const std::string& content) {
  const auto path = folder.path / name;
  std::ofstream(path, std::ios::binary) << content;
  return path;
}

/// Reads dictionaries with the words as they are.
Data read_data(const std::filesystem::path& train, const std::filesystem::path& validation, Index limit) {
  return g2p::read_data({train.string(), validation.string(), "0.05", limit, {.lower = false}});
}

}  // namespace

TEST_CASE("letters: are code points of UTF-8, and an invalid word has none", "[g2p]") {
  CHECK(letters_of("cat") == std::vector<std::string>{"c", "a", "t"});
  CHECK(letters_of("na\xC3\xAFve") == std::vector<std::string>{"n", "a", "\xC3\xAF", "v", "e"});
  CHECK(letters_of("\xE2\x82\xAC\xF0\x9F\x99\x82").size() == 2);
  for (const char* bad :
       {"", "a b", "a\tb", "\x7F", "\xFF", "\xC3", "\xC3(", "\x80", "a\xE2\x82", "\xC0\x80", "\xE0\x80\xAF",
        "\xED\xA0\x80", "\xF4\x90\x80\x80"})  // overlong, half a surrogate pair, beyond U+10FFFF
    CHECK(letters_of(bad).empty());
}

TEST_CASE("word list: every 20th training word is a test word and is not trained on", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto train = written(folder, "train.tsv", word_list(45)),
             watch = written(folder, "watch.tsv", "ba\tB A\nbz\tA\n");
  CHECK_THROWS_MATCHES(read_data(train, watch, 0), FileError,
                       says("watch.tsv, line 1: the word 'ba' must not be in the training file"));
  const Data data = read_data(train, watch, 26);
  CHECK(data.train.size() == 25);
  CHECK(data.test.spellings == std::vector<std::string>{"at"});
  CHECK(data.validation.spellings == std::vector<std::string>{"ba", "bz"});
  CHECK(std::find(data.train.spellings.begin(), data.train.spellings.end(), "at") == data.train.spellings.end());
}

TEST_CASE("vocabulary: letters and phonemes become tokens, and phonemes become text again", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto train = written(folder, "train.tsv", word_list(26)),
             watch = written(folder, "watch.tsv", "ccb\tC  B A\r\n");
  const Data data = read_data(train, watch, 0);
  CHECK(data.vocabulary.tokens() == 28);
  CHECK(data.validation.sources[0] == token_row<float>(std::vector<Index>{2, 2, 1}));
  CHECK(data.validation.pronunciations[0][0] == std::vector<Index>{4, 3, 2});
  CHECK(data.vocabulary.phonemes_text(data.validation.pronunciations[0][0]) == "C B A");
  CHECK(data.vocabulary.source("cCb") == data.validation.sources[0]);
  CHECK_THROWS_MATCHES(data.vocabulary.source("c\xC3\xA4"), ValueError,
                       says("the letter '\xC3\xA4' must occur in a training word"));
  CHECK_THROWS_MATCHES(data.vocabulary.source(std::string(65, 'a')), ValueError,
                       says("must be a word of 1 to 64 letters"));
  CHECK(data.vocabulary.source(std::string(64, 'a')).cols() == 64);
}

TEST_CASE("word list: refuses invalid lines with their number", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto watch = written(folder, "watch.tsv", "ba\tB A\n");
  const auto says_of = [&](const std::string& line, const std::string& what) {
    const auto train = written(folder, "train.tsv", "aa\tA A\n" + line + "\n" + word_list(26));
    CHECK_THROWS_MATCHES(read_data(train, watch, 0), FileError, says("train.tsv, line 2: " + what));
  };
  says_of("word", "expected a word, a tab and its phonemes");
  says_of("word\t  ", "expected a word, a tab and its phonemes");
  says_of("word\tA\tB", "expected a word, a tab and its phonemes");
  says_of("two words\tA", "expected a word in UTF-8 without blanks");
  says_of("w\xFFrd\tA", "expected a word in UTF-8 without blanks");
  says_of("word\tA \xFF", "the phoneme must be UTF-8, got '\xFF'");  // no model file could store it
  says_of(text(std::string(65, 'w'), "\tA"), "a word must have at most 64 letters and phonemes, got 65 and 1");
  says_of("word K AE T", "expected a word, a tab and its phonemes");
  says_of("word\t# K AE T", "expected a word, a tab and its phonemes");
}

TEST_CASE("word list: a number in parentheses marks a pronunciation only after a word", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto train = written(folder, "train.tsv", "(2)\tA\nab(2)\tA\nac()\tA\n" + word_list(20)),
             watch = written(folder, "watch.tsv", "ba\tA\n");
  const auto spelling = read_data(train, watch, 0).train.spellings;
  CHECK(std::vector(spelling.begin(), spelling.begin() + 3) == std::vector<std::string>{"(2)", "ab", "ac()"});
}

TEST_CASE("word list: an error message has only the beginning of a long unknown phoneme", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto train = written(folder, "train.tsv", word_list(26)),
             watch = written(folder, "watch.tsv", "ba\t" + std::string(2000, 'B') + "\n");
  CHECK_THROWS_MATCHES(read_data(train, watch, 0), FileError,
                       says("the phoneme '" + std::string(80, 'B') + "...' of 'ba' must occur in a training word"));
}

TEST_CASE("dictionary: reads the format of CMUdict", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto watch = written(folder, "watch.tsv", ";;; a comment\nba  b A1\nbs A0 # name\n");
  const std::string head = ";;; # CMUdict\n;;;\n";
  std::string list;
  for (const char c : std::string("bcdefghijklmnopqrst")) list += std::string{'a', c} + "  A1 " + std::string{c} + "\n";
  const auto train = written(folder, "train.dict",
                             head + "read  R E1 D # in the past\nread(2)  R I1 D\n" + list +
                                 "READ(3)  A0\nread(4)  R E1 D\n#hash  A1 # a word\nread(x)  A1\n");
  const Data data = read_data(train, watch, 0);
  CHECK(data.train.size() + data.test.size() == 23);
  const auto phonemes_text = [&](const Words& words, std::size_t k) {
    std::vector<std::string> all;
    for (const auto& one : words.pronunciations[k]) all.push_back(data.vocabulary.phonemes_text(one));
    return all;
  };
  CHECK(data.train.spellings[0] == "read");
  CHECK(phonemes_text(data.train, 0) == std::vector<std::string>{"R E1 D", "R I1 D"});
  CHECK(data.train.pairs() == data.train.size() + 1);
  CHECK(data.test.spellings == std::vector<std::string>{"at"});
  CHECK(data.train.spellings[20] == "#hash");
  CHECK(data.train.spellings.back() == "read(x)");
  CHECK(data.train.spellings[19] == "READ");
  const auto& phonemes = data.vocabulary.phonemes;
  CHECK(std::find(phonemes.begin(), phonemes.end(), "#") == phonemes.end());
  CHECK(std::find(phonemes.begin(), phonemes.end(), "E1") != phonemes.end());
  CHECK(phonemes_text(data.validation, 1) == std::vector<std::string>{"A0"});
  CHECK(data.vocabulary.source("aB") == data.vocabulary.source("ab"));
}

TEST_CASE("word list: all pronunciations of a word are in the same part of the data", "[g2p]") {
  const support::TemporaryFolder folder;
  std::string list = word_list(21);  // the 20th is "at"
  for (const char* line : {"at(2)\tB\n", "aa\tC\n", "at\tA T\n", "at\tC\n", "au(2)\tB\n", "aa\tC # again\n"})
    list += line;
  const auto train = written(folder, "train.tsv", list), watch = written(folder, "watch.tsv", "ba\tB A\nba(2)\tB\n");
  const Data data = read_data(train, watch, 20);
  CHECK(data.train.size() == 19);
  CHECK(data.train.pairs() == 20);
  CHECK(data.test.spellings == std::vector<std::string>{"at"});
  CHECK(data.test.pronunciations[0].size() == 3);
  CHECK(data.validation.pronunciations[0].size() == 2);
  CHECK(data.test.subset(std::vector<Index>{0}).pairs() == 3);
}

TEST_CASE("dictionary: lower case and dropped stress digits merge words and pronunciations", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto train = written(folder, "train.dict", "READ  R EH1 D\nREAD(1)  R IY1 D\nRead  R EH0 D\nA2  AH0 2\n"),
             watch = written(folder, "watch.dict", "DEAR  D IY1 R\n");
  const Sources sources{train.string(), watch.string(), watch.string(), 0, {.lower = true, .stress = false}};
  CHECK_THROWS_MATCHES(g2p::read_data(sources), FileError, says("the word 'dear' must not be in the training file"));
  const auto test = written(folder, "test.dict", "RED  R EH2 D\n");
  Sources apart = sources;
  apart.test = test.string();
  const Data data = g2p::read_data(apart);
  CHECK(data.train.spellings == std::vector<std::string>{"read", "a2"});
  CHECK(data.train.pairs() == 3);
  CHECK(data.vocabulary.phonemes == std::vector<std::string>{"2", "AH", "D", "EH", "IY", "R"});
  CHECK(data.vocabulary.letters == std::vector<std::string>{"2", "a", "d", "e", "r"});
  CHECK(data.vocabulary.phonemes_text(data.test.pronunciations[0][0]) == "R EH D");
}

TEST_CASE("division: shares of test and validation words", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto train = written(folder, "train.tsv", word_list(40));
  const Data data = g2p::read_data({train.string(), "0.25", "0.1", 0});
  CHECK(data.test.spellings == std::vector<std::string>{"aj", "at", "bd", "bn"});
  CHECK(data.validation.size() == 9);
  CHECK(data.validation.spellings[0] == "ad");
  CHECK(data.train.size() == 27);
  CHECK(g2p::read_test({train.string(), "0.25", "0.1", 0}, data.vocabulary).words.spellings == data.test.spellings);
  CHECK_THROWS_MATCHES(g2p::read_data({train.string(), "0.25", "0.01", 0}), FileError,
                       says("the test part, 0.01 of 40 words, must have at least 1 word, got 0"));
  CHECK(data.fingerprint() != g2p::read_data({train.string(), "0.2", "0.1", 0}).fingerprint());
  CHECK(data.fingerprint() == g2p::read_data({train.string(), "0.25", "0.1", 40}).fingerprint());
}

TEST_CASE("division: words that a loaded model has learned stay in the training part", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto train = written(folder, "train.tsv", word_list(40)), watch = written(folder, "watch.tsv", "zz\tA\n");
  const Learned learned{g2p::read_data({train.string(), "0.05", "0.05", 0}).vocabulary, {"at", "zz"}};
  const Data data = g2p::read_data({train.string(), "0.25", "0.05", 0}, &learned);
  CHECK(data.test.spellings == std::vector<std::string>{"bn"});
  CHECK(std::find(data.train.spellings.begin(), data.train.spellings.end(), "at") != data.train.spellings.end());
  CHECK_THROWS_MATCHES(g2p::read_data({train.string(), watch.string(), "0.05", 0}, &learned), FileError,
                       says("watch.tsv, line 1: the word 'zz' must not be in the training file"));
  const auto strange = written(folder, "strange.tsv", "a3\tA\n" + word_list(40));
  CHECK_THROWS_MATCHES(g2p::read_data({strange.string(), "0.25", "0.05", 0}, &learned), FileError,
                       says("strange.tsv, line 1: the letter '3' of 'a3' must occur in a training word"));
}

TEST_CASE("test words: words with unknown letters are left out and counted", "[g2p]") {
  const support::TemporaryFolder folder;
  const Vocabulary known{{"a", "b"}, {"A", "B"}};
  const auto test = written(folder, "test.dict", "AB  A B\nAB(1)  B\nA'B  A B\nA'B(1)  B\n");
  const Sources sources{{}, {}, test.string(), 0};
  const TestWords words = g2p::read_test(sources, known);
  CHECK(words.left_out == 1);
  CHECK(words.words.spellings == std::vector<std::string>{"ab"});
  CHECK(words.words.pairs() == 2);
  written(folder, "test.dict", "AB  A1 B\n");
  CHECK_THROWS_MATCHES(g2p::read_test(sources, known), FileError,
                       says("the phoneme 'A1' of 'ab' must occur in a training word; --stress drop"));
  written(folder, "test.dict", "CD  A B\n");
  CHECK_THROWS_MATCHES(g2p::read_test(sources, known), FileError, says("must have at least 1 test word with known"));
}

}  // namespace test_words
