// Fuzz target: corpora of the example text, with training part, validation part and conversion of tokens to text. The
// first byte selects the options.

#include "fuzz.hpp"
#include "text/corpus.hpp"

using namespace unroll;

std::vector<fuzz::Bytes> fuzz::seeds() {
  std::vector<Bytes> all;
  for (const char first : {'a', 'b', 'c', 'd', 'm', 'n', 'z'})
    all.push_back(first + joined({beginning_of("tests/text_program/few.txt", 400), "And God saw.\n"}));
  return all;
}

void fuzz::read(const Bytes& input) {
  Bytes content = input;
  const std::size_t choice = take_choice(content, 48);
  const auto files = divided(content, 2);
  lm::Options options;
  options.tokens = choice % 2 == 0 ? "characters" : "words";
  options.read = choice / 2 % 2 == 0 ? "streams" : "units";
  options.unit = std::array{"line", "sentence", "paragraph"}[choice / 4 % 3];
  options.letters = choice / 12 % 2 == 1 ? "lower" : "keep";
  options.vocabulary = choice / 24 == 1 ? 8 : 0;
  options.batch = 2, options.steps = 3;
  options.text = file("text", files[0]).string();
  if (!files[1].empty()) options.validation = file("valid", files[1]).string();
  const lm::Corpus corpus = lm::read_corpus(options);
  for (const lm::Part* part : {&corpus.train, &corpus.validation})
    for (const auto& unit : part->units)
      for (const Index token : unit) expect(token >= 0 && token < corpus.vocabulary.size(), "no token");
  accepted([&] {
    if (options.streams())
      (void)lm::training_streams(corpus.train, corpus.vocabulary, options);
    else
      (void)lm::units_of(corpus.train, corpus.vocabulary, options);
  });
  accepted([&] { lm::each_piece(corpus.validation, corpus.vocabulary, options, [](const auto&, const auto&) {}); });
}
