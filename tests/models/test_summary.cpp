#include <array>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/layer_norm.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/cells/mogrifier_lstm.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/upsample.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/models/summary.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_summary {

using namespace unroll;
using namespace model_run;

namespace {

// Numbers stored by tapes, without packed weights.

template <class B>
Index room(const B& buffer) {
  return buffer.capacity();
}
template <class B, std::size_t n>
Index room(const B (&buffers)[n]) {
  Index sum = 0;
  for (const B& buffer : buffers) sum += room(buffer);
  return sum;
}
template <class T, int n>
Index room(const Table<T, n>& table) {
  return room(table.items);
}
template <class B, std::size_t n>
Index room(const std::array<B, n>& buffers) {
  Index sum = 0;
  for (const B& buffer : buffers) sum += room(buffer);
  return sum;
}
template <class C>
Index held(const Tape<C>& tape) {
  Index scales = 0;
  if constexpr (requires { tape.work.columns.scale; }) scales = room(tape.work.columns.scale);
  return scales + room(tape.work.terms) + room(tape.work.extra) + room(tape.work.incoming) + room(tape.initial) +
         room(tape.states) + room(tape.output_memory) + room(tape.d_state) + room(tape.before);
}
template <class T>
Index held(const T& tape) {
  Index sum = 0;
  if constexpr (requires { tape.cell; }) sum += held(tape.cell) + room(tape.last) + room(tape.d_steps);
  if constexpr (requires { tape.merged; })
    sum += held(tape.forward) + held(tape.backward) + room(tape.last) + room(tape.merged) + room(tape.d_half) +
           room(tape.d_steps);
  if constexpr (requires { tape.mask; }) sum += room(tape.mask);
  if constexpr (requires { tape.output; }) sum += room(tape.output);
  if constexpr (requires { tape.chosen; }) sum += 2 * room(tape.chosen);  // integers have twice the size of a float
  return sum;
}

/// Runs a training step and compares its memory with the estimate, by layer and in total.
template <class S, class... Given>
void check_estimates(Sequential<S, Given...> model, const Timeline& timeline) {
  model.initialise(1);
  const MatrixX<float> x = noise(model.features(), timeline.columns()).template cast<float>();
  auto gradient = model.parameters().zeros_like();
  typename decltype(model)::Tape tape;
  const MatrixX<float> out = model.forward(x, timeline, tape, {.training = true});
  model.backward(tape, out, gradient);
  const ModelSummary estimated = summary(model, timeline.columns(), timeline.batch());
  Index all = 6 * model.parameters().size() + x.size() + out.size();
  for (const auto& buffer : tape.d_in) all += room(buffer);
  const auto check = [&](std::size_t k, Index now) {
    all += now;
    INFO(estimated.layers[k].name << " holds " << now * 4 << " bytes");
    CHECK(double(estimated.layers[k].kept_bytes) == Approx(4. * double(now)).epsilon(0.03));
  };
  [&]<std::size_t... k>(std::index_sequence<k...>) { (check(k, held(model.template tape_of<k>(tape))), ...); }
  (std::index_sequence_for<Given...>());
  CHECK(double(estimated.training_bytes) == Approx(4. * double(all)).epsilon(0.03));
}

}  // namespace

TEST_CASE("numbers_kept: the estimate equals the numbers stored in tapes") {
  const auto timeline = GENERATE(Timeline::rectangular(4, 40), Timeline::from_lengths({300, 200, 250, 10, 0, 280}));
  check_estimates(Sequential(6, Recurrent<Gru>{.units = 16}, Dropout{.rate = 0.1},
                             Recurrent<GruResetBefore>{.units = 24, .direction = Direction::backward},
                             Dense{.units = 8}, MaxOverTime{}, Dense{.units = 4}),
                  timeline);
  check_estimates(
      Sequential(3, Recurrent<ProjectedLstm>{.units = 32, .returns = Returns::last, .sizes = {{"projected", 16}}}),
      timeline);
}

TEST_CASE("numbers_kept: the estimate has gradients between stages and scales of normalisation") {
  check_estimates(Sequential(3, Recurrent<MogrifierLstm>{.units = 16}, Recurrent<LayerNormGru>{.units = 2}),
                  Timeline::rectangular(50, 3));
}

TEST_CASE("numbers_kept: the estimate holds for each merge of a bidirectional layer") {
  const auto timeline = Timeline::from_lengths({60, 20, 50, 10});
  const auto merge = GENERATE(Merge::concat, Merge::sum, Merge::product, Merge::average);
  const auto returns = GENERATE(Returns::steps, Returns::last);
  check_estimates(Sequential(5, Dense{.units = 7}, Bidirectional<Gru>{.units = 16, .merge = merge, .returns = returns}),
                  timeline);
}

