#pragma once
// Interpreter of an ONNX graph: computes nodes of layers instead of numbers.

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "unroll/io/onnx/detail/onnx_gelu.hpp"
#include "unroll/io/onnx/detail/onnx_pooling.hpp"
#include "unroll/io/onnx/detail/onnx_recurrent_operator.hpp"
#include "unroll/io/onnx/detail/onnx_signals.hpp"

namespace unroll::detail {

/// Graph of a file with its constants.
class OnnxGraph {
 public:
  /// Throws FileError for two values with one name, and for a version of the operators below 7.
  explicit OnnxGraph(const OnnxFile& file) : file_(file), tensors_(file) {
    for (const auto& version : file.model->opset_import())
      require<FileError>(!(version.domain().empty() || version.domain() == "ai.onnx") || version.version() >= 7,
                         file.file, ": the version of the operators must be at least 7, got ", version.version());
    for (const auto& tensor : graph().initializer()) add(tensor.name(), &tensor);
    require<FileError>(graph().sparse_initializer_size() == 0, file.file, ": tensors must not be sparse");
  }

  const onnx::GraphProto& graph() const { return file_.model->graph(); }
  const std::string& name() const { return file_.file; }
  OnnxTensors& tensors() { return tensors_; }
  bool is_constant(const std::string& value) const { return protos_.contains(value); }

  /// Constant of a name; null if there is none.
  OnnxConstant constant(const std::string& value) {
    const auto found = protos_.find(value);
    if (found == protos_.end()) return nullptr;
    OnnxConstant& made = made_[value];
    if (made == nullptr) made = std::make_shared<const Tensor>(tensors_(*found->second));
    return made;
  }

 private:
  void add(const std::string& name, const onnx::TensorProto* tensor) {
    require<FileError>(protos_.emplace(name, tensor).second, file_.file, ": the name of a tensor must be new, got ",
                       in_quotes(name));
  }

  const OnnxFile& file_;
  OnnxTensors tensors_;
  std::unordered_map<std::string, const onnx::TensorProto*> protos_;
  std::unordered_map<std::string, OnnxConstant> made_;
};

/// Meaning of the dimensions of the input; without features for tokens.
using OnnxLayout = std::vector<OnnxAxis>;

/// Interpreter for one meaning of the dimensions of the input.
template <class S>
class OnnxInterpreter {
 public:
  OnnxInterpreter(OnnxGraph& graph, const onnx::ValueInfoProto& input, const OnnxLayout& layout)
      : graph_(graph), network_(features_of(graph.name(), input, layout), graph.tensors()) {
    OnnxSignal x{{0}, {}};
    for (std::size_t k = 0; k < layout.size(); ++k) {
      const auto& size = input.type().tensor_type().shape().dim(int(k));
      const bool known = size.dim_value() > 0;  // some exporters write -1 for an unknown size
      require<FileError>(size.dim_value() <= most_entries, graph.name(), ": sizes of the input must be at most ",
                         most_entries, ", got ", size.dim_value());
      OnnxFactor factor{layout[k], {known ? Index(size.dim_value()) : 1}};
      if (!known && layout[k] == OnnxAxis::steps) factor.size.steps = 1;
      if (!known && layout[k] == OnnxAxis::batch) factor.size.batch = 1;
      x.axes.push_back({factor});
    }
    for (const auto& other : graph.graph().input())
      if (!graph.is_constant(other.name())) values_[other.name()] = OnnxGiven{};
    values_[input.name()] = std::move(x);
  }

  /// Number of nodes that could be read, for the choice of a message.
  std::size_t progress() const { return progress_; }

  /// Network and its node for an output.
  std::pair<std::vector<OnnxNode<S>>, std::size_t> read(const std::string& output) {
    const std::vector<const onnx::NodeProto*> nodes = needed(output);
    for (const onnx::NodeProto* node : nodes)
      require<FileError>(node->op_type() != "Scan", place(*node),
                         ": the equations of a cell in a Scan are not read; open a model file of this library, as save "
                         "writes it");
    for (const onnx::NodeProto* node : nodes) {
      const std::string where = place(*node);
      network_.set_where(where);
      within_onnx(where, [&] { compute(*node); });
      ++progress_;
    }
    const OnnxValue* found = value(output);
    const auto* signal = found == nullptr ? nullptr : std::get_if<OnnxSignal>(found);
    require<FileError>(signal != nullptr, graph_.name(), ": output ", in_quotes(output),
                       " must be computed from the input by layers, got ",
                       found == nullptr ? "nothing" : kind_of(*found));
    return within_onnx(text(graph_.name(), ": output ", in_quotes(output)), [&] {
      const OnnxSignal whole = network_.whole(complete(*signal));
      return std::pair(network_.nodes(), whole.parts.front());
    });
  }

