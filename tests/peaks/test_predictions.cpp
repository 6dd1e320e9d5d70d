#include <limits>
#include <nlohmann/json.hpp>
#include <peaks/model_file.hpp>
#include <peaks/predictions.hpp>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/train/evaluate.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_predictions {

using namespace peaks;
using namespace unroll;

namespace {

/// Row of 4000 bins with three bins of `height` around each of `middles`.
MatrixX<float> row(const std::vector<Index>& middles, float height = 0.5f) {
  MatrixX<float> values = MatrixX<float>::Zero(1, 4000);
  for (const Index middle : middles) values.middleCols(middle - 1, 3).setConstant(height);
  return values;
}

Events event(const MatrixX<float>& target, bool has_truth = true) {
  return {in_memory({MatrixX<float>::Ones(4, 4000)}, {target}), "x", {}, "toy", has_truth};
}

}  // namespace

TEST_CASE("peaks predictions: positions in millimetres, heights and matches of found vertices") {
  MatrixX<float> target = row({100, 900});
  target.middleCols(2000, 20).setConstant(std::numeric_limits<float>::quiet_NaN());
  MatrixX<float> output = row({102, 500, 2010});
  output(0, 102) = 0.75f;
  const Events events = event(target);
  const std::vector<Found> found{found_in(events, 0, output)};
  CHECK(
      vertices_csv(events, found) ==
      "event,position (mm),height,sum,matched\n0,-89.75,0.75,1.75,yes\n0,-49.95,0.5,1.5,no\n0,101.05,0.5,1.5,masked\n");
  const auto json = nlohmann::json::parse(vertices_json(events, found));
  CHECK(json.at("efficiency") == 0.5);
  CHECK(json.at("false_positives") == 1);
  CHECK(json.at("events").at(0).at("vertices").size() == 3);
  CHECK(json.at("events").at(0).at("true_vertices").at(0).at("found") == true);
  CHECK(json.at("events").at(0).at("true_vertices").at(1).at("found") == false);
  CHECK(score_text(score_of(events, found)) == "efficiency 50.0 % at 1.00 false positives per event, 1 event\n");
}

TEST_CASE("peaks predictions: a test excludes events that the model was trained on") {
  const Events events{
      in_memory({MatrixX<float>::Ones(4, 4000), MatrixX<float>::Ones(4, 4000)}, {row({100}), row({900})}),
      "x",
      {},
      "toy",
      true};
  const std::vector<Found> found{found_in(events, 0, row({100})), found_in(events, 1, row({500}))};
  const std::string all = "efficiency 50.0 % at 0.50 false positives per event, 2 events\n";
  const auto words = [&](const Known& known) { return test_text(events, found, known); };
  CHECK(words(std::vector<bool>{true, false}) ==
        "events that the model was trained on: 1 of 2\nall: " + all +
            "events not trained on: efficiency 0.0 % at 1.00 false positives per event, 1 event\n");
  CHECK(words(std::vector<bool>{false, false}) == "events that the model was trained on: 0 of 2\n" + all);
  CHECK(words(std::vector<bool>{true, true}) == "events that the model was trained on: 2 of 2\n" + all);
  CHECK(words({}) == "events that the model was trained on: unknown\n" + all);
  const auto json = nlohmann::json::parse(vertices_json(events, found, std::vector<bool>{true, false}));
  CHECK(json.at("efficiency") == 0.5);
  CHECK(json.at("events_trained_on") == 1);
  CHECK(json.at("events_not_trained_on").at("events") == 1);
  CHECK(json.at("events_not_trained_on").at("efficiency") == 0);
  CHECK(json.at("events_not_trained_on").at("false_positives_per_event") == 1);
  CHECK(json.at("events").at(0).at("trained_on") == true);
  CHECK(json.at("events").at(1).at("trained_on") == false);
  const auto unknown = nlohmann::json::parse(vertices_json(events, found));
  CHECK_FALSE(unknown.contains("events_trained_on"));
  CHECK_FALSE(unknown.at("events").at(0).contains("trained_on"));
}

TEST_CASE("peaks predictions: without true vertices there are no matches and no score") {
  const MatrixX<float> unknown = MatrixX<float>::Constant(1, 4000, std::numeric_limits<float>::quiet_NaN());
  const Events events = event(unknown, false);
  const std::vector<Found> found{found_in(events, 0, row({102}))};
  CHECK(vertices_csv(events, found) == "event,position (mm),height,sum\n0,-89.75,0.5,1.5\n");
  CHECK_FALSE(nlohmann::json::parse(vertices_json(events, found)).contains("efficiency"));
  CHECK_THROWS_MATCHES(score_of(events, found), ValueError, says("must contain the true vertices, 'pv', for a score"));
}

TEST_CASE("peaks model file: restores the network and checks the data") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "m.safetensors";
  const ModelOptions options = completed({GENERATE(from_range(model_kinds())), 3, 0, true});
  Network network = make_network(options);
  network.initialise(3);
  const Events events = make_events({.bins = 100}, 0, 2);
  const std::set<std::string> hashes{"0123456789abcdef", "x"};
  write_model(path, network, options, events, {{"seed", "3"}}, hashes);
  const ModelFile file = read_model(path);
  CHECK(file.options.units == 3);
  CHECK(file.options.batch_norm);
  CHECK(file.trained_on == hashes);
  write_model(folder.path / "unknown", network, options, events, {}, std::nullopt);
  CHECK_FALSE(read_model(folder.path / "unknown").trained_on.has_value());
  CHECK(unroll::predict(file.network, events.data) == unroll::predict(network, events.data));
  CHECK_NOTHROW(check_fits(file, events));
  CHECK_THROWS_MATCHES(check_fits(file, make_events({.bins = 200}, 0, 2)), ShapeError,
                       says("must have 100 bins and the inputs toy, as the training events, got 200 and toy"));
  SafeTensors other = read_safetensors(path);
  other.metadata.erase("details");
  write_safetensors(path, other);
  CHECK_THROWS_MATCHES(read_model(path), FileError, says("must be a model of peaks; the entry 'program'"));
}

}  // namespace test_predictions
