#pragma once
// Bridge from the final states of an encoder to the initial states of a decoder.

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/cell/state.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/simd/column_sums.hpp"
#include "unroll/simd/elementary.hpp"
#include "unroll/simd/products.hpp"
#include "unroll/simd/runs.hpp"

namespace unroll {

enum class Bridge {
  zero,     ///< zero initial states
  copy,     ///< the encoder's states, one to one (Luong et al. 2015)
  project,  ///< tanh(W s + b), s: all states of the encoder's last recurrent layer (Bahdanau et al. 2015, A.2.2)
};

namespace detail {

constexpr std::string_view name_of(Bridge bridge) {
  return bridge == Bridge::zero ? "zero" : bridge == Bridge::copy ? "copy" : "project";
}

/// State of a decoder with a non-zero initial value.
struct BridgedState {
  int state = 0;
  Index rows = 0;
  Index weight = -1, bias = -1;  // offsets of its parameters if projected
};

/// Bridge of all states. `final_state` belongs to one layer of the encoder. All states are in order of samples.
template <class S>
class StateBridge {
 public:
  struct Tape {
    MatrixX<S> joined, d_joined;  // all states of the encoder's layer, concatenated [rows x batch]
    MatrixX<S> d_sum;
    PackedMatrix<S>
        weight;  // packed, so that the result of a sample does not depend on its batch, unlike with Eigen's products
  };

  StateBridge() = default;

  /// `from`: rows of the encoder's states; `to`: bridged states of the decoder. Adds parameters to the table. Throws
  /// ShapeError if states cannot be copied one to one, or if there is nothing to project.
  StateBridge(Bridge kind, std::vector<Index> from, std::vector<BridgedState> to, ParameterTable& table)
      : kind_(kind), from_(std::move(from)), to_(std::move(to)) {
    if (kind_ == Bridge::copy) check_copies();
    if (kind_ != Bridge::project) return;
    require<ShapeError>(!from_.empty(), "bridge: the encoder has no states to project; add a recurrent layer");
    for (const Index rows : from_) joined_ += rows;
    for (BridgedState& state : to_) {
      const std::string name = text("bridge.", state.state);
      state.weight = table.add(name + ".weight", Role::input_weight, state.rows, joined_);
      state.bias = table.add(name + ".bias", Role::bias, state.rows, 1);
    }
  }

  /// Writes the bridged states to `initial`, which has a zero matrix for each state.
  void forward(const S* theta, const State<S>& final_state, State<S>& initial, Tape& tape) const {
    if (kind_ == Bridge::copy)
      for (std::size_t k = 0; k < to_.size(); ++k) initial[std::size_t(to_[k].state)] = final_state[k];
    if (kind_ != Bridge::project) return;
    join(final_state, tape.joined);
    for (const BridgedState& state : to_) {
      auto& to = initial[std::size_t(state.state)];
      const Index batch = tape.joined.cols();
      to.resize(state.rows, batch);
      tape.weight.pack(weight(theta, state));
      tape.weight.multiply(tape.joined.data(), joined_, batch, to.data(), state.rows);
      const auto activated = [](auto sum, auto bias) { return tanh(sum + bias); };
      for (Index b = 0; b < batch; ++b)
        map_run(state.rows, activated, to.col(b).data(), to.col(b).data(), theta + state.bias);
    }
  }

  /// Adds to the gradient and overwrites `d_final`, which has a matrix for each state of the encoder's layer. `initial`
  /// is the result of `forward`.
  void backward(const S* theta, const State<S>& initial, const State<S>& d_initial, Tape& tape, S* gradient,
                State<S>& d_final) const {
    const Index batch = d_initial.empty() ? 0 : d_initial.front().cols();
    for (std::size_t k = 0; k < from_.size(); ++k) d_final[k].setZero(from_[k], batch);
    if (kind_ == Bridge::copy)
      for (std::size_t k = 0; k < to_.size(); ++k) d_final[k] = d_initial[std::size_t(to_[k].state)];
    if (kind_ != Bridge::project) return;
    tape.d_joined.setZero(joined_, batch);
    for (const BridgedState& state : to_) {
      tape.d_sum.resize(state.rows, batch);
      const auto slope = [](auto d, auto y) { return d * fma(-y, y, y.constant(1)); };
      map_run(tape.d_sum.size(), slope, tape.d_sum.data(), d_initial[std::size_t(state.state)].data(),
              initial[std::size_t(state.state)].data());
      Eigen::Map<MatrixX<S>>(gradient + state.weight, state.rows, joined_).noalias() +=
          tape.d_sum * tape.joined.transpose();
      add_columns(view(std::as_const(tape.d_sum)), gradient + state.bias);
      tape.weight.pack_transposed(weight(theta, state));
      tape.weight.multiply_add(tape.d_sum.data(), state.rows, batch, tape.d_joined.data(), joined_);
    }
    part(tape.d_joined, d_final);
  }

 private:
  void check_copies() const {
    require<ShapeError>(from_.size() == to_.size(), "bridge: states of the encoder's last recurrent layer must be ",
                        to_.size(), ", as in the decoder, got ", from_.size(), "; Bridge::project joins them");
    for (std::size_t k = 0; k < to_.size(); ++k)
      require<ShapeError>(from_[k] == to_[k].rows, "bridge: rows of state ", k, " of the encoder must be ", to_[k].rows,
                          ", as in the decoder, got ", from_[k], "; Bridge::project resizes it");
  }
  Eigen::Map<const MatrixX<S>> weight(const S* theta, const BridgedState& state) const {
    return {theta + state.weight, state.rows, joined_};
  }
  void join(const State<S>& states, MatrixX<S>& joined) const {
    joined.resize(joined_, states.front().cols());
    Index row = 0;
    for (const MatrixX<S>& state : states) joined.middleRows(row, state.rows()) = state, row += state.rows();
  }
  void part(const MatrixX<S>& joined, State<S>& states) const {
    Index row = 0;
    for (MatrixX<S>& state : states) state = joined.middleRows(row, state.rows()), row += state.rows();
  }

  Bridge kind_ = Bridge::zero;
  std::vector<Index> from_;
  std::vector<BridgedState> to_;
  Index joined_ = 0;
};

}  // namespace detail
}  // namespace unroll
