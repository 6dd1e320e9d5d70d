// Resuming is refused if the model's parameters have the same names but another meaning.

#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "support/catch.hpp"

namespace test_model_identity {

using namespace unroll;

namespace {

Stack<float> model(Index dilation, double rate = 0.5) {
  Stack<float> made(2, {Conv1d{.units = 3, .kernel = 2, .dilation = dilation, .padding = same()}, Dropout{.rate = rate},
                        MeanOverTime{}, Dense{.units = 2}});
  made.initialise(1);
  return made;
}

}  // namespace

TEST_CASE("fit: refuses to resume with a model of other options") {
  const auto data = Dataset<float>::labelled({MatrixX<float>::Random(2, 4), MatrixX<float>::Random(2, 5)}, {0, 1});
  TrainingState<float> state;
  Adam<float> adam({.learning_rate = 0.1});
  const auto run = [&](Stack<float> with, Index epochs) {
    fit(with, SoftmaxCrossEntropy<float>(), adam, data, {.epochs = epochs, .progress = Progress::quiet}, state);
  };
  run(model(1), 1);
  CHECK(state.parameter_names ==
        "0.weight, 0.bias, 3.weight, 3.bias\n"
        "model chain\nfeatures 2\n"
        "layer 0 (conv1d): layer conv1d\nlayer 0 (conv1d): units 3\nlayer 0 (conv1d): kernel 2\n"
        "layer 0 (conv1d): stride 1\nlayer 0 (conv1d): dilation 1\nlayer 0 (conv1d): groups 1\n"
        "layer 0 (conv1d): padding same\nlayer 0 (conv1d): biased true\n"
        "layer 1 (dropout): layer dropout\nlayer 2 (mean over time): layer mean over time\n"
        "layer 3 (dense): layer dense\nlayer 3 (dense): units 2\nlayer 3 (dense): biased true\n");
  CHECK_THROWS_MATCHES(run(model(2), 2), ValueError,
                       says("fit: the model must have 'layer 0 (conv1d): dilation 1', as in the state, got 'layer 0 "
                            "(conv1d): dilation 2'"));
  run(model(1, 0.1), 2);
  CHECK(state.epochs == 2);
  state.parameter_names = "0.weight, 0.bias, 3.weight, 3.bias";
  CHECK_THROWS_MATCHES(run(model(1), 3), ValueError,
                       says("fit: the model must have '', as in the state, got 'model chain'"));
}

}  // namespace test_model_identity
