#pragma once

#include <vector>

#include "unroll/core/random.hpp"
#include "unroll/data/pairs.hpp"
#include "unroll/engine/step_by_step.hpp"
#include "unroll/layers/layer.hpp"

namespace unroll::detail {

/// Scheduled sampling of decoder inputs for a batch. Each token comes from the target with probability `share` and
/// otherwise is the model's best token. No gradient flows through these choices, so training needs only an ordinary
/// forward pass with the returned tokens.
template <class Model>
class ScheduledSampling {
  using S = typename Model::Scalar;
  using Cell = std::remove_cvref_t<decltype(std::declval<const Model&>().cell())>;

 public:
  /// Returns the tokens to feed, valid until the next call. Random numbers are keyed by the place of a sample and by
  /// the step.
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
      for (MatrixX<S>& state : states_) state.conservativeResize(Eigen::NoChange, active);
      const auto x = model.embed(weights, {tokens_.data() + first, std::size_t(active)}, tape);
      const auto scores = model.score(weights, steps.step(x, {sources_.data(), std::size_t(active)}, states_), tape);
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
};

}  // namespace unroll::detail
