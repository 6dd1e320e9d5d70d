// Windows, scales, baselines and scores.

#include <cmath>

#include "forecast/baselines.hpp"
#include "forecast/predictions.hpp"
#include "forecast/scale.hpp"
#include "support/catch.hpp"

namespace test_windows {

using namespace unroll;
using namespace forecast;
using Names = std::vector<std::string>;

namespace {

/// Series 1, 2, 4, 7, 11, ... of two channels, the second 10 times as large.
Data some_data(Index steps, Index training, Index validation) {
  MatrixX<double> values(2, steps);
  for (Index t = 0; t < steps; ++t) values(0, t) = 1 + double(t * (t + 1)) / 2, values(1, t) = 10 * values(0, t);
  return {{"data", {"a", "b"}, 2, {{"", values}}}, {{training, validation}}};
}

Plan some_plan(const std::string& transform) {
  return {.window = 3, .horizon = 2, .season = 2, .transform = transform, .channels = {"a", "b"}, .targets = 2};
}

}  // namespace

TEST_CASE("windows: level of a forecast is the output and the anchor on every scale") {
  const Data data = some_data(12, 8, 10);
  for (const std::string& transform : transform_names()) {
    CAPTURE(transform);
    Plan plan = some_plan(transform);
    const Windows windows(plan, data.set);
    windows.fit_scale(plan, data);
    const Origin origin{0, 6};
    const auto set = windows.dataset(plan, {origin}, Part::test, data);
    for (Index c = 0, row = 0; c < 2; ++c)
      for (Index h = 1; h <= 2; ++h, ++row) {
        const auto k = std::size_t(row);
        const double output = double(set.values(0)(row * 3, 0)) * plan.output_deviation[k] + plan.output_mean[k];
        const double level = target_scale(plan, windows, origin, c).back(output) + windows.anchor(origin, c, h);
        CHECK(windows.value(level) == Approx(data.set.series[0].values(c, 6 + h)).epsilon(1e-5));
      }
  }
}

TEST_CASE("windows: differences and seasons of known values") {
  const Data data = some_data(12, 8, 10);
  Plan plan = some_plan("difference");
  const Windows steps(plan, data.set);
  CHECK(steps.inputs(0)(0, 5) == 5);
  CHECK(steps.anchor({0, 6}, 1, 2) == 220);  // the last value
  plan = some_plan("season");
  plan.horizon = 3;
  const Windows seasons(plan, data.set);
  CHECK(seasons.inputs(0)(0, 5) == 9);
  CHECK(seasons.anchor({0, 6}, 0, 1) == 16);
  CHECK(seasons.anchor({0, 6}, 0, 2) == 22);
  CHECK(seasons.anchor({0, 6}, 0, 3) == 16);  // two seasons before
}

TEST_CASE("windows: origins of a part have their first step in it, and with a whole horizon their last one") {
  const Data data = some_data(12, 7, 9);
  const Plan plan = some_plan("none");
  const Windows windows(plan, data.set);
  const auto steps = [&](Part part, bool whole) {
    std::vector<Index> all;
    for (const Origin& origin : windows.origins(plan, data, part, whole)) all.push_back(origin.step);
    return all;
  };
  CHECK(steps(Part::training, true) == std::vector<Index>{2, 3, 4});
  CHECK(steps(Part::training, false) == std::vector<Index>{2, 3, 4, 5});
  CHECK(steps(Part::validation, true) == std::vector<Index>{6});
  CHECK(steps(Part::test, true) == std::vector<Index>{8, 9});
  const auto training = windows.dataset(
      [&] {
        Plan scaled = plan;
        windows.fit_scale(scaled, data);
        return scaled;
      }(),
      {{0, 5}}, Part::training, data);
  CHECK(!std::isnan(training.values(0)(0, 0)));
  CHECK(std::isnan(training.values(0)(3, 0)));  // a value of the validation part is no target of the training
}

TEST_CASE("windows: no value after the training part changes its scale, windows, targets or autoregression") {
  const Data data = some_data(14, 9, 11);
  for (const std::string& transform : transform_names()) {
    CAPTURE(transform);
    Data other = data;
    other.set.series[0].values.rightCols(5).array() += 1000;
    const auto made = [&](const Data& from) {
      Plan plan = some_plan(transform);
      plan.quantiles = {0.5};
      const Windows windows(plan, from.set);
      windows.fit_scale(plan, from);
      Plan baseline = plan;
      baseline.window = 1, fit_baseline(baseline, windows, from);  // the only number of lags
      plan.baseline = baseline.baseline;
      const auto set = windows.dataset(plan, windows.origins(plan, from, Part::training, false), Part::training, from);
      std::string all = json_of(plan).dump();
      for (Index s = 0; s < set.size(); ++s) {
        for (const float value : set.sequence(s).reshaped()) all += text(" ", value);
        for (const float value : set.values(s).reshaped()) all += std::isnan(value) ? " none" : text(" ", value);
      }
      return all;
    };
    CHECK(made(data) == made(other));
  }
}

TEST_CASE("forecasts: no value after the origin changes a forecast of networks or baselines") {
  const Data data = some_data(14, 9, 11);
  for (const char* mode : {"direct", "recursive"})
    for (const char* transform : {"none", "log-difference", "season"}) {
      CAPTURE(mode, transform);
      Plan plan = some_plan(transform);
      plan.mode = mode, plan.units = 3;
      if (plan.recursive()) plan.error_quantiles.assign(12, 0);
      const Windows windows(plan, data.set);
      windows.fit_scale(plan, data);
      fit_baseline(plan, windows, data);
      Network network = make_network(plan);
      network.initialise(1);
      Data other = data;
      other.set.series[0].values.rightCols(4).array() += 1000;
      const Windows changed(plan, other.set);
      const std::vector<Origin> origins{{0, 6}, {0, 9}};
      CHECK(forecasts(network, plan, windows, origins, 1) == forecasts(network, plan, changed, origins, 1));
      CHECK(forecasts(network, plan, windows, {{0, 10}}, 1) != forecasts(network, plan, changed, {{0, 10}}, 1));
      for (std::size_t k = 0; k < baseline_names(plan).size(); ++k)
        CHECK(baseline_forecast(plan, windows, {0, 9}, k) == baseline_forecast(plan, changed, {0, 9}, k));
    }
}

TEST_CASE("forecasts: a linear network with the weights of an autoregression gives its forecasts recursively") {
  for (const char* transform : {"none", "difference", "season"}) {
    CAPTURE(transform);
    Data data = some_data(30, 20, 25);
    for (Index t = 0; t < 30; ++t) data.set.series[0].values(0, t) = std::sin(0.9 * double(t)) + 0.1 * double(t);
    data.set.channels = {"a"}, data.set.targets = 1;
    data.set.series[0].values.conservativeResize(1, 30);
    Plan plan{.mode = "recursive", .window = 4, .horizon = 6, .season = 4, .transform = transform, .model = "linear"};
    plan.channels = {"a"}, plan.targets = 1;
    const Windows windows(plan, data.set);
    windows.fit_scale(plan, data);
    plan.baseline_lags = 2, plan.baseline = {0.2, 0.5, -0.25};
    plan.error_quantiles.assign(18, 0);
    Network network = make_network(plan);
    auto& values = network.parameters().values();
    values.setZero();
    const double mean = plan.input_mean[0], deviation = plan.input_deviation[0];
    values[3] = float(0.5 * deviation / plan.output_deviation[0]);  // the last step
    values[2] = float(-0.25 * deviation / plan.output_deviation[0]);
    values[4] = float((0.2 + 0.25 * mean - plan.output_mean[0]) / plan.output_deviation[0]);
    const auto made = forecasts(network, plan, windows, {{0, 20}}, 1).front();
    CHECK((made.col(1) - baseline_forecast(plan, windows, {0, 20}, 0)).cwiseAbs().maxCoeff() < 1e-4);
  }
}

TEST_CASE("forecasts: quantiles do not cross") {
  const Data data = some_data(14, 9, 11);
  Plan plan = some_plan("none");
  const Windows windows(plan, data.set);
  windows.fit_scale(plan, data);
  Network network = make_network(plan);
  network.initialise(3);
  for (const auto& one : forecasts(network, plan, windows, {{0, 6}, {0, 8}}, 1))
    for (Index row = 0; row < one.rows(); ++row) CHECK((one(row, 0) <= one(row, 1) && one(row, 1) <= one(row, 2)));
}

TEST_CASE("baselines: last value, season and an exact autoregression") {
  Data data = some_data(24, 14, 19);
  Plan plan = some_plan("none");
  plan.horizon = 3;
  const Windows windows(plan, data.set);
  windows.fit_scale(plan, data);
  fit_baseline(plan, windows, data);  // second differences are constant: 2 lags are exact
  CHECK(plan.baseline_lags >= 2);
  const VectorX<double> linear = baseline_forecast(plan, windows, {0, 19}, 0),
                        last = baseline_forecast(plan, windows, {0, 19}, 1),
                        season = baseline_forecast(plan, windows, {0, 19}, 2);
  const MatrixX<double>& values = data.set.series[0].values;
  for (Index h = 1; h <= 3; ++h) {
    CHECK(linear[h - 1] == Approx(values(0, 19 + h)).epsilon(1e-6));
    CHECK(linear[3 + h - 1] == Approx(values(1, 19 + h)).epsilon(1e-6));
    CHECK(last[h - 1] == values(0, 19));
  }
  CHECK(season.head(3) == (VectorX<double>(3) << values(0, 18), values(0, 19), values(0, 18)).finished());
}

TEST_CASE("scores: errors, scaled errors and coverage of known forecasts") {
  Data data = some_data(8, 4, 6);
  data.set.series[0].values(0, 6) = NAN;
  Plan plan = some_plan("none");
  plan.season = 0;
  const Windows windows(plan, data.set);
  Scores scores(plan);
  MatrixX<double> made(4, 3);  // truth: a none and 29, b 220 and 290
  made << 0, 0, 0, 28, 30, 31, 200, 210, 215, 280, 290, 300;
  const auto scales = scales_of(plan, data.set, 0, 4);
  CHECK(scales == std::vector<double>{2, 20});  // changes 1, 2, 3
  scores.add(windows, {0, 5}, made, scales);
  CHECK(scores.errors(0, 1).count == 0);
  CHECK(std::isnan(scores.errors(0, 1).mae));
  CHECK(scores.errors(0).mae == 1);
  CHECK(scores.errors(0).mase == 0.5);
  CHECK(scores.errors(1).mae == 5);
  CHECK(scores.errors(1).rmse == Approx(std::sqrt(50.0)));
  CHECK(scores.errors(1).coverage == 0.5);
  CHECK(scores.errors(1, 1).pinball == Approx((0.1 * 20 + 0.5 * 10 + 0.9 * 5) / 3));
  CHECK(scores.errors().count == 3);
  CHECK(scores.shares() == std::vector<double>{0, 2.0 / 3, 2.0 / 3});
}

TEST_CASE("scores: of comparisons are sums of origins, in blocks of the horizon") {
  Data data = some_data(12, 4, 6);
  data.set.series[0].values(0, 8) = NAN;
  data.set.series.push_back(data.set.series[0]);
  const Plan plan = some_plan("none");
  const Windows windows(plan, data.set);
  const std::vector<Origin> origins{{0, 5}, {0, 6}, {0, 7}, {0, 9}, {1, 8}};
  const auto scores_with = [&](double error, double scale, bool points = false) {
    Scores scores(plan);
    for (const Origin& origin : origins) {
      MatrixX<double> made(4, points ? 1 : 3);
      for (Index row = 0; row < 4; ++row)
        made.row(row).setConstant(windows.truth(origin, row / 2, row % 2 + 1) + error * double(row + 1));
      scores.add(windows, origin, made, {scale, NAN});
    }
    return scores;
  };
  const Scores one = scores_with(1, 4), two = scores_with(-2, 4);
  const auto scores = scores_of(plan, origins, {{3, &one}, {9, &two}});
  CHECK(scores.seeds == std::vector<std::uint64_t>{3, 9});
  CHECK(scores.items == "origins");
  CHECK(scores.groups == "blocks of 2 steps");
  CHECK(scores.group_of == std::vector<Index>{0, 0, 1, 2, 3});
  REQUIRE(scores.measures.size() == 3);
  CHECK(scores.measures[0].name == "MASE");
  CHECK(scores.measures[0].seeds[0].parts == std::vector<double>{0.75, 0.25, 0.5, 0.75, 0.75});  // step 8 is missing
  CHECK(scores.measures[0].seeds[0].wholes == std::vector<double>{2, 1, 1, 2, 2});
  CHECK(scores.measures[1].seeds[1].parts == std::vector<double>{20, 16, 18, 20, 20});
  CHECK(scores.measures[1].seeds[1].wholes == std::vector<double>{4, 3, 3, 4, 4});
  CHECK(scores.measures[2].name == "pinball loss of the quantiles 0.1, 0.5, 0.9");
  for (std::size_t k = 0; k < 3; ++k) {
    double parts = 0, wholes = 0;
    for (const double part : scores.measures[k].seeds[1].parts) parts += part;
    for (const double whole : scores.measures[k].seeds[1].wholes) wholes += whole;
    const Errors all = two.errors();
    CHECK(parts / wholes == Approx(k == 0 ? all.mase : k == 1 ? all.mae : all.pinball));
  }
  CHECK(scores_with(1, 4).tested() == two.tested());
  CHECK(scores_with(1, 5).tested() != two.tested());
  CHECK(scores_of(plan, origins, {{3, &one}}).tested == scores.tested);
  Plan regression = plan;
  regression.task = "regression";
  CHECK(scores_of(regression, origins, {{3, &one}}).items == "test series");
  CHECK(scores_of(regression, origins, {{3, &one}}).group_of.empty());
  data.set.series[0].values(1, 8) = 7;
  CHECK(scores_with(1, 4).tested() != one.tested());
  const Scores unscaled = scores_with(1, NAN), points = scores_with(1, 4, true);
  CHECK(scores_of(plan, origins, {{3, &unscaled}}).measures.front().name == "mean absolute error");
  CHECK(scores_of(plan, origins, {{3, &points}}).measures.back().name == "mean absolute error");
}

TEST_CASE("plan: a file of another content is refused") {
  Plan plan = some_plan("none");
  plan.input_mean = plan.input_deviation = {1, 1}, plan.output_mean = plan.output_deviation = {1, 1, 1, 1};
  plan.baseline_lags = 1, plan.baseline = {0, 1, 0, 1};
  const auto json = json_of(plan);
  CHECK(json_of(plan_of(json.dump(), "f")) == json);
  const auto refused = [&](const char* name, const nlohmann::ordered_json& value, const char* message) {
    auto changed = json;
    changed[name] = value;
    CHECK_THROWS_MATCHES(plan_of(changed.dump(), "f"), FileError, says(message));
  };
  refused("window", 0, "window must be 1 to 100000, got 0");
  refused("targets", 3, "targets must be 1 to 2, got 3");
  refused("transform", "root", "transform must be none, log, ");
  refused("quantiles", {0.1, 0.9}, "quantiles must increase and contain 0.5");
  refused("input_deviation", {1, 0}, "deviations must be above 0, got 0");
  refused("output_mean", {1}, "output_mean must have 4 numbers, got 1");
  refused("units", "many", "must be a model of forecast, with all entries of its plan");
  CHECK_THROWS_AS(plan_of("[]", "f"), FileError);
}

TEST_CASE("windows: on the scale of a window, a forecast follows a change of level and unit of the series") {
  Data data = some_data(14, 9, 11);
  for (Index t = 0; t < 14; ++t) data.set.series[0].values(0, t) = std::sin(double(t));
  for (const char* mode : {"direct", "recursive"}) {
    Plan plan = some_plan("window");
    plan.mode = mode, plan.units = 3;
    if (plan.recursive()) plan.error_quantiles.assign(12, 0);
    const Windows windows(plan, data.set);
    windows.fit_scale(plan, data);
    Network network = make_network(plan);
    network.initialise(1);
    Data other = data;
    other.set.series[0].values = 100 + 50 * data.set.series[0].values.array();
    const Windows changed(plan, other.set);
    const auto made = forecasts(network, plan, windows, {{0, 8}}, 1).front();
    CHECK((forecasts(network, plan, changed, {{0, 8}}, 1).front().array() - 100 - 50 * made.array()).abs().maxCoeff() <
          1e-2);
  }
}

TEST_CASE("windows: refuses channels that do not vary in the training part") {
  Data data = some_data(12, 8, 10);
  Plan plan = some_plan("none");
  data.set.series[0].values.row(1).head(8).setConstant(5);
  CHECK_THROWS_MATCHES(Windows(plan, data.set).fit_scale(plan, data), ValueError,
                       says("b must vary in the training part, got only 5"));
  data.set.series[0].values(1, 7) = 6;
  Windows(plan, data.set).fit_scale(plan, data);
}

TEST_CASE("windows: logarithms need values above 0") {
  Data data = some_data(12, 8, 10);
  data.set.series[0].values(1, 3) = 0;
  CHECK_THROWS_MATCHES(Windows(some_plan("log"), data.set), ValueError,
                       says("b at step 3 must be above 0 with --transform log, got 0"));
}

}  // namespace test_windows