 private:
  /// Features per step. Throws FileError if the file does not have their number.
  static Index features_of(const std::string& file, const onnx::ValueInfoProto& input, const OnnxLayout& layout) {
    for (std::size_t k = 0; k < layout.size(); ++k) {
      if (layout[k] != OnnxAxis::features) continue;
      const auto& size = input.type().tensor_type().shape().dim(int(k));
      require<FileError>(size.dim_value() >= 1 && size.dim_value() <= most_features, file, ": dimension ", k,
                         " of input ", in_quotes(input.name()), " must be the number of features, 1 to ", most_features,
                         ", got ", size.has_dim_value() ? text(size.dim_value()) : "an unknown one");
      return Index(size.dim_value());
    }
    return 1;
  }

  std::string place(const onnx::NodeProto& node) const {
    return text(graph_.name(), ": node ", in_quotes(node.name()), " (", in_quotes(node.op_type()), ")");
  }

  /// Nodes that the output depends on, in order.
  std::vector<const onnx::NodeProto*> needed(const std::string& output) const {
    std::set<std::string> names{output};
    std::vector<const onnx::NodeProto*> to;
    const auto& all = graph_.graph().node();
    for (auto node = all.rbegin(); node != all.rend(); ++node) {
      bool is_needed = false;
      for (const std::string& name : node->output()) is_needed = is_needed || (!name.empty() && names.contains(name));
      if (!is_needed) continue;
      for (const std::string& name : node->input()) names.insert(name);
      to.push_back(&*node);
    }
    std::ranges::reverse(to);
    return to;
  }

  const OnnxValue* value(const std::string& name) {
    const auto found = values_.find(name);
    if (found != values_.end()) return &found->second;
    OnnxConstant constant = graph_.constant(name);
    return constant == nullptr ? nullptr : &(values_[name] = std::move(constant));
  }

  void compute(const onnx::NodeProto& node) {
    require<FileError>(node.domain().empty() || node.domain() == "ai.onnx", "the domain must be that of ONNX, got ",
                       in_quotes(node.domain()));
    std::vector<const OnnxValue*> inputs;
    for (const std::string& name : node.input()) {
      inputs.push_back(name.empty() ? nullptr : value(name));
      require<FileError>(name.empty() || inputs.back() != nullptr, "input ", in_quotes(name),
                         " must be computed by an earlier node or be a tensor, got nothing");
    }
    const std::vector<OnnxValue> results = results_of(OnnxOperator(node, std::move(inputs)));
    for (int k = 0; k < node.output_size() && std::size_t(k) < results.size(); ++k)
      if (!node.output(k).empty()) values_.insert_or_assign(node.output(k), results[std::size_t(k)]);
  }

  std::vector<OnnxValue> results_of(const OnnxOperator& of) {
    if (of.type() == "Constant") return {constant(of)};
    bool signal = false;
    for (std::size_t k = 0; k < of.inputs(); ++k) signal = signal || of.is_signal(k);
    if (!signal) {
      if (auto folded = OnnxFolding(of, graph_.tensors())()) return {*std::move(folded)};
      throw FileError("the operator must have an input computed from that of the model, or be one of sizes");
    }
    if (of.type() == "LSTM" || of.type() == "GRU" || of.type() == "RNN")
      return OnnxRecurrentReader<S>(network_, of).read();
    if (of.type() == "Split") return OnnxSignals<S>(network_, of).split();
    if (const auto pooled = pooling(of)) return {*pooled};
    if (const auto part = part_of_gelu(network_, of)) return {*part};
    const auto found = operators().find(of.type());
    require<FileError>(found != operators().end(), "the operator must be one that a layer of the library can express");
    return {found->second(OnnxLayers<S>(network_, of), OnnxSignals<S>(network_, of), of)};
  }

  OnnxValue constant(const OnnxOperator& of) {
    if (const auto* tensor = of.find("value", onnx::AttributeProto::TENSOR))
      return std::make_shared<const Tensor>(graph_.tensors()(tensor->t()));
    const auto listed = [](const auto& numbers, std::vector<Index> shape) -> OnnxValue {
      return std::make_shared<const Tensor>(Tensor::of(numbers, std::move(shape)));
    };
    const auto sized = [&](const auto& numbers) { return listed(numbers, {Index(numbers.size())}); };
    if (of.has("value_int")) return listed(std::vector<Index>{of.integer("value_int", 0)}, {});
    if (of.has("value_float")) return listed(std::vector<double>{of.real("value_float", 0)}, {});
    if (of.has("value_ints")) return sized(of.integers("value_ints"));
    require<FileError>(of.has("value_floats"), "value must be a tensor or numbers");
    return sized(of.reals("value_floats"));
  }

  using Layers = OnnxLayers<S>;
  using Signals = OnnxSignals<S>;
  using Read = std::function<OnnxValue(Layers, Signals, const OnnxOperator&)>;

  template <Activation A>
  static Read function(A (*made)(const OnnxOperator&)) {
    return [made](Layers, Signals signals, const OnnxOperator& of) { return signals.function(Activate<A>{made(of)}); };
  }
  template <Activation A>
  static Read function() {
    return function<A>([](const OnnxOperator&) { return A{}; });
  }
  static Read reduced(std::optional<Merge> how, std::optional<AnyLayer<S>> layer) {
    return [how, layer](Layers, Signals signals, const OnnxOperator&) { return signals.reduced(how, layer); };
  }

