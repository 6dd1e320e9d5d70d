#include "seq2seq_run.hpp"

namespace test_bridge {

using namespace seq2seq_run;

// clang-format off: equations keep their lines
namespace written {
using namespace unroll::symbols;
/// GRU whose state has the name of Luong's attentional state.
inline constexpr auto gru_of_a = cell(state(a), r = sigmoid(linear(x, a)), z = sigmoid(linear(x, a)),
                                      n = tanh(linear(x) + r * linear(a)), next(a) = n + z * (a - n));
}  // namespace written
// clang-format on

namespace {

struct GruOfA : EquationCell<double, written::gru_of_a> {
  using EquationCell::EquationCell;
};

/// Log-probabilities of a model with decoder cell C.
template <class C>
std::vector<double> scores_of(Bridge bridge) {
  const auto reader = sequential<double>(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4});
  Seq2Seq<std::remove_const_t<decltype(reader)>, C> model(
      reader, {.vocabulary = words, .embedding = 3, .units = 4, .bridge = bridge});
  randomise(model);
  return forced(model, batch_of(pairs<double>({{3, 2}, {1, 4}})));
}

template <class C>
std::string bridged(Index units = 4) {
  const auto reader = encoder<float>();
  const Seq2Seq<std::remove_const_t<decltype(reader)>, C> model(reader,
                                                                {.vocabulary = words, .embedding = 3, .units = units});
  std::string names;
  for (const ParameterBlock& block : model.parameters().table().blocks())
    if (block.name.starts_with("bridge.")) names += (names.empty() ? "" : ", ") + block.name;
  return names;
}

}  // namespace

TEST_CASE("bridge: initialises the decoder state from the encoder state under any name") {
  for (const Bridge bridge : {Bridge::copy, Bridge::project})
    CHECK(scores_of<GruOfA>(bridge) == scores_of<Gru<double>>(bridge));
  CHECK(scores_of<GruOfA>(Bridge::copy) != scores_of<GruOfA>(Bridge::zero));
}

TEST_CASE("bridge: the attentional state of Luong decoders is initially zero") {
  CHECK(bridged<LuongGru<float>>() == "bridge.1.weight, bridge.1.bias");
  CHECK(bridged<LuongLstm<float>>() == "bridge.1.weight, bridge.1.bias, bridge.2.weight, bridge.2.bias");
  CHECK(bridged<LuongGruUnfed<float>>() == "bridge.0.weight, bridge.0.bias");
}

}  // namespace test_bridge
