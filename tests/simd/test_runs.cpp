// Element-wise formulas over runs of numbers, and sums over columns.

#include <unroll/simd/column_sums.hpp>
#include <unroll/simd/product_tiles.hpp>
#include <unroll/simd/runs.hpp>

#include "support/catch.hpp"

namespace test_runs {

using namespace unroll;

TEMPLATE_TEST_CASE("runs: a sum contains the numbers of the run and no others", "[runs]", float, double) {
  using S = TestType;
  const auto next = [](auto x) { return x + x.constant(1); };  // not 0 for the zeros after the last number
  const auto product = [](auto x, auto y) { return x * y + x.constant(1); };
  for (Index size = 0; size < 140; ++size) {
    const VectorX<S> x = VectorX<S>::LinSpaced(size, 0, S(size - 1)), y = VectorX<S>::Constant(size, 2);
    const S sum = size == 0 ? 0 : x.sum();
    CHECK(detail::sum_run(size, next, x.data()) == sum + S(size));
    CHECK(detail::sum_run(size, product, x.data(), y.data()) == 2 * sum + S(size));
  }
}

TEMPLATE_TEST_CASE("runs: map_entries reads and writes non-contiguous matrices", "[runs]", float, double) {
  using S = TestType;
  const auto difference = [](auto a, auto b) { return a - b; };
  MatrixX<S> a(9, 4), b(9, 4);
  for (Index k = 0; k < a.size(); ++k) a.data()[k] = S(k), b.data()[k] = S(3 * k * k);
  for (const Index rows : {1, 5, 9})
    for (const Index apart : {0, 1, 2, 3}) {  // the part of a larger matrix: 0 none, 1 left, 2 right, 3 target
      const Index first = 9 - rows;
      const MatrixX<S> whole_a = a.bottomRows(rows), whole_b = b.bottomRows(rows);
      MatrixX<S> to = MatrixX<S>::Constant(rows, 4, 77), around = MatrixX<S>::Constant(9, 4, 77);
      const View<S> target = apart == 3 ? View<S>(around.data() + first, rows, 4, Eigen::OuterStride<>(9)) : view(to);
      const ConstView<S> left =
          apart == 1 ? ConstView<S>(a.data() + first, rows, 4, Eigen::OuterStride<>(9)) : view(whole_a);
      const ConstView<S> right =
          apart == 2 ? ConstView<S>(b.data() + first, rows, 4, Eigen::OuterStride<>(9)) : view(whole_b);
      detail::map_entries(difference, target, left, right);
      CHECK(target == whole_a - whole_b);
      CHECK((around.topRows(first).array() == 77).all());
    }
}

TEMPLATE_TEST_CASE("column sums: are added to the target for any number of rows", "[runs]", float, double) {
  using S = TestType;
  for (const Index rows : {1, 3, 16, 61, 255, 256, 300, 521}) {
    const Index stride = rows + 2;
    MatrixX<S> memory(stride, 7);
    for (Index k = 0; k < memory.size(); ++k) memory.data()[k] = S(k % 101) - 50;
    const ConstView<S> columns(memory.data(), rows, 7, Eigen::OuterStride<>(stride));
    VectorX<S> sum = VectorX<S>::LinSpaced(rows + 1, 0, S(rows));
    const VectorX<S> expected = sum.head(rows) + columns.rowwise().sum();
    detail::add_columns(columns, sum.data());
    CHECK(sum.head(rows) == expected);
    CHECK(sum[rows] == S(rows));
  }
}

TEST_CASE("column sums: are accurate in float over many columns", "[runs]") {
  const MatrixX<float> columns = MatrixX<float>::Constant(37, 50'000, 0.1f);
  VectorX<float> sum = VectorX<float>::Zero(37);
  detail::add_columns(view(columns), sum.data());
  for (Index r = 0; r < 37; ++r) CHECK(double(sum[r]) == Approx(50'000 * double(0.1f)).epsilon(2e-6));
}

TEST_CASE("even parts: a whole is divided into as few and as equal parts as possible", "[runs]") {
  for (Index whole = 1; whole < 60; ++whole)
    for (Index most = 1; most < 20; ++most) {
      detail::EvenParts parts(whole, most);
      const Index count = (whole + most - 1) / most;
      Index sum = 0, least = whole, largest = 0;
      for (Index k = 0; k < count; ++k) {
        const Index part = parts.next();
        sum += part, least = std::min(least, part), largest = std::max(largest, part);
      }
      CHECK(sum == whole);
      CHECK(largest <= most);
      CHECK(largest - least <= 1);
    }
}

}  // namespace test_runs