  static const std::map<std::string, Read, std::less<>>& operators() {
    using Of = const OnnxOperator&;
    static const std::map<std::string, Read, std::less<>> all{
        {"MatMul", [](Layers layers, Signals, Of) { return layers.mat_mul(); }},
        {"Gemm", [](Layers layers, Signals, Of) { return layers.gemm(); }},
        {"Conv", [](Layers layers, Signals, Of) { return layers.convolution(); }},
        {"ConvTranspose", [](Layers layers, Signals, Of) { return layers.transposed_convolution(); }},
        {"BatchNormalization", [](Layers layers, Signals, Of) { return layers.batch_norm(); }},
        {"LayerNormalization", [](Layers layers, Signals, Of) { return layers.layer_norm(true); }},
        {"RMSNormalization", [](Layers layers, Signals, Of) { return layers.layer_norm(false); }},
        {"Softmax", [](Layers layers, Signals, Of) { return layers.softmax(); }},
        {"Gather",
         [](Layers layers, Signals signals, Of of) { return of.is_signal(0) ? signals.gather() : layers.embedding(); }},
        {"Add", [](Layers layers, Signals signals, Of of) { return sum(layers, signals, of); }},
        {"Sum", [](Layers, Signals signals, Of) { return signals.merge(Merge::sum); }},
        {"Mul", [](Layers, Signals signals, Of) { return signals.merge(Merge::product); }},
        {"Mean", [](Layers, Signals signals, Of) { return signals.merge(Merge::average); }},
        {"Concat", [](Layers, Signals signals, Of) { return signals.concat(); }},
        {"Shape", [](Layers, Signals signals, Of) { return signals.shape(); }},
        {"Transpose", [](Layers, Signals signals, Of) { return signals.transpose(); }},
        {"Reshape", [](Layers, Signals signals, Of) { return signals.reshape(); }},
        {"Flatten", [](Layers, Signals signals, Of) { return signals.flatten(); }},
        {"Squeeze", [](Layers, Signals signals, Of) { return signals.squeeze(); }},
        {"Unsqueeze", [](Layers, Signals signals, Of) { return signals.unsqueeze(); }},
        {"Slice", [](Layers, Signals signals, Of) { return signals.slice(); }},
        {"Pad", [](Layers, Signals signals, Of) { return signals.pad(); }},
        {"Identity", [](Layers, Signals, Of of) { return of.input(0); }},
        {"Cast", [](Layers, Signals signals, Of) { return signals.cast(); }},
        {"Dropout", [](Layers, Signals signals, Of) { return signals.dropout(); }},
        {"ReduceSum", reduced(Merge::sum, {})},
        {"ReduceProd", reduced(Merge::product, {})},
        {"ReduceMean", reduced(Merge::average, MeanOverTime{})},
        {"ReduceMax", reduced({}, MaxOverTime{})},
        {"Clip", [](Layers, Signals signals, Of) { return signals.clip(); }},
        {"Pow", [](Layers, Signals signals, Of) { return signals.power(); }},
        {"Relu", function<Relu>()},
        {"Tanh", function<Tanh>()},
        {"Sigmoid", function<Sigmoid>()},
        {"Softplus", function<Softplus>()},
        {"Softsign", function<Softsign>()},
        {"Exp", function<Exp>()},
        {"Log", function<Log>()},
        {"Sqrt", function<Sqrt>()},
        {"Abs", function<Abs>()},
        {"LeakyRelu", function<LeakyRelu>([](Of of) { return LeakyRelu{of.real("alpha", 0.01)}; })},
        {"Elu", function<Elu>([](Of of) { return Elu{of.real("alpha", 1)}; })},
        {"HardSigmoid", function<HardSigmoid>([](Of of) {
           return HardSigmoid{of.real("alpha", 0.2), of.real("beta", 0.5)};
         })},
        {"Gelu", [](Layers, Signals signals, Of of) {
           return of.word("approximate", "none") == "tanh" ? signals.function(Activate<GeluTanh>{})
                                                           : signals.function(Activate<Gelu>{});
         }}};
    return all;
  }

  std::optional<OnnxValue> pooling(const OnnxOperator& of) {
    OnnxPooling<S> layer(network_, of);
    if (of.type() == "GlobalAveragePool") return layer.over_all(MeanOverTime{});
    if (of.type() == "GlobalMaxPool") return layer.over_all(MaxOverTime{});
    if (of.type() == "MaxPool" || of.type() == "AveragePool") return layer.over_windows(of.type() == "MaxPool");
    if (of.type() == "Resize") return layer.upsampled();
    return std::nullopt;
  }

  /// Sum of signals, or of a signal and a bias.
  static OnnxValue sum(Layers& layers, Signals& signals, const OnnxOperator& of) {
    for (const std::size_t k : {std::size_t(0), std::size_t(1)})
      if (!of.is_signal(k)) return layers.biased(of.signal(1 - k), *of.constant(k));
    return signals.merge(Merge::sum);
  }

  OnnxGraph& graph_;
  OnnxNetwork<S> network_;
  std::unordered_map<std::string, OnnxValue> values_;
  std::size_t progress_ = 0;
};

}  // namespace unroll::detail
