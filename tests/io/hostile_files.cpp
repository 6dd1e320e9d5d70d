// Fuzz tests of readers with damaged files. A reader may accept its input or throw an unroll::Error; another exception,
// a crash or a sanitizer's report fails the test.

#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <unroll/io/formats/csv.hpp>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/io/formats/ts.hpp>
#include <unroll/io/json.hpp>
#include <unroll/text/readers.hpp>
#include <unroll/text/word_vector_files.hpp>

#include "support/catch.hpp"

namespace test_hostile_files {

using namespace unroll;

namespace {

const std::filesystem::path tests = UNROLL_TEST_DATA;

/// Mutator of texts, fully determined by its seed.
class Mutator {
 public:
  explicit Mutator(std::uint32_t seed) : random_(seed) {}

  std::string operator()(std::string text) {
    for (std::size_t n = 1 + below(4); n > 0; --n) mutate(text);
    return text;
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  void mutate(std::string& text) {
    // Tokens of the formats, or of a parser below them.
    static const std::string words[] = {"{",
                                        "}",
                                        "[",
                                        "]",
                                        "\"",
                                        ":",
                                        ",",
                                        "-1",
                                        "18446744073709551616",
                                        "1e999",
                                        "nan",
                                        "?",
                                        "\n",
                                        "\r",
                                        "@data",
                                        "\\u",
                                        "null",
                                        "#",
                                        "true",
                                        "\xff",
                                        std::string(1, '\0'),
                                        "9223372036854775807"};
    const std::size_t at = below(text.size()), length = below(std::min<std::size_t>(text.size() - at, 40));
    switch (below(6)) {
      case 0:
        text[at] = static_cast<char>(random_());
        break;
      case 1:
        text.erase(at, length);
        break;
      case 2:
        text.insert(at, text.substr(below(text.size()), length));
        break;
      case 3:
        text.insert(at, words[below(std::size(words))]);
        break;
      case 4:
        text.replace(at, std::min<std::size_t>(length, 3), words[below(std::size(words))]);
        break;
      default:
        text.resize(at + 1);
        break;
    }
    if (text.empty()) text = "x";
  }

  std::mt19937 random_;
};

/// Runs `read` on mutations of `text`. Returns whether some were accepted and some refused, so that the test covers
/// both.
template <class Read>
bool survives(const std::string& text, int rounds, Read read) {
  Mutator mutate(20240607);
  int accepted = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::string variant = mutate(text);
    try {
      read(variant);
      ++accepted;
    } catch (const Error& error) {
      if (std::string_view(error.what()).size() > 1000)
        FAIL("round " << round << ": a message of " << std::string_view(error.what()).size());
    } catch (const std::exception& other) {
      FAIL("round " << round << ": " << other.what());
    }
  }
  return accepted > 0 && accepted < rounds;
}

}  // namespace

TEST_CASE("safetensors: mutated files are read or refused with an error of the library") {
  const auto read = [](const std::string& text) {
    const auto content = parse_safetensors(std::as_bytes(std::span(text)));
    for (const auto& item : content.tensors) (void)item.second.to<double>();
  };
  for (const auto* name : {"good_mixed", "good_ints"})
    CHECK(survives(detail::read_text(tests / "golden/safetensors" / (std::string(name) + ".safetensors")), 2000, read));
  // Mutations rarely get the header length right, so here it is always computed and they hit the header itself.
  const std::string whole = detail::read_text(tests / "golden/safetensors/good_mixed.safetensors");
  const std::size_t json =
      static_cast<unsigned char>(whole[0]) + 256 * static_cast<std::size_t>(static_cast<unsigned char>(whole[1]));
  CHECK(survives(whole.substr(8, json), 4000, [&](const std::string& header) {
    const std::uint64_t length = header.size();
    read(std::string(reinterpret_cast<const char*>(&length), 8) + header + whole.substr(8 + json));
  }));
}

TEST_CASE("ts: mutated files are read or refused with an error of the library") {
  const std::string vowels = detail::read_text(tests / "data/JapaneseVowels_TRAIN.ts");
  const std::string header = vowels.substr(vowels.find('@'), vowels.find("@data") + 6 - vowels.find('@'));
  const std::string series = vowels.substr(vowels.find("@data") + 6);
  const std::string few = header + series.substr(0, series.find('\n', series.find('\n') + 1) + 1);
  const std::string tiny =
      "@dimensions 2\n@equalLength true\n@seriesLength 2\n@classLabel true a b\n@data\n1,2:3,4:a\n5,?:7,8:b\n";
  for (const auto& text : {few, tiny, detail::read_text(tests / "data/UnitTest_TRAIN.ts")})
    for (const auto missing : {MissingValues::refuse, MissingValues::drop_step, MissingValues::keep_nan}) {
      if (missing == MissingValues::refuse && text == tiny) continue;  // refused even without mutations
      CHECK(survives(text, 2000, [&](const std::string& variant) {
        const auto set = parse_ts(variant, {.missing = missing});
        bool sound = !set.sequences.empty();
        for (const auto& sequence : set.sequences) sound &= sequence.size() > 0;
        for (const Index label : set.labels) sound &= label >= 0 && label < static_cast<Index>(set.classes.size());
        if (!sound) FAIL("an empty sequence or a label outside the classes came out of\n" << variant);
      }));
    }
}

TEST_CASE("csv: mutated files are read or refused with an error of the library") {
  for (const std::string text :
       {"time,x,y\n1,2.5,3\n\n2,-3,4e1\n", "\"a\",\"b \"\"c\"\"\"\r\n\"1\",2\r3,4\n", "1,2\n3,4\n"})
    for (const auto header : {CsvHeader::automatic, CsvHeader::yes, CsvHeader::no}) {
      if (header == CsvHeader::no && text[0] != '1') continue;  // refused even without mutations
      CHECK(survives(text, 2000, [&](const std::string& variant) {
        const auto table = parse_csv(variant, {.header = header});
        const bool sound = table.values.size() > 0 && table.values.allFinite() &&
                           (table.names.empty() || Index(table.names.size()) == table.values.rows());
        if (!sound) FAIL("names and values that do not fit came out of\n" << variant);
      }));
    }
}

TEST_CASE("csv: mutated files with classes and missing values are read or refused with an error of the library") {
  const CsvOptions options{.labels = "class", .missing = MissingValues::keep_nan, .comment = '#'};
  CHECK(survives("x,class,y\n1,b,2.5\n#\nNA,?,3\n\"2\",\"a\",\n", 4000, [&](const std::string& variant) {
    const auto table = parse_csv(variant, options);
    const bool sound = table.values.size() > 0 && table.labels.size() == table.values.cols() &&
                       table.labels.minCoeff() >= -1 && table.labels.maxCoeff() < Index(table.classes.size());
    if (!sound) FAIL("labels that do not fit came out of\n" << variant);
  }));
}

TEST_CASE("json: mutated files are read or refused with an error of the library") {
  CHECK(survives(R"({"rate": 1e-3, "cell": "gru", "list": [1, {"a": null}, true, -2]})", 4000,
                 [](const std::string& variant) { (void)detail::parse_json(variant, "x").dump(); }));
}

TEST_CASE("word vectors: mutated files are read or refused with an error of the library") {
  for (const std::string text : {"3 2\ncat 1 2\n. . . 3 4e1\nx -5 6\n", "cat\t1 2.5\r\ndog 3 4\r"})
    CHECK(survives(text, 2000, [](const std::string& variant) { (void)detail::read_text_vectors(variant, "x"); }));
  const float numbers[] = {1, 2.5f};
  const std::string two(reinterpret_cast<const char*>(numbers), sizeof numbers);
  CHECK(survives("2 2\ncat " + two + "\ndog " + two, 4000,
                 [](const std::string& variant) { (void)detail::read_binary_vectors(variant, "x"); }));
}

TEST_CASE("texts: mutated files are read or refused with an error of the library") {
  const std::string text = "\xEF\xBB\xBFThe cat's na\xC3\xAFve.\r\nIt sat!\r\r 42 soft\xC2\xADly (so)\n";
  CHECK(survives(text, 2000, [](const std::string& variant) {
    require_utf8(variant, "x");
    for (const auto unit : {TextUnit::line, TextUnit::sentence, TextUnit::paragraph})
      for (const std::string& part : units(detail::plain(variant), unit))
        if (part.find_first_of("\r\n") != part.npos) FAIL("a line end within " << part);
    (void)words(variant);
  }));
}

}  // namespace test_hostile_files
