// Benchmark of the packed products, relative to the processor's peak multiply-add throughput.
//
// ./products [name part [BLAS]]     one JSON line per shape; pin it to a core (taskset -c 0) for stable results
// Clock rates vary, so every round measures the peak too. Eigen's product and, given a shared library of a BLAS
// (libmkl_rt.so, libopenblas.so; set it to one thread), cblas_sgemm alternate with ours; results are medians.

#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <unroll/simd/products.hpp>
#include <vector>

#include "peak.hpp"
#include "timing.hpp"

namespace {

using unroll::Index, unroll::MatrixX, unroll::PackedMatrix;

/// cblas_sgemm of the BLAS given on the command line.
using Gemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*, int, float, float*, int);
constexpr int column_major = 102, as_is = 111, transposed = 112;
Gemm blas = nullptr;

Gemm load_blas(const char* file) {
  void* const library = dlopen(file, RTLD_NOW);
  if (library == nullptr) std::fprintf(stderr, "%s\n", dlerror());
  return library == nullptr ? nullptr : reinterpret_cast<Gemm>(dlsym(library, "cblas_sgemm"));
}

/// Rate of our product in GFLOP/s (packing: numbers per nanosecond), and the rates of all three as shares of the peak.
struct Result {
  double gflops = 0, ours = 0, eigen = 0, blas = 0;
};

/// Alternates the three; a round repeats each call for about 0.1 ms.
template <class Scalar, class Ours, class Eigens, class Blas>
Result compare(double flops, Ours&& ours, Eigens&& eigens, Blas&& other) {
  const int calls = std::max(1, int(1e-4 * 5e10 / std::max(flops, 1.)));
  const auto rate = [&](auto&& f) {
    const double start = bench::now();
    for (int i = 0; i < calls; ++i) f();
    return 1e-9 * flops * calls / (bench::now() - start);
  };
  std::vector<double> gflops, shares[3];
  for (int round = 0; round < 40; ++round) {
    const double peak = bench::peak_gflops<Scalar>(1);
    gflops.push_back(rate(ours));
    shares[0].push_back(gflops.back() / peak);
    shares[1].push_back(rate(eigens) / peak);
    shares[2].push_back(blas == nullptr || sizeof(Scalar) != sizeof(float) ? 0 : rate(other) / peak);
  }
  return {bench::median(gflops), bench::median(shares[0]), bench::median(shares[1]), bench::median(shares[2])};
}

template <class Scalar>
void print(const char* what, Index m, Index k, Index n, const Result& r) {
  std::printf(
      "{\"what\":\"%s\",\"scalar\":\"%s\",\"shape\":[%d,%d,%d],\"gflops\":%.1f,\"share_of_peak\":%.3f,"
      "\"eigen_share\":%.3f,\"blas_share\":%.3f}\n",
      what, sizeof(Scalar) == 4 ? "float" : "double", int(m), int(k), int(n), r.gflops, r.ours, r.eigen, r.blas);
  std::fflush(stdout);
}

/// y = a b or, with b transposed, y += a b^T, computed by the BLAS; float only.
template <class Scalar>
void multiply_by_blas(const MatrixX<Scalar>& a, const MatrixX<Scalar>& b, bool turned, MatrixX<Scalar>& y) {
  if constexpr (std::is_same_v<Scalar, float>)
    blas(column_major, as_is, turned ? transposed : as_is, int(y.rows()), int(y.cols()), int(a.cols()), 1, a.data(),
         int(a.rows()), b.data(), int(b.rows()), turned ? 1 : 0, y.data(), int(y.rows()));
}

/// Product of weights [m x k] and inputs [k x n].
template <class Scalar>
void product(Index m, Index k, Index n) {
  const MatrixX<Scalar> w = MatrixX<Scalar>::Random(m, k), x = MatrixX<Scalar>::Random(k, n);
  MatrixX<Scalar> y = MatrixX<Scalar>::Zero(m, n);
  PackedMatrix<Scalar> packed;
  packed.pack(w);
  print<Scalar>("product", m, k, n,
                compare<Scalar>(
                    2. * double(m * k * n), [&] { packed.multiply(x.data(), k, n, y.data(), m); },
                    [&] { y.noalias() = w * x; }, [&] { multiply_by_blas(w, x, false, y); }));
}

/// Gradient [m x k], a sum of outer products over n columns.
template <class Scalar>
void outer_products(Index m, Index k, Index n) {
  const MatrixX<Scalar> a = MatrixX<Scalar>::Random(m, n), b = MatrixX<Scalar>::Random(k, n);
  MatrixX<Scalar> gradient = MatrixX<Scalar>::Zero(m, k);
  print<Scalar>("outer_products", m, k, n,
                compare<Scalar>(
                    2. * double(m * k * n),
                    [&] { unroll::add_outer_products(a.data(), m, m, b.data(), k, k, n, gradient.data(), m); },
                    [&] { gradient.noalias() += a * b.transpose(); }, [&] { multiply_by_blas(a, b, true, gradient); }));
}

/// Packing, needed after each update of the weights, in numbers per nanosecond; `eigen_share` is that of packing the
/// transpose.
template <class Scalar>
void packing(Index m, Index k) {
  const MatrixX<Scalar> w = MatrixX<Scalar>::Random(m, k);
  PackedMatrix<Scalar> packed, turned;
  print<Scalar>("pack_vs_pack_transposed", m, k, 0,
                compare<Scalar>(
                    double(m * k), [&] { packed.pack(w); }, [&] { turned.pack_transposed(w); }, [] {}));
}

template <class Scalar>
void all(const char* only) {
  const auto selected = [&](const char* what) { return std::strstr(what, only) != nullptr; };
  if (selected("product")) {
    for (const Index units : {32, 50, 64, 100, 128, 256})
      for (const Index gates : {1, 3, 4})
        for (const Index n : {1, 2, 4, 8, 10, 16, 32, 64, 128}) {
          product<Scalar>(gates * units, units, n);
          if (gates > 1) product<Scalar>(units, gates * units, n);
        }
    for (const Index n : {8, 10, 32, 128}) product<Scalar>(2048, 512, n), product<Scalar>(512, 2048, n);
  }
  if (selected("outer")) {
    for (const Index m : {50, 128, 200, 512})
      for (const Index k : {3, 8, 32, 50, 128})
        for (const Index n : {128, 1000, 4000}) outer_products<Scalar>(m, k, n);
    outer_products<Scalar>(2048, 512, 128), outer_products<Scalar>(2048, 512, 1000);
    outer_products<Scalar>(10000, 200, 128);
  }
  if (selected("pack"))
    for (const auto& [m, k] : {std::pair<Index, Index>{50, 50}, {128, 32}, {100, 100}, {512, 128}, {2048, 512}})
      packing<Scalar>(m, k);
}

}  // namespace

int main(int count, char** arguments) {
  const char* only = count > 1 ? arguments[1] : "";
  if (count > 2) blas = load_blas(arguments[2]);
  all<float>(only);
  all<double>(only);
}
