// Losses of PyTorch and Keras with masks, weights and reductions.

#include "probabilities.hpp"
#include "softmaxed.hpp"
#include "unroll/losses/binary_cross_entropy.hpp"
#include "unroll/losses/huber.hpp"
#include "unroll/losses/mean_absolute_error.hpp"
#include "unroll/losses/mean_squared_error.hpp"
#include "unroll/losses/negative_log_likelihood.hpp"
#include "unroll/losses/smooth_l1.hpp"

namespace conformance {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

bool is_keras(const Case& given) { return given.at<std::string>("op").starts_with("keras_"); }

/// Options of a loss: those of the case and the arguments of its constructor.
Options loss_options(const Case& given) { return given.options({"", "arguments"}); }

/// Reduction of a case.
struct How {
  explicit How(const Case& given, bool class_weights = false) {
    const Options options = loss_options(given);
    options.only("reduction",
                 {nullptr, "mean", "sum", "none", "sum_over_batch_size", "mean_with_sample_weight",
                  "mean over entries with mask 1", "sum over entries with mask 1", "mean over valid steps"});
    for (const char* old : {"size_average", "reduce"}) options.only(old, {nullptr});
    options.has("name"), options.only("dtype", {nullptr, "float64"});
    const bool null = options.names("reduction") && !options.has("reduction");
    word = null ? "none" : options.value("reduction", "mean");
    each = word == "none";
    sum = word == "sum" || word == "sum over entries with mask 1";
    reduction = sum || each                                          ? Reduction::sum
                : class_weights || word == "mean_with_sample_weight" ? Reduction::weighted
                                                                     : Reduction::valid;
  }
  std::string word;
  bool sum = false, each = false;
  Reduction reduction = Reduction::valid;
};

/// Tensor with one entry per column of the tensor `like`; empty if the case has none.
std::vector<double> for_columns(const Case& given, const std::string& name, const std::string& like) {
  if (!given.has(name)) return {};
  return given.input(name, shape_of_columns(given, like)).to<double>();
}
VectorX<double> vector_of(const std::vector<double>& values) {
  return Eigen::Map<const VectorX<double>>(values.data(), Index(values.size()));
}

/// Loss of `from` and its gradient with respect to the tensor `name`, times the upstream gradient. `weights`: one per
/// column; empty for none.
template <class Loss, class Target>
SafeTensors run(const Case& given, const std::string& name, const How& how, const Loss& loss, const Target& target,
                const VectorX<double>& weights, double factor, const Output& from) {
  const MatrixX<double>& output = from.values;
  MatrixX<double> d_output(output.rows(), output.cols());
  SafeTensors out;
  if (how.each) {
    const auto shape = shape_of_columns(given, name);
    const VectorX<double> ones = VectorX<double>::Ones(output.cols()),
                          w = factor * (weights.size() > 0 ? weights : ones);
    const VectorX<double> g_loss = given.columns<double>("g_loss", shape).reshaped();
    VectorX<double> losses(output.cols());
    loss.per_column(output, target, losses);
    loss(output, target, d_output, {.weights = VectorX<double>(g_loss.cwiseProduct(w))});
    out.tensors["loss"] = tensor(MatrixX<double>(losses.cwiseProduct(w)), shape);
  } else {
    const LossValue value = loss(output, target, d_output, {.weights = weights});
    // For a count of 0, PyTorch's result is NaN; the library's and Keras's is 0.
    const bool undefined = value.empty > 0 && !how.sum && !is_keras(given);
    out.tensors["loss"] = number(undefined ? nan : factor * value.value());
    d_output *= factor * given.scalar("g_loss");
  }
  from.go_back(d_output);
  out.tensors["d_" + name] = tensor(d_output, given.input(name).shape);
  return out;
}
/// Overload for the values of the tensor itself.
template <class Loss, class Target>
SafeTensors run(const Case& given, const std::string& name, const How& how, const Loss& loss, const Target& target,
                const VectorX<double>& weights = {}, double factor = 1) {
  return run(given, name, how, loss, target, weights, factor, {.values = given.columns<double>(name)});
}

/// Loss of every entry of the tensor `name`, as with reduction none: each entry is a separate column. `loss_of(row)`
/// returns the loss for the entries of one row.
template <class F>
SafeTensors run_each_entry(const Case& given, const std::string& name, const MatrixX<double>& target, F&& loss_of) {
  const MatrixX<double> output = given.columns<double>(name),
                        g_loss = given.columns<double>("g_loss", given.input(name).shape);
  MatrixX<double> losses = output, d_output = output;
  for (Index r = 0; r < output.rows(); ++r) {
    const auto loss = loss_of(r);
    const MatrixX<double> own = output.row(r), wanted = target.row(r);
    MatrixX<double> d(1, own.cols());
    VectorX<double> each(own.cols());
    loss.per_column(own, wanted, each);
    loss(own, wanted, d, {.weights = VectorX<double>(g_loss.row(r).transpose())});
    losses.row(r) = each.transpose(), d_output.row(r) = d;
  }
  SafeTensors out;
  out.tensors["loss"] = tensor(losses, given.input(name).shape);
  out.tensors["d_" + name] = tensor(d_output, given.input(name).shape);
  return out;
}

/// One label per column of the tensor `name`; -1 for none.
Labels labels_of(const Case& given, const std::string& name) {
  const auto target = given.integers("target", shape_of_columns(given, name));
  const auto mask = for_columns(given, "mask", name);
  const Options options = loss_options(given);
  const Index classes = given.input(name).shape.back();
  std::optional<Index> ignored;  // Keras has no default
  if (!is_keras(given))
    ignored = options.value<Index>("ignore_index", -100);
  else if (options.has("ignore_class"))
    ignored = options.at<Index>("ignore_class");
  Labels labels(Index(target.size()));
  for (std::size_t k = 0; k < target.size(); ++k) {
    const bool none = target[k] == ignored || (!mask.empty() && mask[k] == 0);
    require<ValueError>(none || (target[k] >= 0 && target[k] < classes), "tensor 'target' has an entry ", target[k],
                        ", expected 0 to ", classes - 1, ignored ? text(" or ", *ignored) : "");
    labels[Index(k)] = none ? -1 : target[k];
  }
  return labels;
}

/// One weight per class of the tensor `name`, empty for none. The metadata must agree.
VectorX<double> class_weights_of(const Case& given, const std::string& key, const std::string& name) {
  given.check(key, given.has(key));
  return given.has(key) ? given.vector(key, given.input(name).shape.back()) : VectorX<double>();
}

/// Targets in the shape of the tensor `name`, NaN where masked. The mask has one value per entry or one per column.
MatrixX<double> masked_target(const Case& given, const std::string& name) {
  const auto shape = given.input(name).shape;
  shape_of_columns(given, name);
  MatrixX<double> target = given.columns<double>("target", shape);
  if (!given.has("mask")) return target;
  const bool whole = given.input("mask").shape.size() + 1 == shape.size();
  const auto mask = whole ? for_columns(given, "mask", name) : given.input("mask", shape).to<double>();
  const Index per_mask = whole ? target.rows() : 1;
  for (Index k = 0; k < target.size(); ++k)
    if (mask[std::size_t(k / per_mask)] == 0) target.data()[k] = nan;
  return target;
}

/// Checks that the mask (T, B) contains exactly the steps below the lengths.
void check_lengths(const Case& given) {
  const auto& shape = given.input("mask", {-1, -1}).shape;
  const auto mask = given.integers("mask", shape), lengths = given.integers("lengths", {shape[1]});
  for (Index t = 0; t < shape[0]; ++t)
    for (Index b = 0; b < shape[1]; ++b)
      require<ValueError>((mask[std::size_t(t * shape[1] + b)] != 0) == (t < lengths[std::size_t(b)]),
                          "the tensors 'mask' and 'lengths' do not agree");
}

SafeTensors run_cross_entropy(const Case& given) {
  const auto op = given.at<std::string>("op");
  const auto options = loss_options(given);
  const bool probabilities = is_keras(given) && !options.value("from_logits", false);
  options.only("axis", {-1, given.input("logits").shape.size() - 1});
  const VectorX<double> class_weights = class_weights_of(given, "class_weight", "logits");
  if (is_keras(given) && class_weights.size() > 0) options.refuse("class_weight");  // Keras has weights of samples only
  const bool soft = op == "keras_CategoricalCrossentropy" || given.input("target").dtype == DType::F64;
  given.check("soft_targets", soft);
  const How how(given, class_weights.size() > 0 && !soft);  // PyTorch divides by the count if targets are soft
  const double smoothing = options.value("label_smoothing", 0.0);
  const VectorX<double> weights = vector_of(for_columns(given, "sample_weight", "logits"));
  if (soft) options.only("ignore_index", {-100}), options.only("ignore_class", {nullptr});
  if (!soft && is_keras(given)) options.only("label_smoothing", {0});
  if (probabilities) {
    const Output from = log_probabilities(given.columns<double>("logits"));
    if (!soft)
      return run(given, "logits", how, NegativeLogLikelihood<double>({{}, how.reduction}), labels_of(given, "logits"),
                 weights, 1, from);
    const MatrixX<double> target = masked_target(given, "logits");
    const MatrixX<double> smoothed = ((1 - smoothing) * target.array() + smoothing / double(target.rows())).matrix();
    return run(given, "logits", how, SoftLikelihood(how.reduction), smoothed, weights, 1, from);
  }
  const SoftmaxCrossEntropy<double> loss(
      {.smoothing = smoothing, .class_weights = class_weights, .reduction = how.reduction});
  SafeTensors out = soft ? run(given, "logits", how, loss, masked_target(given, "logits"), weights)
                         : run(given, "logits", how, loss, labels_of(given, "logits"), weights);
  if (op != "masked_sequence_cross_entropy") return out;
  if (given.has("lengths")) check_lengths(given);
  const Softmaxed softmaxed(given.columns<double>("logits"));
  out.tensors["softmax"] = tensor(softmaxed.values, given.input("logits").shape);
  out.tensors["log_softmax"] = tensor(softmaxed.logarithms, given.input("logits").shape);
  return out;
}

/// Losses of PyTorch over entries; `name` is the tensor of outputs.
template <class F>
SafeTensors run_entries(const Case& given, const std::string& name, F&& loss_of) {
  const How how(given);
  const MatrixX<double> target = masked_target(given, name);
  if (how.each) return run_each_entry(given, name, target, [&](Index r) { return loss_of(r, how.reduction); });
  return run(given, name, how, loss_of(-1, how.reduction), target);
}

/// Losses of Keras over entries. Keras takes the mean over features first, so its sum and its single losses are the
/// library's divided by the number of features. `smoothing` moves targets between 0 and 1 towards 0.5.
template <class F>
SafeTensors run_keras_entries(const Case& given, F&& loss_of, double smoothing = 0, bool probabilities = false) {
  const How how(given);
  const double factor = how.sum || how.each ? 1 / double(given.input("logits").shape.back()) : 1;
  const MatrixX<double> target = masked_target(given, "logits");
  const MatrixX<double> smoothed = ((1 - smoothing) * target.array() + smoothing / 2).matrix();
  const MatrixX<double> output = given.columns<double>("logits");
  return run(given, "logits", how, loss_of(how.reduction), smoothed,
             vector_of(for_columns(given, "sample_weight", "logits")), factor,
             probabilities ? logits_of(output) : Output{.values = output});
}

SafeTensors run_keras_loss(const Case& given) {
  const auto op = given.at<std::string>("op");
  const auto options = loss_options(given);
  if (op == "keras_MeanSquaredError")
    return run_keras_entries(given, [](Reduction r) { return MeanSquaredError<double>({r}); });
  if (op == "keras_MeanAbsoluteError")
    return run_keras_entries(given, [](Reduction r) { return MeanAbsoluteError<double>({r}); });
  if (op == "keras_Huber")
    return run_keras_entries(given, [&](Reduction r) { return Huber<double>({options.value("delta", 1.0), r}); });
  if (op == "keras_BinaryCrossentropy") {
    options.only("axis", {-1, given.input("logits").shape.size() - 1});
    return run_keras_entries(
        given,
        [](Reduction r) {
          return BinaryCrossEntropy<double>({{}, r});
        },
        options.value("label_smoothing", 0.0), !options.value("from_logits", false));
  }
  given.options().refuse("op");
}

}  // namespace

