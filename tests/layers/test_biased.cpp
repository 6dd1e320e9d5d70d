// Recurrent layers without biases.

#include <unroll/cells/elman.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/infer/streaming.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/convolution/conv1d.hpp>
#include <unroll/layers/convolution/conv_transpose1d.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/tied_dense.hpp>
#include <unroll/models/stack.hpp>
#include <unroll/models/summary.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/recurrence/describe.hpp>

#include "cells/hand_written.hpp"
#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_biased {

using namespace unroll;
using namespace model_run;

// clang-format off: equations keep their lines
namespace written {
using namespace unroll::symbols;
inline constexpr auto v = symbol<"v">;
inline constexpr auto u = symbol<"u">;
inline constexpr auto leaky =
    cell(state(h), a = linear(x, h) + bias(v), next(h) = tanh(a) * weight(u) + 0.5 * (linear(h) + bias(v)));
}  // namespace written
// clang-format on

namespace {

template <class S>
struct Leaky : EquationCell<S, written::leaky> {
  using EquationCell<S, written::leaky>::EquationCell;
  static constexpr std::string_view name = "leaky";
  static std::vector<NamedInitializer> named_initializers() {
    return {{"v", init::constant(3)}, {"u", init::constant(2)}};
  }
};

const auto timeline = Timeline::from_lengths({2, 0, 5, 3});

/// Copies parameters by name.
template <class From, class To>
void copy_by_name(const From& from, To& to) {
  for (const ParameterBlock& block : from.parameters().table().blocks())
    to.parameters()[block.name] = from.parameters().block(block);
}

}  // namespace

TEST_CASE("recurrent: without biases, no bias is a parameter") {
  const Sequential model(3, Recurrent<Lstm>{.units = 4, .biased = false},
                         Bidirectional<Gru>{.units = 2, .biased = false},
                         Recurrent<Leaky>{.units = 3, .biased = false});
  CHECK(model.parameters().table().names() ==
        "0.i.x, 0.f.x, 0.g.x, 0.o.x, 0.i.h, 0.f.h, 0.g.h, 0.o.h, "
        "1.forward.n.x, 1.forward.r.x, 1.forward.z.x, 1.forward.r.h, 1.forward.z.h, 1.forward.n2.h, "
        "1.backward.n.x, 1.backward.r.x, 1.backward.z.x, 1.backward.r.h, 1.backward.z.h, 1.backward.n2.h, "
        "2.a.x, 2.a.h, 2.h.h, 2.u");
  const Index lstm = 4 * 4 * (3 + 4), gru = 2 * 3 * 2 * (4 + 2), leaky = 3 * 4 + 3 * 3 * 2 + 3;
  CHECK(model.parameters().size() == lstm + gru + leaky);
  const ModelSummary all = summary(model, 10, 2);
  CHECK(all.parameters == lstm + gru + leaky);
  CHECK(all.layers[0].parameters == lstm);
  CHECK(count(model.layer<0>().cell()).parameters == lstm);
}

TEST_CASE("recurrent: initializers of a cell for its biases have no effect without biases") {
  Sequential model(3, Recurrent<Leaky>{.units = 3, .biased = false}, Bidirectional<Leaky>{.units = 3, .biased = false},
                   Recurrent<Lstm>{.units = 2, .biased = false});
  model.initialise(1);
  for (const char* name : {"0.u", "1.forward.u", "1.backward.u"}) CHECK((model.parameters()[name].array() == 2).all());
  CHECK(model.parameters().table().find("0.v") == nullptr);
}

TEST_CASE("recurrent: a model without biases has the gradients of central differences") {
  const auto checked = [](const auto& model) {
    const GradientReport report = gradients(model);
    INFO(report.text());
    CHECK(report.worst < 1e-6);
  };
  checked(sequential<double>(3, Recurrent<Leaky>{.units = 4, .biased = false},
                             Bidirectional<Lstm>{.units = 2, .merge = Merge::product, .biased = false},
                             Recurrent<Gru>{.units = 3, .direction = Direction::backward, .biased = false}));
}

