#pragma once
// Values of an ONNX graph while it is read: constants, sizes, and signals with the meaning of each dimension.

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/io/onnx/onnx_file.hpp"

namespace unroll::detail {

/// Size of a dimension: number * steps^a * batch^b, where the numbers of steps and sequences are unknown. `version`
/// counts the layers that have changed the number of steps.
struct OnnxSize {
  Index number = 1;
  int steps = 0, batch = 0, version = 0;

  bool operator==(const OnnxSize&) const = default;
  bool is_number() const { return steps == 0 && batch == 0; }
};

inline OnnxSize operator*(const OnnxSize& a, const OnnxSize& b) {
  require<FileError>(a.version == b.version || a.steps == 0 || b.steps == 0,
                     "a size must not be the product of different numbers of steps");
  require<FileError>(a.steps + b.steps < 64 && a.batch + b.batch < 64, "a size must have at most 63 factors");
  return {checked_multiply(a.number, b.number, "size"), a.steps + b.steps, a.batch + b.batch,
          std::max(a.version, b.version)};
}

/// Quotient, if it is exact.
inline std::optional<OnnxSize> quotient(const OnnxSize& a, const OnnxSize& b) {
  if (b.number == 0 || b.number == std::numeric_limits<Index>::min() || a.number == std::numeric_limits<Index>::min())
    return std::nullopt;
  if (a.number % b.number != 0 || a.steps < b.steps || a.batch < b.batch) return std::nullopt;
  if (b.steps > 0 && a.version != b.version) return std::nullopt;
  const int steps = a.steps - b.steps;
  return OnnxSize{a.number / b.number, steps, a.batch - b.batch, steps > 0 ? a.version : 0};
}

inline std::string text_of(const OnnxSize& size) {
  std::string to = size.is_number() || size.number != 1 ? text(size.number) : "";
  for (int k = 0; k < size.steps; ++k) to += to.empty() ? "steps" : " steps";
  for (int k = 0; k < size.batch; ++k) to += to.empty() ? "batch" : " batch";
  return to;
}

/// Meaning of a dimension. The rows of a bidirectional layer are numbered by direction, then by unit.
enum class OnnxAxis { steps, batch, direction, features };

inline std::string_view name_of(OnnxAxis axis) {
  constexpr std::string_view names[] = {"steps", "batch", "direction", "features"};
  return names[std::size_t(axis)];
}

struct OnnxFactor {
  OnnxAxis axis;
  OnnxSize size;
};

/// Dimensions of a signal; each is a product of factors, a dimension of size 1 may have none.
using OnnxAxes = std::vector<std::vector<OnnxFactor>>;

inline std::string text_of(const OnnxAxes& axes) {
  std::string to;
  for (const auto& dimension : axes) {
    to += to.empty() ? "(" : ", ";
    if (dimension.empty()) to += "1";
    for (std::size_t k = 0; k < dimension.size(); ++k) to += text(k > 0 ? " x " : "", name_of(dimension[k].axis));
  }
  return to.empty() ? "()" : to + ")";
}

inline OnnxSize size_of(const std::vector<OnnxFactor>& dimension) {
  OnnxSize all;
  for (const OnnxFactor& factor : dimension) all = all * factor.size;
  return all;
}

/// Whether a dimension has only this axis and, if `or_one`, whether it may be of size 1 instead.
inline bool is_only(const std::vector<OnnxFactor>& dimension, OnnxAxis axis, bool or_one = false) {
  if (dimension.empty()) return or_one;
  return dimension.size() == 1 && dimension.front().axis == axis;
}

/// Value of layers: one node for each direction.
struct OnnxSignal {
  std::vector<std::size_t> parts;
  OnnxAxes axes;
  Index front = 0, back = 0;  ///< zeros before and after the steps, which a following convolution must use
  int gelu = 0;               ///< part of a GELU, see onnx_gelu.hpp
  double factor = 1;          ///< of a part of a GELU

