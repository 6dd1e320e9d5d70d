#pragma once
// Evaluator of the operators that write_onnx writes for cells, from their definitions in ONNX, in double.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <numbers>
#include <numeric>
#include <string>
#include <unroll/io/onnx/onnx_file.hpp>
#include <vector>

namespace onnx_models {

using unroll::Index;

/// Tensor in C order; truth values are 0 and 1.
struct Array {
  std::vector<Index> shape;
  std::vector<double> numbers;
};
using Arrays = std::map<std::string, Array>;

inline Index product_of(const std::vector<Index>& shape) {
  return std::accumulate(shape.begin(), shape.end(), Index(1), std::multiplies<>());
}

/// f of the elements of two arrays, with ONNX's broadcasting.
inline Array broadcast(const Array& a, const Array& b, const std::function<double(double, double)>& f) {
  const std::size_t rank = std::max(a.shape.size(), b.shape.size());
  const auto size = [&](const Array& of, std::size_t k) {
    return k + of.shape.size() < rank ? 1 : of.shape[k + of.shape.size() - rank];
  };
  Array to;
  for (std::size_t k = 0; k < rank; ++k) to.shape.push_back(size(a, k) == 1 ? size(b, k) : size(a, k));
  for (Index n = 0; n < product_of(to.shape); ++n) {
    const auto at = [&](const Array& of) {
      Index rest = n, stride = 1, place = 0;
      for (std::size_t k = rank; k-- > 0; rest /= to.shape[k], stride *= size(of, k))
        place += size(of, k) == 1 ? 0 : rest % to.shape[k] * stride;
      return of.numbers[std::size_t(place)];
    };
    to.numbers.push_back(f(at(a), at(b)));
  }
  return to;
}

class GraphRun {
 public:
  /// Values of all nodes of the graph, from those of its inputs; a body reads the values around it, too.
  static void run(const onnx::GraphProto& graph, Arrays& values) {
    for (const auto& tensor : graph.initializer()) values[tensor.name()] = constant(tensor);
    for (const auto& node : graph.node()) GraphRun(node, values).run();
  }

 private:
  GraphRun(const onnx::NodeProto& node, Arrays& values) : node_(node), values_(values) {}

  static Array constant(const onnx::TensorProto& tensor) {
    const bool whole = tensor.data_type() == onnx::TensorProto::INT64;
    Array to{{tensor.dims().begin(), tensor.dims().end()}, {}};
    for (Index k = 0; k < product_of(to.shape); ++k) {
      float real = 0;
      std::int64_t integer = 0;
      std::memcpy(whole ? static_cast<void*>(&integer) : &real, tensor.raw_data().data() + (whole ? 8 : 4) * k,
                  whole ? 8 : 4);
      to.numbers.push_back(whole ? double(integer) : double(real));
    }
    return to;
  }

  const onnx::AttributeProto* attribute(const std::string& name) const {
    for (const auto& one : node_.attribute())
      if (one.name() == name) return &one;
    return nullptr;
  }
  double real(const std::string& name) const { return double(attribute(name)->f()); }
  const Array& input(int k) const { return values_.at(node_.input(k)); }

  void run() {
    if (node_.op_type() == "Scan") return scan();
    values_[node_.output(0)] = result();
  }

  Array each(const std::function<double(double)>& f) const {
    Array to = input(0);
    for (double& number : to.numbers) number = f(number);
    return to;
  }

