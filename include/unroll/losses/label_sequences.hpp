#pragma once

#include <span>
#include <vector>

#include "unroll/core/types.hpp"

namespace unroll {

/// What is to be written for each sample of a batch: labels without a place in time, any number of them. It refers to
/// the labels, which must outlive its use. A sample may have no labels, which is a target like any other; a single
/// negative label means that there is no target.
class LabelSequences {
 public:
  LabelSequences() = default;
  LabelSequences(const std::vector<Labels>& targets) {  // NOLINT: one label sequence for each sample
    for (const Labels& target : targets) add({target.data(), std::size_t(target.size())});
  }
  LabelSequences(const std::vector<std::vector<Index>>& targets) {  // NOLINT
    for (const auto& target : targets) add(target);
  }

  void clear() { targets_.clear(); }
  void add(std::span<const Index> target) { targets_.push_back(target); }

  Index size() const { return Index(targets_.size()); }
  /// Indices are from 0, below size().
  std::span<const Index> operator[](Index sample) const { return targets_[std::size_t(sample)]; }
  bool has_target(Index sample) const { return (*this)[sample].size() != 1 || (*this)[sample].front() >= 0; }

 private:
  std::vector<std::span<const Index>> targets_;
};

}  // namespace unroll
