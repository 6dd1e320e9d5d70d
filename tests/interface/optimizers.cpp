// Random tests of optimizers and schedules. A refusal changes nothing; accepted options give finite numbers.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <unroll/optim/clip.hpp>
#include <unroll/optim/schedules/cyclic.hpp>
#include <unroll/optim/schedules/plateau.hpp>
#include <unroll/optim/schedules/schedules.hpp>

#include "interface/random_optimizer.hpp"

namespace interface {
namespace {

template <class O>
O random_kind(Choices& choose, bool odd) {
  typename O::Options options;
  const auto maybe = [&](double& option, double usual) {
    option = odd && choose.one_in(3) ? choose.real(true) : usual;
  };
  maybe(options.learning_rate, 0.01);
  if (choose.coin()) maybe(options.weight_decay, 0.01);
  options.decay = choose.one_of({Decay::l2, Decay::decoupled});
  if constexpr (requires { options.epsilon; }) maybe(options.epsilon, 1e-8);
  if constexpr (requires { options.epsilon_at; })
    options.epsilon_at = decltype(options.epsilon_at)(choose.below(2));  // each of these enumerations has two values
  if constexpr (requires { options.beta1; }) maybe(options.beta1, 0.9), maybe(options.beta2, 0.99);
  if constexpr (requires { options.rho; }) maybe(options.rho, 0.9);
  if constexpr (requires { options.momentum; }) maybe(options.momentum, choose.coin() ? 0.9 : 0);
  if constexpr (requires { options.momentum_decay; }) maybe(options.momentum_decay, 4e-3);
  if constexpr (requires { options.lr_decay; }) maybe(options.lr_decay, choose.coin() ? 0.1 : 0);
  if constexpr (requires { options.initial_accumulator; }) maybe(options.initial_accumulator, choose.coin() ? 0.1 : 0);
  if constexpr (requires { options.centered; }) options.centered = choose.coin();
  if constexpr (requires { options.amsgrad; }) options.amsgrad = choose.coin();
  if constexpr (requires { options.velocity; }) options.velocity = choose.one_of({Velocity::gradient, Velocity::step});
  if constexpr (requires { options.nesterov; }) {
    options.nesterov = options.momentum > 0 && choose.coin();
    maybe(options.dampening, options.nesterov || choose.coin() ? 0 : 0.5);
  }
  return O(options);
}

template <std::size_t... I>
AnyOptimizer random_of(Choices& choose, bool odd, std::index_sequence<I...>) {
  using Make = AnyOptimizer (*)(Choices&, bool);
  constexpr Make kinds[] = {[](Choices& with, bool odd_ones) {
    return AnyOptimizer(random_kind<std::variant_alternative_t<I, AnyOptimizer::Kind>>(with, odd_ones));
  }...};
  return kinds[choose.below(Index(sizeof...(I)))](choose, odd);
}

void try_rule(Choices& choose, Report& report) {
  report.now(text("seed ", choose.seed(), ": an optimizer"));
  std::optional<AnyOptimizer> optimizer;
  if (!report.attempt("optimizer", [&] { optimizer.emplace(random_optimizer(choose, choose.one_in(3))); })) return;
  report.also(std::string(optimizer->name()));
  const Index size = 1 + choose.below(40);
  VectorX<S> theta = choose.matrix(size, 1);
  double largest = 1;  // of the decay mask
  if (choose.one_in(4)) {
    VectorX<S> mask = choose.matrix(choose.one_in(4) ? size + 1 : size, 1).cwiseAbs();
    if (choose.one_in(4)) mask[0] = S(choose.real(true));
    if (report.attempt("decay mask", [&] { optimizer->set_decay_mask(mask); })) largest = double(mask.maxCoeff());
  }
  for (int k = 0; k < 3; ++k) {
    VectorX<S> gradient = choose.matrix(choose.one_in(12) ? size + 1 : size, 1);
    if (choose.one_in(6)) gradient[choose.below(size)] = S(choose.real(true));
    const VectorX<S> before = theta;
    const std::vector<double> state = optimizer->state();
    if (report.attempt("update", [&] { optimizer->step(theta, gradient); })) {
      // A large enough gradient takes a parameter beyond the range of float, which is not a fault.
      const bool moderate = optimizer->learning_rate() <= 1 && optimizer->weight_decay() * largest <= 1 &&
                            gradient.cwiseAbs().maxCoeff() < 1e15F;
      report.expect(!moderate || theta.allFinite(), "an update of finite numbers is not finite");
    } else {
      report.expect(same_bits(before, theta), "a refused update has changed parameters");
      const auto same = [](double a, double b) {
        return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b);
      };
      report.expect(std::ranges::equal(state, optimizer->state(), same), "a refused update has changed the optimizer");
    }
    if (!theta.allFinite()) return;
  }
}

void try_clipping(Choices& choose, Report& report) {
  report.now(text("seed ", choose.seed(), ": clipping"));
  const double p = choose.one_of({1.0, 2.0, 3.0, 0.5, std::numeric_limits<double>::infinity()});
  VectorX<S> gradient = choose.matrix(1 + choose.below(50), 1);
  if (choose.one_in(3)) gradient[0] = S(choose.real(true));
  const VectorX<S> before = gradient;
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

void try_one_cycle(Choices& choose, Report& report, bool odd) {
  const auto real = [&] { return choose.real(odd && choose.one_in(4)); };
  const schedule::OneCycle cycle{.highest = real(),
                                 .length = long(choose.size(odd && choose.one_in(4))),
                                 .rising = real(),
                                 .start_divisor = 1 + 9 * real(),
                                 .end_divisor = 1 + 9 * real(),
                                 .lowest_momentum = real(),
                                 .highest_momentum = real(),
                                 .straight = choose.coin(),
                                 .symmetric = choose.coin()};
  try_rates("one cycle", report, cycle);
  double momentum = 0;
  if (report.attempt("momentum of a cycle", [&] { momentum = cycle.momentum(long(choose.size(odd))); }))
    report.expect(momentum >= 0 && momentum <= 1, "one cycle: a momentum is outside 0 to 1");
}

}  // namespace

AnyOptimizer random_optimizer(Choices& choose, bool odd) {
  return random_of(choose, odd, std::make_index_sequence<std::variant_size_v<AnyOptimizer::Kind>>());
}

void try_optimizer(Choices& choose, Report& report) {
  if (choose.one_in(10)) return try_clipping(choose, report);
  try_rule(choose, report);
}

void try_schedule(Choices& choose, Report& report) {
  const bool odd = choose.coin();
  const auto real = [&] { return choose.real(odd && choose.coin()); };
  const auto length = [&] { return long(choose.size(odd && choose.coin())); };
  report.now(text("seed ", choose.seed(), ": a schedule"));
  switch (choose.below(14)) {
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
      return try_one_cycle(choose, report, odd);
    case 7:
      return try_rates("multistep", report,
                       schedule::Multistep{.initial = real(), .milestones = {length(), length()}, .factor = real()});
    case 8:
      return try_rates("constant", report, schedule::Constant{.initial = real()});
    case 9:
      return try_rates("warm-up", report,
                       schedule::warmup(length(), schedule::Exponential{.initial = real(), .factor = real()}, real()));
    case 10:
      return try_rates("Noam", report, schedule::Noam{.scale = real(), .units = length(), .warmup = length()});
    case 11: {
      const double slope = real();
      return try_rates("lambda", report,
                       schedule::lambda(real(), [slope](long k) { return 1 / (1 + slope * double(k)); }));
    }
    case 12:
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
                                           .rule = choose.one_of({PlateauRule::pytorch, PlateauRule::keras}),
                                           .better = choose.one_of({Better::smaller, Better::larger}),
                                           .threshold = real(),
                                           .threshold_kind = choose.one_of({Threshold::relative, Threshold::absolute}),
                                           .cooldown = choose.size(odd),
                                           .lowest = real(),
                                           .smallest_cut = choose.coin() ? 0 : real()});
          }))
        return;
      for (int k = 0; k < 30; ++k) report.attempt("plateau, a value", [&] { plateau->update(choose.real(odd)); });
      report.expect(is_finite(plateau->rate()) && plateau->rate() >= 0, "plateau: the rate is negative or not finite");
    }
  }
}

}  // namespace interface
