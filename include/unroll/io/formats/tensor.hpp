#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"
#include "unroll/io/large_pages.hpp"

namespace unroll {

/// Element types, with the names and the order of safetensors: files list tensors by decreasing type.
enum class DType { BOOL, U8, I8, I16, F16, BF16, I32, F32, F64, I64 };

namespace detail {

struct DTypeTraits {
  std::string_view name;
  Index bytes;
};

inline constexpr std::array<DTypeTraits, 10> dtype_traits{{{"BOOL", 1},
                                                           {"U8", 1},
                                                           {"I8", 1},
                                                           {"I16", 2},
                                                           {"F16", 2},
                                                           {"BF16", 2},
                                                           {"I32", 4},
                                                           {"F32", 4},
                                                           {"F64", 8},
                                                           {"I64", 8}}};

/// Name and size of an element type. Throws ValueError for an invalid DType.
inline const DTypeTraits& traits_of(DType dtype) {
  const auto number = static_cast<std::size_t>(dtype);
  require<ValueError>(number < dtype_traits.size(), "tensor: the element type must be 0 to ", dtype_traits.size() - 1,
                      ", got ", static_cast<int>(dtype));
  return dtype_traits[number];
}

/// Calls `f(std::type_identity<T>{})` with the C++ type of `dtype`.
template <class F>
void with_element_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::BOOL:
      return f(std::type_identity<bool>{});
    case DType::U8:
      return f(std::type_identity<std::uint8_t>{});
    case DType::I8:
      return f(std::type_identity<std::int8_t>{});
    case DType::I16:
      return f(std::type_identity<std::int16_t>{});
    case DType::F16:
      return f(std::type_identity<Eigen::half>{});
    case DType::BF16:
      return f(std::type_identity<Eigen::bfloat16>{});
    case DType::I32:
      return f(std::type_identity<std::int32_t>{});
    case DType::F32:
      return f(std::type_identity<float>{});
    case DType::F64:
      return f(std::type_identity<double>{});
    case DType::I64:
      return f(std::type_identity<std::int64_t>{});
  }
  traits_of(dtype);
}

template <class T>
concept Half = std::same_as<T, Eigen::half> || std::same_as<T, Eigen::bfloat16>;

/// Value of a stored element: nonzero bytes are true, and 16-bit floating-point formats are widened to float without
/// loss.
template <class T>
auto element_value(const std::byte* at) {
  if constexpr (std::same_as<T, bool>) {
    return static_cast<std::uint8_t>(*at != std::byte{0});
  } else {
    T value;
    std::memcpy(&value, at, sizeof value);
    if constexpr (Half<T>)
      return static_cast<float>(value);
    else
      return value;
  }
}

/// Whether `To` can represent `value`: exactly, or, between floating-point types, rounded without a new infinity.
template <class To, class From>
bool holds(From value) {
  if constexpr (std::floating_point<To> && std::floating_point<From>) {
    return sizeof(To) >= sizeof(From) || !std::isfinite(value) ||
           std::abs(value) <= From(std::numeric_limits<To>::max());
  } else if constexpr (std::floating_point<From>) {
    const From limit = std::ldexp(From(1), std::numeric_limits<To>::digits);
    return value == std::trunc(value) && value < limit && value >= (std::is_signed_v<To> ? -limit : From(0));
  } else if constexpr (std::floating_point<To>) {
    // Exact if the highest and the lowest set bit are at most as many digits apart as `To` has.
    const auto bits = static_cast<std::uint64_t>(value);
    const std::uint64_t magnitude = value < 0 ? 0 - bits : bits;
    return static_cast<int>(std::bit_width(magnitude)) - std::countr_zero(magnitude) <= std::numeric_limits<To>::digits;
  } else {
    return std::in_range<To>(value);
  }
}

/// Element type of a C++ type. Integers are matched by size, so that both `long` and `long long` are covered.
template <class T>
constexpr DType dtype_of() {
  if constexpr (std::same_as<T, bool>)
    return DType::BOOL;
  else if constexpr (std::same_as<T, Eigen::half>)
    return DType::F16;
  else if constexpr (std::same_as<T, Eigen::bfloat16>)
    return DType::BF16;
  else if constexpr (std::same_as<T, float>)
    return DType::F32;
  else if constexpr (std::same_as<T, double>)
    return DType::F64;
  else if constexpr (std::unsigned_integral<T> && sizeof(T) == 1)
    return DType::U8;
  else {
    static_assert(std::signed_integral<T>,
                  "unroll: the element type of a tensor must be bool, 8-bit unsigned, signed, half or floating");
    constexpr std::array by_size{DType::I8, DType::I16, DType::I32, DType::I64};
    return by_size[static_cast<std::size_t>(std::countr_zero(sizeof(T)))];
  }
}

inline std::string shape_text(std::span<const Index> shape) {
  std::string list;
  for (const Index size : shape) list += text(list.empty() ? "" : ", ", size);
  return "[" + list + "]";
}

}  // namespace detail

/// Name of an element type in safetensors files, for example "F32".
inline std::string_view name(DType dtype) { return detail::traits_of(dtype).name; }

/// Tensor in file format: element type, shape and little-endian, row-major bytes (the last index varies fastest). A
/// scalar has no dimensions.
struct Tensor {
  DType dtype = DType::F32;
  std::vector<Index> shape;
  std::vector<std::byte> bytes;

