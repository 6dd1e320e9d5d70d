#include <algorithm>
#include <cmath>

#include "data.hpp"
#include "unroll/io/formats/npz.hpp"

namespace peaks {

using namespace unroll;

namespace {

constexpr Index project_bins = 4000;
constexpr double furthest = 20;  // mm; the beam pipe is narrower

class NpzArrays : public ArrayFile {
 public:
  explicit NpzArrays(const std::filesystem::path& path) : path_(path.string()), arrays_(read_npz(path)) {}
  bool has(const std::string& name) const override { return arrays_.contains(name); }
  std::vector<Index> shape(const std::string& name) const override { return at(name).shape; }
  std::vector<float> read(const std::string& name, Index first, Index count) const override {
    const std::vector<float> all = at(name).to<float>();
    const auto row = std::ssize(all) / shape(name).front();
    return {all.begin() + first * row, all.begin() + (first + count) * row};
  }
  std::string path() const override { return path_; }

 private:
  const Tensor& at(const std::string& name) const {
    const auto found = arrays_.find(name);
    std::string names;
    for (const auto& [known, array] : arrays_) names += (names.empty() ? "" : ", ") + known;
    require<FileError>(found != arrays_.end(), path_, ": must contain an array '", name, "', found ", names);
    return found->second;
  }

  std::string path_;
  std::map<std::string, Tensor> arrays_;
};

bool is_numpy(const std::filesystem::path& path) {
  return path.extension() == ".npz" || std::filesystem::is_directory(path);
}

std::unique_ptr<ArrayFile> open_file(const std::filesystem::path& path, bool lazily) {
  if (std::filesystem::is_directory(path)) return open_npy_folder(path);
  if (path.extension() != ".npz") return open_hdf5(path);
  if (lazily) return open_npz_rows(path);
  return std::make_unique<NpzArrays>(path);
}

/// Input channels and targets of consecutive events, [bins x events].
struct Block {
  Index first = 0, count = 0;
  std::vector<MatrixX<float>> channels = {};
  MatrixX<float> findable = {}, other = {};
};

/// Numbers of events with peculiarities.
struct Tally {
  Index without_target = 0, empty = 0;
};

/// Reader of arrays with one row of bins per event.
class Reader {
 public:
  Reader(const std::filesystem::path& path, const ReadOptions& options)
      : file_(open_file(path, options.lazy)), options_(options), numpy_(is_numpy(path)) {
    poca_ = options.channels == Channels::closest_approach;
    if (options.channels == Channels::automatic) poca_ = !file_->has("kernel") && file_->has("poca_KDE_A");
    whole_ = numpy_ && options.channels == Channels::automatic && !poca_ && !file_->has("kernel") &&
             (file_->has("X") || !file_->has("pv"));  // with neither, the message names Y
    truth_ = options.needs_truth || file_->has(target_name());
    take_sizes();
  }

  Index events() const { return events_; }
  Index bins() const { return bins_; }

  /// Calls f(event, input, target) for the events [first, first + count) without those that are omitted.
  template <class F>
  void read(Index first, Index count, Tally& tally, const F& f) const {
    const Block block = this->block(first, count);
    for (Index k = 0; k < count; ++k) {
      MatrixX<float> target = MatrixX<float>::Constant(1, bins_, std::nanf("")),
                     input(Index(block.channels.size()), bins_);
      if (truth_) {
        target = block.findable.col(k).transpose();
        check_target(target, first + k);
        if (!whole_) mask(target, block.other.col(k).transpose());
      }
      for (std::size_t c = 0; c < block.channels.size(); ++c)
        input.row(Index(c)) = block.channels[c].col(k).transpose();
      if (options_.needs_truth && target.array().isNaN().all() && ++tally.without_target) continue;
      tally.empty += input.isZero(0);
      f(first + k, std::move(input), std::move(target));
    }
  }

