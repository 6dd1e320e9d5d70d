#include <peaks/study.hpp>

#include "support/catch.hpp"

namespace test_model {

using namespace peaks;
using namespace unroll;

namespace {

Events some_events(Index bins) { return make_events({.bins = bins}, 0, 3); }

}  // namespace

TEST_CASE("peaks model: each kind initially gives one small positive value for each bin") {
  const Events events = some_events(200);
  for (const std::string& kind : model_kinds()) {
    Network network = make_network({kind, 4, 0});
    network.initialise(1);
    Index count = 0;
    each_output(network, events, 1, [&](Index event, const MatrixX<float>& output) {
      CHECK(event == count++);
      CHECK(output.rows() == 1);
      CHECK(output.cols() == 200);
      CHECK(output.minCoeff() > 0);
      CHECK(output.maxCoeff() < 0.5f);
    });
    CHECK(count == 3);
  }
  CHECK_THROWS_MATCHES(make_network({"gru", 4, 0}), ValueError,
                       says("model: kind must be cnn, rnn or rcnn, got 'gru'"));
}

TEST_CASE("peaks model: units and layers change its size, 0 means the default of the kind") {
  CHECK(completed({"rnn", 0, 0}).units == 24);
  CHECK(completed({"rnn", 7, 0}).units == 7);
  const auto parameters = [](const ModelOptions& options) { return make_network(options).parameters().size(); };
  CHECK(parameters({"cnn", 0, 0}) == 8169);
  for (const std::string& kind : model_kinds()) CHECK(make_network({kind, 0, 0, true}).statistics() > 0);
  for (const std::string& kind : model_kinds()) {
    CHECK(parameters({kind, 8, 4}) > parameters({kind, 4, 4}));
    CHECK(parameters({kind, 8, 4}) > parameters({kind, 8, 3}));
  }
}

TEST_CASE("peaks training: scores every epoch with the same bits for recomputed values and threads") {
  const Events training = some_events(200), test = some_events(200);
  const auto trained = [&](bool recompute, int threads) {
    Network network = make_network({"rcnn", 4, 1});
    TrainingOptions options{.epochs = 2, .warm_up = 1, .recompute = recompute, .threads = threads};
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
