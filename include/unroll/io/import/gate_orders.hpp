#pragma once
// Order of the gates in the stacked matrices of other systems.
//
// In this library a cell has one weight for each place in its equations: `i = sigmoid(linear(x, h))` has i.x, i.h and
// i.b, and a second linear term in the same equation has i2.h and i2.b. Other systems stack the gates into one matrix
// per source. They differ only in the order of the gates, which is given as a word with one letter, the name of the
// equation, per block of rows.

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/io/import/cell_forms.hpp"

namespace unroll {

/// Content of the second bias in a system with two, if the cell has one.
enum class SecondBias {
  zero,  ///< for parameters: only the sum matters
  same,  ///< for gradients and states of optimizers: each of the two biases has the gradient of the sum
};

/// Stacked weights of one cell, in the form of other systems: G blocks of `units` rows in gate order.
template <class Scalar>
struct StackedWeights {
  MatrixX<Scalar> input;           ///< [G units x inputs]
  MatrixX<Scalar> recurrent;       ///< [G units x outputs]
  VectorX<Scalar> bias;            ///< [G units], added to the product with the input
  VectorX<Scalar> recurrent_bias;  ///< [G units], added to the product with the state
  VectorX<Scalar> peepholes;       ///< [3 units] for i, o, f, 0 for a missing gate; empty without peepholes
  MatrixX<Scalar> projection;      ///< [outputs x units]; empty without projection
};

namespace detail {

struct GateOrder {
  std::string_view cell, pytorch, keras, onnx;

  std::string_view in(System system) const {
    if (system == System::pytorch || system == System::nam) return pytorch;
    return system == System::onnx ? onnx : keras;
  }
};

// PyTorch and Neural Amp Modeler i,f,g,o and r,z,n; Keras and RTNeural i,f,c,o and z,r,h; ONNX i,o,f,c and z,r,h.
inline constexpr std::array gate_orders{GateOrder{"LSTM", "ifgo", "ifgo", "iofg"},
                                        GateOrder{"GRU", "rzn", "zrn", "zrn"}, GateOrder{"simple RNN", "h", "h", "h"}};

/// Parameters of one gate; nullptr if the cell has none.
struct GateBlocks {
  const ParameterBlock *input = nullptr, *recurrent = nullptr, *bias = nullptr, *recurrent_bias = nullptr;
};

}  // namespace detail

/// Parameters of one cell, whose names in `table` begin with `prefix`, in the gate order of a system. Keeps references
/// to the table.
class GateLayout {
 public:
  /// Identifies the cell by its equations, see cell_forms.hpp. Throws ValueError unless the system has the cell and all
  /// gates have the same number of biases (none, one or two).
  GateLayout(const ParameterTable& table, std::string_view prefix, System system) : prefix_(prefix) {
    const detail::KnownCell known = detail::form_of(table, prefix_, system);
    cell_ = known.form.cell;
    resets_before_ = known.form.resets_before;
    functions_ = known.functions;
    for (const detail::GateOrder& order : detail::gate_orders)
      if (order.cell == cell_) collect(table, order, system);
    std::size_t all = 0;
    for (const ParameterBlock& b : table.blocks()) all += b.name.starts_with(prefix);
    require<ValueError>(all == taken_, "parameters '", prefix, "*': ", detail::name_of(system), "'s ", cell_,
                        " has no place for some of them; there are ", [&] { return table.names(); });
    check_biases(system);
  }

  std::string_view cell() const { return cell_; }
  Index gates() const { return Index(gates_.size()); }
  Index units() const { return first().input->rows; }
  Index inputs() const { return first().input->cols; }
  Index outputs() const { return first().recurrent->cols; }
  bool has_projection() const { return projection_ != nullptr; }
  bool has_peepholes() const { return peepholes_[0] != nullptr; }
  bool has_biases() const { return first().bias != nullptr; }
  /// Whether any gate has a second bias: the reset-after GRU, and cells with two linear terms per gate.
  bool has_recurrent_biases() const {
    for (const auto& gate : gates_)
      if (gate.recurrent_bias != nullptr) return true;
    return false;
  }
  bool resets_before() const { return resets_before_; }
  /// Activations, in the notation of equations.
  const detail::CellFunctions& functions() const { return functions_; }
  /// Whether a gate is missing: the forget gate of coupled gates.
  bool is_coupled() const {
    for (const auto& gate : gates_)
      if (gate.input == nullptr) return true;
    return false;
  }
  /// Whether the reset gate multiplies the second bias of the candidate, so that the two biases cannot be added.
  bool resets_after() const { return cell_ == "GRU" && !resets_before_; }

  /// Stacks the parameters of the cell, or their gradients.
  template <class Scalar>
  StackedWeights<Scalar> stack(const Parameters<Scalar>& from, SecondBias second) const {
    StackedWeights<Scalar> to;
    to.input.setZero(gates() * units(), inputs());
    to.recurrent.setZero(gates() * units(), outputs());
    to.bias.setZero(gates() * units());
    to.recurrent_bias.setZero(gates() * units());
    for (Index k = 0; k < gates(); ++k) stack_gate(from, k, second, to);
    if (has_projection()) to.projection = from.block(*projection_);
    if (has_peepholes()) to.peepholes.setZero(3 * units());
    each_peephole(
        [&](const ParameterBlock& block, Index at) { to.peepholes.segment(at, units()) = from.block(block); });
    return to;
  }

