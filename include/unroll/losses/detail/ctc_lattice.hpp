#pragma once
// CTC lattice: forward and backward variables over all paths of one sequence, as logarithms.

#include <limits>
#include <span>
#include <vector>

#include "unroll/core/buffer.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/simd/elementary.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll::detail {

/// Minimal number of steps of a path for the target: one per label, and a blank between equal neighbours.
inline Index least_ctc_steps(std::span<const Index> target) {
  Index steps = Index(target.size());
  for (std::size_t k = 1; k < target.size(); ++k) steps += target[k] == target[k - 1];
  return steps;
}

/// Forward-backward algorithm of one sequence. A target of n labels has 2 n + 1 states: state s is a blank if s is
/// even, label (s - 1) / 2 if s is odd. A path begins in state 0 or 1. At each step it keeps its state, advances by
/// one, or advances by two from a label to a different label.
///
/// Computed in double for every scalar type: logarithms of thousands of steps add up to thousands, where float keeps
/// three decimals. Rows of the variables have two additional entries for states outside: a path begins in the one
/// before state 0, from which it reaches states 0 and 1, and ends in the one after the last.
template <class Scalar>
class CtcLattice {
 public:
  /// -log of the total probability of all paths; infinity without a path, NaN with a NaN among the outputs. `keep`:
  /// stores values for `gradient`.
  double forward(In<Scalar> output, const Timeline& timeline, Index rank, std::span<const Index> target, Index blank,
                 bool keep) {
    steps_ = timeline.length(rank);
    if (least_ctc_steps(target) > steps_) return infinity;
    place_states(target, blank);
    auto alpha = alpha_.shape(states_ + 2, keep ? steps_ + 1 : 2);
    auto log_sums = log_sums_.shape(steps_, 1);
    alpha.col(0).setConstant(-infinity);
    alpha(1, 0) = 0;
    const auto step = [](auto stay, auto next, auto skip, auto allowed, auto emission) {
      return log_add(stay, next, skip + allowed) + emission;
    };
    const auto row = [&](Index t) { return alpha.col(keep ? t : t % 2).data(); };
    for (Index t = 0; t < steps_; ++t) {
      const auto column = output.col(timeline.offset(t) + rank);
      log_sums(t, 0) = log_sum(column);
      emit(column, log_sums(t, 0));
      const double* const before = row(t);
      double* const now = row(t + 1);
      now[0] = now[1] = -infinity;
      map_run(states_, step, now + 2, before + 2, before + 1, before, allowed_.data(), emission_.data());
    }
    const Lanes<double> last{row(steps_)[states_ + 1]}, before_last{row(steps_)[states_]};
    const double loss = -log_add(last, before_last, Lanes<double>{-infinity}).v;
    return loss > 0 || loss != loss ? loss : 0;
  }

  /// Gradient of the loss of the last `forward` with respect to the same outputs, times `factor`: the probability of a
  /// class minus the posterior of its states. `d_output` may alias `output`.
  void gradient(In<Scalar> output, const Timeline& timeline, Index rank, double loss, double factor,
                Out<Scalar> d_output) {
    const auto alpha = alpha_.view();
    auto after = after_.shape(states_ + 2, 1), beta = beta_.shape(states_, 1), posterior = posterior_.shape(states_, 1);
    auto share = share_.shape(output.rows(), 1);
    after.setConstant(-infinity);
    after(states_, 0) = 0;
    const auto step = [](auto stay, auto next, auto skip, auto allowed) { return log_add(stay, next, skip + allowed); };
    const auto of_states = [loss](auto a, auto b) { return exp(a + b + a.constant(loss)); };
    const auto sum = [](auto a, auto b) { return a + b; };
    for (Index t = steps_ - 1; t >= 0; --t) {
      const Index c = timeline.offset(t) + rank;
      map_run(states_, step, beta.data(), after.data(), after.data() + 1, after.data() + 2, allowed_.data() + 2);
      map_run(states_, of_states, posterior.data(), alpha.col(t + 1).data() + 2, beta.data());
      const double log_sum = log_sums_.view()(t, 0);
      emit(output.col(c), log_sum);
      share = output.col(c).template cast<double>();
      map_run(
          share.size(), [log_sum](auto a) { return exp(a - a.constant(log_sum)); }, share.data(), share.data());
      for (Index s = 0; s < states_; ++s) share(label_[std::size_t(s)], 0) -= posterior(s, 0);
      d_output.col(c) = (factor * share).template cast<Scalar>();
      map_run(states_, sum, after.data(), beta.data(), emission_.data());
      after(states_, 0) = -infinity;
    }
  }

 private:
  static constexpr double infinity = std::numeric_limits<double>::infinity();

  /// log(exp(a) + exp(b) + exp(c)). The lower bound of `top` avoids -inf - -inf.
  template <class V>
  static V log_add(V a, V b, V c) {
    const V top = max(max(a, b), max(c, V::constant(std::numeric_limits<double>::lowest())));
    return top + log(exp(a - top) + exp(b - top) + exp(c - top));
  }

  void place_states(std::span<const Index> target, Index blank) {
    const Index n = Index(target.size());
    states_ = 2 * n + 1;
    allowed_.assign(std::size_t(states_) + 2, -infinity);
    label_.assign(std::size_t(states_), blank);
    emission_.resize(std::size_t(states_));
    for (std::size_t k = 0; k < target.size(); ++k) {
      label_[2 * k + 1] = target[k];
      if (k == 0 || target[k] != target[k - 1]) allowed_[2 * k + 1] = 0;
    }
    allowed_[std::size_t(states_)] = 0;
  }

  template <class Column>
  double log_sum(const Column& column) {
    auto values = share_.shape(column.size(), 1);
    values = column.template cast<double>();
    const double top = values.maxCoeff();
    const auto power = [top](auto a) { return exp(a - a.constant(top)); };
    return top + log(Lanes<double>{sum_run(values.size(), power, values.data())}).v;
  }

  template <class Column>
  void emit(const Column& column, double log_sum) {
    for (std::size_t s = 0; s < label_.size(); ++s) emission_[s] = double(column[label_[s]]) - log_sum;
  }

  Index steps_ = 0, states_ = 0;
  std::vector<Index> label_;      // by state
  std::vector<double> allowed_;   // by state: 0 if reachable from the state two before, else -inf
  std::vector<double> emission_;  // by state: log-probability of its label at the current step
  Buffer<double> alpha_;          // by state and step
  Buffer<double> log_sums_;       // by step: normaliser of the logits
  Buffer<double> after_, beta_, posterior_, share_;
};

}  // namespace unroll::detail
