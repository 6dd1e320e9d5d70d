// Training steps of a recurrent classifier as in PyTorch, compared parameter by parameter after every step.
//
// PyTorch updates both of its biases, so their sum changes twice as fast. The cells here have two biases as well.

#include <optional>

#include "optimizer_options.hpp"
#include "run.hpp"
#include "unroll/io/import/pytorch.hpp"
#include "unroll/layers/bidirectional.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/models/stack.hpp"
#include "unroll/optim/adadelta.hpp"
#include "unroll/optim/adagrad.hpp"
#include "unroll/optim/adamax.hpp"
#include "unroll/optim/clip.hpp"
#include "unroll/optim/nadam.hpp"
#include "unroll/optim/radam.hpp"
#include "unroll/recurrence/equation_cell.hpp"

namespace conformance {
namespace {

using namespace unroll::symbols;

// clang-format off
constexpr auto lstm_two_biases = cell(state(h, c),
    i = sigmoid(linear(x) + linear(h)),
    f = sigmoid(linear(x) + linear(h)),
    g = tanh(linear(x) + linear(h)),
    o = sigmoid(linear(x) + linear(h)),
    next(c) = f * c + i * g,
    next(h) = o * tanh(next(c)));

constexpr auto gru_two_biases = cell(state(h),
    r = sigmoid(linear(x) + linear(h)),
    z = sigmoid(linear(x) + linear(h)),
    n = tanh(linear(x) + r * linear(h)),
    next(h) = n + z * (h - n));

constexpr auto elman_two_biases = cell(state(h), next(h) = tanh(linear(x) + linear(h)));
constexpr auto relu_two_biases = cell(state(h), next(h) = relu(linear(x) + linear(h)));
// clang-format on

SafeTensors parameters_at(const Case& given, const std::string& ending) {
  SafeTensors file;
  for (const auto& [name, value] : given.file().tensors)
    if (name.ends_with(ending)) file.tensors[name.substr(0, name.size() - ending.size())] = given.input(name);
  return file;
}

struct TrainSizes {
  explicit TrainSizes(const Case& given)
      : updates(given.extent("x", 0, 4)),
        steps(given.extent("x", 1, 4)),
        batch(given.extent("x", 2, 4)),
        features(given.extent("x", 3, 4)),
        units(given.extent("rnn.weight_hh_l0.step0", 1, 2)),
        classes(given.extent("fc.weight.step0", 0, 2)),
        both(given.has("rnn.weight_ih_l0_reverse.step0")) {
    while (given.has(text("rnn.weight_ih_l", layers, ".step0"))) ++layers;
    const std::string task = given.at<std::string>("task");
    given.only("task", {"class of the last valid step", "class of every valid step, mean over valid steps"});
    last_step = task == "class of the last valid step";
    given.check("steps", updates), given.check("T", steps), given.check("B", batch), given.check("I", features);
    given.check("H", units), given.check("C", classes), given.check("layers", layers);
    given.check("bidirectional", both), given.only("bias", {true}), given.only("dropout", {0});
    if (both && last_step) given.options().refuse("bidirectional");  // the last step of the two directions is ambiguous
  }
  Index updates, steps, batch, features, units, classes, layers = 0;
  bool both, last_step = false;
};

struct Batch {
  Batch(const Case& given, const TrainSizes& sizes, Index k) {
    const Index columns = sizes.steps * sizes.batch;
    std::vector<Index> lengths(std::size_t(sizes.batch), sizes.steps);
    if (given.has("lengths")) {
      const auto all = given.integers("lengths", {sizes.updates, sizes.batch}, 1, sizes.steps);
      lengths.assign(all.begin() + k * sizes.batch, all.begin() + (k + 1) * sizes.batch);
    }
    const auto targets = sizes.last_step ? given.integers("target", {sizes.updates, sizes.batch})
                                         : given.integers("target", {sizes.updates, sizes.steps, sizes.batch});
    timeline = Timeline::from_mask(mask_of_lengths(lengths, sizes.steps));
    x = timeline.pack(MatrixX<double>(given.columns<double>("x").middleCols(k * columns, columns)));
    labels.resize(sizes.last_step ? sizes.batch : timeline.columns());
    const Index* own = targets.data() + k * (sizes.last_step ? sizes.batch : columns);
    for (Index c = 0; c < labels.size(); ++c)
      labels[c] = own[sizes.last_step ? timeline.sample(c) : timeline.padded_column(c)];
    for (const Index label : labels)
      require<ValueError>(label >= 0 && label < sizes.classes, "tensor 'target' has an entry ", label,
                          " at a valid step, expected 0 to ", sizes.classes - 1);
  }
  Timeline timeline;
  MatrixX<double> x;
  Labels labels;
};

template <class C>
Stack<double> make_model(const TrainSizes& sizes) {
  std::vector<AnyLayer<double>> layers;
  for (Index k = 0; k < sizes.layers; ++k) {
    const bool last = sizes.last_step && k + 1 == sizes.layers;
    if (sizes.both)
      layers.push_back(Bidirectional<OneScalar<C>::template Cell>{.units = sizes.units});
    else
      layers.push_back(Recurrent<OneScalar<C>::template Cell>{.units = sizes.units,
                                                              .returns = last ? Returns::last : Returns::steps});
  }
  layers.push_back(Dense{.units = sizes.classes});
  return {sizes.features, std::move(layers)};
}

template <class O>
SafeTensors train(const Case& given, const TrainSizes& sizes, Stack<double> model, O optimizer, double sign) {
  std::vector<std::string> prefixes(std::size_t(sizes.layers), "rnn.");
  prefixes.push_back("fc.");
  import_pytorch(model, parameters_at(given, ".step0"), prefixes);
  std::optional<double> limit;
  if (given.options().has("clip_grad_norm")) limit = given.at<double>("clip_grad_norm");
  const SoftmaxCrossEntropy<double> loss;
  auto gradient = model.parameters().zeros_like();
  Stack<double>::Tape tape;
  SafeTensors out;
  std::vector<double> losses, norms;
  Index clipped = 0;
  for (Index k = 0; k < sizes.updates; ++k) {
    const Batch batch(given, sizes, k);
    const MatrixX<double> logits = model.forward(batch.x, batch.timeline, tape);
    MatrixX<double> d_logits(logits.rows(), logits.cols());
    losses.push_back(loss(logits, batch.labels, d_logits).value());
    gradient.values().setZero();
    model.backward(tape, d_logits, gradient);
    norms.push_back(clip_by_global_norm(gradient.values(), limit.value_or(std::numeric_limits<double>::max())));
    clipped += limit && norms.back() > *limit;
    optimizer.step(model.parameters().values(), sign * gradient.values());
    for (auto& [name, value] : export_pytorch(model, prefixes).tensors)
      out.tensors[text(name, ".step", k + 1)] = std::move(value);
  }
  given.check("clipped_steps", clipped);
  out.tensors["loss"] = Tensor::of(losses, {Index(losses.size())});
  out.tensors["grad_norm"] = Tensor::of(norms, {Index(norms.size())});
  return out;
}

template <class C>
SafeTensors run(const Case& given) {
  const TrainSizes sizes(given);
  const auto options = given.options({"optimizer_arguments"});
  const auto name = given.at<std::string>("optimizer");
  const auto with = [&]<class O>(std::type_identity<O>) {
    return train(given, sizes, make_model<C>(sizes), O(optimizer_options<typename O::Options>(options, false)),
                 options.value("maximize", false) ? -1 : 1);
  };
  if (name == "SGD") return with(std::type_identity<SGD<double>>{});
  if (name == "Adam") return with(std::type_identity<Adam<double>>{});
  if (name == "AdamW") return with(std::type_identity<AdamW<double>>{});
  if (name == "RMSprop") return with(std::type_identity<RMSprop<double>>{});
  if (name == "Adagrad") return with(std::type_identity<Adagrad<double>>{});
  if (name == "Adadelta") return with(std::type_identity<Adadelta<double>>{});
  if (name == "Adamax") return with(std::type_identity<Adamax<double>>{});
  if (name == "NAdam") return with(std::type_identity<NAdam<double>>{});
  if (name == "RAdam") return with(std::type_identity<RAdam<double>>{});
  given.options().refuse("optimizer");
}

}  // namespace

SafeTensors compute_training(const Case& given) {
  const auto rnn = given.at<std::string>("rnn");
  if (rnn == "lstm") return run<EquationCell<double, lstm_two_biases>>(given);
  if (rnn == "gru") return run<EquationCell<double, gru_two_biases>>(given);
  if (rnn == "rnn_tanh") return run<EquationCell<double, elman_two_biases>>(given);
  if (rnn == "rnn_relu") return run<EquationCell<double, relu_two_biases>>(given);
  given.options().refuse("rnn");
}

}  // namespace conformance
