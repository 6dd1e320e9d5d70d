#pragma once
// Hashes that identify data independently of file names.

#include <cstddef>
#include <cstdint>
#include <string>

#include "unroll/core/types.hpp"

namespace example {

/// 64-bit FNV-1a hash (Fowler, Noll and Vo) of all added bytes.
class Fingerprint {
 public:
  Fingerprint& add(const void* bytes, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k)
      hash_ = (hash_ ^ static_cast<const unsigned char*>(bytes)[k]) * 0x100000001b3;
    return *this;
  }
  /// Adds the elements of a matrix or vector in column-major order.
  template <class Derived>
  Fingerprint& add(const Eigen::PlainObjectBase<Derived>& values) {
    return add(values.data(), std::size_t(values.size()) * sizeof(typename Derived::Scalar));
  }

  std::uint64_t number() const { return hash_; }

  /// The hash as 16 hexadecimal digits.
  std::string text() const {
    constexpr const char* digits = "0123456789abcdef";
    std::string all;
    for (int shift = 60; shift >= 0; shift -= 4) all += digits[hash_ >> shift & 15];
    return all;
  }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325;
};

}  // namespace example
