#include <fstream>
#include <limits>

#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/text/word_vector_files.hpp"

namespace test_word_vectors {

using namespace unroll;

namespace {

/// Vectors with king - man + woman = queen.
WordVectors royalty() {
  MatrixX<float> vectors(3, 5);
  vectors.transpose() << 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1, -1, 2, 0;
  return {{"man", "woman", "king", "queen", "apple"}, vectors};
}

class Files {
 public:
  std::filesystem::path write(const std::string& content, const std::string& name) const {
    std::ofstream(folder_.path / name, std::ios::binary) << content;
    return folder_.path / name;
  }
  WordVectors read(const std::string& content, const std::string& name = "v.txt") const {
    return read_word_vectors(write(content, name));
  }
  std::filesystem::path path(const std::string& name) const { return folder_.path / name; }

 private:
  support::TemporaryFolder folder_;
};

std::string bytes_of(std::initializer_list<float> numbers) {
  return {reinterpret_cast<const char*>(numbers.begin()), numbers.size() * sizeof(float)};
}

}  // namespace

TEST_CASE("word vectors: nearest and analogy find the expected words", "[word_vectors]") {
  const WordVectors vectors = royalty();
  const auto near = vectors.nearest("king", 2);
  REQUIRE(near.size() == 2);
  CHECK(near[0].word == "man");
  CHECK(near[0].similarity == Approx(std::sqrt(0.5)));
  CHECK(near[1].word == "queen");
  CHECK(near[1].similarity == Approx(0.5));
  CHECK(vectors.analogy("man", "woman", "king", 1).front().word == "queen");
  CHECK(vectors.analogy("woman", "man", "queen", 1).front().word == "king");
  CHECK(vectors.similarity("man", "woman") == 0);
  CHECK(vectors.nearest("king", 100).size() == 4);
  const auto without = [&](const std::vector<SimilarWord>& found, std::initializer_list<const char*> asked) {
    return std::ranges::none_of(found, [&](const SimilarWord& each) {
      return std::ranges::any_of(asked, [&](const char* word) { return each.word == word; });
    });
  };
  for (const std::string& word : vectors.words()) CHECK(without(vectors.nearest(word, 100), {word.c_str()}));
  for (const char* of : {"king", "queen", "apple"}) {
    const auto found = vectors.analogy("man", "woman", of, 100);
    CHECK(found.size() == 2);
    CHECK(without(found, {"man", "woman", of}));
  }
  CHECK(vectors.nearest(VectorX<float>::Zero(3), 1, {}).front().similarity == 0);
}

TEST_CASE("word vectors: similarities do not depend on the length of a vector", "[word_vectors]") {
  WordVectors vectors = royalty();
  MatrixX<float> scaled = vectors.vectors();
  scaled.col(0) *= 20;
  scaled.col(2) /= 4;
  const WordVectors others(vectors.words(), scaled);
  const auto want = vectors.analogy("man", "woman", "king", 2), got = others.analogy("man", "woman", "king", 2);
  CHECK(got[0].word == "queen");
  CHECK(got[0].similarity == Approx(want[0].similarity));
  CHECK(others.nearest("king", 1)[0].similarity == Approx(vectors.nearest("king", 1)[0].similarity));
  CHECK(others.similarity("man", "king") == Approx(vectors.similarity("man", "king")));
}

TEST_CASE("word vectors: an unknown word is refused with similar spellings", "[word_vectors]") {
  CHECK_THROWS_MATCHES(royalty().nearest("qeen", 3), ValueError,
                       says("the word must be one of 5 words, got 'qeen'; the nearest: 'queen'"));
  CHECK_THROWS_MATCHES(royalty().nearest(VectorX<float>::Zero(2), 1, {}), ShapeError,
                       says("the vector must have 3 numbers, got 2"));
}

TEST_CASE("word vectors: refuses mismatched words and vectors", "[word_vectors]") {
  const MatrixX<float> two = MatrixX<float>::Ones(3, 2);
  CHECK_THROWS_MATCHES(WordVectors({"a"}, two), ShapeError,
                       says("a column for each word, 1, and at least 1 number, got [3 x 2]"));
  CHECK_THROWS_MATCHES(WordVectors({}, MatrixX<float>(3, 0)), ShapeError, says("at least 1 number"));
  CHECK_THROWS_MATCHES(WordVectors({"a", "a"}, two), ValueError,
                       says("all words must differ, got 'a' as words 1 and 2"));
  CHECK_THROWS_MATCHES(WordVectors({"a", ""}, two), ValueError, says("word 2 must have at least 1 byte"));
  CHECK_THROWS_MATCHES(WordVectors({"a", "b"}, two / 0), ValueError, says("the vector of 'a'"));
}

TEST_CASE("word vectors: files of both formats are read with the same bits", "[word_vectors]") {
  const Files files;
  MatrixX<float> numbers(2, 3);
  numbers << 0.1f, -3e38f, 1, 1.0f / 3, std::numeric_limits<float>::denorm_min(), -0.0f;
  const WordVectors vectors({"na\xC3\xAFve", "'", "a"}, numbers);
  const std::string name = GENERATE("v.txt", "v.bin");
  write_word_vectors(files.path(name), vectors);
  const WordVectors back = read_word_vectors(files.path(name));
  CHECK(back.words() == vectors.words());
  CHECK(back.vectors() == vectors.vectors());
  CHECK(std::signbit(back.vectors()(1, 2)));
}

TEST_CASE("word vectors: a word with a blank is not written", "[word_vectors]") {
  const Files files;
  const WordVectors vectors({"new york"}, MatrixX<float>::Ones(1, 1));
  CHECK_THROWS_MATCHES(write_word_vectors(files.path("v.bin"), vectors), ValueError,
                       says("must have no blank, got 'new york'"));
  CHECK(!std::filesystem::exists(files.path("v.bin")));
}

TEST_CASE("word vectors: files of other programs are read", "[word_vectors]") {
  const Files files;
  const std::string content =
      GENERATE("2 2\na 1 2 \nb 3 4 \n", "2 2\r\na 1 2\r\nb 3 4", "a 1 2\nb 3 4\n", "a 1  2\n\nb 3 4\n");
  CHECK(files.read(content).vectors() == MatrixX<float>{{1, 3}, {2, 4}});
  const std::string bare = "2 2\na " + bytes_of({1, 2}) + "b " + bytes_of({3, 4});
  CHECK(files.read(bare, "v.bin").vectors() == MatrixX<float>{{1, 3}, {2, 4}});
}

TEST_CASE("word vectors: tabs, carriage returns and words with blanks as in GloVe are read", "[word_vectors]") {
  const Files files;
  const std::string content = GENERATE("2\t2\na\t1\t2\nb\t3 4\n", "2 2\ra 1 2\rb 3 4\r", "a 1 2\r\rb 3 4");
  CHECK(files.read(content).vectors() == MatrixX<float>{{1, 3}, {2, 4}});
  const auto glove = files.read("cat 1 2\n. . . 3 4\nat name@domain.com -1 0\n3.5 5 6\n");
  CHECK(glove.words() == std::vector<std::string>{"cat", ". . .", "at name@domain.com", "3.5"});
  CHECK(glove.vectors() == MatrixX<float>{{1, 3, -1, 5}, {2, 4, 0, 6}});
}

TEST_CASE("word vectors: refuses invalid text files with the line", "[word_vectors]") {
  const Files files;
  const auto refused = [&](const std::string& content, const std::string& why) {
    CHECK_THROWS_MATCHES(files.read(content), FileError, says(why));
  };
  refused("", "the file must have at least 1 word, got 0");
  refused("\n \n", "the file must have at least 1 word, got 0");
  refused("2 2\na 1 2\n", "the file must have 2 words, got 1");
  refused("1 2\na 1 2\nb 3 4\n", "line 3: the file must have 1 words, as in its first line, got more");
  refused("2 2\na 1\nb 3 4\n", "line 2: the vector of 'a' must have 2 numbers, got 1");
  refused("2 2\na 1 2 3\nb 3 4\n", "line 2: the vector of 'a' must have 2 numbers, got more");
  refused("1 2\na 1 nan\n", "line 2: number 2 of 'a' must be a finite number, got 'nan'");
  refused("1 2\na 1 1e99\n", "got '1e99'");
  refused("2 1\na 1\na 2\n", "v.txt: word vectors: all words must differ, got 'a'");
  refused("1000000000 300\na 1\n", "the file must hold 1000000000 words of dimension 300, got only");
  refused("a b 1 2\nc 1 2\n", "line 1: number 1 of 'a' must be a finite number, got 'b'");
  refused("0 5\n", "must be at least 1, got 0 and 5");
  refused("1 0\na\n", "must be at least 1, got 1 and 0");
  refused("18446744073709551615 18446744073709551615\na 1\n", "got only");
  refused("9223372036854775807 2\na 1 2\n", "got only");
  refused("2 9223372036854775807\na 1 2\n", "got only");
  refused("2 9223372036854775808\na 1 2\n", "got only");  // 2^63: twice that is 0 in 64 bits
  refused("only\nwords\n", "must be at least 1, got 2 and 0");
}

TEST_CASE("word vectors: refuses invalid binary files", "[word_vectors]") {
  const Files files;
  const auto refused = [&](const std::string& content, const std::string& why) {
    CHECK_THROWS_MATCHES(files.read(content, "v.bin"), FileError, says(why));
  };
  const std::string good = "2 2\na " + bytes_of({1, 2}) + "\nb " + bytes_of({3, 4}) + "\n";
  for (std::size_t cut = 0; cut + 1 < good.size(); ++cut)
    CHECK_THROWS_AS(files.read(good.substr(0, cut), "v.bin"), FileError);
  refused(good.substr(0, good.size() - 2),
          "the file must have 2 complete words, got 1");  // without a byte and the newline
  refused("x" + good, "the first line must be the numbers of words and dimensions, got 'x2 2'");
  refused(good + "c", "0 bytes must follow the last word, got 1");
  refused("3" + good.substr(1), "the file must hold 3 words of dimension 2, got only");
  refused("4000000000 4000000000\n" + good, "got only");
  refused("18446744073709551615 1\n" + good, "got only");
  refused("2 4611686018427387904\n" + good, "got only");  // 2^62
  refused("2 2\na " + bytes_of({1, NAN}) + "b " + bytes_of({3, 4}), "the vector of 'a' must be finite");
  refused("2 2\na " + bytes_of({1, 2}) + "a " + bytes_of({3, 4}), "all words must differ, got 'a'");
  const std::string ones = bytes_of({1, 1, 1, 1, 1, 1, 1, 1});
  refused("2 8\nnew york " + ones + "\nb " + ones + "\n", "word 2 must have no control character");
}

TEST_CASE("word vectors: an embedding of a vocabulary begins with the known vectors", "[word_vectors]") {
  TokenCounts counts;
  counts.add_all(std::vector<std::string>{"queen", "queen", "pear", "man"});
  const Vocabulary vocabulary(counts, {.start = false, .end = false});  // <unk> queen pear man
  const TokenVectors found = vectors_for(vocabulary, royalty());
  CHECK(found.missing == 2);
  CHECK(found.tokens == std::vector<Index>{1, 3});
  EmbeddingLayer<float> layer(Embedding{.size = 4, .dimension = 3, .pretrained = {found.vectors, found.tokens}});
  layer.connect({1, true});
  MatrixX<float> table = MatrixX<float>::Constant(3, 4, 9);
  layer.set_given(table.data());
  CHECK(table == MatrixX<float>{{9, 0, 9, 1}, {9, 1, 9, 0}, {9, 1, 9, 0}});

  TokenCounts other;
  other.add("nothing");
  CHECK_THROWS_MATCHES(vectors_for(Vocabulary(other), royalty()), ValueError,
                       says("at least 1 of 4 tokens must be one of the 5 words, got 0"));
}

}  // namespace test_word_vectors
