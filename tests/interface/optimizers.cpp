// Optimizers and schedules with random options: refused, and nothing has changed, or every number is finite.

#include <unroll/optim/adadelta.hpp>
#include <unroll/optim/adagrad.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/adamax.hpp>
#include <unroll/optim/clip.hpp>
#include <unroll/optim/cyclic.hpp>
#include <unroll/optim/lion.hpp>
#include <unroll/optim/nadam.hpp>
#include <unroll/optim/plateau.hpp>
#include <unroll/optim/radam.hpp>
#include <unroll/optim/rmsprop.hpp>
#include <unroll/optim/schedules.hpp>
#include <unroll/optim/sgd.hpp>

#include "interface/choices.hpp"

namespace interface {
namespace {

template <class O>
typename O::Options random_options(Choices& choose) {
  const bool odd = choose.one_in(3);
  typename O::Options options;
  const auto maybe = [&](double& option, double usual) {
    option = odd && choose.one_in(3) ? choose.real(true) : usual;
  };
  maybe(options.learning_rate, 0.01);
  if (choose.coin()) maybe(options.weight_decay, 0.01);
  options.decay = choose.one_of({Decay::l2, Decay::decoupled});
  if constexpr (requires { options.epsilon; }) maybe(options.epsilon, 1e-8);
  if constexpr (requires { options.beta1; }) maybe(options.beta1, 0.9), maybe(options.beta2, 0.99);
  if constexpr (requires { options.rho; }) maybe(options.rho, 0.9);
  if constexpr (requires { options.momentum; }) maybe(options.momentum, choose.coin() ? 0.9 : 0);
  if constexpr (requires { options.centered; }) options.centered = choose.coin();
  if constexpr (requires { options.amsgrad; }) options.amsgrad = choose.coin();
  if constexpr (requires { options.nesterov; }) options.nesterov = choose.coin();
  if constexpr (requires { options.velocity; }) options.velocity = choose.one_of({Velocity::gradient, Velocity::step});
  return options;
}

/// All state of an optimizer as numbers.
template <class O>
std::vector<double> state_of(O& optimizer) {
  std::vector<double> all;
  optimizer.visit_state([&](std::string_view, auto& value) {
    if constexpr (requires { value.size(); })
      for (const auto number : value) all.push_back(double(number));
    else
      all.push_back(double(value));
  });
  return all;
}

template <class O>
void try_rule(Choices& choose, Report& report) {
  report.now(text("seed ", choose.seed(), ": ", O::Options::name));
  std::optional<O> optimizer;
  if (!report.attempt("optimizer", [&] { optimizer.emplace(random_options<O>(choose)); })) return;
  const Index size = 1 + choose.below(40);
  Vector<S> theta = choose.matrix(size, 1);
  for (int k = 0; k < 3; ++k) {
    Vector<S> gradient = choose.matrix(choose.one_in(12) ? size + 1 : size, 1);
    if (choose.one_in(6)) gradient[choose.below(size)] = S(choose.real(true));
    const Vector<S> before = theta;
    const std::vector<double> state = state_of(*optimizer);
    if (report.attempt("update", [&] { optimizer->step(theta, gradient); })) {
      // A large enough gradient takes a parameter beyond the range of float: that is no fault of the rule.
      const bool moderate = optimizer->options().learning_rate <= 1 && optimizer->options().weight_decay <= 1 &&
                            gradient.cwiseAbs().maxCoeff() < 1e15F;
      report.expect(!moderate || theta.allFinite(), "an update of finite numbers is not finite");
    } else {
      report.expect(same_bits(before, theta), "a refused update has changed parameters");
      report.expect(state == state_of(*optimizer), "a refused update has changed the optimizer");
    }
    if (!theta.allFinite()) return;
  }
}

void try_clipping(Choices& choose, Report& report) {
  report.now(text("seed ", choose.seed(), ": clipping"));
  const double p = choose.one_of({1.0, 2.0, 3.0, 0.5, std::numeric_limits<double>::infinity()});
  Vector<S> gradient = choose.matrix(1 + choose.below(50), 1);
  if (choose.one_in(3)) gradient[0] = S(choose.real(true));
  const Vector<S> before = gradient;
  const double limit = choose.real(choose.coin());
  if (!report.attempt("clipping", [&] { clip_by_global_norm(gradient, limit, p); }))
    return report.expect(same_bits(before, gradient) || before.hasNaN(), "refused clipping has changed a gradient");
  if (!before.allFinite()) return;
  report.expect(global_norm(gradient, p) <= limit * (1 + 1e-5) + 1e-30, "a clipped gradient is too long");
}

template <class Schedule>
void try_rates(const char* what, Report& report, const Schedule& schedule) {
  const std::string name = what;
  for (const long k : {0L, 1L, 7L, 1000L, 1000000000L, std::numeric_limits<long>::max()}) {
    double rate = 0;
    if (report.attempt("schedule", [&] { rate = schedule.rate(k); }))
      report.expect(is_finite(rate) && rate >= 0, name + ": a rate is negative or not finite");
  }
}

}  // namespace

void try_optimizer(Choices& choose, Report& report) {
  switch (choose.below(11)) {
    case 0:
      return try_rule<SGD<S>>(choose, report);
    case 1:
      return try_rule<Adam<S>>(choose, report);
    case 2:
      return try_rule<AdamW<S>>(choose, report);
    case 3:
      return try_rule<NAdam<S>>(choose, report);
    case 4:
      return try_rule<RAdam<S>>(choose, report);
    case 5:
      return try_rule<Adamax<S>>(choose, report);
    case 6:
      return try_rule<RMSprop<S>>(choose, report);
    case 7:
      return try_rule<Adagrad<S>>(choose, report);
    case 8:
      return try_rule<Adadelta<S>>(choose, report);
    case 9:
      return try_rule<Lion<S>>(choose, report);
    default:
      return try_clipping(choose, report);
  }
}

void try_schedule(Choices& choose, Report& report) {
  const bool odd = choose.coin();
  const auto real = [&] { return choose.real(odd && choose.coin()); };
  const auto length = [&] { return long(choose.size(odd && choose.coin())); };
  report.now(text("seed ", choose.seed(), ": a schedule"));
  switch (choose.below(10)) {
    case 0:
      return try_rates("step", report, schedule::Step{.initial = real(), .every = length(), .factor = real()});
    case 1:
      return try_rates("exponential", report, schedule::Exponential{.initial = real(), .factor = real()});
    case 2:
      return try_rates(
          "linear", report,
          schedule::Linear{.initial = real(), .length = length(), .start_factor = real(), .end_factor = real()});
    case 3:
      return try_rates("polynomial", report,
                       schedule::Polynomial{.initial = real(), .length = length(), .power = real(), .final = real()});
    case 4:
      return try_rates("cosine", report,
                       schedule::Cosine{.initial = real(), .half_period = length(), .lowest = real()});
    case 5:
      return try_rates(
          "cosine with restarts", report,
          schedule::CosineRestarts{.initial = real(), .first = length(), .stretch = length(), .lowest = real()});
    case 6:
      return try_rates("one cycle", report,
                       schedule::OneCycle{.highest = real(), .length = length(), .rising = real()});
    case 7:
      return try_rates("multistep", report,
                       schedule::Multistep{.initial = real(), .milestones = {length(), length()}, .factor = real()});
    case 8:
      return try_rates("cyclic", report,
                       schedule::Cyclic{.lowest = real(),
                                        .highest = real(),
                                        .rising = length(),
                                        .falling = length(),
                                        .factor = real(),
                                        .every = choose.one_of({schedule::Cyclic::cycle, schedule::Cyclic::count})});
    default: {
      std::optional<Plateau> plateau;
      if (!report.attempt("plateau", [&] {
            plateau.emplace(PlateauOptions{.initial = real(),
                                           .factor = real(),
                                           .patience = choose.size(odd),
                                           .threshold = real(),
                                           .cooldown = choose.size(odd),
                                           .lowest = real()});
          }))
        return;
      for (int k = 0; k < 30; ++k) report.attempt("plateau, a value", [&] { plateau->update(choose.real(odd)); });
      report.expect(is_finite(plateau->rate()) && plateau->rate() >= 0, "plateau: the rate is negative or not finite");
    }
  }
}

}  // namespace interface
