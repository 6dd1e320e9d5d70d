#include "network.hpp"

#include "unroll/cells/gru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/dropout.hpp"
#include "unroll/layers/embedding.hpp"

namespace g2p {

using namespace unroll;

// Each list has its own source file, because compilation takes about 15 seconds per kind.
std::vector<Kind> additive_kinds();
std::vector<Kind> product_kinds();
std::vector<Kind> other_kinds();

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> all = [] {
    std::vector<Kind> list = additive_kinds();
    for (const auto& more : {product_kinds(), other_kinds()}) list.insert(list.end(), more.begin(), more.end());
    return list;
  }();
  return all;
}

const Kind* find_kind(const NetworkOptions& options) {
  for (const Kind& kind : kinds())
    if (kind.cell == options.cell && kind.attention == options.attention && kind.score == options.score) return &kind;
  return nullptr;
}

std::string name_of(const NetworkOptions& options) {
  if (options.score == "none") return options.cell + " without attention";
  return text(options.cell, ", ", options.attention, " attention, ", options.score, " score");
}

std::unique_ptr<Network> make_network(const NetworkOptions& options, Index letters, Index tokens) {
  const Kind* kind = find_kind(options);
  require<ValueError>(kind != nullptr, "network: kind must be available, got ", name_of(options));
  return kind->make(options, letters, tokens);
}

Stack<float> make_encoder(const NetworkOptions& options, Index letters) {
  std::vector<AnyLayer<float>> layers{Embedding{.size = letters, .dimension = options.embedding}};
  const Index units = options.score.ends_with("dot") ? options.units / 2 : options.units;
  for (Index k = 0; k < options.layers; ++k) {
    if (options.cell == "lstm")
      layers.push_back(Bidirectional<Lstm>{.units = units});
    else
      layers.push_back(Bidirectional<Gru>{.units = units});
    layers.push_back(Dropout{.rate = options.dropout});
  }
  return Stack<float>(1, std::move(layers));
}

}  // namespace g2p
