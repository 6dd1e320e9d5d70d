// Cells with several inputs in layers: rows of one matrix by name, in models, data, training, streams and files.

#include <unroll/data/standardizer.hpp>
#include <unroll/infer/streaming.hpp>
#include <unroll/io/checkpoint.hpp>
#include <unroll/train/train.hpp>
#include <unroll/unroll.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_named_inputs {

using namespace unroll;
using model_run::noise, model_run::same_bits;

namespace equations {

using namespace unroll::equations::time_equations;

// clang-format off
inline constexpr auto two_unknown = cell(state(h), next(h) = tanh(linear(x, delta, h)));
// clang-format on

}  // namespace equations

namespace {

template <class S>
using CfCCell = EquationsOf<equations::cfc>::Cell<S>;

using CfC = Recurrent<EquationsOf<equations::cfc>::Cell>;
using GruD = Recurrent<StandardizedGruD>;
using BothCfC = Bidirectional<EquationsOf<equations::cfc>::Cell>;

CfC cfc() { return {.units = 4, .sizes = {{"backbone", 5}}}; }

const NamedRows x_and_dt{{"x", 3}, {"dt", 1}}, of_gru_d{{"x", 2}, {"m", 2}, {"delta", 2}};

/// Models of one type compile faster than a Sequential of each.
template <class... L>
Stack<double> chain(Index features, L... layers) {
  return Stack<double>(features, {AnyLayer<double>(layers)...});
}

/// Irregularly sampled sequences: values, whether they were seen, and the time since each was.
struct Irregular {
  std::vector<MatrixX<double>> x, seen, gap;
  std::vector<Index> labels;
};

Irregular irregular(Index sequences, Index features) {
  Irregular all;
  for (Index s = 0; s < sequences; ++s) {
    const Index steps = s == 3 ? 0 : 1 + s % 6;
    MatrixX<double> x = noise(features, steps, 100 + std::uint64_t(s));
    const MatrixX<double> seen = (noise(features, steps, 200 + std::uint64_t(s)).array() > 0).cast<double>();
    MatrixX<double> gap = MatrixX<double>::Zero(features, steps);
    for (Index t = 1; t < steps; ++t)
      gap.col(t) = 0.5 * VectorX<double>::Ones(features) +
                   gap.col(t - 1).cwiseProduct(VectorX<double>::Ones(features) - seen.col(t - 1));
    all.labels.push_back(x.sum() > 0 ? 1 : 0);
    all.x.push_back(x.cwiseProduct(seen)), all.seen.push_back(seen), all.gap.push_back(gap);
  }
  return all;
}

Dataset<double> data_of_gru_d(Index sequences = 22) {
  const Irregular all = irregular(sequences, 2);
  auto data = Dataset<double>::labelled(all.x, all.labels, 2);
  data.add_input("m", all.seen);
  data.add_input("delta", all.gap);
  return data;
}

/// Data for CfC: 3 values and one gap.
Dataset<double> data_of_cfc(Index sequences = 12) {
  const Irregular all = irregular(sequences, 3);
  auto data = Dataset<double>::labelled(all.x, all.labels, 2);
  std::vector<MatrixX<double>> dt;
  for (const auto& gap : all.gap) dt.push_back(gap.topRows(1));
  data.add_input("dt", dt);
  return data;
}

Stack<double> stack_of_gru_d() {
  Stack<double> model(6, {GruD{.units = 4, .returns = Returns::last, .inputs = of_gru_d}, Dense{.units = 2}});
  model.initialise(1);
  return model;
}

const FitOptions<double> quiet{.epochs = 3, .batches = {.size = 5}, .shard = 2, .progress = Progress::quiet};

}  // namespace

