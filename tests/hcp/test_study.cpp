#include <algorithm>
#include <cmath>
#include <fstream>
#include <hcp/model_file.hpp>
#include <hcp/predictions.hpp>
#include <hcp/report.hpp>
#include <hcp/study.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <support/fingerprint.hpp>
#include <unroll/io/formats/safetensors.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_study {

using namespace unroll;
using namespace hcp;

namespace {

Options small() {
  Options options;
  options.stand_in = {.participants = 7, .regions = 6};
  options.steps = 24;
  options.test_participants = 2;
  options.model.units = 4;
  options.training.epochs = 1;
  options.folds = 3;
  return options;
}

}  // namespace

TEST_CASE("study: participants of training, test and folds are disjoint") {
  const Options options = small();
  const Data data = make_stand_in(options.stand_in, options.steps);
  const Division division = divide(options, data);
  CHECK(division.training == std::vector<Index>{0, 1, 2, 3, 4});
  CHECK(division.test == std::vector<Index>{5, 6});
  std::set<Index> seen;
  for (const auto& fold : folds_of(division.training, 3, 1)) {
    CHECK((fold.size() == 1 || fold.size() == 2));
    for (const Index p : fold) CHECK(seen.insert(p).second);
  }
  CHECK(seen == std::set<Index>{0, 1, 2, 3, 4});
  CHECK(folds_of(division.training, 3, 1) == folds_of(division.training, 3, 1));
  CHECK(folds_of(division.training, 3, 1) != folds_of(division.training, 3, 2));
  const auto some = held_out(division.training, 0.4, 1);
  CHECK(some.size() == 2);
  for (const Index p : some) CHECK(p <= 4);
  CHECK(held_out(division.training, 0, 1).empty());
  CHECK(held_out(division.training, 0.01, 1).size() == 1);
  CHECK_THROWS_MATCHES(held_out({3}, 0.5, 1), ValueError, says("--validation must leave at least 1 of 1 training"));
  const Part part = part_of(data, std::vector<Index>{5, 2});
  CHECK(part.clips.size() == 36);
  CHECK(part.group.front() == 1);  // participant 2 comes first in the data
  CHECK(part.group.back() == 0);
}

TEST_CASE("study: cross-validation scores every step of every training participant once") {
  const Options options = small();
  const Data data = make_stand_in(options.stand_in, options.steps);
  const Division division = divide(options, data);
  Results results;
  std::size_t told = 0;
  Run run{.seed = 1};
  cross_validate(options, data, division, results, run, [&](const Fold&) { ++told; });
  const Interval accuracy = *run.cross_validation;
  CHECK(told == 3);
  CHECK(results.folds.size() == 3);
  REQUIRE(results.cross_validation);
  CHECK(results.cross_validation->steps.accuracy().value == accuracy.value);
  CHECK(results.cross_validation->steps.scored() == 5 * 18 * 24);
  CHECK(results.cross_validation->confusion.sum() == 5 * 18 * 24);
  REQUIRE(results.cross_validation->at_step.size() == 24);
  CHECK(results.cross_validation->sequences_at == std::vector<Index>(24, 5 * 18));
  double mean = 0;
  for (const auto& at : results.cross_validation->at_step) mean += at.accuracy().value / 24;
  CHECK(mean == Approx(results.cross_validation->steps.accuracy().value));
  CHECK(results.chance.majority == Approx(4 / 18.0));
  CHECK(run.tested.size() == 5);
  Hits all;
  for (const Hits& hits : run.of_person) all += hits;
  CHECK(run.of_person.size() == 5);
  CHECK(all.scored == 5 * 18 * 24);
  CHECK(all.value() == Approx(accuracy.value));
}

TEST_CASE("study: every kind of model is restored from its file and does not see lengths") {
  Options options = small();
  options.model.kind = GENERATE(from_range(model_kinds()));
  options.model.dropout = 0.25;
  options.validation = 0.2;
  options.training.patience = 1;
  INFO(options.model.kind);
  const Data data = make_stand_in(options.stand_in, options.steps);
  const Division division = divide(options, data);
  const auto model = make_model(options.model, data.clips.features(), 15);
  model->initialise(1);
  const Training training = train_model(*model, options, data, division, 1, [](const Epoch&) {});
  REQUIRE(training.history.size() == 1);
  CHECK(training.best_epoch == 1);
  CHECK(training.history[0].validation_loss > 0);
  const support::TemporaryFolder folder;
  const auto path = folder.path / "m.safetensors";
  write_model(path, *model, options.model, options.steps, data.classes, trained_on(data, division.training),
              {{"seed", "1"}}, data.clips.sequence(0));
  const ModelFile file = read_model(path);
  CHECK(file.options.kind == options.model.kind);
  CHECK(file.options.units == 4);
  CHECK(file.options.dropout == 0.25);
  CHECK(file.regions == 6);
  CHECK(file.steps == 24);
  CHECK(file.classes == clip_names());
  CHECK(file.trained_on->participants.size() == 5);
  CHECK(file.model->predict(data.clips) == model->predict(data.clips));
  CHECK_FALSE(model->sees_length());
  const MatrixX<double> weights = model->attention(data.clips.sequence(4));
  CHECK((weights.size() > 0) == (options.model.kind == "attention"));
  for (Index t = 0; t < weights.cols(); ++t) {
    CHECK(weights.col(t).sum() == Approx(1).epsilon(1e-5));
    CHECK(weights.col(t).tail(weights.rows() - t - 1).isZero(0));  // later steps are not attended to
  }
  Results results;
  Run run;
  test_model(*model, data, division.test, trained_on(data, division.training), results, run);
  CHECK(results.main().steps.groups() == 2);
  CHECK(run.test->value == results.main().steps.accuracy().value);
}

