// Models of the component `compiled` against the same models with cells and training that this file compiles.
#include <catch2/catch.hpp>
#include <unroll/compiled/compiled.hpp>
#include <unroll/unroll.hpp>

using namespace unroll;

namespace {

/// Sequences of different lengths whose class is the feature with the largest sum.
template <class S>
Dataset<S> drawn_sequences() {
  std::vector<MatrixX<S>> sequences;
  std::vector<Index> labels;
  for (Index k = 0; k < 24; ++k) {
    MatrixX<S> steps(3, 3 + k % 5);
    for (Index j = 0; j < steps.size(); ++j) steps.data()[j] = S(std::sin(double(7 * j + 13 * k)));
    Index largest = 0;
    steps.rowwise().sum().maxCoeff(&largest);
    sequences.push_back(std::move(steps));
    labels.push_back(largest);
  }
  return Dataset<S>::labelled(std::move(sequences), labels, 3);
}

const BatchOptions small_batches{.size = 8};

/// Parameters and loss after some epochs with the optimizer.
template <class Model, class Optimizer>
auto trained(Model model, Optimizer optimizer) {
  using S = typename Model::Scalar;
  const auto data = drawn_sequences<S>();
  const SoftmaxCrossEntropy<S> loss;
  model.initialise(3);
  fit(model, loss, optimizer, data, {.epochs = 4, .batches = small_batches, .clip_norm = 1});
  return std::pair(VectorX<S>(model.parameters().values()), evaluate(model, data, loss).loss.value());
}

template <class S>
Stack<S> stack() {
  return Stack<S>(3, {Bidirectional<Gru>{.units = 5}, Recurrent<Lstm>{.units = 4}, MeanOverTime{}, Dense{.units = 3}});
}

}  // namespace

namespace {

/// Optimizer that is not in the component, so that `fit` is compiled here.
struct OwnAdam : Adam<float> {
  using Adam<float>::Adam;
};

namespace own_equations {
using namespace symbols;
inline constexpr auto gru = cell(state(h), r = sigmoid(linear(x, h)), z = sigmoid(linear(x, h)),
                                 n = tanh(linear(x) + r * linear(h)), next(h) = n + z * (h - n));
}  // namespace own_equations

/// Gru that is not in the component.
template <class S, int units = Eigen::Dynamic>
struct OwnGru : EquationCell<S, own_equations::gru, units> {
  using EquationCell<S, own_equations::gru, units>::EquationCell;
  static constexpr std::string_view name = Gru<S>::name;
};

}  // namespace

TEST_CASE("compiled: training and evaluation have the same bits as those compiled with the program") {
  const Sequential model(3, Bidirectional<OwnGru>{.units = 5}, Recurrent<Lstm>{.units = 4}, MeanOverTime{},
                         Dense{.units = 3});
  const auto expected = trained(model, OwnAdam({.learning_rate = 0.01}));
  const auto found = trained(stack<float>(), Adam({.learning_rate = 0.01}));
  CHECK(found.first == expected.first);
  CHECK(found.second == expected.second);
  CHECK(found.second < std::log(3.0));
}

TEST_CASE("compiled: messages of the component are those of the headers") {
  const auto message = [](auto&& f) -> std::string {
    try {
      f();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const auto of_units = [&]<template <class, int...> class Cell>(Index units, Index features) {
    return message([=] { Sequential(features, Recurrent<Cell>{.units = units}); });
  };
  for (const auto& [units, features] : {std::pair(0, 3), std::pair(-1, 3), std::pair(3, 0)}) {
    const std::string own = of_units.operator()<OwnGru>(units, features);
    CHECK(own != "no error");
    CHECK(of_units.operator()<Gru>(units, features) == own);
  }
  CHECK(describe(OwnGru<float>({.inputs = {3}, .units = 2})) == describe(Gru<float>({.inputs = {3}, .units = 2})));
}

TEST_CASE("compiled: double and float agree with every optimizer") {
  const auto near = [](const auto& a, const auto& b) { return (a.template cast<double>() - b).cwiseAbs().maxCoeff(); };
  CHECK(near(trained(stack<float>(), AdamW({.learning_rate = 0.01})).first,
             trained(stack<double>(), AdamW<double>({.learning_rate = 0.01})).first) < 1e-4);
  CHECK(near(trained(stack<float>(), RMSprop({.learning_rate = 0.001})).first,
             trained(stack<double>(), RMSprop<double>({.learning_rate = 0.001})).first) < 1e-3);
  CHECK(near(trained(stack<float>(), SGD({.learning_rate = 0.1})).first,
             trained(stack<double>(), SGD<double>({.learning_rate = 0.1})).first) < 1e-5);
}