SafeTensors compute_loss(const Case& given) {
  const auto op = given.at<std::string>("op");
  if (op == "cross_entropy" || op == "masked_sequence_cross_entropy" || op == "keras_SparseCategoricalCrossentropy" ||
      op == "keras_CategoricalCrossentropy")
    return run_cross_entropy(given);
  if (op == "nll_loss") {
    const VectorX<double> class_weights = class_weights_of(given, "class_weight", "log_probs");
    const How how(given, class_weights.size() > 0);
    return run(given, "log_probs", how, NegativeLogLikelihood<double>({class_weights, how.reduction}),
               labels_of(given, "log_probs"));
  }
  if (op == "bce_with_logits") {
    const VectorX<double> weights = class_weights_of(given, "pos_weight", "logits");
    return run_entries(given, "logits", [&](Index row, Reduction r) {
      const bool one = row >= 0 && weights.size() > 0;
      return BinaryCrossEntropy<double>({one ? VectorX<double>(weights.segment(row, 1)) : weights, r});
    });
  }
  if (op == "mse_loss")
    return run_entries(given, "input", [](Index, Reduction r) { return MeanSquaredError<double>({r}); });
  if (op == "l1_loss")
    return run_entries(given, "input", [](Index, Reduction r) { return MeanAbsoluteError<double>({r}); });
  if (op == "huber_loss") {
    const double delta = loss_options(given).value("delta", 1.0);
    return run_entries(given, "input", [&](Index, Reduction r) { return Huber<double>({delta, r}); });
  }
  if (op == "smooth_l1_loss") {
    const double beta = loss_options(given).value("beta", 1.0);
    return run_entries(given, "input", [&](Index, Reduction r) { return SmoothL1<double>({beta, r}); });
  }
  return run_keras_loss(given);
}

}  // namespace conformance
