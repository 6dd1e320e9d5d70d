// Streams of models whose layers are chosen at run time.
#include <new>

#include "infer/streamed.hpp"
#include "io/layer_rows.hpp"
#include "support/allocations.hpp"

namespace test_stacks {

using namespace unroll;
using cell_run::same_bits;
using streamed::forward;
using streamed::numbers;

namespace {

using Player = Streaming<Stack<float>>;

/// Every layer of layer_rows, with all variants.
std::vector<std::pair<AnyLayer<float>, Index>> all_layers() {
  std::vector<std::pair<AnyLayer<float>, Index>> all;
  for (const layer_rows::Row& row : layer_rows::rows()) {
    all.emplace_back(row.layer, row.features);
    for (const auto* changes : {&row.outputs, &row.training})
      for (const layer_rows::Change& change : *changes) all.emplace_back(change.layer, row.features);
  }
  return all;
}

/// Stack of the layer alone, of the layer between others, or nothing if a stream must refuse the layer.
std::optional<Stack<float>> stack_of(const AnyLayer<float>& layer, Index features, bool alone) {
  std::vector<AnyLayer<float>> layers{layer};
  if (!alone) {
    if (features > 1) layers.insert(layers.begin(), Recurrent<Gru>{.units = features});
    layers.push_back(Recurrent<Lstm>{.units = 3});
  }
  try {
    auto model = streamed::filled(Stack<float>(features, std::move(layers)));
    if (!model.causal()) return std::nullopt;
    for (const ParameterBlock& block : model.parameters().table().blocks())  // a variance must not be negative
      if (block.name.ends_with("running_var"))
        model.parameters()[block.name] = model.parameters()[block.name].cwiseAbs();
    return model;
  } catch (const ShapeError&) {
    return std::nullopt;  // no layer can follow one with one output per sequence
  }
}

/// Input for a layer: tokens if it has one feature.
MatrixX<float> input_for(Index features, Index steps) {
  MatrixX<float> x = cell_run::noise(features, steps, 5).cast<float>();
  if (features == 1)
    for (Index t = 0; t < steps; ++t) x(0, t) = float((t * t + 1) % 5);
  return x;
}

MatrixX<float> played(const Player& player, const MatrixX<float>& x, Player::Stream& stream, Index block) {
  MatrixX<float> y = MatrixX<float>::Constant(player.outputs(), x.cols(), std::numeric_limits<float>::quiet_NaN());
  for (Index t = 0; t < x.cols(); t += block) {
    const Index steps = std::min(block, x.cols() - t);
    REQUIRE(player.run(numbers(x).subspan(std::size_t(t * x.rows()), std::size_t(steps * x.rows())),
                       numbers(y).subspan(std::size_t(t * y.rows()), std::size_t(steps * y.rows())), stream));
  }
  return y;
}

bool agree(const ModelState<float>& a, const ModelState<float>& b, float tolerance) {
  bool all = a.size() == b.size();
  for (std::size_t k = 0; all && k < a.size(); ++k) {
    all = a[k].size() == b[k].size();
    for (std::size_t s = 0; all && s < a[k].size(); ++s) all = (a[k][s] - b[k][s]).cwiseAbs().maxCoeff() <= tolerance;
  }
  return all;
}

/// Whether the stream has the bits of the forward pass: layers of equations, and Dense with few outputs, have another
/// order of sums.
bool is_exact(const Stack<float>& model) {
  bool all = true;
  model.each_layer([&](const auto& layer, std::size_t) {
    const std::string kind = detail::word_of(layer.options(), "layer");
    all = all && kind != "recurrent" && (kind != "dense" || model.outputs() > detail::most_dots);
  });
  return all;
}

void check_stream(const Stack<float>& model) {
  // A rest after chunks of all lengths, which fill the memory of a convolution; sums in another order diverge with
  // time.
  const Index steps = 53 + (is_exact(model) ? 3 * detail::stream_chunk : 0);
  const MatrixX<float> x = input_for(model.features(), steps);
  Stack<float>::Tape tape;
  const MatrixX<float> expected = model.forward(x, Timeline::rectangular(1, steps), tape);
  const auto final_state = model.final_state(tape);
  const float tolerance = is_exact(model) ? 0 : 1e-5f;
  const Player player(model);
  auto stream = player.stream(), single = player.stream();
  const auto begin = player.state(stream);
  const MatrixX<float> y = played(player, x, stream, steps);
  CHECK((y - expected).cwiseAbs().maxCoeff() <= tolerance);
  CHECK(agree(player.state(stream), final_state, tolerance));

  CHECK(same_bits(played(player, x, single, 1), y));
  player.reset(stream);
  CHECK(agree(player.state(stream), begin, 0));
  auto copy = stream;
  CHECK(same_bits(played(player, x, stream, 17), y));
  CHECK(same_bits(played(player, x.leftCols(20), copy, 20), y.leftCols(20)));

  player.set_state(single, player.state(copy));  // a stream continues from the states of another one
  MatrixX<float> rest = x.rightCols(steps - 20), y_copy(player.outputs(), rest.cols()), y_single = y_copy;
  const support::AllocationCount allocations;
  single = copy;
  bool taken = player.run(numbers(rest), numbers(y_copy), copy);
  const auto count = allocations.count();
  taken = taken && player.run(numbers(rest), numbers(y_single), single);
  CHECK(taken);
  CHECK(count == 0);
  CHECK(same_bits(y_copy, y.rightCols(rest.cols())));
  CHECK(same_bits(y_single, y_copy));
  player.reset(stream);
  player.set_state(stream, player.state(copy));
  CHECK(agree(player.state(stream), player.state(copy), 0));
}

}  // namespace

TEST_CASE("stacks: streams of all layers equal the forward pass, in blocks of any size and after a reset") {
  int streamed = 0;
  for (const auto& [layer, features] : all_layers()) {
    INFO(layer.name());
    if (const auto alone = stack_of(layer, features, true)) {
      ++streamed;
      check_stream(*alone);
    }
    if (const auto between = stack_of(layer, features, false)) check_stream(*between);
  }
  CHECK(streamed >= 40);
}

namespace {

/// Layer that throws for one input at any step, and whose state is the sum of its inputs.
struct Sum : LayerBase<float> {
  struct Tape {
    Buffer<float> output;
  };
  static constexpr float refused = 9;