  Array result() const {
    const std::string& type = node_.op_type();
    const auto first = [](double a, double) { return a; };
    if (type == "Neg") return each(std::negate<>());
    if (type == "Identity" || type == "Cast") return input(0);
    if (type == "Sigmoid") return each([](double x) { return 1 / (1 + std::exp(-x)); });
    if (type == "Tanh") return each([](double x) { return std::tanh(x); });
    if (type == "Relu") return each([](double x) { return x > 0 ? x : 0; });
    if (type == "Softplus") return each([](double x) { return std::log(1 + std::exp(x)); });
    if (type == "Softsign") return each([](double x) { return x / (1 + std::abs(x)); });
    if (type == "LeakyRelu") return each([&](double x) { return x < 0 ? real("alpha") * x : x; });
    if (type == "Elu") return each([&](double x) { return x < 0 ? real("alpha") * (std::exp(x) - 1) : x; });
    if (type == "HardSigmoid")
      return each([&](double x) { return std::max(0.0, std::min(1.0, real("alpha") * x + real("beta"))); });
    if (type == "Exp") return each([](double x) { return std::exp(x); });
    if (type == "Log") return each([](double x) { return std::log(x); });
    if (type == "Sqrt") return each([](double x) { return std::sqrt(x); });
    if (type == "Abs") return each([](double x) { return std::abs(x); });
    if (type == "Sin") return each([](double x) { return std::sin(x); });
    if (type == "Cos") return each([](double x) { return std::cos(x); });
    if (type == "Sign") return each([](double x) { return double((x > 0) - (x < 0)); });
    if (type == "Floor") return each([](double x) { return std::floor(x); });
    if (type == "Gelu" && (attribute("approximate") == nullptr || attribute("approximate")->s() != "tanh"))
      return each([](double x) { return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2; });
    if (type == "Gelu")
      return each([](double x) {
        return x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x))) / 2;
      });
    if (type == "Add") return broadcast(input(0), input(1), std::plus<>());
    if (type == "Sub") return broadcast(input(0), input(1), std::minus<>());
    if (type == "Mul") return broadcast(input(0), input(1), std::multiplies<>());
    if (type == "Div") return broadcast(input(0), input(1), std::divides<>());
    if (type == "Less") return broadcast(input(0), input(1), std::less<>());
    if (type == "Pow") return broadcast(input(0), input(1), [](double a, double b) { return std::pow(a, b); });
    if (type == "Max") return broadcast(input(0), input(1), [](double a, double b) { return std::max(a, b); });
    if (type == "Min") return broadcast(input(0), input(1), [](double a, double b) { return std::min(a, b); });
    if (type == "Clip") {
      const Array limited = broadcast(input(0), input(1), [](double a, double b) { return std::max(a, b); });
      return broadcast(limited, input(2), [](double a, double b) { return std::min(a, b); });
    }
    if (type == "Where") {
      const Array condition = broadcast(input(0), input(1), first), other = broadcast(input(2), condition, first);
      Array to = broadcast(input(1), condition, first);
      for (std::size_t k = 0; k < to.numbers.size(); ++k)
        if (condition.numbers[k] == 0) to.numbers[k] = other.numbers[k];
      return to;
    }
    if (type == "MatMul") return product();
    if (type == "Expand") return broadcast(input(0), zeros(sizes(1)), first);
    if (type == "ConstantOfShape") return zeros(sizes(0));
    if (type == "Shape") return shape();
    if (type == "Concat") return joined();
    if (type == "Unsqueeze") {
      Array to = input(0);
      for (const Index axis : sizes(1)) to.shape.insert(to.shape.begin() + axis, 1);
      return to;
    }
    if (type == "Reshape") {
      Array to = input(0);
      to.shape = sizes(1);
      if (to.shape[0] == 0) to.shape[0] = input(0).shape[0];
      if (product_of(to.shape) != Index(to.numbers.size())) throw unroll::ValueError("Reshape to another size");
      return to;
    }
    if (type == "Slice") return slice();
    if (type == "ReduceSum") return reduced([](double a, double b) { return a + b; });
    if (type == "ReduceMax") return reduced([](double a, double b) { return std::max(a, b); });
    if (type == "ReduceMean") {
      Array to = reduced([](double a, double b) { return a + b; });
      for (double& number : to.numbers) number /= double(input(0).shape[std::size_t(sizes(1)[0])]);
      return to;
    }
    if (type == "Softmax") return softmax();
    if (type == "Gather") return part(input(0), Index(input(1).numbers[0]));
    if (type == "Range") {
      Array to{{Index(input(1).numbers[0])}, {}};
      for (Index k = 0; k < to.shape[0]; ++k) to.numbers.push_back(double(k));
      return to;
    }
    throw unroll::ValueError("the evaluation has no operator " + type);
  }

  std::vector<Index> sizes(int k) const { return {input(k).numbers.begin(), input(k).numbers.end()}; }
  static Array zeros(std::vector<Index> shape) {
    const Index size = product_of(shape);
    return {std::move(shape), std::vector<double>(std::size_t(size))};
  }
  /// Part k of the first dimension.
  static Array part(const Array& of, Index k) {
    Array to{{of.shape.begin() + 1, of.shape.end()}, {}};
    const auto begin = of.numbers.begin() + k * product_of(to.shape);
    to.numbers.assign(begin, begin + product_of(to.shape));
    return to;
  }

  /// Elements of a range along the second dimension of a matrix.
  Array slice() const {
    const Index begin = sizes(1)[0], end = sizes(2)[0], cols = input(0).shape[1];
    Array to{{input(0).shape[0], end - begin}, {}};
    for (Index row = 0; row < to.shape[0]; ++row)
      for (Index k = begin; k < end; ++k) to.numbers.push_back(input(0).numbers[std::size_t(row * cols + k)]);
    return to;
  }
  /// One dimension combined to one element.
  Array reduced(const std::function<double(double, double)>& f) const {
    const Array& x = input(0);
    const std::size_t axis = std::size_t(sizes(1)[0]);
    Array to{x.shape, {}};
    to.shape[axis] = 1;
    const Index inner = product_of({x.shape.begin() + Index(axis) + 1, x.shape.end()}), count = x.shape[axis];
    for (Index k = 0; k < product_of(to.shape); ++k) {
      const Index first = k / inner * inner * count + k % inner;
      double sum = x.numbers[std::size_t(first)];
      for (Index j = 1; j < count; ++j) sum = f(sum, x.numbers[std::size_t(first + j * inner)]);
      to.numbers.push_back(sum);
    }
    return to;
  }
  /// Softmax of the last dimension.
  Array softmax() const {
    Array to = input(0);
    const Index count = to.shape.back();
    for (Index first = 0; first < Index(to.numbers.size()); first += count) {
      double sum = 0;
      for (Index k = first; k < first + count; ++k)
        sum += to.numbers[std::size_t(k)] = std::exp(to.numbers[std::size_t(k)]);
      for (Index k = first; k < first + count; ++k) to.numbers[std::size_t(k)] /= sum;
    }
    return to;
  }

  Array product() const {
    const Array &a = input(0), &b = input(1);
    const Index inner = b.shape[0], cols = b.shape[1];
    Array to{a.shape, {}};
    to.shape.back() = cols;
    for (Index row = 0; row < product_of(a.shape) / inner; ++row)
      for (Index col = 0; col < cols; ++col) {
        double sum = 0;
        for (Index k = 0; k < inner; ++k)
          sum += a.numbers[std::size_t(row * inner + k)] * b.numbers[std::size_t(k * cols + col)];
        to.numbers.push_back(sum);
      }
    return to;
  }

  Array shape() const {
    const auto& all = input(0).shape;
    const Index begin = attribute("start") == nullptr ? 0 : attribute("start")->i();
    const Index end = attribute("end") == nullptr ? Index(all.size()) : attribute("end")->i();
    return {{end - begin}, {all.begin() + begin, all.begin() + end}};
  }

  /// Concat of the first or the last dimension.
  Array joined() const {
    const bool last = attribute("axis")->i() != 0;
    Array to{input(0).shape, {}};
    Index& size = last ? to.shape.back() : to.shape.front();
    size = 0;
    for (int k = 0; k < node_.input_size(); ++k) size += last ? input(k).shape.back() : input(k).shape.front();
    const Index rows = last ? product_of(to.shape) / size : 1;
    for (Index row = 0; row < rows; ++row)
      for (int k = 0; k < node_.input_size(); ++k) {
        const Index each = Index(input(k).numbers.size()) / rows;
        const auto begin = input(k).numbers.begin() + row * each;
        to.numbers.insert(to.numbers.end(), begin, begin + each);
      }
    return to;
  }

  void scan() {
    const onnx::GraphProto& body = attribute("body")->g();
    const int reads = int(attribute("num_scan_inputs")->i()), states = node_.input_size() - reads;
    const auto backward = [&](const char* name) { return attribute(name) != nullptr && attribute(name)->ints(0) == 1; };
    const Index steps = input(states).shape[0];
    Arrays inner = values_;
    for (int s = 0; s < states; ++s) inner[body.input(s).name()] = input(s);
    std::vector<std::vector<Array>> outputs(std::size_t(body.output_size()), std::vector<Array>(std::size_t(steps)));
    for (Index t = 0; t < steps; ++t) {
      for (int k = states; k < node_.input_size(); ++k)
        inner[body.input(k).name()] = part(input(k), backward("scan_input_directions") ? steps - 1 - t : t);
      run(body, inner);
      for (int s = 0; s < states; ++s) inner[body.input(s).name()] = inner.at(body.output(s).name());
      for (int k = states; k < body.output_size(); ++k)
        outputs[std::size_t(k)][std::size_t(backward("scan_output_directions") ? steps - 1 - t : t)] =
            inner.at(body.output(k).name());
    }
    for (int s = 0; s < states; ++s) values_[node_.output(s)] = inner.at(body.input(s).name());
    for (int k = states; k < body.output_size(); ++k) {
      Array& to = values_[node_.output(k)] = {outputs[std::size_t(k)][0].shape, {}};
      to.shape.insert(to.shape.begin(), steps);
      for (const Array& one : outputs[std::size_t(k)])
        to.numbers.insert(to.numbers.end(), one.numbers.begin(), one.numbers.end());
    }
  }

  const onnx::NodeProto& node_;
  Arrays& values_;
};

}  // namespace onnx_models
