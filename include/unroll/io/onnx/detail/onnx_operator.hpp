#pragma once
// Node of an ONNX graph with the values of its inputs.

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/io/onnx/detail/onnx_values.hpp"
#include "unroll/io/onnx/onnx_file.hpp"

namespace unroll::detail {

/// Integers of a constant of at most one dimension, or sizes.
inline OnnxSizes sizes_of(const OnnxValue& value) {
  if (const auto* sizes = std::get_if<OnnxSizes>(&value)) return *sizes;
  const auto* constant = std::get_if<OnnxConstant>(&value);
  require<FileError>(constant != nullptr && is_integer((*constant)->dtype) && (*constant)->shape.size() < 2 &&
                         std::size_t((*constant)->size()) <= most_onnx_sizes,
                     "an input must be a list of at most ", most_onnx_sizes, " integers, got ", kind_of(value));
  OnnxSizes to{{}, (*constant)->shape.empty()};
  for (const Index number : (*constant)->to<Index>()) to.sizes.push_back({number});
  return to;
}

/// Integers that are known.
inline std::vector<Index> integers_of(const OnnxValue& value) {
  std::vector<Index> to;
  for (const OnnxSize& size : sizes_of(value).sizes) {
    require<FileError>(size.is_number(), "an input must be known, got ", text_of(size));
    to.push_back(size.number);
  }
  return to;
}

/// Node with its attributes and inputs. Its functions throw FileError for an attribute of another type.
class OnnxOperator {
 public:
  /// `node` must outlive the operator. Null for an input that is not given.
  OnnxOperator(const onnx::NodeProto& node, std::vector<const OnnxValue*> inputs)
      : node_(node), inputs_(std::move(inputs)) {}

  const std::string& type() const { return node_.op_type(); }
  const onnx::NodeProto& node() const { return node_; }
  std::size_t inputs() const { return inputs_.size(); }
  bool has(std::size_t k) const { return k < inputs_.size() && inputs_[k] != nullptr; }
  const OnnxValue& input(std::size_t k) const {
    require<FileError>(has(k), "input ", k, " must be given, got nothing");
    return *inputs_[k];
  }
  const OnnxSignal& signal(std::size_t k) const {
    const auto* found = std::get_if<OnnxSignal>(&input(k));
    require<FileError>(found != nullptr, "input ", k, " must be a signal, got ", kind_of(input(k)));
    return *found;
  }
  /// Whether input k is a signal.
  bool is_signal(std::size_t k) const { return has(k) && std::holds_alternative<OnnxSignal>(*inputs_[k]); }
  const OnnxConstant& constant(std::size_t k) const {
    const auto* found = std::get_if<OnnxConstant>(&input(k));
    require<FileError>(found != nullptr, "input ", k, " must be a constant tensor, got ", kind_of(input(k)));
    return *found;
  }
  /// Constant of a shape.
  const OnnxConstant& constant(std::size_t k, const std::vector<Index>& shape) const {
    const OnnxConstant& found = constant(k);
    require<FileError>(
        found->shape == shape, "input ", k, " must have the shape ", [&] { return shape_text(shape); }, ", got ",
        [&] { return shape_text(found->shape); });
    return found;
  }
  /// Number of a constant with one element.
  double number(std::size_t k) const {
    if (const auto* fill = std::get_if<OnnxFill>(&input(k))) return fill->number;
    require<FileError>(constant(k)->size() == 1, "input ", k, " must be a number, got ", constant(k)->size());
    return constant(k)->to<double>().front();
  }

  bool has(std::string_view name) const { return find(name, onnx::AttributeProto::UNDEFINED) != nullptr; }
  Index integer(std::string_view name, Index otherwise) const {
    const auto* found = find(name, onnx::AttributeProto::INT);
    return found == nullptr ? otherwise : Index(found->i());
  }
  double real(std::string_view name, double otherwise) const {
    const auto* found = find(name, onnx::AttributeProto::FLOAT);
    if (found == nullptr) return otherwise;
    const std::string digits = text(found->f());  // the shortest, so that the float of 0.1 is read as 0.1
    double to = double(found->f());
    std::from_chars(digits.data(), digits.data() + digits.size(), to);
    return to;
  }
  std::string word(std::string_view name, std::string_view otherwise) const {
    const auto* found = find(name, onnx::AttributeProto::STRING);
    return found == nullptr ? std::string(otherwise) : found->s();
  }
  std::vector<Index> integers(std::string_view name) const {
    const auto* found = find(name, onnx::AttributeProto::INTS);
    if (found == nullptr) return {};
    return {found->ints().begin(), found->ints().end()};
  }
  std::vector<double> reals(std::string_view name) const {
    const auto* found = find(name, onnx::AttributeProto::FLOATS);
    if (found == nullptr) return {};
    return {found->floats().begin(), found->floats().end()};
  }
  std::vector<std::string> words(std::string_view name) const {
    const auto* found = find(name, onnx::AttributeProto::STRINGS);
    if (found == nullptr) return {};
    return {found->strings().begin(), found->strings().end()};
  }
  /// Integers of input k or, in earlier versions of the operator, of an attribute.
  std::vector<Index> integers(std::size_t k, std::string_view name) const {
    return has(k) ? integers_of(input(k)) : integers(name);
  }
  const onnx::AttributeProto* find(std::string_view name, onnx::AttributeProto::AttributeType type) const {
    for (const auto& attribute : node_.attribute())
      if (attribute.name() == name) {
        require<FileError>(type == onnx::AttributeProto::UNDEFINED || attribute.type() == type, "attribute ",
                           in_quotes(name), " must be of type ", int(type), ", got ", int(attribute.type()));
        return &attribute;
      }
    return nullptr;
  }
  /// Throws FileError unless an attribute has the only value that can be read.
  void expect(std::string_view name, Index only, Index otherwise) const {
    const Index given = integer(name, otherwise);
    require<FileError>(given == only, name, " must be ", only, ", got ", given);
  }

 private:
  const onnx::NodeProto& node_;
  std::vector<const OnnxValue*> inputs_;
};

}  // namespace unroll::detail
