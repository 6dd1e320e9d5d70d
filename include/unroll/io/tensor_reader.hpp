#pragma once
// Strict reading of a file's tensors: every one has the expected shape, none is missing, none is left over.

#include <set>

#include "unroll/core/kept.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/safetensors.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {

/// Takes tensors out of a file by name and remembers which, so that what nobody asked for is found at the end.
class TensorReader {
 public:
  /// The file must outlive it.
  explicit TensorReader(detail::Lasting<SafeTensors> file) : file_(file) {}

  const SafeTensors& file() const { return file_; }

  /// The tensor as a matrix [rows x cols]; a vector counts as one column. `shape` is what the file must hold. Throws
  /// FileError when there is none of that name, ShapeError when its shape is another.
  template <class Scalar>
  MatrixX<Scalar> matrix(const std::string& name, const std::vector<Index>& shape) {
    return unroll::matrix<Scalar>(tensor(name, shape));
  }

  const Tensor& tensor(const std::string& name, const std::vector<Index>& shape) {
    const Tensor& found = file_.at(name);
    require<ShapeError>(found.shape == shape, file_.file, ": ", [&] {
      return text("tensor ", detail::in_quotes(name), " has the shape ", detail::shape_text(found.shape), ", expected ",
                  detail::shape_text(shape));
    });
    used_.insert(name);
    return found;
  }

  /// Throws FileError that names the first tensors which nobody has taken.
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

/// Biases and gains are vectors in a file, weights matrices.
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
