#include <filesystem>
#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/data/batches.hpp>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/mean_squared_error.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/training_step.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_training_step {

using namespace unroll;

namespace {
namespace two_biases {  // PyTorch's layers have a bias for the input and another for the state
using namespace unroll::symbols;
constexpr auto rnn = cell(state(h), next(h) = tanh(linear(x) + linear(h)));
constexpr auto lstm = cell(state(h, c), i = sigmoid(linear(x) + linear(h)), f = sigmoid(linear(x) + linear(h)),
                           g = tanh(linear(x) + linear(h)), o = sigmoid(linear(x) + linear(h)), next(c) = f * c + i * g,
                           next(h) = o * tanh(next(c)));
}  // namespace two_biases

/// Training run of PyTorch: batches, and the parameters after each update.
class Trajectory {
 public:
  Trajectory(const std::string& name, std::vector<std::string> gates)
      : file_(read_safetensors(std::filesystem::path(UNROLL_TEST_DATA) / "golden/train" / (name + ".safetensors"))),
        gates_(std::move(gates)) {}

  Index steps() const { return Index(number("steps")); }
  double number(const std::string& key) const { return std::stod(file_.metadata.at(key)); }
  double value(const std::string& name, Index k) const { return file_.at(name).to<double>()[std::size_t(k)]; }

  Dataset<double> batch(Index k) const {
    const Index T = Index(number("T")), B = Index(number("B")), I = Index(number("I"));
    const auto x = file_.at("x").to<double>();
    const auto lengths = file_.at("lengths").to<Index>(), target = file_.at("target").to<Index>();
    const bool steps = file_.at("target").shape.size() == 3;
    std::vector<MatrixX<double>> sequences;
    std::vector<Labels> step_labels;
    std::vector<Index> labels;
    for (Index b = 0; b < B; ++b) {
      const Index length = lengths[std::size_t(k * B + b)];
      MatrixX<double> sequence(I, length);
      Labels of_steps(length);
      for (Index t = 0; t < length; ++t) {
        const Index column = (k * T + t) * B + b;
        sequence.col(t) = Eigen::Map<const VectorX<double>>(x.data() + column * I, I);
        if (steps) of_steps[t] = target[std::size_t(column)];
      }
      sequences.push_back(sequence);
      step_labels.push_back(of_steps);
      if (!steps) labels.push_back(target[std::size_t(k * B + b)]);
    }
    return steps ? Dataset<double>::step_labelled(sequences, step_labels)
                 : Dataset<double>::labelled(sequences, labels);
  }

  /// Calls f(our block, PyTorch's values after `k` updates).
  template <class F>
  void each_block(Parameters<double>& parameters, Index k, F&& f) const {
    const auto torch = [&](const std::string& name) { return matrix<double>(file_.at(text(name, ".step", k))); };
    const auto wx = torch("rnn.weight_ih_l0"), wh = torch("rnn.weight_hh_l0"), bx = torch("rnn.bias_ih_l0"),
               bh = torch("rnn.bias_hh_l0");
    const Index units = wh.cols();
    for (std::size_t g = 0; g < gates_.size(); ++g) {
      const std::string& name = gates_[g];
      const Index row = Index(g) * units;
      f(parameters["0." + name + ".x"], wx.middleRows(row, units));
      f(parameters["0." + name + "2.h"], wh.middleRows(row, units));
      f(parameters["0." + name + ".b"], bx.middleRows(row, units));
      f(parameters["0." + name + "2.b"], bh.middleRows(row, units));
    }
    const std::string last = parameters.table().blocks().back().name.substr(0, 2);
    f(parameters[last + "weight"], torch("fc.weight"));
    f(parameters[last + "bias"], torch("fc.bias"));
  }

