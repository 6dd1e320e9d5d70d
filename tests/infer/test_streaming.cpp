#include <new>
#include <unroll/infer/streaming.hpp>
#include <unroll/layers/activation.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/graph.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/pooling/pooling1d.hpp>
#include <unroll/models/stack.hpp>

#include "infer/streamed.hpp"
#include "support/allocations.hpp"

namespace test_streaming {

using namespace unroll;
using cell_run::noise;
using streamed::forward;
using streamed::made;
using streamed::numbers;
using streamed::small;
using streamed::Small;

namespace {

MatrixX<float> signal(Index features, Index steps, std::uint64_t seed = 9) {
  return noise(features, steps, seed).cast<float>();
}

using Filter = Streaming<Small<>, 1, 16, 1>;
using Dynamic = Streaming<Small<>>;
using Sample = Eigen::Matrix<float, 1, 1>;

}  // namespace

static_assert(noexcept(std::declval<const Filter&>().step(std::declval<const Sample&>(),
                                                          std::declval<Filter::Stream&>())));
static_assert(noexcept(std::declval<const Filter&>().run({}, {}, std::declval<Filter::Stream&>())));
static_assert(noexcept(std::declval<const Dynamic&>().run({}, {}, std::declval<Dynamic::Stream&>())));
static_assert(noexcept(std::declval<const Dynamic&>().reset(std::declval<Dynamic::Stream&>())));
static_assert(Filter::Output::SizeAtCompileTime == 1 && Dynamic::Output::SizeAtCompileTime == Eigen::Dynamic);

TEST_CASE("streaming: one step per call equals one call for all, and streams are independent") {
  const auto model = small(16);
  const MatrixX<float> a = signal(1, 40, 1), b = signal(1, 40, 2);
  const Filter filter(model);
  auto first = filter.stream(), second = filter.stream(), block = filter.stream();
  MatrixX<float> y_a(1, 40), y_b(1, 40), whole(1, 40);
  for (Index t = 0; t < 40; ++t) {
    y_a.col(t) = filter.step(a.col(t), first);
    y_b.col(t) = filter.step(b.col(t), second);
  }
  REQUIRE(filter.run(numbers(a), numbers(whole), block));
  CHECK(cell_run::same_bits(whole, y_a));
  CHECK((y_b - forward(model, b)).cwiseAbs().maxCoeff() < 1e-5f);
}

namespace {

/// Signals of `channels`, some of whose streams have run an odd number of steps: together, one after the other, and
/// step by step.
template <class Filter, class Model>
void check_channels(const Model& model, Index features, Index outputs) {
  const Filter filter(model);
  for (const Index channels : {1, 2, 3, 4}) {
    std::vector<MatrixX<float>> x, together, alone;
    std::vector<typename Filter::Stream> a;
    for (Index k = 0; k < channels; ++k) {
      x.push_back(signal(features, 21, std::uint64_t(k)));
      together.push_back(MatrixX<float>::Zero(outputs, 21));
      alone = together;
      a.push_back(filter.stream());
      if (k % 2 == 1)
        REQUIRE(filter.run(numbers(x.back()).first(std::size_t(features)),
                           numbers(together.back()).first(std::size_t(outputs)), a.back()));
    }
    auto b = a;
    std::vector<typename Filter::Channel> all;
    for (std::size_t k = 0; k < x.size(); ++k) {
      all.push_back({numbers(x[k]), numbers(together[k]), a[k]});
      REQUIRE(filter.run(numbers(x[k]), numbers(alone[k]), b[k]));
    }
    REQUIRE(filter.run(all));
    for (std::size_t k = 0; k < x.size(); ++k) {
      INFO("channel " << k << " of " << channels);
      CHECK(cell_run::same_bits(together[k], alone[k]));
      CHECK(filter.state(a[k]) == filter.state(b[k]));
      if (k % 2 == 1) continue;
      auto steps = filter.stream();
      MatrixX<float> single = MatrixX<float>::Zero(outputs, 21);
      for (Index t = 0; t < 21; ++t)
        REQUIRE(filter.run(numbers(x[k]).subspan(std::size_t(t * features), std::size_t(features)),
                           numbers(single).subspan(std::size_t(t * outputs), std::size_t(outputs)), steps));
      CHECK(cell_run::same_bits(single, alone[k]));
    }
  }
}

}  // namespace

TEST_CASE("streaming: channels that run together have the bits of single ones") {
  const auto with = [](auto... layers) { return made(2, layers...); };
  {
    const auto model = with(Recurrent<Gru>{.units = 8}, Dense{.units = 1});
    check_channels<Streaming<decltype(model), 2, 8, 1>>(model, 2, 1);
  }
  {
    const auto model = with(Recurrent<Lstm>{.units = 50}, Dropout{.rate = 0.5}, Dense{.units = 3});
    check_channels<Streaming<decltype(model), 2, 50, 50, 3>>(model, 2, 3);
    check_channels<Streaming<decltype(model)>>(model, 2, 3);
  }
  {
    const auto model = with(Recurrent<Elman>{.units = 70}, Recurrent<Gru>{.units = 33});
    check_channels<Streaming<decltype(model), 2, 70, 33>>(model, 2, 33);
  }
  {
    const auto model = with(Recurrent<PeepholeLstm>{.units = 20}, Dense{.units = 5});
    check_channels<Streaming<decltype(model), 2, 20, 5>>(model, 2, 5);
  }
  {
    const auto model = with(Dense{.units = 4}, LayerNorm{}, Recurrent<Gru>{.units = 5});
    check_channels<Streaming<decltype(model)>>(model, 2, 5);
  }
}

TEST_CASE("streaming: channels that cannot run together change nothing") {
  const Filter filter(small(16));
  auto left = filter.stream(), right = filter.stream();
  const MatrixX<float> x = signal(1, 10);
  MatrixX<float> y = MatrixX<float>::Constant(1, 20, 7), shared = x;
  const auto in = numbers(x);
  const auto out = [&](std::size_t first, std::size_t count) { return numbers(y).subspan(first, count); };
  CHECK_FALSE(filter.run({{in, out(0, 10), left}, {in, out(10, 10), left}}));
  CHECK_FALSE(filter.run({{in, out(0, 10), left}, {in.first(9), out(10, 9), right}}));
  CHECK_FALSE(filter.run({{in, out(0, 10), left}, {in, out(10, 9), right}}));
  CHECK_FALSE(filter.run({{in, out(0, 10), left}, {in, out(9, 10), right}}));
  CHECK_FALSE(filter.run({{in, numbers(shared), left}, {numbers(shared), out(0, 10), right}}));
  CHECK_FALSE(filter.run({{numbers(shared), out(0, 10), left}, {in, numbers(shared), right}}));
  CHECK(y == MatrixX<float>::Constant(1, 20, 7));
  CHECK(shared == x);
  CHECK(filter.state(left)[0][0].isZero(0));
  CHECK(filter.state(right)[0][0].isZero(0));
  CHECK(filter.run({{in, out(0, 10), left}, {in, out(10, 10), right}}));
  CHECK(y.leftCols(10) == y.rightCols(10));
  CHECK(filter.run(std::span<const Filter::Channel>()));
}

TEST_CASE("streaming: a stream can be reset, copied and run in place") {
  const Dynamic filter(small(16));
  const MatrixX<float> x = signal(1, 20);
  auto stream = filter.stream();
  MatrixX<float> fresh(1, 20), later(1, 20), copied(1, 20), again = x;
  REQUIRE(filter.run(numbers(x), numbers(fresh), stream));
  auto copy = stream;
  REQUIRE(filter.run(numbers(x), numbers(later), stream));
  REQUIRE(filter.run(numbers(x), numbers(copied), copy));
  CHECK(cell_run::same_bits(later, copied));
  CHECK_FALSE(cell_run::same_bits(later, fresh));
  filter.reset(stream);
  REQUIRE(filter.run(numbers(again), numbers(again), stream));
  CHECK(cell_run::same_bits(again, fresh));
}

TEMPLATE_TEST_CASE("streaming: states are exchanged with a forward pass", "", Dynamic, (Streaming<Small<>, 1, 16, 1>),
                   Streaming<Stack<float>>) {
  using Model = std::conditional_t<std::same_as<TestType, Streaming<Stack<float>>>, Stack<float>, Small<>>;
  Model model = [] {
    if constexpr (std::same_as<Model, Small<>>)
      return small(16);
    else
      return Stack<float>(1, {Recurrent<Lstm>{.units = 16}, Dense{.units = 1}});
  }();
  model.initialise(2);
  const MatrixX<float> x = signal(1, 31);
  const TestType filter(model);
  auto stream = filter.stream();
  CHECK(filter.state(stream)[0][1].isZero(0));

  typename Model::Tape tape;
  MatrixX<float> three(1, 3 * 11);  // 11 steps of three sequences; the second one is x
  for (Index t = 0; t < 11; ++t) three.middleCols(3 * t, 3) << 1, x(0, t), -1;
  const Timeline begun = Timeline::rectangular(3, 11), complete = Timeline::rectangular(1, 31);
  model.forward(three, begun, tape);
  filter.set_state(stream, model.final_state(tape), 1);
  const MatrixX<float> rest = x.rightCols(20);
  MatrixX<float> y(1, 20);
  REQUIRE(filter.run(numbers(rest), numbers(y), stream));
  CHECK((y - forward(model, x).rightCols(20)).cwiseAbs().maxCoeff() < 1e-5f);

  model.forward(x, complete, tape);
  const auto expected = model.final_state(tape), state = filter.state(stream);
  REQUIRE(state.size() == 2);
  CHECK((state[0][0] - expected[0][0]).cwiseAbs().maxCoeff() < 1e-5f);
  CHECK((state[0][1] - expected[0][1]).cwiseAbs().maxCoeff() < 1e-5f);
  filter.set_state(stream, {});
  CHECK(filter.state(stream)[0][0].isZero(0));
  filter.set_state(stream, state);
  CHECK_FALSE(filter.state(stream)[0][1].isZero(0));
  filter.set_state(stream, ModelState<float>(2));  // a layer without given states begins at zero
  for (const std::size_t s : {0u, 1u}) CHECK(filter.state(stream)[0][s].isZero(0));

  ModelState<float> wrong = state;
  CHECK_THROWS_MATCHES(filter.set_state(stream, state, 1), ShapeError, says("layer 0, state 0"));
  wrong[0][1].resize(15, 1);
  CHECK_THROWS_MATCHES(filter.set_state(stream, wrong), ShapeError, says("must have 16 rows"));
  wrong[0].pop_back();
  CHECK_THROWS_MATCHES(filter.set_state(stream, wrong), ShapeError,
                       says("layer 0: the state must have 2 matrices, got 1"));
  wrong.pop_back();
  CHECK_THROWS_MATCHES(filter.set_state(stream, wrong), ShapeError, says("the state must have 2 layers, got 1"));
}

TEST_CASE("streaming: steps allocate no memory") {
  const auto model = small(16);
  Stack<float> stack(1, {Recurrent<Gru>{.units = 7}, Dense{.units = 1}});
  stack.initialise(3);
  const Filter fixed(model);
  const Dynamic dynamic(model);
  const Streaming<Stack<float>> general(stack);
  auto a = fixed.stream(), other = a;
  auto b = dynamic.stream();
  auto c = general.stream(), d = c;
  const MatrixX<float> x = signal(1, 20);
  MatrixX<float> y(1, 20), z(1, 20);
  bool done = true;
  const support::AllocationCount allocations;
  for (Index t = 0; t < 20; ++t) y.col(t) = fixed.step(Sample(x.col(t)), a);
  done = done && fixed.run({{numbers(x), numbers(y), a}, {numbers(x), numbers(z), other}}) &&
         fixed.run(numbers(x), numbers(y), a) && dynamic.run(numbers(x), numbers(y), b) &&
         general.run(numbers(x), numbers(y), c);
  fixed.reset(a), dynamic.reset(b), general.reset(c);
  other = a, d = c;
  const auto count = allocations.count();
  CHECK(done);
  CHECK(count == 0);
}

TEST_CASE("streaming: wrong sizes change neither outputs nor states") {
  const Dynamic filter(small(16)), larger(small(40));
  auto stream = filter.stream(), foreign = larger.stream();
  MatrixX<float> x = signal(1, 4), y = MatrixX<float>::Constant(1, 4, 7);
  CHECK_FALSE(filter.run(numbers(x), numbers(y).first(3), stream));
  CHECK_FALSE(filter.run(numbers(std::as_const(x)).first(3), numbers(y), stream));
  CHECK_FALSE(filter.run(numbers(x), numbers(y), foreign));
  const auto in = numbers(std::as_const(y));
  CHECK_FALSE(filter.run(in.first(3), numbers(y).subspan(1), stream));
  CHECK_FALSE(filter.run(in.subspan(1), numbers(y).first(3), stream));
  CHECK(y == MatrixX<float>::Constant(1, 4, 7));
  CHECK(filter.state(stream)[0][0].isZero(0));
  CHECK(filter.run({}, {}, stream));
  CHECK_THROWS_MATCHES(filter.state(foreign), ShapeError, says("belongs to another model"));

  const Streaming two(made(2, Dense{.units = 1}));
  auto of_two = two.stream();
  CHECK_FALSE(two.run(numbers(std::as_const(x)).first(3), numbers(y).first(1), of_two));
}

TEST_CASE("streaming: refuses layers that need the whole sequence by name, with advice") {
  const auto refused = [](const auto& model, const char* name, const char* reason) {
    CHECK_THROWS_MATCHES(Streaming(model), ValueError, says(text("streaming: ", name, ": the layer ", reason)));
  };
  const char* const later = "reads later steps or changes their number; use forward layers, and convolutions with";
  const char* const one = "has one output for a sequence, a stream one for every step; copy the weights to a model";
  refused(made(2, Dense{.units = 3}, Recurrent<Gru>{.units = 3, .direction = Direction::backward}),
          "layer 1 (gru, backward)", later);
  refused(made(2, Bidirectional<Gru>{.units = 3}), "layer 0 (bidirectional gru)", later);
  refused(Stack<float>(2, {Bidirectional<Gru>{.units = 3}}), "layer 0 (bidirectional gru)", later);
  refused(made(2, MaxPool1d{.kernel = 2}, Recurrent<Gru>{.units = 3}), "layer 0 (max pool1d)", later);
  refused(made(2, Recurrent<Gru>{.units = 3, .returns = Returns::last}), "layer 0 (gru)", one);
  refused(made(2, Recurrent<Gru>{.units = 3}, MeanOverTime{}, Dense{.units = 1}), "layer 1 (mean over time)", one);
  refused(made(2, Recurrent<Gru>{.units = 3}, LastStep{}, Dense{.units = 1}), "layer 1 (last step)", one);
}

TEST_CASE("streaming: refuses widths that differ from those of the model") {
  const auto model = small(16);
  CHECK_THROWS_MATCHES((Streaming<Small<>, 2, 16, 1>(model)), ShapeError,
                       says("streaming: the input: the width of the stream must be 1 features, as the model, got 2"));
  CHECK_THROWS_MATCHES((Streaming<Small<>, 1, 8, 1>(model)), ShapeError,
                       says("layer 0 (lstm): the width of the stream must be 16 features, as the model, got 8"));
  CHECK_THROWS_MATCHES((Streaming<Small<>, 1, 16>(model)), ShapeError,
                       says("must have 3 widths for a model of 2 layers, got 2"));
}

TEST_CASE("streaming: subnormal states become 0, and the floating-point mode is restored") {
  auto model = made(1, Recurrent<ElmanWith<Identity>::Cell>{.units = 8});
  model.parameters().values().setZero();
  model.parameters()["0.h.h"].diagonal().setConstant(0.5f);
  model.parameters()["0.h.x"].setConstant(1);
  const Streaming filter(model);
  auto stream = filter.stream();
  const auto mode = detail::floating_point_mode() & detail::flush_bits;
  MatrixX<float> x = MatrixX<float>::Zero(1, 130), y(8, 130);
  x(0, 0) = 1;
  REQUIRE(filter.run(numbers(x), numbers(y), stream));
  CHECK(y(0, 126) > 0);
  CHECK(y(0, 127) == (detail::flush_bits != 0 ? 0 : y(0, 126) / 2));
  CHECK((detail::floating_point_mode() & detail::flush_bits) == mode);
}

TEST_CASE("streaming: a refused input gives NaN outputs and leaves the state unchanged") {
  const Streaming words(made(1, Embedding{.size = 4, .dimension = 3}, Recurrent<Gru>{.units = 5}));
  auto stream = words.stream(), untouched = words.stream();
  MatrixX<float> x{{2, 7, 1}}, y(5, 3), want(5, 2);
  REQUIRE(words.run(numbers(x), numbers(y), stream));
  CHECK(y.col(0).allFinite());
  CHECK(y.col(1).array().isNaN().all());
  MatrixX<float> good{{2, 1}};
  REQUIRE(words.run(numbers(good), numbers(want), untouched));
  CHECK(y.col(2) == want.col(1));
}

namespace {

/// Layer that throws std::bad_alloc, which is not an error of the library, for one input.
struct Thrower : LayerBase<float> {
  struct Tape {};

