#pragma once
// Data sets of events, for training and scoring.

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "scorer.hpp"
#include "toy.hpp"
#include "unroll/data/lazy_dataset.hpp"

namespace peaks {

/// Events with inputs [4 x bins] and targets [1 x bins], NaN in masked bins.
struct Events {
  unroll::LazyDataset<float> data;   // in memory, or read when an event is needed
  std::string source;                // for messages
  std::vector<std::string> remarks;  // peculiarities of the data, one sentence each
  std::string channels;              // inputs: "toy", "kernel", "poca" or "X"
  bool has_truth = true;             // false: all targets are NaN

  unroll::Index bins() const { return data.length(0); }
  double bin_width() const { return (z_last - z_first) / double(bins()); }        // mm
  double place(double bin) const { return z_first + (bin + 0.5) * bin_width(); }  // mm, of the middle of a bin
  unroll::MatrixX<float> input(unroll::Index event) const { return data.read(event).sequence(0); }
  unroll::MatrixX<float> target(unroll::Index event) const { return data.read(event).values(0); }
};

/// Data in memory, one matrix per event.
unroll::LazyDataset<float> in_memory(std::vector<unroll::MatrixX<float>> inputs,
                                     std::vector<unroll::MatrixX<float>> targets);

/// Calls f(input, target) for each event.
template <class F>
void each_event(const Events& events, F&& f) {
  unroll::detail::each_sample(
      events.data, [&](const unroll::Dataset<float>& data, unroll::Index k) { f(data.sequence(k), data.values(k)); });
}

/// Hash of inputs and targets.
std::string fingerprint(const Events& events);

/// Simulated events. Training, test and validation use different `set`s. Throws ValueError if `count` is 0.
Events make_events(const Toy& toy, std::uint64_t set, unroll::Index count);

/// Input channels read from a file: the kernel density and its square, or the densities of points of closest approach
/// (POCA). `automatic` selects the latter only if the file has no kernel density.
enum class Channels { automatic, kernel, closest_approach };

/// Unit of the transverse positions Xmax and Ymax in a file. The project's files contain mm / 2500: 4e-5 is 0.1 mm.
enum class TransverseUnit { project, millimetre };

struct ReadOptions {
  Channels channels = Channels::automatic;
  TransverseUnit unit = TransverseUnit::project;
  bool needs_truth = true;  // false: a file without `pv` is accepted, and no event is dropped
  bool lazy = false;        // the file is read once to check it, then each event when it is needed
};

/// Reads a file of the real project, HDF5, .npz or a folder of .npy files, with arrays [events x 4000] (NumPy: any
/// number of bins): targets `pv` and `pv_other`, and inputs `kernel`, `Xmax` and `Ymax`, or `poca_KDE_A`, `poca_KDE_B`,
/// `poca_KDE_A_xMax` and `poca_KDE_A_yMax`. Files of NumPy may contain instead the inputs as `X` [events x 4 x bins]
/// and the targets as `Y` [events x bins], NaN in masked bins. Events whose targets are all NaN are dropped, events
/// without tracks are kept; the remarks report both. Throws FileError for missing arrays and non-finite inputs,
/// ShapeError for other shapes, ValueError if no event is left and for positions beyond 20 mm, which have another unit,
/// and FileError for HDF5 in a build without it. With `lazy` also for compressed .npz files and for arrays in Fortran
/// order.
Events read_events(const std::filesystem::path& file, const ReadOptions& options);
inline Events read_events(const std::filesystem::path& file, Channels channels) {
  return read_events(file, ReadOptions{channels});
}

/// Arrays of a file by name.
class ArrayFile {
 public:
  virtual ~ArrayFile() = default;
  virtual bool has(const std::string& name) const = 0;
  /// Throws FileError if there is no such array.
  virtual std::vector<unroll::Index> shape(const std::string& name) const = 0;
  /// `count` entries of the first dimension, from `first` on, row-major.
  virtual std::vector<float> read(const std::string& name, unroll::Index first, unroll::Index count) const = 0;
  virtual std::string path() const = 0;
};
/// Throws FileError in a build without HDF5.
std::unique_ptr<ArrayFile> open_hdf5(const std::filesystem::path& file);
/// Arrays NAME.npy of a folder, or of a .npz file whose arrays are not compressed; `read` reads from the file.
std::unique_ptr<ArrayFile> open_npy_folder(const std::filesystem::path& folder);
std::unique_ptr<ArrayFile> open_npz_rows(const std::filesystem::path& file);

/// The events [first, last).
Events part(const Events& events, unroll::Index first, unroll::Index last);

/// Hash of the input of each event; empty for events without tracks, which are all equal.
std::vector<std::string> hashes_of(const Events& events);
/// The same for training events. Throws ValueError if no target has a peak.
std::vector<std::string> hashes_of_training(const Events& training);

/// Whether each event has one of these hashes; an empty one counts as another event.
std::vector<bool> are_among(const std::vector<std::string>& hashes, const std::set<std::string>& known);

/// Scores of fixed levels without a model: a bin belongs to a peak where channel 0 exceeds the level.
std::vector<Score> level_scores(const Events& events, const std::vector<double>& levels, const Search& search);

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