  void require_events(const Tally& tally) const {
    require<ValueError>(tally.without_target < events_, file_->path(), ": the targets must not all be NaN");
  }
  Events events_of(LazyDataset<float> data, const Tally& tally) const {
    return {std::move(data), file_->path(), remarks(tally), whole_ ? "X" : poca_ ? "poca" : "kernel", truth_};
  }

 private:
  std::string place(const std::string& name) const { return text(file_->path(), ", '", name, "': "); }
  const char* target_name() const { return whole_ ? "Y" : "pv"; }

  /// Number of events and bins, from the targets or, without them, from the first input.
  void take_sizes() {
    const std::string name = truth_ ? target_name() : whole_ ? "X" : poca_ ? "poca_KDE_A" : "kernel";
    auto sizes = file_->shape(name);
    if (name == "X" && sizes.size() == 3) sizes.erase(sizes.begin() + 1);
    const bool fits = sizes.size() == 2 && (numpy_ ? sizes[1] >= 100 && sizes[1] <= 100000 : sizes[1] == project_bins);
    require<ShapeError>(fits, place(name), "the shape must be ",
                        numpy_ ? "[events, bins] with 100 to 100000 bins" : text("[events, ", project_bins, "]"),
                        ", got ", [&] { return detail::shape_text(file_->shape(name)); });
    require<ValueError>(sizes[0] > 0, file_->path(), ": must contain events, found none");
    events_ = sizes[0], bins_ = sizes[1];
  }

  Block block(Index first, Index count) const {
    Block block{.first = first, .count = count};
    if (truth_) block.findable = rows(target_name(), block);
    if (truth_ && !whole_) block.other = rows("pv_other", block);
    block.channels = whole_ ? of_one_array(block) : poca_ ? closest_approach(block) : kernel(block);
    return block;
  }

  /// [bins x events of the block]
  MatrixX<float> rows(const std::string& name, const Block& block) const {
    const auto sizes = file_->shape(name);
    require<ShapeError>(sizes == std::vector<Index>{events_, bins_}, place(name), "the shape must be that of '",
                        truth_  ? target_name()
                        : poca_ ? "poca_KDE_A"
                                : "kernel",
                        "', [", events_, ", ", bins_, "], got ", [&] { return detail::shape_text(sizes); });
    const std::vector<float> numbers = file_->read(name, block.first, block.count);
    return Eigen::Map<const MatrixX<float>>(numbers.data(), bins_, block.count);
  }

  void check_finite(const std::string& name, const MatrixX<float>& numbers, const Block& block) const {
    for (Index k = 0; k < numbers.size(); ++k)
      require<FileError>(
          std::isfinite(numbers.data()[k]), [&] { return place(name); }, "event ", block.first + k / bins_, ", bin ",
          k % bins_, " must be finite, got ", numbers.data()[k]);
  }
  MatrixX<float> input(const std::string& name, const Block& block) const {
    MatrixX<float> numbers = rows(name, block);
    check_finite(name, numbers, block);
    return numbers;
  }

  /// Transverse positions in units of 0.5 mm, 0 where the density is 0, because they are undefined there.
  /// `millimetres`: value of 1 in the file.
  MatrixX<float> position(const std::string& name, const MatrixX<float>& density, double millimetres,
                          const Block& block) const {
    const MatrixX<float> given = (density.array() == 0).select(0, input(name, block));
    const double largest = millimetres * double(given.cwiseAbs().maxCoeff());
    const char* const unit = millimetres == 1 ? "mm" : "mm / 2500";
    require<ValueError>(largest <= furthest, place(name), "positions must be at most ", furthest, " mm, got ", largest,
                        " mm, if the values are in ", unit,
                        millimetres == 1 ? "; check the unit" : "; --transverse-unit mm reads them as mm");
    return float(2 * millimetres) * given;
  }

  std::vector<MatrixX<float>> kernel(const Block& block) const {
    const MatrixX<float> density = input("kernel", block);
    const double unit = options_.unit == TransverseUnit::project ? 2500 : 1;
    return {density, density.cwiseAbs2(), position("Xmax", density, unit, block),
            position("Ymax", density, unit, block)};
  }

