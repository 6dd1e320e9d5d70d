#pragma once
// Models with every cell that is written as the operator Scan, for ONNX Runtime. They cost the compiler minutes.

#include <unroll/io/open/library_cells.hpp>

#include "own_cells.hpp"

namespace onnx_models {

/// Layers of one and both directions, two layers, and the last output.
template <template <class, int...> class C>
void add_scan(std::vector<Named>& to, const std::string& name, std::vector<std::pair<std::string, Index>> sizes = {}) {
  const Recurrent<C> forward{.units = 4, .sizes = sizes};
  Recurrent<C> backward = forward, last = forward;
  backward.direction = Direction::backward;
  last.returns = Returns::last;
  Bidirectional<C> both{.units = 4, .sizes = sizes}, last_both = both;
  last_both.returns = Returns::last;
  last_both.merge = Merge::product;
  to.push_back({"scan_" + name, {forward}});
  to.push_back({"scan_" + name + "_two", {backward, both, Dense{.units = 2}}});
  to.push_back({"scan_" + name + "_last", {forward, last}});
  to.push_back({"scan_" + name + "_last_both", {last_both}});
}

inline std::vector<Named> scan_models() {
  std::vector<Named> to;
  add_scan<PeepholeLstmLinear>(to, "peephole_linear");
  add_scan<ProjectedLstm>(to, "projected", {{"projected", 3}});
  add_scan<ProjectedPeepholeLstm>(to, "projected_peephole", {{"projected", 3}});
  add_scan<MultiplicativeLstm>(to, "multiplicative");
  add_scan<MultiplicativeLstmTanh>(to, "multiplicative_tanh");
  add_scan<Slstm>(to, "slstm");
  add_scan<Janet>(to, "janet");
  add_scan<Ran>(to, "ran");
  add_scan<Mgu>(to, "mgu");
  add_scan<Ugrnn>(to, "ugrnn");
  add_scan<MinGru>(to, "min_gru");
  add_scan<MinLstm>(to, "min_lstm");
  add_scan<FastRnn>(to, "fast_rnn");
  add_scan<FastGrnn>(to, "fast_grnn");
  add_scan<Star>(to, "star");
  add_scan<IndRnn>(to, "indrnn");
  add_scan<Sru>(to, "sru");
  add_scan<Scrn>(to, "scrn", {{"context", 3}, {"outputs", 2}});
  add_scan<Lem>(to, "lem");
  add_scan<RecurrentHighway>(to, "recurrent_highway");
  add_scan<LayerNormLstm>(to, "layer_norm_lstm");
  add_scan<LayerNormGru>(to, "layer_norm_gru");
  add_scan<MogrifierLstm>(to, "mogrifier");
  add_scan<Mlstm>(to, "mlstm");
  add_scan<HeadedMlstm>(to, "headed_mlstm", {{"heads", 2}, {"keys", 3}});
  add_scan<GatedDeltaNet>(to, "gated_delta_net", {{"keys", 3}});
  add_scan<HeadedGatedDeltaNet>(to, "headed_gated_delta_net", {{"heads", 2}, {"keys", 3}});
  add_scan<SlstmWith<2>::Cell>(to, "slstm_heads");
  add_scan<AntisymmetricRnn>(to, "antisymmetric");
  add_scan<Rwkv6>(to, "rwkv6", {{"rank", 2}});
  add_scan<Ltc>(to, "ltc");
  add_scan<EquationsOf<own_cells::rows>::Cell>(to, "own_rows", {{"heads", 2}, {"keys", 3}});
  add_scan<EquationsOf<own_cells::options>::Cell>(to, "own_options");
  add_scan<EquationsOf<own_cells::functions>::Cell>(to, "own_functions", {{"wide", 5}});
  add_scan<EquationsOf<own_cells::numbers>::Cell>(to, "own_numbers");
  add_scan<EquationsOf<own_cells::words>::Cell>(to, "own_words");
  add_scan<ElmanWith<Gelu>::Cell>(to, "gelu");
  Graph<float> graph;
  const auto in = graph.input();
  graph.concat({graph.add(Recurrent<Mgu>{.units = 3}, in), graph.add(Bidirectional<MinGru>{.units = 3}, in)});
  to.push_back({"scan_graph", {graph, Recurrent<Gru>{.units = 2}, Recurrent<Mgu>{.units = 2}}});
  to.push_back({"scan_embedding", {Embedding{.size = tokens, .dimension = 4}, Recurrent<Mgu>{.units = 4}}, true});
  return to;
}

}  // namespace onnx_models
