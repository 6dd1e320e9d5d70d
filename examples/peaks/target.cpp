#include "target.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace peaks {

using namespace unroll;

namespace {

constexpr double margin = 0.05;  // mm; vertices nearer to the ends are omitted
constexpr Index reach = 5;       // bins on each side

double below(double z, double deviation) { return 0.5 * std::erf(z / (deviation * std::sqrt(2.0))); }

void add_bell(MatrixX<float>& row, const Vertex& vertex) {
  const Index bins = row.cols();
  const double width = (z_last - z_first) / double(bins), deviation = resolution(vertex.tracks);
  const auto centre = Index(std::floor((vertex.z - z_first) / width));
  for (Index bin = std::max<Index>(0, centre - reach); bin <= std::min(bins - 1, centre + reach); ++bin) {
    const double low = z_first + double(bin) * width - vertex.z;
    const double content = below(low + width, deviation) - below(low, deviation);
    row(0, bin) += float(content * std::max(1.0, 0.15 / deviation));
  }
}

}  // namespace

double resolution(Index tracks) { return tracks < 4 ? 0.1 : 1e-3 * (926 * std::pow(double(tracks), -0.84) + 10.7); }

MatrixX<float> target_of(const std::vector<Vertex>& vertices, Index bins) {
  MatrixX<float> target = MatrixX<float>::Zero(1, bins), other = target;
  for (const Vertex& vertex : vertices)
    if (vertex.z > z_first + margin && vertex.z < z_last - margin) add_bell(vertex.findable ? target : other, vertex);
  mask(target, other);
  return target;
}

void mask(MatrixX<float>& target, const MatrixX<float>& other) {
  constexpr float small = 0.01f;
  for (Index bin = 0; bin < target.cols(); ++bin)
    if (other(0, bin) > small && target(0, bin) < small) target(0, bin) = std::numeric_limits<float>::quiet_NaN();
}

}  // namespace peaks
