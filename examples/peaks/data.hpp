#pragma once
// Events as they are trained on and scored.

#include <filesystem>
#include <string>

#include "scorer.hpp"
#include "toy.hpp"
#include "unroll/data/dataset.hpp"

namespace peaks {

struct Events {
  unroll::Dataset<float> data;       // [4 x bins] each; targets [1 x bins], NaN where there is no answer
  std::string source;                // for messages
  std::vector<std::string> remarks;  // what was peculiar about them, a sentence each

  unroll::Index bins() const { return data.length(0); }
  double bin_width() const { return (z_last - z_first) / double(bins()); }  // mm
};

/// `set` tells training and test events apart. Throws ValueError for none.
Events make_events(const Toy& toy, std::uint64_t set, unroll::Index count);

/// Which inputs of a file are read: the kernel density and its square, or the densities of points of closest approach.
enum class Channels { automatic, kernel, closest_approach };

/// Events of an HDF5 file of the real project: `pv` and `pv_other` [events x 4000] for the targets and, for the inputs,
/// `kernel`, `Xmax` and `Ymax` or `poca_KDE_A`, `poca_KDE_B`, `poca_KDE_A_xMax` and `poca_KDE_A_yMax`, all of the same
/// shape. An event without a single target that is a number is left out, and one without tracks kept; both are told in
/// the remarks. Throws FileError for what is missing or no number, ShapeError for other sizes, ValueError when no event
/// is left, and FileError in a program that was built without HDF5.
Events read_events(const std::filesystem::path& file, Channels channels);

/// The events [first, last).
Events part(const Events& events, unroll::Index first, unroll::Index last);

/// How many of `events` are in `training` too; events without tracks are all alike and do not count.
unroll::Index shared_events(const Events& training, const Events& events);

/// How far one gets without a model: peaks where channel 0 is above a fixed number.
Score level_score(const Events& events, double level, const Search& search);

/// The best such number for the training events, and what it finds in the test events.
struct Baseline {
  double level = 0;
  Score score;
};
Baseline threshold_baseline(const Events& training, const Events& test, const Search& search);

/// A row of an event's bins as a scorer reads it.
inline std::span<const float> bins_of(const unroll::MatrixX<float>& row) {
  return {row.data(), std::size_t(row.cols())};
}

}  // namespace peaks
