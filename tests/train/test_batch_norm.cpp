// Running means and variances in training steps, runs and files.

#include <unroll/io/checkpoint.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/fit.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_batch_norm {

using namespace unroll;

namespace {

using Model = Stack<double>;
using Loss = MeanSquaredError<double>;

MatrixX<double> numbers(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Purpose::data);
  return MatrixX<double>::NullaryExpr(rows, cols,
                                      [&](Index r, Index c) { return random.normal(std::uint64_t(rows * c + r)); });
}

/// Data set of sequences of 0 to 8 steps with a target per step.
Dataset<double> data(Index size = 40) {
  std::vector<MatrixX<double>> sequences, targets;
  for (Index s = 0; s < size; ++s) {
    sequences.push_back(numbers(2, 5 * s % 9, std::uint64_t(s)).array() + 3);
    targets.push_back(sequences.back().colwise().sum());
  }
  return Dataset<double>::step_valued(sequences, targets);
}

Model model() {
  Model model(2, {BatchNorm{.momentum = 0.5}, Dense{.units = 4}, BatchNorm{.momentum = {}}, Dense{.units = 1}});
  model.initialise(1);
  return model;
}

Batch<double> batch(const Dataset<double>& from) {
  Batch<double> batch;
  batch.gather(from, all_samples(from.size()));
  return batch;
}

/// Adam with weight decay, which changes every parameter that is not exempt.
Adam<double> adam() { return Adam<double>({.learning_rate = 0.01, .weight_decay = 0.1}); }

FitOptions<double> options(Index epochs, int threads = 1) {
  return {.epochs = epochs,
          .batches = {.size = 16},
          .clip_norm = 0.5,
          .average = WeightAverageOptions{.momentum = 0.8},
          .threads = threads,
          .progress = Progress::quiet};
}

}  // namespace

TEST_CASE("training step: batch norm statistics move once per step, by the batch only") {
  const auto some = batch(data());
  Model net = model();
  auto optimizer = adam();
  TrainingStep step(net, Loss(), optimizer);
  WeightAverage<double> average({.momentum = 0.8});
  step.average_into(&average);
  step.step(some);
  CHECK(average.average() == net.parameters().values());  // average of one update, statistics included
  const MatrixX<double> x = some.x(), mean = x.rowwise().mean();
  const MatrixX<double> squares = (x.colwise() - mean.col(0)).rowwise().squaredNorm();
  CHECK(net.parameters()["0.running_mean"].isApprox(0.5 * mean));
  CHECK(net.parameters()["0.running_var"].isApprox((0.5 + 0.5 * squares.array() / double(x.cols() - 1)).matrix()));
  CHECK(net.parameters()["2.batches"](0, 0) == 1);
  CHECK(step.gradient()["0.running_mean"].isZero(0));
  CHECK(!net.parameters()["0.weight"].isOnes(0));
  support::AllocationCount allocations;
  step.step(some);
  const auto count = allocations.count();
  CHECK(count == 0);
  CHECK(net.parameters()["2.batches"](0, 0) == 2);
}

TEST_CASE("training step: accumulated windows count as one batch in batch norm statistics") {
  const auto some = batch(data());
  const auto after = [&](Truncation truncation) {
    Model net = model();
    auto optimizer = adam();
    TrainingStep step(net, Loss(), optimizer, {.truncation = truncation});
    step.step(some);
    return net.parameters();
  };
  const auto whole = after({}), summed = after({.update_every = 3, .accumulate = true}),
             apart = after({.update_every = 3});
  CHECK(summed["0.running_mean"].isApprox(whole["0.running_mean"]));
  CHECK(summed["0.running_var"].isApprox(whole["0.running_var"]));
  CHECK(summed["2.batches"](0, 0) == 1);
  CHECK(apart["2.batches"](0, 0) == 3);
}

TEST_CASE("training step: batch norm statistics remain unchanged when a step fails") {
  std::vector<MatrixX<double>> sequences{numbers(2, 4, 1)}, targets{numbers(1, 4, 2)};
  targets[0](0, 2) = 1e200;
  const auto bad = Dataset<double>::step_valued(sequences, targets);
  Model net = model();
  const VectorX<double> before = net.parameters().values();
  auto optimizer = adam();
  TrainingStep step(net, Loss(), optimizer);
  CHECK_THROWS_AS(step.step(batch(bad)), NonFiniteError);
  CHECK(net.parameters().values() == before);
}

TEST_CASE("training step: refuses a batch in parts with batch norm, fit gathers it whole") {
  Model net = model();
  auto optimizer = adam();
  TrainingStep step(net, Loss(), optimizer);
  ShardedBatch<double> parts;
  parts.gather(data(), all_samples(40));
  CHECK_THROWS_MATCHES(step.step(parts), ValueError,
                       says("training: the batch must be in 1 part for batch norm, got 3; gather it with its size as "
                            "the size of a shard"));
  const auto result = fit(net, Loss(), optimizer, data(), options(30));
  CHECK(result.history.back().loss < 0.5 * result.history.front().loss);
}

TEST_CASE("fit: batch norm has the same bits for any number of threads and when resumed") {
  const support::TemporaryFolder folder;
  const auto file = folder.path / "run.safetensors";
  Model whole = model(), threaded = model(), begun = model(), resumed = model();
  auto one = adam(), two = adam(), first = adam(), second = adam();
  fit(whole, Loss(), one, data(), options(4));
  fit(threaded, Loss(), two, data(), options(4, 2));
  CHECK(threaded.parameters().values() == whole.parameters().values());
  TrainingState<double> state, read;
  fit(begun, Loss(), first, data(), options(2), state);
  write_checkpoint(file, state, first);
  read_checkpoint(file, read, second);
  fit(resumed, Loss(), second, data(), options(4), read);
  CHECK(resumed.parameters().values() == whole.parameters().values());
  CHECK(whole.parameters()["2.batches"](0, 0) > 4);
}

}  // namespace test_batch_norm
