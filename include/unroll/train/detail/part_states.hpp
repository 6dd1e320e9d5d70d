#pragma once
// Copies between the states of a batch and the states of its parts.

#include <vector>

#include "unroll/cell/state.hpp"
#include "unroll/core/error.hpp"
#include "unroll/core/timeline.hpp"

namespace unroll::detail {

/// Throws ShapeError unless all states have `samples` columns.
template <class S>
void check_samples(const std::vector<State<S>>& all, Index samples) {
  for (const State<S>& layer : all)
    for (const MatrixX<S>& state : layer)
      require<ShapeError>(state.cols() == samples, "training: the carried state must have ", samples,
                          " samples, as the batch, got ", state.cols());
}

/// Copies the states of a part's samples from those of the batch, by the places in the part's timeline.
template <class S>
void take_places(const std::vector<State<S>>& all, const Timeline& timeline, std::vector<State<S>>& mine) {
  mine.resize(all.size());
  for (std::size_t k = 0; k < all.size(); ++k) {
    mine[k].resize(all[k].size());
    for (std::size_t s = 0; s < all[k].size(); ++s) {
      mine[k][s].resize(all[k][s].rows(), timeline.batch());
      for (Index b = 0; b < timeline.batch(); ++b) mine[k][s].col(b) = all[k][s].col(timeline.place(b));
    }
  }
}

/// Copies the states of a part's samples to those of the batch. States of another size are set to zero first.
template <class S>
void put_places(const std::vector<State<S>>& mine, const Timeline& timeline, Index samples,
                std::vector<State<S>>& all) {
  all.resize(mine.size());
  for (std::size_t k = 0; k < mine.size(); ++k) {
    all[k].resize(mine[k].size());
    for (std::size_t s = 0; s < mine[k].size(); ++s) {
      if (all[k][s].cols() != samples) all[k][s].setZero(mine[k][s].rows(), samples);
      for (Index b = 0; b < timeline.batch(); ++b) all[k][s].col(timeline.place(b)) = mine[k][s].col(b);
    }
  }
}

}  // namespace unroll::detail
