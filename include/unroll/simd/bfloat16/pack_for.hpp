#pragma once

#include <type_traits>

#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"

namespace unroll::detail {

/// Throws ValueError for products in bfloat16 of a scalar other than float.
template <class Scalar>
void check_products(Precision products) {
  require<ValueError>(std::is_same_v<Scalar, float> || products == Precision::float32,
                      "products: the scalar of a model with Precision::bfloat16 must be float, got ",
                      name_of_scalar<Scalar>);
}

/// Scope in which the calling thread packs matrices for products of a precision.
class PackFor {
 public:
  explicit PackFor(Precision products) noexcept : before_(present_) { present_ = products; }
  ~PackFor() { present_ = before_; }
  PackFor(const PackFor&) = delete;
  PackFor& operator=(const PackFor&) = delete;

  static Precision present() noexcept { return present_; }

 private:
  static inline constinit thread_local Precision present_ = Precision::float32;
  const Precision before_;
};

/// Scope for a model of a scalar. Throws ValueError, see check_products.
template <class Scalar>
[[nodiscard]] PackFor pack_for(Precision products) {
  check_products<Scalar>(products);
  return PackFor(products);
}

}  // namespace unroll::detail
