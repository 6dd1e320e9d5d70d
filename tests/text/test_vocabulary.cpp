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
  CHECK_THROWS_MATCHES(vocabulary.token(8), ValueError, says("token must be 0 to 7, got 8"));
}

TEST_CASE("vocabulary: a limit keeps the most frequent tokens") {
  const auto counts = counted("b a c a d b e");
  CHECK(counts.total() == 7);
  CHECK(Vocabulary(counts, {.size = 5}).numbers(words("b a c")) == std::vector<Index>{3, 4, 0});
  CHECK(Vocabulary(counts, {.least = 2}).size() == 5);
  CHECK(Vocabulary(counts, {.unknown = false, .start = false, .end = false}).size() == 5);
  CHECK_THROWS_MATCHES(Vocabulary(counts, {.size = 3}), ValueError,
                       says("size must be above 3, the number of special tokens, got 3"));
  CHECK_THROWS_MATCHES(Vocabulary(counts, {.least = 3}), ValueError,
                       says("at least 1 of 5 different tokens must occur 3 times or more, got 0"));
  CHECK_THROWS_MATCHES(Vocabulary(counts, {.least = 0}), ValueError, says("least must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(Vocabulary(TokenCounts{}), ValueError, says("at least 1 of 0 different tokens"));
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
  CHECK_THROWS_MATCHES(vocabulary.number("x"), ValueError, says("the token must be one of 4 tokens, got 'x'"));
  CHECK(!vocabulary.find("x"));
}

TEST_CASE("vocabulary: refuses numbers that are no token") {
  const Vocabulary vocabulary(counted("a a b"), {});
  CHECK(vocabulary.count(3) == 2);
  for (const Index number : {-1, 5}) {
    CHECK_THROWS_MATCHES(vocabulary.count(number), ValueError, says(text("token must be 0 to 4, got ", number)));
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

TEST_CASE("vocabulary: a list of its tokens gives the same vocabulary") {
  TokenCounts counts;
  counts.add_all(words("the cat and the dog </s>"));
  const Vocabulary vocabulary(
      counts, {.unknown = GENERATE(false, true), .start = GENERATE(false, true), .end = GENERATE(false, true)});
  CHECK(Vocabulary::of(vocabulary.tokens(), "file") == vocabulary);
}

TEST_CASE("vocabulary: refuses invalid lists of tokens") {
  const auto refused = [](const std::vector<std::string>& tokens, const std::string& what) {
    CHECK_THROWS_MATCHES(Vocabulary::of(tokens, "file"), FileError, says("file: " + what));
  };
  refused({}, "the vocabulary must have more than 0 tokens, the special ones, got 0");
  refused({"<unk>", "</s>"}, "the vocabulary must have more than 2 tokens, the special ones, got 2");
  refused({"a", "b", "a"}, "token 2 of 'tokens' must be new and not empty, got 'a'");
  refused({"a", ""}, "token 1 of 'tokens' must be new and not empty, got ''");
  CHECK(Vocabulary::of({"a", "<unk>"}, "file").unknown() == -1);  // at the beginning only
}

TEST_CASE("vocabulary: refuses invalid metadata") {
  using Metadata = std::map<std::string, std::string>;
  const auto refused = [](const Metadata& metadata, const std::string& what) {
    CHECK_THROWS_MATCHES(Vocabulary::load(metadata, "file"), FileError, says("file: " + what));
  };
  refused({}, "the metadata have no 'vocabulary'");
  refused({{"vocabulary", "a\na\n"}, {"vocabulary.special", ""}},
          "token 1 of 'vocabulary' must be new and not empty, got 'a'");
  refused({{"vocabulary", "a\n\nb"}, {"vocabulary.special", ""}},
          "token 1 of 'vocabulary' must be new and not empty, got ''");
  refused({{"vocabulary", "a\n"}, {"vocabulary.special", "unknown "}}, "token 0 must be <unk>, got 'a'");
  refused({{"vocabulary", "<unk>\n"}, {"vocabulary.special", "unknown "}},
          "the vocabulary must have more than 1 tokens, the special ones, got 1");
}

TEST_CASE("vocabulary: the first different token of another vocabulary is named") {
  const Vocabulary a(counted("a b")), b(counted("a c")), longer(counted("a b c"));
  require_same(a, a, "one", "two");
  CHECK_THROWS_MATCHES(require_same(a, b, "the model", "the text"), ValueError,
                       says("the model: token 4 must be 'c', as in the text, got 'b'"));
  CHECK_THROWS_MATCHES(require_same(a, longer, "the model", "the text"), ValueError,
                       says("the model: the vocabulary must have 6 tokens, as the text, got 5"));
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
                         says("the model: the special tokens must be those of the text"));
  }
}

}  // namespace test_vocabulary