  std::vector<MatrixX<float>> closest_approach(const Block& block) const {
    const MatrixX<float> density = input("poca_KDE_A", block);
    const auto place_of = [&](const char* name) -> MatrixX<float> { return position(name, density, 1, block) / 2; };
    return {density, input("poca_KDE_B", block), place_of("poca_KDE_A_xMax"), place_of("poca_KDE_A_yMax")};
  }

  std::vector<MatrixX<float>> of_one_array(const Block& block) const {
    const auto sizes = file_->shape("X");
    require<ShapeError>(sizes == std::vector<Index>{events_, 4, bins_}, place("X"), "the shape must be [", events_,
                        ", 4, ", bins_, "], got ", [&] { return detail::shape_text(sizes); });
    const std::vector<float> numbers = file_->read("X", block.first, block.count);
    const Eigen::Map<const MatrixX<float>> all(numbers.data(), bins_, 4 * block.count);
    std::vector<MatrixX<float>> channels(4, MatrixX<float>(bins_, block.count));
    for (Index k = 0; k < 4 * block.count; ++k) channels[std::size_t(k % 4)].col(k / 4) = all.col(k);
    for (const auto& channel : channels) check_finite("X", channel, block);
    return channels;
  }

  void check_target(const MatrixX<float>& target, Index event) const {
    for (Index bin = 0; bin < target.cols(); ++bin)
      require<FileError>(
          std::isnan(target(0, bin)) || (target(0, bin) >= 0 && std::isfinite(target(0, bin))),
          [&] { return place(target_name()); }, "event ", event, ", bin ", bin, " must be at least 0, got ",
          target(0, bin));
  }

  std::vector<std::string> remarks(const Tally& tally) const {
    std::vector<std::string> all;
    if (tally.without_target > 0)
      all.push_back(text(tally.without_target, " of ", events_, " events have only NaN targets and are omitted."));
    if (tally.empty > 0) all.push_back(text(tally.empty, " of ", events_, " events have no tracks."));
    return all;
  }

  std::unique_ptr<ArrayFile> file_;
  ReadOptions options_;
  bool numpy_, poca_ = false, whole_ = false, truth_ = true;
  Index events_ = 0, bins_ = 0;
};

}  // namespace

namespace {

Events read_at_once(const Reader& reader) {
  std::vector<MatrixX<float>> inputs, targets;
  Tally tally;
  reader.read(0, reader.events(), tally, [&](Index, MatrixX<float> input, MatrixX<float> target) {
    inputs.push_back(std::move(input)), targets.push_back(std::move(target));
  });
  reader.require_events(tally);
  return reader.events_of(in_memory(std::move(inputs), std::move(targets)), tally);
}

Events read_lazily(const std::shared_ptr<const Reader>& reader) {
  constexpr Index checked_together = 64;
  std::vector<Index> kept;
  Tally tally;
  for (Index first = 0; first < reader->events(); first += checked_together)
    reader->read(first, std::min(checked_together, reader->events() - first), tally,
                 [&](Index event, const MatrixX<float>&, const MatrixX<float>&) { kept.push_back(event); });
  reader->require_events(tally);
  const auto read = [reader, kept](Index k) {
    std::vector<MatrixX<float>> inputs, targets;
    Tally unused;
    reader->read(kept[std::size_t(k)], 1, unused, [&](Index, MatrixX<float> input, MatrixX<float> target) {
      inputs.push_back(std::move(input)), targets.push_back(std::move(target));
    });
    return Dataset<float>::step_valued(std::move(inputs), std::move(targets));
  };
  const std::vector<Index> lengths(kept.size(), reader->bins());
  return reader->events_of(LazyDataset<float>(std::ssize(kept), read, {.lengths = lengths}), tally);
}

}  // namespace

Events read_events(const std::filesystem::path& file, const ReadOptions& options) {
  const auto reader = std::make_shared<const Reader>(file, options);
  return options.lazy ? read_lazily(reader) : read_at_once(*reader);
}

}  // namespace peaks
