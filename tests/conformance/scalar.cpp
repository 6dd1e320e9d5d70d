// Activations and softmax at ordinary and at extreme values.

#include <cstdlib>
#include <cstring>

#include "softmaxed.hpp"
#include "unroll/simd/activations.hpp"

namespace conformance {
namespace {

/// Value and derivative of an activation at every x.
template <class F>
void put_activation(const Case& given, const std::string& name, F f, SafeTensors& out) {
  using V = NativeLanes<double>;
  const MatrixX<double> x = given.columns<double>("x");
  MatrixX<double> y = x, slope = x;
  apply(f, y);
  for (Index k = 0; k < x.size(); ++k)
    f.slope(V::load_partial((F::by_output ? y : x).data() + k, 1)).store_partial(slope.data() + k, 1);
  out.tensors[name] = tensor(y, given.input("x").shape);
  out.tensors["d_" + name] = tensor(slope, given.input("x").shape);
}

/// log sigmoid(x) = -softplus(-x), with derivative sigmoid(-x).
void put_log_sigmoid(const Case& given, SafeTensors& out) {
  MatrixX<double> y = -given.columns<double>("x"), slope = y;
  apply(Softplus{}, y);
  apply(Sigmoid{}, slope);
  out.tensors["logsigmoid"] = out.tensors["scipy_log_expit"] = tensor(MatrixX<double>(-y), given.input("x").shape);
  out.tensors["d_logsigmoid"] = tensor(slope, given.input("x").shape);
}

template <class F>
void put_float(const Case& given, const std::string& name, F f, SafeTensors& out) {
  MatrixX<float> y = given.columns<float>("x_f32");
  apply(f, y);
  out.tensors[name] = tensor(y, given.input("x_f32").shape);
}

/// Numbers in a function's description in the metadata, such as "clamp(0.2x+0.5,0,1)"; `otherwise` if there is none.
std::vector<double> numbers_of(const Case& given, const std::string& name, const std::vector<double>& otherwise) {
  if (!given.options().has(name)) return otherwise;
  const std::string& words = given.file().metadata.at(name);
  std::vector<double> numbers;
  for (const char* at = words.c_str(); *at != 0;) {
    char* end = nullptr;
    const double number = std::strchr("+-.0123456789", *at) != nullptr ? std::strtod(at, &end) : 0;
    if (end != nullptr && end != at)
      numbers.push_back(number), at = end;
    else
      ++at;
  }
  if (numbers.size() != otherwise.size()) given.options().refuse(name);
  return numbers;
}

struct Parametrised {
  explicit Parametrised(const Case& given) {
    const auto hard = numbers_of(given, "hardsigmoid_onnx", {0.2, 0.5, 0, 1}),
               cut = numbers_of(given, "hardtanh", {-1, 1});
    if (hard[2] != 0 || hard[3] != 1) given.options().refuse("hardsigmoid_onnx");
    const std::string softplus = given.word("softplus", "log(1+exp(x))");
    if (!softplus.starts_with("log(1+exp(x))")) given.options().refuse("softplus");
    leaky.negative_slope = numbers_of(given, "leaky_relu", {0.01})[0];
    elu.alpha = numbers_of(given, "elu", {1})[0];
    hard_sigmoid = {.alpha = hard[0], .beta = hard[1]};
    hard_tanh = {.low = cut[0], .high = cut[1]};
  }
  LeakyRelu leaky;
  Elu elu;
  HardSigmoid hard_sigmoid;
  HardTanh hard_tanh;
};

SafeTensors run_functions(const Case& given) {
  given.options().has("derivatives");  // the comparison uses it
  const Parametrised own(given);
  SafeTensors out;
  put_activation(given, "sigmoid", Sigmoid{}, out);
  put_activation(given, "tanh", Tanh{}, out);
  put_activation(given, "relu", Relu{}, out);
  put_activation(given, "leaky_relu", own.leaky, out);
  put_activation(given, "elu", own.elu, out);
  put_activation(given, "hardsigmoid_onnx", own.hard_sigmoid, out);
  put_activation(given, "hardtanh", own.hard_tanh, out);
  put_activation(given, "softplus", Softplus{}, out);
  put_activation(given, "softsign", Softsign{}, out);
  put_activation(given, "exp", Exp{}, out);
  put_activation(given, "gelu", Gelu{}, out);
  put_activation(given, "gelu_tanh", GeluTanh{}, out);
  put_activation(given, "silu", Silu{}, out);
  put_log_sigmoid(given, out);
  if (given.has("x_f32")) put_float(given, "sigmoid_f32", Sigmoid{}, out), put_float(given, "tanh_f32", Tanh{}, out);
  out.tensors["scipy_expit"] = out.tensors["sigmoid"];
  out.tensors["scipy_tanh"] = out.tensors["tanh"];
  return out;
}

SafeTensors run_softmax(const Case& given) {
  given.only("axis", {"last", -1});
  const auto shape = given.input("x").shape, of_columns = shape_of_columns(given, "x");
  const MatrixX<double> x = given.columns<double>("x"), g = given.columns<double>("g_softmax", shape),
                        g_log = given.columns<double>("g_log_softmax", shape);
  const Softmaxed softmaxed(x);
  const MatrixX<double>& p = softmaxed.values;
  VectorX<double> total(x.cols());
  MatrixX<double> dx = p, dx_log = g_log;
  for (Index c = 0; c < x.cols(); ++c) {
    Index largest = 0;
    x.col(c).maxCoeff(&largest);
    total[c] = x(largest, c) - softmaxed.logarithms(largest, c);
    dx.col(c).array() *= g.col(c).array() - p.col(c).dot(g.col(c));
    dx_log.col(c) -= p.col(c) * g_log.col(c).sum();
  }
  SafeTensors out;
  out.tensors["softmax"] = out.tensors["scipy_softmax"] = tensor(p, shape);
  out.tensors["log_softmax"] = out.tensors["scipy_log_softmax"] = tensor(softmaxed.logarithms, shape);
  out.tensors["logsumexp"] = out.tensors["scipy_logsumexp"] = tensor(MatrixX<double>(total), of_columns);
  out.tensors["dx_from_softmax"] = tensor(dx, shape);
  out.tensors["dx_from_log_softmax"] = tensor(dx_log, shape);
  return out;
}

}  // namespace

std::vector<double> kinks_of_functions(const Case& given) {
  const Parametrised own(given);
  const double low = -own.hard_sigmoid.beta / own.hard_sigmoid.alpha;
  return {0, own.hard_tanh.low, own.hard_tanh.high, low, low + 1 / own.hard_sigmoid.alpha};
}

SafeTensors compute_scalar(const Case& given) {
  return given.at<std::string>("op") == "softmax" ? run_softmax(given) : run_functions(given);
}

}  // namespace conformance
