#pragma once
// A case in the format of tests/golden: tensors in, tensors out, and what is to be done in the metadata.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "unroll/io/safetensors.hpp"

namespace conformance {

using namespace unroll;

/// What the library does not compute.
class Unsupported : public Error {
 public:
  using Error::Error;
};

/// Remembers what was read: every other tensor of the case is something to be computed.
class Case {
 public:
  explicit Case(SafeTensors file) : file_(std::move(file)) {}

  const SafeTensors& file() const { return file_; }
  bool has(const std::string& name) const { return file_.contains(name); }
  bool was_read(const std::string& name) const { return read_.contains(name); }
  void mark_read(const std::string& name) const { read_.insert(name); }

  const Tensor& input(const std::string& name) const {
    mark_read(name);
    return file_.at(name);
  }
  Index extent(const std::string& name, std::size_t dimension) const { return input(name).shape.at(dimension); }

  /// The last dimension along rows, all others along columns: (T, B, F) becomes [F x T B], in the same memory order.
  template <class Scalar>
  Matrix<Scalar> columns(const std::string& name) const {
    const Tensor& tensor = input(name);
    const auto values = tensor.to<Scalar>();
    const Index rows = tensor.shape.empty() ? 1 : tensor.shape.back();
    return Eigen::Map<const Matrix<Scalar>>(values.data(), rows, rows == 0 ? 0 : tensor.size() / rows);
  }
  /// As columns; empty where the case has none.
  template <class Scalar>
  Matrix<Scalar> columns_if_any(const std::string& name) const {
    return has(name) ? columns<Scalar>(name) : Matrix<Scalar>();
  }
  std::vector<Index> integers(const std::string& name) const { return input(name).to<Index>(); }

  std::string word(const std::string& key, const std::string& otherwise = "") const {
    const auto found = file_.metadata.find(key);
    return found == file_.metadata.end() ? otherwise : found->second;
  }
  bool flag(const std::string& key) const { return word(key) == "true"; }
  nlohmann::json json(const std::string& key) const { return nlohmann::json::parse(word(key, "{}")); }

 private:
  SafeTensors file_;
  mutable std::set<std::string> read_;
};

/// The other way of Case::columns.
template <class Scalar>
Tensor tensor(const Matrix<Scalar>& columns, std::vector<Index> shape) {
  return Tensor::of(std::span<const Scalar>(columns.data(), std::size_t(columns.size())), std::move(shape));
}
inline Tensor number(double value) { return Tensor::of(std::span<const double>(&value, 1), {}); }

/// Columns in the order (a, b) brought into the order (b, a): from batch first to time first and back.
template <class Scalar>
Matrix<Scalar> swapped(const Matrix<Scalar>& m, Index a) {
  const Index b = m.cols() / std::max<Index>(a, 1);
  Matrix<Scalar> to(m.rows(), m.cols());
  for (Index i = 0; i < a; ++i)
    for (Index j = 0; j < b; ++j) to.col(j * a + i) = m.col(i * b + j);
  return to;
}

/// Throw Unsupported for an operation that is not theirs to compute.
SafeTensors compute_rnn(const Case& given);
SafeTensors compute_keras(const Case& given);
SafeTensors compute_attention(const Case& given);
SafeTensors compute_seq2seq(const Case& given);
SafeTensors compute_embedding(const Case& given);
SafeTensors compute_convolution(const Case& given);
SafeTensors compute_normalisation(const Case& given);
SafeTensors compute_onnx(const Case& given);
SafeTensors compute_optimizer(const Case& given);
SafeTensors compute_schedule(const Case& given);
SafeTensors compute_clip(const Case& given);
SafeTensors compute_loss(const Case& given);
SafeTensors compute_scalar(const Case& given);
SafeTensors compute_word2vec(const Case& given);
SafeTensors compute_training(const Case& given);

}  // namespace conformance
