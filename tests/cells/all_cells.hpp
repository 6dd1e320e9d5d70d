#pragma once
// The list of all cells. Each is tested for: gradients in both directions and in a model, masks, identical bits in any
// batch, agreement with a plain reference, traces, fixed sizes, memory, and its row in docs/cells.md.

#include <unroll/unroll.hpp>

#include "cells/hand_written.hpp"

namespace cell_run {

template <class... C>
struct Cells {};

// clang-format off
template <class S>
using AllCells = Cells<
    Elman<S>,
    typename ElmanWith<Softplus>::template Cell<S>,
    Lstm<S>,
    PeepholeLstm<S>,
    PeepholeLstmLinear<S>,
    CoupledLstm<S>,
    CoupledPeepholeLstm<S>,
    ProjectedLstm<S>,
    ProjectedPeepholeLstm<S>,
    MultiplicativeLstm<S>,
    MultiplicativeLstmTanh<S>,
    Slstm<S>,
    Janet<S>,
    Ran<S>,
    Gru<S>,
    GruResetBefore<S>,
    Mgu<S>,
    Ugrnn<S>,
    MinGru<S>,
    MinLstm<S>,
    FastRnn<S>,
    FastGrnn<S>,
    Star<S>,
    Irnn<S>,
    IndRnn<S>,
    Sru<S>,
    Scrn<S>,
    Lem<S>,
    RecurrentHighway<S>,
    LayerNormLstm<S>,
    LayerNormGru<S>,
    Cornn<S>,
    Lru<S>,
    Lmu<S>,
    MogrifierLstm<S>,
    Mlstm<S>,
    GatedDeltaNet<S>,
    AntisymmetricRnn<S>,
    EchoState<S>,
    Rwkv6<S>,
    HandWrittenGru<S>>;
// clang-format on

/// Calls f.operator()<C>() for every cell of the list whose index has the remainder `part` modulo `parts`. The list is
/// split because each cell takes long to compile.
template <int part, int parts, class F, class... C>
void each_cell(Cells<C...>, F&& f) {
  const auto one = [&]<class Cell, int k>() {
    if constexpr (k % parts == part) f.template operator()<Cell>();
  };
  [&]<int... k>(std::integer_sequence<int, k...>) { (one.template operator()<C, k>(), ...); }
  (std::make_integer_sequence<int, int(sizeof...(C))>{});
}

}  // namespace cell_run
