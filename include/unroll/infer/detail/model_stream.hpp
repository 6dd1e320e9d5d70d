#pragma once
// Any model step by step, by its forward pass over one column: slower than layer streams, but supports every layer.

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "unroll/core/timeline.hpp"
#include "unroll/models/chain.hpp"

namespace unroll::detail {

template <class Model>
class ModelStream {
  using S = typename Model::Scalar;

  /// Model and weights, shared by all sequences.
  struct Shared {
    explicit Shared(const Model& original) : model(original) { model.prepare(weights); }
    const Model model;
    typename Model::Weights weights;
    const Timeline one_step = Timeline::rectangular(1, 1);
  };

 public:
  /// Memory of one sequence. Copy construction makes a new tape; assignment copies only the states.
  class Memory {
   public:
    explicit Memory(std::shared_ptr<const Shared> shared) : shared_(std::move(shared)) {
      const VectorX<S> zeros = VectorX<S>::Zero(shared_->model.features());
      VectorX<S> ignored(shared_->model.outputs());
      step(zeros.data(), ignored.data());  // sizes all buffers
      reset();
    }
    Memory(const Memory& other) : Memory(other.shared_) { states_ = other.states_; }
    Memory& operator=(const Memory& other) {
      if (shared_ != other.shared_) *this = Memory(other);
      states_ = other.states_;
      return *this;
    }
    Memory(Memory&&) noexcept = default;
    Memory& operator=(Memory&&) noexcept = default;
    ~Memory() = default;

    /// Runs one step. Returns false, with unchanged states, for an input that the model refuses. Throws what a
    /// user-defined layer throws.
    bool step(const S* x, S* y) {
      const Model& model = shared_->model;
      const ConstView<S> in(x, model.features(), 1, Eigen::OuterStride<>(model.features()));
      bool refused = false;
      const auto out = model.forward(shared_->weights, in, shared_->one_step, *tape_,
                                     {.keeping = {Keep::nothing}, .refused = &refused}, states_);
      if (refused) return false;
      model.final_state(*tape_, states_);
      for (Index k = 0; k < out.rows(); ++k) y[k] = out(k, 0);
      return true;
    }
    void reset() {
      for (auto& layer : states_)
        for (auto& state : layer) state.setZero();
    }

   private:
    friend ModelStream;
    std::shared_ptr<const Shared> shared_;
    std::unique_ptr<typename Model::Tape> tape_ = std::make_unique<typename Model::Tape>();
    ModelState<S> states_;
  };

  explicit ModelStream(const Model& model) : shared_(std::make_shared<const Shared>(model)) {}

  Memory memory() const { return Memory(shared_); }
  bool fits(const Memory& memory) const noexcept { return memory.shared_ == shared_; }
  void reset(Memory& memory) const noexcept { memory.reset(); }
  /// Runs one step. Outputs are NaN if the model refuses the input, such as an invalid token, or if a user-defined
  /// layer throws.
  void step(const S* x, S* y, Index, Memory& memory) const noexcept {
    bool taken = false;
    try {
      taken = memory.step(x, y);
    } catch (...) {
    }
    if (!taken) std::fill_n(y, shared_->model.outputs(), std::numeric_limits<S>::quiet_NaN());
  }

  /// Calls f(layer, state, values) for all states.
  template <class M, class F>
  void each_state(M& memory, F&& f) const {
    for (std::size_t k = 0; k < memory.states_.size(); ++k)
      for (std::size_t s = 0; s < memory.states_[k].size(); ++s) f(k, s, memory.states_[k][s].col(0));
  }

 private:
  std::shared_ptr<const Shared> shared_;
};

}  // namespace unroll::detail