TEST_CASE("named inputs: a layer has the bits of its cell with separate inputs, in any order of the rows") {
  const auto direction = GENERATE(Direction::forward, Direction::backward);
  const bool reversed = GENERATE(false, true);
  const Index x_row = reversed ? 1 : 0, dt_row = reversed ? 0 : 3;
  CfC layer = cfc();
  layer.direction = direction;
  if (reversed) layer.inputs = {{"dt", 1}, {"x", 3}};
  auto model = chain(4, layer);
  model_run::randomise(model);
  const auto timeline = Timeline::from_lengths({2, 0, 5, 3});
  const MatrixX<double> both = noise(4, timeline.columns(), 2), d_out = noise(4, timeline.columns(), 8);
  Stack<double>::Tape tape;
  const MatrixX<double> out = model.forward(both, timeline, tape);
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_both;
  model.backward(tape, d_out, gradient, &d_both);

  const CfCCell<double> cell(CellSizes{.inputs = {3, 1}, .units = 4, .sizes = {{"backbone", 5}}});
  Tape<CfCCell<double>> cell_tape;
  OverTime<CfCCell<double>> run(cell, timeline, direction, cell_tape, model.parameters().values().data());
  const MatrixX<double> x = both.middleRows(x_row, 3), dt = both.row(dt_row);
  const std::vector<ConstView<double>> separate{view(x), view(dt)};
  run.forward({separate, {}});
  CHECK(same_bits(out, run.output()));
  MatrixX<double> d_x(3, x.cols()), d_dt(1, x.cols());
  std::vector<View<double>> d_separate{view(d_x), view(d_dt)};
  VectorX<double> want = VectorX<double>::Zero(gradient.size());
  run.backward({separate, {}}, view(d_out), {}, want.data(), {d_separate, {}});
  CHECK(same_bits(gradient.values(), want));
  CHECK(same_bits(d_both.middleRows(x_row, 3), d_x));
  CHECK(same_bits(d_both.row(dt_row), d_dt));
}

TEST_CASE("named inputs: gradients agree with central differences in both directions") {
  GradientReport report;
  report += model_run::gradients(chain(4, cfc(), Dense{.units = 2}));
  report += model_run::gradients(
      chain(4, BothCfC{.units = 3, .sizes = {{"backbone", 4}}, .inputs = {{"dt", 1}, {"x", 3}}}, Dense{.units = 2}));
  for (const Direction direction : {Direction::forward, Direction::backward})
    report += model_run::gradients(chain(6, GruD{.units = 3, .direction = direction, .inputs = of_gru_d}),
                                   {.keeping = {.keep = Keep::checkpoints}});
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  CHECK(report.checked > 1000);

  auto model = chain(4, cfc());
  model_run::randomise(model);
  const auto wrong = check_gradients(model, noise(4, 3), Timeline::rectangular(1, 3), [](const auto& y, auto& d) {
    d.setConstant(1e9);
    return y.sum();
  });
  CHECK(wrong.worst > 1);
  const auto only_dt = check_gradients(model, noise(4, 3), Timeline::rectangular(1, 3),
                                       [](const auto& y, auto& d) {
                                         d.setZero();
                                         return 0 * y.sum();
                                       },
                                       {}, {.step = 1e-5});
  CHECK(only_dt.worst == 0);
}

TEST_CASE("named inputs: rows follow from the sizes in the equations or from the option") {
  CHECK(chain(4, cfc()).inputs() == x_and_dt);
  CHECK(chain(9, cfc()).inputs() == NamedRows{{"x", 8}, {"dt", 1}});
  CHECK(chain(6, GruD{.units = 4}).inputs() == NamedRows{{"delta", 2}, {"m", 2}, {"x", 2}});
  CHECK(chain(6, Dropout{.rate = 0.1}, GruD{.units = 4}).inputs().size() == 3);
  CHECK(chain(6, Dense{.units = 4}).inputs().empty());
  CHECK(chain(3, Recurrent<Gru>{.units = 2}).inputs().empty());
  CHECK(chain(3, Recurrent<Gru>{.units = 2, .inputs = {{"x", 3}}}).inputs() == NamedRows{{"x", 3}});
  CHECK(stack_of_gru_d().inputs() == of_gru_d);

  const auto refused = [](Index features, auto layer, const char* message) {
    CHECK_THROWS_MATCHES(chain(features, layer), Error, says(message));
  };
  refused(1, cfc(),
          "features per step must be 1 and at least 1 more for the inputs of the cell, "
          "{{\"x\", rows}, {\"dt\", rows}}, got 1");
  refused(7, GruD{.units = 4}, "features per step must be 0 and a multiple of 3 above 0 for the inputs");
  CfC other = cfc();
  other.inputs = {{"x", 3}, {"gap", 1}};
  refused(4, other, "inputs must be those of the cell, x, dt, got x [3 rows], gap [1 row]");
  other.inputs = {{"x", 3}};
  refused(3, other, "inputs must be those of the cell, x, dt, got x [3 rows]");
  other.inputs = x_and_dt;
  refused(5, other, "features per step must be 4, those of the inputs x [3 rows], dt [1 row], got 5");
  other.inputs = {{"x", 2}, {"dt", 2}};
  refused(4, other, "dt must have 1 row");
  refused(
      4, Recurrent<EquationsOf<equations::two_unknown>::Cell>{.units = 4},
      "inputs must be given, {{\"x\", rows}, {\"delta\", rows}} in the order of the rows, because their rows do not "
      "follow");
  refused(4, Recurrent<EquationsOf<equations::gru_d>::Cell>{.units = 4}, "cell must have no constants, got 1");
  CHECK_THROWS_MATCHES(
      chain(4, cfc(), cfc()), ShapeError,
      says("layer 1 (recurrent): inputs must be given, {{\"x\", rows}, {\"dt\", rows}} in the order of "
           "the rows, because the layer does not read the input of the model"));
}