 private:
  SafeTensors file_;
  std::vector<std::string> gates_;
};

template <class Model, class O>
void follows(const Trajectory& golden, Model model, O optimizer) {
  golden.each_block(model.parameters(), 0, [](auto ours, const auto& theirs) { ours = theirs; });
  TrainingStep<Model, SoftmaxCrossEntropy<double>, O> step(model, SoftmaxCrossEntropy<double>(), optimizer,
                                                           {.clip_norm = golden.number("clip_grad_norm")});
  Batch<double> batch;
  for (Index k = 0; k < golden.steps(); ++k) {
    const auto data = golden.batch(k);
    batch.gather(data, all_samples(data.size()));
    const auto report = step.step(batch);
    CHECK(report.loss.value() == Approx(golden.value("loss", k)).epsilon(1e-8));
    CHECK(report.gradient_norm == Approx(golden.value("grad_norm", k)).epsilon(1e-8));
    golden.each_block(model.parameters(), k + 1, [](auto ours, const auto& theirs) {
      CHECK(((ours - theirs).array().abs() <= 1e-10 + 1e-8 * theirs.array().abs()).all());
    });
  }
}

Dataset<float> step_data(std::initializer_list<Index> lengths, Index classes = 3) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Labels> labels;
  for (const Index length : lengths) {
    const Random random(1, Purpose::data, sequences.size());
    sequences.push_back(MatrixX<float>::NullaryExpr(
        2, length, [&](Index r, Index c) { return float(random.normal(std::uint64_t(2 * c + r))); }));
    labels.push_back(Labels::NullaryExpr(length, [&](Index t) { return t % 5 == 4 ? -1 : t % classes; }));
  }
  return Dataset<float>::step_labelled(sequences, labels, classes);
}

template <class Model>
void allocates_nothing(Model model, const Dataset<float>& data, StepOptions options) {
  model.initialise(1);
  Adam<float> adam;
  TrainingStep<Model, SoftmaxCrossEntropy<float>, Adam<float>> step(model, SoftmaxCrossEntropy<float>(), adam, options);
  Batch<float> batch;
  const auto samples = all_samples(data.size());
  const auto train = [&](std::size_t count) {
    batch.gather(data, std::span(samples).first(count));
    step.step(batch);
  };
  train(samples.size());
  if (options.truncation.reach() > 0) train(samples.size());  // both buffers of states have been used then
  support::AllocationCount allocations;
  Eigen::internal::set_is_malloc_allowed(false);
  train(samples.size());
  if (options.truncation.reach() == 0) train(samples.size() - 2);
  Eigen::internal::set_is_malloc_allowed(true);
  const auto count = allocations.count();
  CHECK(count == 0);
}

}  // namespace

TEST_CASE("training step: five updates of an LSTM with Adam and clipping agree with PyTorch") {
  follows(Trajectory("lstm_adam", {"i", "f", "g", "o"}),
          sequential<double>(3, Recurrent<EquationsOf<two_biases::lstm>::Cell>{.units = 4, .returns = Returns::last},
                             Dense{.units = 3}),
          Adam<double>({.learning_rate = 0.05}));
}

TEST_CASE("training step: five updates of a simple RNN with SGD and clipping agree with PyTorch") {
  follows(Trajectory("rnn_steps_sgd", {"h"}),
          sequential<double>(2, Recurrent<EquationsOf<two_biases::rnn>::Cell>{.units = 4}, Dense{.units = 3}),
          SGD<double>({.learning_rate = 0.2, .momentum = 0.9, .nesterov = true}));
}

TEST_CASE("training step: allocates nothing after the first batch of a shape") {
  const auto data = step_data({7, 5, 9, 1, 4});
  const StepOptions options{.clip_norm = 1};
  allocates_nothing(Sequential(2, Recurrent<Gru>{.units = 9}, Dense{.units = 3}), data, options);
  allocates_nothing(
      Sequential(2, Recurrent<Elman>{.units = 9}, Dropout{.rate = 0.2}, Recurrent<Lstm>{.units = 5}, Dense{.units = 3}),
      data, options);
  allocates_nothing(Sequential(2, Recurrent<Lstm>{.units = 9}, Dense{.units = 3}), data,
                    {.clip_value = 0.1, .truncation = {.update_every = 2, .back = 4}});
  std::vector<MatrixX<float>> sequences;
  for (Index s = 0; s < data.size(); ++s) sequences.push_back(data.sequence(s));
  const auto labelled = Dataset<float>::labelled(sequences, {0, 1, 2, 0, -1});
  allocates_nothing(Sequential(2, Recurrent<Gru>{.units = 9}, MeanOverTime{}, Dense{.units = 3}), labelled, options);
  for (const Index back : {0, 2, 20})
    allocates_nothing(Sequential(2, Recurrent<Gru>{.units = 9, .returns = Returns::last}, Dense{.units = 3}), labelled,
                      {.clip_norm = 1, .truncation = {.back = back}});
}

