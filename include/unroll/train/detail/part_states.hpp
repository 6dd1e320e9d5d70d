#pragma once
// The states of a batch's samples, and those of the samples in one part of it.

#include <vector>

#include "unroll/cell/state.hpp"
#include "unroll/core/error.hpp"
#include "unroll/core/timeline.hpp"

namespace unroll::detail {

/// Throws ShapeError unless all states are of so many samples.
template <class S>
void check_samples(const std::vector<State<S>>& all, Index samples) {
  for (const State<S>& layer : all)
    for (const MatrixX<S>& state : layer)
      require<ShapeError>(state.cols() == samples, "training: the batch has ", samples,
                          " samples, the carried state is of ", state.cols());
}

/// The columns of a part's samples, by the places that its timeline knows.
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

/// The other way round. What `all` lacks becomes zero first.
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
