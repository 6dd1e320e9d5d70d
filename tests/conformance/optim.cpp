// Optimizers, learning rate schedules and gradient clipping of PyTorch and Keras.

#include "case.hpp"
#include "unroll/optim/adadelta.hpp"
#include "unroll/optim/adagrad.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/optim/adamax.hpp"
#include "unroll/optim/clip.hpp"
#include "unroll/optim/nadam.hpp"
#include "unroll/optim/plateau.hpp"
#include "unroll/optim/radam.hpp"
#include "unroll/optim/rmsprop.hpp"
#include "unroll/optim/schedules.hpp"
#include "unroll/optim/sgd.hpp"

namespace conformance {
namespace {

using Names = std::map<std::string, std::string>;  // our name of a state -> the framework's

template <class O>
SafeTensors run(const Case& given, O optimizer, const Names& names) {
  Vector<double> theta = given.columns<double>("param0").reshaped();
  const std::vector<Index> shape = given.input("param0").shape;
  const Index steps = given.extent("grads", 0);
  const auto gradients = given.input("grads").to<double>();
  Matrix<double> after(theta.size(), steps);
  for (Index k = 0; k < steps; ++k) {
    optimizer.step(theta, Eigen::Map<const Vector<double>>(gradients.data() + k * theta.size(), theta.size()));
    after.col(k) = theta;
  }
  SafeTensors out;
  out.tensors["params"] = tensor(after, given.file().at("params").shape);
  optimizer.visit_state([&](std::string_view name, auto& value) {
    const auto theirs = names.find(std::string(name));
    if (theirs == names.end()) return;
    if constexpr (requires { value.size(); })
      out.tensors["state_" + theirs->second] = tensor(Matrix<double>(value), shape);
    else
      out.tensors["state_" + theirs->second] = number(double(value));
  });
  return out;
}

/// Sets an option from the metadata, under the first of these names that is there.
template <class T>
void set(T& option, const nlohmann::json& from, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (from.contains(name)) {
      option = from.at(name).get<T>();
      return;
    }
}

/// What PyTorch and Keras call the options that many optimizers have.
template <class Options>
Options options_of(const nlohmann::json& from, bool keras) {
  Options o;
  set(o.learning_rate, from, {"lr", "learning_rate"});
  set(o.weight_decay, from, {"weight_decay"});
  if (keras || from.value("decoupled_weight_decay", false)) o.decay = Decay::decoupled;
  if constexpr (requires { o.epsilon; }) set(o.epsilon, from, {"eps", "epsilon"});
  if constexpr (requires { o.beta1; }) {
    set(o.beta1, from, {"beta_1"});
    set(o.beta2, from, {"beta_2"});
    if (from.contains("betas")) o.beta1 = from["betas"][0], o.beta2 = from["betas"][1];
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
  return o;
}

template <class O>
SafeTensors run_named(const Case& given, const Names& names) {
  const bool keras = given.word("op") == "keras_optimizer";
  auto options = options_of<typename O::Options>(given.json("hyperparameters"), keras);
  if constexpr (requires { options.epsilon_at = Epsilon::raw; })
    if (keras) options.epsilon_at = Epsilon::raw;
  if constexpr (requires { options.epsilon_at = RootEpsilon::inside; })
    if (keras) options.epsilon_at = RootEpsilon::inside;
  return run(given, O(options), names);
}

double schedule_rate(const std::string& name, const nlohmann::json& a, double base, long k) {
  if (name == "StepLR") return schedule::Step{base, a.at("step_size"), a.at("gamma")}.rate(k);
  if (name == "MultiStepLR")
    return schedule::Multistep{base, a.at("milestones").get<std::vector<long>>(), a.at("gamma")}.rate(k);
  if (name == "ExponentialLR") return schedule::Exponential{base, a.at("gamma")}.rate(k);
  if (name == "LinearLR")
    return schedule::Linear{base, a.at("total_iters"), a.at("start_factor"), a.value("end_factor", 1.0)}.rate(k);
  if (name == "PolynomialLR") return schedule::Polynomial{base, a.at("total_iters"), a.at("power")}.rate(k);
  if (name == "CosineAnnealingLR") return schedule::Cosine{base, a.at("T_max"), a.value("eta_min", 0.0)}.rate(k);
  if (name == "CosineAnnealingWarmRestarts")
    return schedule::CosineRestarts{base, a.at("T_0"), a.value("T_mult", 1L), a.value("eta_min", 0.0)}.rate(k);
  if (name == "LambdaLR_linear_decay") {
    const double total = a.at("total");
    return schedule::lambda(base, [total](long n) { return std::max(0.0, 1 - double(n) / total); }).rate(k);
  }
  throw Unsupported("the schedule '" + name + "'");
}

std::vector<double> plateau_rates(const Case& given, const nlohmann::json& a, double base) {
  Plateau plateau(
      {.initial = base,
       .factor = a.value("factor", 0.1),
       .patience = a.value("patience", 10L),
       .better = a.value("mode", "min") == "max" ? Better::larger : Better::smaller,
       .threshold = a.value("threshold", 1e-4),
       .threshold_kind = a.value("threshold_mode", "rel") == "abs" ? Threshold::absolute : Threshold::relative,
       .cooldown = a.value("cooldown", 0L),
       .lowest = a.value("min_lr", 0.0)});
  std::vector<double> rates{plateau.rate()};
  for (const double metric : given.input("metrics").to<double>()) rates.push_back(plateau.update(metric));
  return rates;
}

}  // namespace

SafeTensors compute_optimizer(const Case& given) {
  const std::string name = given.word("optimizer");
  const Names adam{{"updates", "step"},
                   {"m", "exp_avg"},
                   {"v", "exp_avg_sq"},
                   {"v_max", "max_exp_avg_sq"},
                   {"momentum_product", "mu_product"}};
  if (name == "SGD") return run_named<SGD<double>>(given, {{"momentum", "momentum_buffer"}});
  if (name == "RMSprop")
    return run_named<RMSprop<double>>(
        given, {{"updates", "step"}, {"v", "square_avg"}, {"mean", "grad_avg"}, {"momentum", "momentum_buffer"}});
  if (name == "Adam") return run_named<Adam<double>>(given, adam);
  if (name == "AdamW") return run_named<AdamW<double>>(given, adam);
  if (name == "NAdam" || name == "Nadam") return run_named<NAdam<double>>(given, adam);
  if (name == "RAdam") return run_named<RAdam<double>>(given, adam);
  if (name == "Adamax")
    return run_named<Adamax<double>>(given, {{"updates", "step"}, {"m", "exp_avg"}, {"u", "exp_inf"}});
  if (name == "Adagrad") return run_named<Adagrad<double>>(given, {{"updates", "step"}, {"sum", "sum"}});
  if (name == "Adadelta")
    return run_named<Adadelta<double>>(given, {{"updates", "step"}, {"v", "square_avg"}, {"u", "acc_delta"}});
  throw Unsupported("the optimizer '" + name + "'");
}

SafeTensors compute_schedule(const Case& given) {
  const std::string name = given.word("scheduler");
  const auto arguments = given.json("arguments"), chain = given.json("chain");
  const double base = std::stod(given.word("base_lr"));
  const long steps = std::stol(given.word("steps"));
  std::vector<double> rates, momenta;
  SafeTensors out;
  if (name == "ReduceLROnPlateau") rates = plateau_rates(given, arguments, base);
  for (long k = 0; k <= steps && name != "ReduceLROnPlateau"; ++k) {
    if (name == "OneCycleLR") {
      const schedule::OneCycle cycle{.highest = arguments.at("max_lr"), .length = arguments.at("total_steps")};
      rates.push_back(cycle.rate(k));
      momenta.push_back(cycle.momentum(k));
    } else if (name == "SequentialLR") {  // a warm-up, then one more
      require<Unsupported>(chain.size() == 2 && chain[0][0] == "LinearLR", "a chain of schedules that is no warm-up");
      const auto next = schedule::lambda(1, [&](long n) { return schedule_rate(chain[1][0], chain[1][1], base, n); });
      rates.push_back(schedule::warmup(arguments.at("milestones")[0], next, chain[0][1].at("start_factor")).rate(k));
    } else {
      rates.push_back(schedule_rate(name, arguments, base, k));
    }
  }
  out.tensors["lr"] = Tensor::of(rates, {Index(rates.size())});
  if (!momenta.empty()) out.tensors["momentum"] = Tensor::of(momenta, {Index(momenta.size())});
  return out;
}

SafeTensors compute_clip(const Case& given) {
  std::vector<double> all;
  for (int k = 0; given.has(text("grad", k)); ++k)
    for (const double entry : given.input(text("grad", k)).to<double>()) all.push_back(entry);
  Eigen::Map<Vector<double>> gradient(all.data(), Index(all.size()));
  const auto arguments = given.json("arguments");
  SafeTensors out;
  if (given.word("op") == "clip_grad_value") {
    clip_by_value(gradient, arguments.at("clip_value"));
  } else {
    const bool largest = arguments.contains("norm_type") && arguments["norm_type"] == "inf";
    out.tensors["total_norm"] =
        number(clip_by_global_norm(gradient, arguments.at("max_norm"), largest ? NormKind::inf : NormKind::l2));
  }
  std::size_t first = 0;
  for (int k = 0; given.has(text("grad", k)); ++k) {
    const Tensor& like = given.input(text("grad", k));
    out.tensors[text("clipped", k)] =
        Tensor::of(std::span<const double>(all).subspan(first, std::size_t(like.size())), like.shape);
    first += std::size_t(like.size());
  }
  return out;
}

}  // namespace conformance
