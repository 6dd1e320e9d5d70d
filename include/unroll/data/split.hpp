#pragma once

#include <cmath>
#include <map>

#include "unroll/core/checked.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/random.hpp"
#include "unroll/data/batches.hpp"
#include "unroll/data/dataset.hpp"
#include "unroll/data/lazy_dataset.hpp"

namespace unroll {

/// Indices of the kept and the held-out samples, each list in increasing order.
struct Split {
  std::vector<Index> kept, held_out;
};

namespace detail {

/// Holds out `fraction` of each stratum, rounded. A stratum holds the samples of one class; its key is the class.
inline unroll::Split split_strata(const std::map<Index, std::vector<Index>>& strata, Index size, double fraction,
                                  std::uint64_t seed) {
  check_option(fraction > 0 && fraction < 1, "split", "fraction", "in (0, 1)", fraction);
  unroll::Split split;
  for (const auto& [k, samples] : strata) {
    const auto order = permutation(Index(samples.size()), Random(seed, Purpose::split, std::uint64_t(k)));
    const Index held = Index(std::llround(fraction * double(order.size())));
    for (Index i = 0; i < order.size(); ++i)
      (i < held ? split.held_out : split.kept).push_back(samples[std::size_t(order[i])]);
  }
  std::sort(split.kept.begin(), split.kept.end());
  std::sort(split.held_out.begin(), split.held_out.end());
  require<ValueError>(!split.kept.empty() && !split.held_out.empty(),
                      "split: each part must have at least 1 sequence, got fraction ", fraction, " of ", size,
                      " sequences");
  return split;
}

}  // namespace detail

/// Random split: holds out `fraction`, in (0, 1), of `size` samples, rounded. The result depends on the seed only.
/// Throws ValueError if either part would be empty.
inline Split random_split(Index size, double fraction, std::uint64_t seed) {
  return detail::split_strata({{0, all_samples(size)}}, size, fraction, seed);
}

/// Stratified split: holds out `fraction`, in (0, 1), of the sequences of a Dataset or LazyDataset. With one label per
/// sequence, the fraction is applied to every class and rounded; unlabelled sequences form a class; a LazyDataset is
/// then read once. The result depends on the seed only. Throws ValueError if either part would be empty.
template <detail::SampleData Data>
Split stratified_split(const Data& data, double fraction, std::uint64_t seed) {
  std::map<Index, std::vector<Index>> strata;  // by class, unlabelled samples last
  if (data.kind() != TargetKind::label) {
    strata[data.classes()] = all_samples(data.size());
  } else {
    Index sample = 0;
    detail::each_sample(data, [&](const auto& part, Index s) {
      const Index label = part.labels(s)[0];
      strata[label < 0 ? data.classes() : label].push_back(sample++);
    });
  }
  return detail::split_strata(strata, data.size(), fraction, seed);
}

/// Class weights that give every class the same total weight: n / (classes * n_k), where n_k is the count of class k; 0
/// for a class without samples. Throws ValueError for a data set without labels. Reads a LazyDataset once.
template <detail::SampleData Data>
VectorX<double> balanced_class_weights(const Data& data) {
  require<ValueError>(has_labels(data.kind()), "class weights: the data set has no labels");
  VectorX<double> weights;
  take_memory(data.classes(), "class weights", [&] { weights.setZero(data.classes()); });
  detail::each_sample(data, [&](const auto& part, Index s) {
    for (const Index label : part.labels(s))
      if (label >= 0) ++weights[label];
  });
  const double total = weights.sum();
  return weights.unaryExpr([&](double n) { return n > 0 ? total / (double(weights.size()) * n) : 0; });
}

}  // namespace unroll
