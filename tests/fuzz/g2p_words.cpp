// Fuzz target: dictionaries of the example g2p. Model files must be able to store their letters and phonemes.

#include "fuzz.hpp"
#include "g2p/words.hpp"
#include "unroll/core/utf8.hpp"

using namespace unroll;

namespace {

/// Enough words that at least one becomes a test word.
fuzz::Bytes many_words() {
  fuzz::Bytes all;
  for (char c = 'a'; c <= 't'; ++c) all += fuzz::Bytes(1, c) + "a\tA " + char(c - 'a' + 'A') + "\n";
  return all;
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {joined({"", beginning_of("tests/g2p/few.tsv", 200)}),
          joined({"READ(2)  R IY1 D # comment\n;;; comment\nna\xC3\xAFve  N AY0\n", ""}),
          joined({project_file("tests/g2p/not_utf8.tsv"), ""}), joined({"x\tX\n", "cat\tK AE T\ncat(2)\tK AE\n"})};
}

void fuzz::read(const Bytes& input) {
  const auto files = divided(input, 2);
  const bool tabs = files[0].find('\t') != Bytes::npos || files[0].empty();
  Bytes train = many_words() + files[0];
  if (!tabs) std::ranges::replace(train, '\t', ' ');
  const auto valid = file("valid", files[1].empty() ? Bytes(tabs ? "zz\tA\n" : "za A\n") : files[1]);
  const bool drops = train.size() % 2 == 0;
  const g2p::Data data =
      g2p::read_data({file("train", train).string(), valid.string(), "0.05", 0, {.lower = drops, .stress = !drops}});
  const auto& known = data.vocabulary;
  for (const auto* symbols : {&known.letters, &known.phonemes})
    for (const std::string& symbol : *symbols) {
      try {
        require_utf8(symbol, "symbol");
      } catch (const FileError&) {
        found("a symbol that no model file can hold");
      }
      expect(!symbol.empty() && symbol.find(' ') == symbol.npos, "a symbol with a blank");
    }
  for (const auto* words : {&data.train, &data.validation, &data.test})
    for (Index k = 0; k < words->size(); ++k) {
      for (const Index token : words->pronunciations[std::size_t(k)].front())
        expect(token >= 2 && token < known.tokens(), "no phoneme");
      const MatrixX<float> letters = known.source(words->spellings[std::size_t(k)]);
      expect(letters == words->sources[std::size_t(k)], "a word must have the same letters");
    }
}