TEST_CASE("study: refuses a model file of another program") {
  const support::TemporaryFolder folder;
  SafeTensors file;
  file.metadata["details"] = R"({"training": {"program": "har"}})";
  write_safetensors(folder.path / "m.safetensors", file);
  CHECK_THROWS_MATCHES(read_model(folder.path / "m.safetensors"), FileError, says("must be a model of hcp, got"));
  file.metadata["details"] = R"({"training": {"program": "hcp", "model": "gru", "units": "many"}})";
  write_safetensors(folder.path / "m.safetensors", file);
  CHECK_THROWS_MATCHES(read_model(folder.path / "m.safetensors"), FileError,
                       says("the entry 'units' of its training must be a number from 1 to 4096, got 'many'"));
}

TEST_CASE("study: participants are selected by name or by a file of names") {
  Options options = small();
  options.folds = 0;
  const Data data = make_stand_in(options.stand_in, options.steps);
  const support::TemporaryFolder folder;
  std::ofstream(folder.path / "names") << "p3 of seed 1\n\np1 of seed 1\n";
  options.train_people = {(folder.path / "names").string()};
  options.test_participants.reset();
  CHECK(divide(options, data).training == std::vector<Index>{0, 2});
  CHECK(divide(options, data).test == std::vector<Index>{1, 3, 4, 5, 6});
  options.test_participants = 2;
  CHECK(divide(options, data).test == std::vector<Index>{5, 6});
  options.test_people = {"p2 of seed 1", "p4 of seed 1"};
  CHECK(divide(options, data).test == std::vector<Index>{1, 3});
  CHECK(tested_people(options, data) == std::vector<Index>{1, 3});
  options.test_people = {"p3 of seed 1", "p4 of seed 1"};
  CHECK_THROWS_MATCHES(divide(options, data), ValueError, says("'p3 of seed 1' must not be one of --train-people"));
  options.test_people = {"p9 of seed 1"};
  CHECK_THROWS_MATCHES(divide(options, data), ValueError,
                       says("--test-people: there is no participant 'p9 of seed 1' in"));
  options.train_people.clear();
  options.test_people = {"p3 of seed 1", "p1 of seed 1"};
  CHECK(divide(options, data).training == std::vector<Index>{1, 3, 4, 5, 6});
}

TEST_CASE("study: refuses training participants whose recordings have one class") {
  Options options = small();
  options.folds = 0;
  Data data = make_stand_in(options.stand_in, options.steps);
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> classes;
  for (Index s = 0; s < data.clips.size(); ++s) {
    sequences.push_back(data.clips.sequence(s));
    classes.push_back(data.participant[std::size_t(s)] == 0 ? 3 : data.clips.labels(s)[0]);
  }
  data.clips = labelled(std::move(sequences), classes, 15);
  options.train_people = {"p1 of seed 1"};
  CHECK_THROWS_MATCHES(
      divide(options, data), ValueError,
      says("the training participants must have sequences of at least 2 classes, got only '" + clip_names()[3] + "'"));
  options.train_people = {"p1 of seed 1", "p2 of seed 1"};
  CHECK(divide(options, data).training.size() == 2);
}

TEST_CASE("study: a continued training keeps the participants of both") {
  const TrainedOn all = joined({{"a"}, {"1"}}, {{"b", "a"}, {"2"}});
  CHECK(all.participants == std::set<std::string>{"a", "b"});
  CHECK(all.recordings == std::set<std::string>{"1", "2"});
}