  /// Copy of row-major `values` with the given shape. Throws ShapeError unless their number is the product of the
  /// shape.
  template <class T>
  static Tensor of(std::span<const T> values, std::vector<Index> shape) {
    Tensor tensor{detail::dtype_of<T>(), std::move(shape), {}};
    const Index size = tensor.size();
    require<ShapeError>(
        size == static_cast<Index>(values.size()), "tensor: the shape ",
        [&] { return detail::shape_text(tensor.shape); }, " must have ", size, " values, got ", values.size());
    const auto raw = std::as_bytes(values);
    tensor.bytes.assign(raw.begin(), raw.end());
    return tensor;
  }

  template <class T>
  static Tensor of(const std::vector<T>& values, std::vector<Index> shape) {
    return of(std::span<const T>(values), std::move(shape));
  }

  /// Copy of an Eigen expression: a matrix becomes [rows, columns], a column vector [rows].
  template <class Derived>
  static Tensor of(const Eigen::MatrixBase<Derived>& values) {
    using T = typename Derived::Scalar;
    const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = values;
    std::vector<Index> shape{rows.rows()};
    if constexpr (Derived::ColsAtCompileTime != 1) shape.push_back(rows.cols());
    return of(std::span<const T>(rows.data(), static_cast<std::size_t>(rows.size())), std::move(shape));
  }

  /// Number of elements: the product of the shape, 1 for a scalar. Throws ShapeError for negative extents and for
  /// products beyond Index.
  Index size() const {
    Index product = 1;
    for (const Index extent : shape) {
      const bool counts = extent >= 0 && (product == 0 || extent <= std::numeric_limits<Index>::max() / product);
      require<ShapeError>(counts, "tensor: the shape must be at least 0 and fit in memory, got ",
                          [&] { return detail::shape_text(shape); });
      product *= extent;
    }
    return product;
  }

  /// Elements in row-major order. Floating-point numbers are rounded to narrower floating-point types. All other
  /// conversions must be exact: a token 16777217 rounded to 16777216 would be a different word. Throws ValueError with
  /// the first element that `T` cannot represent, ShapeError if the number of bytes does not match the shape.
  template <class T>
  requires std::is_arithmetic_v<T> &&(!std::same_as<T, bool>)std::vector<T> to() const {
    check_bytes();
    std::vector<T> values(static_cast<std::size_t>(size()));
    with_elements<T>([&](auto element) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = element(i);
    });
    return values;
  }

  /// Calls `f(element)`, where element(i) returns element i as a `T`, converted and checked as in `to`.
  template <class T, class F>
  void with_elements(F&& f) const {
    check_bytes();
    detail::with_element_type(dtype, [&]<class Stored>(std::type_identity<Stored>) {
      f([this, from = bytes.data()](std::size_t i) {
        const auto value = detail::element_value<Stored>(from + i * sizeof(Stored));
        require<ValueError>(detail::holds<T>(value), [&] {
          return text("tensor: element ", i, " of ", name(dtype), " ", detail::shape_text(shape), " must fit in ",
                      name(detail::dtype_of<T>()), ", got ", value);
        });
        return static_cast<T>(value);
      });
    });
  }

  /// Throws ShapeError unless the number of bytes matches shape and element type.
  void check_bytes() const {
    const auto each = static_cast<std::size_t>(detail::traits_of(dtype).bytes);
    // Divides instead of multiplying, because the product may overflow.
    const bool right = bytes.size() % each == 0 && bytes.size() / each == static_cast<std::size_t>(size());
    require<ShapeError>(
        right, "tensor: ", name(dtype), " ", [&] { return detail::shape_text(shape); }, " must have ", size(),
        " elements of ", each, " bytes, got ", bytes.size(), " bytes");
  }
};

/// Tensor as an Eigen matrix: [rows, columns] unchanged, [n] as a column, a scalar as 1 x 1. Conversions as in
/// Tensor::to. Throws ShapeError for more than two dimensions.
template <class Scalar>
MatrixX<Scalar> matrix(const Tensor& tensor) {
  require<ShapeError>(tensor.shape.size() <= 2, "tensor: a matrix must have at most 2 dimensions, got ",
                      [&] { return detail::shape_text(tensor.shape); });
  const Index rows = tensor.shape.empty() ? 1 : tensor.shape[0];
  const Index cols = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
  tensor.check_bytes();
  MatrixX<Scalar> values(rows, cols);
  detail::prefer_large_pages(values.data(), std::size_t(values.size()) * sizeof(Scalar));
  // Works in tiles: data read along rows and written along columns then stay in the cache.
  constexpr Index side = 32;
  Eigen::Matrix<Scalar, side, side, Eigen::RowMajor> tile;
  const auto in_tiles = [&](auto read_row) {
    for (Index row = 0; row < rows; row += side)
      for (Index col = 0; col < cols; col += side) {
        const Index height = std::min(side, rows - row), width = std::min(side, cols - col);
        for (Index r = 0; r < height; ++r) read_row(std::size_t((row + r) * cols + col), width, tile.row(r).data());
        if (height == side && width == side)
          values.template block<side, side>(row, col) = tile;
        else
          values.block(row, col, height, width) = tile.topLeftCorner(height, width);
      }
  };
  if (tensor.dtype == detail::dtype_of<Scalar>())
    in_tiles([from = tensor.bytes.data()](std::size_t first, Index count, Scalar* to) {
      std::memcpy(to, from + first * sizeof(Scalar), std::size_t(count) * sizeof(Scalar));
    });
  else
    tensor.with_elements<Scalar>([&](auto element) {
      in_tiles([&](std::size_t first, Index count, Scalar* to) {
        for (Index k = 0; k < count; ++k) to[k] = element(first + std::size_t(k));
      });
    });
  return values;
}

}  // namespace unroll