TEST_CASE("named rows: refuse names and rows out of range") {
  CHECK_THROWS_MATCHES((NamedRows{{"x", 3}, {"x", 1}}), ValueError, says("names must differ, got 'x' twice"));
  CHECK_THROWS_MATCHES((NamedRows{{"", 3}}), ValueError, says("1 to 64 bytes, got 0"));
  CHECK_THROWS_MATCHES((NamedRows{{"a\nb", 3}}), ValueError, says("no control characters, got byte 10"));
  CHECK_THROWS_MATCHES((NamedRows{{"x", 0}}), ValueError, says("rows of 'x' must be 1 to"));
  CHECK_THROWS_MATCHES(x_and_dt.first("gap"), ValueError,
                       says("the name must be one of x [3 rows], dt [1 row], got 'gap'"));
  CHECK(x_and_dt.first("dt") == 3);
  CHECK(x_and_dt.rows() == 4);
}

TEST_CASE("named inputs: a Stack and streams equal a Sequential") {
  auto model = sequential<double>(4, cfc(), Dense{.units = 2});
  model.initialise(3);
  Stack<double> stack(4, {cfc(), Dense{.units = 2}});
  stack.parameters().values() = model.parameters().values();
  const MatrixX<double> x = noise(4, 9);
  const auto timeline = Timeline::rectangular(1, 9);
  decltype(model)::Tape tape;
  Stack<double>::Tape stack_tape;
  const MatrixX<double> want = model.forward(x, timeline, tape);
  CHECK(same_bits(want, stack.forward(x, timeline, stack_tape)));

  const Streaming streaming(model);
  CHECK(streaming.inputs() == x_and_dt);
  auto stream = streaming.stream();
  std::vector<double> step(4), out(2);
  for (Index t = 0; t < 9; ++t) {
    for (Index r = 0; r < 3; ++r) step[std::size_t(streaming.inputs().first("x") + r)] = x(r, t);
    step[std::size_t(streaming.inputs().first("dt"))] = x(3, t);
    REQUIRE(streaming.run(step, out, stream));
    for (Index r = 0; r < 2; ++r) CHECK(out[std::size_t(r)] == Approx(want(r, t)).margin(1e-5));
  }
}

