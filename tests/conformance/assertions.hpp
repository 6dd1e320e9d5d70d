#pragma once
// eigen_assert throws, so that a failure is an error of one case. Included before everything else in this program.

#include <stdexcept>

namespace conformance::detail {
[[noreturn]] inline void refuse_expression(const char* what) { throw std::logic_error(what); }
}  // namespace conformance::detail

#undef eigen_assert  // defined where Eigen is precompiled
#define eigen_assert(condition) \
  ((condition) ? static_cast<void>(0) : conformance::detail::refuse_expression("sizes that do not fit: " #condition))
