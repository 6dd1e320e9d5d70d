#pragma once
// Element-wise operations of equations. Each struct defines the notation, the value, the gradients of the operands, and
// the values that these read.
//
// A new operation is a struct here (or in simd/functions.hpp, for a function of one number) and a function in
// language/element_wise.hpp. Compiler, kernels, streams and text depend only on the struct, not on any operation's
// name.

#include <string>
#include <string_view>

#include "unroll/simd/activations.hpp"

namespace unroll {

/// Operator precedence. An expression of lower precedence inside one of higher precedence gets parentheses.
enum class Binding : unsigned char { sum = 1, product, whole };

/// Notation of an operation that is not written as a call: symbols around its operands, its precedence, and the
/// precedence that each operand needs.
struct Infix {
  std::string_view before = "", between = "", after = "";
  std::string_view between_scalars = between;  ///< if one operand is the same number for all units
  Binding binding = Binding::whole, left = Binding::sum, right = Binding::sum;
};

/// Notation of an operation: symbols around its operands, or a call.
struct WrittenOperation {
  Infix infix = {};
  std::string function = {};            ///< name of the called function, else empty
  std::string before = {}, after = {};  ///< arguments of a call, around its operands
};

/// Values that a gradient reads.
struct Reads {
  bool left = false, right = false, result = false;
};

/// Operands and result of an operation. A gradient may read only those that the operation declares.
template <Reads reads, class V>
struct GradientOperands {
  const V &left_value, &right_value, &result_value;