TEST_CASE("named inputs: training has the same bits for any threads, and for a run that is resumed") {
  const auto data = data_of_gru_d();
  auto model = stack_of_gru_d();
  const VectorX<double> before = model.parameters().values();
  Adam<double> adam({.learning_rate = 0.02});
  const auto result = fit(model, SoftmaxCrossEntropy<double>(), adam, data, quiet);
  CHECK(result.history.back().loss < result.history.front().loss);

  auto parallel = stack_of_gru_d();
  Adam<double> adam_3({.learning_rate = 0.02});
  auto options = quiet;
  options.threads = Threads(3);
  fit(parallel, SoftmaxCrossEntropy<double>(), adam_3, data, options);
  CHECK(same_bits(parallel.parameters().values(), model.parameters().values()));

  const support::TemporaryFolder folder;
  auto stopped = stack_of_gru_d();
  Adam<double> adam_2({.learning_rate = 0.02});
  TrainingState<double> state;
  options = quiet;
  Index batches = 0;
  options.on_batch = [&](const BatchEnd&) { return ++batches < 7; };
  fit(stopped, SoftmaxCrossEntropy<double>(), adam_2, data, options, state);
  write_checkpoint(folder.path / "state", state, adam_2);
  read_checkpoint(folder.path / "state", state, adam_2);
  fit(stopped, SoftmaxCrossEntropy<double>(), adam_2, data, quiet, state);
  CHECK(same_bits(stopped.parameters().values(), model.parameters().values()));
  CHECK(!same_bits(stopped.parameters().values(), before));

  // Another division of the rows is another model.
  Stack<double> other(
      6, {GruD{.units = 4, .returns = Returns::last, .inputs = {{"m", 2}, {"x", 2}, {"delta", 2}}}, Dense{.units = 2}});
  auto same = data;
  same.select_inputs({"m", "x", "delta"});
  CHECK_THROWS_MATCHES(fit(other, SoftmaxCrossEntropy<double>(), adam_2, same, quiet, state), Error, says("the state"));
}

TEST_CASE("named inputs: lazy data have the names, too") {
  const auto data = data_of_gru_d();
  const LazyDataset<double> lazy(data);
  const auto model = stack_of_gru_d();
  const SoftmaxCrossEntropy<double> loss;
  CHECK(evaluate(model, data, loss).loss.sum == evaluate(model, lazy, loss).loss.sum);
  auto renamed = data;
  renamed.set_inputs({});
  CHECK_THROWS_MATCHES(LazyDataset<double>(22,
                                           [&](Index s) {
                                             return (s == 0 ? data : renamed).subset({&s, 1});
                                           })
                           .read(1),
                       ShapeError,
                       says("sample 1: data set: inputs must be x [2 rows], m [2 rows], delta [2 rows], as "
                            "in sample 0, got none"));
}

TEST_CASE("named inputs: fit, evaluate and predict refuse data with other inputs, by name") {
  auto model = stack_of_gru_d();
  const auto good = data_of_gru_d();
  const auto refused = [&](const Dataset<double>& data, const std::string& message) {
    const auto before = model.parameters().values();
    Adam<double> adam;
    CHECK_THROWS_MATCHES(
        fit(model, SoftmaxCrossEntropy<double>(), adam, data, quiet), ShapeError,
        says("fit: the inputs of the data set must be x [2 rows], m [2 rows], delta [2 rows], as in the "
             "model, got " +
             message));
    auto options = quiet;
    options.validation = &data;
    CHECK_THROWS_MATCHES(fit(model, SoftmaxCrossEntropy<double>(), adam, good, options), ShapeError,
                         says("fit: the inputs of the validation data set must be"));
    CHECK_THROWS_MATCHES(evaluate(model, data, SoftmaxCrossEntropy<double>()), ShapeError, says(message));
    CHECK_THROWS_MATCHES(predict(model, data), ShapeError, says("evaluation: the inputs of the data set must be"));
    CHECK_THROWS_MATCHES(predict(model, LazyDataset<double>(data)), ShapeError, says(message));
    CHECK(same_bits(before, model.parameters().values()));
  };
  auto data = good;
  data.set_inputs({});
  refused(data, "none; 'x' is missing");
  data.set_inputs({{"x", 2}, {"m", 2}, {"gap", 2}});
  refused(data, "x [2 rows], m [2 rows], gap [2 rows]; 'delta' is missing");
  data.set_inputs({{"x", 1}, {"m", 3}, {"delta", 2}});
  refused(data, "x [1 row], m [3 rows], delta [2 rows]; 'x' must have 2 rows, got 1");
  data.set_inputs({{"m", 2}, {"x", 2}, {"delta", 2}});
  refused(data, "m [2 rows], x [2 rows], delta [2 rows]; the order differs");
  data = good;
  data.add_input("extra", irregular(22, 2).x);
  refused(data, "x [2 rows], m [2 rows], delta [2 rows], extra [2 rows]; there is no 'extra'");
  data.select_inputs({"x", "m"});
  refused(data, "x [2 rows], m [2 rows]; 'delta' is missing");
  CHECK(predict(model, good).size() == 22);
}

