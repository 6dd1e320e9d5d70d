#include <fstream>
#include <har/report.hpp>
#include <har/stand_in.hpp>
#include <har/stream_task.hpp>
#include <har/study_report.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_parts {

using namespace unroll;
using namespace har;

namespace {

constexpr StandIn small{.train = 24, .test = 12, .train_people = 3, .test_people = 2};

Options small_study() {
  Options options;
  options.cell = "elman", options.pool = "last", options.optimizer = "sgd", options.validation = 0.25;
  options.all_batches = {8}, options.all_units = {3, 4}, options.all_rates = {0.05};
  options.seeds = 2, options.epochs = 2, options.threads = 2;
  return options;
}

}  // namespace

TEST_CASE("stand-in: has the given sizes and plausible signals, and depends only on the seed") {
  const Recordings a = make_stand_in(small), b = make_stand_in(small);
  StandIn other = small;
  other.seed = 2;
  CHECK(a.train.size() == 24);
  CHECK(a.train.features() == 3);
  CHECK(a.test.length(11) == 150);
  CHECK(a.train.labels(7)[0] == 1);
  CHECK(a.train.sequence(23) == b.train.sequence(23));
  CHECK(a.test.sequence(0) == b.test.sequence(0));
  CHECK(a.train.sequence(0) != make_stand_in(other).train.sequence(0));
  // Sitting and standing people measure mostly gravity.
  CHECK(a.train.sequence(3).colwise().norm().mean() == Approx(1).margin(0.15));
  CHECK((a.train.sequence(2).colwise() - a.train.sequence(2).rowwise().mean()).norm() < 0.5);
  CHECK((a.train.sequence(5).colwise() - a.train.sequence(5).rowwise().mean()).norm() > 1);
}

TEST_CASE("gait stand-in: some steps are frozen, and the later part is test data") {
  const StreamParts parts = make_gait_stand_in({.people = 2, .seconds = 60}, 0.25);
  REQUIRE(parts.train.size() == 2);
  CHECK(parts.train[0].labels.size() == 45 * 64);
  CHECK(parts.test[1].channels.cols() == 15 * 64);
  CHECK(parts.train[0].channels.rows() == 9);
  const double frozen = parts.train[0].labels.cast<double>().mean();
  CHECK(frozen > 0.02);
  CHECK(frozen < 0.4);
  CHECK(parts.train[0].channels == make_gait_stand_in({.people = 1, .seconds = 60}, 0.25).train[0].channels);
}

TEST_CASE("class names: remain distinct in details and text for any characters") {
  Recordings recordings = make_stand_in(small);
  recordings.classes = {"walking", "walking upstairs", "a, b", "\"c\"", "d|e", ""};
  const Data data = prepare(recordings);
  CHECK(details_of(data, Options{}).outputs == recordings.classes);
  CHECK(data_text(data).find("('walking', 'walking upstairs', 'a, b', '\"c\"', 'd|e', '')") != std::string::npos);
}

TEST_CASE("class loss: sigmoid outputs have target 1 for the label's class and 0 for the others") {
  const ClassLoss loss({.sigmoid = true, .classes = 3});
  MatrixX<float> z(3, 2), d(3, 2);
  z << 0.5f, -1, 2, 0.25f, -0.75f, 3;
  const Labels labels = (Labels(2) << 2, -1).finished();
  const auto value = loss(z, labels, d, {}, loss.count(labels));
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  CHECK(value.value() == Approx(softplus(0.5) + softplus(2) + softplus(0.75)));
  CHECK(loss(z, labels).value() == Approx(value.value()));
  for (Index k = 0; k < 3; ++k) {
    CHECK(d(k, 0) == Approx(1 / (1 + std::exp(-z(k, 0))) - (k == 2 ? 1 : 0)));
    CHECK(d(k, 1) == 0);
  }
}

