#pragma once
// Body of the operator Scan: the equations of a cell as nodes.

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/onnx/detail/scan/equations.hpp"
#include "unroll/io/onnx/detail/scan/onnx_rows.hpp"
#include "unroll/io/onnx/detail/scan/scan_weights.hpp"
#include "unroll/io/onnx/detail/write/onnx_functions.hpp"
#include "unroll/io/onnx/detail/write/onnx_writer_base.hpp"
#include "unroll/io/tensor_reader.hpp"
#include "unroll/recurrence/language/values.hpp"

namespace unroll::detail {

/// Writer of the body. Values of a step are (batch, rows). Parameters are tensors of the model's graph, where the
/// products with the input are computed for all steps; values of the body have names that begin with "PREFIX/".
class OnnxScanBody {
 public:
  /// `x` is the layer's input. With `last`, the output is a value that the Scan carries from step to step,
  /// otherwise it is the output of every step.
  OnnxScanBody(OnnxWriterBase& to, const OnnxScanCell& cell, std::string x, bool last)
      : to_(to), cell_(cell), x_(std::move(x)), own_(cell.prefix + "/"), nodes_(body_) {
    body_.set_name(cell.prefix);
    for (const SizedName& state : cell.equations.states) values_[state.name] = add_carried(state.name, state.size);
    const std::string carried = last ? add_carried(".last", {}) : "";
    if (to.options().lengths) valid_ = add_input(".valid", to.valid_steps(), 1, onnx::TensorProto::BOOL);
    for (const CellEquation& one : cell.equations.equations) values_[one.target.name] = value_of(one);
    for (const SizedName& state : cell.equations.states)
      add_output(kept(value(text("next(", state.name, ")")), value(state.name)), cell.rows(state.size));
    const std::string y = value(cell.equations.output);
    add_output(last ? kept(y, carried) : valid_.empty() ? y : kept(y, to.graph().number(0)), cell.outputs());
  }

  const onnx::GraphProto& graph() const { return body_; }
  /// Names of the values that the Scan divides into steps.
  const std::vector<std::string>& reads() const { return reads_; }

 private:
  using Kind = EquationPart::Kind;

  /// Result of a part. The values of a batch are (batch, rows), others are (rows) or (1).
  struct Result {
    std::string name;
    bool of_batch;
  };

  std::string add_carried(const std::string& name, const std::string& size) {
    return nodes_.input(own_ + name, onnx::TensorProto::FLOAT,
                        {"batch", size.empty() ? cell_.outputs() : cell_.rows(size)});
  }
  std::string add_input(const std::string& name, const std::string& steps, OnnxDimension rows,
                        int type = onnx::TensorProto::FLOAT) {
    reads_.push_back(steps);
    return nodes_.input(own_ + name, type, {"batch", std::move(rows)});
  }
  void add_output(const std::string& value, Index rows) {
    nodes_.add_output(text(own_, ".output_", body_.output_size()), value, {"batch", rows});
  }
  std::string node(const std::string& operation, std::vector<std::string> inputs) {
    return nodes_.add(own_, operation, std::move(inputs));
  }

  /// The value at a valid step, otherwise another one.
  std::string kept(const std::string& value, const std::string& otherwise) {
    return valid_.empty() ? value : node("Where", {valid_, value, otherwise});
  }

  /// A value of the body; another name is that of the input.
  const std::string& value(const std::string& name) {
    const auto found = values_.find(name);
    if (found != values_.end()) return found->second;
    require<ValueError>(advanced_state(name).empty(), "ONNX files have no value ", in_quotes(name));
    return values_[name] = add_input("." + name, x_, cell_.features);
  }
  bool is_input(const std::string& name) const { return cell_.size_of(name).empty(); }

  std::string value_of(const CellEquation& equation) {
    size_ = equation.target.size;
    const Result result = part(equation.value);
    const bool has_all_rows = equation.target.size == language::one_row || !cell_.has_values_of_one_row();
    if (result.of_batch && has_all_rows) return result.name;
    const std::string batch =
        nodes_.add(own_, "Shape", {value(cell_.equations.states[0].name)}, {{"start", Index(0)}, {"end", Index(1)}});
    const std::string rows = to_.graph().integers({cell_.rows(equation.target.size)});
    return node("Expand", {result.name, nodes_.add(own_, "Concat", {batch, rows}, {{"axis", Index(0)}})});
  }

  Result part(const EquationPart& of) {
    if (of.kind == Kind::number) return {to_.graph().number(of.numbers[0]), false};
    if (of.kind == Kind::value) return {value(of.name), true};
    if (of.kind == Kind::weight) return {vector(of.name), false};
    if (of.kind == Kind::linear) return {linear(of), true};
    if (of.operands.size() == 1 && OnnxRows::has(of.name)) return {over_rows(of), true};
    std::vector<std::string> names;
    bool of_batch = false;
    for (const EquationPart& operand : of.operands) {
      const Result result = part(operand);
      names.push_back(result.name);
      of_batch = of_batch || result.of_batch;
    }
    return {add_operation(to_.graph(), nodes_, own_, of.name, of.numbers, names), of_batch};
  }

  /// Sum of products. That with an input, and the bias then, is outside of the body.
  std::string linear(const EquationPart& of) {
    std::string sum, bias = of.biased ? vector(of.name + ".b") : "";
    for (const EquationPart& read : of.operands) {
      const ScanWeights weights(to_.parameters(), cell_, of, read.name);
      const std::string weight =
          to_.graph().tensor(weights.name, Tensor::of(MatrixX<float>(weights.values.transpose())));
      std::string product;
      if (is_input(read.name)) {
        std::string steps = to_.graph().add(cell_.prefix, "MatMul", {x_, weight});
        if (!bias.empty()) steps = to_.graph().add(cell_.prefix, "Add", {steps, std::exchange(bias, "")});
        product = add_input(text(of.name, ".", read.name), steps, weights.values.rows());
      } else {
        product = node("MatMul", {value(read.name), weight});
      }
      sum = sum.empty() ? product : node("Add", {sum, product});
    }
    return bias.empty() ? sum : node("Add", {sum, bias});
  }

  /// Operation on the rows of a value, or copy of a value to other rows.
  std::string over_rows(const EquationPart& of) {
    const EquationPart& read = of.operands[0];
    const Index rows = cell_.rows(size_);
    const Index have = read.kind != Kind::value ? rows
                       : is_input(read.name)    ? cell_.features
                                                : cell_.rows(cell_.size_of(read.name));
    const Index groups = of.named.empty() ? 1 : cell_.rows(of.named);
    const std::size_t times = language::position(size_, '*');
    const Index width = times < size_.size() ? cell_.rows(size_.substr(times + 1)) : rows;
    const double number = of.numbers.empty() ? 0 : of.numbers[0];
    return OnnxRows(to_.graph(), nodes_, own_).add(of.name, number, part(read).name, {have, rows, width, groups});
  }

  /// Parameter of one column as a tensor (rows).
  std::string vector(const std::string& name) {
    const ParameterBlock& block = to_.parameters().table().at(cell_.prefix + name);
    return to_.graph().tensor(block.name, tensor_of(to_.parameters(), block));
  }

  OnnxWriterBase& to_;
  const OnnxScanCell& cell_;
  std::string x_, own_, valid_, size_;  // size_: that of the present equation
  onnx::GraphProto body_;
  OnnxNodes nodes_;
  std::map<std::string, std::string> values_;
  std::vector<std::string> reads_;
};

}  // namespace unroll::detail
