// Products of factors that are rounded to bfloat16, in every form. The tile operations of processors are emulated here.

#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <unroll/core/random.hpp>
#include <unroll/simd/products.hpp>
#include <vector>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_bfloat16 {

namespace {

using namespace unroll;
using detail::FloatForm, detail::PairForm, detail::StridedFactor;
using Bits = std::uint16_t;

std::uint32_t bits_of(float value) { return std::bit_cast<std::uint32_t>(value); }
float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }

// ---- emulation, from the operations that the manual of the instruction set defines

float flushed(float value) {
  return std::abs(value) < std::numeric_limits<float>::min() ? std::copysign(0.0f, value) : value;
}
float multiply_add(Bits a, Bits b, float sum) {
  return flushed(std::fma(flushed(detail::float_of_bfloat16(a)), flushed(detail::float_of_bfloat16(b)), flushed(sum)));
}

/// Registers for tile operations: copies of the operands, so that a wrong order of loads changes the result.
template <Index columns_, Index terms_, int panels_, int column_tiles_, bool contiguous_columns_>
struct EmulatedTiles {
  struct Scope {};
  static constexpr Index columns = columns_, terms = terms_;
  static constexpr int panels = panels_, column_tiles = column_tiles_;
  static constexpr bool contiguous_columns = contiguous_columns_;

  std::array<std::array<float, 16 * columns_>, panels_ * column_tiles_> sum;  // [column][row]
  std::array<std::array<Bits, 16 * terms_>, panels_> left_tile;
  std::array<std::array<Bits, columns_ * terms_>, column_tiles_> right_tile;

  static constexpr std::size_t at(int i, int j) { return std::size_t(column_tiles * i + j); }

  template <int i, int j>
  void zero() {
    sum[at(i, j)].fill(0);
  }
  template <int i>
  void left(const Bits* from) {
    std::copy_n(from, 16 * terms, left_tile[i].begin());
  }
  template <int j>
  void right(const Bits* from, Index distance) {
    for (Index c = 0; c < columns; ++c) std::copy_n(from + c * distance, terms, right_tile[j].begin() + c * terms);
  }
  template <int i, int j>
  void put(float* to, Index distance, bool adds) {
    for (Index c = 0; c < columns; ++c)
      for (Index r = 0; r < 16; ++r) {
        const float result = sum[at(i, j)][std::size_t(16 * c + r)];
        float& target = to[c * distance + r];
        target = adds ? target + result : result;
      }
  }
  /// Calls f(sum, pairs of a row, distance from pair to pair, pairs of a column) for every sum of a tile.
  template <class F>
  void each(int i, int j, F&& f) {
    for (Index c = 0; c < columns; ++c)
      for (Index r = 0; r < 16; ++r)
        f(sum[at(i, j)][std::size_t(16 * c + r)], left_tile[std::size_t(i)].data() + 2 * r,
          right_tile[std::size_t(j)].data() + c * terms);
  }
};

struct EmulatedAvx512 : EmulatedTiles<1, 2, 3, 8, false> {
  template <int i, int j>
  void add() {
    each(i, j, [](float& to, const Bits* left, const Bits* right) {
      to = multiply_add(left[1], right[1], to);
      to = multiply_add(left[0], right[0], to);
    });
  }
};
struct EmulatedAmx : EmulatedTiles<16, 32, 2, 2, true> {
  template <int i, int j>
  void add() {
    each(i, j, [](float& to, const Bits* left, const Bits* right) {
      float first = 0, second = 0;
      for (Index k = 0; k < terms; k += 2) {
        first = multiply_add(left[16 * k], right[k], first);
        second = multiply_add(left[16 * k + 1], right[k + 1], second);
      }
      to = flushed(flushed(to) + flushed(first + second));
    });
  }
};

// ---- oracle

MatrixX<float> numbers(Index rows, Index columns, std::uint64_t seed) {
  const Random random(seed, Purpose::data);
  return MatrixX<float>::NullaryExpr(
      rows, columns, [&](Index r, Index c) { return float(random.normal(std::uint64_t(rows * c + r))); });
}
MatrixX<float> rounded(const MatrixX<float>& m) { return m.unaryExpr(&detail::round_to_bfloat16); }

