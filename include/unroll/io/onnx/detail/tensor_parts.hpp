#pragma once
// Transposition, slices and concatenation of tensors.

#include <cstddef>
#include <cstring>
#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/io/formats/tensor.hpp"

namespace unroll::detail {

/// Elements of the dimensions after `axis`, in bytes.
inline std::size_t inner_bytes(const Tensor& tensor, std::size_t axis) {
  std::size_t bytes = std::size_t(traits_of(tensor.dtype).bytes);
  for (std::size_t k = axis + 1; k < tensor.shape.size(); ++k) bytes *= std::size_t(tensor.shape[k]);
  return bytes;
}

inline Tensor transposed(const Tensor& from, const std::vector<std::size_t>& order) {
  Tensor to{from.dtype, {}, std::vector<std::byte>(from.bytes.size())};
  std::vector<std::size_t> stride;
  for (const std::size_t axis : order) to.shape.push_back(from.shape[axis]), stride.push_back(inner_bytes(from, axis));
  const std::size_t each = std::size_t(traits_of(from.dtype).bytes);
  std::vector<Index> at(order.size());
  std::size_t source = 0;
  for (std::size_t k = 0; k < to.bytes.size(); k += each) {
    std::memcpy(to.bytes.data() + k, from.bytes.data() + source, each);
    for (std::size_t axis = order.size(); axis-- > 0;) {
      source += stride[axis];
      if (++at[axis] < to.shape[axis]) break;
      source -= stride[axis] * std::size_t(at[axis]);
      at[axis] = 0;
    }
  }
  return to;
}

/// Entries [first, last) of a dimension.
inline Tensor part_of(const Tensor& from, std::size_t axis, Index first, Index last) {
  Tensor to{from.dtype, from.shape, {}};
  to.shape[axis] = last - first;
  const std::size_t each = inner_bytes(from, axis), whole = each * std::size_t(from.shape[axis]);
  for (std::size_t block = 0; block + whole <= from.bytes.size() && whole > 0; block += whole) {
    const auto begin = from.bytes.begin() + std::ptrdiff_t(block);
    to.bytes.insert(to.bytes.end(), begin + std::ptrdiff_t(each * std::size_t(first)),
                    begin + std::ptrdiff_t(each * std::size_t(last)));
  }
  return to;
}

inline Tensor joined(const std::vector<const Tensor*>& from, std::size_t axis) {
  Tensor to{from.front()->dtype, from.front()->shape, {}};
  to.shape[axis] = 0;
  for (const Tensor* one : from) {
    std::vector<Index> shape = one->shape;
    require<FileError>(one->dtype == to.dtype && shape.size() == to.shape.size(),
                       "the inputs must have the same type and number of dimensions");
    to.shape[axis] = checked_add(to.shape[axis], std::exchange(shape[axis], to.shape[axis]), "size");
    std::vector<Index> others = to.shape;
    others[axis] = shape[axis];
    require<FileError>(shape == others, "the inputs must have the same shape besides dimension ", axis);
  }
  std::size_t blocks = 1;
  for (std::size_t k = 0; k < axis; ++k) blocks *= std::size_t(to.shape[k]);
  for (std::size_t block = 0; block < blocks; ++block)
    for (const Tensor* one : from) {
      const std::size_t each = inner_bytes(*one, axis) * std::size_t(one->shape[axis]);
      const auto begin = one->bytes.begin() + std::ptrdiff_t(block * each);
      to.bytes.insert(to.bytes.end(), begin, begin + std::ptrdiff_t(each));
    }
  return to;
}

/// Entries of a dimension in reverse order.
inline Tensor reversed(const Tensor& from, std::size_t axis) {
  if (from.shape[axis] == 0) return from;
  std::vector<Tensor> parts;
  std::vector<const Tensor*> all;
  for (Index k = from.shape[axis]; k-- > 0;) parts.push_back(part_of(from, axis, k, k + 1));
  for (const Tensor& part : parts) all.push_back(&part);
  return joined(all, axis);
}

}  // namespace unroll::detail
