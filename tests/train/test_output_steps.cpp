// Models that change the number of steps: targets per step belong to the steps of the output.
#include <unroll/cells/gru.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/conv_transpose1d.hpp>
#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/fit.hpp>
#include <unroll/train/leak/leak_test.hpp>

#include "support/catch.hpp"

namespace test_output_steps {

using namespace unroll;

namespace {

using Layers = std::vector<AnyLayer<double>>;
const std::vector<Index> lengths{3, 6, 0, 5, 6, 1, 2};

MatrixX<double> noise(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Purpose::data);
  return MatrixX<double>::NullaryExpr(rows, cols,
                                      [&](Index r, Index c) { return random.normal(std::uint64_t(rows * c + r)); });
}

/// Data set with targets for `wanted(length)` steps.
template <class F>
Dataset<double> data_with(const F& wanted) {
  std::vector<MatrixX<double>> x, y;
  for (const Index n : lengths)
    x.push_back(noise(1, n, std::uint64_t(x.size()))), y.push_back(noise(1, wanted(n), 100 + std::uint64_t(y.size())));
  return Dataset<double>::step_valued(x, y);
}

Graph<double> skip(Index stride) {
  Graph<double> graph;
  const auto in = graph.input();
  const auto down = graph.add(Conv1d{.units = 2, .kernel = 2, .stride = stride, .padding = same()}, in);
  graph.concat({in, graph.add(ConvTranspose1d{.units = 2, .kernel = 2, .stride = stride, .padding = same()}, down)});
  return graph;
}

/// Layer whose steps_after is wrong: it returns the number of input steps.
struct Silent : UpsampleLayer<double> {
  using UpsampleLayer<double>::UpsampleLayer;
  Index steps_after(Index steps) const { return steps; }
};

struct Case {
  const char* name;
  AnyLayer<double> layer;
  std::function<Index(Index)> steps;  // computed by hand
};
const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"upsample", Upsample{.factor = 3}, [](Index n) { return 3 * n; }},
      {"stride", Conv1d{.units = 2, .kernel = 3, .stride = 2, .padding = same()}, [](Index n) { return (n + 1) / 2; }},
      {"valid", Conv1d{.units = 2, .kernel = 3}, [](Index n) { return std::max<Index>(0, n - 2); }},
      {"transpose", ConvTranspose1d{.units = 2, .kernel = 3, .stride = 2},
       [](Index n) { return n == 0 ? 0 : 2 * n + 1; }},
      {"max pool", MaxPool1d{.kernel = 2}, [](Index n) { return n / 2; }},
      {"average pool", AveragePool1d{.kernel = 3, .padding = same()}, [](Index n) { return (n + 2) / 3; }},
      {"graph", skip(1), [](Index n) { return n; }},
      {"recurrence", Recurrent<Gru>{.units = 2}, [](Index n) { return n; }}};
  return all;
}

FitOptions<double> quiet(Index size) {
  FitOptions<double> options{.epochs = 1};
  options.batches.size = size;
  options.progress = Progress::quiet;
  return options;
}

}  // namespace

TEST_CASE("output steps: training with targets per output step equals the passes of each sequence") {
  for (const Case& c : cases()) {
    INFO(c.name);
    Stack<double> model(1, Layers{c.layer, Dense{.units = 1}});
    model.initialise(1);
    for (const Index n : lengths) CHECK(model.output_steps(n) == c.steps(n));
    const auto data = data_with(c.steps);
    // Loss and gradient from the passes of the model alone, one sequence at a time.
    double sum = 0, count = 0;
    auto gradient = model.parameters().zeros_like();
    for (Index s = 0; s < data.size(); ++s) count += double(data.target_steps(s));
    for (Index s = 0; s < data.size(); ++s) {
      Stack<double>::Tape tape;
      const Timeline timeline = Timeline::from_lengths({data.length(s)});
      const MatrixX<double> error = MatrixX<double>(model.forward(data.sequence(s), timeline, tape)) - data.values(s);
      sum += error.squaredNorm();
      model.backward(tape, MatrixX<double>(2 / count * error), gradient);
    }
    const Evaluation evaluation = evaluate(model, data, MeanSquaredError<double>(), {.batch_size = 3});
    CHECK(evaluation.loss.value() == Approx(sum / count));
    CHECK(Index(evaluation.loss.count) == Index(count));
    const VectorX<double> before = model.parameters().values();
    for (const Index shard : {0, 2}) {
      model.parameters().values() = before;
      SGD<double> sgd({.learning_rate = 0.5});
      auto options = quiet(7);
      options.shard = shard;
      const auto result = fit(model, MeanSquaredError<double>(), sgd, data, options);
      CHECK(result.history[0].loss == Approx(sum / count));
      CHECK((model.parameters().values() - (before - 0.5 * gradient.values())).norm() < 1e-12);
    }
  }
}

