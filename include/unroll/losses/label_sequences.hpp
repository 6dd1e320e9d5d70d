#pragma once

#include <span>
#include <vector>

#include "unroll/core/types.hpp"

namespace unroll {

/// Label sequences: unaligned targets of any length, one per sample of a batch. Non-owning: the labels must outlive its
/// use. An empty sequence is a valid target; a single negative label means "no target".
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
  /// `sample` must be in [0, size()).
  std::span<const Index> operator[](Index sample) const { return targets_[std::size_t(sample)]; }
  bool has_target(Index sample) const { return (*this)[sample].size() != 1 || (*this)[sample].front() >= 0; }

 private:
  std::vector<std::span<const Index>> targets_;
};

}  // namespace unroll