  /// Whether the two biases of each gate for which the cell has one are equal.
  template <class Scalar>
  bool has_equal_biases(const StackedWeights<Scalar>& in) const {
    for (Index k = 0; k < gates(); ++k)
      if (gates_[std::size_t(k)].bias != nullptr && gates_[std::size_t(k)].recurrent_bias == nullptr &&
          in.bias.segment(k * units(), units()) != in.recurrent_bias.segment(k * units(), units()))
        return false;
    return true;
  }

  /// Copies stacked weights to the parameters of the cell. Two biases are added if the cell has one; with
  /// SecondBias::same, the first one is copied.
  template <class Scalar>
  void unstack(const StackedWeights<Scalar>& from, Parameters<Scalar>& to,
               SecondBias second_bias = SecondBias::zero) const {
    for (Index k = 0; k < gates(); ++k) {
      const detail::GateBlocks& gate = gates_[std::size_t(k)];
      if (gate.input == nullptr) continue;
      to.block(*gate.input) = from.input.middleRows(k * units(), units());
      to.block(*gate.recurrent) = from.recurrent.middleRows(k * units(), units());
      if (gate.bias == nullptr) continue;
      to.block(*gate.bias) = from.bias.segment(k * units(), units());
      const auto second = from.recurrent_bias.segment(k * units(), units());
      if (gate.recurrent_bias != nullptr)
        to.block(*gate.recurrent_bias) = second;
      else if (second_bias == SecondBias::zero)
        to.block(*gate.bias) += second;
    }
    if (has_projection()) to.block(*projection_) = from.projection;
    each_peephole(
        [&](const ParameterBlock& block, Index at) { to.block(block) = from.peepholes.segment(at, units()); });
  }

 private:
  const detail::GateBlocks& first() const {
    for (const auto& gate : gates_)
      if (gate.input != nullptr) return gate;
    return gates_.front();
  }

  /// Calls f(block, position in the peepholes); coupled gates have no peephole f.
  template <class F>
  void each_peephole(F&& f) const {
    for (std::size_t p = 0; p < 3; ++p)
      if (peepholes_[p] != nullptr) f(*peepholes_[p], Index(p) * units());
  }

  const ParameterBlock* block(const ParameterTable& table, std::string_view gate, std::string_view source) const {
    return table.find(prefix_ + std::string(gate) + std::string(source));
  }
  const ParameterBlock* take(const ParameterTable& table, std::string_view gate, std::string_view source) {
    const ParameterBlock* found = block(table, gate, source);
    taken_ += found != nullptr;
    return found;
  }

  void collect(const ParameterTable& table, const detail::GateOrder& order, System system) {
    for (std::size_t k = 0; k < order.in(system).size(); ++k) {
      const std::string_view gate = order.in(system).substr(k, 1);
      detail::GateBlocks blocks{take(table, gate, ".x"), take(table, gate, ".h"), take(table, gate, ".b"),
                                take(table, gate, "2.b")};
      if (blocks.recurrent == nullptr) blocks.recurrent = take(table, gate, "2.h");
      if (blocks.recurrent == nullptr) blocks.recurrent = take(table, gate, ".s");
      if (blocks.recurrent == nullptr) blocks.recurrent = take(table, gate, "2.s");
      if (blocks.bias == nullptr && !(gate == "n" && resets_after())) std::swap(blocks.bias, blocks.recurrent_bias);
      require<ValueError>((blocks.input == nullptr) == (blocks.recurrent == nullptr), "parameters '", prefix_, gate,
                          ".*': a gate must read both the input and the state, got one of them");
      gates_.push_back(blocks);
    }
    projection_ = take(table, "h", ".m");
    for (std::size_t p = 0; p < 3; ++p) peepholes_[p] = take(table, "p_", std::string_view("iof").substr(p, 1));
  }

  /// Throws ValueError if only some gates have a bias, because a file could not represent that.
  void check_biases(System system) const {
    for (const detail::GateBlocks& gate : gates_) {
      if (gate.input == nullptr) continue;
      // The candidate of a GRU is the last gate in every order.
      const bool alone = resets_after() && &gate == &gates_.back() && has_biases() != (gate.recurrent_bias != nullptr);
      require<ValueError>((gate.bias != nullptr) == has_biases() && !alone, "parameters '", prefix_,
                          "*': ", detail::name_of(system), "'s ", cell_, " must have all biases or none, got some");
    }
  }

  template <class Scalar>
  void stack_gate(const Parameters<Scalar>& from, Index k, SecondBias second, StackedWeights<Scalar>& to) const {
    const detail::GateBlocks& gate = gates_[std::size_t(k)];
    if (gate.input == nullptr) return;  // missing gate, for example of coupled gates
    to.input.middleRows(k * units(), units()) = from.block(*gate.input);
    to.recurrent.middleRows(k * units(), units()) = from.block(*gate.recurrent);
    if (gate.bias != nullptr) to.bias.segment(k * units(), units()) = from.block(*gate.bias);
    const ParameterBlock* own = gate.recurrent_bias != nullptr ? gate.recurrent_bias
                                : second == SecondBias::same   ? gate.bias
                                                               : nullptr;
    if (own != nullptr) to.recurrent_bias.segment(k * units(), units()) = from.block(*own);
  }

  std::string prefix_;
  std::string_view cell_;
  std::vector<detail::GateBlocks> gates_;
  std::array<const ParameterBlock*, 3> peepholes_{};
  const ParameterBlock* projection_ = nullptr;
  std::size_t taken_ = 0;
  bool resets_before_ = false;
  detail::CellFunctions functions_;
};

}  // namespace unroll