TEST_CASE("predictions: class and probability of each sequence and step") {
  const Data data{labelled({MatrixX<float>::Zero(2, 2), MatrixX<float>::Zero(2, 1)}, {-1, -1}, 2),
                  {"face", "house, big"},
                  {0, 1},
                  {"ann", "bob"},
                  {3, 4},
                  "x"};
  const float third = std::log(3.f);
  const Outputs outputs{MatrixX<float>{{0, 0}, {third, 0}}, MatrixX<float>{{third}, {0}}};
  CHECK(predictions_csv(data, outputs) ==
        "sequence,participant,run,steps,class,probability\n0,ann,3,2,\"house, big\",0.625\n1,bob,4,1,face,0.75\n");
  CHECK(steps_csv(data, outputs) ==
        "sequence,step,class,probability\n0,0,\"house, big\",0.75\n0,1,face,0.5\n1,0,face,0.75\n");
  const auto json = nlohmann::json::parse(predictions_json(data, outputs));
  CHECK(json.at("predictions").at(0).at("probabilities").at(0) == Approx(0.375));
  CHECK(json.at("predictions").at(1).at("class") == "face");
}

TEST_CASE("study: trained participants are recognised by name and by recording") {
  const Data data = make_stand_in({.participants = 4, .regions = 3}, 24);
  const TrainedOn trained = trained_on(data, std::vector<Index>{0, 1});
  CHECK(trained.participants == std::set<std::string>{"p1 of seed 1", "p2 of seed 1"});
  CHECK(trained.recordings.size() == 36);
  const std::vector<Index> all{0, 1, 2, 3};
  CHECK(known_of(trained, data, all) == std::vector<Index>{0, 1});
  CHECK(known_of(trained, data, std::vector<Index>{3, 1}) == std::vector<Index>{1});
  Data renamed = data;
  renamed.participants = {"a", "b", "c", "p1 of seed 1"};  // new names, and an old name with other recordings
  CHECK(known_of(trained, renamed, all) == std::vector<Index>{0, 1, 3});
  CHECK(known_of(trained, make_stand_in({.participants = 4, .regions = 3, .seed = 2}, 24), all).empty());

  const TrainedOn again = trained_on_of_json(to_json(trained), "file");
  CHECK(again.participants == trained.participants);
  CHECK(again.recordings == trained.recordings);
  CHECK_THROWS_MATCHES(trained_on_of_json("{}", "m.safetensors"), FileError,
                       says("m.safetensors: metadata entry 'trained_on' must be"));
}

TEST_CASE("study: the result excludes trained participants, and reports when they are unknown") {
  const Options options = small();
  const Data data = make_stand_in(options.stand_in, options.steps);
  const auto model = make_model(options.model, data.clips.features(), 15);
  const std::vector<Index> tested{2, 3, 4, 5, 6};
  const auto said = [&](const std::optional<TrainedOn>& trained) {
    Results results;
    Run run;
    test_model(*model, data, tested, trained, results, run);
    const std::string words = result_text(results);
    CHECK(results.test->steps.scored() == double(results.test->steps.groups() * 18 * 24));
    return std::pair(results,
                     words.substr(words.find(results.all_tested ? " test participants" : " participants") - 1));
  };
  const auto [some, two_lines] = said(trained_on(data, std::vector<Index>{0, 1, 2, 3}));
  CHECK(some.test->steps.groups() == 3);
  REQUIRE(some.all_tested);
  CHECK(some.all_tested->steps.groups() == 5);
  CHECK(known_text(some) == "participants in the training data (2): 'p3 of seed 1', 'p4 of seed 1'\n");
  CHECK(known_text(said(trained_on(data, std::vector<Index>{0, 1})).first).empty());
  CHECK(two_lines.starts_with("5 test participants, 2 of them in the training data\naccuracy "));
  CHECK(two_lines.ends_with(", 3 participants not in the training data\n"));
  // Their scores equal those of a test of these participants alone.
  Results alone;
  Run run;
  test_model(*model, data, {4, 5, 6}, TrainedOn(), alone, run);
  CHECK(alone.test->steps.accuracy().value == some.test->steps.accuracy().value);
  CHECK(alone.chance.majority == some.chance.majority);
  const auto [none, none_line] = said(trained_on(data, std::vector<Index>{0, 1}));
  CHECK_FALSE(none.all_tested);
  CHECK(none_line == "5 participants not in the training data\n");
  CHECK(said(trained_on(data, tested)).second == "5 participants, all of them in the training data\n");
  CHECK(said(std::nullopt).second == "5 participants (training participants unknown)\n");
}

