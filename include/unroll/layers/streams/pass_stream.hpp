#pragma once
// Stream of a layer by its forward pass.

#include <array>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "unroll/layers/layer.hpp"
#include "unroll/layers/streams/any_stream.hpp"

namespace unroll::detail {

/// Causal layer L by its forward pass over the columns of some steps: the bits of the forward pass of a model.
template <class L>
class PassStream final : public AnyStream<typename L::Scalar> {
  using S = typename L::Scalar;
  using Base = typename AnyStream<S>::Work;

  /// Numbers of steps that are run together.
  static constexpr std::array<Index, 3> lengths = {stream_chunk, 16, 1};

  /// Tapes, one per length: a tape that has seen its shape allocates nothing.
  struct Work final : Base {
    std::array<typename L::Tape, lengths.size()> tapes;
    State<S> before, after;
  };

 public:
  /// `theta` points to the parameters of the layer and must outlive the stream.
  PassStream(const L& layer, Index features, const S* theta)
      : layer_(layer), features_(features), state_rows_(layer.state_rows()) {
    layer_.prepare(theta, weights_);
  }

  Index memory_rows() const override { return 2 * rows_before(Index(state_rows_.size())); }
  S* state(S* numbers, Index turn, Index s) const override {
    return numbers + turn * rows_before(Index(state_rows_.size())) + rows_before(s);
  }

  std::unique_ptr<Base> work() const override {
    auto work = std::make_unique<Work>();
    for (const Index rows : state_rows_) work->before.push_back(MatrixX<S>::Zero(rows, 1));
    work->after = work->before;
    const MatrixX<S> zeros = MatrixX<S>::Zero(features_, stream_chunk);
    for (std::size_t k = 0; k < lengths.size(); ++k) (void)pass(zeros.data(), k, *work);  // sizes all buffers
    return work;
  }

  bool run(const S* x, S* y, Index steps, S* numbers, Index turn, Base* base) const override {
    auto& work = static_cast<Work&>(*base);
    for (std::size_t s = 0; s < state_rows_.size(); ++s)
      work.before[s] = Eigen::Map<const VectorX<S>>(state(numbers, turn, Index(s)), state_rows_[s]);
    for (Index t = 0, together; t < steps; t += together) {
      std::size_t k = 0;
      while (lengths[k] > steps - t) ++k;
      together = lengths[k];
      const std::optional<ConstView<S>> out = pass(x, k, work);
      if (!out) return false;
      for (Index c = 0; c < together; ++c, x += features_)
        for (Index row = 0; row < out->rows(); ++row) *y++ = (*out)(row, c);
      std::swap(work.before, work.after);
    }
    for (std::size_t s = 0; s < state_rows_.size(); ++s)
      Eigen::Map<VectorX<S>>(state(numbers, (turn + steps) % 2, Index(s)), state_rows_[s]) = work.before[s];
    return true;
  }

 private:
  /// Output for lengths[k] steps; states from `before` to `after`. Empty if the layer refuses the input.
  std::optional<ConstView<S>> pass(const S* x, std::size_t k, Work& work) const {
    auto& tape = work.tapes[k];
    const Signal<S> in{{x, features_, lengths[k], Eigen::OuterStride<>(features_)}, &timelines_[k]};
    bool refused = false;
    const Signal<S> out =
        layer_.forward(weights_, in, {.keeping = {Keep::nothing}, .refused = &refused}, work.before, tape);
    if (refused) return std::nullopt;
    layer_.final_state(in, tape, work.after);
    return out.values;
  }

  /// Rows of the states before state s.
  Index rows_before(Index s) const {
    Index rows = 0;
    for (Index k = 0; k < s; ++k) rows += state_rows_[std::size_t(k)];
    return rows;
  }

  const L layer_;
  const Index features_;
  const std::vector<Index> state_rows_;
  typename L::Weights weights_ = {};
  const std::array<Timeline, lengths.size()> timelines_ = {
      Timeline::rectangular(1, lengths[0]), Timeline::rectangular(1, lengths[1]), Timeline::rectangular(1, lengths[2])};
};

}  // namespace unroll::detail
