#pragma once
// Optimizer of any type with random options.

#include <unroll/optim/adadelta.hpp>
#include <unroll/optim/adagrad.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/adamax.hpp>
#include <unroll/optim/lion.hpp>
#include <unroll/optim/nadam.hpp>
#include <unroll/optim/radam.hpp>
#include <unroll/optim/rmsprop.hpp>
#include <unroll/optim/sgd.hpp>
#include <variant>
#include <vector>

#include "interface/choices.hpp"

namespace interface {

/// Optimizer of any type, so that code that trains with it is compiled once.
class AnyOptimizer {
 public:
  using Scalar = S;
  using Kind = std::variant<SGD<S>, Adam<S>, AdamW<S>, NAdam<S>, RAdam<S>, Adamax<S>, RMSprop<S>, Adagrad<S>,
                            Adadelta<S>, Lion<S>>;

  AnyOptimizer(Kind kind) : kind_(std::move(kind)) {}  // NOLINT: implicit on purpose

  void step(OutVector<S> theta, InVector<S> gradient) {
    std::visit([&](auto& kind) { kind.step(theta, gradient); }, kind_);
  }
  void step(Parameters<S>& theta, const Parameters<S>& gradient, ThreadPool* threads) {
    std::visit([&](auto& kind) { kind.step(theta, gradient, threads); }, kind_);
  }
  void check(Index parameters) const {
    std::visit([&](const auto& kind) { kind.check(parameters); }, kind_);
  }
  double& learning_rate() {
    return std::visit([](auto& kind) -> double& { return kind.learning_rate(); }, kind_);
  }
  double weight_decay() const {
    return std::visit([](const auto& kind) { return kind.options().weight_decay; }, kind_);
  }
  std::string_view name() const {
    return std::visit([](const auto& kind) { return std::decay_t<decltype(kind)>::Options::name; }, kind_);
  }
  auto& options() { return kind_; }
  std::int64_t updates() const {
    return std::visit([](const auto& kind) { return kind.updates(); }, kind_);
  }
  void set_decay_mask(VectorX<S> mask) {
    std::visit([&](auto& kind) { kind.set_decay_mask(mask); }, kind_);
  }
  template <class F>
  void visit_state(F&& f) {
    std::visit([&](auto& kind) { kind.visit_state(f); }, kind_);
  }
  std::vector<double> state() {
    std::vector<double> all;
    visit_state([&](std::string_view, auto& value) {
      if constexpr (requires { value.size(); })
        for (const auto number : value) all.push_back(double(number));
      else
        all.push_back(double(value));
    });
    return all;
  }

 private:
  Kind kind_;
};

/// Random optimizer. Throws if the options are refused, which happens only if `odd`.
AnyOptimizer random_optimizer(Choices& choose, bool odd);

}  // namespace interface
