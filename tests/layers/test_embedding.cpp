#include <set>
#include <unroll/cells/gru.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/stack.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_embedding {

using namespace unroll;
using namespace model_run;

namespace {

MatrixX<double> tokens(std::initializer_list<double> numbers) {
  return Eigen::Map<const MatrixX<double>>(numbers.begin(), 1, Index(numbers.size()));
}

}  // namespace

TEST_CASE("embedding: copies the column of each token and adds its gradient to that column") {
  auto model = sequential<double>(1, Embedding{.size = 4, .dimension = 3});
  model.initialise(1);
  const auto table = model.parameters()["0.weight"];
  CHECK(table.rows() == 3);
  CHECK(table.cols() == 4);
  CHECK(table.norm() > 1);
  const auto timeline = Timeline::from_lengths({3, 2});
  decltype(model)::Tape tape;
  const MatrixX<double> out = model.forward(tokens({2, 0, 2, 3, 0}), timeline, tape);
  for (const auto& [column, token] : {std::pair<Index, Index>{0, 2}, {1, 0}, {2, 2}, {3, 3}, {4, 0}})
    CHECK(out.col(column) == table.col(token));
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_x;
  const MatrixX<double> d_out = noise(3, 5);
  model.backward(tape, d_out, gradient, &d_x);
  const auto d_table = gradient["0.weight"];
  CHECK(d_table.col(0) == d_out.col(1) + d_out.col(4));
  CHECK(d_table.col(1).isZero(0));
  CHECK(d_table.col(2) == d_out.col(0) + d_out.col(2));
  CHECK(d_x.isZero(0));
}

TEST_CASE("embedding: gradients of a language model match central differences") {
  auto model =
      sequential<double>(1, Embedding{.size = 5, .dimension = 3}, Recurrent<Gru>{.units = 4}, Dense{.units = 5});
  model.initialise(2);
  const auto timeline = Timeline::from_lengths({4, 1, 3});
  const MatrixX<double> x = tokens({0, 4, 2, 3, 1, 0, 2, 2});
  decltype(model)::Tape tape;
  MatrixX<double> d_output;
  const auto loss = [&] {
    const MatrixX<double> out = model.forward(x, timeline, tape);
    return weighted()(out, d_output);
  };
  loss();
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, d_output, gradient);
  const auto report = check_gradient(loss, model.parameters().values(), gradient.values(),
                                     [&](Index k) { return entry_name(model.parameters().table(), k); });
  INFO(report.text());
  CHECK(report.worst < 1e-6);
}

TEST_CASE("embedding: refuses a table with more tokens than its scalar represents exactly") {
  CHECK_THROWS_MATCHES(Sequential(1, Embedding{.size = 16'777'217, .dimension = 1}), ValueError,
                       says("size must be at most 16777216"));
}

TEST_CASE("embedding: refuses numbers that are no token") {
  Sequential model(1, Embedding{.size = 4, .dimension = 2});
  decltype(model)::Tape tape;
  const auto run = [&](float number) {
    model.forward(MatrixX<float>(MatrixX<float>::Constant(1, 1, number)), Timeline::rectangular(1, 1), tape);
  };
  run(3);
  for (const float number : {-1.F, 4.F, 1.5F, std::numeric_limits<float>::quiet_NaN()})
    CHECK_THROWS_MATCHES(run(number), ValueError, says("layer 0 (embedding): token must be 0 to 3, got"));
  CHECK_THROWS_MATCHES(Sequential(2, Embedding{.size = 4, .dimension = 2}), ShapeError,
                       says("features per step must be 1, a token, got 2"));
  CHECK_THROWS_MATCHES(Sequential(1, Embedding{.dimension = 2}), ShapeError,
                       says("size must be at least 1 token, got 0"));
}

