#pragma once
// GELU as exporters write it before version 20 of the operators: x (1 + erf(x / sqrt(2))) / 2, with the factors in any
// order.

#include <cmath>
#include <optional>

#include "unroll/io/onnx/detail/onnx_nodes.hpp"
#include "unroll/io/onnx/detail/onnx_operator.hpp"
#include "unroll/layers/activation.hpp"

namespace unroll::detail {

/// Value of a product with a constant or of a part of a GELU: `factor` times x (0), erf(x / sqrt(2)) (1), 1 +
/// erf(x / sqrt(2)) (2) or x (1 + erf(x / sqrt(2))) (3). Nothing for other operators.
template <class S>
std::optional<OnnxValue> part_of_gelu(OnnxNetwork<S>& network, const OnnxOperator& of) {
  const bool product = of.type() == "Mul", quotient = of.type() == "Div", sum = of.type() == "Add";
  const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-6 * b; };
  if (of.type() == "Erf") {
    OnnxSignal to = of.signal(0);
    require<FileError>(to.gelu == 0 && near(to.factor, std::sqrt(0.5)),
                       "the argument must be a signal / sqrt(2), as in a GELU");
    to.gelu = 1, to.factor = 1;
    return to;
  }
  if (of.inputs() != 2 || !(product || quotient || sum)) return std::nullopt;
  const std::size_t first = of.is_signal(0) ? 0 : 1;
  OnnxSignal to = of.signal(first);
  if (of.is_signal(1 - first)) {
    const OnnxSignal& other = of.signal(1 - first);
    if (!product || to.gelu + other.gelu != 2 || to.gelu == 1 || to.parts != other.parts) return std::nullopt;
    to.gelu = 3, to.factor *= other.factor;
  } else if (sum) {
    if (to.gelu != 1) return std::nullopt;
    require<FileError>(to.factor == 1 && of.number(1 - first) == 1,
                       "1 must be added to erf(x / sqrt(2)), as in a GELU");
    to.gelu = 2;
  } else {
    const double number = of.number(1 - first);
    require<FileError>(std::isfinite(number) && number != 0 && (product || first == 0),
                       "the constant must be a factor or a divisor, finite and not 0, got ", number);
    to.factor *= product ? number : 1 / number;
  }
  if (to.gelu != 3 || !near(to.factor, 0.5)) return to;
  to.gelu = 0, to.factor = 1;
  return network.each(to, Activate<Gelu>{});
}

}  // namespace unroll::detail
