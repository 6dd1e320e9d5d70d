#include <unroll/layers/dense.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/models/stack.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_batch_norm {

using namespace unroll;
using namespace model_run;

namespace {

using Model = Stack<double>;
using Norm = BatchNorm;
constexpr Pass training{.training = true};

/// Random parameters with positive running variances.
void randomise_positive(Model& model) {
  randomise(model);
  for (const ParameterBlock& block : model.parameters().table().blocks())
    if (block.name.ends_with("running_var"))
      model.parameters().block(block) = model.parameters().block(block).cwiseAbs().array() + 0.5;
}

GradientReport norm_gradients(Model model, const Pass& pass) {
  randomise_positive(model);
  GradientReport report;
  for (const Timeline& timeline : timelines())
    report += check_gradients(model, noise(model.features(), timeline.columns(), 3), timeline, weighted(), pass,
                              {.step = 1e-5});
  return report;
}

/// Forward passes over the batches, then one update of the running means and variances.
void follow(Model& model, const std::vector<MatrixX<double>>& batches) {
  Model::Tape tape;
  VectorX<double> statistics = VectorX<double>::Zero(model.statistics());
  for (const MatrixX<double>& x : batches) {
    model.forward(x, Timeline::rectangular(1, x.cols()), tape, training);
    model.add_statistics(tape, statistics.data());
  }
  model.update_statistics(statistics.data());
}

MatrixX<double> mean(const MatrixX<double>& x) { return x.rowwise().mean(); }
MatrixX<double> variance(const MatrixX<double>& x, double divisor) {
  return (x.colwise() - x.rowwise().mean()).rowwise().squaredNorm() / divisor;
}

}  // namespace

TEST_CASE("batch norm: gradients match central differences, in training and in evaluation") {
  for (const bool trains : {true, false})
    for (const Index features : {1, 3, 9})
      for (const Norm& norm : {Norm{}, Norm{.epsilon = 0.1, .scaled = false}, Norm{.shifted = false},
                               Norm{.scaled = false, .shifted = false}}) {
        const auto report =
            norm_gradients(Model(2, {Dense{.units = features}, norm, Dense{.units = 2}}), {.training = trains});
        INFO(report.text());
        CHECK(report.worst < 2e-5);
      }
  const auto pooled = norm_gradients(Model(2, {MeanOverTime{}, Norm{}, Dense{.units = 2}}), training);
  INFO(pooled.text());
  CHECK(pooled.worst < 2e-5);
}

TEST_CASE("batch norm: every feature has mean 0 and variance 1 over all valid steps") {
  Model model(9, {Norm{.epsilon = 1e-12}});
  model.initialise(1);
  Model::Tape tape;
  const auto timeline = Timeline::from_lengths({70, 0, 31, 1});
  const MatrixX<double> x = (noise(9, 102).array() * 3 + 100), y = model.forward(x, timeline, tape, training);
  CHECK(y.rowwise().sum().isZero(1e-9));
  CHECK((y.rowwise().squaredNorm().array() / 102).isApproxToConstant(1, 1e-9));
  CHECK(model.forward(x, timeline, tape).isApprox(x));  // evaluation: initial running statistics
}

TEST_CASE("batch norm: results do not depend on masked steps") {
  MatrixX<bool> mask(3, 6);
  mask << 1, 0, 1, 1, 0, 0,  //
      0, 0, 0, 0, 0, 0,      //
      0, 1, 1, 1, 0, 1;
  const MatrixX<double> padded = MatrixX<double>::NullaryExpr(4, 18, [&](Index r, Index c) {
    return mask(c % 3, c / 3) ? noise(4, 18)(r, c) : std::numeric_limits<double>::quiet_NaN();
  });
  const auto run = [&](const Timeline& timeline, const MatrixX<double>& x) {
    Model model(4, {Norm{}});
    randomise_positive(model);
    Model::Tape tape;
    const MatrixX<double> y = model.forward(x, timeline, tape, training);
    auto gradient = model.parameters().zeros_like();
    MatrixX<double> d_x;
    model.backward(tape, noise(4, x.cols(), 2), gradient, &d_x);
    VectorX<double> statistics = VectorX<double>::Zero(model.statistics());
    model.add_statistics(tape, statistics.data());
    model.update_statistics(statistics.data());
    MatrixX<double> all(4, 2 * x.cols() + 4);
    all << y, d_x, model.parameters().values().reshaped(4, 4);
    return all;
  };
  const auto gaps = Timeline::from_mask(mask);
  const MatrixX<double> x = gaps.pack(padded), compact = run(Timeline::from_lengths({3, 0, 4}), x);
  CHECK(compact.allFinite());
  CHECK(same_bits(run(gaps, x), compact));
  MatrixX<bool> longer = MatrixX<bool>::Constant(3, 9, false);
  longer.leftCols(6) = mask;
  CHECK(same_bits(run(Timeline::from_mask(longer), x), compact));
}

