#include "toy.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

#include "unroll/core/random.hpp"

namespace peaks {

using namespace unroll;

namespace {

class Draws {
 public:
  explicit Draws(const Random& random) : random_(random) {}

  double uniform() { return random_.uniform(next_++); }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  double normal(double mean, double deviation) { return mean + deviation * random_.normal(next_++); }
  double exponential(double mean) { return -mean * std::log1p(-uniform()); }

  Index poisson(double mean) {
    return count(std::exp(-mean), [=](double k) { return mean / (k + 1); });
  }
  /// Support from 1.
  Index geometric(double mean) {
    return 1 + count(1 / mean, [=](double) { return 1 - 1 / mean; });
  }
  Index negative_binomial(double size, double mean) {
    const double p = size / (size + mean);
    return count(std::pow(p, size), [=](double k) { return (k + size) / (k + 1) * (1 - p); });
  }

 private:
  /// Inverse-transform sampling: `probability` is that of 0, ratio(k) the probability of k + 1 divided by that of k.
  template <class Ratio>
  Index count(double probability, const Ratio& ratio) {
    constexpr Index most = 1000;
    double rest = uniform();
    Index k = 0;
    for (; k < most && rest >= probability; ++k) {
      rest -= probability;
      probability *= ratio(double(k));
    }
    return k;
  }

  Random random_;
  std::uint64_t next_ = 0;
};

/// Straight line through (x, y, z), in mm, with the transverse error of this point.
struct Track {
  double x, y, z, slope_x, slope_y, error;
};

class Generator {
 public:
  Generator(const Toy& toy, std::uint64_t set, std::uint64_t number)
      : toy_(toy), draws_(Random(toy.seed, Purpose::data, set, number)) {}

  std::pair<std::vector<Vertex>, std::vector<Track>> generate() {
    for (Index left = draws_.poisson(toy_.pile_up); left > 0; --left) add_collision();
    for (Index left = draws_.poisson(2.8); left > 0; --left) vertices_.push_back({draws_.normal(100, 63), 0, false});
    for (Index left = draws_.poisson(4 * toy_.hard); left > 0; --left) add_ghost();
    return {std::move(vertices_), std::move(tracks_)};
  }

 private:
  void add_collision() {
    const double x = draws_.normal(0, 0.055), y = draws_.normal(0, 0.055), z = draws_.normal(100, 63);
    const bool poor = draws_.uniform() < 0.2;
    const Index leaving = poor ? draws_.geometric(5) : 2 + draws_.negative_binomial(2.2, 29);
    const Index accepted = add_tracks(x, y, z, leaving);
    for (Index left = draws_.poisson(0.35 * toy_.hard); left > 0; --left) add_decay(x, y, z);
    vertices_.push_back({z, accepted, accepted >= tracks_to_find});
  }

  /// Adds tracks of a particle that flew away from the vertex before it decayed.
  void add_decay(double x, double y, double z) {
    const double flight = draws_.exponential(6), slope_x = draws_.normal(0, 0.08), slope_y = draws_.normal(0, 0.08);
    add_tracks(x + flight * slope_x, y + flight * slope_y, z + flight, draws_.uniform() < 0.5 ? 2 : 3);
  }

  /// Adds a track that belongs to no vertex.
  void add_ghost() {
    const double x = draws_.normal(0, 0.25), y = draws_.normal(0, 0.25), z = draws_.uniform(z_first, z_last);
    tracks_.push_back({x, y, z, draws_.normal(0, 0.15), draws_.normal(0, 0.15), 0.06});
  }

  /// Returns the number of tracks within the detector's acceptance.
  Index add_tracks(double x, double y, double z, Index leaving) {
    Index accepted = 0;
    for (; leaving > 0; --leaving) accepted += add_track(x, y, z);
    return accepted;
  }

  bool add_track(double x, double y, double z) {
    const bool backward = draws_.uniform() < 0.3;
    const double eta = draws_.uniform(1.6, 5), theta = 2 * std::atan(std::exp(-eta));
    const double phi = draws_.uniform(0, 2 * std::numbers::pi);
    const double transverse = 0.1 + draws_.exponential(0.45);  // momentum, GeV
    if (draws_.uniform() > 0.92) return false;                 // not reconstructed
    const double error = toy_.hard * (0.012 + 0.022 / transverse), slope = std::tan(theta) * (backward ? -1 : 1);
    tracks_.push_back(
        {draws_.normal(x, error), draws_.normal(y, error), z, slope * std::cos(phi), slope * std::sin(phi), error});
    return !backward && eta > 2 && eta < 5 && transverse / std::sin(theta) > 3;
  }

  const Toy& toy_;
  Draws draws_;
  std::vector<Vertex> vertices_;
  std::vector<Track> tracks_;
};

/// Track density on a small transverse grid around the beam, for every bin along it.
class Density {
 public:
  explicit Density(Index bins)
      : width_((z_last - z_first) / double(bins)), sum_(Grid::Zero(points, bins)), squares_(Grid::Zero(points, bins)) {}

  /// Adds a Gaussian around the track, in the bins where the track is close to the beam.
  void add(const Track& track) {
    const double slope = std::max(std::hypot(track.slope_x, track.slope_y), 0.005);
    const double half = std::min(0.5 / slope, 40.0), sharp = std::hypot(track.error, 0.03);
    const Index first = bin_after(track.z - half), last = bin_after(track.z + half);
    for (Index bin = first; bin < last; ++bin) {
      const double dz = z_first + (double(bin) + 0.5) * width_ - track.z, scale = -1 / (2 * sharp * sharp);
      const double near = std::exp(scale * dz * dz * slope * slope) / (2 * std::numbers::pi * sharp * sharp);
      const Line along_x = (scale * (track.x + track.slope_x * dz - grid()).square()).exp();
      const Line along_y = (scale * (track.y + track.slope_y * dz - grid()).square()).exp() * near;
      const Eigen::Array<double, side, side> p = (along_y.matrix() * along_x.matrix().transpose()).array();
      sum_.col(bin) += p.reshaped();
      squares_.col(bin) += p.square().reshaped();
    }
  }

  /// Channels [4 x bins], scaled to order 1.
  MatrixX<float> channels() const {
    MatrixX<float> all = MatrixX<float>::Zero(4, sum_.cols());
    for (Index bin = 0; bin < sum_.cols(); ++bin) {
      Index best = 0;
      const double largest = sum_.col(bin).maxCoeff(&best);
      if (largest <= 1e-3) continue;
      all.col(bin) << float(largest / 1e3), float(squares_(best, bin) / 1e5), float(6 * grid()[best / side]),
          float(6 * grid()[best % side]);
    }
    return all;
  }

 private:
  static constexpr Index side = 5, points = side * side;
  using Grid = Eigen::Array<double, points, Eigen::Dynamic>;
  using Line = Eigen::Array<double, side, 1>;

  static const Line& grid() {
    static const Line mm = Line::LinSpaced(-0.16, 0.16);
    return mm;
  }

  /// First bin whose centre is at z or after it.
  Index bin_after(double z) const {
    const auto bin = Index(std::ceil((z - z_first) / width_ - 0.5));
    return std::clamp<Index>(bin, 0, sum_.cols());
  }

  double width_;
  Grid sum_, squares_;
};

}  // namespace

ToyEvent toy_event(const Toy& toy, std::uint64_t set, std::uint64_t number) {
  auto [vertices, tracks] = Generator(toy, set, number).generate();
  Density density(toy.bins);
  for (const Track& track : tracks) density.add(track);
  return {std::move(vertices), density.channels()};
}

}  // namespace peaks
