#pragma once
// Copies between the states of a batch, the states of its parts, and one vector.

#include <algorithm>
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

/// Copies the states of a part's samples to those of the batch. States of another size are set to zero first. Without
/// states, which are those of a part that had no step yet, nothing is copied.
template <class S>
void put_places(const std::vector<State<S>>& mine, const Timeline& timeline, Index samples,
                std::vector<State<S>>& all) {
  if (mine.empty()) return;
  all.resize(mine.size());
  for (std::size_t k = 0; k < mine.size(); ++k) {
    all[k].resize(mine[k].size());
    for (std::size_t s = 0; s < mine[k].size(); ++s) {
      if (all[k][s].cols() != samples) all[k][s].setZero(mine[k][s].rows(), samples);
      for (Index b = 0; b < timeline.batch(); ++b) all[k][s].col(timeline.place(b)) = mine[k][s].col(b);
    }
  }
}

/// All states in one vector: by layer, state and sample.
template <class S>
VectorX<S> flat_states(const std::vector<State<S>>& all) {
  Index size = 0;
  for (const State<S>& layer : all)
    for (const MatrixX<S>& state : layer) size += state.size();
  VectorX<S> flat(size);
  auto to = flat.data();
  for (const State<S>& layer : all)
    for (const MatrixX<S>& state : layer) to = std::copy_n(state.data(), state.size(), to);
  return flat;
}

/// Inverse of `flat_states`. Throws ShapeError unless `flat` has the states of `samples` samples of the model.
template <class Model>
std::vector<State<typename Model::Scalar>> states_of(const Model& model, const VectorX<typename Model::Scalar>& flat,
                                                     Index samples) {
  std::vector<State<typename Model::Scalar>> all(model.depth());
  Index size = 0;
  model.each_layer([&](const auto& layer, std::size_t k) {
    for (const Index rows : layer.state_rows()) {
      all[k].emplace_back(rows, samples);
      size += rows * samples;
    }
  });
  require<ShapeError>(flat.size() == size, "fit: the carried states of the state must have ", size, " numbers, for ",
                      samples, " streams of the model, got ", flat.size());
  auto from = flat.data();
  for (auto& layer : all)
    for (auto& state : layer) {
      std::copy_n(from, state.size(), state.data());
      from += state.size();
    }
  return all;
}

}  // namespace unroll::detail
