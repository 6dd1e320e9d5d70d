#include <array>
#include <filesystem>
#include <limits>
#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/normalisation/batch_norm.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/train/detail/truncation.hpp>

#include "support/catch.hpp"

namespace test_truncation {

using namespace unroll;

namespace {

SafeTensors golden(const std::string& name) {
  return read_safetensors(std::filesystem::path(UNROLL_TEST_DATA) / "golden/rnn" / (name + ".safetensors"));
}

/// Tensor [T, B, F] as a matrix [F x T * B], with the same memory layout.
MatrixX<double> columns(const Tensor& tensor) {
  const auto values = tensor.to<double>();
  const Index features = tensor.shape.back();
  return Eigen::Map<const MatrixX<double>>(values.data(), features, Index(values.size()) / features);
}

bool close(const MatrixX<double>& got, const MatrixX<double>& want) {
  return got.rows() == want.rows() && got.cols() == want.cols() &&
         ((got - want).array().abs() <= 1e-11 + 1e-9 * want.array().abs()).all();
}

/// Calls f(window, output, tape) for all windows. Returns the largest number of columns of a pass.
template <class Model, class F>
Index windows(const Model& model, const MatrixX<double>& x, const Timeline& timeline, const Truncation& truncation,
              std::vector<State<double>>* carried, F&& f, Keep keep = Keep::everything) {
  typename Model::Tape tape;
  Index most = 0;
  detail::TruncatedRun<Model> run;
  run.begin(model, truncation, carried, carried != nullptr);
  for (Index k = 0; k < truncation.windows(timeline.steps()); ++k)
    run.window(
        k, timeline.steps(), view(x), timeline,
        [&](ConstView<double> part, const Timeline& steps, const std::vector<State<double>>& initial, bool learns) {
          most = std::max(most, steps.columns());
          model.forward(
              part, steps, tape,
              {.training = true, .keeping = {learns ? keep : Keep::nothing, 1}, .detach_every = run.detach_every()},
              initial);
        },
        [&](std::vector<State<double>>& state) { model.final_state(tape, state); },
        [&](const Window& window) { f(window, tape.in.back().values, tape); });
  if (carried != nullptr) *carried = run.state();
  return most;
}

template <class Model>
void matches_pytorch(Model model, const SafeTensors& file, const std::vector<std::string>& gates,
                     const std::vector<std::string>& states) {
  const auto x = columns(file.at("x")), g_y = columns(file.at("g_y"));
  const Index steps = file.at("x").shape[0], batch = file.at("x").shape[1], units = g_y.rows();
  const Index chunk = Index(std::stod(file.metadata.at("chunk")));
  const auto wx = matrix<double>(file.at("weight_ih_l0")), wh = matrix<double>(file.at("weight_hh_l0"));
  const MatrixX<double> b = matrix<double>(file.at("bias_ih_l0")) + matrix<double>(file.at("bias_hh_l0"));
  auto& theta = model.parameters();
  for (std::size_t g = 0; g < gates.size(); ++g) {
    theta["0." + gates[g] + ".x"] = wx.middleRows(Index(g) * units, units);
    theta["0." + gates[g] + ".h"] = wh.middleRows(Index(g) * units, units);
    theta["0." + gates[g] + ".b"] = b.middleRows(Index(g) * units, units);
  }
  std::vector<State<double>> carried(1);
  for (const auto& state : states) carried[0].push_back(columns(file.at(state + "0")));
  auto gradient = theta.zeros_like();
  const auto agree = [&](const std::string& name, const char* block, const char* suffix) {
    const auto want = matrix<double>(file.at(name + suffix));
    for (std::size_t g = 0; g < gates.size(); ++g)
      CHECK(close(gradient["0." + gates[g] + block], want.middleRows(Index(g) * units, units)));
  };

  MatrixX<double> y(units, g_y.cols()), d_x(x.rows(), x.cols()), d_window;
  windows(model, x, Timeline::rectangular(batch, steps), {.update_every = chunk}, &carried,
          [&](const Window& window, const ConstView<double>& output, auto& tape) {
            const Index first = window.scored * batch, count = output.cols();
            y.middleCols(first, count) = output;
            model.backward(tape, MatrixX<double>(g_y.middleCols(first, count)), gradient, &d_window);
            d_x.middleCols(first, count) = d_window;
            if (window.scored > 0) return;
            agree("d_weight_ih_l0", ".x", "_chunk0");
            agree("d_weight_hh_l0", ".h", "_chunk0");
            agree("d_bias_ih_l0", ".b", "_chunk0");
          });
  CHECK(close(y, columns(file.at("y"))));
  CHECK(close(d_x, columns(file.at("d_x"))));
  agree("d_weight_ih_l0", ".x", "");
  agree("d_weight_hh_l0", ".h", "");
  agree("d_bias_hh_l0", ".b", "");
  for (std::size_t s = 0; s < states.size(); ++s) CHECK(close(carried[0][s], columns(file.at(states[s] + "n"))));
}

}  // namespace

TEST_CASE("truncation: outputs, states and gradients of windows agree with PyTorch") {
  matches_pytorch(sequential<double>(3, Recurrent<Elman>{.units = 4}), golden("rnn_tbptt"), {"h"}, {"h"});
  matches_pytorch(sequential<double>(2, Recurrent<Lstm>{.units = 4}), golden("lstm_tbptt"), {"i", "f", "g", "o"},
                  {"h", "c"});
}

TEST_CASE("truncation: windows score every step once and reach back as far as allowed") {
  const Index steps = 11, every = GENERATE(1, 2, 3, 11, 50), back = every + GENERATE(0, 1, 4);
  const Truncation truncation{.update_every = every, .back = back};
  Index scored = 0;
  for (Index k = 0; k < truncation.windows(steps); ++k) {
    const auto window = truncation.window(k, steps);
    CHECK(window.scored == scored);
    CHECK(window.begin == std::max<Index>(0, window.scored + every - back));
    CHECK(window.end > window.scored);
    scored = window.end;
  }
  CHECK(scored == steps);
  CHECK(Truncation{}.windows(steps) == 1);
  CHECK(truncation.windows(0) == 1);
  CHECK(truncation.window(0, 0).end == 0);
}

TEST_CASE("truncation: overlapping windows have the outputs of a whole pass and approach its gradient") {
  using Model = decltype(sequential<double>(2, Recurrent<Gru>{.units = 3}));
  Model model(2, Recurrent<Gru>{.units = 3});
  model.initialise(1);
  const auto timeline = Timeline::from_lengths({9, 4, 7, 0, 1});
  const Random random(2, Purpose::data);
  const MatrixX<double> x = MatrixX<double>::NullaryExpr(
      2, timeline.columns(), [&](Index r, Index c) { return random.normal(std::uint64_t(2 * c + r)); });
  const MatrixX<double> d_y = MatrixX<double>::Ones(3, timeline.columns());
  typename Model::Tape tape;
  auto whole = model.parameters().zeros_like();
  const MatrixX<double> y = model.forward(x, timeline, tape);
  model.backward(tape, d_y, whole);
  const auto truncated = [&](Truncation truncation) {
    auto gradient = model.parameters().zeros_like();
    windows(model, x, timeline, truncation, nullptr,
            [&](const Window& window, const ConstView<double>& output, auto& window_tape) {
              const Index again = timeline.offset(window.scored) - timeline.offset(window.begin);
              CHECK(output.rightCols(output.cols() - again)
                        .isApprox(y.middleCols(timeline.offset(window.scored), output.cols() - again), 1e-14));
              MatrixX<double> d_window = MatrixX<double>::Ones(3, output.cols());
              d_window.leftCols(again).setZero();
              model.backward(window_tape, d_window, gradient);
            });
    return (gradient.values() - whole.values()).norm() / whole.values().norm();
  };
  const Index every = GENERATE(1, 2, 3);
  CHECK(truncated({.update_every = every}) > 1e-2);
  CHECK(truncated({.update_every = every, .back = 6}) < truncated({.update_every = every}));
  CHECK(truncated({.update_every = every, .back = 6}) > 1e-9);
  CHECK(truncated({.update_every = every, .back = 9 + every}) < 1e-14);
}

namespace {

using Many = Stack<double>;

MatrixX<double> noise(Index rows, Index cols, std::uint64_t seed) {
  const Random random(seed, Purpose::data);
  return MatrixX<double>::NullaryExpr(rows, cols,
                                      [&](Index r, Index c) { return random.normal(std::uint64_t(rows * c + r)); });
}

/// Layer of a user with a state, whose backward pass does not follow Pass::detach_every.
struct Counting : LayerBase<double> {
  struct Tape {};
  Shape connect(Shape in) { return in; }
  std::string_view name() const { return "counting"; }
  std::vector<Index> state_rows() const { return {1}; }
  Signal<double> forward(const double*, const Signal<double>& in, const Pass&, const State<double>&, Tape&) const {
    return in;
  }
  void final_state(const Signal<double>&, Tape&, State<double>&) const {}
  void backward(const double*, const Signal<double>&, const Pass&, ConstView<double> d_out, const State<double>&, Tape&,
                double*, View<double> d_in, State<double>*) const {
    if (d_in.data() != nullptr && d_out.data() != nullptr) d_in = d_out;
  }
};

/// Models whose output is that of the last step.
std::vector<Many> last_step_models() {
  Graph<double> graph;
  const auto in = graph.input(), deep = graph.add(Recurrent<Gru>{.units = 3}, in);
  graph.concat({graph.add(LastStep{}, deep), graph.add(Recurrent<Elman>{.units = 2, .returns = Returns::last}, deep)});
  std::vector<Many> models;
  models.emplace_back(2, std::vector<AnyLayer<double>>{Recurrent<Gru>{.units = 3, .returns = Returns::last}});
  models.emplace_back(2, std::vector<AnyLayer<double>>{
                             Recurrent<Gru>{.units = 3}, Conv1d{.units = 3, .kernel = 3, .padding = causal()},
                             Dropout{.rate = 0.3}, Recurrent<Elman>{.units = 4}, LastStep{}, Dense{.units = 2}});
  models.emplace_back(2, std::vector<AnyLayer<double>>{graph, Dense{.units = 2}});
  for (Many& model : models) model.initialise(4);
  return models;
}

/// Initial states of `batch` samples.
std::vector<State<double>> some_states(const Many& model, Index batch) {
  std::vector<State<double>> states;
  model.each_layer([&](const auto& layer, std::size_t k) {
    states.emplace_back();
    for (const Index rows : layer.state_rows()) states.back().push_back(noise(rows, batch, 7 + k));
  });
  return states;
}

}  // namespace

TEST_CASE("truncation: last steps have the gradient of these steps from constant states, sequence by sequence") {
  MatrixX<bool> mask(4, 8);
  mask << 1, 0, 1, 1, 0, 1, 1, 1,  //
      0, 0, 0, 0, 0, 0, 0, 0,      //
      1, 1, 1, 1, 1, 1, 1, 1,      //
      0, 1, 1, 0, 0, 1, 0, 0;
  const Index back = GENERATE(1, 2, 3, 7);
  const auto timeline = GENERATE_COPY(Timeline::from_lengths({9, 4, 0, 9, 2, 1}), Timeline::from_mask(mask));
  const MatrixX<double> x = noise(2, timeline.columns(), 1);
  for (const Many& model : last_step_models()) {
    if (timeline.has_gaps() && model.depth() > 2) continue;  // refused by the convolution
    const MatrixX<double> d_y = noise(model.outputs(), timeline.batch(), 2);
    auto got = model.parameters().zeros_like(), want = model.parameters().zeros_like();
    const auto first = some_states(model, timeline.batch());
    auto carried = first;
    MatrixX<double> y;
    const Index most = windows(model, x, timeline, {.back = back}, &carried,
                               [&](const Window&, const ConstView<double>& output, auto& tape) {
                                 y = output;
                                 model.backward(tape, d_y, got);
                               });
    CHECK(most <= back * timeline.batch());
    Many::Tape whole;
    CHECK(y.isApprox(model.forward(x, timeline, whole, {.training = true}, first), 1e-14));
    const auto final_state = model.final_state(whole);
    for (std::size_t k = 0; k < final_state.size(); ++k)
      for (std::size_t s = 0; s < final_state[k].size(); ++s) CHECK(carried[k][s].isApprox(final_state[k][s], 1e-14));
    for (Index b = 0; b < timeline.batch(); ++b) {  // the oracle: one sequence in two passes
      const Index rank = timeline.rank(b), length = timeline.length(rank);
      MatrixX<bool> steps = MatrixX<bool>::Constant(1, timeline.padded_steps(), false);
      MatrixX<double> own(2, length);
      std::vector<Index> places;
      for (Index c = 0, t = 0; c < timeline.columns(); ++c)
        if (timeline.sample_of(c) == b) {
          steps(0, timeline.step_of(c)) = true;
          places.push_back(timeline.step_of(c));
          own.col(t++) = x.col(c);
        }
      const Index tail = std::min(back, length);
      auto before = steps, after = steps;
      for (Index t = 0; t < length; ++t) (t < length - tail ? after : before)(0, places[std::size_t(t)]) = false;
      auto states = first;
      for (auto& layer : states)
        for (auto& state : layer) state = MatrixX<double>(state.col(b));
      const auto pass = [&](const MatrixX<bool>& where, const MatrixX<double>& columns, Many::Tape& tape) {
        auto own_timeline = timeline.has_gaps() ? Timeline::from_mask(where)
                            : where == after    ? Timeline::from_lengths({length}).window(length - tail, length)
                                                : Timeline::from_lengths({length - tail});
        own_timeline.set_places(std::array{b});
        return MatrixX<double>(
            model.forward(MatrixX<double>(columns), std::move(own_timeline), tape, {.training = true}, states));
      };
      Many::Tape prefix, end;
      pass(before, own.leftCols(length - tail), prefix);
      states = model.final_state(prefix);
      CHECK(pass(after, own.rightCols(tail), end).isApprox(MatrixX<double>(y.col(rank)), 1e-14));
      model.backward(end, MatrixX<double>(d_y.col(rank)), want);
    }
    CHECK((got.values() - want.values()).norm() <= 1e-13 * want.values().norm());
    auto full = model.parameters().zeros_like();
    model.backward(whole, d_y, full);
    if (back < 7) CHECK((got.values() - full.values()).norm() > 1e-4 * full.values().norm());
  }
}

TEST_CASE("truncation: as many last steps as the longest sequence has give the bits of full backpropagation") {
  const auto timeline = Timeline::from_lengths({5, 4, 0, 1});
  const MatrixX<double> x = noise(2, timeline.columns(), 1);
  const Index back = GENERATE(Index(5), Index(6), std::numeric_limits<Index>::max());
  for (const Many& model : last_step_models()) {
    const MatrixX<double> d_y = noise(model.outputs(), timeline.batch(), 2);
    auto got = model.parameters().zeros_like(), want = model.parameters().zeros_like();
    windows(model, x, timeline, {.back = back}, nullptr,
            [&](const Window&, const ConstView<double>&, auto& tape) { model.backward(tape, d_y, got); });
    Many::Tape tape;
    model.forward(x, timeline, tape, {.training = true});
    model.backward(tape, d_y, want);
    CHECK(got.values() == want.values());
  }
}

TEST_CASE("truncation: a mean or maximum over time has the loss of all steps and gradients of states in windows") {
  const auto timeline = GENERATE(Timeline::from_lengths({9, 4, 0, 9, 2, 1}), Timeline::from_lengths({1600, 17, 1404}));
  const Index back = GENERATE(1, 3, 7);
  const MatrixX<double> x = noise(2, timeline.columns(), 1), d_y = noise(2, timeline.batch(), 2);
  Graph<double> graph;
  const auto below = graph.add(Recurrent<Elman>{.units = 2}, graph.input());
  graph.concat({graph.add(Recurrent<Gru>{.units = 2}, below), below});
  const std::vector<AnyLayer<double>> steps{Recurrent<Gru>{.units = 3}, Dropout{.rate = 0.3}, graph};
  for (const AnyLayer<double>& pooling : {AnyLayer<double>(MeanOverTime{}), AnyLayer<double>(MaxOverTime{})}) {
    INFO(pooling.name() << ", back " << back << ", " << timeline.steps() << " steps");
    Many lower(2, steps), upper(4, {pooling, Dense{.units = 2}}), whole(2, [&] {
      auto all = steps;
      all.insert(all.end(), {pooling, Dense{.units = 2}});
      return all;
    }());
    whole.initialise(4);
    const Index split = lower.parameters().size();
    lower.parameters().values() = whole.parameters().values().head(split);
    upper.parameters().values() = whole.parameters().values().tail(upper.parameters().size());

    // The oracle: the gradient of the upper layers at all steps, then windows of the lower ones.
    Many::Tape all, head;
    const MatrixX<double> between = lower.forward(x, timeline, all, {.training = true});
    const MatrixX<double> y = upper.forward(between, timeline, head, {.training = true});
    auto of_head = upper.parameters().zeros_like(), of_steps = lower.parameters().zeros_like();
    MatrixX<double> d_between;
    upper.backward(head, d_y, of_head, &d_between);
    windows(lower, x, timeline, {.update_every = back, .accumulate = true}, nullptr,
            [&](const Window& window, const ConstView<double>& output, auto& tape) {
              const Index first = timeline.offset(window.scored);
              lower.backward(tape, MatrixX<double>(d_between.middleCols(first, output.cols())), of_steps);
            });

    const auto gradient = [&](Truncation truncation, Keep keep = Keep::everything) {
      auto got = whole.parameters().zeros_like();
      windows(
          whole, x, timeline, truncation, nullptr,
          [&](const Window&, const ConstView<double>& output, auto& tape) {
            CHECK(output.isApprox(y, 1e-14));
            whole.backward(tape, d_y, got);
          },
          keep);
      return VectorX<double>(got.values());
    };
    const VectorX<double> got = gradient({.back = back}), full = gradient({});
    CHECK((got.head(split) - of_steps.values()).norm() <= 1e-13 * of_steps.values().norm());
    CHECK((got.tail(of_head.size()) - of_head.values()).norm() <= 1e-13 * of_head.values().norm());
    CHECK((got - full).norm() > 1e-4 * full.norm());
    CHECK(gradient({.back = back}, Keep::checkpoints) == got);
    CHECK(gradient({.back = timeline.steps()}) == full);
  }
}

TEST_CASE("truncation: back alone is refused for models whose states depend on later steps") {
  const auto refused = [](std::vector<AnyLayer<double>> layers, const char* part, Truncation truncation = {.back = 3}) {
    const Many model(2, std::move(layers));
    CHECK_THROWS_MATCHES(detail::TruncatedRun<Many>::check(model, truncation), ValueError, says(part));
  };
  const Recurrent<Gru> steps{.units = 2};
  refused({steps}, "update_every must be at least 1 step for a model with an output per step, got 0");
  refused({steps, LastStep{}}, "update_every must be 0 steps for a model with one output per sequence, got 3",
          {.update_every = 3});
  refused({Bidirectional<Gru>{.units = 2}, MeanOverTime{}}, "layer 0 (bidirectional gru");
  refused({Recurrent<Gru>{.units = 2, .direction = Direction::backward}, MaxOverTime{}}, "layer 0 (gru, backward)");
  refused({Bidirectional<Gru>{.units = 2}, LastStep{}}, "layer 0 (bidirectional gru");
  refused({Recurrent<Gru>{.units = 2, .direction = Direction::backward, .returns = Returns::last}},
          "layer 0 (gru, backward): the gradients of its states cannot end at windows");
  refused({Recurrent<Gru>{.units = 2, .direction = Direction::backward}, LastStep{}}, "layer 0 (gru, backward)");
  refused({Conv1d{.units = 2, .kernel = 2}, LastStep{}}, "layer 0 (conv1d)");
  refused({steps, BatchNorm{}, LastStep{}}, "layer 1 (batch norm): the statistics of all steps are not those");
  CHECK_NOTHROW(detail::TruncatedRun<Many>::check(Many(2, {steps, LastStep{}, BatchNorm{}}), {.back = 3}));
  refused({Counting{}, MeanOverTime{}}, "layer 0 (counting): the gradients of its states cannot end at windows");
  const auto inside = [](AnyLayer<double> layer) {
    Graph<double> graph;
    graph.add(MeanOverTime{}, graph.add(std::move(layer), graph.input()));
    return graph;
  };
  refused({inside(Bidirectional<Gru>{.units = 2})},
          "layer 0 (graph): the gradients of its states cannot end at windows");
  CHECK_NOTHROW(detail::TruncatedRun<Many>::check(Many(2, {inside(steps)}), {.back = 3}));
}

TEST_CASE("truncation: refuses lengths out of range") {
  CHECK_THROWS_MATCHES((Truncation{.update_every = -1}.check()), ValueError,
                       says("update_every must be at least 0 steps (0: no windows), got -1"));
  CHECK_THROWS_MATCHES((Truncation{.update_every = 4, .back = 3}.check()), ValueError,
                       says("back must be at least 4 steps, as update_every, got 3"));
  CHECK_THROWS_MATCHES((Truncation{.back = -3}.check()), ValueError, says("back must be at least 0 steps"));
}

TEST_CASE("truncation: windows of any length cover the existing steps") {
  constexpr Index most = std::numeric_limits<Index>::max();
  const auto all = [](const Truncation& truncation, Index steps) {
    truncation.check();
    std::vector<std::array<Index, 3>> windows;
    for (Index k = 0; k < truncation.windows(steps); ++k) {
      const Window window = truncation.window(k, steps);
      windows.push_back({window.begin, window.scored, window.end});
    }
    return windows;
  };
  using Windows = std::vector<std::array<Index, 3>>;
  for (const Index every : {Index(5), Index(6), Index(1) << 62, most - 2, most})
    CHECK(all({.update_every = every}, 5) == Windows{{0, 0, 5}});
  CHECK(all({.update_every = most, .back = most}, 5) == Windows{{0, 0, 5}});
  CHECK(all({.update_every = 2, .back = most}, 5) == Windows{{0, 0, 2}, {0, 2, 4}, {0, 4, 5}});
  CHECK(all({.update_every = 2, .back = 3}, 5) == Windows{{0, 0, 2}, {1, 2, 4}, {3, 4, 5}});
  CHECK(all({.update_every = 2}, 0) == Windows{{0, 0, 0}});
}

}  // namespace test_truncation
