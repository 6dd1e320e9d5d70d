#pragma once
// Parameters and data of papers.py, generated from their names.

#include <string_view>
#include <unroll/parameters/parameters.hpp>

namespace paper_numbers {

using namespace unroll;

inline MatrixX<double> numbers(std::string_view name, Index rows, Index cols) {
  int shift = 0;
  for (const char letter : name) shift += letter;
  return MatrixX<double>::NullaryExpr(
      rows, cols, [&](Index i, Index j) { return 0.8 * std::sin(1 + shift % 17 + 0.7 * double(i) + 1.3 * double(j)); });
}

inline VectorX<double> parameters(const ParameterTable& table) {
  Parameters<double> all(table);
  for (const ParameterBlock& block : table.blocks()) all.block(block) = numbers(block.name, block.rows, block.cols);
  return all.values();
}

}  // namespace paper_numbers
