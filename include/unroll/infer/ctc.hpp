#pragma once
// Label sequences from the outputs of a model that was trained with CtcLoss.

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "unroll/core/finite.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/infer/detail/choices.hpp"

namespace unroll {

struct CtcLabels {
  std::vector<Index> labels;   ///< no blank among them
  double log_probability = 0;  ///< in nats, at most 0 up to rounding
};

struct CtcBeamOptions {
  Index blank = 0;
  Index beams = 16;  ///< prefixes of a sample that are followed at a time
  Index n_best = 1;  ///< results for each sample, at most `beams`
};

namespace detail {

inline void check_ctc(std::string_view who, Index rows, Index columns, const Timeline& timeline, Index blank) {
  require<ShapeError>(columns == timeline.columns(), who, ": the timeline has ", timeline.columns(),
                      " columns, the output has ", columns);
  require<ValueError>(blank >= 0 && blank < rows, who, ": blank must be 0 to ", rows - 1, ", got ", blank);
}

/// f(logits, log softmax) for each step of a sample. Throws NonFiniteError for logits that give no probabilities.
template <class S, class F>
void each_ctc_step(std::string_view who, In<S> output, const Timeline& timeline, Index sample, F&& f) {
  const Index rank = timeline.rank(sample);
  for (Index t = 0; t < timeline.length(rank); ++t) {
    const std::span<const S> logits(output.col(timeline.offset(t) + rank).data(), std::size_t(output.rows()));
    const LogSoftmax<S> log_p = log_softmax(logits);
    require<NonFiniteError>(is_finite(log_p.log_sum), who, ": sample ", timeline.place(sample), ", step ", t,
                            ": a logit is NaN or infinite, or all are -inf");
    f(logits, log_p);
  }
}

/// Prefix beam search in one sample. A prefix is what a path has written so far; all paths that wrote the same are one
/// prefix. They are kept in a tree, so that a prefix that was given up and comes back is the same one.
template <class S>
class CtcBeam {
 public:
  explicit CtcBeam(const CtcBeamOptions& options) : options_(options) { begin(); }

  void begin() {
    nodes_.assign(1, {-1, -1});
    children_.clear();
    prefixes_.assign(1, {.node = 0, .blank = 0, .label = -infinity});
    place_.assign(1, 0);
  }

  void step(std::span<const S> logits, const LogSoftmax<S>& log_p) {
    candidates_.clear();
    followed_.assign(prefixes_.size(), {});
    for (const Prefix& prefix : prefixes_)
      if (const Index parent = followed_parent(prefix); parent >= 0)
        followed_[std::size_t(parent)].push_back(last(prefix));
    const auto log_of = [&](Index k) { return log_p(logits[std::size_t(k)]); };
    for (std::size_t i = 0; i < prefixes_.size(); ++i) {
      stay(Index(i), log_of);
      for (Index k = 0; k < Index(logits.size()); ++k)
        if (k != options_.blank && std::ranges::find(followed_[i], k) == followed_[i].end())
          offer({.parent = Index(i), .token = k, .blank = -infinity, .label = written(prefixes_[i], k, log_of(k))});
    }
    keep_best();
  }

