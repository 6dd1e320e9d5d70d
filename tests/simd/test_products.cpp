#include "support/catch.hpp"

#include <cstring>
#include <limits>
#include <memory>
#include <unroll/simd/products.hpp>
#include <vector>

#include "support/allocations.hpp"

namespace test_products {

namespace {

using unroll::Index, unroll::MatrixX, unroll::PackedMatrix, unroll::VectorX;

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// Block of a larger matrix that is NaN elsewhere, so reads from outside change the result. The allocation ends with
/// the last number, so sanitizers detect reads beyond it.
template <class Scalar>
struct Guarded {
  Index rows, columns, stride;
  std::unique_ptr<Scalar[]> memory;

  Guarded(Index r, Index c, Index gap = 3) : rows(r), columns(c), stride(r + gap), memory(new Scalar[size()]) {
    std::fill_n(memory.get(), size(), Scalar(not_a_number));
    if (rows * columns > 0) view().setRandom();
  }

  std::size_t size() const { return columns == 0 ? 0 : static_cast<std::size_t>((columns - 1) * stride + rows); }
  Scalar* data() { return memory.get(); }
  Eigen::Map<MatrixX<Scalar>, 0, Eigen::OuterStride<>> view() {
    return {data(), rows, columns, Eigen::OuterStride<>(stride)};
  }

  bool guards_intact() {
    for (Index j = 0; j + 1 < columns; ++j)
      for (Index i = rows; i < stride; ++i)
        if (!std::isnan(data()[j * stride + i])) return false;
    return true;
  }
};

/// start + a b, computed in long double.
template <class Scalar>
MatrixX<Scalar> exact(const MatrixX<Scalar>& a, const MatrixX<Scalar>& b, const MatrixX<Scalar>& start) {
  if (a.cols() == 0) return start;  // Eigen would form pointers into the empty factors
  return (start.template cast<long double>() +
          a.template cast<long double>().lazyProduct(b.template cast<long double>()))
      .template cast<Scalar>();
}

/// Whether the difference is within the rounding error of a sum of `terms` terms of at most 1; false for NaN.
template <class Scalar>
bool close(const MatrixX<Scalar>& result, const MatrixX<Scalar>& expected, Index terms) {
  const auto bound = double(terms + 1) * double(terms + 1) * double(std::numeric_limits<Scalar>::epsilon());
  return result.size() == 0 || (result - expected).cwiseAbs().maxCoeff() <= bound;
}

bool same_bits(const void* a, const void* b, std::size_t bytes) { return std::memcmp(a, b, bytes) == 0; }

const std::vector<Index> some_rows = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 24, 31, 33, 48, 50, 64, 65, 100, 150};

}  // namespace

TEMPLATE_TEST_CASE("products: packed products equal plain sums for every shape and write nothing else", "[products]",
                   float, double) {
  PackedMatrix<TestType> packed, transposed;
  for (const Index rows : some_rows)
    for (const Index inner : {0, 1, 3, 8, 21})
      for (const Index columns : {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 17}) {
        Guarded<TestType> w(rows, inner), w_t(inner, rows), x(inner, columns), y(rows, columns), sum(rows, columns);
        w_t.view() = w.view().transpose();
        const MatrixX<TestType> start = sum.view();
        packed.pack(w.view());
        transposed.pack_transposed(w_t.view());
        packed.multiply(x.data(), x.stride, columns, y.data(), y.stride);
        transposed.multiply_add(x.data(), x.stride, columns, sum.data(), sum.stride);

        INFO("rows " << rows << ", inner " << inner << ", columns " << columns);
        REQUIRE((packed.rows() == rows && packed.inner() == inner));
        REQUIRE((transposed.rows() == rows && transposed.inner() == inner));
        const MatrixX<TestType> zero = MatrixX<TestType>::Zero(rows, columns);
        REQUIRE(close<TestType>(y.view(), exact<TestType>(w.view(), x.view(), zero), inner));
        REQUIRE(close<TestType>(sum.view(), exact<TestType>(w.view(), x.view(), start), inner));
        REQUIRE((y.guards_intact() && sum.guards_intact()));
      }
}

