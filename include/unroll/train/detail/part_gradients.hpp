#pragma once
// Loss counts and gradients of the parts of a batch, and their sums.

#include "unroll/losses/reduction.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/train/metrics/hits.hpp"

namespace unroll::detail {

/// Results of one part of a batch, common to all tasks.
template <class Scalar>
struct StepPart {
  explicit StepPart(const Parameters<Scalar>& parameters) : gradient(parameters.zeros_like()) {}

  void add_hits(const ConstView<Scalar>& output, InLabels labels) {
    Accuracy accuracy;
    accuracy.add(output, labels);
    hits += accuracy.hits();
  }

  Parameters<Scalar> gradient;
  LossCount whole;  // of the whole batch
  LossValue loss;   // of the present window
  Hits hits;
};

/// Replaces the count of each part by that of the whole batch. `count(part)` returns a reference to the count of a
/// part.
template <class CountOf>
void join_counts(std::size_t parts, CountOf&& count) {
  for (std::size_t k = 1; k < parts; ++k) count(0) += count(k);
  for (std::size_t k = 1; k < parts; ++k) count(k).divide_by(count(0));
}

/// Adds the gradients of parts 1 to count - 1 to that of part 0, each entry in this order. `gradient_of(part)` returns
/// a Parameters<Scalar>&.
template <class Gradient>
void add_gradients(std::size_t count, Gradient&& gradient_of, ThreadPool* threads) {
  auto& sum = gradient_of(0);
  const auto add = [&](std::size_t part, Index first, Index size) {
    sum.values().segment(first, size) += gradient_of(part).values().segment(first, size);
  };
  constexpr Index share = 1 << 15;  // fits into a cache while all parts are added
  each_share(sum.dense(), share, threads, [&](Index first, Index size) {
    for (std::size_t part = 1; part < count; ++part) add(part, first, size);
  });
  for (std::size_t part = 1; part < count; ++part) {
    sum.touch(gradient_of(part));
    for (const Segment& column : gradient_of(part).touched()) add(part, column.first, column.size);
  }
}

}  // namespace unroll::detail
