#include "g2p/model_file.hpp"

#include "g2p/decoding.hpp"

#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "unroll/attention/bahdanau.hpp"
#include "unroll/io/model_details.hpp"
#include "unroll/io/open_model.hpp"

namespace test_model_file {

using namespace unroll;
using namespace g2p;

namespace {

Trained small_model() {
  const NetworkOptions options{.units = 6, .layers = 2, .embedding = 4, .dropout = 0.25};
  Trained trained{options,
                  {.lower = false, .stress = false},
                  {{"a", "b", "c"}, {"AA", "B", "K"}},
                  make_network(options, 3, 5),
                  std::set<std::string>{"ab", "c"},
                  {{"seed", "3"}}};
  trained.network->initialise(3);
  return trained;
}

std::vector<Hypothesis<float>> decoded(const Network& network) {
  return decode({&network}, {token_row<float>(std::vector<Index>{0, 2, 1})}, {.beams = 3, .n_best = 3}, 1).front();
}

}  // namespace

TEST_CASE("model file: holds network, letters, phonemes, reading and training words", "[g2p]") {
  const support::TemporaryFolder folder;
  const Trained trained = small_model();
  const auto path = folder.path / "model.safetensors";
  save(trained, path);
  const Trained read = load(path);
  CHECK(fixed_options(read.options, read.reading) == fixed_options(trained.options, trained.reading));
  CHECK(read.vocabulary.letters == trained.vocabulary.letters);
  CHECK(read.vocabulary.phonemes == trained.vocabulary.phonemes);
  CHECK(read.learned == trained.learned);
  CHECK(read.training.at("seed") == "3");
  const auto before = decoded(*trained.network), after = decoded(*read.network);
  for (std::size_t k = 0; k < 3; ++k) {
    CHECK(after[k].tokens == before[k].tokens);
    CHECK(after[k].log_probability == before[k].log_probability);
  }
}

TEST_CASE("model file: opens without the program", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "model.safetensors";
  const Trained trained = small_model();
  save(trained, path);
  const auto opened = open_seq2seq<BahdanauGru<float, symbols::additive>>(path, LayerRegistry<float>().add<Gru>());
  CHECK(opened.model.vocabulary() == 5);
  CHECK(opened.model.parameters().size() == trained.network->parameters());
  const ModelDetails details = details_of(opened.metadata);
  CHECK(details.tokens == std::vector<std::string>{"a", "b", "c"});
  CHECK(details.outputs == std::vector<std::string>{"<begin>", "<end>", "AA", "B", "K"});
  CHECK(details.training.at("case") == "keep");
}

TEST_CASE("model file: refuses details that do not fit the network", "[g2p]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "model.safetensors";
  save(small_model(), path);
  const SafeTensors good = read_safetensors(path);
  const auto refused = [&](const std::string& from, const std::string& to, const char* message) {
    SafeTensors file = good;
    std::string& details = file.metadata["details"];
    REQUIRE(details.find(from) != details.npos);
    details.replace(details.find(from), from.size(), to);
    write_safetensors(path, file);
    CHECK_THROWS_MATCHES(load(path), FileError, says(message));
  };
  refused("\"units\":\"6\"", "\"units\":\"0\"", "'units' must be a whole number from 1 to 4096, got '0'");
  refused("\"units\":\"6\"", "\"units\":\"4096\"", "model.safetensors");
  refused("\"units\":\"6\"", "\"units\":\"7\"", "model.safetensors");
  refused("\"cell\":\"gru\"", "\"cell\":\"foo\"", "the kind of network must be known, got 'foo, bahdanau");
  refused("\"case\":\"keep\"", "\"case\":\"up\"", "'case' must be lower or keep, got 'up'");
  refused("[\"a\",\"b\",\"c\"]", "[\"a\",\"c\",\"b\"]", "'tokens' must be a sorted list without duplicates");
  refused("\"score\":", "\"scores\":", "must be a model of g2p; its details have no 'score'");
}

}  // namespace test_model_file
