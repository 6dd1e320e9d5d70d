#pragma once
// Case in the format of tests/golden: input and output tensors, and the computation in the metadata.

#include <algorithm>
#include <string>
#include <vector>

#include "metadata.hpp"
#include "unroll/io/formats/safetensors.hpp"

namespace conformance {

/// Test case. It records which tensors and options are read: every other tensor is an expected result, and every other
/// option is unknown to this program.
class Case {
 public:
  explicit Case(SafeTensors file) : file_(std::move(file)) {
    for (const auto& [key, value] : file_.metadata)
      metadata_[key] = nlohmann::json::accept(value) ? detail::parse(key, value) : nlohmann::json(value);
  }

  // ---- tensors

  const SafeTensors& file() const { return file_; }
  bool has(const std::string& name) const { return file_.contains(name); }
  bool was_read(const std::string& name) const { return read_.contains(name); }
  void mark_read(const std::string& name) const { read_.insert(name); }

  const Tensor& input(const std::string& name) const {
    mark_read(name);
    return file_.at(name);
  }
  /// Throws ShapeError for a different shape; -1 matches any size.
  const Tensor& input(const std::string& name, const std::vector<Index>& shape) const {
    const Tensor& tensor = input(name);
    bool same = tensor.shape.size() == shape.size();
    for (std::size_t k = 0; same && k < shape.size(); ++k) same = shape[k] == -1 || shape[k] == tensor.shape[k];
    require<ShapeError>(same, "tensor '", name, "' has the shape ", unroll::detail::shape_text(tensor.shape),
                        ", expected ", unroll::detail::shape_text(shape));
    return tensor;
  }
  /// Size of one dimension of a tensor with `dimensions` dimensions. Throws ShapeError if it is 0 or their number
  /// differs.
  Index extent(const std::string& name, std::size_t dimension, std::size_t dimensions) const {
    const Index size = input(name, std::vector<Index>(dimensions, -1)).shape[dimension];
    require<ShapeError>(size > 0, "tensor '", name, "' has a dimension of 0");
    return size;
  }

  /// Tensor as a matrix: the last dimension along rows, all others along columns. (T, B, F) becomes [F x T B], in the
  /// same memory order.
  template <class Scalar>
  MatrixX<Scalar> columns(const std::string& name) const {
    const Tensor& tensor = input(name);
    const auto values = tensor.to<Scalar>();
    const Index rows = tensor.shape.empty() ? 1 : tensor.shape.back();
    return Eigen::Map<const MatrixX<Scalar>>(values.data(), rows, rows == 0 ? 0 : tensor.size() / rows);
  }
  template <class Scalar>
  MatrixX<Scalar> columns(const std::string& name, const std::vector<Index>& shape) const {
    input(name, shape);
    return columns<Scalar>(name);
  }
  VectorX<double> vector(const std::string& name, Index size) const { return columns<double>(name, {size}).reshaped(); }
  double scalar(const std::string& name) const { return columns<double>(name, {})(0, 0); }
  std::vector<Index> integers(const std::string& name, const std::vector<Index>& shape) const {
    return input(name, shape).to<Index>();
  }
  /// Integers in [low, high]; throws ValueError for others.
  std::vector<Index> integers(const std::string& name, const std::vector<Index>& shape, Index low, Index high) const {
    const auto all = integers(name, shape);
    for (const Index value : all)
      require<ValueError>(low <= value && value <= high, "tensor '", name, "' has an entry ", value, ", expected ", low,
                          " to ", high);
    return all;
  }

  // ---- options

  /// Options of the metadata.
  Options options() const { return options({""}); }
  /// Options of the objects under these keys; "" is the metadata itself.
  Options options(const std::vector<std::string>& keys) const {
    Options options(options_read_);
    for (const std::string& key : keys) {
      if (key.empty()) options.add("", metadata_);
      if (key.empty() || !metadata_.contains(key)) continue;
      options_read_.insert(key);
      options.add(key, metadata_[key]);
    }
    return options;
  }
  template <class T>
  T at(const std::string& key) const {
    return options().at<T>(key);
  }
  std::string word(const std::string& key, const char* otherwise = "") const { return options().value(key, otherwise); }
  bool flag(const std::string& key, bool otherwise = false) const { return options().value(key, otherwise); }

  /// Throws ValueError if the option exists and differs from the size of the tensors.
  void check(const std::string& key, Index size) const {
    const auto all = options();
    if (all.has(key))
      require<ValueError>(all.at<Index>(key) == size, "option '", key, "' is ", all.at<Index>(key),
                          ", but the tensors say ", size);
  }
  void check(const std::string& key, bool truth) const {
    const auto all = options();
    if (all.has(key))
      require<ValueError>(all.at<bool>(key) == truth, "option '", key, "' is ", all.at<bool>(key),
                          ", but the tensors say ", truth);
  }
  void only(const std::string& key, std::initializer_list<nlohmann::json> values) const { options().only(key, values); }

  /// List "'name' = value" of all options that were not read, without those that only describe a case.
  std::vector<std::string> unread_options() const {
    static const std::set<std::string> descriptions{"atol",
                                                    "case",
                                                    "code_checked",
                                                    "desc",
                                                    "description",
                                                    "equations",
                                                    "finite_difference_worst_rel_error",
                                                    "flow",
                                                    "formula",
                                                    "gradients",
                                                    "indexing",
                                                    "layout",
                                                    "masking",
                                                    "mean_definition",
                                                    "moving",
                                                    "note",
                                                    "op",
                                                    "paper",
                                                    "plain_float64_reading_max_difference",
                                                    "rtol",
                                                    "running_var",
                                                    "second_opinion",
                                                    "set",
                                                    "source",
                                                    "y_before_first_unmasked_step"};
    std::vector<std::string> unread;
    for (const auto& [key, value] : metadata_.items()) {
      if (descriptions.contains(key)) continue;
      const bool nested = value.is_object();
      if (!nested && !options_read_.contains(key)) unread.push_back(text("'", key, "' = ", value.dump()));
      if (!nested) continue;
      for (const auto& [name, inner] : value.items())
        if (!options_read_.contains(key + "." + name))
          unread.push_back(text("'", key, ".", name, "' = ", inner.dump()));
    }
    return unread;
  }

 private:
  SafeTensors file_;
  nlohmann::json metadata_ = nlohmann::json::object();
  mutable std::set<std::string> read_, options_read_;
};

/// Inverse of Case::columns.
template <class Scalar>
Tensor tensor(const MatrixX<Scalar>& columns, std::vector<Index> shape) {
  return Tensor::of(std::span<const Scalar>(columns.data(), std::size_t(columns.size())), std::move(shape));
}
inline Tensor number(double value) { return Tensor::of(std::span<const double>(&value, 1), {}); }

/// Columns reordered from (a, b) to (b, a): converts between batch first and time first.
template <class Scalar>
MatrixX<Scalar> swapped(const MatrixX<Scalar>& m, Index a) {
  const Index b = m.cols() / std::max<Index>(a, 1);
  MatrixX<Scalar> to(m.rows(), m.cols());
  for (Index i = 0; i < a; ++i)
    for (Index j = 0; j < b; ++j) to.col(j * a + i) = m.col(i * b + j);
  return to;
}

/// Results of a case, one function per group of operations. They throw Refused for an unknown operation.
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
SafeTensors compute_ctc(const Case& given);
SafeTensors compute_scalar(const Case& given);
/// Points where the functions of a case have no derivative.
std::vector<double> kinks_of_functions(const Case& given);
SafeTensors compute_word2vec(const Case& given);
SafeTensors compute_training(const Case& given);

}  // namespace conformance
