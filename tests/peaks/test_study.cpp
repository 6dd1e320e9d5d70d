#include <algorithm>
#include <peaks/report.hpp>

#include "support/catch.hpp"

namespace test_study {

using namespace peaks;
using namespace unroll;

namespace {

Run run_with(Index found, Index missed, Index extra) {
  Run run;
  run.epochs.push_back({{.seconds = 2}, {.score = {found, missed, extra, 10}}});
  run.test = run.score();
  return run;
}

Options asked(const std::string& study) {
  Options options;
  options.study = study;
  return options;
}

}  // namespace

TEST_CASE("peaks study: a study changes its option and no other") {
  CHECK(with_value(asked("learning-rate"), 0.5).training.rate == 0.5);
  CHECK(with_value(asked("units"), 5).model.units == 5);
  CHECK(with_value(asked("layers"), 3).model.layers == 3);
  CHECK(with_value(asked("samples"), 77).events == 77);
  CHECK(with_value(asked("asymmetry"), 4).training.asymmetry == 4);
  CHECK_THROWS_MATCHES(with_value(asked("units"), 0.5), ValueError,
                       says("--values must be whole numbers of at least 1 with the study units, got 0.5"));
  for (const std::string& name : study_names()) CHECK(ladder(asked(name)).size() >= 3);
}

TEST_CASE("peaks study: the summary over seeds has mean and sample deviation") {
  Point point;
  point.runs = {run_with(90, 10, 1), run_with(80, 20, 3)};
  point.runs[1].collapse = "collapsed";
  const PointSummary summary = summary_of(point);
  CHECK(summary.efficiency.mean == Approx(85));
  CHECK(summary.efficiency.sample_deviation == Approx(std::sqrt(50.0)));
  CHECK(summary.false_rate.mean == Approx(0.2));
  CHECK(summary.seconds.mean == Approx(2));
  CHECK(summary.collapsed == 1);
}

TEST_CASE("peaks study: the time of an epoch is the median over all epochs") {
  Point point;
  point.runs.emplace_back();
  for (const double seconds : {5.0, 1.0, 2.0})
    point.runs[0].epochs.push_back({{.seconds = seconds}, {.score = {1, 1, 1, 10}}});
  CHECK(summary_of(point).seconds.mean == 2);
}

TEST_CASE("peaks training: the rate falls after seven tenths of all epochs for any warm-up") {
  const Events events = make_events({.bins = 100}, 0, 2);
  Network network = make_network(completed({"cnn", 0, 2}));
  TrainingOptions options;
  options.epochs = 10, options.warm_up = 3, options.rate = 0.5e-3, options.threads = 1;
  const Run run = train(network, options, events, events, Search().scaled_to(4), 1, [](const RunEpoch&) {});
  REQUIRE(run.epochs.size() == 10);
  for (std::size_t k = 0; k < 10; ++k) {
    INFO(k);
    CHECK(run.epochs[k].numbers.learning_rate == Approx(k < 7 ? 0.5e-3 : 0.15e-3));
  }
}

TEST_CASE("peaks training: each phase has a different order of events") {
  const Events events = make_events({.bins = 100}, 0, 12);
  TrainingOptions options;
  options.batch = 6, options.rate = 0, options.threads = 1;  // constant parameters
  // Gradient norm of the first epoch with the log-ratio loss. It depends on which events share a batch.
  const auto norm_after = [&](Index warm_up, std::uint64_t seed) {
    options.epochs = warm_up + 1, options.warm_up = warm_up;
    Network network = make_network(completed({"cnn", 0, 2})), initial = network;
    const Run run = train(network, options, events, events, Search().scaled_to(4), seed, [](const RunEpoch&) {});
    initial.initialise(seed);
    REQUIRE(run.parameters == initial.parameters().values());
    return run.epochs.back().numbers.gradient_norm;
  };
  for (const std::uint64_t seed : {1u, 2u, 5u, 1000u}) {
    INFO(seed);
    const double first = norm_after(0, seed), second = norm_after(1, seed), third = norm_after(2, seed);
    CHECK(second != Approx(first).epsilon(1e-5));
    CHECK(third != Approx(first).epsilon(1e-5));
    CHECK(third != Approx(second).epsilon(1e-5));
  }
}

TEST_CASE("peaks study: the result is the test score of the value chosen by validation events") {
  Options options = asked("units");
  Point few, many;
  few.value = 4, many.value = 8;
  few.runs = {run_with(50, 50, 0)};
  many.runs = {run_with(90, 10, 1)};
  few.runs[0].test = Score{95, 5, 0, 10};  // better, but the choice must not use it
  many.runs[0].test = Score{80, 20, 2, 10};
  const Events test = make_events({.bins = 100}, 0, 2);
  CHECK(result_text(options, {few, many}, test) ==
        "selected by validation events: units 8, efficiency 80.0 % at 0.20 false positives per event, 2 test events, "
        "seed 1\n");
  CHECK(study_text(options, {few, many}) ==
        "\nunits (validation events)\n  4       50.0 % at 0.00\n  8       90.0 % at 0.10\n\n");
}

TEST_CASE("peaks study: training, validation and test events of the toy differ") {
  Options options = asked("samples");
  options.values = {2, 5};
  options.events = 3, options.test_events = 2, options.toy.bins = 100;
  const EventSets sets = peaks::read_events(options);
  CHECK(sets.training.data.size() == 5);
  CHECK(sets.test.data.size() == 2);
  CHECK(sets.training_hashes == hashes_of(sets.training));
  CHECK(sets.training.input(0) != sets.test.input(0));
  CHECK(sets.validation.input(0) != sets.training.input(0));
  CHECK(sets.validation.input(0) != sets.test.input(0));
  options.study.clear();
  options.validation = "0.3";
  const EventSets shared = peaks::read_events(options);
  CHECK(shared.training.data.size() == 2);
  CHECK(shared.validation.data.size() == 1);
  CHECK(shared.validation.input(0) == sets.training.input(2));
}

TEST_CASE("peaks study: only the chosen value is tested, by its trained network") {
  Options options = asked("units");
  options.values = {2, 3};
  options.events = 3, options.test_events = 2, options.seeds.runs = {2}, options.toy.bins = 200;
  options.model = completed({"cnn", 0, 2});
  options.training.epochs = 2, options.training.warm_up = 1, options.running.threads = 1;
  const EventSets sets = peaks::read_events(options);
  const auto points = run(options, sets, {}, [](const std::string&) {});
  const Point& best = best_of(points);
  for (const Point& point : points)
    for (const Run& each : point.runs) CHECK(each.test.has_value() == (&point == &best));
  // A separate run with that value gives the same test score.
  Options single = with_value(options, best.value);
  single.study.clear(), single.values.clear();
  const auto alone = run(single, sets, {}, [](const std::string&) {});
  CHECK(alone[0].runs[1].parameters == best.runs[1].parameters);
  CHECK(alone[0].runs[1].test->found == best.runs[1].test->found);
  CHECK(alone[0].runs[1].test->extra == best.runs[1].test->extra);
}

TEST_CASE("peaks study: events in both training and test data are reported") {
  const Events events = make_events({.bins = 100}, 0, 4);
  const auto shared = [](const Events& training, const Events& others) {
    const auto hashes = hashes_of_training(training);
    CHECK(hashes == hashes_of(training));
    return std::ranges::count(are_among(hashes_of(others), {hashes.begin(), hashes.end()}), true);
  };
  CHECK(shared(part(events, 0, 3), part(events, 1, 4)) == 2);
  CHECK(shared(part(events, 0, 2), part(events, 2, 4)) == 0);
  // Events without tracks are all equal, but count as different events.
  const auto dark = [&](Index count) {
    std::vector<MatrixX<float>> inputs(std::size_t(count), MatrixX<float>::Zero(4, 100)), targets;
    for (Index k = 0; k < count; ++k) targets.push_back(events.target(k));
    return Events{in_memory(std::move(inputs), std::move(targets)), "dark", {}, "toy"};
  };
  CHECK(shared(dark(2), dark(3)) == 0);
  const Events empty{in_memory({events.input(0)}, {MatrixX<float>::Zero(1, 100)}), "empty", {}, "toy"};
  CHECK_THROWS_MATCHES(hashes_of_training(empty), ValueError,
                       says("empty: the targets of the training events must have peaks, got none"));
  const EventSets sets{part(events, 0, 3), part(events, 2, 4), part(events, 2, 4), 1};
  CHECK(data_text(sets).find("\n1 of the test events are also training events\n") != std::string::npos);
}

TEST_CASE("peaks study: the fixed threshold is chosen by training events") {
  const Search search = Search().scaled_to(4);
  const Events training = make_events({.bins = 100}, 0, 20), test = make_events({.bins = 100}, 1, 20);
  const Baseline baseline = threshold_baseline(training, test, search);
  for (const double level : {0.02, 0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.3, 0.5})
    CHECK(level_scores(training, {level}, search)[0].f1() <= level_scores(training, {baseline.level}, search)[0].f1());
  CHECK(baseline.score.found == level_scores(test, {baseline.level}, search)[0].found);
  // If no level finds any peak, all are equal and the highest is chosen.
  const Events dark{in_memory({MatrixX<float>::Zero(4, 100)}, {training.target(0)}), "dark", {}, "toy"};
  CHECK(threshold_baseline(dark, test, search).level == 0.5);
}

TEST_CASE("peaks study: the memory estimate falls with recomputed values and grows with the batch") {
  Options options;
  options.model = completed({"rnn", 0, 0});
  const Network network = make_network(options.model);
  const std::size_t usual = needed_bytes(options, network, 240, 4000);
  options.training.recompute = true;
  CHECK(needed_bytes(options, network, 240, 4000) < usual / 2);
  options.training.recompute = false;
  options.training.batch = 8;
  CHECK(needed_bytes(options, network, 240, 4000) > usual);
  CHECK(needed_bytes(options, network, 4, 4000) == usual);
}

}  // namespace test_study
