#pragma once
// Writer of the nodes and tensors of an ONNX graph.

#include <initializer_list>
#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "unroll/io/onnx/onnx_file.hpp"

namespace unroll::detail {

/// Attribute of a node.
struct OnnxAttribute {
  const char* name;
  std::variant<Index, double, std::string, std::vector<Index>, std::vector<double>, std::vector<std::string>,
               onnx::GraphProto>
      value;
};

/// Size of a dimension: a number, or a name for one that is not known.
using OnnxDimension = std::variant<Index, std::string>;

/// Writer of the nodes, inputs and outputs of a graph, which it refers to.
class OnnxNodes {
 public:
  explicit OnnxNodes(onnx::GraphProto& graph) : graph_(&graph) {}

  /// Adds a node whose outputs have the names "PREFIXoperation_k". Returns the first one. Empty last inputs are
  /// omitted.
  std::string add(const std::string& prefix, const std::string& operation, std::vector<std::string> inputs,
                  const std::vector<OnnxAttribute>& attributes = {}, int outputs = 1) {
    onnx::NodeProto& node = *graph_->add_node();
    const std::string name = text(prefix, operation, "_", graph_->node_size() - 1);
    node.set_name(name);
    node.set_op_type(operation);
    while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
    for (std::string& input : inputs) node.add_input(std::move(input));
    for (int k = 0; k < outputs; ++k) node.add_output(output(name, k));
    for (const OnnxAttribute& attribute : attributes) set(*node.add_attribute(), attribute);
    return output(name, 0);
  }
  /// Sets the text that describes the last node.
  void describe_node(const std::string& text) { graph_->mutable_node(graph_->node_size() - 1)->set_doc_string(text); }
  /// Further output of the node with this first output.
  static std::string output(const std::string& first, int k) { return k == 0 ? first : text(first, ".", k); }

  std::string input(const std::string& name, int type, const std::vector<OnnxDimension>& shape) {
    return describe(*graph_->add_input(), name, type, shape);
  }
  /// Makes a value an output of the graph under another name.
  void add_output(const std::string& name, const std::string& value, const std::vector<OnnxDimension>& shape) {
    onnx::NodeProto& node = *graph_->add_node();
    node.set_name("output " + name);
    node.set_op_type("Identity");
    node.add_input(value);
    node.add_output(name);
    describe(*graph_->add_output(), name, onnx::TensorProto::FLOAT, shape);
  }

 private:
  static void set(onnx::AttributeProto& to, const OnnxAttribute& from) {
    using A = onnx::AttributeProto;
    to.set_name(from.name);
    if (const auto* integer = std::get_if<Index>(&from.value)) to.set_type(A::INT), to.set_i(*integer);
    if (const auto* real = std::get_if<double>(&from.value)) to.set_type(A::FLOAT), to.set_f(float(*real));
    if (const auto* word = std::get_if<std::string>(&from.value)) to.set_type(A::STRING), to.set_s(*word);
    if (const auto* integers = std::get_if<std::vector<Index>>(&from.value)) {
      to.set_type(A::INTS);
      for (const Index number : *integers) to.add_ints(number);
    }
    if (const auto* reals = std::get_if<std::vector<double>>(&from.value)) {
      to.set_type(A::FLOATS);
      for (const double number : *reals) to.add_floats(float(number));
    }
    if (const auto* words = std::get_if<std::vector<std::string>>(&from.value)) {
      to.set_type(A::STRINGS);
      for (const std::string& word : *words) to.add_strings(word);
    }
    if (const auto* body = std::get_if<onnx::GraphProto>(&from.value)) to.set_type(A::GRAPH), *to.mutable_g() = *body;
  }

  static std::string describe(onnx::ValueInfoProto& to, const std::string& name, int type,
                              const std::vector<OnnxDimension>& shape) {
    to.set_name(name);
    auto& tensor = *to.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (const OnnxDimension& size : shape) {
      auto& dimension = *tensor.mutable_shape()->add_dim();
      if (const Index* number = std::get_if<Index>(&size))
        dimension.set_dim_value(*number);
      else
        dimension.set_dim_param(std::get<std::string>(size));
    }
    return name;
  }

  onnx::GraphProto* graph_;
};

/// Writer of the graph of a model with its tensors.
class OnnxGraphWriter {
 public:
  onnx::GraphProto& graph() { return *model_.mutable_graph(); }
  OnnxNodes nodes() { return OnnxNodes(graph()); }
  /// As OnnxNodes::add.
  std::string add(const std::string& prefix, const std::string& operation, std::vector<std::string> inputs,
                  const std::vector<OnnxAttribute>& attributes = {}, int outputs = 1) {
    return nodes().add(prefix, operation, std::move(inputs), attributes, outputs);
  }

  /// Adds a tensor; a second one of the same name is not added.
  std::string tensor(const std::string& name, const Tensor& numbers) {
    for (const auto& other : graph().initializer())
      if (other.name() == name) return name;
    onnx::TensorProto& to = *graph().add_initializer();
    to.set_name(name);
    to.set_data_type(numbers.dtype == DType::I64 ? onnx::TensorProto::INT64 : onnx::TensorProto::FLOAT);
    for (const Index size : numbers.shape) to.add_dims(size);
    to.set_raw_data(numbers.bytes.data(), numbers.bytes.size());
    return name;
  }
  std::string integers(const std::vector<Index>& numbers) {
    std::string name = "integers";
    for (const Index number : numbers) name += text("_", number);
    return tensor(name, Tensor::of(numbers, {Index(numbers.size())}));
  }
  std::string integer(Index number) { return tensor(text("integer_", number), Tensor::of(std::vector{number}, {})); }
  /// Throws ValueError for a number that float cannot represent.
  std::string number(double value) {
    require<ValueError>(holds<float>(value), "a number of the model must be finite in float, got ", value);
    return tensor(text("number_", float(value)), Tensor::of(std::vector{float(value)}, {}));
  }

  /// Requires at least this version of the operators.
  void require_version(int version) { version_ = std::max(version_, version); }

  /// Bytes of the file.
  std::string bytes(const std::string& name) {
    graph().set_name(name);
    model_.set_producer_name("unroll");
    model_.set_ir_version(version_ <= 18 ? 8 : version_ <= 20 ? 9 : 11);  // as ONNX pairs the versions
    onnx::OperatorSetIdProto& operators = *model_.add_opset_import();
    operators.set_domain("");
    operators.set_version(version_);
    std::string to;
    require<ValueError>(model_.ByteSizeLong() <= most_onnx_bytes && model_.SerializeToString(&to),
                        "ONNX: a file must have at most ", most_onnx_bytes, " bytes, got ", model_.ByteSizeLong());
    return to;
  }

 private:
  onnx::ModelProto model_;
  int version_ = 18;
};

}  // namespace unroll::detail