TEST_CASE("numbers_kept: the estimate holds with checkpoints and shrinks with parts") {
  Sequential model(5, Bidirectional<Lstm>{.units = 40}, Dense{.units = 2});
  const Index columns = 4 * 3000;
  const auto timeline = Timeline::rectangular(4, 3000);
  const MatrixX<float> x = noise(5, columns).cast<float>(), d_out = noise(2, columns).cast<float>();
  auto gradient = model.parameters().zeros_like();
  decltype(model)::Tape tape;
  model.forward(x, timeline, tape, {.training = true, .keeping = {Keep::checkpoints}});
  model.backward(tape, d_out, gradient);
  const auto& bidirectional = model.tape_of<0>(tape);
  Index now = held(bidirectional);
  for (const auto* one : {&bidirectional.forward, &bidirectional.backward})
    for (const auto& state : one->checkpoints)
      for (const auto& part : state) now += part.size();
  const Index estimated = numbers_kept(model, 0, columns, 4, {.keeping = {Keep::checkpoints}});
  CHECK(double(estimated) == Approx(double(now)).epsilon(0.05));
  CHECK(estimated < numbers_kept(model, 0, columns, 4) / 4);

  const Index whole = numbers_kept(model, 0, columns, 4);
  CHECK(double(numbers_kept(model, 0, columns, 4, {.parts = 4})) == Approx(double(whole) / 4).epsilon(0.05));
  const auto bytes = [&](Index parts, Index threads) {
    return Index(training_bytes(model, columns, 4, {.parts = parts, .threads = threads}));
  };
  CHECK(bytes(4, 1) < bytes(1, 1) / 2);
  CHECK(bytes(4, 4) > bytes(4, 1) + 2 * 4 * whole / 4);
  CHECK(bytes(4, 8) == bytes(4, 4));
}

TEST_CASE("summary: has a row for each layer and the totals") {
  Sequential model(6, Recurrent<Gru>{.units = 32}, MeanOverTime{}, Dense{.units = 4});
  const auto s = summary(model, 1280, 10);
  REQUIRE(s.layers.size() == 3);
  CHECK(s.features == 6);
  CHECK(s.layers[0].name == "gru");
  CHECK(s.layers[0].output.features == 32);
  CHECK(s.layers[0].output.per_step);
  CHECK(!s.layers[1].output.per_step);
  CHECK(s.layers[0].parameters == 3 * 32 * (6 + 32) + 4 * 32);  // the candidate's recurrent term has a separate bias
  CHECK(s.layers[1].parameters == 0);
  CHECK(s.layers[2].parameters == 4 * 33);
  CHECK(s.parameters == model.parameters().size());
  CHECK(s.training_bytes == training_bytes(model, 1280, 10));
  CHECK(s.text() ==
        "layer  name            output         parameters  kept\n"
        "0      gru             32 a step      3776        852 KiB\n"
        "1      mean over time  32 a sequence  0           3.8 KiB\n"
        "2      dense           4 a sequence   132         160 B\n"
        "3908 parameters; 6 features a step; training on 1280 steps of 10 sequences takes 1.1 MiB\n");
  CHECK_THROWS_MATCHES(summary(model, -1, 2), ShapeError, says("columns must be at least 0, got -1"));
}

TEST_CASE("readable_bytes: uses the largest binary unit") {
  using detail::readable_bytes;
  CHECK(readable_bytes(0) == "0 B");
  CHECK(readable_bytes(1023) == "1023 B");
  CHECK(readable_bytes(1024) == "1.0 KiB");
  CHECK(readable_bytes(1024 * 1024 - 1) == "1.0 MiB");
  CHECK(readable_bytes(150 * 1024) == "150 KiB");
  CHECK(readable_bytes(std::size_t(5) << 40) == "5.0 TiB");
}

TEST_CASE("summary: strides and upsampling change the steps that later layers store") {
  Graph<float> graph;
  const auto in = graph.input();
  const auto coarse = graph.add(Conv1d{.units = 8, .kernel = 5, .stride = 4, .padding = same()}, in);
  const auto deep = graph.add(Dense{.units = 10}, coarse);
  const auto fine = graph.add(Upsample{.factor = 4}, deep);
  graph.add(Dense{.units = 3}, graph.concat({in, fine}));
  const Stack<float> model(2, {MaxPool1d{.kernel = 2}, graph, AveragePool1d{.kernel = 5}, Dense{.units = 1}});
  CHECK(model.shape(1).columns(4000, 2) == 2000);
  CHECK(model.shape(2).columns(4000, 2) == 2000);
  CHECK(model.shape(3).columns(4000, 2) == 400);
  CHECK(model.shape(3).columns(4001, 2) == 401);
  const auto kept = summary(model, 4000, 1).layers;
  CHECK(kept[3].kept_bytes == 4 * 400);
  const Graph<float> alone = [&] {
    Graph<float> dense;
    dense.add(Dense{.units = 10}, dense.input());
    return dense;
  }();
  const Stack<float> strided(2, {Conv1d{.units = 2, .kernel = 4, .stride = 4}, alone});
  CHECK(summary(strided, 4000, 1).layers[1].kept_bytes == 4 * 10 * 1000);
}

}  // namespace test_summary
