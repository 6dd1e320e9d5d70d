#pragma once
// The gradients of a batch's parts as one.

#include "unroll/parameters/parameters.hpp"

namespace unroll::detail {

/// Adds those of the parts 1 to count - 1 to that of part 0, each entry in this order. `gradient_of(part)` is a
/// Parameters<Scalar>&.
template <class Gradient>
void add_gradients(std::size_t count, Gradient&& gradient_of, ThreadPool* threads) {
  auto& sum = gradient_of(0);
  const auto add = [&](std::size_t part, Index first, Index size) {
    sum.values().segment(first, size) += gradient_of(part).values().segment(first, size);
  };
  constexpr Index share = 1 << 15;  // stays in a cache while all parts are added to it
  each_share(sum.dense(), share, threads, [&](Index first, Index size) {
    for (std::size_t part = 1; part < count; ++part) add(part, first, size);
  });
  for (std::size_t part = 1; part < count; ++part) {
    sum.touch(gradient_of(part));
    for (const Segment& column : gradient_of(part).touched()) add(part, column.first, column.size);
  }
}

}  // namespace unroll::detail
