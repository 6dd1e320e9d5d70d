#include <cmath>

#include "data.hpp"
#include "unroll/io/formats/hdf5.hpp"

namespace peaks {

using namespace unroll;

namespace {

constexpr Index file_bins = 4000;

/// Reader of datasets with one row of bins per event.
class Reader {
 public:
  Reader(const std::filesystem::path& path, Channels channels)
      : file_(path), poca_(channels == Channels::closest_approach) {
    if (channels == Channels::automatic) poca_ = !file_.has("kernel") && file_.has("poca_KDE_A");
    const auto sizes = file_.shape("pv").sizes;
    require<ShapeError>(sizes.size() == 2 && sizes[1] == file_bins, place("pv"), "the shape must be [events, ",
                        file_bins, "], got ", detail::shape_text(sizes));
    require<ValueError>(sizes[0] > 0, file_.path(), ": must contain events, found none");
    events_ = sizes[0];
  }

  Events read() const {
    const auto findable = dataset("pv"), other = dataset("pv_other");
    const std::vector<MatrixX<float>> channels = poca_ ? closest_approach() : kernel();
    std::vector<MatrixX<float>> inputs, targets;
    Index without_target = 0, empty = 0;
    for (Index k = 0; k < events_; ++k) {
      MatrixX<float> target = findable.col(k).transpose(), input(Index(channels.size()), file_bins);
      check_target(target, k);
      mask(target, other.col(k).transpose());
      for (std::size_t c = 0; c < channels.size(); ++c) input.row(Index(c)) = channels[c].col(k).transpose();
      if (target.array().isNaN().all() && ++without_target) continue;
      empty += input.isZero(0);
      inputs.push_back(std::move(input));
      targets.push_back(std::move(target));
    }
    require<ValueError>(!inputs.empty(), file_.path(), ": the targets must not all be NaN");
    return {Dataset<float>::step_valued(std::move(inputs), std::move(targets)), file_.path(),
            remarks(without_target, empty)};
  }

 private:
  std::string place(const std::string& name) const { return text(file_.path(), ", '", name, "': "); }

  /// [bins x events]
  MatrixX<float> dataset(const std::string& name) const {
    const auto sizes = file_.shape(name).sizes;
    require<ShapeError>(sizes == std::vector<Index>{events_, file_bins}, place(name),
                        "the shape must be that of 'pv', [", events_, ", ", file_bins, "], got ",
                        detail::shape_text(sizes));
    const std::vector<float> numbers = file_.read<float>(name);
    return Eigen::Map<const MatrixX<float>>(numbers.data(), file_bins, events_);
  }

  MatrixX<float> input(const std::string& name) const {
    MatrixX<float> numbers = dataset(name);
    for (Index k = 0; k < numbers.size(); ++k)
      require<FileError>(
          std::isfinite(numbers.data()[k]), [&] { return place(name); }, "event ", k / file_bins, ", bin ",
          k % file_bins, " must be finite, got ", numbers.data()[k]);
    return numbers;
  }

  void check_target(const MatrixX<float>& target, Index event) const {
    for (Index bin = 0; bin < target.cols(); ++bin)
      require<FileError>(
          std::isnan(target(0, bin)) || (target(0, bin) >= 0 && std::isfinite(target(0, bin))),
          [&] { return place("pv"); }, "event ", event, ", bin ", bin, " must be at least 0, got ", target(0, bin));
  }

  /// The position of the maximum is undefined where the density is 0.
  static void zero_where_empty(MatrixX<float>& place, const MatrixX<float>& density) {
    place = (density.array() == 0).select(0, place);
  }

  std::vector<MatrixX<float>> kernel() const {
    const MatrixX<float> density = input("kernel");
    MatrixX<float> x = 5000 * input("Xmax"), y = 5000 * input("Ymax");  // units of 0.5 mm; the file has mm / 2500
    zero_where_empty(x, density);
    zero_where_empty(y, density);
    return {density, density.cwiseAbs2(), std::move(x), std::move(y)};
  }

  std::vector<MatrixX<float>> closest_approach() const {
    const MatrixX<float> density = input("poca_KDE_A");
    MatrixX<float> x = input("poca_KDE_A_xMax"), y = input("poca_KDE_A_yMax");
    zero_where_empty(x, density);
    zero_where_empty(y, density);
    return {density, input("poca_KDE_B"), std::move(x), std::move(y)};
  }

  std::vector<std::string> remarks(Index without_target, Index empty) const {
    std::vector<std::string> all;
    if (without_target > 0)
      all.push_back(text(without_target, " of ", events_, " events have only NaN targets and are omitted."));
    if (empty > 0) all.push_back(text(empty, " of ", events_, " events have no tracks."));
    return all;
  }

  Hdf5File file_;
  bool poca_;
  Index events_ = 0;
};

}  // namespace

Events read_events(const std::filesystem::path& file, Channels channels) { return Reader(file, channels).read(); }

}  // namespace peaks