TEST_CASE("recurrent: training without biases equals training in which biases stay 0") {
  const auto made = [](bool biased) {
    return sequential<double>(3, Recurrent<Leaky>{.units = 4, .biased = biased},
                              Bidirectional<Lstm>{.units = 3, .biased = biased});
  };
  auto free = made(false), whole = made(true);
  randomise(free);
  copy_by_name(free, whole);  // the biases are 0
  decltype(free)::Tape free_tape;
  decltype(whole)::Tape whole_tape;
  auto free_gradient = free.parameters().zeros_like(), whole_gradient = whole.parameters().zeros_like();
  Adam<double> free_adam, whole_adam;
  const MatrixX<double> x = noise(3, timeline.columns(), 2);
  for (int step = 0; step < 3; ++step) {
    const MatrixX<double> out = free.forward(x, timeline, free_tape);
    CHECK(same_bits(out, MatrixX<double>(whole.forward(x, timeline, whole_tape))));
    free_gradient.reset(), whole_gradient.reset();
    free.backward(free_tape, out, free_gradient);
    whole.backward(whole_tape, out, whole_gradient);
    for (const ParameterBlock& block : whole.parameters().table().blocks())
      if (block.role == Role::bias) whole_gradient.block(block).setZero();
    free_adam.step(free.parameters(), free_gradient);
    whole_adam.step(whole.parameters(), whole_gradient);
  }
  for (const ParameterBlock& block : free.parameters().table().blocks())
    CHECK(same_bits(free.parameters().block(block), whole.parameters()[block.name]));
}

TEST_CASE("recurrent: a stream without biases gives the outputs of the forward pass") {
  Sequential model(1, Recurrent<Leaky>{.units = 5, .biased = false}, Recurrent<Lstm>{.units = 4, .biased = false});
  randomise(model);
  const MatrixX<float> x = noise(1, 9, 4).cast<float>();
  decltype(model)::Tape tape;
  const MatrixX<float> expected = model.forward(x, Timeline::rectangular(1, 9), tape);
  const Streaming player(model);
  auto stream = player.stream();
  MatrixX<float> y(4, 9);
  REQUIRE(player.run({x.data(), 9}, {y.data(), 36}, stream));
  CHECK((y - expected).cwiseAbs().maxCoeff() < 1e-5f);
}

TEST_CASE("describe: a cell without biases has none in its text, and the same source") {
  const Sequential model(3, Recurrent<Elman>{.units = 4, .biased = false},
                         Recurrent<Leaky>{.units = 4, .biased = false});
  CHECK(describe(model.layer<0>().cell()) == "h' = tanh(W_h_x x + W_h_h h)\n");
  const std::string leaky = describe(model.layer<1>().cell());
  CHECK(leaky.find("b_") == leaky.npos);
  CHECK(leaky.find('v') == leaky.npos);
  CHECK(describe(model.layer<0>().cell(), Notation::source) == describe(Elman<float>(), Notation::source));
}

TEST_CASE("recurrent: an initializer of biases is refused without biases") {
  const Initializers given{.bias = init::constant(1)};
  const auto refused = [](auto layer) {
    CHECK_THROWS_MATCHES(Stack<float>(1, {Embedding{.size = 4, .dimension = 4}, layer}), ValueError,
                         says("initializers.bias must be left out with .biased = false, got another rule"));
  };
  refused(Recurrent<Gru>{.units = 4, .biased = false, .initializers = given});
  refused(Bidirectional<Gru>{.units = 4, .biased = false, .initializers = given});
  refused(Dense{.units = 4, .biased = false, .initializers = given});
  refused(TiedDense{.embedding = 0, .biased = false, .initializers = given});
  refused(Conv1d{.units = 4, .kernel = 2, .biased = false, .initializers = given});
  refused(ConvTranspose1d{.units = 4, .kernel = 2, .biased = false, .initializers = given});
  CHECK_NOTHROW(Stack<float>(4, {Recurrent<Gru>{.units = 4, .initializers = given}}));
  const Initializers weights{.input_weight = init::constant(1)};
  CHECK_NOTHROW(Stack<float>(4, {Recurrent<Gru>{.units = 4, .biased = false, .initializers = weights}}));
}

namespace {

template <class S>
struct Misspelt : Elman<S> {
  using Elman<S>::Elman;
  static std::vector<NamedInitializer> named_initializers() { return {{"h.bias", init::constant(1)}}; }
};

}  // namespace

TEST_CASE("recurrent: named initializers of other blocks are refused without biases, too") {
  CHECK_THROWS_MATCHES(sequential<double>(2, Recurrent<Misspelt>{.units = 3, .biased = false}), ValueError,
                       says("name in named_initializers() must be one of h.x, h.h, h.b, got 'h.bias'"));
}

TEST_CASE("recurrent: a handwritten cell that has biases in any case is refused without biases") {
  using Cell = cell_run::HandWrittenGru<double>;
  CHECK_THROWS_MATCHES(sequential<double>(2, Recurrent<OneScalar<Cell>::Cell>{.units = 3, .biased = false}), ValueError,
                       says("biased must be true, because the cell has '"));
}

}  // namespace test_biased
