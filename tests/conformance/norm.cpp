// Linear, LayerNorm, RMSNorm and BatchNorm1d of PyTorch, and Dense, LayerNormalization and BatchNormalization of Keras.

#include "keras_activation.hpp"
#include "unroll/layers/activation.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/normalisation/batch_norm.hpp"
#include "unroll/layers/normalisation/layer_norm.hpp"
#include "unroll/models/stack.hpp"

namespace conformance {
namespace {

using Model = Stack<double>;

/// Sets the parameters of the only layer from the tensors that the case has. `names`: pairs of the case's name and the
/// library's.
void read_parameters(const Case& given, Model& model, const std::vector<std::pair<std::string, std::string>>& names) {
  for (const auto& [theirs, ours] : names) {
    if (!given.has(theirs)) continue;
    auto block = model.parameters()["0." + ours];
    block = given.vector(theirs, block.rows());
  }
}

/// Shape of a tensor with at least one dimension. Throws ShapeError if a dimension is 0.
const std::vector<Index>& shape_with_columns(const Case& given, const std::string& name) {
  const Tensor& tensor = given.input(name);
  require<ShapeError>(!tensor.shape.empty() && tensor.size() > 0, "tensor '", name, "' has the shape ",
                      unroll::detail::shape_text(tensor.shape), ", expected 1 dimension or more, none of them 0");
  return tensor.shape;
}

/// Number of tensors PREFIX0, PREFIX1, ... Throws ShapeError if there are none.
Index count_of(const Case& given, const std::string& prefix) {
  Index count = 0;
  while (given.has(text(prefix, count))) ++count;
  require<ShapeError>(count > 0, "the case has no tensor '", prefix, "0'");
  return count;
}

/// Tensor (N, C), or (B, C, T) with steps last, as columns of C rows.
MatrixX<double> channels(const Case& given, const std::string& name) {
  const Tensor& tensor = given.input(name);
  require<ShapeError>(tensor.shape.size() == 2 || tensor.shape.size() == 3, "tensor '", name, "' has ",
                      tensor.shape.size(), " dimensions, expected 2 or 3");
  if (tensor.shape.size() == 2) return given.columns<double>(name);
  const MatrixX<double> in = given.columns<double>(name);  // [T x B C]
  const Index batch = tensor.shape[0], features = tensor.shape[1];
  MatrixX<double> out(features, batch * in.rows());
  for (Index b = 0; b < batch; ++b)
    out.middleCols(b * in.rows(), in.rows()) = in.middleCols(b * features, features).transpose();
  return out;
}

/// Inverse of the above.
Tensor channels(const MatrixX<double>& m, const std::vector<Index>& shape) {
  if (shape.size() == 2) return tensor(m, shape);
  MatrixX<double> out(shape[2], shape[0] * shape[1]);
  for (Index b = 0; b < shape[0]; ++b)
    out.middleCols(b * shape[1], shape[1]) = m.middleCols(b * shape[2], shape[2]).transpose();
  return tensor(out, shape);
}

/// One layer and one batch: x of the case as columns of `rows` rows.
template <class L>
struct OneBatch {
  OneBatch(const Case& given, const L& layer, Index rows)
      : x(given.columns<double>("x").reshaped(rows, given.input("x").size() / rows)),
        model(rows, {layer, Activate<Chosen<0>>{}}) {}

  /// `weights`: pairs of the case's name and the library's, whose tensors were read before.
  SafeTensors run(const Case& given, const std::vector<std::pair<std::string, std::string>>& weights) {
    Model::Tape tape;
    gradient = model.parameters().zeros_like();
    MatrixX<double> d_x;
    const auto timeline = Timeline::rectangular(1, x.cols());
    const MatrixX<double> y = model.forward(x, timeline, tape);
    std::vector<Index> shape = given.input("x").shape;
    if (y.rows() != x.rows()) shape.back() = y.rows();
    SafeTensors out;
    out.tensors["y"] = tensor(y, shape);
    model.backward(tape, given.columns<double>("g_y", shape).reshaped(y.rows(), y.cols()), gradient, &d_x);
    out.tensors["d_x"] = tensor(d_x, given.input("x").shape);
    for (const auto& [theirs, ours] : weights)
      if (given.has(theirs))
        out.tensors["d_" + theirs] =
            tensor(MatrixX<double>(gradient["0." + ours].transpose()), given.input(theirs).shape);
    return out;
  }

