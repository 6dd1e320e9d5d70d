#include <fstream>
#include <har/report.hpp>
#include <har/search.hpp>
#include <har/stand_in.hpp>
#include <har/stream_task.hpp>
#include <har/study_report.hpp>
#include <set>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_parts {

using namespace unroll;
using namespace har;

namespace {

constexpr StandIn small{.train = 24, .test = 12, .train_people = 3, .test_people = 2};

Options small_study() {
  Options options;
  options.cell = "elman", options.pool = "last", options.optimizer = "sgd", options.validation = "0.25";
  options.space = {.batch = {"8"}, .units = {"3", "4"}, .rate = {"0.05"}};
  options.seeds.runs = {2}, options.epochs = 2, options.running.threads = 2, options.setting = {0, 0, 0};
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
  CHECK(details_of(data, Options{}, 1).outputs == recordings.classes);
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

TEST_CASE("study: runs every setting and seed once, and loads runs that have a valid file") {
  const support::TemporaryFolder folder;
  const Data data = prepare(make_stand_in(small));
  Options options = small_study();
  options.patience = 2;
  const auto run = [&] { return run_study(options, data, Runs(options, data, folder.path), [](const Run&) {}); };
  const Study first = run();
  REQUIRE(first.rows.size() == 2);
  CHECK(first.loaded == 0);
  CHECK(first.rows[0].setting == Setting{8, 3, 0.05});
  const Run& last = first.rows[1].runs[1];
  CHECK(last.setting.units == 4);
  CHECK(last.seed == 2);
  REQUIRE(last.record.best_epoch > 0);
  CHECK(validation_accuracy(last, 2, options) == Approx(last.validation.top[0]));
  const Run& tested = first.selected().runs[0];
  CHECK(tested.test.confusion.sum() == 12);
  CHECK(first.rows[1 - first.chosen].runs[0].test.top.empty());  // only the selected setting is tested
  std::ofstream(folder.path / "batch8-units3-rate0.05-seed2.json") << "{\"of\": ";  // as after a crash
  std::filesystem::remove(folder.path / "batch8-units4-rate0.05-seed1.json");
  options.running.threads = 1;
  const Study second = run();
  CHECK(second.loaded == 2);
  CHECK(second.chosen == first.chosen);
  for (std::size_t k = 0; k < 2; ++k)
    for (std::size_t seed = 0; seed < 2; ++seed) {
      const Run &a = first.rows[k].runs[seed], &b = second.rows[k].runs[seed];
      CHECK(a.training.top == b.training.top);
      CHECK(a.validation.loss == b.validation.loss);
      CHECK(a.test.top == b.test.top);
      CHECK(a.record.best_epoch == b.record.best_epoch);
    }
  options.epochs = 3;  // the runs continue from their checkpoints
  const Study longer = run();
  CHECK(longer.loaded == 0);
  CHECK(longer.rows[0].runs[0].record.history[1].loss == first.rows[0].runs[0].record.history[1].loss);
  options.test_all = true;
  CHECK(run().rows[0].runs[1].test.top.size() == 3);
}

TEST_CASE("study: other validation data repeat the runs") {
  const support::TemporaryFolder folder;
  const Data data = prepare(make_stand_in(small));
  const Options options = small_study();
  CHECK(run_study(options, data, Runs(options, data, folder.path), [](const Run&) {}).loaded == 0);
  Data others = data;
  std::ranges::reverse(others.people);
  REQUIRE(others.people != data.people);
  for (const auto& entry : std::filesystem::directory_iterator(folder.path))
    if (entry.path().filename().string().starts_with("checkpoint")) std::filesystem::remove(entry.path());
  CHECK(run_study(options, others, Runs(options, others, folder.path), [](const Run&) {}).loaded == 0);
}

TEST_CASE("study: successive halving trains the better half on, with the same bits as a grid") {
  const support::TemporaryFolder folder, whole;
  const Data data = prepare(make_stand_in(small));
  Options options = small_study();
  options.space.rate = {"0.01", "0.05"}, options.epochs = 4, options.search = "halving", options.trials = 4;
  const Study halved = run_study(options, data, Runs(options, data, folder.path), [](const Run&) {});
  std::multiset<Index> epochs;
  for (const Row& row : halved.rows) epochs.insert(row.epochs);
  CHECK(epochs == std::multiset<Index>{1, 1, 2, 4});
  CHECK(halved.selected().epochs == 4);
  options.search = "grid";
  const Study grid = run_study(options, data, Runs(options, data, whole.path), [](const Run&) {});
  for (const Row& row : grid.rows)
    if (row.setting == halved.selected().setting)
      CHECK(row.runs[0].record.history[3].validation_loss ==
            halved.selected().runs[0].record.history[3].validation_loss);
}

TEST_CASE("search: random settings are different, within their ranges, and depend only on the seed") {
  Options options;
  options.search = "random", options.trials = 20;
  options.space = {.batch = {"8", "16"}, .units = {"4:64"}, .rate = {"0.001:0.1"}};
  const auto settings = settings_of(options);
  REQUIRE(settings.size() == 20);
  CHECK(settings == settings_of(options));
  Index small_rates = 0;
  for (const Setting& setting : settings) {
    CHECK((setting.batch == 8 || setting.batch == 16));
    CHECK(setting.units >= 4);
    CHECK(setting.units <= 64);
    CHECK(setting.rate >= 0.001);
    CHECK(setting.rate <= 0.1);
    small_rates += setting.rate < 0.01;
  }
  CHECK(small_rates >= 5);  // the logarithm is uniform
  CHECK(small_rates <= 15);
  options.seeds.seed = 2;
  CHECK(settings != settings_of(options));
  options.space = {.batch = {"8"}, .units = {"4", "5"}, .rate = {"0.1"}};
  CHECK_THROWS_WITH(settings_of(options), Catch::Contains("--trials must be at most 2"));
}

TEST_CASE("search: ranges and rungs") {
  CHECK(range_of("3")->high == 3);
  CHECK(range_of("0.5:8")->low == 0.5);
  for (const char* wrong : {"", "8:3", "0:3", "a", "1:", "1:2:3", "nan", "-1"}) CHECK_FALSE(range_of(wrong));
  CHECK(halving_epochs(8, 40) == std::vector<Index>{5, 10, 20, 40});
  CHECK(halving_epochs(8, 2) == std::vector<Index>{1, 2});
  CHECK(halving_epochs(1, 7) == std::vector<Index>{7});
}

TEST_CASE("model file: keeps options, standardization, classes and people") {
  const support::TemporaryFolder folder;
  const Data data = prepare(make_stand_in(small));
  Options options;
  options.cell = "elman", options.setting.units = 3;
  Network network = make_network(options, 3, 6);
  network.initialise(1);
  const std::string file = (folder.path / "model.safetensors").string();
  save_and_check(network, file, options, details_of(data, options, 1));
  const TrainedModel model = read_trained(file);
  CHECK(model.network.parameters().values() == network.parameters().values());
  CHECK(model.options.cell == "elman");
  CHECK(model.classes() == data.classes);
  CHECK(model.data() == "stand-in");
  std::set<std::string> people;
  for (const Index person : data.people) people.insert(text(person));
  CHECK(model.people() == people);
  CHECK(model.details.sample_rate == 20.0);
  CHECK(model.details.window == 150);
  CHECK(model.standardizer().mean() == data.mean);
  CHECK_THROWS_WITH(check_fits(model, {"a"}, 3, 20), Catch::Contains("the classes of the data must be"));
  CHECK_THROWS_WITH(check_fits(model, data.classes, 2, 20), Catch::Contains("must have 3 channels"));
  CHECK_THROWS_WITH(check_fits(model, data.classes, 3, 50), Catch::Contains("must have 20 steps per second"));
  save(network, file);
  CHECK_THROWS_WITH(read_trained(file), Catch::Contains("must be a model that har has trained"));
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

TEST_CASE("prepare: refuses training data of one class") {
  Recordings recordings = make_stand_in(small);
  recordings.train = Dataset<float>::labelled({recordings.train.sequence(0), recordings.train.sequence(1)}, {3, 3}, 6);
  recordings.people = {};
  CHECK_THROWS_WITH(prepare(recordings),
                    Catch::Contains("must have sequences of at least 2 classes, got only 'standing'"));
}

TEST_CASE("model file: has a hash of each training sequence, also of those of the model that is trained on") {
  const support::TemporaryFolder folder;
  const auto file = [&](const char* name) { return (folder.path / name).string(); };
  const Recordings recordings = make_stand_in(small),
                   others = make_stand_in({.train = 12, .test = 6, .train_people = 3, .test_people = 2, .seed = 2});
  const Data data = prepare(recordings);
  const Options options;
  Network network = make_network(options, 3, 6);
  network.initialise(1);
  save_and_check(network, file("a"), options, details_of(data, options, 1));
  const TrainedModel first = read_trained(file("a"));
  CHECK(first.sequences().size() == std::size_t(recordings.train.size()));
  CHECK(first.sequences().contains(sequence_hash(recordings.train.sequence(5))));
  CHECK_FALSE(first.sequences().contains(sequence_hash(recordings.test.sequence(0))));
  save_and_check(network, file("b"), options, details_of(prepare(others), options, 1, &first));
  CHECK(read_trained(file("b")).sequences().size() == std::size_t(recordings.train.size() + others.train.size()));
}

TEST_CASE("every-step loss: only the output of the last step is evaluated") {
  const Data data = prepare(make_stand_in(small));
  const support::TemporaryFolder folder;
  Options options = small_study();
  options.every_step = true;
  options.setting = {8, 3, 0.05};
  const Runs runs(options, data, folder.path);
  const Run run = runs.train({{options.setting, 1, 2}}, true, true).front();
  CHECK(run.record.history.size() == 2);
  CHECK(run.test.confusion.sum() == 12);
  CHECK(outputs(runs.network_of(run), data.test, 1)[0].cols() == 1);
}

TEST_CASE("streams: the rare class is predicted when its probability is above one half") {
  const support::TemporaryFolder folder;
  const StreamParts parts = make_gait_stand_in({.people = 1, .seconds = 60}, 0.5);
  Options options;
  options.stream = true, options.cell = "elman", options.seeds.runs = {1}, options.epochs = 1, options.window = 64;
  options.setting = {8, 4, 0.01};
  options.directions = {"forward"};
  const StreamResults results =
      run_streams(options, parts, folder.path, false, nullptr, folder.path / "m.safetensors", [](const StreamRun&) {});
  for (const StreamRun& run : results.runs)
    CHECK((run.probability.array() > 0.5).count() == run.confusion.col(results.rare).sum());
}

TEST_CASE("streams: logistic regression and both directions are scored on the same steps") {
  const support::TemporaryFolder folder;
  const StreamParts parts = make_gait_stand_in({.people = 2, .seconds = 40}, 0.5);
  Options options;
  options.stream = true, options.cell = "elman", options.seeds.runs = {1}, options.epochs = 2, options.window = 50;
  options.setting = {8, 4, 0.01};
  for (const bool carry : {false, true}) {
    options.carry = carry;
    options.directions =
        carry ? std::vector<std::string>{"forward"} : std::vector<std::string>{"forward", "bidirectional"};
    const StreamResults results = run_streams(options, parts, folder.path, false, nullptr,
                                              folder.path / "m.safetensors", [](const StreamRun&) {});
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