  static constexpr float no_memory = 9;
  Shape connect(Shape in) { return in; }
  std::string_view name() const { return "thrower"; }
  Signal<float> forward(const float*, const Signal<float>& in, const Pass&, const State<float>&, Tape&) const {
    if (in.values(0, 0) == no_memory) throw std::bad_alloc();
    return in;
  }
  void backward(const float*, const Signal<float>&, const Pass&, ConstView<float>, const State<float>&, Tape&, float*,
                View<float>, State<float>*) const {}
};

/// Checks that steps with invalid tokens allocate nothing and do not change the results of other steps.
template <class Model>
void check_refused_tokens(Model model) {
  model.initialise(1);
  const float nan = std::numeric_limits<float>::quiet_NaN(), inf = std::numeric_limits<float>::infinity();
  const MatrixX<float> x{{2, nan, -1, 4, 2.5f, 1, inf, -inf, 1e30f, -0.5f, 3}}, tokens{{2, 1, 3}};
  const Streaming words(model);
  auto stream = words.stream(), untouched = words.stream();
  const Index outputs = model.outputs();
  MatrixX<float> y(outputs, x.cols()), want(outputs, 3);
  REQUIRE(words.run(numbers(tokens), numbers(want), untouched));
  const support::AllocationCount allocations;
  const bool done = words.run(numbers(x), numbers(y), stream);
  const auto count = allocations.count();
  CHECK(done);
  CHECK(count == 0);
  for (Index t = 0, token = 0; t < x.cols(); ++t) {
    if (t == 0 || t == 5 || t == 10)
      CHECK(cell_run::same_bits(y.col(t), want.col(token++)));
    else
      CHECK(y.col(t).array().isNaN().all());
  }
}

}  // namespace

TEST_CASE("streaming: invalid tokens allocate no memory at any depth of the embedding") {
  const Embedding embedding{.size = 4, .dimension = 3};
  const Recurrent<Gru> gru{.units = 5};
  check_refused_tokens(Sequential(1, embedding, gru, Dense{.units = 2}));
  check_refused_tokens(Stack<float>(1, {embedding, gru, Activate<Relu>{}}));
  Graph<float> graph;
  const auto vectors = graph.add(embedding, graph.input());
  graph.concat({vectors, graph.add(gru, vectors)});
  check_refused_tokens(Stack<float>(1, {graph, gru}));
}

TEST_CASE("streaming: a failed allocation in a layer gives NaN outputs and keeps the state") {
  const Streaming filter(made(1, Thrower{}, Recurrent<Gru>{.units = 5}));
  auto stream = filter.stream(), untouched = filter.stream();
  const MatrixX<float> x{{2, Thrower::no_memory, 1}}, good{{2, 1}};
  MatrixX<float> y(5, 3), want(5, 2);
  REQUIRE(filter.run(numbers(x), numbers(y), stream));
  REQUIRE(filter.run(numbers(good), numbers(want), untouched));
  CHECK(y.col(1).array().isNaN().all());
  CHECK(y.col(0) == want.col(0));
  CHECK(y.col(2) == want.col(1));
}

TEST_CASE("streaming: non-finite values of one stream do not reach other streams") {
  const Dynamic filter(small(16));
  auto bad = filter.stream(), good = filter.stream();
  MatrixX<float> x = signal(1, 5), y(1, 5);
  x(0, 2) = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(filter.run(numbers(x), numbers(y), bad));
  CHECK(std::isfinite(y(0, 1)));
  CHECK(std::isnan(y(0, 4)));
  x(0, 2) = 0;
  REQUIRE(filter.run(numbers(x), numbers(y), good));
  CHECK(y.allFinite());
  filter.reset(bad);
  MatrixX<float> after(1, 5);
  REQUIRE(filter.run(numbers(x), numbers(after), bad));
  CHECK(cell_run::same_bits(after, y));
}

}  // namespace test_streaming
