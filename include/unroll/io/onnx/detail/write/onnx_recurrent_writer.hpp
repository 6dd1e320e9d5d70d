#pragma once
// Recurrent layers as the operators LSTM, GRU and RNN.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "unroll/io/import/onnx_weights.hpp"
#include "unroll/io/onnx/detail/scan/equations.hpp"
#include "unroll/io/onnx/detail/write/onnx_functions.hpp"
#include "unroll/io/onnx/detail/write/onnx_writer_base.hpp"

namespace unroll::detail {

/// Activation of a recurrent operator.
struct OnnxFunction {
  std::string name;
  std::vector<double> numbers = {};  ///< alpha and beta
};

/// ONNX's activation for a function in the notation of equations, such as "leaky_relu[0.01]"; nothing for one that its
/// recurrent operators do not have.
inline std::optional<OnnxFunction> onnx_function(const std::string& written) {
  const EquationPart part = EquationLine(text(written, "(x)")).sum({});
  const OnnxOperation* const found = onnx_operation(part.name, 1);
  if (found == nullptr || !found->in_recurrent) return std::nullopt;
  return OnnxFunction{found->theirs, part.numbers};
}

/// Writer of one recurrent layer.
class OnnxRecurrentWriter {
 public:
  OnnxRecurrentWriter(OnnxWriterBase& to, const OnnxWrittenLayer& layer, const GateLayout& layout)
      : to_(to), layer_(layer), both_(layer.kind() == "bidirectional"), layout_(layout) {}

  /// Parameters of a cell that an operator has; nothing for another cell.
  static std::optional<GateLayout> layout_of(const ParameterTable& table, const OnnxWrittenLayer& layer) {
    const std::string side = layer.kind() == "bidirectional" ? "forward." : "";
    try {
      GateLayout layout(table, layer.prefix + side, System::onnx);
      if (layout.has_projection()) return std::nullopt;
      for (const std::string& written : functions(layout))
        if (!onnx_function(written)) return std::nullopt;
      return layout;
    } catch (const ValueError&) {  // another cell
      return std::nullopt;
    }
  }

  OnnxWritten write(const OnnxWritten& x) {
    const bool lstm = layout_.cell() == "LSTM", last = layer_.word("returns") == "last";
    std::vector<std::string> inputs{x.name};
    SafeTensors weights;
    for (const std::string side : {"forward.", "backward."})
      if (both_ || side == "forward.") write_onnx(to_.parameters(), layer_.prefix + (both_ ? side : ""), weights);
    for (const char* name : {"W", "R", "B"}) inputs.push_back(tensor(weights, name));
    inputs.push_back(to_.options().lengths ? "lengths" : "");
    const std::vector<std::string> initial = initial_states(lstm);
    inputs.insert(inputs.end(), {initial[0], initial[1]});
    inputs.push_back(tensor(weights, "P"));
    const std::string operation = lstm ? "LSTM" : layout_.cell() == "GRU" ? "GRU" : "RNN";
    const std::string y = to_.graph().add(layer_.prefix, operation, inputs, attributes(), lstm ? 3 : 2);
    if (to_.options().states) {
      to_.add_state_output(layer_.prefix + "h", OnnxNodes::output(y, 1), shape_of_state());
      if (lstm) to_.add_state_output(layer_.prefix + "c", OnnxNodes::output(y, 2), shape_of_state());
    }
    const Index outputs = both_ && layer_.word("merge") == "concat" ? 2 * layout_.units() : layout_.units();
    return {merged(last ? OnnxNodes::output(y, 1) : y, last), outputs, !last};
  }

 private:
  Index directions() const { return both_ ? 2 : 1; }
  std::vector<OnnxDimension> shape_of_state() const { return {directions(), "batch", layout_.units()}; }

  std::string tensor(const SafeTensors& weights, const std::string& name) {
    return weights.contains(name) ? to_.graph().tensor(layer_.prefix + name, weights.at(name)) : "";
  }

  /// Names of the initial states h and c; empty if they are 0.
  std::vector<std::string> initial_states(bool lstm) {
    MatrixX<float> states[2];
    for (auto& rows : states) rows.setZero(directions(), layout_.units());
    for (Index d = 0; d < directions(); ++d)
      for (std::size_t k = 0; k < (lstm ? 2 : 1); ++k) states[k].row(d) = to_.take_first(layout_.units()).transpose();
    std::vector<std::string> names(2);
    for (std::size_t k = 0; k < (lstm ? 2 : 1); ++k) {
      Tensor numbers = Tensor::of(states[k]);
      numbers.shape = {directions(), 1, layout_.units()};
      names[k] = to_.initial_state(layer_.prefix + (k == 0 ? "h" : "c"), numbers);
    }
    return names;
  }

  /// Activations in the order of the operator.
  static std::vector<std::string> functions(const GateLayout& layout) {
    const CellFunctions& all = layout.functions();
    if (layout.cell() == "LSTM") return {all.gates, all.candidate, all.output};
    if (layout.cell() == "GRU") return {all.gates, all.candidate};
    return {all.candidate};
  }

  std::vector<OnnxAttribute> attributes() const {
    const bool gru = layout_.cell() == "GRU", lstm = layout_.cell() == "LSTM";
    std::vector<std::string> names;
    std::vector<double> alpha, beta;
    for (Index d = 0; d < directions(); ++d)
      for (const std::string& one : functions(layout_)) {
        const OnnxFunction function = onnx_function(one).value();
        names.push_back(function.name);
        if (!function.numbers.empty()) alpha.push_back(function.numbers[0]);
        if (function.numbers.size() > 1) beta.push_back(function.numbers[1]);
      }
    const std::string direction = both_                                    ? "bidirectional"
                                  : layer_.word("direction") == "backward" ? "reverse"
                                                                           : "forward";
    std::vector<OnnxAttribute> all{{"hidden_size", layout_.units()}, {"direction", direction}, {"activations", names}};
    if (!alpha.empty()) all.push_back({"activation_alpha", alpha});
    if (!beta.empty()) all.push_back({"activation_beta", beta});
    if (gru) all.push_back({"linear_before_reset", Index(!layout_.resets_before())});
    if (lstm) all.push_back({"input_forget", Index(layout_.is_coupled())});
    return all;
  }

  /// Output without the dimension of directions, which is 1 of (steps, directions, batch, units), or 0 of the last
  /// step.
  std::string merged(const std::string& y, bool last) {
    OnnxGraphWriter& graph = to_.graph();
    const std::string axis = graph.integers({last ? 0 : 1}), &prefix = layer_.prefix;
    if (!both_) return graph.add(prefix, "Squeeze", {y, axis});
    const std::string merge = layer_.word("merge");
    if (merge != "concat")
      return graph.add(prefix,
                       merge == "sum"       ? "ReduceSum"
                       : merge == "product" ? "ReduceProd"
                                            : "ReduceMean",
                       {y, axis}, {{"keepdims", Index(0)}});
    const std::vector<Index> order = last ? std::vector<Index>{1, 0, 2} : std::vector<Index>{0, 2, 1, 3};
    const std::string turned = graph.add(prefix, "Transpose", {y}, {{"perm", order}});
    return graph.add(prefix, "Reshape",
                     {turned, graph.integers(last ? std::vector<Index>{0, -1} : std::vector<Index>{0, 0, -1})});
  }

  OnnxWriterBase& to_;
  const OnnxWrittenLayer& layer_;
  bool both_;
  const GateLayout& layout_;
};

}  // namespace unroll::detail
