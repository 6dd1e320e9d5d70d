#include <peaks/study.hpp>

#include "support/catch.hpp"

namespace test_model {

using namespace peaks;
using namespace unroll;

namespace {

Events some_events(Index bins) { return make_events({.bins = bins}, 0, 3); }

}  // namespace

TEST_CASE("every kind of network gives one small positive number for each bin before it is trained") {
  const Events events = some_events(200);
  for (const std::string& kind : model_kinds()) {
    Network network = make_network({kind, 4, 0});
    network.initialise(1);
    const auto outputs = predict(network, events, 1);
    REQUIRE(outputs.size() == 3);
    for (const MatrixX<float>& output : outputs) {
      CHECK(output.rows() == 1);
      CHECK(output.cols() == 200);
      CHECK(output.minCoeff() > 0);
      CHECK(output.maxCoeff() < 0.5f);
    }
  }
  CHECK_THROWS_MATCHES(make_network({"gru", 4, 0}), ValueError,
                       says("model: kind must be cnn, rnn or rcnn, got 'gru'"));
}

TEST_CASE("units and layers change the network, 0 means the kind's own") {
  CHECK(completed({"rnn", 0, 0}).units == 24);
  CHECK(completed({"rnn", 7, 0}).units == 7);
  const auto parameters = [](const ModelOptions& options) { return make_network(options).parameters().size(); };
  CHECK(parameters({"cnn", 0, 0}) == 8169);
  for (const std::string& kind : model_kinds()) {
    CHECK(parameters({kind, 8, 4}) > parameters({kind, 4, 4}));
    CHECK(parameters({kind, 8, 4}) > parameters({kind, 8, 3}));
  }
}

TEST_CASE("training scores every epoch, and checkpoints and threads change no bit of it") {
  const Events training = some_events(200), test = some_events(200);
  const auto trained = [&](bool checkpoints, int threads) {
    Network network = make_network({"rcnn", 4, 1});
    TrainingOptions options{.epochs = 2, .warm_up = 1, .checkpoints = checkpoints, .threads = threads};
    Index told = 0;
    const Run run = train(network, options, training, test, {}, 1, [&](const RunEpoch&) { ++told; });
    CHECK(told == 2);
    CHECK(run.epochs[1].numbers.epoch == 2);
    CHECK(run.score().events == 3);
    return VectorX<float>(network.parameters().values());
  };
  const VectorX<float> once = trained(false, 1);
  CHECK(trained(true, 1) == once);
  CHECK(trained(false, 2) == once);
}

}  // namespace test_model