TEST_CASE("embedding: a padding token is initially zero and has no gradient") {
  auto model = sequential<double>(1, Embedding{.size = 4, .dimension = 3, .padding = 1});
  model.initialise(1);
  const auto table = model.parameters()["0.weight"];
  CHECK(table.col(1).isZero(0));
  auto plain = sequential<double>(1, Embedding{.size = 4, .dimension = 3});
  plain.initialise(1);
  for (const Index token : {0, 2, 3}) CHECK(table.col(token) == plain.parameters()["0.weight"].col(token));
  const auto timeline = Timeline::from_lengths({3, 1});
  decltype(model)::Tape tape;
  auto gradient = model.parameters().zeros_like();
  const MatrixX<double> out = model.forward(tokens({1, 0, 3, 1}), timeline, tape);
  CHECK(out.col(0).isZero(0));
  model.backward(tape, noise(3, 4), gradient);
  CHECK(gradient["0.weight"].col(1).isZero(0));
  CHECK(!gradient["0.weight"].col(0).isZero(0));
  CHECK(gradient.touched().size() == 2);
  CHECK(model.parameters().table().learned() == std::vector<detail::Segment>{{0, 3}, {6, 6}});
}

TEST_CASE("embedding: initialise copies pretrained vectors and draws the others") {
  const MatrixX<float> all = noise(3, 5, 4).cast<float>();
  Sequential whole(1, Embedding{.size = 5, .dimension = 3, .pretrained = all, .padding = 2});
  whole.initialise(1);
  CHECK(whole.parameters()["0.weight"] == all);  // including the padding token, as in PyTorch

  Sequential fewer(1, Embedding{.size = 4, .dimension = 3, .pretrained = -all.leftCols(4)});
  fewer.initialise(1);
  CHECK(fewer.parameters()["0.weight"] == -all.leftCols(4));

  const MatrixX<float> two = all.leftCols(2);
  const Embedding some{.size = 5, .dimension = 3, .pretrained = {two, {4, 1}}, .padding = 2};
  Sequential model(1, some);
  Stack<float> stack(1, {some});
  Sequential drawn(1, Embedding{.size = 5, .dimension = 3});
  for (int k = 0; k < 2; ++k) {  // initialise may be called repeatedly
    model.initialise(7), stack.initialise(7), drawn.initialise(7);
    const auto table = model.parameters()["0.weight"];
    CHECK(table.col(4) == two.col(0));
    CHECK(table.col(1) == two.col(1));
    CHECK(table.col(2).isZero(0));
    CHECK(table.col(0) == drawn.parameters()["0.weight"].col(0));
    CHECK(stack.parameters().values() == model.parameters().values());
  }
}

TEST_CASE("embedding: only vectors that are not frozen have gradients and are touched") {
  const auto frozen = GENERATE(std::vector<Index>{}, std::vector<Index>{3, 0}, std::vector<Index>{0, 1, 2, 3, 4});
  const bool whole = GENERATE(false, true), sparse = GENERATE(false, true);
  const Embedding words{.size = 5, .dimension = 3, .frozen = whole, .frozen_tokens = frozen, .sparse = sparse};
  auto model = sequential<double>(1, words, Recurrent<Gru>{.units = 4});
  randomise(model);
  const auto timeline = Timeline::from_lengths({4, 1, 3});
  const MatrixX<double> x = tokens({0, 4, 2, 3, 0, 0, 2, 2});
  decltype(model)::Tape tape;
  MatrixX<double> d_output;
  const auto loss = [&] {
    const MatrixX<double> out = model.forward(x, timeline, tape);
    return weighted()(out, d_output);
  };
  loss();
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, d_output, gradient);
  GradientReport report;
  for (const detail::Segment& learned : model.parameters().table().learned())
    report += check_gradient(loss, model.parameters().values().segment(learned.first, learned.size),
                             gradient.values().segment(learned.first, learned.size),
                             [&](Index k) { return entry_name(model.parameters().table(), learned.first + k); });
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  std::set<Index> touched;
  for (const detail::Segment& column : gradient.touched()) touched.insert(column.first / 3);
  for (Index token = 0; token < 5; ++token) {
    const bool kept = whole || std::ranges::count(frozen, token) > 0, used = token != 1;
    CHECK(gradient["0.weight"].col(token).isZero(0) == (kept || !used));
    CHECK(touched.contains(token) == (sparse && used && !kept));
  }
}

