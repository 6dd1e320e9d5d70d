#pragma once
// Element-wise operations and functions as operators of ONNX.

#include <array>
#include <cmath>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/write/onnx_graph_writer.hpp"

namespace unroll::detail {

/// Operation of the library that is one operator of ONNX. The numbers of a function are the attributes alpha and beta.
struct OnnxOperation {
  std::string_view ours;
  const char* theirs;
  std::size_t numbers = 0;
  bool in_recurrent = false;  ///< an activation of ONNX's recurrent operators
  std::size_t operands = 1;
  int version = 0;  ///< of the operators, at least
};

inline constexpr std::array onnx_operations{OnnxOperation{"+", "Add", 0, false, 2},
                                            OnnxOperation{"-", "Sub", 0, false, 2},
                                            OnnxOperation{"*", "Mul", 0, false, 2},
                                            OnnxOperation{"/", "Div", 0, false, 2},
                                            OnnxOperation{"max", "Max", 0, false, 2},
                                            OnnxOperation{"min", "Min", 0, false, 2},
                                            OnnxOperation{"-", "Neg"},
                                            OnnxOperation{"identity", "Identity"},
                                            OnnxOperation{"sigmoid", "Sigmoid", 0, true},
                                            OnnxOperation{"tanh", "Tanh", 0, true},
                                            OnnxOperation{"relu", "Relu", 0, true},
                                            OnnxOperation{"softplus", "Softplus", 0, true},
                                            OnnxOperation{"softsign", "Softsign", 0, true},
                                            OnnxOperation{"leaky_relu", "LeakyRelu", 1, true},
                                            OnnxOperation{"elu", "Elu", 1, true},
                                            OnnxOperation{"hard_sigmoid", "HardSigmoid", 2, true},
                                            OnnxOperation{"exp", "Exp"},
                                            OnnxOperation{"log", "Log"},
                                            OnnxOperation{"sqrt", "Sqrt"},
                                            OnnxOperation{"abs", "Abs"},
                                            OnnxOperation{"sin", "Sin"},
                                            OnnxOperation{"cos", "Cos"},
                                            OnnxOperation{"sign", "Sign"},
                                            OnnxOperation{"floor", "Floor"},
                                            OnnxOperation{"gelu", "Gelu", 0, false, 1, 20}};

/// Operator of an operation on this number of operands; null if none is the operation alone.
inline const OnnxOperation* onnx_operation(std::string_view ours, std::size_t operands) {
  for (const OnnxOperation& one : onnx_operations)
    if (one.ours == ours && one.operands == operands) return &one;
  return nullptr;
}

/// Limit of Clip; empty if there is none.
inline std::string onnx_limit(OnnxGraphWriter& constants, double value) {
  return std::isinf(value) ? "" : constants.number(value);
}

/// Adds the nodes of an operation to a graph, which may be the body of a Scan; constants are in the graph of the model.
/// Returns the name of the result. Throws ValueError for an operation that ONNX does not have.
inline std::string add_operation(OnnxGraphWriter& constants, OnnxNodes to, const std::string& prefix,
                                 const std::string& name, const std::vector<double>& numbers,
                                 const std::vector<std::string>& x) {
  const auto is = [&](std::string_view ours, std::size_t operands, std::size_t count) {
    return name == ours && x.size() == operands && numbers.size() == count;
  };
  if (const OnnxOperation* one = onnx_operation(name, x.size()); one != nullptr && numbers.size() == one->numbers) {
    constants.require_version(one->version);
    constexpr const char* names[] = {"alpha", "beta"};
    std::vector<OnnxAttribute> attributes;
    for (std::size_t k = 0; k < numbers.size(); ++k) attributes.push_back({names[k], numbers[k]});
    return to.add(prefix, one->theirs, x, attributes);
  }
  if (is("gelu_tanh", 1, 0)) {
    constants.require_version(20);
    return to.add(prefix, "Gelu", x, {{"approximate", std::string("tanh")}});
  }
  if (is("hard_tanh", 1, 2))
    return to.add(prefix, "Clip", {x[0], onnx_limit(constants, numbers[0]), onnx_limit(constants, numbers[1])});
  if (is("silu", 1, 0)) return to.add(prefix, "Mul", {x[0], to.add(prefix, "Sigmoid", x)});
  if (is("square", 1, 0)) return to.add(prefix, "Mul", {x[0], x[0]});
  if (is("exp2", 1, 0)) return to.add(prefix, "Pow", {constants.number(2), x[0]});
  if (is("expm1", 1, 0)) return to.add(prefix, "Sub", {to.add(prefix, "Exp", x), constants.number(1)});
  if (is("log1p", 1, 0)) return to.add(prefix, "Log", {to.add(prefix, "Add", {x[0], constants.number(1)})});
  if (is("fract", 1, 0)) return to.add(prefix, "Sub", {x[0], to.add(prefix, "Floor", x)});
  if (is("softcap", 1, 1)) {
    const std::string cap = constants.number(numbers[0]);
    return to.add(prefix, "Mul", {to.add(prefix, "Tanh", {to.add(prefix, "Div", {x[0], cap})}), cap});
  }
  if (is("zoneout", 2, 1)) {  // in evaluation
    const std::string change = to.add(prefix, "Sub", {x[1], x[0]});
    return to.add(prefix, "Add", {x[0], to.add(prefix, "Mul", {constants.number(numbers[0]), change})});
  }
  if (is("mod", 2, 0)) {  // Mod of floats has the sign of the dividend
    const std::string turns = to.add(prefix, "Floor", {to.add(prefix, "Div", x)});
    return to.add(prefix, "Sub", {x[0], to.add(prefix, "Mul", {x[1], turns})});
  }
  if (is("pow", 2, 0))  // as the library computes it: Pow has other results for a negative base
    return to.add(prefix, "Exp", {to.add(prefix, "Mul", {x[1], to.add(prefix, "Log", {x[0]})})});
  throw ValueError(text("ONNX has no operation ", in_quotes(name), " of ", x.size(),
                        x.size() == 1 ? " value" : " values", numbers.empty() ? "" : " with these numbers"));
}

}  // namespace unroll::detail
