#include "stand_in.hpp"

#include <Eigen/Eigenvalues>
#include <cmath>

#include "unroll/core/random.hpp"

namespace hcp {

using namespace unroll;

namespace {

constexpr Index sources = 10;
constexpr Index times_shown(Index clip) { return clip == 0 ? 4 : 1; }
constexpr Index lengths[] = {84, 245, 222, 189, 65, 227, 260, 250, 181, 186, 205, 143, 233, 231, 256};  // seconds

/// Purposes of random numbers.
enum Draw : std::uint64_t { region_map, clip_course, own_map, own_course, noise, global };

/// Haemodynamic response to an impulse, one value per second: it peaks after five seconds and then undershoots.
VectorX<double> blood_response() {
  VectorX<double> response(24);
  for (Index t = 0; t < response.size(); ++t)
    response[t] = std::exp(-double(t)) * (std::pow(t, 5) / std::tgamma(6) - std::pow(t, 15) / (6 * std::tgamma(16)));
  return response / response.sum();
}

/// Convolution of each row with the haemodynamic response.
MatrixX<double> smoothed(const MatrixX<double>& x) {
  static const VectorX<double> response = blood_response();
  MatrixX<double> y = MatrixX<double>::Zero(x.rows(), x.cols());
  for (Index lag = 0; lag < std::min(response.size(), x.cols()); ++lag)
    y.rightCols(x.cols() - lag) += response[lag] * x.leftCols(x.cols() - lag);
  return y;
}

MatrixX<double> normal(Index rows, Index cols, const Random& random) {
  MatrixX<double> x(rows, cols);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = random.normal(std::uint64_t(i));
  return x;
}

/// First-order autoregressive rows with variance 1 and autocorrelation `kept`.
MatrixX<double> walk(Index rows, Index cols, double kept, const Random& random) {
  MatrixX<double> x = normal(rows, cols, random);
  for (Index t = 1; t < cols; ++t) x.col(t) = kept * x.col(t - 1) + std::sqrt(1 - kept * kept) * x.col(t);
  return x;
}

void centre(MatrixX<double>& x) { x.colwise() -= x.rowwise().mean().eval(); }

/// `x` divided by its standard deviation over all elements.
MatrixX<double> scaled(const MatrixX<double>& x) { return x / std::sqrt((x.array() - x.mean()).square().mean()); }

class Generator {
 public:
  Generator(const StandIn& options, Index steps) : options_(options), steps_(steps) {
    map_ = normal(options.regions, sources, random(region_map, 0)) / std::sqrt(double(sources));
    for (Index clip = 0; clip < Index(std::size(lengths)); ++clip) courses_.push_back(course(clip));
  }

  Index length(Index clip) const { return steps_ == 0 ? lengths[clip] : std::min(steps_, lengths[clip]); }

  /// Regions of one participant during a clip, before z-scoring.
  MatrixX<double> recording(const MatrixX<double>& map, Index clip, std::uint64_t sequence) const {
    const MatrixX<double> own = smoothed(walk(sources, length(clip), 0.9, random(own_course, sequence)));
    const MatrixX<double> active = courses_[std::size_t(clip)] + options_.idio * scaled(own);
    MatrixX<double> x = std::sqrt(options_.snr) * scaled(map * active);
    x += std::sqrt(1 - options_.snr) *
         scaled(smoothed(walk(options_.regions, length(clip), 0.3, random(noise, sequence))));
    x.rowwise() += 0.15 * walk(1, length(clip), 0.95, random(global, sequence)).row(0);
    return x;
  }

  MatrixX<double> map_of(Index person) const {
    const MatrixX<double> own = normal(options_.regions, sources, random(own_map, std::uint64_t(person)));
    return map_ + options_.mapvar / std::sqrt(double(sources)) * own;
  }

 private:
  Random random(Draw draw, std::uint64_t which) const { return {options_.seed, Purpose::data, draw, which}; }

  /// Time course of a clip: centred and whitened over its steps, then faded in from rest.
  MatrixX<double> course(Index clip) const {
    MatrixX<double> z = smoothed(walk(sources, length(clip), 0.9, random(clip_course, std::uint64_t(clip))));
    centre(z);
    const MatrixX<double> covariance = z * z.transpose() / double(z.cols());
    z = Eigen::SelfAdjointEigenSolver<MatrixX<double>>(covariance).operatorInverseSqrt() * z;
    for (Index t = 0; t < z.cols(); ++t) z.col(t) *= 1 - std::exp(-double(t * t) / 36);
    centre(z);
    return z;
  }

  const StandIn& options_;
  Index steps_;
  MatrixX<double> map_;                   // [regions x sources]
  std::vector<MatrixX<double>> courses_;  // [sources x steps] of each clip
};

}  // namespace

Data make_stand_in(const StandIn& options, Index steps) {
  require<ValueError>(steps == 0 || steps >= 20, "synthetic data: --steps must be 0 or at least 20, got ", steps);
  const Generator generator(options, steps);
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> classes, participant, run;
  std::vector<std::string> names;
  for (Index person = 0; person < options.participants; ++person) {
    names.push_back(text("p", person + 1, " of seed ", options.seed));  // unique across seeds
    const MatrixX<double> map = generator.map_of(person);
    for (Index clip = 0; clip < Index(clip_names().size()); ++clip)
      for (Index time = 0; time < times_shown(clip); ++time) {
        sequences.push_back(generator.recording(map, clip, sequences.size()).cast<float>());
        z_score(sequences.back());
        classes.push_back(clip);
        participant.push_back(person);
        run.push_back(time + 1);
      }
  }
  return {labelled(std::move(sequences), classes, Index(clip_names().size())),
          clip_names(),
          std::move(participant),
          std::move(names),
          std::move(run),
          text("synthetic data with snr ", options.snr, ", idio ", options.idio, ", mapvar ", options.mapvar, ", seed ",
               options.seed)};
}

}  // namespace hcp