/// Whether y = start + a b, for a and b rounded to bfloat16, within the error of a sum in float: each of n additions
/// and the additions of partial sums changes the result by at most 2^-24 of the sum of all magnitudes.
bool is_product(const MatrixX<float>& y, const MatrixX<float>& a, const MatrixX<float>& b,
                const MatrixX<float>& start) {
  const MatrixX<double> left = rounded(a).cast<double>(), right = rounded(b).cast<double>();
  const MatrixX<double> exact = start.cast<double>() + left * right;
  const MatrixX<double> magnitude = start.cwiseAbs().cast<double>() + left.cwiseAbs() * right.cwiseAbs();
  const double bound = 1.01 * double(a.cols() + 8) * std::ldexp(1.0, -24);
  return ((y.cast<double>() - exact).cwiseAbs().array() <= bound * magnitude.array()).all();
}

StridedFactor factor(const MatrixX<float>& m) { return {m.data(), 1, m.rows()}; }

template <class Form>
std::vector<typename Form::Number> packed(StridedFactor w, Index rows, Index terms) {
  std::vector<typename Form::Number> to(std::size_t(detail::packed_numbers<Form>(rows, terms)), 0x7fff);
  detail::pack_rounded<Form>(w, rows, terms, to.data());
  return to;
}

}  // namespace

TEST_CASE("bfloat16: rounds to the nearest number, ties to even") {
  const auto rounds = [](std::uint32_t from, Bits to) {
    INFO(std::hex << from);
    CHECK(detail::bfloat16_bits(float_of(from)) == to);
  };
  rounds(0x3f800000, 0x3f80);  // 1
  rounds(0x3f808000, 0x3f80);  // 1 + 2^-8: a tie, to the even 1
  rounds(0x3f818000, 0x3f82);  // 1 + 3 * 2^-8: a tie, to the even 1 + 2^-6
  rounds(0x3f808001, 0x3f81), rounds(0x3f817fff, 0x3f81);
  rounds(0x3fffc000, 0x4000);  // carries into the exponent
  rounds(0x00000000, 0x0000), rounds(0x80000000, 0x8000);
  rounds(0x7f7f7fff, 0x7f7f);  // the last float that stays finite
  rounds(0x7f7f8000, 0x7f80), rounds(0xff7fffff, 0xff80);
  rounds(0x7f800000, 0x7f80), rounds(0xff800000, 0xff80);
  rounds(0x7fc00000, 0x7fc0), rounds(0x7f800001, 0x7fc0), rounds(0xffffffff, 0xffff);
  rounds(0x00000001, 0x0000), rounds(0x00008000, 0x0000), rounds(0x00008001, 0x0001), rounds(0x007fffff, 0x0080);

  bool all = true;
  for (std::uint32_t upper = 0; upper < 0x7f80; ++upper)  // every finite number and its neighbours
    for (const std::uint32_t sign : {0u, 0x8000u}) {
      const std::uint32_t number = sign | upper, even = number + (number & 1);
      const auto from = [&](std::uint32_t lower) { return detail::bfloat16_bits(float_of(number << 16 | lower)); };
      all = all && from(0) == number && from(1) == number && from(0x7fff) == number && from(0x8000) == even &&
            from(0x8001) == number + 1 && from(0xffff) == number + 1;
      all = all && bits_of(detail::round_to_bfloat16(float_of(number << 16))) == number << 16;
    }
  CHECK(all);
}

TEST_CASE("bfloat16: runs and pairs of numbers are rounded like single ones, subnormal numbers possibly to 0") {
  std::vector<float> from(100), second(100);
  for (std::size_t k = 0; k < from.size(); ++k) {
    const auto bits = std::uint32_t(k * 0x9e3779b9u);
    from[k] = float_of(bits), second[k] = float_of(bits ^ 0x5a5a8000u);
  }
  from[1] = float_of(0x7f800001), from[2] = float_of(0x7f7f8000), from[3] = float_of(0xff800000);
  from[4] = float_of(0x00400000), second[4] = float_of(0x807fffff), from[5] = float_of(0x3f808000), from[6] = -0.0f;
  const auto is_rounded = [](Bits bits, float value) {
    return bits == detail::bfloat16_bits(value) || (std::fpclassify(value) == FP_SUBNORMAL && (bits & 0x7fff) == 0);
  };
  for (const Index count : {1, 15, 16, 17, 31, 32, 33, 99}) {
    INFO(count);
    std::vector<Bits> run(from.size(), 0x7fff), pairs(2 * from.size(), 0x7fff);
    detail::round_numbers(from.data(), count, run.data());
    detail::round_pairs(from.data(), second.data(), count, pairs.data());
    bool all = true;
    for (std::size_t k = 0; k < std::size_t(count); ++k)
      all = all && is_rounded(run[k], from[k]) && is_rounded(pairs[2 * k], from[k]) &&
            is_rounded(pairs[2 * k + 1], second[k]);
    CHECK(all);
    CHECK(run[std::size_t(count)] == 0x7fff);  // memory behind the result is not written
    CHECK(pairs[2 * std::size_t(count)] == 0x7fff);
  }
}