TEMPLATE_TEST_CASE("products: the bits of a column do not depend on the number of columns or its position",
                   "[products]", float, double) {
  for (const Index rows : {1, 5, 16, 50, 63, 129}) {
    const Index inner = 37, most = 40;
    const MatrixX<TestType> w = MatrixX<TestType>::Random(rows, inner);
    Guarded<TestType> x(inner, most);
    const MatrixX<TestType> start = MatrixX<TestType>::Random(rows, most);
    PackedMatrix<TestType> packed;
    packed.pack(w);

    MatrixX<TestType> alone(rows, most), added_alone = start;  // each column separately
    for (Index j = 0; j < most; ++j) {
      packed.multiply(x.data() + j * x.stride, x.stride, 1, alone.col(j).data(), rows);
      packed.multiply_add(x.data() + j * x.stride, x.stride, 1, added_alone.col(j).data(), rows);
    }
    for (Index columns = 1; columns <= most; ++columns)
      for (const Index first : {Index(0), (most - columns) / 2, most - columns}) {
        MatrixX<TestType> y(rows, columns), added = start.middleCols(first, columns);
        packed.multiply(x.data() + first * x.stride, x.stride, columns, y.data(), rows);
        packed.multiply_add(x.data() + first * x.stride, x.stride, columns, added.data(), rows);
        INFO("rows " << rows << ", columns " << columns << " from " << first);
        const auto bytes = static_cast<std::size_t>(rows * columns) * sizeof(TestType);
        REQUIRE(same_bits(y.data(), alone.col(first).data(), bytes));
        REQUIRE(same_bits(added.data(), added_alone.col(first).data(), bytes));
      }
  }
}

TEMPLATE_TEST_CASE("products: packing w and packing its transpose give the same bits", "[products]", float, double) {
  for (const Index rows : {3, 16, 50, 63}) {
    const MatrixX<TestType> w = MatrixX<TestType>::Random(rows, 19), x = MatrixX<TestType>::Random(19, 10);
    PackedMatrix<TestType> packed, transposed;
    packed.pack(w);
    transposed.pack_transposed(w.transpose().eval());
    MatrixX<TestType> y(rows, 10), other(rows, 10);
    packed.multiply(x.data(), 19, 10, y.data(), rows);
    transposed.multiply(x.data(), 19, 10, other.data(), rows);
    INFO("rows " << rows);
    CHECK(same_bits(y.data(), other.data(), static_cast<std::size_t>(y.size()) * sizeof(TestType)));
  }
}

TEST_CASE("products: a product without terms writes zeros or adds nothing", "[products]") {
  PackedMatrix<float> packed;
  packed.pack(MatrixX<float>(3, 0));
  MatrixX<float> y = MatrixX<float>::Constant(3, 2, 7);
  packed.multiply_add(nullptr, 0, 2, y.data(), 3);
  CHECK(y == MatrixX<float>::Constant(3, 2, 7));
  packed.multiply(nullptr, 0, 2, y.data(), 3);
  CHECK(y == MatrixX<float>::Zero(3, 2));
}

TEST_CASE("products: infinities and NaN stay in their column", "[products]") {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Index rows : {3, 17, 50}) {
    MatrixX<float> w = MatrixX<float>::Random(rows, 4), x = MatrixX<float>::Random(4, 9), y(rows, 9);
    x(1, 2) = infinity, x(3, 7) = float(not_a_number);
    PackedMatrix<float> packed;
    packed.pack(w);
    packed.multiply(x.data(), 4, 9, y.data(), rows);
    for (Index j = 0; j < 9; ++j) {
      CHECK(y.col(j).array().isInf().all() == (j == 2));
      CHECK(y.col(j).array().isNaN().all() == (j == 7));
      CHECK(y.col(j).allFinite() == (j != 2 && j != 7));
    }
  }
}

