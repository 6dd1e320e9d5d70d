#pragma once
// Operations on the rows of a value, and copies of a value to other rows, as operators of ONNX.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/io/onnx/detail/write/onnx_graph_writer.hpp"

namespace unroll::detail {

/// Writer of these operations. Values are (batch, rows); a matrix is stored row by row.
class OnnxRows {
 public:
  struct Sizes {
    Index have;    ///< rows of the operand
    Index rows;    ///< rows of the equation
    Index width;   ///< columns, if the equation is a matrix
    Index groups;  ///< heads with separate results
  };

  OnnxRows(OnnxGraphWriter& constants, OnnxNodes to, std::string prefix)
      : constants_(constants), to_(to), prefix_(std::move(prefix)) {}

  static bool has(std::string_view name) {
    constexpr std::string_view names[] = {"layer_norm", "rms_norm",    "softmax", "mean",    "sum",       "max_of",
                                          "row_sums",   "column_sums", "by_row",  "by_head", "by_column", "part"};
    return std::ranges::find(names, name) != std::end(names);
  }

  /// Adds the nodes of an operation on `x`; `number` is the epsilon of a normalisation or the number of a part.
  std::string add(std::string_view name, double number, const std::string& x, const Sizes& sizes) {
    const auto [have, rows, width, groups] = sizes;
    if (name == "mean") return reduced("ReduceMean", x, 1);
    if (name == "sum") return reduced("ReduceSum", x, 1);
    if (name == "max_of") return reduced("ReduceMax", x, 1);
    if (name == "row_sums") return shaped(reduced("ReduceSum", shaped(x, {rows, have / rows}), 2), {rows});
    if (name == "column_sums") return shaped(reduced("ReduceSum", shaped(x, {have / rows, rows}), 1), {rows});
    if (name == "by_row" || name == "by_head") return spread(shaped(x, {have, 1}), {1, 1, rows / have}, rows);
    if (name == "by_column") {
      const Index heads = have / width;
      return spread(shaped(x, {heads, 1, width}), {1, 1, rows / have, 1}, rows);
    }
    if (name == "part") {
      const Index first = Index(number) * rows;
      return node("Slice", {x, integers({first}), integers({first + rows}), integers({1})});
    }
    return shaped(normalised(name, number, shaped(x, {groups, have / groups})), {have});
  }

 private:
  std::string node(const char* operation, std::vector<std::string> inputs,
                   const std::vector<OnnxAttribute>& attributes = {}) {
    return to_.add(prefix_, operation, std::move(inputs), attributes);
  }
  std::string integers(const std::vector<Index>& numbers) { return constants_.integers(numbers); }

  /// The shape (batch, sizes...).
  std::string shaped(const std::string& x, std::vector<Index> sizes) {
    sizes.insert(sizes.begin(), 0);  // the batch of x
    return node("Reshape", {x, integers(sizes)});
  }
  std::string spread(const std::string& x, const std::vector<Index>& times, Index rows) {
    return shaped(node("Expand", {x, integers(times)}), {rows});
  }
  std::string reduced(const char* operation, const std::string& x, Index axis) {
    return node(operation, {x, integers({axis})});
  }

  /// Each group of (batch, groups, rows).
  std::string normalised(std::string_view name, double epsilon, std::string x) {
    if (name == "softmax") return node("Softmax", {x}, {{"axis", Index(2)}});
    if (name == "layer_norm") x = node("Sub", {x, reduced("ReduceMean", x, 2)});
    const std::string square = reduced("ReduceMean", node("Mul", {x, x}), 2);
    return node("Div", {x, node("Sqrt", {node("Add", {square, constants_.number(epsilon)})})});
  }

  OnnxGraphWriter& constants_;
  OnnxNodes to_;
  std::string prefix_;
};

}  // namespace unroll::detail
