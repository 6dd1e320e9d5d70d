#include <fstream>
#include <unroll/text/readers.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_readers {

using namespace unroll;
using Texts = std::vector<std::string>;

TEST_CASE("words: are letters, digits or one other sign") {
  CHECK(words("He said: \"don't!\" (twice), 42x") ==
        Texts{"He", "said", ":", "\"", "don't", "!", "\"", "(", "twice", ")", ",", "42", "x"});
  CHECK(words("'tis the dogs' rock'n'roll") == Texts{"'", "tis", "the", "dogs", "'", "rock'n", "'", "roll"});
  CHECK(words("a\tb\n\n c").size() == 3);
  CHECK(words(" \n").empty());
  CHECK(words("na\xC3\xAFve \xE2\x80\x9Cno\xE2\x80\x9D") ==
        Texts{"na\xC3\xAFve", "\xE2\x80\x9C", "no", "\xE2\x80\x9D"});
  CHECK(words("don\xE2\x80\x99t") == Texts{"don\xE2\x80\x99t"});
  CHECK_THROWS_MATCHES(words("a \xFF"), ValueError, says("not UTF-8"));
}

TEST_CASE("lower_case: converts capitals of four alphabets") {
  CHECK(words("Don't \xC3\x84", true) == Texts{"don't", "\xC3\xA4"});
  CHECK(lower_case("AZ\xC3\x9E\xC3\x97 \xCE\xA9 \xD0\xAF\xD0\x81 \xE2\x82\xAC") ==
        "az\xC3\xBE\xC3\x97 \xCF\x89 \xD1\x8F\xD1\x91 \xE2\x82\xAC");
  const auto lower = [](char32_t c) { return char32_t(unroll::detail::lower_case(c)); };
  const auto all_lower = [&](std::u32string_view capitals, std::u32string_view small) {
    return std::equal(capitals.begin(), capitals.end(), small.begin(), small.end(),
                      [&](char32_t c, char32_t l) { return lower(c) == l && lower(l) == l; });
  };
  CHECK(all_lower(U"\u0100\u010C\u0136\u0139\u0141\u0147\u014A\u0158\u0160\u0176\u0178\u0179\u017D",
                  U"\u0101\u010D\u0137\u013A\u0142\u0148\u014B\u0159\u0161\u0177\u00FF\u017A\u017E"));
  CHECK(all_lower(U"\u0130\u018F\u01A0\u01AF\u01CD\u0218\u1E9E\u1EA0\u1EF8",
                  U"i\u0259\u01A1\u01B0\u01CE\u0219\u00DF\u1EA1\u1EF9"));
  CHECK(all_lower(U"\u0386\u0388\u0389\u038A\u038C\u038E\u038F\u0391\u03A3\u03AA\u03AB",
                  U"\u03AC\u03AD\u03AE\u03AF\u03CC\u03CD\u03CE\u03B1\u03C3\u03CA\u03CB"));
  CHECK(all_lower(U"\u0460\u048A\u0490\u04C0\u04C1\u04CD\u04D8\u0531\u0556",
                  U"\u0461\u048B\u0491\u04CF\u04C2\u04CE\u04D9\u0561\u0586"));
  CHECK(all_lower(U"\u00D7\u00F7\u0131\u0138\u0149\u017F\u01C0\u03C2\u0482\u0530\u0557\u1E96\u2028",
                  U"\u00D7\u00F7\u0131\u0138\u0149\u017F\u01C0\u03C2\u0482\u0530\u0557\u1E96\u2028"));
  CHECK(lower_case("\xD0\x80\xD0\x8F\xD0\x90") == "\xD1\x90\xD1\x9F\xD0\xB0");  // U+0400, U+040F, U+0410
}

TEST_CASE("units: divides a text into lines, sentences or paragraphs") {
  const std::string text = "One. Two?\n three!  \n\n  \nA \"quote.\" It is 3.5 m (yes.) and so on\n";
  CHECK(units(text, TextUnit::line) == Texts{"One. Two?", "three!", "A \"quote.\" It is 3.5 m (yes.) and so on"});
  CHECK(units(text, TextUnit::paragraph) == Texts{"One. Two? three!", "A \"quote.\" It is 3.5 m (yes.) and so on"});
  CHECK(units(text, TextUnit::sentence) ==
        Texts{"One.", "Two?", "three!", "A \"quote.\"", "It is 3.5 m (yes.)", "and so on"});
  CHECK(units("\n\n [One.] Two?) (Three!)", TextUnit::sentence) == Texts{"[One.]", "Two?)", "(Three!)"});
  CHECK(units(text, TextUnit::whole) == Texts{text});
  for (const auto unit : {TextUnit::line, TextUnit::sentence, TextUnit::paragraph}) CHECK(units("\n \n", unit).empty());
}

