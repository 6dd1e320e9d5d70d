#include <unroll/io/model_file.hpp>

#include "seq2seq_run.hpp"
#include "support/temporary.hpp"

using namespace seq2seq_run;

namespace {

auto made(bool causal, bool tied = false) {
  const Sequential reader(1, Embedding<float>{.size = letters, .dimension = 3}, Recurrent<Gru<float>>{.units = 4});
  return Seq2Seq<std::remove_const_t<decltype(reader)>, BahdanauGru<float>>(
      reader,
      {.vocabulary = words, .embedding = 5, .units = 4, .sizes = {{"readout", 5}}, .tied = tied, .causal = causal});
}

}  // namespace

TEST_CASE("encoder and decoder are saved as one and read back number for number") {
  const support::TemporaryFolder folder;
  auto model = made(true), other = made(true);
  randomise(model);
  save(model, folder.path / "model.safetensors", {{"begin", "5"}});
  CHECK(load(other, folder.path / "model.safetensors").at("begin") == "5");
  CHECK(other.parameters().values() == model.parameters().values());
}

TEST_CASE("a file of another kind of decoder is refused and changes nothing") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "model.safetensors";
  auto model = made(true), sees_all = made(false), tied = made(true, true);
  save(model, path);
  const auto before = sees_all.parameters().values();
  CHECK_THROWS_MATCHES(load(sees_all, path), FileError,
                       says("holds the layers '1 -> embedding -> gru, read by bahdanau gru, causal'"));
  CHECK(sees_all.parameters().values() == before);
  CHECK_THROWS_MATCHES(load(tied, path), FileError, says("output.weight"));
}
