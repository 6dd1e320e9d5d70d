#include <unroll/text/readers.hpp>
#include <unroll/text/vocabulary.hpp>

#include "support/catch.hpp"

namespace test_vocabulary {

using namespace unroll;

namespace {

TokenCounts counted(std::string_view text) {
  TokenCounts counts;
  counts.add_all(words(text));
  return counts;
}

}  // namespace

TEST_CASE("vocabulary: special tokens precede tokens ordered by count and first occurrence") {
  const Vocabulary vocabulary(counted("b a c a d b e"));
  CHECK(vocabulary.size() == 8);
  CHECK(vocabulary.unknown() == 0);
  CHECK(vocabulary.start() == 1);
  CHECK(vocabulary.end() == 2);
  CHECK(vocabulary.numbers(words("b a c d e x")) == std::vector<Index>{3, 4, 5, 6, 7, 0});
  CHECK(vocabulary.token(3) == "b");
  CHECK(vocabulary.count(3) == 2);
  CHECK(vocabulary.count(0) == 0);
  CHECK_THROWS_MATCHES(vocabulary.token(8), ValueError, says("there is no token 8 among 8"));
}

TEST_CASE("vocabulary: a limit keeps the most frequent tokens") {
  const auto counts = counted("b a c a d b e");
  CHECK(counts.total() == 7);
  CHECK(Vocabulary(counts, {.size = 5}).numbers(words("b a c")) == std::vector<Index>{3, 4, 0});
  CHECK(Vocabulary(counts, {.least = 2}).size() == 5);
  CHECK(Vocabulary(counts, {.unknown = false, .start = false, .end = false}).size() == 5);
  CHECK_THROWS_MATCHES(Vocabulary(counts, {.size = 3}), ValueError, says("a size of 3 leaves no room beside the 3"));
  CHECK_THROWS_MATCHES(Vocabulary(counts, {.least = 3}), ValueError, says("no token is left of 5 different ones"));
  CHECK_THROWS_MATCHES(Vocabulary(counts, {.least = 0}), ValueError, says("least is 0"));
  CHECK_THROWS_MATCHES(Vocabulary(TokenCounts{}), ValueError, says("no token is left of 0"));
}

TEST_CASE("vocabulary: a special token spelled in the text is that token") {
  TokenCounts counts;
  for (const char* token : {"a", "<unk>", "<s>", "a", "<unk>"}) counts.add(token);
  const Vocabulary vocabulary(counts);
  CHECK(vocabulary.size() == 4);
  CHECK(vocabulary.number("<unk>") == vocabulary.unknown());
  CHECK(vocabulary.number("<s>") == vocabulary.start());
  CHECK(Vocabulary(counts, {.unknown = false, .start = false, .end = false}).size() == 3);
}

TEST_CASE("vocabulary: refuses other tokens by name without an unknown token") {
  const Vocabulary vocabulary(counted("a b"), {.unknown = false});
  CHECK(vocabulary.unknown() == -1);
  CHECK_THROWS_MATCHES(vocabulary.number("x"), ValueError, says("'x' is none of its 4 tokens"));
  CHECK(!vocabulary.find("x"));
}

TEST_CASE("vocabulary: refuses numbers that are no token") {
  const Vocabulary vocabulary(counted("a a b"), {});
  CHECK(vocabulary.count(3) == 2);
  for (const Index number : {-1, 5}) {
    CHECK_THROWS_MATCHES(vocabulary.count(number), ValueError, says(text("there is no token ", number, " among 5")));
    CHECK_THROWS_AS(vocabulary.token(number), ValueError);
  }
}

TEST_CASE("vocabulary: is loaded unchanged from metadata, with newlines and backslashes") {
  TokenCounts counts;
  counts.add_all(characters("a\n\\n\xC3\xA4\n"));
  counts.add("\\n");  // a backslash and a letter, not a newline
  const Vocabulary vocabulary(counts, {.unknown = true, .start = GENERATE(false, true), .end = false});
  std::map<std::string, std::string> metadata;
  vocabulary.save(metadata);
  CHECK(Vocabulary::load(metadata, "file") == vocabulary);
  CHECK(Vocabulary::load(metadata, "file").number("\xC3\xA4") == vocabulary.number("\xC3\xA4"));
}

TEST_CASE("vocabulary: refuses invalid metadata") {
  using Metadata = std::map<std::string, std::string>;
  const auto refused = [](const Metadata& metadata, const std::string& what) {
    CHECK_THROWS_MATCHES(Vocabulary::load(metadata, "file"), FileError, says("file: " + what));
  };
  refused({}, "its metadata have no 'vocabulary'");
  refused({{"vocabulary", "a\na\n"}, {"vocabulary.special", ""}},
          "token 1 of its 'vocabulary' is empty or there twice");
  refused({{"vocabulary", "a\n\nb"}, {"vocabulary.special", ""}}, "token 1 of its");
  refused({{"vocabulary", "a\n"}, {"vocabulary.special", "unknown "}}, "token 0 is not <unk>");
  refused({{"vocabulary", "<unk>\n"}, {"vocabulary.special", "unknown "}}, "its vocabulary has no token beside");
}

TEST_CASE("vocabulary: the first different token of another vocabulary is named") {
  const Vocabulary a(counted("a b")), b(counted("a c")), longer(counted("a b c"));
  require_same(a, a, "one", "two");
  CHECK_THROWS_MATCHES(require_same(a, b, "the model", "the text"), ValueError,
                       says("the model has another vocabulary than the text: token 4 is 'b', there 'c'"));
  CHECK_THROWS_MATCHES(require_same(a, longer, "the model", "the text"), ValueError,
                       says("of 5 tokens, the text one of 6"));
  const auto marked = [](const std::string& special) {
    return Vocabulary::load({{"vocabulary", "<unk>\n<s>\n</s>\na\n"}, {"vocabulary.special", special}}, "file");
  };
  const auto unmarked = [](const std::string& first, const std::string& special) {
    return Vocabulary::load({{"vocabulary", first + "\na\n"}, {"vocabulary.special", special}}, "file");
  };
  CHECK(marked("unknown start end ") == marked("unknown start end "));
  CHECK_FALSE(marked("unknown start ") == marked("unknown start end "));
  CHECK_FALSE(marked("unknown ") == marked("unknown start "));
  for (const auto& [token, word] : {std::pair{"<unk>", "unknown "}, {"<s>", "start "}, {"</s>", "end "}}) {
    CHECK_FALSE(unmarked(token, word) == unmarked(token, ""));
    CHECK_THROWS_MATCHES(require_same(unmarked(token, word), unmarked(token, ""), "the model", "the text"), ValueError,
                         says("the model has other special tokens than the text"));
  }
}

}  // namespace test_vocabulary