TEST_CASE("named inputs: a data set adds, selects and keeps them") {
  const Irregular all = irregular(4, 2);
  auto data = Dataset<double>::labelled(all.x, all.labels, 2);
  CHECK(data.inputs().empty());
  data.add_input("gap", all.gap, "values");
  CHECK(data.inputs() == NamedRows{{"values", 2}, {"gap", 2}});
  CHECK(data.sequence(2).topRows(2) == all.x[2]);
  CHECK(data.sequence(2).bottomRows(2) == all.gap[2]);
  const std::vector<Index> some{2, 0};
  CHECK(data.subset(some).inputs() == data.inputs());
  const Dataset<double> before = data;
  CHECK_THROWS_MATCHES(data.add_input("gap", all.gap), ValueError, says("names must differ, got 'gap' twice"));
  CHECK_THROWS_MATCHES(data.add_input("m", {all.seen[0]}), ShapeError, says("as many entries as sequences, 4, got 1"));
  CHECK_THROWS_MATCHES(data.add_input("m", {all.seen[0], all.seen[1], all.seen[1], all.seen[3]}), ShapeError,
                       says("input 'm' of sample 2 must be [2 x 3], got [2 x 2]"));
  auto infinite = all.seen;
  infinite[1](0, 1) = std::numeric_limits<double>::infinity();
  CHECK_THROWS_MATCHES(data.add_input("m", infinite), ValueError, says("sample 1, step 1, feature 4 must be finite"));
  CHECK_THROWS_MATCHES(data.set_inputs({{"x", 3}}), ShapeError, says("rows of the inputs must be 4, got 3"));
  CHECK_THROWS_MATCHES(data.select_inputs({"values", "m"}), ValueError, says("got 'm'"));
  CHECK_THROWS_MATCHES(data.select_inputs({"gap", "gap"}), ValueError, says("got 'gap' twice"));
  CHECK_THROWS_MATCHES(data.select_inputs({}), ValueError, says("must be at least 1"));
  CHECK(data.inputs() == before.inputs());
  CHECK(data.sequence(1) == before.sequence(1));
  auto unnamed = before;
  unnamed.set_inputs({});
  CHECK_THROWS_MATCHES(data.append(unnamed), ShapeError, says("inputs must be values [2 rows], gap [2 rows]"));
  data.append(before);
  CHECK(data.size() == 8);
  data.select_inputs({"gap", "values"});
  CHECK(data.sequence(2).topRows(2) == all.gap[2]);
  CHECK(data.sequence(2).bottomRows(2) == all.x[2]);
  data.select_inputs({"values"});
  CHECK(data.features() == 2);
  CHECK(data.sequence(2) == all.x[2]);
}

TEST_CASE("named inputs: a graph with inputs by name equals one that reads the rows") {
  Graph<double> graph;
  const auto x = graph.input("x", 3), dt = graph.input("dt", 1);
  const auto deep = graph.add(cfc(), graph.concat({graph.add(Dense{.units = 3}, x), dt}));
  CfC second = cfc();
  CHECK_THROWS_MATCHES(chain(4, graph), ShapeError, says("does not read the input of the model"));
  Graph<double> named;
  const auto x_2 = named.input("x", 3), dt_2 = named.input("dt", 1);
  second.inputs = x_and_dt;
  const auto first = named.add(second, named.concat({named.add(Dense{.units = 3}, x_2), dt_2}));
  second.inputs = {{"x", 4}, {"dt", 1}};
  named.add(Dense{.units = 2}, named.add(second, named.concat({first, dt_2})));
  auto model = chain(4, named);
  CHECK(model.inputs() == x_and_dt);
  const auto report = model_run::gradients(model);
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  CHECK(report.checked > 500);
  (void)deep;

  // The first layer alone, with a Dense layer in front of the rows of x.
  model_run::randomise(model);
  auto front = chain(3, Dense{.units = 3});
  auto rest = chain(4, cfc());
  const Index count = front.parameters().size();
  front.parameters().values() = model.parameters().values().head(count);
  rest.parameters().values() = model.parameters().values().segment(count, rest.parameters().size());
  const auto timeline = Timeline::from_lengths({2, 0, 4});
  const MatrixX<double> in = noise(4, timeline.columns());
  Graph<double> begin;
  const auto x_3 = begin.input("x", 3), dt_3 = begin.input("dt", 1);
  second.inputs = x_and_dt;
  begin.add(second, begin.concat({begin.add(Dense{.units = 3}, x_3), dt_3}));
  auto small = chain(4, begin);
  small.parameters().values() = model.parameters().values().head(small.parameters().size());
  Stack<double>::Tape tape, front_tape, rest_tape;
  MatrixX<double> joined(4, in.cols());
  joined << front.forward(in.topRows(3).eval(), timeline, front_tape), in.row(3);
  CHECK(same_bits(small.forward(in, timeline, tape), rest.forward(joined, timeline, rest_tape)));
}

