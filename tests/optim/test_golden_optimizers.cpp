// Trajectories of PyTorch's and Keras's optimizers: all parameters after each of 20 steps with fixed gradients.

#include <functional>
#include <map>
#include <unroll/optim/adadelta.hpp>
#include <unroll/optim/adagrad.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/adamax.hpp>
#include <unroll/optim/nadam.hpp>
#include <unroll/optim/radam.hpp>
#include <unroll/optim/rmsprop.hpp>
#include <unroll/optim/sgd.hpp>

#include "optim/golden.hpp"

namespace test_golden_optimizers {

using namespace unroll;

namespace {

/// State tensors of a PyTorch case by the names of our state.
const std::map<std::string, std::vector<std::string>> state_tensors{
    {"m", {"state_exp_avg"}},
    {"v", {"state_exp_avg_sq", "state_square_avg"}},
    {"v_max", {"state_max_exp_avg_sq"}},
    {"u", {"state_exp_inf", "state_acc_delta"}},
    {"sum", {"state_sum"}},
    {"mean", {"state_grad_avg"}},
    {"momentum", {"state_momentum_buffer"}},
};

/// Compares the state with that of the file, if present. `compared` counts the vectors.
struct CompareState {
  const SafeTensors& file;
  golden::Tolerance tolerance;
  std::size_t& compared;

