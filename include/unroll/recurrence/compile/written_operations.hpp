#pragma once
// Notation of the operations of a cell.

#include <string>
#include <string_view>
#include <type_traits>

#include "unroll/core/error.hpp"
#include "unroll/recurrence/compile/derived.hpp"

namespace unroll::detail {

/// Functions of the library.
template <class... A>
struct FunctionList {
  template <class F>
  static constexpr bool has = (std::is_same_v<F, language::Function<A>> || ...);
  static constexpr bool has_name(std::string_view name) { return ((name == A::name) || ...); }
};
using LibraryFunctions = FunctionList<Identity, Sigmoid, Tanh, Relu, LeakyRelu, Elu, HardSigmoid, HardTanh, Softplus,
                                      Softsign, Gelu, GeluTanh, Silu, Exp, Exp2, Expm1, Log, Log1p, Sqrt, Square, Abs,
                                      Sin, Cos, Sign, Floor, Fract, Softcap>;

/// True for a user-defined function with the name of a function or word of the library.
template <class F>
constexpr bool has_name_of_another() {
  constexpr std::string_view words[] = {"max",    "min",       "pow",    "mod",        "clip",        "linear",
                                        "weight", "bias",      "scalar", "next",       "part",        "by_head",
                                        "by_row", "by_column", "attend", "layer_norm", "rms_norm",    "softmax",
                                        "mean",   "sum",       "max_of", "row_sums",   "column_sums", "zoneout"};
  if constexpr (!requires { F::function; } || LibraryFunctions::has<F>) return false;
  for (const std::string_view word : words)
    if (F::name == word) return true;
  return LibraryFunctions::has_name(F::name);
}

/// Notation of a function with the given numbers as options; `as_arguments`: they follow the operand.
template <class = Once>
[[gnu::cold]] WrittenOperation written_function(std::string_view name, bool is_own, bool latex,
                                                std::string_view numbers, bool as_arguments) {
  std::string function(name);
  if (is_own && !latex) function += "[own]";
  if (numbers.empty()) return {.function = function};
  if (latex) return {.function = text(function, "_{", numbers, "}")};
  if (as_arguments) return {.function = function, .after = text(", ", numbers)};
  return {.function = text(function, "[", numbers, "]")};
}

/// Notation of f, such as "leaky_relu[0.01](e)" or "clip(e, 3)"; in LaTeX the numbers are a subscript.
template <class F>
[[gnu::cold, gnu::noinline]] WrittenOperation written(const F& f, bool latex) {
  if constexpr (requires { F::text; }) {
    return {.infix = latex ? F::latex : F::text};
  } else {
    std::string numbers;
    if constexpr (requires { f.visit_options([](std::string_view, double) {}); })
      f.visit_options([&](std::string_view, double number) {
        numbers += text(numbers.empty() ? "" : latex ? "," : ", ", number);
      });
    constexpr bool as_arguments = requires { F::numbers_as_arguments; };
    return written_function(latex ? f.latex : f.name, has_name_of_another<F>(), latex, numbers, as_arguments);
  }
}

template <class D>
[[gnu::cold]] WrittenOperation written_operation(int index, bool latex) {
  WrittenOperation found;
  int k = 0;
  D::applied.each([&](const auto& f) {
    if (k++ == index) found = written(f, latex);
  });
  return found;
}

template <class D>
[[gnu::cold]] WrittenOperation written_over_column(int index, bool latex) {
  WrittenOperation found;
  int k = 0;
  D::over_columns.each([&](const auto& word) {
    if (k++ == index) found = word.written(latex);
  });
  return found;
}

}  // namespace unroll::detail
