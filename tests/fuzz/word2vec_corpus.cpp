// Fuzz target: texts and word pairs of the example word2vec.

#include "fuzz.hpp"
#include "word2vec/corpus.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {joined({beginning_of("examples/word2vec/data/wordnet_glosses.txt", 400),
                  beginning_of("examples/word2vec/data/wordnet_synonyms.txt", 100)})};
}

void fuzz::read(const Bytes& input) {
  const auto files = divided(input, 2);
  accepted([&] {
    const auto corpus = word2vec::read_corpus({.files = {file("text", files[0]).string()}, .least = 1});
    for (const auto& sentence : corpus.sentences)
      for (const Index word : sentence) expect(word >= -1 && word < corpus.vocabulary.size(), "no word");
  });
  for (const auto& [first, second] : word2vec::read_pairs(file("pairs", files[1])))
    expect(!first.empty() && !second.empty(), "an empty word");
}