  EIGEN_ALWAYS_INLINE V left() const {
    static_assert(reads.left, "unroll: a gradient reads the left operand, which its operation does not declare");
    return left_value;
  }
  EIGEN_ALWAYS_INLINE V right() const {
    static_assert(reads.right, "unroll: a gradient reads the right operand, which its operation does not declare");
    return right_value;
  }
  EIGEN_ALWAYS_INLINE V result() const {
    static_assert(reads.result, "unroll: a gradient reads the result, which its operation does not declare");
    return result_value;
  }
};

/// Properties of an operation that the schedule and the counts read.
struct OperationTraits {
  Reads left_reads, right_reads;
  bool kept = false;  ///< if the backward pass needs it, it is stored, not recomputed from its operands
};

namespace language {

struct Add {
  static constexpr std::string_view name = "+";
  static constexpr Infix text{.between = " + ", .binding = Binding::sum}, latex = text;
  static constexpr bool kept = false;
  static constexpr Reads left_reads{}, right_reads{};
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left, V right) const {
    return left + right;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto&) const {
    return g;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V right_gradient(V g, const auto&) const {
    return g;
  }
};

struct Subtract {
  static constexpr std::string_view name = "-";
  static constexpr Infix text{.between = " - ", .binding = Binding::sum, .right = Binding::product}, latex = text;
  static constexpr bool kept = false;
  static constexpr Reads left_reads{}, right_reads{};
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left, V right) const {
    return left - right;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto&) const {
    return g;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V right_gradient(V g, const auto&) const {
    return -g;
  }
};

struct Multiply {
  static constexpr std::string_view name = "*";
  static constexpr Infix text{
      .between = " * ", .binding = Binding::product, .left = Binding::product, .right = Binding::product};
  static constexpr Infix latex{.between = " \\odot ",
                               .between_scalars = " \\, ",
                               .binding = Binding::product,
                               .left = Binding::product,
                               .right = Binding::product};
  static constexpr bool kept = false;
  static constexpr Reads left_reads{.right = true}, right_reads{.left = true};
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left, V right) const {
    return left * right;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto& seen) const {
    return g * seen.right();
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V right_gradient(V g, const auto& seen) const {
    return g * seen.left();
  }
};

struct Divide {
  static constexpr std::string_view name = "/";
  static constexpr Infix text{
      .between = " / ", .binding = Binding::product, .left = Binding::product, .right = Binding::whole};
  static constexpr Infix latex{.before = "\\frac{", .between = "}{", .after = "}"};
  static constexpr bool kept = false;
  static constexpr Reads left_reads{.right = true}, right_reads{.right = true, .result = true};
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left, V right) const {
    return left / right;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto& seen) const {
    return g / seen.right();
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V right_gradient(V g, const auto& seen) const {
    return -(g / seen.right() * seen.result());
  }
};

/// Gradient of the greater of two operands; equal operands share it equally, as in PyTorch.
template <class V>
EIGEN_ALWAYS_INLINE V gradient_of_greater(V g, V own, V other) {
  const V zero = V::constant(0), half = g * V::constant(typename V::Scalar(0.5));
  return select_greater(own, other, g, select_greater(other, own, zero, half));
}

struct Maximum {
  static constexpr std::string_view name = "max", latex = "\\max";
  static constexpr bool kept = false;
  static constexpr Reads left_reads{.left = true, .right = true}, right_reads = left_reads;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left, V right) const {
    return max(left, right);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto& seen) const {
    return gradient_of_greater(g, seen.left(), seen.right());
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V right_gradient(V g, const auto& seen) const {
    return gradient_of_greater(g, seen.right(), seen.left());
  }
};

struct Minimum {
  static constexpr std::string_view name = "min", latex = "\\min";
  static constexpr bool kept = false;
  static constexpr Reads left_reads{.left = true, .right = true}, right_reads = left_reads;
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left, V right) const {
    return min(left, right);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto& seen) const {
    return gradient_of_greater(g, seen.right(), seen.left());
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V right_gradient(V g, const auto& seen) const {
    return gradient_of_greater(g, seen.left(), seen.right());
  }
};

/// left^right for left > 0, as e^(right log left). The error is about |right log left| units in the last place. NaN for
/// negative left.
struct Power {
  static constexpr std::string_view name = "pow", latex = "\\mathrm{pow}";
  static constexpr bool kept = true;
  static constexpr Reads left_reads{.left = true, .right = true, .result = true};
  static constexpr Reads right_reads{.left = true, .result = true};
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left, V right) const {
    return exp(right * log(left));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto& seen) const {
    return g * (seen.right() * seen.result() / seen.left());
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V right_gradient(V g, const auto& seen) const {
    return g * (seen.result() * log(seen.left()));
  }
};

/// Remainder left - right floor(left / right), with the sign of right. The derivative at jumps is that next to them.
struct Modulo {
  static constexpr std::string_view name = "mod", latex = "\\mathrm{mod}";
  static constexpr bool kept = false;
  static constexpr Reads left_reads{}, right_reads{.left = true, .right = true};
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left, V right) const {
    return left - right * floor(left / right);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto&) const {
    return g;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V right_gradient(V g, const auto& seen) const {
    return -(g * floor(seen.left() / seen.right()));
  }
};

struct Negate {
  static constexpr std::string_view name = "-";
  static constexpr Infix text{.before = "-", .binding = Binding::sum, .left = Binding::product}, latex = text;
  static constexpr bool kept = false;
  static constexpr Reads left_reads{};
  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left) const {
    return -left;
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto&) const {
    return -g;
  }
};

/// left limited to [-limit, limit]. The gradient is 0 outside and at the limits, even if g is not finite.
struct Clip {
  static constexpr std::string_view name = "clip", latex = "\\mathrm{clip}";
  static constexpr bool numbers_as_arguments = true;
  static constexpr bool kept = true;
  static constexpr Reads left_reads{.result = true};
  double limit;

  template <class F>
  constexpr void visit_options(F&& f) const {
    f("limit", limit);
  }

  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left) const {
    return max(min(left, detail::constant<V>(limit)), detail::constant<V>(-limit));
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto& seen) const {
    return select_greater(detail::constant<V>(limit), abs(seen.result()), g, V::constant(0));
  }
};

/// Function of one number.
template <Activation F>
struct Function {
  static constexpr std::string_view name = F::name, latex = F::latex;
  static constexpr bool kept = true;
  static constexpr Reads left_reads{.left = !F::by_output, .result = F::by_output};
  F function;

  template <class Visitor>
  constexpr void visit_options(Visitor&& visitor) const requires requires {
    function.visit_options(visitor);
  }
  { function.visit_options(visitor); }

  template <class V>
  EIGEN_ALWAYS_INLINE V value(V left) const {
    return function.value(left);
  }
  template <class V>
  EIGEN_ALWAYS_INLINE V left_gradient(V g, const auto& seen) const {
    if constexpr (F::by_output)
      return g * function.slope(seen.result());
    else
      return g * function.slope(seen.left());
  }
};

}  // namespace language
}  // namespace unroll