TEST_CASE("study: the penalty reduces only the weights of inputs") {
  Options options = small();
  options.training.epochs = 10;
  options.training.rate = 0.03;
  const Data data = make_stand_in(options.stand_in, options.steps);
  const support::TemporaryFolder folder;
  const auto norms = [&](double l2) {
    options.training.l2 = l2;
    const auto model = make_model(options.model, data.clips.features(), 15);
    model->initialise(1);
    model->train(data.clips, nullptr, options.training, [](const Epoch&) {});
    model->save(folder.path / "m.safetensors", {}, {}, {});
    std::map<std::string, double> norm;
    for (const auto& [name, tensor] : read_safetensors(folder.path / "m.safetensors").tensors)
      norm[name] = matrix<double>(tensor).norm();
    return norm;
  };
  const auto free = norms(0), held = norms(3);
  for (const auto& [name, norm] : free) {
    INFO(name << ": " << norm << " without, " << held.at(name) << " with the penalty");
    const bool reads_input = name.starts_with("0.") && name.ends_with(".x");
    CHECK((held.at(name) < 0.5 * norm) == reads_input);
  }
}

TEST_CASE("scores: accuracy is counted separately at each step") {
  const Part part{labelled({MatrixX<float>::Zero(2, 3), MatrixX<float>::Zero(2, 2)}, {1, 1}, 15), {0, 0}, 1};
  MatrixX<float> output = MatrixX<float>::Zero(15, 3);
  output(1, 0) = output(4, 1) = output(4, 2) = 1;  // correct at the first step only
  Scores scores(1, 15);
  scores.add(part, 0, 0, output);
  scores.add(part, 1, 0, output.leftCols(2));
  CHECK(scores.sequences_at == std::vector<Index>{2, 2, 1});
  CHECK(scores.at_step[0].accuracy().value == 1);
  CHECK(scores.at_step[1].accuracy().value == 0);
  CHECK(scores.at_step[2].accuracy().value == 0);
  scores += scores;
  CHECK(scores.sequences_at == std::vector<Index>{2, 2, 1});
  CHECK(scores.steps.scored() == 10);
  CHECK(scores.confusion.sum() == 10);
}

TEST_CASE("fingerprint: text equals published values of FNV-1a") {
  CHECK(example::Fingerprint().text() == "cbf29ce484222325");  // published value of FNV-1a
  CHECK(example::Fingerprint().add("foobar", 6).text() == "85944171f73967e8");
}

TEST_CASE("study: refuses too few participants") {
  Options options = small();
  const Data data = make_stand_in(options.stand_in, options.steps);
  const auto refuses = [&](Index test, Index folds, const std::string& words) {
    options.test_participants = test, options.folds = folds;
    CHECK_THROWS_MATCHES(divide(options, data), ValueError, says(words));
  };
  refuses(2, 6, "--folds must be at most 5, the number of training participants, got 6");
  refuses(7, 0, "--test-participants must be below 7, the number of participants of ");
  refuses(9, 0, ", got 9");
  refuses(1, 0, "--test-participants must be 0 or at least 2, got 1");
  options.test_people = {"p1 of seed 1"};
  CHECK_THROWS_MATCHES(divide(options, data), ValueError,
                       says("--test-people must name at least 2 participants, got 1"));
  options.test_people.clear();
  options.test_participants = 0;
  CHECK(tested_people(options, data).size() == 7);
  options.test_participants = 8;
  CHECK_THROWS_MATCHES(tested_people(options, data), ValueError, says("--test-participants must be at most 7"));
}

TEST_CASE("study: accuracy over time excludes clips after their end") {
  Options options = small();
  options.stand_in.participants = 4;
  options.steps = 90;
  const Data data = make_stand_in(options.stand_in, options.steps);
  const auto model = make_model(options.model, data.clips.features(), 15);
  Results results;
  Run run;
  test_model(*model, data, {2, 3}, TrainedOn(), results, run);
  CHECK(results.test->sequences_at[64] == 2 * 18);
  CHECK(results.test->sequences_at[65] == 2 * 17);
  CHECK(results.test->sequences_at[84] == 2 * 13);
}

TEST_CASE("study: controls give a leak result that is in the metrics") {
  Options options = small();
  options.repeats = 2;
  const Data data = make_stand_in(options.stand_in, options.steps);
  Results results;
  int runs = 0;
  run_controls(options, data, divide(options, data), results, [&](Control, Index, const GroupedHits&) { ++runs; });
  REQUIRE(results.leak);
  CHECK(runs == 10);
  CHECK(results.leak->controls.size() == 5);
  CHECK_FALSE(results.leak->targets_seen);
  CHECK(results.leak->groups == 2);
  const auto json = nlohmann::json::parse(metrics_json({}, data, divide(options, data), results));
  for (std::size_t k = 0; k < 5; ++k) {
    const ControlResult& control = results.leak->controls[k];
    const auto& written = json.at("leak_test").at("controls").at(k);
    CHECK(written.at("accuracy").at("value") == control.accuracy.value);
    CHECK(written.at("chance") == control.chance);
    CHECK(written.at("balanced_accuracy").at("value") == control.balanced.value);
    CHECK(written.at("balanced_chance") == control.balanced_chance);
  }
}

}  // namespace test_study
