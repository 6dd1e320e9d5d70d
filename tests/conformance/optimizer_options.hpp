#pragma once
// Options of optimizers under the names of PyTorch and Keras.

#include "case.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/adamax.hpp"
#include "unroll/optim/rmsprop.hpp"
#include "unroll/optim/sgd.hpp"

namespace conformance {

/// Sets an option from the first of these names that exists.
template <class T>
void set(T& option, const Options& from, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (from.has(name)) {
      option = from.at<T>(name);
      return;
    }
}

/// Default options of PyTorch or Keras, where they differ from the library's.
template <class O>
O optimizer_defaults(bool keras) {
  O o;
  constexpr bool sgd = O::name == "SGD";
  if (sgd && !keras) o.learning_rate = 1e-3;
  if (!keras) return o;
  o.learning_rate = sgd ? 0.01 : 1e-3;
  o.weight_decay = O::name == "AdamW" ? 0.004 : 0;
  if constexpr (requires { o.epsilon; }) o.epsilon = 1e-7;
  if constexpr (requires { o.rho; }) o.rho = O::name == "RMSprop" ? 0.9 : 0.95;
  if constexpr (requires { o.initial_accumulator; }) o.initial_accumulator = 0.1;
  return o;
}

/// Options of an optimizer from `from`. `keras`: with Keras's defaults and conventions.
template <class O>
O optimizer_options(const Options& from, bool keras) {
  O o = optimizer_defaults<O>(keras);
  for (const char* how : {"foreach", "fused", "capturable", "differentiable", "jit_compile", "name"}) from.has(how);
  set(o.learning_rate, from, {"lr", "learning_rate"});
  if (keras && from.names("weight_decay")) o.weight_decay = 0;  // null means no weight decay
  set(o.weight_decay, from, {"weight_decay"});
  if (keras) o.decay = Decay::decoupled;
  if (from.has("decoupled_weight_decay"))
    o.decay = from.at<bool>("decoupled_weight_decay") ? Decay::decoupled : Decay::l2;
  if constexpr (requires { o.epsilon; }) set(o.epsilon, from, {"eps", "epsilon"});
  if constexpr (requires { o.beta1; }) {
    set(o.beta1, from, {"beta_1"});
    set(o.beta2, from, {"beta_2"});
    if (from.has("betas")) {
      const auto betas = from.at<std::vector<double>>("betas");
      require<ValueError>(betas.size() == 2, "option 'betas' must have 2 numbers, got ", betas.size());
      o.beta1 = betas[0], o.beta2 = betas[1];
    }
  }
  if constexpr (requires { o.rho; }) set(o.rho, from, {"rho", "alpha"});
  if constexpr (requires { o.momentum; }) set(o.momentum, from, {"momentum"});
  if constexpr (requires { o.velocity; })
    if (keras) o.velocity = Velocity::step;
  if constexpr (requires { o.centered; }) set(o.centered, from, {"centered"});
  if constexpr (requires { o.nesterov; }) set(o.nesterov, from, {"nesterov"});
  if constexpr (requires { o.dampening; }) set(o.dampening, from, {"dampening"});
  if constexpr (requires { o.amsgrad; }) set(o.amsgrad, from, {"amsgrad"});
  if constexpr (requires { o.momentum_decay; }) {
    if (keras) o.momentum_decay = 1;
    set(o.momentum_decay, from, {"momentum_decay"});
  }
  if constexpr (requires { o.lr_decay; }) set(o.lr_decay, from, {"lr_decay"});
  if constexpr (requires { o.initial_accumulator; }) set(o.initial_accumulator, from, {"initial_accumulator_value"});
  if constexpr (requires { o.epsilon_at = Epsilon::raw; })
    if (keras) o.epsilon_at = Epsilon::raw;
  if constexpr (requires { o.epsilon_at = RootEpsilon::inside; })
    if (keras) o.epsilon_at = RootEpsilon::inside;
  if constexpr (requires { o.epsilon_at = MaximumEpsilon::outside; })
    if (keras) o.epsilon_at = MaximumEpsilon::outside;
  return o;
}

}  // namespace conformance
