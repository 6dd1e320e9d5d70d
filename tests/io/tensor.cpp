#include <bit>
#include <cmath>
#include <limits>
#include <unroll/io/formats/tensor.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_tensor {

using namespace unroll;

namespace {

template <class T>
Tensor scalar(T value) {
  return Tensor::of(std::span<const T>(&value, 1), {});
}

}  // namespace

TEMPLATE_TEST_CASE("tensor: values of every element type are restored", "", std::uint8_t, std::int8_t, std::int16_t,
                   std::int32_t, std::int64_t, float, double) {
  using Limits = std::numeric_limits<TestType>;
  const std::vector<TestType> values{Limits::lowest(), Limits::max(), Limits::min(), 0, 1, TestType(77)};
  const Tensor tensor = Tensor::of(values, {3, 2});
  CHECK(tensor.bytes.size() == values.size() * sizeof(TestType));
  CHECK(tensor.size() == 6);
  CHECK(tensor.to<TestType>() == values);
}

TEST_CASE("tensor: element types follow the C++ types") {
  CHECK(scalar(true).dtype == DType::BOOL);
  CHECK(scalar(1LL).dtype == DType::I64);
  CHECK(scalar(1L).dtype == (sizeof(long) == 8 ? DType::I64 : DType::I32));
  CHECK(scalar(Eigen::half(1)).dtype == DType::F16);
  CHECK(scalar(Eigen::bfloat16(1)).dtype == DType::BF16);
  CHECK(name(scalar(1.f).dtype) == "F32");
  CHECK(name(scalar(1.).dtype) == "F64");
}

TEST_CASE("tensor: booleans become 0 and 1 for any byte that means true") {
  const Tensor tensor{DType::BOOL, {3}, {std::byte{0}, std::byte{1}, std::byte{2}}};
  CHECK(tensor.to<double>() == std::vector<double>{0, 1, 1});
  CHECK(tensor.to<int>() == std::vector<int>{0, 1, 1});
}

TEST_CASE("tensor: every 16-bit floating-point number becomes a float exactly") {
  for (int bits = 0; bits < 0x10000; ++bits) {
    const auto raw = static_cast<std::uint16_t>(bits);
    const float brain = scalar(std::bit_cast<Eigen::bfloat16>(raw)).to<float>()[0];
    // bfloat16 is the upper half of a float.
    const auto expected = std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
    if (!(brain == expected || (std::isnan(brain) && std::isnan(expected)))) FAIL("bfloat16 " << bits);

    // IEEE 754 binary16: sign, 5 bits of exponent, 10 bits of fraction.
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const float magnitude = exponent == 31  ? (fraction ? NAN : INFINITY)
                            : exponent == 0 ? std::ldexp(static_cast<float>(fraction), -24)
                                            : std::ldexp(static_cast<float>(1024 + fraction), exponent - 25);
    const float half = scalar(std::bit_cast<Eigen::half>(raw)).to<float>()[0];
    const float want = bits >> 15 ? -magnitude : magnitude;
    if (!(half == want || (std::isnan(half) && std::isnan(want)))) FAIL("half " << bits);
  }
}

TEST_CASE("tensor: refuses a conversion that changes a number and names the element") {
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(scalar(0.1).to<float>()[0] == 0.1f);  // rounding between floating types is allowed
  CHECK(scalar(1e-60).to<float>()[0] == 0.f);
  CHECK(std::isnan(scalar(std::nan("")).to<float>()[0]));
  CHECK(scalar(-infinity).to<float>()[0] == -std::numeric_limits<float>::infinity());
  CHECK_THROWS_MATCHES(scalar(1e39).to<float>(), ValueError,
                       says("tensor: element 0 of F64 [] must fit in F32, got 1e+39"));

  CHECK(scalar(std::int64_t{1} << 24).to<float>()[0] == 16777216.f);
  CHECK(scalar(std::int64_t{1} << 40).to<float>()[0] == std::ldexp(1.f, 40));
  CHECK(scalar(std::numeric_limits<std::int64_t>::min()).to<double>()[0] == std::ldexp(-1., 63));
  CHECK_THROWS_MATCHES(scalar((std::int64_t{1} << 24) + 1).to<float>(), ValueError, says("16777217"));
  CHECK_THROWS_AS(scalar(std::numeric_limits<std::int64_t>::max()).to<double>(), ValueError);

  CHECK(scalar(3.).to<std::int64_t>()[0] == 3);
  CHECK(scalar(-128.f).to<std::int8_t>()[0] == -128);
  CHECK(scalar(std::ldexp(-1., 63)).to<std::int64_t>()[0] == std::numeric_limits<std::int64_t>::min());
  for (const double value : {2.5, -1e300, 1e300, infinity, std::nan(""), std::ldexp(1., 63)})
    CHECK_THROWS_AS(scalar(value).to<std::int64_t>(), ValueError);
  CHECK_THROWS_AS(scalar(128.f).to<std::int8_t>(), ValueError);
  CHECK_THROWS_AS(scalar(-1.f).to<std::uint8_t>(), ValueError);

  CHECK(scalar(std::int32_t{255}).to<std::uint8_t>()[0] == 255);
  CHECK_THROWS_AS(scalar(std::int32_t{256}).to<std::uint8_t>(), ValueError);
  CHECK_THROWS_AS(scalar(std::int8_t{-1}).to<std::uint8_t>(), ValueError);
  CHECK_THROWS_MATCHES(Tensor::of(std::vector<float>{0, 1, 2.5f, 3}, {2, 2}).to<int>(), ValueError,
                       says("tensor: element 2 of F32 [2, 2] must fit in I32, got 2.5"));
}