TEST_CASE("embedding: sequential and stack touch the same tokens, also in pieces of columns") {
  const Embedding words{.size = 9, .dimension = 3, .padding = 4};
  const auto model = sequential<double>(1, words);
  const Stack<double> stack(1, {words});
  const auto timeline = Timeline::from_lengths({3, 2});
  const MatrixX<double> x = tokens({7, 4, 2, 7, 0}), d_out = noise(3, 5);
  const auto touched = [&](const auto& some, bool by_pieces) {
    typename std::remove_cvref_t<decltype(some)>::Tape tape;
    typename std::remove_cvref_t<decltype(some)>::Weights weights;
    auto gradient = some.parameters().zeros_like();
    some.prepare(weights);
    some.prepare_back(weights);
    some.begin_learning(weights, view(x), timeline, tape);
    if (by_pieces)
      some.learn(tape, gradient, [&](Index, const ConstView<double>&) { return view(d_out); });
    else
      some.forward(x, timeline, tape), some.backward(tape, d_out, gradient);
    return std::vector<detail::Segment>(gradient.touched().begin(), gradient.touched().end());
  };
  const std::vector<detail::Segment> expected{{21, 3}, {6, 3}, {0, 3}};
  for (const bool by_pieces : {false, true}) {
    CHECK(touched(model, by_pieces) == expected);
    CHECK(touched(stack, by_pieces) == expected);
  }
}

TEST_CASE("check_gradients: leaves out frozen vectors") {
  struct Tokens : LayerBase<double> {  // rounds, so finite differences of the input keep the tokens
    struct Tape {
      Buffer<double> output;
    };
    Shape connect(Shape in) { return in; }
    std::string_view name() const { return "round"; }
    Index kept(Index columns, Index, Keeping) const { return columns; }
    Signal<double> forward(const double*, const Signal<double>& in, const Pass&, const State<double>&,
                           Tape& tape) const {
      auto out = tape.output.shape(1, in.values.cols());
      out = in.values.array().round();
      return {view(std::as_const(out)), in.timeline};
    }
    void backward(const double*, const Signal<double>&, const Pass&, ConstView<double>, const State<double>&, Tape&,
                  double*, View<double> d_in, State<double>*) const {
      if (d_in.data() != nullptr) d_in.setZero();
    }
  };
  auto model = sequential<double>(1, Tokens{}, Embedding{.size = 4, .dimension = 3, .padding = 0, .frozen_tokens = {2}},
                                  Dense{.units = 2});
  randomise(model);
  const auto timeline = Timeline::from_lengths({4, 2});
  const auto report = check_gradients(model, tokens({0, 1, 2, 3, 1, 0}), timeline, weighted());
  INFO(report.text());
  CHECK(report.worst < 1e-6);
  CHECK(report.checked == model.parameters().size() - 6 + 6);  // two frozen vectors less, 6 inputs more
}

TEST_CASE("embedding: refuses contradictory tables") {
  using E = Embedding;
  const auto make = [](E layer) { sequential<double>(1, std::move(layer)); };
  const MatrixX<float> vectors = MatrixX<float>::Ones(3, 4);
  CHECK_THROWS_MATCHES(make({.size = 5, .dimension = 3, .pretrained = vectors}), ShapeError,
                       says("layer 0 (embedding): pretrained vectors must be [3 x 5], got [3 x 4]"));
  CHECK_THROWS_MATCHES(make({.size = 4, .dimension = 2, .pretrained = vectors}), ShapeError, says("[2 x 4], got"));
  CHECK_THROWS_MATCHES(make({.size = 9, .dimension = 3, .pretrained = {vectors, {1, 2}}}), ShapeError,
                       says("[3 x 2], got [3 x 4]"));
  CHECK_THROWS_MATCHES(make({.size = 9, .dimension = 3, .pretrained = {vectors, {1, 2, 3, 9}}}), ValueError,
                       says("token of a pretrained vector must be 0 to 8, got 9"));
  for (const Index token : {-1, 4}) {
    CHECK_THROWS_MATCHES(make({.size = 4, .dimension = 3, .padding = token}), ValueError,
                         says("padding token must be 0 to 3, got " + std::to_string(token)));
    CHECK_THROWS_MATCHES(make({.size = 4, .dimension = 3, .frozen_tokens = {1, token}}), ValueError,
                         says("frozen token must be 0 to 3, got"));
  }
}

}  // namespace test_embedding
