#pragma once
// Parts that the writers of all layers share.

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/cell/state.hpp"
#include "unroll/io/onnx/detail/write/onnx_graph_writer.hpp"
#include "unroll/io/onnx/onnx_options.hpp"
#include "unroll/layers/options.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll::detail {

/// Layer that is written.
struct OnnxWrittenLayer {
  LayerOptions options;  ///< as description_of gives them
  std::string prefix;    ///< of its parameters, "2." or "2.1." in a graph
  std::string where;     ///< for messages

  std::string kind() const { return word("layer"); }
  std::string word(std::string_view name) const { return word_of(options, name); }
  bool flag(std::string_view name) const { return flag_of(options, name); }
  /// Value of an option; `otherwise` if there is none.
  template <class T>
  T option(std::string_view name, T otherwise) const {
    for (const LayerOption& one : options)
      if (const T* found = std::get_if<T>(&one.value); found != nullptr && one.name == name) return *found;
    return otherwise;
  }
  void expect(bool good, std::string_view what) const { require<ValueError>(good, "ONNX: ", where, " ", what); }
};

/// Value of the graph: (steps, batch, features), or (batch, features).
struct OnnxWritten {
  std::string name;
  Index features;
  bool per_step = true;
};

/// Graph, parameters and options.
class OnnxWriterBase {
 public:
  OnnxWriterBase(const Parameters<float>& parameters, OnnxOptions options)
      : parameters_(parameters), options_(options) {}

  OnnxGraphWriter& graph() { return graph_; }
  const Parameters<float>& parameters() const { return parameters_; }
  const OnnxOptions& options() const { return options_; }

  /// Sets the initial states of the next layer, which it takes in order.
  void set_first(State<float> states) { first_ = std::move(states), taken_ = 0; }
  /// The next initial state; zeros if none are given.
  MatrixX<float> take_first(Index rows) {
    return first_.empty() ? MatrixX<float>(MatrixX<float>::Zero(rows, 1)) : first_.at(taken_++);
  }

  /// Name of an initial state [n, 1, m], for all sequences [n, batch, m]; empty if it is 0 and `or_nothing`.
  std::string initial_state(const std::string& name, const Tensor& numbers, bool or_nothing = true) {
    const auto values = numbers.to<float>();
    const bool zero = std::ranges::all_of(values, [](float value) { return value == 0; });
    if (options_.states)
      return graph_.nodes().input(name, onnx::TensorProto::FLOAT, {numbers.shape[0], "batch", numbers.shape[2]});
    if (zero && or_nothing) return "";
    return graph_.add(name, "Expand", {graph_.tensor(name, numbers), shape({numbers.shape[0]}, numbers.shape[2])});
  }
  /// Name of the shape (first..., batch, last).
  std::string shape(std::vector<Index> first, Index last) {
    const std::string batch = graph_.add("", "Shape", {"x"}, {{"start", Index(1)}, {"end", Index(2)}});
    std::vector<std::string> sizes{batch, graph_.integers({last})};
    if (!first.empty()) sizes.insert(sizes.begin(), graph_.integers(first));
    return graph_.add("", "Concat", sizes, {{"axis", Index(0)}});
  }
  /// Name of the valid steps (steps, batch, 1), from the input for lengths.
  const std::string& valid_steps() {
    if (!valid_.empty()) return valid_;
    const auto integers = [&](std::vector<Index> numbers) { return graph_.integers(numbers); };
    const std::string steps = graph_.add("", "Gather", {graph_.add("", "Shape", {"x"}), graph_.integer(0)});
    const std::string range = graph_.add("", "Range", {graph_.integer(0), steps, graph_.integer(1)});
    const std::string lengths = graph_.add("", "Cast", {"lengths"}, {{"to", Index(onnx::TensorProto::INT64)}});
    return valid_ = graph_.add("", "Less",
                               {graph_.add("", "Unsqueeze", {range, integers({1, 2})}),
                                graph_.add("", "Unsqueeze", {lengths, integers({0, 2})})});
  }

  /// Name of the merged values (steps, batch, features), or (batch, features).
  std::string merged(const std::string& prefix, const std::string& merge, const std::vector<std::string>& names) {
    if (merge == "concat") return graph_.add(prefix, "Concat", names, {{"axis", Index(-1)}});
    if (merge != "product") return graph_.add(prefix, merge == "sum" ? "Sum" : "Mean", names);
    std::string to = names[0];
    for (std::size_t k = 1; k < names.size(); ++k) to = graph_.add(prefix, "Mul", {to, names[k]});
    return to;
  }

  void add_state_output(const std::string& name, const std::string& value, std::vector<OnnxDimension> shape) {
    states_.push_back({name + "_next", value, std::move(shape)});
  }
  /// Outputs for the states, after that of the model.
  void write_state_outputs() {
    for (const auto& [name, value, shape] : states_) graph_.nodes().add_output(name, value, shape);
  }

 private:
  struct StateOutput {
    std::string name, value;
    std::vector<OnnxDimension> shape;
  };

  OnnxGraphWriter graph_;
  const Parameters<float>& parameters_;
  OnnxOptions options_;
  std::vector<StateOutput> states_;
  State<float> first_;
  std::size_t taken_ = 0;
  std::string valid_;
};

}  // namespace unroll::detail
