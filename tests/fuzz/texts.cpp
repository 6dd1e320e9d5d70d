// Fuzz target: texts, their units, words and characters, and vocabularies that are written and read.

#include "fuzz.hpp"
#include "unroll/text/readers.hpp"
#include "unroll/text/vocabulary.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {"a\xEF\xBB\xBFThe cat's na\xC3\xAFve.\r\nIt sat!\r\r 42 soft\xC2\xADly (so)\n",
          "b" + beginning_of("examples/text/data/kjv_torah.txt", 600),
          "c\xE2\x80\x9CÐ\x9FÑ\x80!\xE2\x80\x9D a\\nb \\ <unk> <s>\n", project_file("tests/text_program/not_utf8.txt"),
          "d<unk>\n<s>\n</s>\na\n\\n\n\\\\\n"};
}

namespace {

/// Round trip through the metadata of a model file.
void check(const Vocabulary& vocabulary) {
  std::map<std::string, std::string> metadata;
  vocabulary.save(metadata);
  const Vocabulary again = fuzz::read_again([&] { return Vocabulary::load(metadata, "again"); });
  fuzz::expect(again == vocabulary, "another vocabulary came back");
  for (Index k = 0; k < again.size(); ++k) fuzz::expect(again.find(again.token(k)) == k, "a token has another number");
}

template <class Tokens>
void check_tokens(const Tokens& tokens, std::size_t choice) {
  TokenCounts counts;
  counts.add_all(tokens);
  const bool special = choice % 2 == 0;
  const Vocabulary vocabulary(
      counts, {.size = choice >= 4 ? 6 : 0, .unknown = special || choice >= 4, .start = special, .end = special});
  for (const Index number : vocabulary.numbers(tokens))
    fuzz::expect(number >= 0 && number < vocabulary.size(), "a number of no token");
  check(vocabulary);
}

}  // namespace

void fuzz::read(const Bytes& input) {
  Bytes content = input;
  const std::size_t choice = take_choice(content, 8);
  accepted([&] {
    check(Vocabulary::load(
        {{"vocabulary", content}, {"vocabulary.special", choice % 2 == 0 ? "" : "unknown start end "}}, "x"));
  });
  require_utf8(content, "x");
  const std::string plain = detail::plain(content);
  for (const auto unit : {TextUnit::line, TextUnit::sentence, TextUnit::paragraph})
    for (const std::string& part : units(plain, unit))
      expect(!part.empty() && part.find_first_of("\r\n") == part.npos, "a line end within a unit");
  std::string together;
  const auto characters_of = characters(plain);
  for (const std::string& c : characters_of) together += c;
  expect(together == plain, "characters are not the text");
  expect(lower_case(lower_case(plain)) == lower_case(plain), "small letters become others");
  const auto words_of = words(plain, choice % 2 == 0);
  for (const std::string& word : words_of) {
    expect(!word.empty(), "an empty word");
    require_utf8(word, "word");
  }
  accepted([&] { check_tokens(words_of, choice); });
  check_tokens(characters_of, choice);
}