  bool has(OnnxAxis axis) const {
    for (const auto& dimension : axes)
      for (const OnnxFactor& one : dimension)
        if (one.axis == axis) return true;
    return false;
  }
};

/// The signal, if it has all operators that it needs; with `padded`, a convolution reads the zeros. Throws FileError.
inline const OnnxSignal& complete(const OnnxSignal& x, bool padded = false) {
  require<FileError>(padded || (x.front == 0 && x.back == 0), "only a convolution must follow Pad");
  require<FileError>(x.gelu == 0 && x.factor == 1,
                     "a product with a constant, or Erf, must be a part of the GELU function, got another use");
  return x;
}

/// Input of the graph besides the input of the model, or a value computed from it: states, lengths.
struct OnnxGiven {
  bool by_layer = false;  ///< the states c of an LSTM, which no input of a layer can be
};
/// Tensor of equal numbers of any shape.
struct OnnxFill {
  double number = 0;
};
/// Integers of at most one dimension that may depend on the numbers of steps and sequences.
struct OnnxSizes {
  std::vector<OnnxSize> sizes;
  bool scalar = false;
};
using OnnxConstant = std::shared_ptr<const Tensor>;
using OnnxValue = std::variant<OnnxGiven, OnnxFill, OnnxSizes, OnnxConstant, OnnxSignal>;

inline std::string_view kind_of(const OnnxValue& value) {
  constexpr std::string_view names[] = {"a state or lengths", "a constant", "sizes", "a constant", "a signal"};
  return names[value.index()];
}

/// Sizes of a reshape, with 0 and -1 replaced.
inline std::vector<OnnxSize> whole_shape(const OnnxAxes& from, std::vector<OnnxSize> to, bool zero_is_size) {
  OnnxSize all, rest;
  for (const auto& dimension : from) all = all * size_of(dimension);
  rest = all;
  std::optional<std::size_t> open;
  for (std::size_t k = 0; k < to.size(); ++k) {
    if (to[k] == OnnxSize{0} && !zero_is_size && k < from.size()) to[k] = size_of(from[k]);
    if (to[k] == OnnxSize{-1}) {
      require<FileError>(!open, "at most 1 size of the new shape must be -1, got 2");
      open = k;
      continue;
    }
    const auto left = to[k].number > 0 ? quotient(rest, to[k]) : std::nullopt;
    require<FileError>(left.has_value(), "the new shape must have ", text_of(all), " elements, got a size of ",
                       text_of(to[k]));
    rest = *left;
  }
  if (open) to[*open] = rest;
  require<FileError>(open || rest == OnnxSize{}, "the new shape must have ", text_of(all), " elements");
  return to;
}

/// Dimensions after a reshape. Throws FileError if it divides an axis.
inline OnnxAxes reshaped(const OnnxAxes& from, const std::vector<OnnxSize>& shape, bool zero_is_size = false) {
  std::vector<OnnxFactor> factors;
  for (const auto& dimension : from) factors.insert(factors.end(), dimension.begin(), dimension.end());
  OnnxAxes to;
  std::size_t next = 0;
  for (const OnnxSize& size : whole_shape(from, shape, zero_is_size)) {
    std::vector<OnnxFactor>& dimension = to.emplace_back();
    if (size == OnnxSize{} && next < factors.size() && factors[next].size == OnnxSize{})
      dimension.push_back(factors[next++]);
    while (size_of(dimension) != size) {
      require<FileError>(next < factors.size() && quotient(size, size_of(dimension) * factors[next].size),
                         "a reshape must not divide an axis, got a size of ", text_of(size), " for ", text_of(from));
      dimension.push_back(factors[next++]);
    }
  }
  for (; next < factors.size() && !to.empty(); ++next) to.back().push_back(factors[next]);  // of size 1
  return to;
}

/// Number of a dimension, counted from the end if negative.
inline std::size_t axis_number(Index number, std::size_t count) {
  const Index from_front = number < 0 ? number + Index(count) : number;
  require<FileError>(from_front >= 0 && from_front < Index(count), "a dimension must be ", -Index(count), " to ",
                     Index(count) - 1, ", got ", number);
  return std::size_t(from_front);
}

/// Permutation of dimensions; empty: all reversed.
inline std::vector<std::size_t> permutation_of(const std::vector<Index>& given, std::size_t count) {
  std::vector<std::size_t> to;
  if (given.empty())
    for (std::size_t k = count; k-- > 0;) to.push_back(k);
  std::vector<bool> used(count);
  for (const Index number : given) to.push_back(axis_number(number, count));
  require<FileError>(to.size() == count, "perm must have ", count, " entries, got ", to.size());
  for (const std::size_t k : to) {
    require<FileError>(!used[k], "perm must have each dimension once, got ", k, " twice");
    used[k] = true;
  }
  return to;
}

}  // namespace unroll::detail
