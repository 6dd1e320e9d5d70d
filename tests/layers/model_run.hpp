#pragma once
// Fixtures for tests of layers: random batches, timelines, gradient checks.

#include <cstring>
#include <unroll/check/gradient.hpp>
#include <unroll/models/sequential.hpp>

namespace model_run {

using namespace unroll;

inline MatrixX<double> noise(Index rows, Index cols, std::uint64_t seed = 1, double scale = 1) {
  const Random random(seed, Purpose::sample);
  MatrixX<double> m(rows, cols);
  for (Index k = 0; k < m.size(); ++k) m.data()[k] = scale * random.normal(std::uint64_t(k));
  return m;
}

/// Random weights, so that no value is zero by chance.
template <class Model>
void randomise(Model& model, std::uint64_t seed = 5, double scale = 0.6) {
  using S = typename Model::Scalar;
  model.parameters().values() = noise(model.parameters().size(), 1, seed, scale).template cast<S>();
}

/// Loss with a random weight for every output.
inline auto weighted(std::uint64_t seed = 9) {
  return [seed](const auto& output, auto& d_output) {
    d_output = noise(output.rows(), output.cols(), seed);
    return d_output.cwiseProduct(output).sum();
  };
}

/// Timelines of 3 samples: 1 step each; lengths 1, 2 and 0; lengths 3, 0 and 7; a mask with gaps.
inline std::vector<Timeline> timelines() {
  MatrixX<bool> gaps(3, 7);
  gaps << 1, 0, 1, 1, 0, 0, 1,  //
      0, 0, 0, 0, 0, 0, 0,      //
      0, 1, 1, 1, 0, 1, 0;
  return {Timeline::from_lengths({1, 1, 1}), Timeline::from_lengths({1, 2, 0}), Timeline::from_lengths({3, 0, 7}),
          Timeline::from_mask(gaps)};
}

/// Gradients of parameters, inputs and initial states on all timelines, compared with central differences.
template <class Model>
GradientReport gradients(Model model, const Pass& pass = {}) {
  randomise(model);
  GradientReport report;
  for (const Timeline& timeline : timelines())
    report += check_gradients(model, noise(model.features(), timeline.columns(), 3), timeline, weighted(), pass,
                              {.step = 1e-5});
  return report;
}

/// Bitwise comparison: +0 and -0 differ.
template <class A, class B>
bool same_bits(const A& a, const B& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) return false;
  for (Index c = 0; c < a.cols(); ++c)
    for (Index r = 0; r < a.rows(); ++r)
      if (const auto x = a(r, c), y = b(r, c); std::memcmp(&x, &y, sizeof x) != 0) return false;
  return true;
}

}  // namespace model_run