namespace {

using Model = decltype(Sequential(2, Recurrent<Gru>{.units = 4}, Dense{.units = 3}));
Model small() {
  Model model(2, Recurrent<Gru>{.units = 4}, Dense{.units = 3});
  model.initialise(3);
  return model;
}

struct Run {
  Model model = small();
  Adam<float> adam{};
  Batch<float> batch{};

  StepReport operator()(const Dataset<float>& data, StepOptions options = {},
                        std::vector<State<float>>* carried = nullptr, int times = 1) {
    TrainingStep<Model, SoftmaxCrossEntropy<float>, Adam<float>> step(model, SoftmaxCrossEntropy<float>(), adam,
                                                                      options);
    batch.gather(data, all_samples(data.size()));
    StepReport report;
    for (int k = 0; k < times; ++k) report = step.step(batch, carried);
    return report;
  }
};

}  // namespace

TEST_CASE("training step: truncation to all steps has the bits of full backpropagation") {
  const auto data = step_data({7, 5, 9, 1, 4});
  Run full, truncated;
  const auto want = full(data, {}, nullptr, 3);
  const auto got =
      truncated(data, {.truncation = {.update_every = GENERATE(Index(9), Index(100)), .back = 100}}, nullptr, 3);
  CHECK(truncated.model.parameters().values() == full.model.parameters().values());
  CHECK(got.loss.sum == want.loss.sum);
}

TEST_CASE("training step: gradients of last steps differ from the full one unless no sequence is longer") {
  std::vector<MatrixX<float>> sequences;
  const auto steps = step_data({7, 5, 9, 1, 4});
  for (Index s = 0; s < steps.size(); ++s) sequences.push_back(steps.sequence(s));
  const auto data = Dataset<float>::labelled(sequences, {0, 1, 2, 0, 1});
  const auto trained = [&](Index back, std::vector<State<float>>* carried) {
    Run run;
    run.model = Model(2, Recurrent<Gru>{.units = 4, .returns = Returns::last}, Dense{.units = 3});
    run.model.initialise(3);
    const auto report = run(data, {.truncation = {.back = back}}, carried);
    CHECK(report.loss.count == 5);
    return std::pair(report, VectorX<float>(run.model.parameters().values()));
  };
  std::vector<State<float>> whole, last;
  const auto [full, parameters] = trained(0, &whole);
  CHECK(trained(9, nullptr).second == parameters);
  const auto [report, others] = trained(2, &last);
  CHECK(report.loss.sum == Approx(full.loss.sum).epsilon(1e-6));
  CHECK(report.gradient_norm != Approx(full.gradient_norm).epsilon(1e-3));
  CHECK(others != parameters);
  CHECK(last[0][0].isApprox(whole[0][0], 1e-6f));
  sequences[2].col(3).setConstant(3e38f);  // in a step without a tape
  Sequential<float, Recurrent<ElmanWith<Relu>::Cell>, Dense> model(2, {.units = 4, .returns = Returns::last},
                                                                   {.units = 3});
  model.initialise(3);
  model.parameters()["0.h.x"].setConstant(10);
  Adam<float> adam;
  TrainingStep step(model, SoftmaxCrossEntropy<float>(), adam, {.truncation = {.back = 2}});
  Batch<float> batch;
  batch.gather(Dataset<float>::labelled(sequences, {0, 1, 2, 0, 1}), all_samples(5));
  CHECK_THROWS_MATCHES(step.step(batch), NonFiniteError, says("equation 'h' at sample 2, step 3"));
}

TEST_CASE("training step: accumulated windows give loss and gradient of the whole batch") {
  const auto data = step_data({7, 5, 9, 1, 4});
  const Index back = GENERATE(0, 3, 11);
  Run full, windows;
  const auto want = full(data);
  const auto got = windows(data, {.truncation = {.update_every = 2, .back = back, .accumulate = true}});
  CHECK(got.loss.value() == Approx(want.loss.value()).epsilon(1e-6));
  CHECK(got.loss.scored == want.loss.scored);
  CHECK(got.loss.count == Approx(want.loss.count));
  CHECK(std::abs(got.gradient_norm / want.gradient_norm - 1) < (back == 11 ? 1e-5 : 0.5));
  if (back < 11) CHECK(std::abs(got.gradient_norm / want.gradient_norm - 1) > 1e-4);
  CHECK(windows.adam.updates() == 1);
}

