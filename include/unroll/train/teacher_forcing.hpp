#pragma once
// Which tokens a decoder is fed while it learns: those of the target, or what it would have written itself.

#include <cmath>
#include <functional>
#include <vector>

#include "unroll/core/buffer.hpp"
#include "unroll/core/random.hpp"
#include "unroll/data/pairs.hpp"
#include "unroll/engine/step_by_step.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll {

/// The share of tokens that come from the target, as a function of the count of updates: Bengio et al. 2015
/// (arXiv:1506.03099), section 2.4, scheduled sampling.
namespace teacher_forcing {

using Schedule = std::function<double(long)>;

inline Schedule constant(double share) {
  require<ValueError>(share >= 0 && share <= 1, "teacher forcing: the share is ", share, ", expected 0 to 1");
  return [=](long) { return share; };
}

/// From 1 down to `least`, in so many updates.
inline Schedule linear(double least, long updates) {
  require<ValueError>(least >= 0 && least <= 1 && updates > 0, "teacher forcing: linear decay to ", least, " in ",
                      updates, " updates, expected 0 to 1 and at least 1");
  return [=](long i) { return std::max(least, 1 - (1 - least) * double(i) / double(updates)); };
}

/// k^i, k < 1
inline Schedule exponential(double k) {
  require<ValueError>(k > 0 && k < 1, "teacher forcing: exponential decay by ", k, ", expected between 0 and 1");
  return [=](long i) { return std::pow(k, double(i)); };
}

/// k / (k + exp(i / k)), k >= 1
inline Schedule inverse_sigmoid(double k) {
  require<ValueError>(k >= 1, "teacher forcing: inverse sigmoid decay by ", k, ", expected at least 1");
  return [=](long i) { return k / (k + std::exp(double(i) / k)); };
}

}  // namespace teacher_forcing

namespace detail {

/// Runs a model over a batch as it writes by itself, but for a `share` of the tokens, which come from the target, each
/// chosen by chance: what is fed then. A gradient does not flow through these choices, so a pass over the tokens that
/// were fed is all that learning from them takes.
template <class Model>
class ScheduledSampling {
  using S = typename Model::Scalar;
  using Cell = std::remove_cvref_t<decltype(std::declval<const Model&>().cell())>;

 public:
  /// The tokens stay until the next call. Random numbers are keyed by a sample's place and by the step.
  std::span<const Index> operator()(const Model& model, const typename Model::Weights& weights,
                                    typename Model::Tape& tape, const PairBatch<S>& batch, double share,
                                    const Pass& pass) {
    tokens_.assign(batch.tokens().begin(), batch.tokens().end());
    model.encode(weights, batch.x(), batch.sources(), tape, pass);
    const Timeline& targets = batch.targets();
    begin(targets, tape);
    StepByStep<Cell> steps(model.cell(), weights.decoder);
    steps.begin(Model::attends ? &tape.memory : nullptr);
    for (Index t = 0; t + 1 < targets.steps(); ++t) {
      const Index active = targets.active(t), first = targets.offset(t);
      for (Matrix<S>& state : states_) state.conservativeResize(Eigen::NoChange, active);
      const auto x = model.embed(weights, {tokens_.data() + first, std::size_t(active)}, embedded_);
      const auto scores = model.score(weights, steps.step(x, {sources_.data(), std::size_t(active)}, states_), scores_);
      for (Index r = 0; r < targets.active(t + 1); ++r) {
        const Random random(pass.seed, Purpose::sample, std::uint64_t(targets.place(targets.sample(r))), pass.update);
        if (random.uniform(std::uint64_t(t)) >= share)
          scores.col(r).maxCoeff(&tokens_[std::size_t(targets.offset(t + 1) + r)]);
      }
    }
    return tokens_;
  }

 private:
  void begin(const Timeline& targets, const typename Model::Tape& tape) {
    states_.resize(tape.initial.size());
    for (std::size_t s = 0; s < states_.size(); ++s) states_[s] = targets.by_rank(tape.initial[s]);
    sources_.resize(std::size_t(targets.batch()));
    for (Index r = 0; r < targets.batch(); ++r) sources_[std::size_t(r)] = targets.sample(r);
  }

  std::vector<Index> tokens_, sources_;
  State<S> states_;
  Buffer<S> embedded_, scores_;
};

}  // namespace detail
}  // namespace unroll