TEMPLATE_TEST_CASE("bfloat16: products equal those of rounded factors", "", FloatForm, PairForm<EmulatedAvx512>,
                   PairForm<EmulatedAmx>) {
  for (const auto& [rows, terms] : {std::pair<Index, Index>{1, 1},
                                    {7, 15},
                                    {15, 7},
                                    {17, 33},
                                    {33, 17},
                                    {40, 64},
                                    {65, 3},
                                    {1, 0},
                                    {16, 32},
                                    {33, 1100}})
    for (const Index columns : {0, 1, 7, 15, 17, 33, 130}) {
      INFO(rows << " x " << terms << " x " << columns);
      const auto w = numbers(rows, terms, 1), x = numbers(terms, columns, 2), start = numbers(rows + 2, columns, 3);
      const auto panels = packed<TestType>(factor(w), rows, terms);
      const auto multiply = [&, rows = rows, terms = terms](Index first, Index count, bool add) {
        MatrixX<float> y = start.middleCols(first, count);
        detail::multiply_rounded<TestType>(panels.data(), rows, terms, factor(x).from(0, first), count, y.data(),
                                           rows + 2, add);
        return y;
      };
      const MatrixX<float> y = multiply(0, columns, false), sum = multiply(0, columns, true);
      if (columns == 0) continue;  // it must not read or write; blocks of an empty matrix would be at a null pointer
      CHECK(is_product(y.topRows(rows), w, x, MatrixX<float>::Zero(rows, columns)));
      CHECK(is_product(sum.topRows(rows), w, x, start.topRows(rows)));
      CHECK(y.bottomRows(2) == start.bottomRows(2));
      if (columns < 33) continue;
      for (const Index c : {Index(0), Index(16), columns - 1}) CHECK(multiply(c, 1, true) == sum.col(c));
    }
}

TEMPLATE_TEST_CASE("bfloat16: sums of outer products equal those of rounded factors", "", FloatForm,
                   PairForm<EmulatedAvx512>, PairForm<EmulatedAmx>) {
  for (const auto& [rows, inner] : {std::pair<Index, Index>{1, 1}, {7, 17}, {17, 7}, {33, 15}, {100, 130}})
    for (const Index columns : {0, 1, 7, 15, 33, 300}) {
      INFO(rows << " x " << inner << " x " << columns);
      const auto a = numbers(rows, columns, 1), b = numbers(inner, columns, 2), start = numbers(rows, inner, 3);
      const auto add = [&, inner = inner](Index first, Index count) {
        MatrixX<float> gradient = start.middleRows(first, count);
        detail::add_rounded_outer_products<TestType>(factor(a).from(first, 0), count, factor(b), inner, columns,
                                                     gradient.data(), count);
        return gradient;
      };
      const MatrixX<float> whole = add(0, rows);
      CHECK(is_product(whole, a, b.transpose(), start));
      if (columns == 0) continue;
      for (const Index first : {Index(0), rows / 2, rows - 1})  // as when threads share the rows
        CHECK(add(first, rows - first) == whole.bottomRows(rows - first));
    }
}

#if defined(__AVX512BF16__)
TEST_CASE("bfloat16: registers of AVX512-BF16 have the bits of their emulation") {
  using Emulated = PairForm<EmulatedAvx512>;
  using Real = PairForm<detail::Avx512Tiles>;
  for (const auto& [rows, terms] : {std::pair<Index, Index>{16, 2}, {17, 33}, {100, 130}, {33, 1100}})
    for (const float scale : {1.0f, 1e-19f, 1e-25f, 1e19f}) {  // also subnormal products, sums and infinite ones
      INFO(rows << " x " << terms << ", scale " << scale);
      const MatrixX<float> w = numbers(rows, terms, 1) * scale, x = numbers(terms, 19, 2) * scale;
      const auto product = [&, rows = rows, terms = terms]<class Form>(Form) {
        MatrixX<float> y(rows, 19);
        const auto panels = packed<Form>(factor(w), rows, terms);
        detail::multiply_rounded<Form>(panels.data(), rows, terms, factor(x), 19, y.data(), rows, false);
        return y;
      };
      const MatrixX<float> real = product(Real()), emulated = product(Emulated());
      CHECK(std::memcmp(real.data(), emulated.data(), std::size_t(real.size()) * sizeof(float)) == 0);
    }
}
#endif