TEST_CASE("training step: each window has an update when gradients are not accumulated") {
  Run run;
  run(step_data({7, 5, 9}), {.truncation = {.update_every = 2}});
  CHECK(run.adam.updates() == 5);
}

namespace {

/// Optimizer that changes nothing and records gradient norms.
struct Notes {
  using Scalar = float;
  std::vector<double>* norms;
  double rate = 0;
  int nothing = 0;
  void step(OutVector<float>, InVector<float> gradient) { norms->push_back(double(gradient.norm())); }
  double& learning_rate() { return rate; }
  int& options() { return nothing; }
  void set_decay_mask(const VectorX<float>&) {}
  template <class F>
  void visit_state(F&&) {}
};

}  // namespace

TEST_CASE("training step: the reported gradient norm is the largest of its windows") {
  const auto data = step_data({7, 5, 9, 1, 4});
  Model model = small();
  std::vector<double> norms;
  Notes notes{&norms};
  TrainingStep<Model, SoftmaxCrossEntropy<float>, Notes> step(model, SoftmaxCrossEntropy<float>(), notes,
                                                              {.truncation = {.update_every = 2}});
  Batch<float> batch;
  batch.gather(data, all_samples(data.size()));
  const StepReport report = step.step(batch);
  REQUIRE(norms.size() == 5);
  const double largest = *std::max_element(norms.begin(), norms.end());
  CHECK(report.gradient_norm == Approx(largest).epsilon(1e-6));
  CHECK(norms.back() < 0.9 * largest);
}

TEST_CASE("training step: a carried state continues the sequences of the previous batch") {
  const auto whole = step_data({8, 8});
  const auto half = [&](Index first) {
    std::vector<MatrixX<float>> x;
    std::vector<Labels> y;
    for (Index s = 0; s < 2; ++s) {
      x.push_back(whole.sequence(s).middleCols(first, 4));
      y.push_back(whole.labels(s).segment(first, 4));
    }
    return Dataset<float>::step_labelled(x, y, 3);
  };
  Run one, two;
  one.adam.learning_rate() = two.adam.learning_rate() = 1e-30;  // the parameters stay constant
  std::vector<State<float>> state;
  const auto want = one(whole);
  LossValue got = two(half(0), {}, &state).loss;
  got += two(half(4), {}, &state).loss;
  CHECK(got.value() == Approx(want.loss.value()).epsilon(1e-6));
  const std::array<bool, 2> where{true, false};
  reset(state, where);
  CHECK(state[0][0].col(0).isZero(0));
  CHECK(!state[0][0].col(1).isZero(0));
}

TEST_CASE("training step: clips by the norm of the options and reports it") {
  const auto data = step_data({4, 2});
  const double limit = 0.01;
  const double p = GENERATE(1.0, 2.0, 3.0, double(INFINITY));
  Batch<float> batch;
  batch.gather(data, all_samples(data.size()));
  const auto change = [&](double clip_norm) {
    Run run;
    SGD<float> sgd({.learning_rate = 1});
    const VectorX<float> before = run.model.parameters().values();
    TrainingStep<Model, SoftmaxCrossEntropy<float>, SGD<float>> step(run.model, SoftmaxCrossEntropy<float>(), sgd,
                                                                     {.clip_norm = clip_norm, .clip_p = p});
    const double norm = step.step(batch).gradient_norm;
    return std::pair(norm, VectorX<double>((before - run.model.parameters().values()).cast<double>()));
  };
  const auto [norm, plain] = change(0);
  CHECK(norm == Approx(global_norm(plain, p)).epsilon(1e-4));
  const auto [again, clipped] = change(limit);
  CHECK(again == norm);
  CHECK(global_norm(clipped, p) == Approx(limit).epsilon(1e-3));
  CHECK(clipped.isApprox(plain * (limit / norm), 1e-3));
}

