// Some steps of training a recurrent classifier as PyTorch does it, parameter by parameter after every step.
//
// PyTorch moves both of its biases, so that their sum moves twice as fast: the cells here have two as well.

#include "case.hpp"
#include "run.hpp"
#include "unroll/io/pytorch.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/clip.hpp"
#include "unroll/optim/sgd.hpp"
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

constexpr auto elman_two_biases = cell(state(h), next(h) = tanh(linear(x) + linear(h)));
// clang-format on

const std::vector<std::string> prefixes{"rnn.", "fc."};

SafeTensors parameters_at(const Case& given, const std::string& ending) {
  SafeTensors file;
  for (const auto& [name, value] : given.file().tensors)
    if (name.ends_with(ending)) file.tensors[name.substr(0, name.size() - ending.size())] = given.input(name);
  return file;
}

/// Batch k of the case.
struct Batch {
  Batch(const Case& given, Index k, bool last_step) {
    const Index steps = given.extent("x", 1), batch = given.extent("x", 2), columns = steps * batch;
    const auto all_lengths = given.integers("lengths"), all_targets = given.integers("target");
    timeline = Timeline::from_mask(
        mask_of_lengths({all_lengths.begin() + k * batch, all_lengths.begin() + (k + 1) * batch}, steps));
    x = timeline.pack(Matrix<double>(given.columns<double>("x").middleCols(k * columns, columns)));
    labels.resize(last_step ? batch : timeline.columns());
    const Index* targets = all_targets.data() + k * (last_step ? batch : columns);
    for (Index c = 0; c < labels.size(); ++c)
      labels[c] = targets[last_step ? timeline.sample(c) : timeline.padded_column(c)];
  }
  Timeline timeline;
  Matrix<double> x;
  Labels labels;
};

template <class C, class O>
SafeTensors train(const Case& given, O optimizer) {
  const bool last_step = given.word("task").find("last valid step") != std::string::npos;
  Sequential model(
      given.extent("x", 3),
      Recurrent<C>{.units = std::stol(given.word("H")), .returns = last_step ? Returns::last : Returns::steps},
      Dense<double>{.units = std::stol(given.word("C"))});
  import_pytorch(model, parameters_at(given, ".step0"), prefixes);
  const SoftmaxCrossEntropy<double> loss;
  auto gradient = model.parameters().zeros_like();
  typename decltype(model)::Tape tape;
  SafeTensors out;
  std::vector<double> losses, norms;
  for (Index k = 0; k < given.extent("x", 0); ++k) {
    const Batch batch(given, k, last_step);
    const Matrix<double> logits = model.forward(batch.x, batch.timeline, tape);
    Matrix<double> d_logits(logits.rows(), logits.cols());
    losses.push_back(loss(logits, batch.labels, d_logits).value());
    gradient.values().setZero();
    model.backward(tape, d_logits, gradient);
    norms.push_back(clip_by_global_norm(gradient.values(), std::stod(given.word("clip_grad_norm"))));
    optimizer.step(model.parameters().values(), gradient.values());
    for (auto& [name, value] : export_pytorch(model, prefixes).tensors)
      out.tensors[text(name, ".step", k + 1)] = std::move(value);
  }
  out.tensors["loss"] = Tensor::of(losses, {Index(losses.size())});
  out.tensors["grad_norm"] = Tensor::of(norms, {Index(norms.size())});
  return out;
}

template <class C>
SafeTensors run(const Case& given) {
  const auto a = given.json("optimizer_arguments");
  if (given.word("optimizer") == "Adam") return train<C>(given, Adam<double>({.learning_rate = a.at("lr")}));
  require<Unsupported>(given.word("optimizer") == "SGD", "training with '", given.word("optimizer"), "'");
  return train<C>(given, SGD<double>({.learning_rate = a.at("lr"),
                                      .momentum = a.value("momentum", 0.0),
                                      .nesterov = a.value("nesterov", false)}));
}

}  // namespace

SafeTensors compute_training(const Case& given) {
  require<Unsupported>(given.word("layers") == "1", "training of ", given.word("layers"), " layers");
  if (given.word("rnn") == "lstm") return run<EquationCell<double, lstm_two_biases>>(given);
  if (given.word("rnn") == "rnn_tanh") return run<EquationCell<double, elman_two_biases>>(given);
  throw Unsupported("training of '" + given.word("rnn") + "'");
}

}  // namespace conformance
