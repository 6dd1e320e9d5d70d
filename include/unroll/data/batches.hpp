#pragma once

#include <algorithm>
#include <numeric>
#include <span>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/core/error.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/random.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// Limits and order of batches. A batch is full when one more sequence would exceed a limit. No sequence is ever left
/// out.
struct BatchOptions {
  Index size = 32;         ///< sequences; 0: no limit
  Index tokens = 0;        ///< valid steps of all sequences together; 0: no limit
  bool shuffle = true;     ///< a new order for each epoch
  Index window = 0;        ///< consecutive samples that are shuffled together, so that files are read in pieces; 0: all
  bool by_length = false;  ///< groups sequences of similar length: fewer steps for the same number of columns
  Index pool = 1024;  ///< sequences that by_length sorts at a time; a limited pool lets batches differ between epochs

  bool operator==(const BatchOptions&) const = default;
};

/// Batches of one epoch: lists of samples. The order depends on (seed, epoch) only.
class Batches {
 public:
  /// Divides `samples` into batches; `length(sample)` returns the number of steps of a sample. Reuses the memory of the
  /// previous epoch. Throws ValueError for options out of range, and for a sequence longer than `tokens`.
  template <class LengthOf>
  void plan(std::span<const Index> samples, const LengthOf& length, const BatchOptions& options, std::uint64_t seed,
            Index epoch) {
    check(samples, length, options);
    order_.assign(samples.begin(), samples.end());
    if (options.shuffle) shuffle(options.window, random(seed, epoch, 0));
    if (options.by_length) sort_pools(length, options);
    cut(length, options);
    if (options.shuffle && options.by_length) order_of_batches_ = permutation(count(), random(seed, epoch, 1));
  }

  /// Throws what `plan` throws, without planning.
  template <class LengthOf>
  static void check(std::span<const Index> samples, const LengthOf& length, const BatchOptions& options) {
    detail::check_least("batches", "size", options.size, 0, " samples (0: no limit)");
    detail::check_least("batches", "tokens", options.tokens, 0, " steps (0: no limit)");
    require<ValueError>(options.size > 0 || options.tokens > 0,
                        "batches: size or tokens must be above 0, got 0 for both");
    detail::check_least("batches", "pool", options.pool, 1);
    detail::check_least("batches", "window", options.window, 0, " samples (0: all)");
    require<ValueError>(options.window == 0 || !options.by_length,
                        "batches: window must be 0 with by_length, whose batches are in any order, got ",
                        options.window);
    if (!needs_lengths(options)) return;
    for (const Index sample : samples) {
      const Index steps = length(sample);
      require<ValueError>(options.tokens == 0 || steps <= options.tokens, "batches: sample ", sample,
                          " must have at most ", options.tokens, " steps, the limit `tokens`, got ", steps);
    }
  }

  Index count() const { return Index(begin_.size()) - 1; }
  /// Samples of batch k. Throws ValueError if there is no such batch.
  std::span<const Index> batch(Index k) const {
    detail::check_index("batches", "batch", k, count());
    const Index b = order_of_batches_[k];
    return std::span(order_).subspan(at(begin_[at(b)]), at(begin_[at(b) + 1] - begin_[at(b)]));
  }

 private:
  static std::size_t at(Index i) { return static_cast<std::size_t>(i); }
  static Random random(std::uint64_t seed, Index epoch, std::uint64_t what) {
    return Random(seed, Purpose::shuffle, what, std::uint64_t(epoch));
  }

  static bool needs_lengths(const BatchOptions& options) { return options.tokens > 0 || options.by_length; }

  /// The permutation of all samples, grouped by window; the windows are in the order of their first samples in it.
  void shuffle(Index window, const Random& random) {
    const Index size = Index(order_.size());
    if (window == 0 || window > size) window = std::max<Index>(size, 1);
    const std::vector<Index> before = order_;
    std::vector<Index> next(at(divide_up(size, window)), -1);  // next position of each window in order_; -1: not begun
    Index begun = 0;
    for (const Index place : permutation(size, random)) {
      Index& position = next[at(place / window)];
      if (position < 0) position = begun, begun += std::min(window, size - place / window * window);
      order_[at(position++)] = before[at(place)];
    }
  }

  template <class LengthOf>
  void sort_pools(const LengthOf& length, const BatchOptions& options) {
    // Pools keep batches different between epochs; without shuffling, one pool sorts best.
    const std::size_t pool = options.shuffle ? at(options.pool) : std::max<std::size_t>(order_.size(), 1);
    for (std::size_t first = 0, count = 0; first < order_.size(); first += count) {
      count = std::min(pool, order_.size() - first);
      const std::vector<Index> before(order_.begin() + Index(first), order_.begin() + Index(first + count));
      std::vector<Index> lengths, place(count);
      for (const Index sample : before) lengths.push_back(length(sample));
      detail::sort_longest_first(place, lengths);
      for (std::size_t k = 0; k < count; ++k) order_[first + k] = before[at(place[k])];
    }
  }

  template <class LengthOf>
  void cut(const LengthOf& length, const BatchOptions& options) {
    begin_.assign(1, 0);
    Index tokens = 0;
    for (Index i = 0; i < Index(order_.size()); ++i) {
      const Index steps = options.tokens > 0 ? length(order_[at(i)]) : 0;
      const bool full = (options.size > 0 && i - begin_.back() == options.size) ||
                        (options.tokens > 0 && tokens > options.tokens - steps);
      if (full) begin_.push_back(i), tokens = 0;
      tokens += steps;
    }
    if (!order_.empty()) begin_.push_back(Index(order_.size()));
    order_of_batches_ = VectorX<Index>::LinSpaced(count(), 0, count() - 1);
  }

  std::vector<Index> order_;        // samples
  std::vector<Index> begin_ = {0};  // first position of each batch in order_, then order_.size()
  VectorX<Index> order_of_batches_;
};

/// Indices of all samples of a data set: 0 to size - 1.
inline std::vector<Index> all_samples(Index size) {
  std::vector<Index> samples(static_cast<std::size_t>(size));
  std::iota(samples.begin(), samples.end(), Index(0));
  return samples;
}

}  // namespace unroll