TEST_CASE("utf-8: code points are those of RFC 3629") {
  CHECK(characters("a\xC3\xA4\xE2\x82\xAC\xF0\x9F\x99\x82\n").size() == 5);
  for (const std::string bad : {"\x80", "\xC0\x80", "\xC3", "\xC3(", "\xE0\x80\x80", "\xED\xA0\x80", "\xE2\x82",
                                "\xE0\x9F\xBF", "\xED\xBF\xBF", "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xFF"}) {
    CHECK(!code_point(bad));
    CHECK_THROWS_MATCHES(require_utf8("ab\n" + bad, "file"), FileError,
                         says("file, line 2: byte 3 must be UTF-8, got "));
  }
  for (const std::uint32_t value :
       {0x41u, 0x7Fu, 0x80u, 0x7FFu, 0x800u, 0xD7FFu, 0xE000u, 0xFFFFu, 0x10000u, 0x10FFFFu}) {
    std::string bytes;
    append_utf8(bytes, value);
    CHECK(code_point(bytes)->value == value);
    CHECK(code_point(bytes)->bytes == bytes.size());
  }
  CHECK_THROWS_MATCHES(characters("a\xFF"), ValueError, says("byte 1 must be UTF-8, got 255"));
}

TEST_CASE("units: a lone carriage return ends a line and separates words") {
  const Texts lines{"the cat sat", "on the mat", "and the dog"};
  for (const std::string text :
       {"the cat sat\non the mat\nand the dog\n", "the cat sat\ron the mat\rand the dog",
        "the cat sat\r\non the mat\rand the dog\n", "the cat sat\n\ron the mat\r\r\nand the dog\r"}) {
    INFO(text);
    CHECK(units(text, TextUnit::line) == lines);
    CHECK(words(text).size() == 9);
  }
  CHECK(units("a\rb\r\rc\r", TextUnit::paragraph) == Texts{"a b", "c"});
  CHECK(units("a.\rb\r\nc", TextUnit::sentence) == Texts{"a.", "b c"});
  CHECK_THROWS_MATCHES(require_utf8("a\rb\r\nc\n\xFF", "f"), FileError, says("f, line 4: byte 7"));
  const TextPlace after = require_utf8("a\rb\r\n\xC3\xA9", "f");  // parts of a text
  CHECK(after.line == 3);
  CHECK(after.byte == 7);
  CHECK_THROWS_MATCHES(require_utf8("c\n\xFF", "f", after), FileError, says("f, line 4: byte 9"));
}

TEST_CASE("words: zero-width characters are blanks between words or removed") {
  CHECK(words("the\xE2\x80\x8B"
              "cat\xEF\xBB\xBF sat soft\xC2\xADhyphen \xE2\x80\x8Fx\xE2\x81\xA0") ==
        Texts{"the", "cat", "sat", "softhyphen", "x"});
  CHECK(words("a\xE2\x80\x83"
              "b\xE2\x80\xAF"
              "c\xE2\x80\xA8"
              "d\xC2\x85"
              "e") == Texts{"a", "b", "c", "d", "e"});
  const std::string joined = "\xD9\x85\xDB\x8C\xE2\x80\x8C\xD8\xAE";  // Persian: a zero-width non-joiner within a word
  CHECK(words(joined) == Texts{joined});
  const std::string other = "\xE0\xA4\x95\xE2\x80\x8D\xE0\xA4\xB7";  // Devanagari: a zero-width joiner within a word
  CHECK(words(other) == Texts{other});
  CHECK(words("a\xE1\x9A\x80"
              "b\xE2\x81\xAF"
              "c") == Texts{"a", "bc"});  // U+1680 is a blank, U+206F is removed
  CHECK(words("\xC2\xAD").empty());
}

TEST_CASE("text file: byte order mark and carriage returns are removed and an empty file refused") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "text";
  const auto write = [&](const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; };
  write(
      "\xEF\xBB\xBF"
      "a\r\nb\r\n");
  CHECK(read_text_file(path) == "a\nb\n");
  write("a\rb\r\n\rc");
  CHECK(read_text_file(path) == "a\nb\n\nc");
  for (const std::string nothing : {"", "\n \r\n", "\xEF\xBB\xBF"}) {
    write(nothing);
    CHECK_THROWS_MATCHES(read_text_file(path), FileError, says("text: the file must have text, got none"));
  }
  write("ab\nc\xFF");
  CHECK_THROWS_MATCHES(read_text_file(path), FileError, says("text, line 2: byte 4 must be UTF-8, got 255"));
  write(std::string("a\0b\0", 4));
  CHECK_THROWS_MATCHES(read_text_file(path), FileError,
                       says("text: the file must be text in UTF-8, got a zero byte at 1; convert it first if"));
  CHECK_THROWS_MATCHES(read_text_file(folder.path / "nowhere"), FileError, says("no such file"));
}

}  // namespace test_readers