TEMPLATE_TEST_CASE("outer products: equal plain sums for every shape and write nothing else", "[products]", float,
                   double) {
  for (const Index rows : some_rows)
    for (const Index inner : {0, 1, 3, 8, 13})
      for (const Index columns : {0, 1, 5, 63, 64, 65, 130}) {
        Guarded<TestType> a(rows, columns), b(inner, columns), gradient(rows, inner);
        const MatrixX<TestType> start = gradient.view();
        unroll::add_outer_products<TestType>(a.data(), a.stride, rows, b.data(), b.stride, inner, columns,
                                             gradient.data(), gradient.stride);
        INFO("rows " << rows << ", inner " << inner << ", columns " << columns);
        REQUIRE(close<TestType>(gradient.view(), exact<TestType>(a.view(), b.view().transpose(), start), columns));
        REQUIRE(gradient.guards_intact());
      }
}

TEMPLATE_TEST_CASE("outer products: equal plain sums for non-contiguous columns and large results", "[products]", float,
                   double) {
  for (const Index rows : {1, 4, 8, 24, 50, 55, 100})
    for (const Index inner : {63, 64, 101})
      for (const Index gap : {3, 2000}) {
        const Index columns = 201;  // more than one block
        Guarded<TestType> a(rows, columns, gap), b(inner, columns), gradient(rows, inner);
        const MatrixX<TestType> start = gradient.view();
        unroll::add_outer_products<TestType>(a.data(), a.stride, rows, b.data(), b.stride, inner, columns,
                                             gradient.data(), gradient.stride);
        INFO("rows " << rows << ", inner " << inner << ", columns lie " << a.stride << " apart");
        REQUIRE(close<TestType>(gradient.view(), exact<TestType>(a.view(), b.view().transpose(), start), columns));
        REQUIRE(gradient.guards_intact());
      }
}

TEMPLATE_TEST_CASE("outer products: the bits do not depend on the distance of columns", "[products]", float, double) {
  const Index rows = 50, columns = 300;
  for (const Index inner : {3, 50, 64, 130}) {
    const MatrixX<TestType> a = MatrixX<TestType>::Random(rows, columns), b = MatrixX<TestType>::Random(inner, columns);
    Guarded<TestType> far(rows, columns, 2000);
    far.view() = a;
    MatrixX<TestType> near_sum = MatrixX<TestType>::Zero(rows, inner), far_sum = near_sum;
    unroll::add_outer_products(a.data(), rows, rows, b.data(), inner, inner, columns, near_sum.data(), rows);
    unroll::add_outer_products<TestType>(far.data(), far.stride, rows, b.data(), inner, inner, columns, far_sum.data(),
                                         rows);
    INFO("inner " << inner);
    CHECK(same_bits(near_sum.data(), far_sum.data(), static_cast<std::size_t>(rows * inner) * sizeof(TestType)));
  }
}

TEST_CASE("products: allocate nothing after the weights were packed", "[products]") {
  const MatrixX<float> w = MatrixX<float>::Random(300, 200), smaller = MatrixX<float>::Random(100, 70);
  const MatrixX<float> x = MatrixX<float>::Random(200, 700);
  MatrixX<float> y(300, 700), gradient = MatrixX<float>::Zero(300, 200);
  PackedMatrix<float> packed, transposed;
  packed.pack(w), transposed.pack_transposed(w);

  const support::AllocationCount allocations;
  packed.pack(smaller), transposed.pack_transposed(smaller);
  packed.pack(w), transposed.pack_transposed(w);
  packed.multiply(x.data(), 200, 700, y.data(), 300);
  packed.multiply_add(x.data(), 200, 1, y.data(), 300);
  unroll::add_outer_products(y.data(), 300, 300, x.data(), 200, 200, 700, gradient.data(), 300);
  const auto count = allocations.count();
  CHECK(count == 0);
}

}  // namespace test_products
