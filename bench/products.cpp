// How fast the packed products are, as shares of what this processor's multiply-add units can do at best.
//
// ./products [name part]     one JSON line per shape; pin it to a core (taskset -c 0) for steady numbers
// The peak is measured in the same run and before each shape, because clocks wander; Eigen's own product alternates
// with ours, and of several rounds the best counts.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <unroll/core/products.hpp>

namespace {

using unroll::Index, unroll::Matrix, unroll::PackedMatrix;

template <class F>
double seconds(F&& f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// As many independent multiply-adds as hide the latency, nothing else: the limit that no product can pass.
template <class Scalar>
double peak_gflops() {
  using L = unroll::NativeLanes<Scalar>;
  constexpr int chains = 12;
  const Index rounds = 10000;
  volatile Scalar seed = Scalar(0.5);
  L sum[chains];
  for (L& s : sum) s = L::constant(seed);
  const L a = L::constant(seed), b = L::constant(seed);
  double best = 0;
  for (int repeat = 0; repeat < 10; ++repeat) {
    const double time = seconds([&] {
      for (Index i = 0; i < rounds; ++i)
        for (L& s : sum) s = fma(s, a, b);
    });
    best = std::max(best, 2e-9 * chains * L::size * double(rounds) / time);
  }
  Scalar out[L::size];
  for (const L& s : sum) {
    s.store(out);
    seed = out[0];  // so that the sums are wanted
  }
  return best;
}

struct Result {
  double ours = 0, eigen = 0, peak = 0;  // GFLOP/s
};

/// Alternates the two and keeps the best round of each; a round repeats the call for about 0.1 ms.
template <class Scalar, class Ours, class Eigens>
Result compare(double flops, Ours&& ours, Eigens&& eigens) {
  Result best;
  const int calls = std::max(1, int(1e-4 * 5e10 / std::max(flops, 1.)));
  const auto rate = [&](auto&& f) {
    return 1e-9 * flops * calls / seconds([&] {
             for (int i = 0; i < calls; ++i) f();
           });
  };
  for (int round = 0; round < 200; ++round) {
    if (round % 20 == 0) best.peak = std::max(best.peak, peak_gflops<Scalar>());
    best.ours = std::max(best.ours, rate(ours));
    best.eigen = std::max(best.eigen, rate(eigens));
  }
  return best;
}

template <class Scalar>
void print(const char* what, Index m, Index k, Index n, const Result& r) {
  std::printf(
      "{\"what\":\"%s\",\"scalar\":\"%s\",\"shape\":[%d,%d,%d],\"gflops\":%.1f,\"share_of_peak\":%.3f,"
      "\"eigen_gflops\":%.1f,\"eigen_share\":%.3f,\"peak\":%.1f}\n",
      what, sizeof(Scalar) == 4 ? "float" : "double", int(m), int(k), int(n), r.ours, r.ours / r.peak, r.eigen,
      r.eigen / r.peak, r.peak);
  std::fflush(stdout);
}

/// [m x k] weights times [k x n].
template <class Scalar>
void product(Index m, Index k, Index n) {
  const Matrix<Scalar> w = Matrix<Scalar>::Random(m, k), x = Matrix<Scalar>::Random(k, n);
  Matrix<Scalar> y = Matrix<Scalar>::Zero(m, n);
  PackedMatrix<Scalar> packed;
  packed.pack(w);
  print<Scalar>(
      "product", m, k, n,
      compare<Scalar>(
          2. * double(m * k * n), [&] { packed.multiply(x.data(), k, n, y.data(), m); }, [&] { y.noalias() = w * x; }));
}

/// [m x k] gradient, n columns.
template <class Scalar>
void outer_products(Index m, Index k, Index n) {
  const Matrix<Scalar> a = Matrix<Scalar>::Random(m, n), b = Matrix<Scalar>::Random(k, n);
  Matrix<Scalar> gradient = Matrix<Scalar>::Zero(m, k);
  print<Scalar>("outer_products", m, k, n,
                compare<Scalar>(
                    2. * double(m * k * n),
                    [&] { unroll::add_outer_products(a.data(), m, m, b.data(), k, k, n, gradient.data(), m); },
                    [&] { gradient.noalias() += a * b.transpose(); }));
}

/// What training pays after each update of the weights; the rate is in numbers packed, not in arithmetic.
template <class Scalar>
void packing(Index m, Index k) {
  const Matrix<Scalar> w = Matrix<Scalar>::Random(m, k);
  PackedMatrix<Scalar> packed;
  print<Scalar>("pack_vs_pack_transposed", m, k, 0,
                compare<Scalar>(
                    double(m * k), [&] { packed.pack(w); }, [&] { packed.pack_transposed(w); }));
}

template <class Scalar>
void all(const char* only) {
  const auto wanted = [&](const char* what) { return std::strstr(what, only) != nullptr; };
  if (wanted("product"))
    for (const auto& [m, k] : {std::pair<Index, Index>{32, 8},
                               {128, 32},
                               {256, 64},
                               {512, 128},
                               {384, 128},
                               {128, 512},
                               {1024, 256},
                               {50, 50},
                               {200, 50},
                               {100, 100},
                               {300, 300},
                               {512, 2048},
                               {2048, 512}})
      for (const Index n : {1, 2, 4, 8, 10, 32, 128}) product<Scalar>(m, k, n);
  if (wanted("outer"))
    for (const Index m : {50, 128, 200, 512})
      for (const Index k : {3, 8, 32, 50, 128})
        for (const Index n : {128, 1000, 4000}) outer_products<Scalar>(m, k, n);
  if (wanted("pack"))
    for (const auto& [m, k] : {std::pair<Index, Index>{128, 32}, {512, 128}, {100, 100}}) packing<Scalar>(m, k);
}

}  // namespace

int main(int count, char** arguments) {
  const char* only = count > 1 ? arguments[1] : "";
  all<float>(only);
  all<double>(only);
}
