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
  std::vector<float> read(const std::string& name) const override { return at(name).to<float>(); }
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

std::unique_ptr<ArrayFile> open_file(const std::filesystem::path& path) {
  if (path.extension() == ".npz") return std::make_unique<NpzArrays>(path);
  return open_hdf5(path);
}

/// Reader of arrays with one row of bins per event.
class Reader {
 public:
  Reader(const std::filesystem::path& path, const ReadOptions& options)
      : file_(open_file(path)), options_(options), npz_(path.extension() == ".npz") {
    poca_ = options.channels == Channels::closest_approach;
    if (options.channels == Channels::automatic) poca_ = !file_->has("kernel") && file_->has("poca_KDE_A");
    whole_ = npz_ && options.channels == Channels::automatic && !poca_ && !file_->has("kernel") && file_->has("X");
    truth_ = options.needs_truth || file_->has(target_name());
    take_sizes();
  }

  Events read() const {
    const MatrixX<float> findable = truth_ ? rows(target_name()) : MatrixX<float>(),
                         other = truth_ && !whole_ ? rows("pv_other") : MatrixX<float>();
    const std::vector<MatrixX<float>> channels = whole_ ? of_one_array() : poca_ ? closest_approach() : kernel();
    std::vector<MatrixX<float>> inputs, targets;
    Index without_target = 0, empty = 0;
    for (Index k = 0; k < events_; ++k) {
      MatrixX<float> target = MatrixX<float>::Constant(1, bins_, std::nanf("")), input(Index(channels.size()), bins_);
      if (truth_) {
        target = findable.col(k).transpose();
        check_target(target, k);
        if (!whole_) mask(target, other.col(k).transpose());
      }
      for (std::size_t c = 0; c < channels.size(); ++c) input.row(Index(c)) = channels[c].col(k).transpose();
      if (options_.needs_truth && target.array().isNaN().all() && ++without_target) continue;
      empty += input.isZero(0);
      inputs.push_back(std::move(input));
      targets.push_back(std::move(target));
    }
    require<ValueError>(!inputs.empty(), file_->path(), ": the targets must not all be NaN");
    return {Dataset<float>::step_valued(std::move(inputs), std::move(targets)), file_->path(),
            remarks(without_target, empty),
            whole_  ? "X"
            : poca_ ? "poca"
                    : "kernel",
            truth_};
  }

 private:
  std::string place(const std::string& name) const { return text(file_->path(), ", '", name, "': "); }
  const char* target_name() const { return whole_ ? "Y" : "pv"; }

  /// Number of events and bins, from the targets or, without them, from the first input.
  void take_sizes() {
    const std::string name = truth_ ? target_name() : whole_ ? "X" : poca_ ? "poca_KDE_A" : "kernel";
    auto sizes = file_->shape(name);
    if (name == "X" && sizes.size() == 3) sizes.erase(sizes.begin() + 1);
    const bool fits = sizes.size() == 2 && (npz_ ? sizes[1] >= 100 && sizes[1] <= 100000 : sizes[1] == project_bins);
    require<ShapeError>(fits, place(name), "the shape must be ",
                        npz_ ? "[events, bins] with 100 to 100000 bins" : text("[events, ", project_bins, "]"),
                        ", got ", [&] { return detail::shape_text(file_->shape(name)); });
    require<ValueError>(sizes[0] > 0, file_->path(), ": must contain events, found none");
    events_ = sizes[0], bins_ = sizes[1];
  }

  /// [bins x events]
  MatrixX<float> rows(const std::string& name) const {
    const auto sizes = file_->shape(name);
    require<ShapeError>(sizes == std::vector<Index>{events_, bins_}, place(name), "the shape must be that of '",
                        truth_  ? target_name()
                        : poca_ ? "poca_KDE_A"
                                : "kernel",
                        "', [", events_, ", ", bins_, "], got ", [&] { return detail::shape_text(sizes); });
    const std::vector<float> numbers = file_->read(name);
    return Eigen::Map<const MatrixX<float>>(numbers.data(), bins_, events_);
  }