  /// The best first.
  std::vector<CtcLabels> results() const {
    std::vector<CtcLabels> results;
    for (std::size_t i = 0; i < prefixes_.size() && Index(i) < options_.n_best; ++i) {
      results.push_back({{}, prefixes_[i].total()});
      for (Index node = prefixes_[i].node; node > 0; node = nodes_[std::size_t(node)].parent)
        results.back().labels.push_back(nodes_[std::size_t(node)].label);
      std::ranges::reverse(results.back().labels);
    }
    return results;
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  static double log_add(double a, double b) {
    const double more = std::max(a, b), less = std::min(a, b);
    return less == -infinity ? more : more + std::log1p(std::exp(less - more));
  }

  struct Node {
    Index parent, label;
  };
  /// With the logarithms of what its paths sum up to: of those that end in a blank, and in its last label.
  struct Prefix {
    Index node;
    double blank, label;
    double total() const { return log_add(blank, label); }
  };
  /// What becomes of a prefix: itself (token -1), or with one more label.
  struct Extension {
    Index parent, token;
    double blank, label, total = 0;

    /// The order is total, so that results depend on nothing but the numbers.
    friend bool operator<(const Extension& a, const Extension& b) {
      if (a.total != b.total) return a.total > b.total;
      return a.parent != b.parent ? a.parent < b.parent : a.token < b.token;
    }
  };

  Index last(const Prefix& prefix) const { return nodes_[std::size_t(prefix.node)].label; }
  /// Where the prefix without its last label is among those that are followed; -1: nowhere.
  Index followed_parent(const Prefix& prefix) const {
    const Index parent = nodes_[std::size_t(prefix.node)].parent;
    return parent < 0 ? -1 : place_[std::size_t(parent)];
  }

  /// Label `k` behind a prefix: only behind a blank is it not the last label once more.
  double written(const Prefix& prefix, Index k, double log_k) const {
    return (k == last(prefix) ? prefix.blank : prefix.total()) + log_k;
  }

  template <class LogOf>
  void stay(Index i, const LogOf& log_of) {
    const Prefix& prefix = prefixes_[std::size_t(i)];
    const Index label = last(prefix), parent = followed_parent(prefix);
    double repeated = label < 0 ? -infinity : prefix.label + log_of(label);
    if (parent >= 0) repeated = log_add(repeated, written(prefixes_[std::size_t(parent)], label, log_of(label)));
    offer({.parent = i, .token = -1, .blank = prefix.total() + log_of(options_.blank), .label = repeated});
  }

  void offer(Extension one) {
    one.total = log_add(one.blank, one.label);
    if (one.total > -infinity) candidates_.push_back(one);
  }

  void keep_best() {
    const std::size_t count = std::min(candidates_.size(), std::size_t(options_.beams));
    std::partial_sort(candidates_.begin(), candidates_.begin() + std::ptrdiff_t(count), candidates_.end());
    next_.clear();
    for (std::size_t i = 0; i < count; ++i) {
      const Extension& one = candidates_[i];
      const Index node = prefixes_[std::size_t(one.parent)].node;
      next_.push_back({.node = one.token < 0 ? node : child(node, one.token), .blank = one.blank, .label = one.label});
    }
    for (const Prefix& prefix : prefixes_) place_[std::size_t(prefix.node)] = -1;
    std::swap(prefixes_, next_);
    place_.resize(nodes_.size(), -1);
    for (std::size_t i = 0; i < prefixes_.size(); ++i) place_[std::size_t(prefixes_[i].node)] = Index(i);
  }

  Index child(Index node, Index label) {
    const auto [found, made] = children_.try_emplace({node, label}, Index(nodes_.size()));
    if (made) nodes_.push_back({node, label});
    return found->second;
  }

  CtcBeamOptions options_;
  std::vector<Node> nodes_;  // the first is the prefix without labels
  std::map<std::pair<Index, Index>, Index> children_;
  std::vector<Index> place_;  // of each node among the prefixes
  std::vector<Prefix> prefixes_, next_;
  std::vector<Extension> candidates_;
  std::vector<std::vector<Index>> followed_;  // labels with which a prefix is followed as well
};

}  // namespace detail

/// For each sample what the most likely path writes: the largest of `output` [classes x columns of the timeline],
/// logits or log-probabilities, at each step, the first of equal ones, without repetitions and then without blanks. Its
/// log-probability is that of this one path. Throws ShapeError or ValueError for what does not fit, and NonFiniteError
/// naming sample and step for a logit that is NaN or +inf.
template <class Derived>
std::vector<CtcLabels> ctc_greedy(const Eigen::MatrixBase<Derived>& output, const Timeline& timeline, Index blank = 0) {
  using S = typename Derived::Scalar;
  const Eigen::Ref<const MatrixX<S>> logits(output.derived());
  detail::check_ctc("ctc greedy", logits.rows(), logits.cols(), timeline, blank);
  std::vector<CtcLabels> results(std::size_t(timeline.batch()));
  for (Index b = 0; b < timeline.batch(); ++b) {
    CtcLabels& result = results[std::size_t(b)];
    Index before = blank;
    detail::each_ctc_step<S>("ctc greedy", logits, timeline, b, [&](std::span<const S> column, const auto& log_p) {
      const Index best = Index(std::ranges::max_element(column) - column.begin());
      result.log_probability += log_p(column[std::size_t(best)]);
      if (best != blank && best != before) result.labels.push_back(best);
      before = best;
    });
  }
  return results;
}

/// For each sample up to `n_best` label sequences, the most likely one first: prefix beam search (Graves & Jaitly 2014;
/// Hannun et al. 2014, arXiv:1408.2873), which adds up the paths that write the same. At each step the `beams` most
/// likely prefixes are followed, of equal ones the one of the better prefix before, itself before its continuations,
/// then the lower label. A log-probability is that of the label sequence, less what was given up on the way: with
/// enough beams it is exact. A sample's result does not depend on the others. Arguments and errors as ctc_greedy;
/// ValueError for options out of range too.
template <class Derived>
std::vector<std::vector<CtcLabels>> ctc_beam_search(const Eigen::MatrixBase<Derived>& output, const Timeline& timeline,
                                                    const CtcBeamOptions& options = {}) {
  using S = typename Derived::Scalar;
  const Eigen::Ref<const MatrixX<S>> logits(output.derived());
  detail::check_ctc("ctc beam search", logits.rows(), logits.cols(), timeline, options.blank);
  require<ValueError>(options.beams >= 1, "ctc beam search: beams must be at least 1, got ", options.beams);
  require<ValueError>(options.n_best >= 1 && options.n_best <= options.beams, "ctc beam search: n_best must be 1 to ",
                      options.beams, ", the number of beams, got ", options.n_best);
  detail::CtcBeam<S> beam(options);
  std::vector<std::vector<CtcLabels>> results;
  for (Index b = 0; b < timeline.batch(); ++b) {
    beam.begin();
    detail::each_ctc_step<S>("ctc beam search", logits, timeline, b,
                             [&](std::span<const S> column, const auto& log_p) { beam.step(column, log_p); });
    results.push_back(beam.results());
  }
  return results;
}

}  // namespace unroll