TEST_CASE("batch norm: running statistics follow the rules of PyTorch and Keras") {
  const MatrixX<double> x = noise(3, 7).array() + 2, old_mean = noise(3, 1, 8), old_var = noise(3, 1, 9).cwiseAbs();
  const auto after = [&](const Norm& norm, const std::vector<MatrixX<double>>& batches) {
    Model model(3, {norm});
    model.parameters()["0.running_mean"] = old_mean;
    model.parameters()["0.running_var"] = old_var;
    follow(model, batches);
    return std::pair<MatrixX<double>, MatrixX<double>>(model.parameters()["0.running_mean"],
                                                       model.parameters()["0.running_var"]);
  };
  const auto torch = after({.momentum = 0.3}, {x}), keras = after(Norm::like_keras(), {x});
  CHECK(torch.first.isApprox(0.7 * old_mean + 0.3 * mean(x)));
  CHECK(torch.second.isApprox(0.7 * old_var + 0.3 * variance(x, 6)));
  CHECK(keras.first.isApprox(0.99 * old_mean + 0.01 * mean(x)));
  CHECK(keras.second.isApprox(0.99 * old_var + 0.01 * variance(x, 7)));
  // Windows of one update count as one batch.
  const auto windows = after({.momentum = 0.3}, {x.leftCols(2), x.middleCols(2, 1), x.rightCols(4)});
  CHECK(windows.first.isApprox(torch.first));
  CHECK(windows.second.isApprox(torch.second));
  // One column has a mean but no variance; no column changes nothing.
  const auto one = after({.momentum = 0.3}, {x.leftCols(1)}), nothing = after({}, {x.leftCols(0)});
  CHECK(one.first.isApprox(0.7 * old_mean + 0.3 * x.leftCols(1)));
  CHECK(one.second == old_var);
  CHECK(nothing.first == old_mean);
  CHECK(nothing.second == old_var);
}

TEST_CASE("batch norm: running statistics are means over all batches when there is no momentum") {
  Model model(2, {Norm{.momentum = {}}});
  model.initialise(3);
  const MatrixX<double> a = noise(2, 5), b = noise(2, 9, 2), c = noise(2, 4, 3);
  for (const MatrixX<double>& x : {a, b, c}) follow(model, {x});
  CHECK(model.parameters()["0.running_mean"].isApprox((mean(a) + mean(b) + mean(c)) / 3));
  CHECK(model.parameters()["0.running_var"].isApprox((variance(a, 4) + variance(b, 8) + variance(c, 3)) / 3));
  CHECK(model.parameters()["0.batches"](0, 0) == 3);
}

TEST_CASE("batch norm: running statistics inside a graph equal those outside") {
  Graph<double> inner, graph;
  inner.add(Norm{}, inner.add(Norm{}, inner.input()));
  const auto a = graph.add(Dense{.units = 2}, graph.input()), b = graph.add(inner, a);
  graph.sum({b, graph.add(Norm{.momentum = 1}, a)});
  Model model(2, {graph}), plain(2, {Dense{.units = 2}, Norm{}, Norm{}});
  model.initialise(1), plain.initialise(1);
  const MatrixX<double> x = noise(2, 6);
  follow(model, {x}), follow(plain, {x});
  for (const std::string block : {"running_mean", "running_var"}) {
    CHECK(same_bits(model.parameters()["0.2.1." + block], plain.parameters()["1." + block]));
    CHECK(same_bits(model.parameters()["0.2.2." + block], plain.parameters()["2." + block]));
    CHECK(!same_bits(model.parameters()["0.3." + block], plain.parameters()["1." + block]));
  }
  CHECK(model.statistics() == 15);
}

TEST_CASE("batch norm: running statistics have no gradient and no pass changes them") {
  Model model(2, {Norm{}, Dense{.units = 1}});
  model.initialise(1);
  Model::Tape tape;
  auto gradient = model.parameters().zeros_like();
  const MatrixX<double> x = noise(2, 5);
  const auto timeline = Timeline::rectangular(1, 5);
  for (const bool trains : {true, false}) {
    model.forward(x, timeline, tape, {.training = trains});
    model.backward(tape, noise(1, 5), gradient);
  }
  CHECK(gradient["0.running_mean"].isZero(0));
  CHECK(gradient["0.running_var"].isZero(0));
  CHECK(model.parameters().table().at("0.running_var").is_frozen(0));
  CHECK((model.parameters()["0.running_var"].array() == 1).all());
  CHECK((model.parameters()["0.weight"].array() == 1).all());
}

TEST_CASE("batch norm: refuses options out of range") {
  CHECK_THROWS_MATCHES(Model(3, {Norm{.epsilon = -1}}), ValueError,
                       says("layer 0 (batch norm): epsilon must be 2.2250738585072014e-308 to"));
  for (const double momentum : {0.0, 1.5})
    CHECK_THROWS_MATCHES(Model(3, {Norm{.momentum = momentum}}), ValueError,
                         says(text("layer 0 (batch norm): momentum must be in (0, 1], got ", momentum)));
  CHECK(Model(3, {Norm{.scaled = false}}).parameters().table().names() == "0.bias, 0.running_mean, 0.running_var");
}

TEST_CASE("batch norm: allocates nothing after the first batch") {
  Model model(3, {Norm{}, Dense{.units = 2}, Norm{}});
  model.initialise(1);
  Model::Weights weights;
  Model::Tape tape;
  auto gradient = model.parameters().zeros_like();
  VectorX<double> statistics(model.statistics());
  const MatrixX<double> x = noise(3, 8), d_y = noise(2, 8);
  const auto timeline = Timeline::from_lengths({3, 5});
  const auto step = [&] {
    model.prepare(weights);
    model.prepare_back(weights);
    model.forward(weights, view(x), timeline, tape, training);
    model.backward(tape, d_y, gradient);
    statistics.setZero();
    model.add_statistics(tape, statistics.data());
    model.update_statistics(statistics.data());
  };
  step();
  support::AllocationCount allocations;
  step();
  const auto count = allocations.count();
  CHECK(count == 0);
}

}  // namespace test_batch_norm
