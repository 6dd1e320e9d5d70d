#pragma once
// Data sets of events, for training and scoring.

#include <filesystem>
#include <string>

#include "scorer.hpp"
#include "toy.hpp"
#include "unroll/data/dataset.hpp"

namespace peaks {

struct Events {
  unroll::Dataset<float> data;       // inputs [4 x bins] per event; targets [1 x bins], NaN in masked bins
  std::string source;                // for messages
  std::vector<std::string> remarks;  // peculiarities of the data, one sentence each

  unroll::Index bins() const { return data.length(0); }
  double bin_width() const { return (z_last - z_first) / double(bins()); }  // mm
};

/// Simulated events. Training, test and validation use different `set`s. Throws ValueError if `count` is 0.
Events make_events(const Toy& toy, std::uint64_t set, unroll::Index count);

/// Input channels read from a file: the kernel density and its square, or the densities of points of closest approach
/// (POCA). `automatic` selects the latter only if the file has no kernel density.
enum class Channels { automatic, kernel, closest_approach };

/// Reads an HDF5 file of the real project with datasets [events x 4000]: targets `pv` and `pv_other`, and inputs
/// `kernel`, `Xmax` and `Ymax`, or `poca_KDE_A`, `poca_KDE_B`, `poca_KDE_A_xMax` and `poca_KDE_A_yMax`. Events whose
/// targets are all NaN are dropped, events without tracks are kept; the remarks report both. Throws FileError for
/// missing datasets and non-finite inputs, ShapeError for other shapes, ValueError if no event is left, and always
/// FileError in a build without HDF5.
Events read_events(const std::filesystem::path& file, Channels channels);

/// The events [first, last).
Events part(const Events& events, unroll::Index first, unroll::Index last);

/// Number of `events` that are also in `training`. Events without tracks are not counted, since they are all equal.
unroll::Index shared_events(const Events& training, const Events& events);

/// Score of a fixed level without a model: a bin belongs to a peak where channel 0 exceeds `level`.
Score level_score(const Events& events, double level, const Search& search);

/// The level with the best F1 on the training events, and its score on the test events.
struct Baseline {
  double level = 0;
  Score score;
};
Baseline threshold_baseline(const Events& training, const Events& test, const Search& search);

/// View of a row [1 x bins] for find_peaks and compare.
inline std::span<const float> bins_of(const unroll::MatrixX<float>& row) {
  return {row.data(), std::size_t(row.cols())};
}

}  // namespace peaks