TEST_CASE("tensor: a matrix is stored row by row and restored") {
  MatrixX<float> m(2, 3);
  m << 1, 2, 3, 4, 5, 6;
  const Tensor tensor = Tensor::of(m);
  CHECK(tensor.shape == std::vector<Index>{2, 3});
  CHECK(tensor.to<float>() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(matrix<float>(tensor) == m);
  CHECK(matrix<double>(Tensor::of(m.transpose())) == m.transpose().cast<double>());
  CHECK(matrix<float>(Tensor::of(m.rightCols(2) * 2)) == m.rightCols(2) * 2);

  CHECK(Tensor::of(m.col(1)).shape == std::vector<Index>{2});
  CHECK(matrix<float>(Tensor::of(m.col(1))) == m.col(1));
  CHECK(matrix<float>(scalar(7)) == MatrixX<float>::Constant(1, 1, 7));
  CHECK(matrix<float>(Tensor::of(MatrixX<float>(0, 4))).cols() == 4);
  CHECK(matrix<float>(Tensor::of(MatrixX<float>(4, 0))).rows() == 4);
}

TEST_CASE("tensor: refuses shapes that do not match the values or a matrix") {
  CHECK_THROWS_MATCHES(Tensor::of(std::vector<float>(5), {2, 3}), ShapeError,
                       says("tensor: the shape [2, 3] must have 6 values, got 5"));
  CHECK_THROWS_MATCHES(matrix<float>(Tensor::of(std::vector<float>(6), {1, 2, 3})), ShapeError,
                       says("tensor: a matrix must have at most 2 dimensions, got [1, 2, 3]"));
}

TEST_CASE("tensor: a conversion allocates memory only for its result") {
  const Tensor tensor = Tensor::of(std::vector<float>(10'000, 1.5f), {100, 100});
  const support::AllocationCount allocations;
  const auto values = tensor.to<double>();
  const auto m = matrix<float>(tensor);
  const auto count = allocations.count();
  CHECK(count == 2);
  CHECK(values[9999] == 1.5);
  CHECK(m(99, 99) == 1.5f);
}

TEST_CASE("tensor: matrices of all sizes around a tile are restored") {
  for (const Index rows : {1, 2, 31, 32, 33, 65})
    for (const Index cols : {1, 3, 31, 32, 33, 64, 70}) {
      std::vector<float> values(std::size_t(rows * cols));
      for (std::size_t k = 0; k < values.size(); ++k) values[k] = float(k);
      const auto m = matrix<float>(Tensor::of(values, {rows, cols}));
      for (Index r = 0; r < rows; ++r)
        for (Index c = 0; c < cols; ++c)
          if (m(r, c) != float(r * cols + c)) FAIL(rows << " x " << cols << " at " << r << ", " << c);
    }
}

TEST_CASE("tensor: refuses impossible shapes, wrong numbers of bytes and unknown element types") {
  CHECK_THROWS_MATCHES(Tensor::of(std::vector<float>(6), {-2, -3}), ShapeError,
                       says("the shape must be at least 0 and fit in memory, got [-2, -3]"));
  const Index large = Index(1) << 32;
  CHECK_THROWS_MATCHES(Tensor::of(std::vector<float>(), {large, large}), ShapeError,
                       says("the shape must be at least 0 and fit in memory"));
  CHECK(Tensor::of(std::vector<float>(), {0, large}).size() == 0);
  const Tensor cut{DType::F32, {1000}, std::vector<std::byte>(8)};
  CHECK_THROWS_MATCHES(cut.to<float>(), ShapeError,
                       says("tensor: F32 [1000] must have 1000 elements of 4 bytes, got 8 bytes"));
  CHECK_THROWS_AS(matrix<float>(cut), ShapeError);
  const Tensor none{static_cast<DType>(42), {1}, std::vector<std::byte>(8)};
  CHECK_THROWS_MATCHES(none.to<float>(), ValueError, says("the element type must be 0 to 9, got 42"));
}

}  // namespace test_tensor
