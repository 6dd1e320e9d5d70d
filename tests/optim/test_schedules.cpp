#include <cmath>
#include <functional>
#include <map>
#include <unroll/optim/schedules/cyclic.hpp>
#include <unroll/optim/schedules/plateau.hpp>
#include <unroll/optim/schedules/schedules.hpp>

#include "optim/golden.hpp"

namespace test_schedules {

using namespace unroll;

namespace {

using Rates = std::function<double(long)>;

template <Schedule S>
Rates of(S s) {
  return [s](long k) { return s.rate(k); };
}

const std::map<std::string, Rates> schedules{
    {"sched/step", of(schedule::Step{.initial = 0.1, .every = 7, .factor = 0.5})},
    {"sched/multistep", of(schedule::Multistep{.initial = 0.1, .milestones = {3, 10, 11}, .factor = 0.1})},
    {"sched/exponential", of(schedule::Exponential{.initial = 0.1, .factor = 0.9})},
    {"sched/linear", of(schedule::Linear{.initial = 0.1, .length = 8, .start_factor = 0.1})},
    {"sched/polynomial", of(schedule::Polynomial{.initial = 0.1, .length = 15, .power = 2})},
    {"sched/cosine", of(schedule::Cosine{.initial = 0.1, .half_period = 20, .lowest = 0.001})},
    {"sched/cosine_restarts", of(schedule::CosineRestarts{.initial = 0.1, .first = 5, .stretch = 2})},
    {"sched/onecycle", of(schedule::OneCycle{.highest = 0.4, .length = 31})},
    {"sched/warmup_cosine", of(schedule::warmup(5, schedule::Cosine{.initial = 0.1, .half_period = 20}, 0.2))},
    {"sched/lambda_linear_decay", of(schedule::lambda(0.1, [](long k) { return std::max(0.0, 1 - double(k) / 25); }))},
};

std::vector<double> after_each(Plateau plateau, const std::vector<double>& metrics) {
  std::vector<double> rates{plateau.rate()};
  for (const double metric : metrics) rates.push_back(plateau.update(metric));
  return rates;
}

const std::vector<double> constant(8, 1.0);

}  // namespace

TEST_CASE("schedules: agree with PyTorch at every k") {
  std::size_t compared = 0;
  for (const std::string& name : golden::cases("sched")) {
    if (name.find("plateau") != std::string::npos) continue;
    INFO(name);
    const SafeTensors file = golden::read(name);
    const auto want = file.at("lr").to<double>();
    std::vector<double> got;
    for (std::size_t k = 0; k < want.size(); ++k) got.push_back(schedules.at(name)(long(k)));
    golden::check_close(Eigen::Map<const VectorX<double>>(got.data(), Index(got.size())), want,
                        golden::Tolerance(file));
    ++compared;
  }
  CHECK(compared == schedules.size());
}

TEST_CASE("one cycle: momentum moves opposite to the rate") {
  const SafeTensors file = golden::read("sched/onecycle");
  const auto want = file.at("momentum").to<double>();
  const schedule::OneCycle cycle{.highest = 0.4, .length = 31};
  const golden::Tolerance tolerance(file);
  for (std::size_t k = 0; k < want.size(); ++k)
    CHECK(golden::agrees(cycle.momentum(long(k)), want[k], tolerance.rtol, tolerance.atol));
  CHECK(cycle.rate(1000) == cycle.rate(30));
}

TEST_CASE("one cycle: linear phases equal values by hand, symmetric too") {
  const schedule::OneCycle cycle{.highest = 1, .length = 21, .rising = 0.5, .start_divisor = 10, .straight = true};
  CHECK(cycle.rate(0) == Approx(0.1));
  CHECK(cycle.rate(19) == Approx(1e-5 + (1 - 1e-5) * (1 / 10.5)));
  const schedule::OneCycle symmetric{
      .highest = 1, .length = 20, .rising = 0.25, .start_divisor = 10, .straight = true, .symmetric = true};
  CHECK(symmetric.rate(4) == Approx(1));     // 0.25 * 20 - 1
  CHECK(symmetric.rate(6) == Approx(0.55));  // half of the descent
  CHECK(symmetric.rate(8) == Approx(0.1));
  CHECK(symmetric.momentum(4) == Approx(0.85));
  CHECK(symmetric.momentum(12) == Approx(0.95));
  CHECK(symmetric.rate(19) == Approx(1e-5));
  CHECK(std::isfinite(schedule::OneCycle{.length = 1}.rate(0)));
  CHECK(std::isfinite(schedule::OneCycle{.length = 2, .rising = 0.5}.rate(0)));
}

TEST_CASE("cyclic schedule: three modes equal values by hand for rates and momenta") {
  const schedule::Cyclic triangular{.lowest = 1, .highest = 3, .rising = 2, .falling = 4};
  for (const auto& [k, rate] : {std::pair{0, 1.0}, {1, 2.0}, {2, 3.0}, {3, 2.5}, {5, 1.5}, {6, 1.0}, {8, 3.0}}) {
    CHECK(triangular.rate(k) == Approx(rate));
    CHECK(triangular.momentum(k) == Approx(0.9 - 0.05 * (rate - 1)));
  }
  CHECK(triangular.rate(6'000'000'000L) == 1);
  const schedule::Cyclic halved{.lowest = 1, .highest = 3, .rising = 2, .factor = 0.5};
  for (const auto& [k, rate] : {std::pair{1, 2.0}, {2, 3.0}, {3, 2.0}, {4, 1.0}, {6, 2.0}, {10, 1.5}, {11, 1.25}})
    CHECK(halved.rate(k) == Approx(rate));
  CHECK(halved.momentum(10) == Approx(0.875));
  const schedule::Cyclic shrinking{
      .lowest = 1, .highest = 3, .rising = 2, .factor = 0.9, .every = schedule::Cyclic::count};
  CHECK(shrinking.rate(2) == Approx(1 + 2 * 0.81));
  CHECK(shrinking.rate(7) == Approx(1 + std::pow(0.9, 7)));
  CHECK(shrinking.momentum(6) == Approx(0.9 - 0.1 * std::pow(0.9, 6)));
}

TEST_CASE("cyclic schedule: refuses options and rates out of range") {
  CHECK_THROWS_MATCHES(schedule::Cyclic{.rising = 0}.rate(1), ValueError, says("rising must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(schedule::Cyclic{.falling = -1}.rate(1), ValueError, says("falling must be at least 0, got -1"));
  CHECK_THROWS_MATCHES(schedule::Cyclic{.lowest = -1}.rate(1), ValueError, says("lowest"));
  CHECK_THROWS_MATCHES(schedule::Cyclic{.factor = NAN}.rate(1), ValueError, says("factor"));
  CHECK_THROWS_MATCHES(schedule::Cyclic{.highest_momentum = 2}.momentum(1), ValueError, says("highest_momentum"));
  CHECK_THROWS_MATCHES(schedule::Cyclic{}.rate(-1), ValueError, says("-1"));
  const schedule::Cyclic growing{.rising = 1, .factor = 10, .every = schedule::Cyclic::count};
  CHECK_THROWS_MATCHES(growing.rate(1001), ValueError, says("cyclic schedule: rate must be finite, got 1 * 10^1001"));
  CHECK_THROWS_MATCHES(growing.momentum(1), ValueError, says("momentum must be in [0, 1], got -0.0999"));
  const schedule::Cyclic falling{.lowest = 1, .highest = 0.5, .rising = 1, .factor = 3};
  CHECK(falling.rate(1) == 0.5);
  CHECK_THROWS_MATCHES(falling.rate(3), ValueError,
                       says("cyclic schedule: rate must be finite and at least 0, got -0.5"));
}

TEST_CASE("cosine schedule: rises again after its half period") {
  const schedule::Cosine cosine{.initial = 1, .half_period = 10, .lowest = 0.2};
  CHECK(cosine.rate(10) == Approx(0.2));
  CHECK(cosine.rate(15) == Approx(0.6));
  CHECK(cosine.rate(20) == Approx(1));
}

TEST_CASE("cosine restarts: rates of huge k are correct") {
  const schedule::CosineRestarts even{.initial = 1, .first = 5}, growing{.initial = 1, .first = 5, .stretch = 1000000};
  for (const long k : {5L, 10L, 5000000000L}) CHECK(even.rate(k) == 1);
  CHECK(even.rate(4999999999L) == Approx(even.rate(4)));
  CHECK(growing.rate(std::numeric_limits<long>::max()) >= 0);
}

TEST_CASE("schedules: constant, polynomial, warm-up and Noam equal values by hand") {
  CHECK(schedule::Constant{0.3}.rate(99) == 0.3);
  CHECK(schedule::Polynomial{.initial = 1, .length = 4, .final = 0.5}.rate(2) == Approx(0.75));
  CHECK(schedule::Polynomial{.initial = 1, .length = 4, .final = 0.5}.rate(9) == 0.5);
  const auto warm = schedule::warmup(4, schedule::Exponential{.initial = 1, .factor = 0.5});
  CHECK(warm.rate(0) == 0);
  CHECK(warm.rate(1) == Approx(0.25));
  CHECK(warm.rate(4) == 1);
  CHECK(warm.rate(5) == 0.5);
  CHECK(schedule::warmup(0, schedule::Constant{0.3}).rate(0) == 0.3);
  const schedule::Noam noam{.scale = 2, .units = 64, .warmup = 100};  // the paper's step number begins at 1
  CHECK(noam.rate(0) == Approx(2 / 8. / 1000));
  CHECK(noam.rate(99) == Approx(2 / 8. / 10));
  CHECK(noam.rate(399) == Approx(2 / 8. / 20));
}

TEST_CASE("schedules: refuse options out of range") {
  CHECK_THROWS_MATCHES(schedule::Constant{}.rate(-1), ValueError, says("-1"));
  CHECK_THROWS_MATCHES(schedule::Step{.every = 0}.rate(1), ValueError, says("every"));
  CHECK_THROWS_MATCHES(schedule::Linear{.length = 0}.rate(1), ValueError, says("length"));
  CHECK_THROWS_MATCHES(schedule::Polynomial{.power = 0}.rate(1), ValueError, says("power"));
  CHECK_THROWS_MATCHES(schedule::Cosine{.half_period = -3}.rate(1), ValueError, says("-3"));
  CHECK_THROWS_MATCHES(schedule::CosineRestarts{.stretch = 0}.rate(1), ValueError, says("stretch"));
  CHECK_THROWS_MATCHES(schedule::OneCycle{.rising = 2}.rate(1), ValueError, says("rising"));
  CHECK_THROWS_MATCHES(schedule::warmup(-1, schedule::Constant{}).rate(1), ValueError, says("warm-up"));
  CHECK_THROWS_MATCHES(schedule::Noam{.warmup = 0}.rate(1), ValueError, says("warmup"));
}

TEST_CASE("schedules: refuse a rate that is not finite") {
  CHECK(schedule::Exponential{.initial = 1, .factor = 2}.rate(1000) == std::ldexp(1.0, 1000));
  CHECK_THROWS_MATCHES((schedule::Exponential{.initial = 1, .factor = 2}.rate(2000)), ValueError,
                       says("exponential schedule: rate must be finite, got 1 * 2^2000"));
  CHECK_THROWS_AS((schedule::Step{.initial = 1, .every = 2, .factor = 10}.rate(1000)), ValueError);
  CHECK_THROWS_AS((schedule::Multistep{.initial = 1e300, .milestones = {1, 2}, .factor = 1e10}.rate(5)), ValueError);
}

TEST_CASE("plateau: agrees with PyTorch") {
  const auto [name, options] = GENERATE(table<std::string, PlateauOptions>({
      {"sched/plateau", {.initial = 0.1, .factor = 0.5, .patience = 3}},
      {"sched/plateau_abs_cooldown",
       {.initial = 0.1,
        .patience = 2,
        .better = Better::larger,
        .threshold = 0.05,
        .threshold_kind = Threshold::absolute,
        .cooldown = 2,
        .lowest = 1e-4}},
  }));
  INFO(name);
  const SafeTensors file = golden::read(name);
  const auto got = after_each(Plateau(options), file.at("metrics").to<double>()), want = file.at("lr").to<double>();
  golden::check_close(Eigen::Map<const VectorX<double>>(got.data(), Index(got.size())), want, golden::Tolerance(file));
}

TEST_CASE("plateau: the rule of PyTorch reduces the rate one call later than that of Keras") {
  PlateauOptions options{.initial = 1, .factor = 0.5, .patience = 2};
  CHECK(after_each(Plateau(options), constant) == std::vector<double>{1, 1, 1, 1, .5, .5, .5, .25, .25});
  options.rule = PlateauRule::keras;
  CHECK(after_each(Plateau(options), constant) == std::vector<double>{1, 1, 1, .5, .5, .25, .25, .125, .125});
}

TEST_CASE("plateau: cooldown under the rule of Keras equals values by hand") {
  const PlateauOptions options{
      .initial = 1, .factor = 0.5, .patience = 1, .rule = PlateauRule::keras, .cooldown = 3, .lowest = 0.25};
  // Reduction at call 2, then three calls of cooldown, the third of which counts again: reduction at call 5, where the
  // lowest rate is reached.
  CHECK(after_each(Plateau(options), constant) == std::vector<double>{1, 1, .5, .5, .5, .25, .25, .25, .25});
}

TEST_CASE("plateau: threshold, direction, smallest reduction and NaN have the documented effect") {
  const std::vector<double> slow{100, 99.5, 99.2, 99.1, 99.05};
  CHECK(after_each(Plateau({.initial = 1, .patience = 1, .threshold = 0.01}), slow).back() < 1);
  CHECK(
      after_each(Plateau({.initial = 1, .patience = 1, .threshold = 0.01, .threshold_kind = Threshold::absolute}), slow)
          .back() == 1);
  CHECK(after_each(Plateau({.initial = 1, .patience = 1, .better = Better::larger}), {1, 2, 3, 4, 5}).back() == 1);
  CHECK(after_each(Plateau({.initial = 1e-8, .patience = 0}), constant).back() == 1e-8);
  CHECK(after_each(Plateau({.initial = 1, .patience = 1}), {1, NAN, NAN, NAN}).back() < 1);
}

TEST_CASE("plateau: thresholds equal values by hand on both sides of 0") {
  // With patience 0 each metric without improvement halves the rate. The comments give the thresholds.
  const auto rates = [](Better better, Threshold kind, const std::vector<double>& metrics) {
    return after_each(
        Plateau(
            {.initial = 1, .factor = 0.5, .patience = 0, .better = better, .threshold = 0.1, .threshold_kind = kind}),
        metrics);
  };
  using Numbers = std::vector<double>;
  // -1.1, -1.1, -1.32; a constant -1 is no improvement, although PyTorch's threshold of -0.9 counts it as one
  CHECK(rates(Better::smaller, Threshold::relative, {-1, -1.05, -1.2, -1.3}) == Numbers{1, 1, .5, .5, .25});
  CHECK(rates(Better::smaller, Threshold::relative, {-1, -1, -0.95}) == Numbers{1, 1, .5, .25});
  CHECK(rates(Better::larger, Threshold::relative, {-1, -0.95, -0.85, -0.8}) ==
        Numbers{1, 1, .5, .5, .25});  // -0.9, -0.765
  CHECK(rates(Better::smaller, Threshold::relative, {1, 0.95, 0.85, -0.01}) ==
        Numbers{1, 1, .5, .5, .5});                                                                      // 0.9, 0.765
  CHECK(rates(Better::larger, Threshold::relative, {1, 1.05, 1.2, 1.3}) == Numbers{1, 1, .5, .5, .25});  // 1.1, 1.32
  CHECK(rates(Better::smaller, Threshold::relative, {0, 0, -1e-9}) == Numbers{1, 1, .5, .5});            // 0
  CHECK(rates(Better::smaller, Threshold::absolute, {-1, -1.05, -1.2, -1.25}) ==
        Numbers{1, 1, .5, .5, .25});  // -1.1, -1.3
  CHECK(rates(Better::larger, Threshold::absolute, {-1, -0.95, -0.85, -0.8}) ==
        Numbers{1, 1, .5, .5, .25});  // -0.9, -0.75
  CHECK(after_each(Plateau({.initial = 1, .patience = 0, .threshold = 2}), {1, 0.5}) == Numbers{1, 1, .1});  // 200 %
}

TEST_CASE("plateau: continues from a saved state after any call") {
  const PlateauOptions options{.initial = 1, .factor = 0.5, .patience = 2, .cooldown = 1};
  const std::vector<double> metrics{5, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3};
  for (std::size_t cut = 0; cut < metrics.size(); ++cut) {
    Plateau whole(options), first(options), second(options);
    for (const double m : metrics) whole.update(m);
    for (std::size_t i = 0; i < cut; ++i) first.update(metrics[i]);
    std::map<std::string, double> saved;
    first.visit_state([&](std::string_view name, auto& value) { saved[std::string(name)] = double(value); });
    second.visit_state([&]<class V>(std::string_view name, V& value) { value = V(saved.at(std::string(name))); });
    for (std::size_t i = cut; i < metrics.size(); ++i) second.update(metrics[i]);
    CHECK(second.rate() == whole.rate());
  }
}

TEST_CASE("plateau: refuses options out of range") {
  CHECK_THROWS_MATCHES(Plateau({.factor = 1}), ValueError, says("Plateau: factor must be in (0, 1), got 1"));
  CHECK_THROWS_MATCHES(Plateau({.patience = -1}), ValueError, says("patience"));
  CHECK_THROWS_MATCHES(Plateau({.initial = NAN}), ValueError, says("initial"));
  CHECK_THROWS_MATCHES(Plateau({.cooldown = -1}), ValueError, says("cooldown"));
  CHECK_THROWS_MATCHES(Plateau({.lowest = -1}), ValueError, says("lowest"));
}

TEST_CASE("schedules: refuse a factor that makes the rate negative or infinite") {
  const auto falling = schedule::lambda(0.1, [](long k) { return 1 - double(k); });
  CHECK(falling.rate(1) == 0);
  CHECK_THROWS_MATCHES(falling.rate(2), ValueError,
                       says("lambda schedule: rate must be finite and at least 0, got -0.1"));
  const auto endless = schedule::lambda(0.1, [](long k) { return 1 / double(k); });
  CHECK_THROWS_MATCHES(endless.rate(0), ValueError,
                       says("lambda schedule: rate must be finite and at least 0, got inf"));
  const auto steep = schedule::warmup(10, schedule::Constant{.initial = 1e300}, 1e300);
  CHECK_THROWS_MATCHES(steep.rate(0), ValueError, says("warm-up: rate must be finite and at least 0, got inf"));
  CHECK(steep.rate(10) == 1e300);
}

TEST_CASE("schedules: interpolated rates stay between their two ends under rounding") {
  for (const auto& [from, to] : {std::pair{0.0, 1e-310}, {1e-310, 0.77}, {0.3, 1e300}, {3e38, 0.1}})
    for (const long k : {0L, 1L, 2L, 7L, 1000000000L}) {
      const double low = std::min(from, to), high = std::max(from, to);
      const double rates[] = {schedule::Cosine{.initial = from, .half_period = 2, .lowest = to}.rate(k),
                              schedule::CosineRestarts{.initial = from, .first = 3, .lowest = to}.rate(k),
                              schedule::Polynomial{.initial = from, .length = 9, .power = 0.7, .final = to}.rate(k)};
      for (const double rate : rates) CHECK((rate >= low && rate <= high));
    }
  CHECK(schedule::Cosine{.initial = 0, .half_period = 1, .lowest = 1e-310}.rate(0) == 0);
}

}  // namespace test_schedules