TEST_CASE("training step: a non-finite value stops training, is located and changes nothing") {
  const auto data = step_data({4, 2});
  Run run;
  run(data);
  SECTION("a parameter") {
    run.model.parameters()["0.n.b"](1, 0) = std::numeric_limits<float>::quiet_NaN();
    CHECK_THROWS_MATCHES(run(data), NonFiniteError, says("first not finite: parameter '0.n.b'"));
  }
  SECTION("an output that overflows") {
    run.model.parameters()["1.weight"].setConstant(std::numeric_limits<float>::max());
    run.model.parameters()["1.bias"].setConstant(std::numeric_limits<float>::max());
    CHECK_THROWS_MATCHES(run(data), NonFiniteError, says("layer 1 (dense): its output at sample"));
  }
  SECTION("the gradient") {
    run.model.parameters()["1.weight"].setConstant(3e38f);
    run.model.parameters()["1.bias"].setZero();
    run.model.parameters()["1.weight"].row(1).setConstant(-3e38f);
    CHECK_THROWS_AS(run(data), NonFiniteError);
  }
  const VectorX<float> before = run.model.parameters().values();
  const Adam<float> adam = run.adam;
  CHECK_THROWS_AS(run(data, {.clip_norm = 1, .clip_value = 1}), NonFiniteError);
  CHECK(adam.updates() == run.adam.updates());
  CHECK((run.model.parameters().values().array() == before.array() || before.array().isNaN()).all());
}