TEST_CASE("named inputs: a graph refuses inputs that do not match") {
  const auto refused = [](Index features, const Graph<double>& graph, const char* message) {
    CHECK_THROWS_MATCHES(chain(features, graph), Error, says(message));
  };
  Graph<double> graph;
  const auto x = graph.input("x", 3);
  CHECK_THROWS_MATCHES(graph.input("x", 1), ValueError, says("got 'x' twice"));
  CHECK_THROWS_MATCHES(graph.input("y", 0), ValueError, says("rows of 'y' must be 1 to"));
  graph.input("dt", 1);
  graph.add(Dense{.units = 2}, x);
  refused(4, graph, "no node reads node 2 (input 'dt')");
  refused(5, graph, "no node reads");

  Graph<double> sum;
  sum.sum({sum.input("a", 2), sum.input("b", 2)});
  refused(5, sum, "features of the inputs a [2 rows], b [2 rows] must be 4, got 5");
  CHECK(chain(4, sum).outputs() == 2);

  Graph<double> orders;  // both layers read the whole input, in different orders
  CfC one = cfc(), other = cfc();
  one.inputs = x_and_dt, other.inputs = {{"dt", 1}, {"x", 3}};
  orders.sum({orders.add(one, orders.input()), orders.add(other, orders.input())});
  refused(4, orders, "node 2 (recurrent): inputs must be x [3 rows], dt [1 row], as of the graph and its other layers");
}

TEST_CASE("named inputs: a standardizer and encoder-decoder models") {
  const Irregular all = irregular(6, 3);
  std::vector<MatrixX<double>> sources;
  std::vector<std::vector<Index>> targets;
  for (std::size_t s = 0; s < 6; ++s) {
    MatrixX<double>& both = sources.emplace_back(4, all.x[s].cols());
    both << all.x[s], all.gap[s].topRows(1);
    targets.push_back({2, 3});
  }
  SequencePairs<double> pairs(sources, targets, {.begin = 0, .end = 1});
  Seq2Seq<Stack<double>, Gru<double>> model(chain(4, cfc()), {.vocabulary = 4, .embedding = 3, .units = 4});
  model.initialise(1);
  const auto check = [&] {
    detail::check_data("fit", "the data set", model, SoftmaxCrossEntropy<double>(), pairs, all_samples(6));
  };
  CHECK_THROWS_MATCHES(
      check(), ShapeError,
      says("fit: the inputs of the data set must be x [3 rows], dt [1 row], as in the model, got none"));
  CHECK_THROWS_MATCHES(pairs.set_inputs({{"x", 3}}), ShapeError, says("rows of the inputs must be 4, got 3"));
  pairs.set_inputs(x_and_dt);
  check();

  auto data = data_of_cfc();
  const auto names = data.inputs();
  const Dataset<double> before = data;
  Standardizer<double>(data, {"x"}).apply(data);
  CHECK(data.inputs() == names);
  CHECK(same_bits(data.sequence(5).row(3), before.sequence(5).row(3)));
  const Standardizer<double> of_all(before), of_lazy(LazyDataset<double>(before), {"x"});
  CHECK(of_lazy.mean().head(3) == of_all.mean().head(3));
  CHECK(of_lazy.mean()[3] == 0);
  CHECK(of_lazy.deviation()[3] == 1);
  auto all_of_them = before;
  of_all.apply(all_of_them);
  CHECK(same_bits(data.sequence(5).topRows(3), all_of_them.sequence(5).topRows(3)));
  CHECK_THROWS_MATCHES(Standardizer<double>(before, {"gap"}), ValueError, says("got 'gap'"));
}

}  // namespace test_named_inputs
