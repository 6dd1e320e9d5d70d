#pragma once
// A tensor as a file holds it: an element type, a shape and row-major bytes.

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

namespace unroll {

/// Element types, named as in safetensors and in its order: files list tensors by decreasing type.
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

/// Throws ValueError for a number that is none of the element types.
inline const DTypeTraits& traits_of(DType dtype) {
  const auto number = static_cast<std::size_t>(dtype);
  require<ValueError>(number < dtype_traits.size(), "the tensor's element type has the number ",
                      static_cast<int>(dtype), ", which is none of the ten");
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

/// What a stored element counts as: any byte but 0 is true, the 16-bit formats widen to float without loss.
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

/// Whether `To` holds `value`: exactly, or (from floating to floating) rounded but with no new infinity.
template <class To, class From>
bool holds(From value) {
  if constexpr (std::floating_point<To> && std::floating_point<From>) {
    return sizeof(To) >= sizeof(From) || !std::isfinite(value) ||
           std::abs(value) <= From(std::numeric_limits<To>::max());
  } else if constexpr (std::floating_point<From>) {
    const From limit = std::ldexp(From(1), std::numeric_limits<To>::digits);
    return value == std::trunc(value) && value < limit && value >= (std::is_signed_v<To> ? -limit : From(0));
  } else if constexpr (std::floating_point<To>) {
    // Exact when no more digits than the type has lie between the highest bit and the lowest.
    const auto bits = static_cast<std::uint64_t>(value);
    const std::uint64_t magnitude = value < 0 ? 0 - bits : bits;
    return static_cast<int>(std::bit_width(magnitude)) - std::countr_zero(magnitude) <= std::numeric_limits<To>::digits;
  } else {
    return std::in_range<To>(value);
  }
}

/// The element type of the file for a C++ type; integers by size, so that `long` and `long long` both find theirs.
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
                  "unroll: tensors hold bool, 8-bit unsigned, signed, half and floating numbers");
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

/// The name of an element type as safetensors writes it: "F32".
inline std::string_view name(DType dtype) { return detail::traits_of(dtype).name; }

/// An array of numbers as it lies in a file: little-endian, row-major (the last index runs fastest). A scalar has no
/// dimensions.
struct Tensor {
  DType dtype = DType::F32;
  std::vector<Index> shape;
  std::vector<std::byte> bytes;

  /// Copies row-major `values` of the given shape. Throws ShapeError when their number is not the product of the shape.
  template <class T>
  static Tensor of(std::span<const T> values, std::vector<Index> shape) {
    Tensor tensor{detail::dtype_of<T>(), std::move(shape), {}};
    const Index size = tensor.size();
    require<ShapeError>(
        size == static_cast<Index>(values.size()), "shape ", [&] { return detail::shape_text(tensor.shape); },
        " needs ", size, " values, but ", values.size(), " were given");
    const auto raw = std::as_bytes(values);
    tensor.bytes.assign(raw.begin(), raw.end());
    return tensor;
  }

  template <class T>
  static Tensor of(const std::vector<T>& values, std::vector<Index> shape) {
    return of(std::span<const T>(values), std::move(shape));
  }

  /// Copies an Eigen expression: a matrix becomes [rows, columns], a column vector [rows].
  template <class Derived>
  static Tensor of(const Eigen::MatrixBase<Derived>& values) {
    using T = typename Derived::Scalar;
    const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = values;
    std::vector<Index> shape{rows.rows()};
    if constexpr (Derived::ColsAtCompileTime != 1) shape.push_back(rows.cols());
    return of(std::span<const T>(rows.data(), static_cast<std::size_t>(rows.size())), std::move(shape));
  }

  /// Number of elements: the product of the shape, 1 for a scalar. Throws ShapeError for a negative extent and a
  /// product that no Index holds.
  Index size() const {
    Index product = 1;
    for (const Index extent : shape) {
      const bool counts = extent >= 0 && (product == 0 || extent <= std::numeric_limits<Index>::max() / product);
      require<ShapeError>(counts, "tensor: no array has the shape ", [&] { return detail::shape_text(shape); });
      product *= extent;
    }
    return product;
  }

  /// The elements in row-major order. Floating numbers are rounded to a narrower floating type; every other conversion
  /// must be exact, because an id of 16777217 that quietly becomes 16777216 is a different word. Throws ValueError that
  /// names the first element which `T` cannot hold, ShapeError when the bytes are not those of the shape.
  template <class T>
  requires std::is_arithmetic_v<T> &&(!std::same_as<T, bool>)std::vector<T> to() const {
    check_bytes();
    std::vector<T> values(static_cast<std::size_t>(size()));
    with_elements<T>([&](auto element) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = element(i);
    });
    return values;
  }

  /// Calls `f` with a function that gives element i as a `T`, converted and checked as `to` does.
  template <class T, class F>
  void with_elements(F&& f) const {
    check_bytes();
    detail::with_element_type(dtype, [&]<class Stored>(std::type_identity<Stored>) {
      f([this, from = bytes.data()](std::size_t i) {
        const auto value = detail::element_value<Stored>(from + i * sizeof(Stored));
        require<ValueError>(detail::holds<T>(value), [&] {
          return text("element ", i, " of a tensor ", name(dtype), " ", detail::shape_text(shape), " is ", value,
                      ", which ", name(detail::dtype_of<T>()), " cannot hold");
        });
        return static_cast<T>(value);
      });
    });
  }

  /// Throws ShapeError unless there are as many bytes as shape and element type need.
  void check_bytes() const {
    const auto each = static_cast<std::size_t>(detail::traits_of(dtype).bytes);
    // Dividing: the product may be more than a number holds.
    const bool right = bytes.size() % each == 0 && bytes.size() / each == static_cast<std::size_t>(size());
    require<ShapeError>(
        right, "tensor: ", name(dtype), " ", [&] { return detail::shape_text(shape); }, " needs ", size(),
        " elements of ", each, " bytes, there are ", bytes.size(), " bytes");
  }
};

/// The tensor as an Eigen matrix: [rows, columns] as such, [n] as a column, a scalar as 1 x 1. Conversions as in
/// Tensor::to. Throws ShapeError for more than two dimensions.
template <class Scalar>
MatrixX<Scalar> matrix(const Tensor& tensor) {
  require<ShapeError>(tensor.shape.size() <= 2, "a matrix has at most 2 dimensions, this tensor has the shape ",
                      [&] { return detail::shape_text(tensor.shape); });
  const Index rows = tensor.shape.empty() ? 1 : tensor.shape[0];
  const Index cols = tensor.shape.size() == 2 ? tensor.shape[1] : 1;
  tensor.check_bytes();
  MatrixX<Scalar> values(rows, cols);
  tensor.with_elements<Scalar>([&](auto element) {
    // Tile by tile, so that what is read along rows and written along columns stays in the cache.
    constexpr Index tall = 32, wide = 32;
    Eigen::Matrix<Scalar, tall, wide, Eigen::RowMajor> tile;
    for (Index row = 0; row < rows; row += tall)
      for (Index col = 0; col < cols; col += wide) {
        const Index height = std::min(tall, rows - row), width = std::min(wide, cols - col);
        for (Index r = 0; r < height; ++r)
          for (Index c = 0; c < width; ++c) tile(r, c) = element(static_cast<std::size_t>((row + r) * cols + col + c));
        values.block(row, col, height, width) = tile.topLeftCorner(height, width);
      }
  });
  return values;
}

}  // namespace unroll
