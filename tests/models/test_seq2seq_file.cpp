#include <unroll/io/model_file.hpp>
#include <unroll/layers/dropout.hpp>

#include "seq2seq_run.hpp"
#include "support/temporary.hpp"

namespace test_seq2seq_file {

using namespace seq2seq_run;

namespace {

auto made(bool causal, bool tied = false) {
  const Sequential reader(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4});
  return Seq2Seq<std::remove_const_t<decltype(reader)>, BahdanauGru<float>>(
      reader,
      {.vocabulary = words, .embedding = 5, .units = 4, .sizes = {{"readout", 5}}, .tied = tied, .causal = causal});
}

}  // namespace

TEST_CASE("model file: encoder and decoder are saved and loaded without a change of values") {
  const support::TemporaryFolder folder;
  auto model = made(true), other = made(true);
  randomise(model);
  save(model, folder.path / "model.safetensors", {{"begin", "5"}});
  CHECK(load(other, folder.path / "model.safetensors").at("begin") == "5");
  CHECK(other.parameters().values() == model.parameters().values());
}

TEST_CASE("model file: a decoder of another kind is refused and the model unchanged") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "model.safetensors";
  auto model = made(true), sees_all = made(false), tied = made(true, true);
  save(model, path);
  const auto before = sees_all.parameters().values();
  CHECK_THROWS_MATCHES(load(sees_all, path), FileError,
                       says("decoder: causal must be false, as in this model, got true"));
  CHECK(sees_all.parameters().values() == before);
  CHECK_THROWS_MATCHES(load(tied, path), FileError, says("decoder: tied must be true, as in this model, got false"));
}

namespace {

template <auto score>
SafeTensors saved(Seq2SeqOptions options = {}) {
  const Sequential reader(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4});
  options.vocabulary = words;
  options.embedding = 3;
  options.units = 4;
  return to_tensors(Seq2Seq<std::remove_const_t<decltype(reader)>, LuongGru<float, score>>(reader, options));
}

}  // namespace

TEST_CASE("model file: a decoder of another bridge or another score is refused") {
  using namespace symbols;
  const Sequential reader(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4});
  Seq2Seq<std::remove_const_t<decltype(reader)>, LuongGru<float, dot>> model(
      reader, {.vocabulary = words, .embedding = 3, .units = 4, .bridge = Bridge::copy});
  from_tensors(model, saved<dot>({.bridge = Bridge::copy}));
  CHECK_THROWS_MATCHES(from_tensors(model, saved<dot>({.bridge = Bridge::zero})), FileError,
                       says("decoder: bridge must be 'copy', as in this model, got 'zero'"));
  CHECK_THROWS_MATCHES(from_tensors(model, saved<scaled_dot>({.bridge = Bridge::copy})), FileError,
                       says("must be 'ctx[memory] = attend(dot, next(h))', as in this model, got 'ctx[memory] = "
                            "attend(scaled dot, next(h))'"));
  const Sequential deeper(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4}, Dropout{});
  Seq2Seq<std::remove_const_t<decltype(deeper)>, LuongGru<float, dot>> other(
      deeper, {.vocabulary = words, .embedding = 3, .units = 4, .bridge = Bridge::copy});
  CHECK_THROWS_MATCHES(from_tensors(other, saved<dot>({.bridge = Bridge::copy})), FileError,
                       says("encoder: layers must have 3 entries, as in this model, got 2"));
  Sequential chain(1, Embedding{.size = letters, .dimension = 3});
  CHECK_THROWS_MATCHES(from_tensors(chain, saved<dot>()), FileError,
                       says("model must be 'chain', as in this model, got 'encoder and decoder'"));
}

}  // namespace test_seq2seq_file