TEST_CASE("output steps: targets of other steps are refused before training") {
  for (const Case& c : cases()) {
    INFO(c.name);
    Stack<double> model(1, Layers{c.layer, Dense{.units = 1}});
    model.initialise(1);
    const VectorX<double> before = model.parameters().values();
    const auto right = data_with(c.steps), more = data_with([&](Index n) { return c.steps(n) + (n == 2); }),
               fewer = data_with([&](Index n) { return c.steps(n) - (n == 6); });
    const MeanSquaredError<double> loss;
    SGD<double> sgd({.learning_rate = 0.5});
    const auto words = [&](Index n, Index off) {
      return says("the targets must have " + std::to_string(c.steps(n)) + " steps, as the outputs for " +
                  std::to_string(n) + " steps, got " + std::to_string(c.steps(n) + off));
    };
    TrainingState<double> state;
    CHECK_THROWS_MATCHES(fit(model, loss, sgd, more, quiet(1), state), ShapeError, words(2, 1));
    CHECK_THROWS_MATCHES(fit(model, loss, sgd, more, quiet(1), state), ShapeError, says("the data set, sample 6: "));
    CHECK_THROWS_MATCHES(fit(model, loss, sgd, fewer, quiet(1), state), ShapeError, words(6, -1));
    auto options = quiet(1);
    options.validation = &fewer;
    CHECK_THROWS_MATCHES(fit(model, loss, sgd, right, options, state), ShapeError,
                         says("the validation data set, sample 1: "));
    CHECK_THROWS_MATCHES(evaluate(model, more, loss, {.batch_size = 1}), ShapeError, words(2, 1));
    CHECK_THROWS_MATCHES(evaluate(model, fewer, loss, {.batch_size = 1}), ShapeError, words(6, -1));
    TrainingStep step(model, loss, sgd, {});
    for (const auto* data : {&more, &fewer}) {
      Batch<double> batch;
      batch.gather(*data, std::vector<Index>{data == &more ? Index(6) : Index(1)});
      CHECK_THROWS_MATCHES(step.step(batch), ShapeError, data == &more ? words(2, 1) : words(6, -1));
    }
    CHECK(model.parameters().values() == before);
    CHECK(sgd.updates() == 0);
    CHECK(state.parameter_names.empty());
  }
}

TEST_CASE("output steps: a graph with unequal branches is refused before training") {
  Stack<double> model(1, Layers{skip(2), Dense{.units = 1}});
  model.initialise(1);
  CHECK(model.output_steps(6) == 6);
  CHECK_THROWS_MATCHES(model.output_steps(5), ShapeError, says("got 6"));
  SGD<double> sgd({.learning_rate = 0.5});
  const auto data = data_with([](Index n) { return n; });
  CHECK_THROWS_MATCHES(fit(model, MeanSquaredError<double>(), sgd, data, quiet(2)), ShapeError,
                       says("sample 0: layer 0 (graph): node 3 (concat): steps of node "));
  CHECK(sgd.updates() == 0);
}

TEST_CASE("output steps: labels and hits are per output step") {
  std::vector<MatrixX<double>> x;
  std::vector<Labels> y;
  for (const Index n : lengths) {
    x.push_back(noise(1, n, std::uint64_t(x.size())));
    y.push_back(
        Labels::NullaryExpr(2 * n, [&](Index t) { return t % 5 == 4 ? Index(-1) : Index(x.back()(0, t / 2) > 0); }));
  }
  const auto data = Dataset<double>::step_labelled(x, y, 2);
  Stack<double> model(1, Layers{Upsample{.factor = 2}, Dense{.units = 2}});
  model.initialise(1);
  SGD<double> sgd({.learning_rate = 1});
  auto options = quiet(3);
  options.epochs = 40;
  options.validation = &data;
  const auto result = fit(model, SoftmaxCrossEntropy<double>(), sgd, data, options);
  CHECK(result.history.back().validation_accuracy == 1);
  const auto hits = evaluate(model, data, SoftmaxCrossEntropy<double>()).hits;
  CHECK(hits.scored + hits.unscored == 46);
  const auto train = [](const Dataset<double>&, std::uint64_t) {
    return [](const Dataset<double>& test) { return std::vector<MatrixX<double>>(std::size_t(test.size())); };
  };
  const std::vector<Index> groups{0, 1, 0, 1, 0, 1, 0};
  CHECK_THROWS_MATCHES(leak_test(data, data, groups, train, {.controls = {Control::shuffled_time}}), ShapeError,
                       says("sample 0 must have 3 labels, one for each step, for Control::shuffled_time, got 6"));
}

TEST_CASE("output steps: a layer without declared steps is detected by the first batch") {
  Stack<double> model(1, Layers{Silent(Upsample{.factor = 2}), Dense{.units = 1}});
  model.initialise(1);
  const VectorX<double> before = model.parameters().values();
  SGD<double> sgd({.learning_rate = 0.5});
  const auto data = data_with([](Index n) { return n; }), right = data_with([](Index n) { return 2 * n; });
  CHECK_THROWS_MATCHES(fit(model, MeanSquaredError<double>(), sgd, data, quiet(7)), ShapeError,
                       says("the targets must have 12 steps, as the outputs for 6 steps, got 6"));
  CHECK(model.parameters().values() == before);
  Batch<double> batch;
  batch.gather(right, all_samples(right.size()));
  const auto report = TrainingStep(model, MeanSquaredError<double>(), sgd).step(batch);
  CHECK(report.loss.scored == 46);
  model.parameters().values() = before;
  CHECK(report.loss.value() == Approx(evaluate(model, right, MeanSquaredError<double>()).loss.value()));
}

}  // namespace test_output_steps
