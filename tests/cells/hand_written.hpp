#pragma once
// Cell without equations: the concept Cell implemented with plain Eigen. See docs/adding-a-cell.md.

#include <unroll/cell/concept.hpp>
#include <unroll/core/buffer.hpp>

namespace cell_run {

using namespace unroll;

/// Hand-written GRU. Its parameters have the names of those of cells/gru.hpp, so tests can copy them by name.
template <class S>
class HandWrittenGru {
 public:
  using Scalar = S;
  static constexpr int states = 1, output_state = 0;
  static constexpr std::string_view name = "gru by hand";

  using Weights = const S*;  // the parameters, unpacked

  struct Work {
    Buffer<S> gates;    // [4 units x columns] r, z, n and U_n h + b_n2; in the backward pass the gradients of their
                        // pre-activations
    Buffer<S> product;  // of one step
  };

  HandWrittenGru() = default;
  explicit HandWrittenGru(const CellSizes& sizes) : features_(sizes.inputs.at(0)), units_(sizes.units) {
    w_ = stack({"r.x", "z.x", "n.x"}, Role::input_weight, features_);
    u_ = stack({"r.h", "z.h", "n2.h"}, Role::recurrent_weight, units_);
    b_ = stack({"r.b", "z.b", "n.b"}, Role::bias, 1);
    b2_ = table_.add("n2.b", Role::bias, units_, 1);
  }

  int inputs() const { return 1; }
  int constants() const { return 0; }
  Index input_rows(int) const { return features_; }
  Index constant_rows(int) const { return 0; }
  Index state_rows(int) const { return units_; }
  Index output_rows() const { return units_; }
  Index kept_rows() const { return 4 * units_; }
  const ParameterTable& parameters() const { return table_; }

  void prepare(const S* theta, Weights& weights) const { weights = theta; }
  void prepare_back(const S*, Weights&) const {}

  void begin(const S*, const Inputs<S>&, const Timeline&, Work&) const {}

  void make_room(const S*, const Timeline& timeline, Work& work) const {
    work.gates.shape(4 * units_, timeline.columns());
    work.product.shape(3 * units_, timeline.batch());
  }

  /// W x + b for all steps of [first_step, last_step).
  void project(const S* theta, const Inputs<S>& inputs, const Timeline& timeline, Index first_step, Index last_step,
               Work& work) const {
    const Index first = timeline.offset(first_step), columns = timeline.offset(last_step) - first;
    auto gates = work.gates.view().block(0, first, 3 * units_, columns);
    gates.noalias() = matrix(theta, w_, features_) * inputs.steps[0].middleCols(first, columns);
    gates.colwise() += matrix(theta, b_, 1).col(0);
  }

  void step(const S* theta, const Step<S, 1>& step, Work& work) const {
    const auto h = step.before[0].view(units_, step.columns);
    auto product = work.product.view().leftCols(step.columns);
    product.noalias() = matrix(theta, u_, units_) * h;
    auto r = rows(work, 0, step), z = rows(work, 1, step), n = rows(work, 2, step), u = rows(work, 3, step);
    r = logistic(r + product.topRows(units_).array());
    z = logistic(z + product.middleRows(units_, units_).array());
    u = (product.bottomRows(units_).colwise() + Eigen::Map<const VectorX<S>>(theta + b2_, units_)).array();
    n = (n + r * u).tanh();
    step.after[0].view(units_, step.columns).array() = n + z * (h.array() - n);
  }

  void begin_back(const S*, const Timeline&, Work&) const {}

  void step_back(const S* theta, const StepBack<S, 1>& step, Work& work) const {
    const auto h = step.before[0].view(units_, step.columns).array();
    auto d_state = step.d_state[0].view(units_, step.columns);
    if (step.d_output.data != nullptr) d_state += step.d_output.view(units_, step.columns);
    auto r = rows(work, 0, step), z = rows(work, 1, step), n = rows(work, 2, step), u = rows(work, 3, step);
    auto d_h = work.product.view().leftCols(step.columns).topRows(units_);
    d_h.array() = d_state.array() * z;
    const MatrixX<S> d_n = (d_state.array() * (1 - z) * (1 - n * n)).matrix();
    z = d_state.array() * (h - n) * z * (1 - z);
    n = d_n.array();
    const MatrixX<S> d_u = (n * r).matrix();
    r = n * u * r * (1 - r);
    u = d_u.array();
    const auto weights = matrix(theta, u_, units_);
    d_h.noalias() +=
        weights.topRows(2 * units_).transpose() * work.gates.view().block(0, step.first, 2 * units_, step.columns);
    d_h.noalias() += weights.bottomRows(units_).transpose() * d_u;
    d_state = d_h;
  }

  void collect(const S*, const Step<S, 1>& chunk, const Inputs<S>& inputs, S* gradient, Work& work) const {
    const auto x = inputs.steps[0].middleCols(chunk.first, chunk.columns);
    const auto h = chunk.before[0].view(units_, chunk.columns);
    const auto d = work.gates.view().middleCols(chunk.first, chunk.columns);
    matrix(gradient, w_, features_).noalias() += d.topRows(3 * units_) * x.transpose();
    matrix(gradient, u_, units_).topRows(2 * units_).noalias() += d.topRows(2 * units_) * h.transpose();
    matrix(gradient, u_, units_).bottomRows(units_).noalias() += d.bottomRows(units_) * h.transpose();
    matrix(gradient, b_, 1) += d.topRows(3 * units_).rowwise().sum();
    Eigen::Map<VectorX<S>>(gradient + b2_, units_) += d.bottomRows(units_).rowwise().sum();
  }

  void pull_inputs(const S* theta, Index first, Index columns, const InputGradients<S>& d_inputs, bool add,
                   Work& work) const {
    if (d_inputs.steps[0].data() == nullptr) return;
    auto d_x = d_inputs.steps[0].middleCols(first, columns);
    if (!add) d_x.setZero();
    d_x.noalias() += matrix(theta, w_, features_).transpose() * work.gates.view().block(0, first, 3 * units_, columns);
  }

  void end_back(const S*, const Inputs<S>&, S*, const InputGradients<S>&, Work&) const {}

 private:
  /// Adds three blocks that share one matrix [3 units x cols]; returns its offset.
  Index stack(std::initializer_list<const char*> names, Role role, Index cols) {
    const Index offset = table_.reserve(3 * units_, cols);
    Index row = 0;
    for (const char* block : names)
      table_.add_block({block, role, offset + row, units_, cols, 3 * units_}), row += units_;
    return offset;
  }
  Eigen::Map<const MatrixX<S>> matrix(const S* theta, Index offset, Index cols) const {
    return {theta + offset, 3 * units_, cols};
  }
  Eigen::Map<MatrixX<S>> matrix(S* gradient, Index offset, Index cols) const {
    return {gradient + offset, 3 * units_, cols};
  }
  auto rows(Work& work, Index k, const Step<S, 1>& step) const {
    return work.gates.view().block(k * units_, step.first, units_, step.columns).array();
  }
  template <class E>
  static auto logistic(const Eigen::ArrayBase<E>& a) {
    return (1 + (-a.derived()).exp()).inverse().eval();
  }

  Index features_ = 0, units_ = 0, w_ = 0, u_ = 0, b_ = 0, b2_ = 0;
  ParameterTable table_;
};

}  // namespace cell_run
