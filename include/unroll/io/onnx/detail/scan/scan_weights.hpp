#pragma once
// Cell of a Scan, its sizes, and the weights of its products.

#include <charconv>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/scan/equations.hpp"
#include "unroll/parameters/parameters.hpp"
#include "unroll/recurrence/columns/cayley.hpp"
#include "unroll/recurrence/language/values.hpp"

namespace unroll::detail {

/// Cell of a layer in one direction.
struct OnnxScanCell {
  CellEquations equations;
  std::vector<std::pair<std::string, Index>> sizes;
  std::string prefix;  ///< of its parameters
  Index features = 0;  ///< rows of the input, also of a size that is no option of the layer

  /// Rows of a size, such as "units", "8", "4 units" or "units*keys".
  Index rows(const std::string& size) const {
    if (size == language::one_row) return 1;
    if (const std::size_t times = language::position(size, '*'); times < size.size())
      return rows(size.substr(0, times)) * rows(size.substr(times + 1));
    if (language::is_multiple(size)) {
      const std::size_t space = language::position(size, ' ');
      Index factor = 0;
      std::from_chars(size.data(), size.data() + space, factor);
      return space == size.size() ? factor : factor * rows(size.substr(space + 1));
    }
    for (const auto& [name, rows] : sizes)
      if (name == size) return rows;
    return features;
  }
  /// Size of a state, or of a value that has an equation; empty for the input.
  std::string size_of(const std::string& name) const {
    const std::string state = advanced_state(name);
    for (const SizedName& one : equations.states)
      if (one.name == (state.empty() ? name : state)) return one.size;
    for (const CellEquation& one : equations.equations)
      if (one.target.name == name) return one.target.size;
    return {};
  }
  /// True if equations of more rows may read a value of one row, which is the same for all of them.
  bool has_values_of_one_row() const {
    const auto one_row = [](const SizedName& named) { return named.size == language::one_row; };
    return std::ranges::any_of(equations.states, one_row) ||
           std::ranges::any_of(equations.equations, one_row, &CellEquation::target);
  }
  /// Rows of the output.
  Index outputs() const {
    const std::string size = size_of(equations.output);
    require<ValueError>(!size.empty(), "the output ", in_quotes(equations.output), " must have an equation");
    return rows(size);
  }
};

/// Weights of one product [rows x rows of the source], computed from the parameters as the option says, and the name of
/// their tensor.
struct ScanWeights {
  std::string name;
  MatrixX<float> values;

  /// Product of the linear part `of` with the value `read`.
  ScanWeights(const Parameters<float>& parameters, const OnnxScanCell& cell, const EquationPart& of,
              const std::string& read) {
    const std::string state = advanced_state(read);
    const ParameterBlock& block = parameters.table().at(
        cell.prefix + (of.named.empty() ? text(of.name, ".", state.empty() ? read : state + "_next") : of.named));
    const MatrixX<float> w = parameters.block(block);
    name = block.name, values = w;
    if (of.option.empty() || of.option == "shared") return;
    name += text("/", of.option);
    if (of.option == "transposed") values = w.transpose();
    if (of.option == "heads") values = block_diagonal(w, Index(of.numbers[0]));
    if (of.option == "antisymmetric") make_antisymmetric(w, float(of.numbers[0]));
    if (of.option == "orthogonal") {
      MatrixX<double> inverse;
      make_cayley(view(w), inverse, values);
    }
  }

 private:
  static MatrixX<float> block_diagonal(const MatrixX<float>& w, Index heads) {
    const Index rows = w.rows() / heads, columns = w.cols();
    MatrixX<float> all = MatrixX<float>::Zero(w.rows(), heads * columns);
    for (Index k = 0; k < heads; ++k) all.block(k * rows, k * columns, rows, columns) = w.middleRows(k * rows, rows);
    return all;
  }
  void make_antisymmetric(const MatrixX<float>& w, float damping) {
    values = w - w.transpose();
    values.diagonal().array() -= damping;
  }
};

}  // namespace unroll::detail
