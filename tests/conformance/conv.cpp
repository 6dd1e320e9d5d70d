// PyTorch's and Keras's convolutions, their transposes and pooling over windows.

#include <array>

#include "case.hpp"
#include "unroll/layers/conv1d.hpp"
#include "unroll/layers/conv_transpose1d.hpp"
#include "unroll/layers/pooling1d.hpp"
#include "unroll/layers/sequential.hpp"

namespace conformance {
namespace {

using Order = std::array<std::size_t, 3>;

/// Dimension k of the result is dimension order[k] of `from`.
Tensor reordered(const Tensor& from, const Order& order) {
  const std::vector<Index>& shape = from.shape;
  const Index stride[3] = {shape.at(1) * shape.at(2), shape.at(2), 1};
  const auto values = from.to<double>();
  std::vector<double> to;
  for (Index i = 0; i < shape[order[0]]; ++i)
    for (Index j = 0; j < shape[order[1]]; ++j)
      for (Index k = 0; k < shape[order[2]]; ++k)
        to.push_back(values[std::size_t(i * stride[order[0]] + j * stride[order[1]] + k * stride[order[2]])]);
  return Tensor::of(to, {shape[order[0]], shape[order[1]], shape[order[2]]});
}

/// PyTorch has (batch, channels, steps) and weights (units, features, taps), Keras (batch, steps, channels) and weights
/// (taps, features, units); of a transpose units and features change places. The library has (steps, batch, channels)
/// and the weights of Keras.
struct Convention {
  Order read, write, weights;
};
constexpr Convention pytorch{{2, 0, 1}, {1, 2, 0}, {2, 1, 0}}, keras{{1, 0, 2}, {1, 0, 2}, {0, 1, 2}};

Matrix<double> columns(const Tensor& tensor) {
  const auto values = tensor.to<double>();
  return Eigen::Map<const Matrix<double>>(values.data(), tensor.shape[2], tensor.shape[0] * tensor.shape[1]);
}

template <class L>
SafeTensors run(const Case& given, const Convention& convention, const L& layer, const std::string& weight) {
  const Tensor in = reordered(given.input("x"), convention.read);
  const Index steps = in.shape[0], batch = in.shape[1], features = in.shape[2];
  Sequential<L> model(features, layer);
  if (given.has(weight)) {
    const auto values = reordered(given.input(weight), convention.weights).template to<double>();
    model.parameters()["0.weight"] = Eigen::Map<const Matrix<double>>(
        values.data(), model.parameters()["0.weight"].rows(), model.parameters()["0.weight"].cols());
  }
  if (given.has("bias")) model.parameters()["0.bias"] = given.columns<double>("bias");

  const Matrix<double> x = columns(in), d_y = columns(reordered(given.input("g_y"), convention.read));
  const Timeline timeline = Timeline::rectangular(batch, steps);
  typename Sequential<L>::Tape tape;
  auto gradient = model.parameters().zeros_like();
  Matrix<double> d_x;
  const Matrix<double> y = model.forward(x, timeline, tape);
  model.backward(tape, d_y, gradient, &d_x);

  const auto written = [&](const Matrix<double>& m) {
    return reordered(tensor(m, {m.cols() / batch, batch, m.rows()}), convention.write);
  };
  SafeTensors out;
  out.tensors["y"] = written(y);
  out.tensors["d_x"] = written(d_x);
  if (given.has(weight)) {
    const Order& order = convention.weights;
    std::vector<Index> shape(3);
    for (std::size_t k = 0; k < 3; ++k) shape[order[k]] = given.extent(weight, k);
    out.tensors["d_" + weight] = reordered(tensor(Matrix<double>(gradient["0.weight"]), shape), order);
  }
  if (given.has("bias"))
    out.tensors["d_bias"] = tensor(Matrix<double>(gradient["0.bias"]), {gradient["0.bias"].rows()});
  return out;
}

WindowPadding padding_of(const nlohmann::json& arguments) {
  if (!arguments.contains("padding")) return valid();
  if (arguments["padding"].is_number()) return arguments["padding"].get<Index>();
  return arguments["padding"] == "same" ? same() : arguments["padding"] == "causal" ? causal() : valid();
}

}  // namespace

SafeTensors compute_convolution(const Case& given) {
  const std::string op = given.word("op");
  const auto arguments = given.json("arguments");
  const auto number = [&](const char* name, Index otherwise) { return arguments.value(name, otherwise); };
  const WindowPadding padding = padding_of(arguments);
  const bool biased = given.has("bias");
  if (op == "MaxPool1d")
    return run(
        given, pytorch,
        MaxPool1d<double>({.kernel = number("kernel_size", 1), .stride = number("stride", 0), .padding = padding}),
        "weight");
  if (op == "AvgPool1d")
    return run(given, pytorch,
               AveragePool1d<double>({.kernel = number("kernel_size", 1),
                                      .stride = number("stride", 0),
                                      .padding = padding,
                                      .count_padding = true}),
               "weight");
  const bool of_keras = op.starts_with("keras_");
  const std::string weight = of_keras ? "kernel" : "weight";
  const Index stride = number(of_keras ? "strides" : "stride", 1);
  const Index dilation = number(of_keras ? "dilation_rate" : "dilation", 1);
  const Index kernel = given.extent(weight, of_keras ? 0 : 2);
  const Convention& convention = of_keras ? keras : pytorch;
  if (op == "conv1d" || op == "keras_Conv1D")
    return run(given, convention,
               Conv1d<double>{.units = given.extent(weight, of_keras ? 2 : 0),
                              .kernel = kernel,
                              .stride = stride,
                              .dilation = dilation,
                              .groups = number("groups", 1),
                              .padding = padding,
                              .biased = biased},
               weight);
  if (op == "conv_transpose1d" || op == "keras_Conv1DTranspose")
    return run(given, convention,
               ConvTranspose1d<double>{.units = given.extent(weight, 1),
                                       .kernel = kernel,
                                       .stride = stride,
                                       .dilation = dilation,
                                       .padding = padding,
                                       .output_padding = number("output_padding", 0),
                                       .biased = biased},
               weight);
  throw Unsupported(text("the operation '", op, "'"));
}

}  // namespace conformance
