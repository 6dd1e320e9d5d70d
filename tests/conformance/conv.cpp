// Convolutions of PyTorch and Keras, their transposes, and pooling over windows.

#include <array>

#include "keras_activation.hpp"
#include "unroll/layers/activation.hpp"
#include "unroll/layers/convolution/conv1d.hpp"
#include "unroll/layers/convolution/conv_transpose1d.hpp"
#include "unroll/layers/convolution/upsample.hpp"
#include "unroll/layers/pooling/pooling1d.hpp"
#include "unroll/models/sequential.hpp"

namespace conformance {
namespace {

using Order = std::array<std::size_t, 3>;

/// Tensor with permuted dimensions: dimension k of the result is dimension order[k] of `from`.
Tensor reordered(const Tensor& from, const Order& order) {
  const std::vector<Index>& shape = from.shape;
  const Index stride[3] = {shape[1] * shape[2], shape[2], 1};
  const auto values = from.to<double>();
  std::vector<double> to;
  for (Index i = 0; i < shape[order[0]]; ++i)
    for (Index j = 0; j < shape[order[1]]; ++j)
      for (Index k = 0; k < shape[order[2]]; ++k)
        to.push_back(values[std::size_t(i * stride[order[0]] + j * stride[order[1]] + k * stride[order[2]])]);
  return Tensor::of(to, {shape[order[0]], shape[order[1]], shape[order[2]]});
}

/// Orders of dimensions. PyTorch: (batch, channels, steps), weights (units, features, taps). Keras: (batch, steps,
/// channels), weights (taps, features, units). In transposed convolutions units and features are exchanged. The
/// library: (steps, batch, channels) and the weights of Keras.
struct Convention {
  Order read, write, weights;
};
constexpr Convention pytorch{{2, 0, 1}, {1, 2, 0}, {2, 1, 0}}, keras{{1, 0, 2}, {1, 0, 2}, {0, 1, 2}};

MatrixX<double> columns(const Tensor& tensor) {
  const auto values = tensor.to<double>();
  return Eigen::Map<const MatrixX<double>>(values.data(), tensor.shape[2], tensor.shape[0] * tensor.shape[1]);
}

const Tensor& three_dimensional(const Case& given, const std::string& name) { return given.input(name, {-1, -1, -1}); }

/// Results of the layer followed by the activation Chosen<0>.
template <class L>
SafeTensors run(const Case& given, const Convention& convention, const L& layer, const std::string& weight) {
  using Model = Sequential<double, L, Activate<Chosen<0>>>;
  const Tensor in = reordered(three_dimensional(given, "x"), convention.read);
  const Index steps = in.shape[0], batch = in.shape[1], features = in.shape[2];
  Model model(features, layer, Activate<Chosen<0>>{});
  SafeTensors out;
  const bool weighted = !weight.empty(), biased = weighted && given.has("bias");
  if (weighted) {
    auto block = model.parameters()["0.weight"];
    const auto values = reordered(three_dimensional(given, weight), convention.weights).template to<double>();
    require<ShapeError>(Index(values.size()) == block.size(), "tensor '", weight, "' has ", values.size(),
                        " values, expected ", block.size());
    block = Eigen::Map<const MatrixX<double>>(values.data(), block.rows(), block.cols());
  }
  if (biased) model.parameters()["0.bias"] = given.vector("bias", model.parameters()["0.bias"].rows());

  const MatrixX<double> x = columns(in);
  const Timeline timeline = Timeline::rectangular(batch, steps);
  typename Model::Tape tape;
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_x;
  const MatrixX<double> y = model.forward(x, timeline, tape);
  const auto written = [&](const MatrixX<double>& m) {
    return reordered(tensor(m, {m.cols() / std::max<Index>(1, batch), batch, m.rows()}), convention.write);
  };
  out.tensors["y"] = written(y);
  const MatrixX<double> d_y = columns(reordered(given.input("g_y", out.tensors["y"].shape), convention.read));
  model.backward(tape, d_y, gradient, &d_x);
  out.tensors["d_x"] = written(d_x);
  if (weighted) {
    const Order& order = convention.weights;
    std::vector<Index> shape(3);
    for (std::size_t k = 0; k < 3; ++k) shape[order[k]] = given.input(weight).shape[k];
    out.tensors["d_" + weight] = reordered(tensor(MatrixX<double>(gradient["0.weight"]), shape), order);
  }
  if (biased) out.tensors["d_bias"] = tensor(MatrixX<double>(gradient["0.bias"]), {gradient["0.bias"].rows()});
  return out;
}

WindowPadding padding_of(const Options& options) {
  if (!options.has("padding")) return valid();
  if (options.json("padding").is_string()) {
    options.only("padding", {"valid", "same", "causal"});
    const auto word = options.at<std::string>("padding");
    return word == "same" ? same() : word == "causal" ? causal() : valid();
  }
  return options.at<Index>("padding");
}

SafeTensors pool(const Case& given, const Options& options) {
  options.only("return_indices", {false});
  const bool ceil_mode = options.value("ceil_mode", false);
  const Index kernel = options.at<Index>("kernel_size"), stride = options.value<Index>("stride", 0);
  const WindowPadding padding = padding_of(options);
  if (given.at<std::string>("op") == "MaxPool1d")
    return run(given, pytorch,
               MaxPool1d{.kernel = kernel,
                         .stride = stride,
                         .dilation = options.value<Index>("dilation", 1),
                         .padding = padding,
                         .ceil_mode = ceil_mode},
               "");
  return run(given, pytorch,
             AveragePool1d{.kernel = kernel,
                           .stride = stride,
                           .padding = padding,
                           .count_padding = options.value("count_include_pad", true),
                           .ceil_mode = ceil_mode},
             "");
}

/// Pooling layers of Keras, whose mean does not count padding.
SafeTensors keras_pool(const Case& given, const Options& options) {
  options.only("data_format", {nullptr, "channels_last"});
  const auto op = given.at<std::string>("op");
  if (op == "keras_UpSampling1D") return run(given, keras, Upsample{.factor = options.value<Index>("size", 2)}, "");
  options.only("padding", {"valid", "same"});
  const Index kernel = options.value<Index>("pool_size", 2), stride = options.value<Index>("strides", 0);
  const WindowPadding padding = padding_of(options);
  if (op == "keras_MaxPooling1D")
    return run(given, keras, MaxPool1d{.kernel = kernel, .stride = stride, .padding = padding}, "");
  if (op != "keras_AveragePooling1D") given.options().refuse("op");
  return run(given, keras, AveragePool1d{.kernel = kernel, .stride = stride, .padding = padding}, "");
}

/// Checks the sizes that the metadata of a convolution repeat.
void check_sizes(const Case& given, const std::string& weight, const Convention& convention, bool transposed,
                 Index groups) {
  const Order& order = convention.weights;  // taps, features, units
  const auto size = [&](std::size_t k) { return given.extent(weight, order[k], 3); };
  const Index features = size(transposed ? 2 : 1), units = size(transposed ? 1 : 2);
  given.check("kernel", size(0)), given.check("kernel_size", size(0));
  given.check("in_channels", transposed ? features : features * groups);
  given.check("out_channels", transposed ? units * groups : units);
  given.check("filters", units), given.check("groups", groups);
}

}  // namespace

SafeTensors compute_convolution(const Case& given) {
  const auto op = given.at<std::string>("op");
  const auto options = given.options({"arguments"});
  choose(keras_activation(given, keras_activation_name(options, "activation", "linear")), {}, {});
  if (op.ends_with("Pooling1D") || op == "keras_UpSampling1D") return keras_pool(given, options);
  if (op == "MaxPool1d" || op == "AvgPool1d") return pool(given, options);
  const bool of_keras = op.starts_with("keras_"),
             transposed = op == "conv_transpose1d" || op == "keras_Conv1DTranspose";
  if (!transposed && op != "conv1d" && op != "keras_Conv1D") given.options().refuse("op");
  const std::string weight = of_keras ? "kernel" : "weight";
  const Convention& convention = of_keras ? keras : pytorch;
  const Index groups = options.value<Index>("groups", 1);
  options.only("padding_mode", {"zeros"});
  options.only("data_format", {nullptr, "channels_last"});
  const bool biased = given.has("bias");
  given.check("bias", biased);
  for (const char* name : {"bias", "use_bias"})
    require<ValueError>(options.value(name, biased) == biased, "option 'arguments.", name,
                        "' and the tensors do not agree");
  check_sizes(given, weight, convention, transposed, groups);
  const Index stride = options.value<Index>(of_keras ? "strides" : "stride", 1);
  const Index dilation = options.value<Index>(of_keras ? "dilation_rate" : "dilation", 1);
  const auto size = [&](std::size_t k) { return given.extent(weight, convention.weights[k], 3); };
  const WindowPadding padding = padding_of(options);
  if (!transposed)
    return run(given, convention,
               Conv1d{.units = size(2),
                      .kernel = size(0),
                      .stride = stride,
                      .dilation = dilation,
                      .groups = groups,
                      .padding = padding,
                      .biased = biased},
               weight);
  Index output_padding = options.value<Index>("output_padding", 0);
  if (of_keras) {  // Keras's output has steps after the last window only where windows leave gaps
    options.only("output_padding", {nullptr});
    if (options.value("padding", "valid") == "valid")
      output_padding = std::max<Index>(0, stride - (size(0) - 1) * dilation - 1);
  }
  return run(given, convention,
             ConvTranspose1d{.units = size(1) * groups,
                             .kernel = size(0),
                             .stride = stride,
                             .dilation = dilation,
                             .groups = groups,
                             .padding = padding,
                             .output_padding = output_padding,
                             .biased = biased},
             weight);
}

}  // namespace conformance
