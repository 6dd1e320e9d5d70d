// Tokens of encoder-decoder files.

#include "model/decode.hpp"
#include "model/model_file.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "unroll/attention/luong.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/indrnn.hpp"
#include "unroll/infer/beam.hpp"
#include "unroll/infer/greedy.hpp"
#include "unroll/infer/seq2seq_decoder.hpp"
#include "unroll/io/open_model.hpp"

namespace test_decode {

using namespace unroll;
using namespace model_program;

namespace {

using Pairs = Seq2Seq<Stack<float>, LuongGru<float>>;

Pairs pairs() {
  Pairs model(Stack<float>(2, {Recurrent<Gru>{.units = 4}}), {.vocabulary = 6, .embedding = 3, .units = 4});
  model.initialise(3);
  return model;
}

/// Sources of 4, 0 and 2 steps: (steps, batch, features).
Tensor input() {
  std::vector<float> numbers;
  for (int k = 0; k < 24; ++k) numbers.push_back(float(k * 7 % 11) / 4 - 1);
  return Tensor::of(numbers, {4, 3, 2});
}
Sequences sources() { return sequences_in(input(), Tensor::of(std::vector<std::int64_t>{4, 0, 2}, {3})); }

std::vector<std::int64_t> numbers_of(const Decoded& found) { return found.tokens.to<std::int64_t>(); }

}  // namespace

TEST_CASE("model run: a decoder writes the tokens of greedy decoding and of a beam search", "[model]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "m.safetensors";
  const Pairs model = pairs();
  save(model, path);
  CHECK(is_encoder_decoder(path));
  const Index longest = 7;
  for (const Index beams : {0, 3})
    for (const Index end : {-1, 1, 2, 5}) {
      Seq2SeqDecoder decoder(model, 2);
      decoder.read(sources().values, sources().timeline);
      const Limits limits{.end = end, .longest = longest};
      std::vector<Hypothesis<float>> expected;
      if (beams == 0) expected = greedy(decoder, {.limits = limits});
      if (beams > 0)
        for (auto& all : beam_search(decoder, {.limits = limits, .beams = beams})) expected.push_back(all[0]);
      const Decoded found =
          decoded(path, sources(), false, {.begin = 2, .end = end, .longest = longest, .beams = beams});
      REQUIRE(found.tokens.shape == std::vector<Index>{3, longest});
      const auto numbers = numbers_of(found);
      Index ended = 0;
      for (std::size_t b = 0; b < 3; ++b) {
        ended += expected[b].ended;
        for (std::size_t k = 0; k < std::size_t(longest); ++k)
          CHECK(numbers[b * std::size_t(longest) + k] ==
                (k < expected[b].tokens.size() ? expected[b].tokens[k] : Index(-1)));
      }
      CHECK(found.ended == ended);
    }
}

TEST_CASE("model run: sources of a decoder are standardized as the file says", "[model]") {
  const support::TemporaryFolder folder;
  const auto plain = folder.path / "plain.safetensors", scaled = folder.path / "scaled.safetensors";
  ModelDetails details;
  details.mean = VectorX<double>{{0.5, -1}}, details.deviation = VectorX<double>{{2, 0.25}};
  save(pairs(), plain);
  save(pairs(), scaled, details);
  const DecodeOptions options{.end = -1, .longest = 20};
  auto by_hand = sources();
  details.standardizer<float>()->apply(by_hand.values);
  CHECK(numbers_of(decoded(scaled, sources(), false, options)) == numbers_of(decoded(plain, by_hand, false, options)));
  CHECK(numbers_of(decoded(scaled, sources(), true, options)) == numbers_of(decoded(plain, sources(), false, options)));
}

TEST_CASE("model run: decoders and options that do not match are refused", "[model]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "m.safetensors", chain = folder.path / "chain.safetensors";
  save(pairs(), path);
  const DecodeOptions options{.end = 1};
  CHECK_THROWS_MATCHES(decoded(path, sources(), false, {.begin = 6, .end = 1}), ValueError,
                       says("begin must be 0 to 5, got 6"));
  CHECK_THROWS_MATCHES(decoded(path, sources(), false, {.end = 6}), ValueError, says("end must be -1 to 5"));
  const auto other = sequences_in(Tensor::of(std::vector<float>(6), {2, 1, 3}), {});
  CHECK_THROWS_MATCHES(decoded(path, other, false, options), ShapeError,
                       says("--input: features per step must be 2, as in the model, got 3"));
  const Stack<float> encoder(2, {Recurrent<Gru>{.units = 4}});
  save(encoder, chain);
  CHECK_FALSE(is_encoder_decoder(chain));
  CHECK_THROWS_MATCHES(decoded(chain, sources(), false, options), FileError, says("the kind of the model must be"));
  save(Seq2Seq<Stack<float>, IndRnn<float>>(encoder, {.vocabulary = 6, .embedding = 3, .units = 4}), path);
  CHECK_THROWS_MATCHES(decoded(path, sources(), false, options), FileError,
                       says("the cell of the decoder must be one of this program, got 'indrnn'"));
}

}  // namespace test_decode