TEST_CASE("study: runs every setting and seed once, and skips runs that have a valid file") {
  const support::TemporaryFolder folder;
  const Data data = prepare(make_stand_in(small));
  Options options = small_study();
  options.patience = 2;
  const auto ignore = [](const Outcome&, bool) {};
  const Study first = run_study(options, data, folder.path, ignore);
  REQUIRE(first.runs.size() == 4);
  CHECK(first.resumed == 0);
  CHECK(first.runs[0].setting == Setting{8, 3, 0.05});
  CHECK(first.runs[3].setting.units == 4);
  CHECK(first.runs[3].seed == 2);
  CHECK(first.runs[3].confusion.sum() == 12);
  REQUIRE(first.runs[3].best_epoch > 0);
  CHECK(first.runs[3].validation() ==
        first.runs[3].history[std::size_t(first.runs[3].best_epoch - 1)].validation_accuracy);
  std::ofstream(folder.path / "batch8-units3-rate0.05-seed2.json") << "{\"of\": ";  // as after a crash
  std::filesystem::remove(folder.path / "batch8-units4-rate0.05-seed1.json");
  const Study second = run_study(options, data, folder.path, ignore);
  CHECK(second.resumed == 2);
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(second.runs[k].top == first.runs[k].top);
    CHECK(second.runs[k].loss == first.runs[k].loss);
    CHECK(second.runs[k].confusion == first.runs[k].confusion);
    CHECK(second.runs[k].best_epoch == first.runs[k].best_epoch);
    CHECK(first.runs[k].best_epoch > 0);
    CHECK(second.runs[k].history.back().validation_loss == first.runs[k].history.back().validation_loss);
  }
  Data others = data;
  std::ranges::reverse(others.people);  // gives other validation data
  REQUIRE(others.people != data.people);
  CHECK(run_study(options, others, folder.path, ignore).resumed == 0);
  options.epochs = 1;
  CHECK(run_study(options, others, folder.path, ignore).resumed == 0);
  options.all_rates = {1e9}, options.all_units = {3}, options.seeds = 1, options.epochs = 20;
  const Study wild = run_study(options, data, folder.path, ignore);
  CHECK((!wild.runs[0].diverged.empty() || wild.runs[0].top.size() == 3));
}

TEST_CASE("study: the setting is chosen by validation data, not by test data") {
  const Data data = prepare(make_stand_in(small));
  Study study;
  const auto add = [&](Index units, double validation, double test) {
    for (const std::uint64_t seed : {1u, 2u}) {
      Outcome run{.setting = {8, units, 0.1}, .seed = seed, .top = {test, test + 0.1, 1}};
      run.history.resize(3);
      run.history[1].validation_accuracy = validation;
      run.history[2].validation_accuracy = 1;  // of parameters that were not kept
      run.best_epoch = 2;
      study.runs.push_back(run);
    }
  };
  add(3, 0.5, 0.9), add(4, 0.75, 0.25), add(5, 0.25, 0.95);
  const Threads one(1);
  for (const std::uint64_t seed : {1u, 2u}) study.baseline.push_back(train_baseline(data, seed, one));
  const auto rows = rows_of(study);
  CHECK(chosen_of(rows).setting.units == 4);
  CHECK(rows[1].validation.mean == Approx(0.75));
  CHECK(rows[1].epochs == 3);
  Options options = small_study();
  const std::string words = study_text(study, options, data);
  CHECK(words.find("selected by validation data: batch 8, 4 units, rate 0.1; top-1 25.0 % +- 0.0 on 12 test sequences "
                   "of other people than the training data. Test results were not used for the selection.\n") !=
        std::string::npos);
  CHECK(nlohmann::json::parse(study_json(study, options, data)).at("chosen_by_validation").at("units") == 4);
  study.runs[2].diverged = study.runs[3].diverged = "a number";
  study.runs[2].top.clear(), study.runs[3].top.clear();
  CHECK(chosen_of(rows_of(study)).setting.units == 3);
}