TEST_CASE("bfloat16: the form for every processor has the bits of products of rounded floats") {
  for (const Index terms : {1, 33, 512}) {
    const auto w = numbers(33, terms, 1), x = numbers(terms, 17, 2);
    const MatrixX<float> factors = rounded(w), columns = rounded(x);
    PackedMatrix<float> plain;
    plain.pack(factors);
    MatrixX<float> expected(33, 17), y(33, 17);
    plain.multiply(columns.data(), terms, 17, expected.data(), 33);
    detail::multiply_rounded<FloatForm>(packed<FloatForm>(factor(w), 33, terms).data(), 33, terms, factor(x), 17,
                                        y.data(), 33, false);
    CHECK(y == expected);
  }
}

TEMPLATE_TEST_CASE("bfloat16: infinite factors and NaN reach their row or column only", "", FloatForm,
                   PairForm<EmulatedAvx512>, PairForm<EmulatedAmx>) {
  MatrixX<float> w = numbers(17, 33, 1), x = numbers(33, 9, 2), y(17, 9);
  w(3, 32) = std::numeric_limits<float>::infinity();
  x(5, 4) = std::numeric_limits<float>::quiet_NaN();
  detail::multiply_rounded<TestType>(packed<TestType>(factor(w), 17, 33).data(), 17, 33, factor(x), 9, y.data(), 17,
                                     false);
  for (Index c = 0; c < 9; ++c)
    for (Index r = 0; r < 17; ++r) {
      if (c == 4) CHECK(std::isnan(y(r, c)));
      if (c != 4 && r == 3) CHECK(std::isinf(y(r, c)));
      if (c != 4 && r != 3) CHECK(std::isfinite(y(r, c)));
    }
}

TEST_CASE("bfloat16: packed matrices round their factors if the option says so") {
  const auto w = numbers(33, 65, 1), x = numbers(65, 17, 2), d = numbers(33, 17, 3);
  PackedMatrix<float> matrix, transposed, scoped;
  matrix.pack(w, Precision::bfloat16);
  transposed.pack_transposed(w, Precision::bfloat16);
  CHECK(matrix.products() == Precision::bfloat16);
  MatrixX<float> y = MatrixX<float>::Zero(33, 17), back = numbers(65, 17, 4), start = back;
  matrix.multiply(x.data(), 65, 17, y.data(), 33);
  CHECK(is_product(y, w, x, MatrixX<float>::Zero(33, 17)));
  transposed.multiply_add(d.data(), 33, 17, back.data(), 65);
  CHECK(is_product(back, w.transpose(), d, start));

  MatrixX<float> gradient = MatrixX<float>::Zero(33, 65);
  add_outer_products(d.data(), 33, 33, x.data(), 65, 65, 17, gradient.data(), 33, Precision::bfloat16);
  CHECK(is_product(gradient, d, x.transpose(), MatrixX<float>::Zero(33, 65)));

  {
    const detail::PackFor pack(Precision::bfloat16);
    scoped.pack(w);
  }
  CHECK(scoped.products() == Precision::bfloat16);
  scoped.pack(w);  // after the scope
  CHECK(scoped.products() == Precision::float32);
  CHECK(!rounded(w).isApprox(w));

  const support::AllocationCount allocations;
  matrix.pack(w, Precision::bfloat16);
  matrix.multiply(x.data(), 65, 17, y.data(), 33);
  add_outer_products(d.data(), 33, 33, x.data(), 65, 65, 17, gradient.data(), 33, Precision::bfloat16);
  const auto count = allocations.count();
  CHECK(count == 0);

  PackedMatrix<double> doubles;
  const MatrixX<double> v = w.cast<double>();
  CHECK_THROWS_MATCHES(doubles.pack(v, Precision::bfloat16), ValueError,
                       says("products: the scalar of a model with Precision::bfloat16 must be float, got double"));
}

}  // namespace test_bfloat16
