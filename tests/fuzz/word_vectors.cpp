// Fuzz target: word vectors, as text ('a') or binary ('b').

#include "fuzz.hpp"
#include "unroll/text/word_vector_files.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  const float numbers[] = {1, 2.5f};
  const Bytes two(reinterpret_cast<const char*>(numbers), sizeof numbers);
  return {"a3 2\ncat 1 2\n. . . 3 4e1\nx -5 6\n", "acat\t1 2.5\r\ndog 3 4\r", "b2 2\ncat " + two + "\ndog " + two,
          "b2 1\n\n\n " + two};
}

void fuzz::read(const Bytes& input) {
  Bytes content = input;
  const bool binary = take_choice(content, 2) == 1;
  const WordVectors vectors =
      binary ? detail::read_binary_vectors(content, "x") : detail::read_text_vectors(content, "x");
  expect(vectors.size() > 0 && vectors.vectors().allFinite(), "no words, or numbers that are none");
  for (const auto format : {WordVectorFormat::text, WordVectorFormat::binary}) {
    const auto out = path("vectors");
    if (!accepted([&] { write_word_vectors(out, vectors, format); })) return;  // words with blanks
    const WordVectors again = read_again([&] { return read_word_vectors(out, format); });
    expect(again.words() == vectors.words() && again.vectors() == vectors.vectors(), "other vectors came back");
  }
}
