#pragma once
// Sums and products of matrices with the same bits on every processor, for initial values.

#include <algorithm>
#include <array>
#include <cmath>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll {

namespace detail {

/// Rounded product: prevents the compiler from fusing the product `x` with a following sum.
template <class Packet>
EIGEN_ALWAYS_INLINE Lanes<Packet> rounded(Lanes<Packet> x) {
#if EIGEN_ARCH_i386_OR_x86_64 && defined(__AVX512F__)
  __asm__("" : "+v"(x.v));
#elif EIGEN_ARCH_i386_OR_x86_64 && defined(__SSE2__)
  __asm__("" : "+x"(x.v));
#elif EIGEN_ARCH_ARM64
  __asm__("" : "+w"(x.v));
#else
  __asm__("" : "+m"(x.v));
#endif
  return x;
}

/// Dot product of a and b with a fixed order of additions: eight interleaved sums on any register width, then their
/// sum.
inline double ordered_dot(const double* a, const double* b, Index size) {
  using V = NativeLanes<double>;
  static_assert(8 % V::size == 0);
  std::array<double, 8> sums{};
  for (int lane = 0; lane < 8; lane += V::size) {
    V sum = V::constant(0);
    for (Index i = lane; i < size; i += 8) {
      const int rest = int(std::min<Index>(V::size, size - i));
      sum += rest == V::size ? rounded(V::load(a + i) * V::load(b + i))
                             : rounded(V::load_partial(a + i, rest) * V::load_partial(b + i, rest));
    }
    sum.store(sums.data() + lane);
  }
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

/// to -= factor * from.
inline void subtract_multiple(double factor, const double* from, double* to, Index size) {
  map_run(
      size, [factor](auto x, auto y) { return x - rounded(x.constant(factor) * y); }, to, to, from);
}

/// Matrix product a b.
inline MatrixX<double> ordered_product(const MatrixX<double>& a, const MatrixX<double>& b) {
  const MatrixX<double> rows = a.transpose();
  MatrixX<double> c(a.rows(), b.cols());
  for (Index j = 0; j < c.cols(); ++j)
    for (Index i = 0; i < c.rows(); ++i)
      c(i, j) = ordered_dot(rows.data() + i * a.cols(), b.data() + j * b.rows(), a.cols());
  return c;
}

/// Largest magnitude of an eigenvalue of a square matrix, to about 1e-4 of it: the growth of the norm of its powers.
/// With M_0 = w and M_k+1 = (M_k / |M_k|)^2, it is the product of |M_k|^(1 / 2^k).
inline double spectral_radius(MatrixX<double> w) {
  constexpr int squarings = 14;
  double radius = 1;
  for (int k = 0; k <= squarings; ++k) {
    const double norm = std::sqrt(ordered_dot(w.data(), w.data(), w.size()));
    if (!(norm > 0)) return 0;
    double root = norm;
    for (int half = 0; half < (k < squarings ? k : squarings - 1); ++half) root = std::sqrt(root);
    radius *= root;
    if (k == squarings) break;
    for (Index entry = 0; entry < w.size(); ++entry) w.data()[entry] /= norm;
    w = ordered_product(w, w);
  }
  return radius;
}

}  // namespace detail
}  // namespace unroll
