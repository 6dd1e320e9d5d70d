#pragma once

#include <set>

#include "unroll/core/non_temporary.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/safetensors.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {

/// Strict reader of tensors by name. It checks shapes and records the names to detect unused tensors.
class TensorReader {
 public:
  /// `file` must outlive the reader.
  explicit TensorReader(detail::NonTemporary<SafeTensors> file) : file_(file) {}

  const SafeTensors& file() const { return file_; }

  /// Tensor as a matrix [rows x cols]; a vector becomes one column. `shape`: expected shape in the file. Throws
  /// FileError if there is no such tensor, ShapeError for another shape.
  template <class Scalar>
  MatrixX<Scalar> matrix(const std::string& name, const std::vector<Index>& shape) {
    return unroll::matrix<Scalar>(tensor(name, shape));
  }

  const Tensor& tensor(const std::string& name, const std::vector<Index>& shape) {
    const Tensor& found = file_.at(name);
    require<ShapeError>(found.shape == shape, file_.file, ": ", [&] {
      return text("tensor ", detail::in_quotes(name), " must have the shape ", detail::shape_text(shape), ", got ",
                  detail::shape_text(found.shape));
    });
    used_.insert(name);
    return found;
  }

  /// Throws FileError, with the first names, if there are unread tensors.
  void require_all_used() const {
    std::string unused;
    std::size_t count = 0;
    for (const auto& item : file_.tensors)
      if (!used_.contains(item.first) && ++count <= 3)
        unused += text(count > 1 ? ", " : "", detail::in_quotes(item.first));
    require<FileError>(count == 0, file_.file, ": ", count, " tensors have no place in the model: ", unused,
                       count > 3 ? ", ..." : "");
  }

 private:
  const SafeTensors& file_;
  std::set<std::string> used_;
};

namespace detail {

/// Shape of a parameter block in files: biases and gains are vectors, weights are matrices.
inline std::vector<Index> shape_of(const ParameterBlock& block) {
  if (block.cols == 1 && (block.role == Role::bias || block.role == Role::gain)) return {block.rows};
  return {block.rows, block.cols};
}

template <class Scalar>
Tensor tensor_of(const Parameters<Scalar>& parameters, const ParameterBlock& block) {
  Tensor tensor = Tensor::of(MatrixX<Scalar>(parameters.block(block)));
  tensor.shape = shape_of(block);
  return tensor;
}

}  // namespace detail
}  // namespace unroll
