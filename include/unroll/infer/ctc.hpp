#pragma once
// CTC decoding: label sequences from the outputs of a model that was trained with CtcLoss.

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
  std::vector<Index> labels;   ///< without blanks
  double log_probability = 0;  ///< in nats, at most 0 up to rounding
};

struct CtcBeamOptions {
  Index blank = 0;
  Index beams = 16;  ///< prefixes of a sample that are followed at a time
  Index n_best = 1;  ///< results for each sample, at most `beams`
};

namespace detail {

inline void check_ctc(std::string_view owner, Index rows, Index columns, const Timeline& timeline, Index blank) {
  require<ShapeError>(columns == timeline.columns(), owner, ": the output must have ", timeline.columns(),
                      " columns, as the timeline, got ", columns);
  require<ValueError>(blank >= 0 && blank < rows, owner, ": blank must be 0 to ", rows - 1, ", got ", blank);
}

/// Calls f(logits, log softmax) for each step of a sample. Throws NonFiniteError for logits without a valid softmax.
template <class S, class F>
void each_ctc_step(std::string_view owner, In<S> output, const Timeline& timeline, Index sample, F&& f) {
  const Index rank = timeline.rank(sample);
  for (Index t = 0; t < timeline.length(rank); ++t) {
    const std::span<const S> logits(output.col(timeline.offset(t) + rank).data(), std::size_t(output.rows()));
    const LogSoftmax<S> log_p = log_softmax(logits);
    require<NonFiniteError>(is_finite(log_p.log_sum), owner, ": sample ", timeline.place(sample), ", step ", t,
                            ": the log-sum of the logits must be finite, got ", log_p.log_sum,
                            "; a logit is NaN or +inf, or all are -inf");
    f(logits, log_p);
  }
}

/// Prefix beam search for one sample. A prefix is the label sequence of a path so far; all paths with the same labels
/// share one prefix. Prefixes form a tree, so a dropped prefix that reappears has the same node.
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

  /// Label sequences, best first.
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
  /// Prefix with the logarithms of the total probabilities of its paths that end in a blank, and in its last label.
  struct Prefix {
    Index node;
    double blank, label;
    double total() const { return log_add(blank, label); }
  };
  /// Successor of a prefix: the prefix itself (token -1), or the prefix extended by a label.
  struct Extension {
    Index parent, token;
    double blank, label, total = 0;

    /// Total order, so that results do not depend on the order of insertion.
    friend bool operator<(const Extension& a, const Extension& b) {
      if (a.total != b.total) return a.total > b.total;
      return a.parent != b.parent ? a.parent < b.parent : a.token < b.token;
    }
  };

  Index last(const Prefix& prefix) const { return nodes_[std::size_t(prefix.node)].label; }
  /// Index of the prefix without its last label among the followed prefixes; -1 if it is not followed.
  Index followed_parent(const Prefix& prefix) const {
    const Index parent = nodes_[std::size_t(prefix.node)].parent;
    return parent < 0 ? -1 : place_[std::size_t(parent)];
  }

  /// Log-probability of a prefix extended by label `k`. The last label can be appended again only after a blank.
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
  std::vector<Node> nodes_;  // the first is the empty prefix
  std::map<std::pair<Index, Index>, Index> children_;
  std::vector<Index> place_;  // index of each node among the prefixes, or -1
  std::vector<Prefix> prefixes_, next_;
  std::vector<Extension> candidates_;
  std::vector<std::vector<Index>> followed_;  // for each prefix, the labels whose extension is a followed prefix
};

}  // namespace detail

/// Greedy CTC decoding: for each sample the labels of the most likely path, which has the largest of `output` [classes
/// x columns of the timeline], logits or log-probabilities, at each step, the first of equal ones. Repetitions and then
/// blanks are removed. The log-probability is that of this one path. Throws ShapeError or ValueError for arguments that
/// do not match, and NonFiniteError with sample and step for a logit that is NaN or +inf.
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

/// CTC prefix beam search (Graves & Jaitly 2014; Hannun et al. 2014, arXiv:1408.2873): for each sample up to `n_best`
/// label sequences, most likely first. It sums over the paths that have the same labels. Each step follows the `beams`
/// most likely prefixes; of equals, the one of the better previous prefix, then the prefix itself before its
/// extensions, then the lower label. The log-probability of a label sequence omits dropped paths: with enough beams it
/// is exact. A sample's result does not depend on other samples. Arguments and errors as in ctc_greedy; also throws
/// ValueError for options out of range.
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
