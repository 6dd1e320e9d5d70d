#pragma once
// Registry with all cells of the library.

#include "unroll/cells/continuous_time.hpp"
#include "unroll/cells/cornn.hpp"
#include "unroll/cells/elman.hpp"
#include "unroll/cells/fast_rnn.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/cells/indrnn.hpp"
#include "unroll/cells/irnn.hpp"
#include "unroll/cells/janet.hpp"
#include "unroll/cells/layer_norm.hpp"
#include "unroll/cells/lem.hpp"
#include "unroll/cells/lmu.hpp"
#include "unroll/cells/lru.hpp"
#include "unroll/cells/lstm.hpp"
#include "unroll/cells/matrix_memory.hpp"
#include "unroll/cells/mgu.hpp"
#include "unroll/cells/min_gru.hpp"
#include "unroll/cells/mogrifier_lstm.hpp"
#include "unroll/cells/multiplicative_lstm.hpp"
#include "unroll/cells/ran.hpp"
#include "unroll/cells/recurrent_highway.hpp"
#include "unroll/cells/reservoir.hpp"
#include "unroll/cells/rwkv.hpp"
#include "unroll/cells/scrn.hpp"
#include "unroll/cells/slstm.hpp"
#include "unroll/cells/sru.hpp"
#include "unroll/cells/star.hpp"
#include "unroll/cells/ugrnn.hpp"
#include "unroll/io/open/layer_registry.hpp"

namespace unroll {

namespace detail {

// The cells in two parts, so that a program can compile each in a source.
template <class S>
void add_gated_cells(LayerRegistry<S>& registry) {
  registry.template add<Elman, ElmanWith<Relu>::template Cell, Irnn, IndRnn, FastRnn, FastGrnn, Scrn, Lem, Cornn>();
  registry.template add<Gru, GruResetBefore, Mgu, Ugrnn, MinGru, Ran, Star, Sru, RecurrentHighway, LayerNormGru>();
  registry.template add<Lstm, PeepholeLstm, PeepholeLstmLinear, CoupledLstm, CoupledPeepholeLstm, ProjectedLstm,
                        ProjectedPeepholeLstm, MultiplicativeLstm, MultiplicativeLstmTanh, Slstm, Janet, MinLstm,
                        LayerNormLstm>();
}
template <class S>
void add_other_cells(LayerRegistry<S>& registry) {
  registry.template add<Lru, Lmu, MogrifierLstm, Mlstm, HeadedMlstm, GatedDeltaNet, HeadedGatedDeltaNet, HeadedSlstm,
                        AntisymmetricRnn, EchoState, Ltc, Rwkv6>();
}

}  // namespace detail

/// Layers, activations and cells of the library. A program that calls this function compiles every cell, which takes
/// minutes; a LayerRegistry with the cells that the files contain takes seconds.
template <class S>
const LayerRegistry<S>& library_registry() {
  static const LayerRegistry<S> all = [] {
    LayerRegistry<S> registry;
    detail::add_gated_cells(registry);
    detail::add_other_cells(registry);
    return registry;
  }();
  return all;
}

}  // namespace unroll