  void check_finite(const std::string& name, const MatrixX<float>& numbers) const {
    for (Index k = 0; k < numbers.size(); ++k)
      require<FileError>(
          std::isfinite(numbers.data()[k]), [&] { return place(name); }, "event ", k / bins_, ", bin ", k % bins_,
          " must be finite, got ", numbers.data()[k]);
  }
  MatrixX<float> input(const std::string& name) const {
    MatrixX<float> numbers = rows(name);
    check_finite(name, numbers);
    return numbers;
  }

  /// Transverse positions in units of 0.5 mm, 0 where the density is 0, because they are undefined there.
  /// `millimetres`: value of 1 in the file.
  MatrixX<float> position(const std::string& name, const MatrixX<float>& density, double millimetres) const {
    const MatrixX<float> given = (density.array() == 0).select(0, input(name));
    const double largest = millimetres * double(given.cwiseAbs().maxCoeff());
    const char* const unit = millimetres == 1 ? "mm" : "mm / 2500";
    require<ValueError>(largest <= furthest, place(name), "positions must be at most ", furthest, " mm, got ", largest,
                        " mm, if the values are in ", unit,
                        millimetres == 1 ? "; check the unit" : "; --transverse-unit mm reads them as mm");
    return float(2 * millimetres) * given;
  }

  std::vector<MatrixX<float>> kernel() const {
    const MatrixX<float> density = input("kernel");
    const double unit = options_.unit == TransverseUnit::project ? 2500 : 1;
    return {density, density.cwiseAbs2(), position("Xmax", density, unit), position("Ymax", density, unit)};
  }

  std::vector<MatrixX<float>> closest_approach() const {
    const MatrixX<float> density = input("poca_KDE_A");
    const auto place_of = [&](const char* name) -> MatrixX<float> { return position(name, density, 1) / 2; };
    return {density, input("poca_KDE_B"), place_of("poca_KDE_A_xMax"), place_of("poca_KDE_A_yMax")};
  }

  std::vector<MatrixX<float>> of_one_array() const {
    const auto sizes = file_->shape("X");
    require<ShapeError>(sizes == std::vector<Index>{events_, 4, bins_}, place("X"), "the shape must be [", events_,
                        ", 4, ", bins_, "], got ", [&] { return detail::shape_text(sizes); });
    const std::vector<float> numbers = file_->read("X");
    const Eigen::Map<const MatrixX<float>> all(numbers.data(), bins_, 4 * events_);
    std::vector<MatrixX<float>> channels(4, MatrixX<float>(bins_, events_));
    for (Index k = 0; k < 4 * events_; ++k) channels[std::size_t(k % 4)].col(k / 4) = all.col(k);
    for (const auto& channel : channels) check_finite("X", channel);
    return channels;
  }

  void check_target(const MatrixX<float>& target, Index event) const {
    for (Index bin = 0; bin < target.cols(); ++bin)
      require<FileError>(
          std::isnan(target(0, bin)) || (target(0, bin) >= 0 && std::isfinite(target(0, bin))),
          [&] { return place(target_name()); }, "event ", event, ", bin ", bin, " must be at least 0, got ",
          target(0, bin));
  }

  std::vector<std::string> remarks(Index without_target, Index empty) const {
    std::vector<std::string> all;
    if (without_target > 0)
      all.push_back(text(without_target, " of ", events_, " events have only NaN targets and are omitted."));
    if (empty > 0) all.push_back(text(empty, " of ", events_, " events have no tracks."));
    return all;
  }

  std::unique_ptr<ArrayFile> file_;
  ReadOptions options_;
  bool npz_, poca_ = false, whole_ = false, truth_ = true;
  Index events_ = 0, bins_ = 0;
};

}  // namespace

Events read_events(const std::filesystem::path& file, const ReadOptions& options) {
  return Reader(file, options).read();
}

}  // namespace peaks