  MatrixX<double> x;
  Model model;
  Parameters<double> gradient{model.parameters()};
};

/// Dense of Keras: its weights are transposed, and it has an activation.
SafeTensors keras_dense(const Case& given) {
  const auto options = given.options({"", "arguments"});
  choose(keras_activation(given, keras_activation_name(options, "activation", "linear")), {}, {});
  const Index features = given.extent("kernel", 0, 2), units = given.extent("kernel", 1, 2);
  const bool biased = given.has("bias");
  require<ValueError>(options.value("use_bias", biased) == biased && options.value("units", units) == units,
                      "options 'use_bias' and 'units' and the tensors do not agree");
  OneBatch batch(given, Dense{.units = units, .biased = biased}, features);
  batch.model.parameters()["0.weight"] = given.columns<double>("kernel");
  read_parameters(given, batch.model, {{"bias", "bias"}});
  SafeTensors out = batch.run(given, {{"bias", "bias"}});
  out.tensors["d_kernel"] = tensor(MatrixX<double>(batch.gradient["0.weight"]), {features, units});
  return out;
}

SafeTensors linear(const Case& given) {
  const Index units = given.extent("weight", 0, 2), features = given.extent("weight", 1, 2);
  const bool biased = given.has("bias");
  given.check("bias", biased), given.check("in_features", features), given.check("out_features", units);
  const Index last = shape_with_columns(given, "x").back();
  require<ShapeError>(last == features, "tensor 'x' has ", last, " features, 'weight' ", features);
  OneBatch batch(given, Dense{.units = units, .biased = biased}, features);
  batch.model.parameters()["0.weight"] = given.columns<double>("weight").transpose();
  read_parameters(given, batch.model, {{"bias", "bias"}});
  return batch.run(given, {{"weight", "weight"}, {"bias", "bias"}});
}

/// Layer norm over the last dimensions of x, those of `normalized`. A missing weight means a gain of 1, a missing bias
/// a shift of 0.
SafeTensors layer_norm(const Case& given, const std::string& weight, const std::string& bias,
                       const std::vector<Index>& normalized, double epsilon, bool centred = true) {
  const auto& shape = shape_with_columns(given, "x");
  require<ShapeError>(
      normalized.size() <= shape.size() && std::equal(normalized.rbegin(), normalized.rend(), shape.rbegin()),
      "tensor 'x' has the shape ", unroll::detail::shape_text(shape),
      ", whose last dimensions are not those of the normalised shape ", unroll::detail::shape_text(normalized));
  Index rows = 1;
  for (const Index size : normalized) rows *= size;
  OneBatch batch(
      given, LayerNorm{.epsilon = epsilon, .scaled = given.has(weight), .shifted = given.has(bias), .centred = centred},
      rows);
  for (const auto& [theirs, ours] : {std::pair{weight, "0.weight"}, std::pair{bias, "0.bias"}})
    if (given.has(theirs)) batch.model.parameters()[ours] = given.columns<double>(theirs, normalized).reshaped();
  return batch.run(given, {{weight, "weight"}, {bias, "bias"}});
}

/// LayerNorm or RMSNorm of PyTorch. The default epsilon of RMSNorm is that of the scalar type.
SafeTensors pytorch_layer_norm(const Case& given) {
  const bool centred = given.at<std::string>("op") == "layer_norm";
  const auto options = given.options({"", "arguments"});
  const bool weighted = given.has("weight"), biased = given.has("bias");
  require<ValueError>(options.value("elementwise_affine", weighted) == weighted,
                      "option 'elementwise_affine' and the tensors do not agree");
  given.check("bias", biased);
  const auto shape = shape_with_columns(given, "x");
  std::vector<Index> normalized{shape.back()};
  if (options.has("normalized_shape"))
    normalized = options.json("normalized_shape").is_array()
                     ? options.at<std::vector<Index>>("normalized_shape")
                     : std::vector<Index>{options.at<Index>("normalized_shape")};
  const double epsilon = centred ? 1e-5 : std::numeric_limits<double>::epsilon();
  return layer_norm(given, "weight", "bias", normalized, options.value("eps", epsilon), centred);
}

/// Throws ValueError if the option and the presence of the tensor do not agree.
void check_presence(const Case& given, const Options& options, const std::string& option, const std::string& tensor) {
  require<ValueError>(options.value(option, given.has(tensor)) == given.has(tensor), "option '", option,
                      "' and the tensor '", tensor, "' do not agree");
}

/// Number of axes in the option, 1 without it. Throws Refused unless they are the last ones in order.
Index last_axes(const Options& options, Index dimensions) {
  if (!options.has("axis") || options.json("axis") == "last") return 1;
  const auto axes = options.json("axis").is_array() ? options.at<std::vector<Index>>("axis")
                                                    : std::vector<Index>{options.at<Index>("axis")};
  for (std::size_t k = 0; k < axes.size(); ++k)
    if ((axes[k] < 0 ? axes[k] + dimensions : axes[k]) != dimensions - Index(axes.size() - k)) options.refuse("axis");
  return Index(axes.size());
}

SafeTensors keras_layer_norm(const Case& given) {
  const auto options = given.options({"", "arguments"});
  options.only("rms_scaling", {false});
  check_presence(given, options, "scale", "gamma"), check_presence(given, options, "center", "beta");
  const auto& shape = shape_with_columns(given, "x");
  const Index normalized = last_axes(options, Index(shape.size()));
  return layer_norm(given, "gamma", "beta", {shape.end() - normalized, shape.end()}, options.value("epsilon", 1e-3));
}

/// Updates the running statistics, as a training step does after its update.
void follow(Model& model, const Model::Tape& tape) {
  VectorX<double> statistics = VectorX<double>::Zero(model.statistics());
  model.add_statistics(tape, statistics.data());
  model.update_statistics(statistics.data());
}

/// Batch norm of PyTorch: all batches but the last are for training, the last one for evaluation.
SafeTensors pytorch_batch_norm(const Case& given) {
  const auto options = given.options({"", "arguments"});
  const bool weighted = given.has("weight"), biased = given.has("bias");
  require<ValueError>(options.value("affine", weighted || biased) == (weighted || biased),
                      "option 'affine' and the tensors do not agree");
  options.only("track_running_stats", {true});
  const bool cumulative = !options.has("momentum") || options.json("momentum") == "None";
  const Index last = count_of(given, "x") - 1, features = channels(given, "x0").rows();
  Model model(features,
              {BatchNorm{.epsilon = options.value("eps", 1e-5),
                         .momentum = cumulative ? std::nullopt : std::optional(options.at<double>("momentum")),
                         .scaled = weighted,
                         .shifted = biased}});
  model.initialise(1);
  read_parameters(given, model,
                  {{"weight", "weight"},
                   {"bias", "bias"},
                   {"running_mean_init", "running_mean"},
                   {"running_var_init", "running_var"}});
  auto gradient = model.parameters().zeros_like();
  SafeTensors out;
  for (Index k = 0; k <= last; ++k) {
    const bool training = k < last;
    const std::string y = training ? text("y", k) : "y_eval";
    const std::vector<Index>& shape = given.input(text("x", k)).shape;
    const MatrixX<double> x = channels(given, text("x", k));
    given.input("g_" + y, shape);
    Model::Tape tape;
    MatrixX<double> d_x;
    const auto timeline = Timeline::rectangular(1, x.cols());
    out.tensors[y] = channels(MatrixX<double>(model.forward(x, timeline, tape, {.training = training})), shape);
    model.backward(tape, channels(given, "g_" + y), gradient, &d_x);
    out.tensors[text("d_x", k)] = channels(d_x, shape);
    if (!training) continue;
    follow(model, tape);
    for (const std::string name : {"running_mean", "running_var"})
      out.tensors[text(name, k)] = tensor(MatrixX<double>(model.parameters()["0." + name]), {features});
  }
  for (const std::string name : {"weight", "bias"})
    if (given.has(name)) out.tensors["d_" + name] = tensor(MatrixX<double>(gradient["0." + name]), {features});
  return out;
}

/// Output of Keras for all steps: masked steps are normalised too, with statistics that do not include them.
MatrixX<double> with_masked_steps(const BatchNorm& norm, const Model& model, const MatrixX<double>& x,
                                  const MatrixX<double>& valid) {
  BatchNorm of_batch = norm;
  of_batch.momentum = 1;
  Model other(x.rows(), {of_batch});
  other.parameters().values() = model.parameters().values();
  Model::Tape tape;
  other.forward(valid, Timeline::rectangular(1, valid.cols()), tape, {.training = true});
  follow(other, tape);
  return other.forward(x, Timeline::rectangular(1, x.cols()), tape);
}

SafeTensors keras_batch_norm(const Case& given) {
  const auto options = given.options({"", "arguments"});
  auto norm = BatchNorm::like_keras();
  norm.epsilon = options.value("epsilon", norm.epsilon);
  norm.momentum = 1 - options.value("momentum", 0.99);
  options.only("synchronized", {false});
  if (last_axes(options, Index(shape_with_columns(given, "x0").size())) != 1) options.refuse("axis");
  check_presence(given, options, "scale", "gamma"), check_presence(given, options, "center", "beta");
  norm.scaled = given.has("gamma"), norm.shifted = given.has("beta");
  given.check("masked", given.has("mask0"));
  Model model(shape_with_columns(given, "x0").back(), {norm});
  model.initialise(1);
  read_parameters(given, model,
                  {{"gamma", "weight"},
                   {"beta", "bias"},
                   {"moving_mean_init", "running_mean"},
                   {"moving_variance_init", "running_var"}});
  SafeTensors out;
  Model::Tape tape;
  for (Index batch = 0; batch < count_of(given, "x"); ++batch) {
    const std::string k = text(batch);
    const MatrixX<double> x = given.columns<double>("x" + k);
    Timeline timeline = Timeline::rectangular(x.cols(), 1);
    if (given.has("mask" + k)) {
      auto shape = shape_with_columns(given, "x" + k);
      shape.pop_back();
      given.integers("mask" + k, shape, 0, 1);
      timeline = Timeline::from_mask(given.columns<double>("mask" + k).reshaped().cast<bool>());
    }
    const MatrixX<double> valid = timeline.pack(x);
    const MatrixX<double> packed = model.forward(valid, timeline, tape, {.training = true});
    MatrixX<double> y = with_masked_steps(norm, model, x, valid);
    for (Index c = 0; c < packed.cols(); ++c) y.col(timeline.padded_column(c)) = packed.col(c);
    out.tensors["y" + k] = tensor(y, given.input("x" + k).shape);
    follow(model, tape);
    out.tensors["moving_mean" + k] = tensor(MatrixX<double>(model.parameters()["0.running_mean"]), {x.rows()});
    out.tensors["moving_variance" + k] = tensor(MatrixX<double>(model.parameters()["0.running_var"]), {x.rows()});
  }
  const MatrixX<double> x = given.columns<double>("x_eval");
  out.tensors["y_eval"] =
      tensor(MatrixX<double>(model.forward(x, Timeline::rectangular(1, x.cols()), tape)), given.input("x_eval").shape);
  return out;
}

}  // namespace

SafeTensors compute_normalisation(const Case& given) {
  const auto op = given.at<std::string>("op");
  choose({}, {}, {});
  if (op == "linear") return linear(given);
  if (op == "keras_Dense") return keras_dense(given);
  if (op == "layer_norm" || op == "rms_norm") return pytorch_layer_norm(given);
  if (op == "keras_LayerNormalization") return keras_layer_norm(given);
  return op == "batch_norm1d" ? pytorch_batch_norm(given) : keras_batch_norm(given);
}

}  // namespace conformance