TEST_CASE("validation split: holds out whole people when people are known") {
  Recordings recordings = make_stand_in({.train = 60, .test = 12, .train_people = 10, .test_people = 2});
  Data data = prepare(recordings);
  CHECK(data.other_people);
  REQUIRE(data.people.size() == 60);
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const Split split = validation_split(data, 0.25, seed);
    CHECK(split.kept.size() + split.held_out.size() == 60);
    CHECK(std::abs(Index(split.held_out.size()) - 15) <= 6);
    for (const Index held : split.held_out)
      for (const Index kept : split.kept) CHECK(data.people[std::size_t(held)] != data.people[std::size_t(kept)]);
  }
  CHECK(validation_split(data, 0.25, 1).held_out != validation_split(data, 0.25, 2).held_out);
  CHECK(validation_split(data, 0.99, 1).kept.size() > 0);
  for (std::size_t k = 0; k < 60; ++k) data.people[k] = Index(k / 6);
  CHECK(validation_split(data, 0.28, 1).held_out.size() == 18);  // nearer to 16.8 than 12 is
  data.people.clear();
  CHECK(validation_split(data, 0.25, 1).held_out == stratified_split(data.train, 0.25, 1).held_out);
}

TEST_CASE("prepare: reports test sequences that are also training sequences") {
  Recordings recordings = make_stand_in(small);
  std::vector<MatrixX<float>> sequences{recordings.test.sequence(0), recordings.train.sequence(5)};
  recordings.test = Dataset<float>::labelled(std::move(sequences), {0, 5}, 6);
  const Data data = prepare(recordings);
  CHECK_FALSE(data.other_people);
  CHECK(data.remarks.back() == "1 of the 2 test sequences are also training sequences");
  CHECK(tested_text(data) == "test sequences");
}

TEST_CASE("every-step loss: only the output of the last step is evaluated") {
  const Data data = prepare(make_stand_in(small));
  Options options = small_study();
  options.every_step = true;
  options.setting = {8, 3, 0.05};
  Network network = make_network(options, 3, 6);
  const Run run = train(network, options, data, 1, 1);
  CHECK(run.fit.history.size() == 2);
  CHECK(run.confusion.scored() == 12);
  CHECK(outputs(network, data, 1)[0].cols() == 1);
}

TEST_CASE("streams: the rare class is predicted when its probability is above one half") {
  const StreamParts parts = make_gait_stand_in({.people = 1, .seconds = 60}, 0.5);
  Options options;
  options.stream = true, options.cell = "elman", options.seeds = 1, options.epochs = 1, options.window = 64;
  options.setting = {8, 4, 0.01};
  options.directions = {"forward"};
  const StreamResults results = run_streams(options, parts, [](const StreamRun&) {});
  for (const StreamRun& run : results.runs)
    CHECK((run.probability.array() > 0.5).count() == run.confusion.col(results.rare).sum());
}

TEST_CASE("streams: logistic regression and both directions are scored on the same steps") {
  const StreamParts parts = make_gait_stand_in({.people = 2, .seconds = 40}, 0.5);
  Options options;
  options.stream = true, options.cell = "elman", options.seeds = 1, options.epochs = 2, options.window = 50;
  options.setting = {8, 4, 0.01};
  for (const bool carry : {false, true}) {
    options.carry = carry;
    options.directions =
        carry ? std::vector<std::string>{"forward"} : std::vector<std::string>{"forward", "bidirectional"};
    const StreamResults results = run_streams(options, parts, [](const StreamRun&) {});
    CHECK(results.rare == 1);
    CHECK(results.runs.size() == 1 + options.directions.size());
    for (const StreamRun& run : results.runs) {
      CHECK(run.confusion.sum() == 2 * 20 * 64);
      CHECK(run.probability.size() == 20 * 64);
      CHECK(run.area > 0);
      CHECK(run.area <= 1);
    }
  }
}

}  // namespace test_parts