  template <class Scalar>
  void operator()(std::string_view name, VectorX<Scalar>& value) const {
    for (const std::string& tensor : state_tensors.at(std::string(name)))
      if (file.contains(tensor)) {
        INFO(tensor);
        golden::check_close(value, file.at(tensor).template to<double>(), tolerance);
        ++compared;
      }
  }
  void operator()(std::string_view name, std::int64_t& value) const {
    CHECK(name == "updates");
    if (file.contains("state_step")) CHECK(double(value) == file.at("state_step").to<double>()[0]);
  }
  void operator()(std::string_view name, double& value) const {
    if (name == "momentum_product" && file.contains("state_mu_product"))
      CHECK(value == Approx(file.at("state_mu_product").to<double>()[0]).epsilon(1e-12));
  }
};

template <Optimizer O>
void follow(O optimizer, const SafeTensors& file, golden::Tolerance tolerance) {
  using Scalar = typename O::Scalar;
  const auto to_vector = [&](const char* name) {
    const auto values = file.at(name).template to<double>();
    return VectorX<Scalar>(
        Eigen::Map<const VectorX<double>>(values.data(), Index(values.size())).template cast<Scalar>());
  };
  VectorX<Scalar> theta = to_vector("param0");
  const VectorX<Scalar> gradients = to_vector("grads");
  const std::vector<double> want = file.at("params").to<double>();
  const Index n = theta.size(), steps = gradients.size() / n;
  REQUIRE(steps == 20);
  for (Index t = 0; t < steps; ++t) {
    optimizer.step(theta, gradients.segment(t * n, n));
    INFO("after step " << t + 1);
    golden::check_close(theta, std::vector<double>(want.begin() + t * n, want.begin() + (t + 1) * n), tolerance);
  }
  std::size_t compared = 0, expected = 0;
  for (const auto& [name, tensor] : file.tensors) expected += name.starts_with("state_") && tensor.size() == n;
  optimizer.visit_state(CompareState{file, tolerance, compared});
  CHECK(compared == expected);
}

using Follow = std::function<void(const SafeTensors&, bool in_double)>;

/// Runs a case in double, with the case's tolerance, or in float.
template <class InDouble, class InFloat>
Follow with(typename InDouble::Options options) {
  return [options](const SafeTensors& file, bool in_double) {
    if (in_double)
      follow(InDouble(options), file, golden::Tolerance(file));
    else
      follow(InFloat(options), file, {3e-5, 3e-6});
  };
}

const std::map<std::string, Follow> table{
    {"optim/sgd", with<SGD<double>, SGD<float>>({.learning_rate = 0.1})},
    {"optim/sgd_momentum", with<SGD<double>, SGD<float>>({.learning_rate = 0.1, .momentum = 0.9})},
    {"optim/sgd_dampening", with<SGD<double>, SGD<float>>({.learning_rate = 0.1, .momentum = 0.9, .dampening = 0.3})},
    {"optim/sgd_nesterov", with<SGD<double>, SGD<float>>({.learning_rate = 0.1, .momentum = 0.9, .nesterov = true})},
    {"optim/sgd_weight_decay",
     with<SGD<double>, SGD<float>>({.learning_rate = 0.1, .momentum = 0.5, .weight_decay = 0.01})},
    {"optim/rmsprop", with<RMSprop<double>, RMSprop<float>>({})},
    {"optim/rmsprop_alpha", with<RMSprop<double>, RMSprop<float>>({.rho = 0.9, .epsilon = 1e-6})},
    {"optim/rmsprop_centered", with<RMSprop<double>, RMSprop<float>>({.centered = true})},
    {"optim/rmsprop_momentum", with<RMSprop<double>, RMSprop<float>>({.momentum = 0.8})},
    {"optim/adam", with<Adam<double>, Adam<float>>({.learning_rate = 0.01})},
    {"optim/adam_amsgrad", with<Adam<double>, Adam<float>>({.learning_rate = 0.01, .amsgrad = true})},
    {"optim/adam_betas",
     with<Adam<double>, Adam<float>>({.learning_rate = 0.02, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-6})},
    {"optim/adam_l2", with<Adam<double>, Adam<float>>({.learning_rate = 0.01, .weight_decay = 0.05})},
    {"optim/adamw", with<AdamW<double>, AdamW<float>>({.learning_rate = 0.01, .weight_decay = 0.05})},
    {"optim/adamax", with<Adamax<double>, Adamax<float>>({.learning_rate = 0.01})},
    {"optim/nadam", with<NAdam<double>, NAdam<float>>({.learning_rate = 0.01})},
    {"optim/radam", with<RAdam<double>, RAdam<float>>({.learning_rate = 0.01})},
    {"optim/adagrad", with<Adagrad<double>, Adagrad<float>>({.learning_rate = 0.1})},
    {"optim/adagrad_decay",
     with<Adagrad<double>, Adagrad<float>>({.learning_rate = 0.1, .lr_decay = 0.01, .initial_accumulator = 0.1})},
    {"optim/adadelta", with<Adadelta<double>, Adadelta<float>>({})},
    {"keras/opt_sgd_momentum",
     with<SGD<double>, SGD<float>>({.learning_rate = 0.1, .momentum = 0.9, .velocity = Velocity::step})},
    {"keras/opt_sgd_nesterov",
     with<SGD<double>, SGD<float>>(
         {.learning_rate = 0.1, .momentum = 0.9, .nesterov = true, .velocity = Velocity::step})},
    {"keras/opt_rmsprop",
     with<RMSprop<double>, RMSprop<float>>({.rho = 0.9, .epsilon = 1e-7, .epsilon_at = RootEpsilon::inside})},
    {"keras/opt_adam",
     with<Adam<double>, Adam<float>>({.learning_rate = 0.01, .epsilon = 1e-7, .epsilon_at = Epsilon::raw})},
    {"keras/opt_nadam",
     with<NAdam<double>, NAdam<float>>({.learning_rate = 0.01, .epsilon = 1e-7, .momentum_decay = 1})},
};

}  // namespace

TEST_CASE("optimizers: agree with PyTorch and Keras at every step") {
  const auto in_double = GENERATE(true, false);
  std::set<std::string> names = golden::cases("optim");
  names.merge(golden::cases("keras", "opt_"));
  REQUIRE(names.size() == 25);
  for (const std::string& name : names) {
    INFO(name << (in_double ? " in double" : " in float"));
    table.at(name)(golden::read(name), in_double);
  }
}

}  // namespace test_golden_optimizers