  Shape connect(Shape in) { return in; }
  std::string_view name() const { return "sum"; }
  std::vector<Index> state_rows() const { return {1}; }
  Signal<float> forward(const float*, const Signal<float>& in, const Pass&, const State<float>& initial,
                        Tape& tape) const {
    auto out = tape.output.shape(1, in.values.cols());
    float sum = initial.empty() ? 0 : initial[0](0, 0);
    for (Index c = 0; c < out.cols(); ++c) {
      if (in.values(0, c) == refused) throw std::bad_alloc();
      out(0, c) = sum += in.values(0, c);
    }
    return {view(std::as_const(out)), in.timeline};
  }
  void final_state(const Signal<float>& in, const Tape& tape, State<float>& state) const {
    state.resize(1);
    state[0] = tape.output.view().rightCols(1);
    CHECK(in.timeline->batch() == 1);
  }
  void backward(const float*, const Signal<float>&, const Pass&, ConstView<float>, const State<float>&, Tape&, float*,
                View<float>, State<float>*) const {}
};

}  // namespace

TEST_CASE("stacks: a step that a layer refuses changes no state, before and after it, in a block and in place") {
  const Player player(streamed::filled(Stack<float>(
      1, {Sum{}, Embedding{.size = 3000, .dimension = 1}, Recurrent<Gru>{.units = 4}, Dense{.units = 1}})));
  auto stream = player.stream(), untouched = player.stream();
  MatrixX<float> x = MatrixX<float>::Constant(1, 50, 2), good(1, 46);
  x(0, 5) = Sum::refused;  // refused by the first layer
  x(0, 20) = 0.5f;         // by the second: not a token
  x(0, 21) = -1000;
  x(0, 49) = std::numeric_limits<float>::quiet_NaN();
  for (Index t = 0, to = 0; t < 50; ++t)
    if (t != 5 && t != 20 && t != 21 && t != 49) good(0, to++) = x(0, t);
  MatrixX<float> expected = good;
  REQUIRE(player.run(numbers(std::as_const(good)), numbers(expected), untouched));
  REQUIRE(expected.allFinite());
  REQUIRE(player.run(numbers(std::as_const(x)), numbers(x), stream));
  for (Index t = 0, from = 0; t < 50; ++t) {
    INFO(t);
    if (t == 5 || t == 20 || t == 21 || t == 49)
      CHECK(std::isnan(x(0, t)));
    else
      CHECK(x(0, t) == expected(0, from++));
  }
  CHECK(agree(player.state(stream), player.state(untouched), 0));
}

namespace {

/// Layer that throws for large inputs.
struct Limit : LayerBase<float> {
  struct Tape {};
  Shape connect(Shape in) { return in; }
  std::string_view name() const { return "limit"; }
  bool columnwise() const { return true; }
  Signal<float> forward(const float*, const Signal<float>& in, const Pass&, const State<float>&, Tape&) const {
    if (in.values.cwiseAbs().maxCoeff() > 1000) throw std::bad_alloc();
    return in;
  }
  void backward(const float*, const Signal<float>&, const Pass&, ConstView<float>, const State<float>&, Tape&, float*,
                View<float>, State<float>*) const {}
};

}  // namespace

TEST_CASE("stacks: a refused step leaves convolutions and graphs unchanged, also when their memory was full") {
  Graph<float> graph;
  const auto in = graph.input();
  const auto deep = graph.add(Recurrent<Gru>{.units = 1},
                              graph.add(Conv1d{.units = 3, .kernel = 3, .dilation = 4, .padding = causal()}, in));
  graph.sum({in, deep});
  const Conv1d last{.units = 1, .kernel = 2, .padding = causal()};
  const Player player(streamed::filled(Stack<float>(1, {graph, Limit{}, last})));
  for (const Index block : {1, 16, 50, 400}) {
    auto stream = player.stream(), untouched = player.stream();
    MatrixX<float> x = cell_run::noise(1, 400, 7).cast<float>(), good(1, 400);
    Index kept = 0;
    for (Index t = 0; t < 400; ++t)
      if (t % 37 == 5)
        x(0, t) = 1e6f;
      else
        good(0, kept++) = x(0, t);
    const MatrixX<float> y = played(player, x, stream, block);
    const MatrixX<float> expected = played(player, good.leftCols(kept), untouched, 1);
    for (Index t = 0, from = 0; t < 400; ++t)
      CHECK((t % 37 == 5 ? std::isnan(y(0, t)) : y(0, t) == expected(0, from++)));
    CHECK(agree(player.state(stream), player.state(untouched), 0));
  }
}

TEST_CASE("stacks: the streams of a Sequential with any layers equal those of a Stack") {
  const auto model = streamed::made(2, LayerNorm{}, Recurrent<Gru>{.units = 4}, PRelu{}, Dense{.units = 3}, Softmax{});
  Stack<float> stack(2, {LayerNorm{}, Recurrent<Gru>{.units = 4}, PRelu{}, Dense{.units = 3}, Softmax{}});
  stack.parameters().values() = model.parameters().values();
  const MatrixX<float> x = cell_run::noise(2, 40, 3).cast<float>();
  const Streaming fixed(model);
  const Player player(stack);
  auto a = fixed.stream();
  auto b = player.stream();
  MatrixX<float> y(3, 40);
  REQUIRE(fixed.run(numbers(x), numbers(y), a));
  CHECK(same_bits(y, played(player, x, b, 40)));
}

TEST_CASE("stacks: a stream of another model with the same sizes is refused") {
  const Stack<float> model(2, {Recurrent<Gru>{.units = 4}});
  const Player player(model), other(model);
  auto foreign = other.stream();
  const MatrixX<float> x = MatrixX<float>::Zero(2, 3);
  MatrixX<float> y = MatrixX<float>::Constant(4, 3, 7);
  CHECK_FALSE(player.run(numbers(x), numbers(y), foreign));
  CHECK(y == MatrixX<float>::Constant(4, 3, 7));
  CHECK_THROWS_MATCHES(player.set_state(foreign, {}), ShapeError, says("belongs to another model"));
}

}  // namespace test_stacks