namespace {

/// Error message of a step; empty if it succeeds.
std::string refusal(Run& run, const Dataset<float>& data, const StepOptions& options) {
  try {
    run(data, options);
  } catch (const NonFiniteError& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("training step: a non-finite gradient is neither clipped nor applied") {
  const auto step = [](Index label, StepOptions options) {
    Run run;
    run.adam.learning_rate() = 0.25;
    run.model.parameters()["1.weight"].setConstant(3e38f);  // finite outputs and loss, but an infinite gradient of h
    run.model.parameters()["1.weight"].row(1).setConstant(-3e38f);
    const auto data =
        Dataset<float>::step_labelled({MatrixX<float>::Constant(2, 1, 0.1f)}, {Labels::Constant(1, label)}, 3);
    options.learning_rate = [](long) { return 0.5; };
    const std::string words = refusal(run, data, options);
    CHECK(run.adam.learning_rate() == (words.empty() ? 0.5 : 0.25));
    return words;
  };
  std::string all;
  for (const Index label : {0, 1, 2}) {
    const std::string words = step(label, {});
    CHECK(step(label, {.clip_value = 1}) == words);
    all += words;
  }
  INFO(all);
  CHECK(all.find("the norm of the gradient must be finite, got") != all.npos);
}

TEST_CASE("training step: an infinite gradient is refused, not clipped by value") {
  auto data = Dataset<float>::step_labelled({MatrixX<float>::Constant(2, 1, 3e38f)}, {Labels::Zero(1)}, 3);
  data.set_weights({10});  // with parameters of 0 the loss is 10 log 3, but the gradient is 10 * 2 / 3 * 3e38
  Sequential model(2, Dense{.units = 3});
  Adam<float> adam;
  TrainingStep<decltype(model), SoftmaxCrossEntropy<float>, Adam<float>> step(model, SoftmaxCrossEntropy<float>(), adam,
                                                                              {.clip_value = 1});
  Batch<float> batch;
  batch.gather(data, all_samples(1));
  CHECK_THROWS_MATCHES(step.step(batch), NonFiniteError, says("the norm of the gradient must be finite, got inf"));
  CHECK(model.parameters().values().isZero(0));
}

TEST_CASE("training step: carries the state after the last of several windows") {
  const auto data = step_data({7, 5, 9, 1, 4});
  Run whole, windows;
  whole.adam.learning_rate() = windows.adam.learning_rate() = 1e-30;
  std::vector<State<float>> want, got;
  whole(data, {}, &want);
  windows(data, {.truncation = {.update_every = 2}}, &got);
  REQUIRE(got.size() == want.size());
  REQUIRE(got[0].size() == 1);
  CHECK(got[0][0].isApprox(want[0][0], 1e-5f));
}

TEST_CASE("training step: counts hits when requested") {
  const auto data = step_data({4, 2});
  CHECK(Run()(data).hits.scored == 0);
  CHECK(Run()(data, {.count_hits = true}).hits.scored > 0);
}

TEST_CASE("training step: hits count each label once over all windows, recomputed steps too") {
  const auto data = step_data({7, 5, 9, 1, 4});
  const auto hits = [&](const Truncation& truncation, int times = 1) {
    Run run;
    run.adam.learning_rate() = 1e-30;
    return run(data, {.truncation = truncation, .count_hits = true}, nullptr, times).hits;
  };
  const Hits want = hits({});
  CHECK(want.scored == 6 + 4 + 8 + 1 + 4);
  CHECK(want.unscored == 1 + 1 + 1);
  CHECK((want.correct > 0 && want.correct < want.scored));
  for (const Index back : {0, 3, 4, 11})
    for (const bool accumulate : {false, true})
      for (const int times : {1, 2}) {  // hits do not include those of the preceding step
        const Hits got = hits({.update_every = 2, .back = back, .accumulate = accumulate}, times);
        CHECK(got.correct == want.correct);
        CHECK(got.scored == want.scored);
        CHECK(got.unscored == want.unscored);
      }
}

TEST_CASE("training step: hits cover all columns when outputs are made in pieces") {
  Run run;
  run.model = Model(2, Recurrent<Gru>{.units = 4}, Dense{.units = 2000});
  run.model.parameters().values().setZero();  // then class 0 is always predicted
  const auto report = run(step_data({400, 250}, 2000), {.count_hits = true});
  CHECK(report.hits.scored == 520);
  CHECK(report.hits.unscored == 130);
  CHECK(report.hits.correct == 2);
  CHECK(report.loss.scored == 520);
}

TEST_CASE("training step: refuses mismatched model, loss and targets") {
  std::vector<MatrixX<float>> x{MatrixX<float>::Ones(2, 3)};
  Run run;
  CHECK_THROWS_MATCHES(run(Dataset<float>::labelled(x, {1})), ShapeError,
                       says("add a layer such as LastStep or MeanOverTime"));
  CHECK_THROWS_MATCHES(run(Dataset<float>::unlabelled(x)), ValueError,
                       says("targets for this loss must be labels, got none"));
  CHECK_THROWS_MATCHES(run(step_data({3}), {.clip_norm = -1}), ValueError,
                       says("clip_norm must be 0 or at least 1.1754944e-38 in float"));
  CHECK_THROWS_MATCHES(run(step_data({3}), {.keeping = {Keep::nothing}}), ValueError,
                       says("training: keeping must be Keep::everything or Keep::checkpoints, got Keep::nothing"));
  CHECK_THROWS_MATCHES(run(step_data({3}), {.keeping = {Keep::checkpoints, -2}}), ValueError,
                       says("every must be at least 0 steps (0: automatic), got -2"));
  auto model = small();
  Adam<float> adam;
  TrainingStep<Model, MeanSquaredError<float>, Adam<float>> step(model, MeanSquaredError<float>(), adam);
  Batch<float> batch;
  const auto data = step_data({3});
  batch.gather(data, all_samples(1));
  CHECK_THROWS_MATCHES(step.step(batch), ValueError, says("targets for this loss must be real-valued, got labels"));
}

TEST_CASE("training step: refuses an invalid input of a later window before the first update") {
  Sequential words(1, Embedding{.size = 3, .dimension = 2}, Recurrent<Gru>{.units = 2}, Dense{.units = 2});
  words.initialise(1);
  const VectorX<float> before = words.parameters().values();
  MatrixX<float> tokens(1, 4);
  tokens << 0, 1, 2, 7;
  Batch<float> batch;
  const auto data = Dataset<float>::step_labelled({tokens}, {Labels::Zero(4)}, 2);
  batch.gather(data, all_samples(1));
  Adam<float> adam;
  TrainingStep step(words, SoftmaxCrossEntropy<float>(), adam, {.truncation = {.update_every = 1}});
  CHECK_THROWS_MATCHES(step.step(batch), ValueError, says("got 7"));
  CHECK(words.parameters().values() == before);
  CHECK(adam.updates() == 0);
}

TEST_CASE("training step: refuses truncation of models that read later steps") {
  const auto data = step_data({3});
  Sequential model(2, Bidirectional<Gru>{.units = 2}, Dense{.units = 3});
  Adam<float> adam;
  TrainingStep<decltype(model), SoftmaxCrossEntropy<float>, Adam<float>> step(model, SoftmaxCrossEntropy<float>(), adam,
                                                                              {.truncation = {.update_every = 9}});
  Batch<float> batch;
  batch.gather(data, all_samples(1));
  CHECK_THROWS_MATCHES(step.step(batch), ValueError, says("the model reads later steps"));
}

}  // namespace test_training_step
