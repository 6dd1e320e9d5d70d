// Extreme options of training: refused by name, or equivalent to no limit.
#include <limits>
#include <unroll/cells/elman.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/fit.hpp>
#include <unroll/train/metrics.hpp>

#include "support/catch.hpp"

namespace test_sizes {

using namespace unroll;

namespace {

constexpr Index most = std::numeric_limits<Index>::max();

Dataset<float> data() {
  std::vector<MatrixX<float>> x, y;
  for (Index s = 0; s < 6; ++s)
    x.push_back(MatrixX<float>::Constant(1, 5, 0.1f * float(s))), y.push_back(MatrixX<float>::Constant(1, 5, 0.5f));
  return Dataset<float>::step_valued(x, y);
}

/// Parameters after two epochs with modified options.
template <class F>
VectorX<float> trained(F&& change) {
  Sequential model(1, Recurrent<Elman>{.units = 2}, Dense{.units = 1});
  model.initialise(1);
  SGD<float> sgd({.learning_rate = 0.1});
  FitOptions<float> options{.epochs = 2, .batches = {.size = 3}, .validation_fraction = 0.4};
  options.progress = Progress::quiet;
  change(options);
  CHECK(fit(model, MeanSquaredError<float>(), sgd, data(), options).history.size() == 2);
  return model.parameters().values();
}

}  // namespace

TEST_CASE("sizes: the largest options train as without limits") {
  const auto plain = trained([](auto&) {}), whole = trained([](auto&o) { o.batches.size = 4; });
  const auto sorted = trained([](auto& o) { o.batches.by_length = true; });
  const auto windows = trained([](auto& o) { o.truncation = {.update_every = 2, .back = 6}; });
  CHECK(trained([](auto& o) { o.truncation.update_every = most; }) == plain);
  CHECK(trained([](auto& o) { o.truncation = {.update_every = most - 2, .back = most}; }) == plain);
  CHECK(trained([](auto& o) { o.truncation = {.update_every = 2, .back = most}; }) == windows);
  CHECK(trained([](auto& o) { o.batches.size = most; }) == whole);
  CHECK(trained([](auto& o) { o.batches = {.size = 0, .tokens = most}; }) == whole);
  CHECK(trained([](auto& o) { o.batches = {.size = most, .tokens = most}; }) == whole);
  CHECK(trained([](auto& o) { o.batches.by_length = true, o.batches.pool = most; }) == sorted);
  CHECK(trained([](auto& o) { o.shard = most; }) == plain);
  CHECK(trained([](auto& o) { o.evaluation_batch = most; }) == plain);
  CHECK(trained([](auto& o) { o.keeping = {Keep::checkpoints, most}; }) == plain);
  CHECK(trained([](auto& o) { o.early_stopping = EarlyStopping{.patience = most, .restore_best = false}; }) == plain);
  CHECK(trained([](auto& o) { o.plateau = PlateauOptions{.initial = 0.1, .patience = most, .cooldown = most}; }) ==
        plain);
  const auto schedule = [](auto rate) { return trained([&](auto& o) { o.learning_rate = rate; }); };
  CHECK(schedule(schedule::Cosine{.initial = 0.1, .half_period = most}) == plain);
  CHECK(schedule(schedule::CosineRestarts{.initial = 0.1, .first = most, .stretch = most}) == plain);
  CHECK(schedule(schedule::Step{.initial = 0.1, .every = most}) == plain);
  CHECK(schedule(schedule::Linear{.initial = 0.1, .length = most, .start_factor = 1}) == plain);
  CHECK(schedule(schedule::Polynomial{.initial = 0.1, .length = most}) == plain);
}

TEST_CASE("sizes: evaluation with the largest batch equals that of any other") {
  Sequential model(1, Recurrent<Elman>{.units = 2}, Dense{.units = 1});
  model.initialise(1);
  const auto all = data();
  const MeanSquaredError<float> loss;
  CHECK(evaluate(model, all, loss, {.batch_size = most}).loss.sum ==
        evaluate(model, all, loss, {.batch_size = 4}).loss.sum);
  CHECK(predict(model, all, {.batch_size = most - 1}).size() == 6);
}

TEST_CASE("sizes: classes and steps larger than memory are refused") {
  using D = Dataset<float>;
  const std::vector<MatrixX<float>> x{MatrixX<float>::Ones(1, 1)};
  for (const Index n : {Index(1) << 40, most - 1, most}) {
    CHECK_THROWS_MATCHES(D::labelled(x, {n}), ValueError, says("label of sample 0 must be below "));
    CHECK_THROWS_AS(D::labelled(x, {0}, n), ValueError);
    CHECK_THROWS_AS(ConfusionMatrix(n), ShapeError);
    CHECK_THROWS_AS(GroupedHits(n, 1 << 10), ShapeError);
    StepAccuracy steps;
    CHECK_THROWS_AS(
        steps.add(MatrixX<float>::Ones(2, 1), Labels::Zero(1), Labels::Constant(1, std::max(n, Index(1) << 50))),
        ShapeError);
    CHECK(steps.hits().empty());
  }
  CHECK_THROWS_AS(D::labelled(x, {0}, -1), ValueError);
  CHECK(D::labelled(x, {0}, 4).classes() == 4);
}

}  // namespace test_sizes
