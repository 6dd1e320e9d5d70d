#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/io/model_file.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/dropout.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/models/memory.hpp>
#include <unroll/models/stack.hpp>

#include "layers/model_run.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_stack {

using namespace unroll;
using namespace model_run;

namespace {

using Layers = std::vector<AnyLayer<double>>;

const Recurrent<Gru> gru{.units = 4};
const Dropout dropout{.rate = 0.3};
const Bidirectional<Lstm> lstm{.units = 3};
const Dense dense{.units = 2};

Layers listed() { return {gru, dropout, lstm, MeanOverTime{}, dense}; }
auto fixed() { return sequential<double>(3, gru, dropout, lstm, MeanOverTime{}, dense); }

/// Results of a forward and a backward pass.
template <class Model>
std::vector<MatrixX<double>> results(const Model& model, const Timeline& timeline, typename Model::Tape& tape) {
  const MatrixX<double> x = noise(3, timeline.columns());
  std::vector<MatrixX<double>> all{model.forward(x, timeline, tape, {.training = true, .seed = 2})};
  for (const auto& state : model.final_state(tape)) all.insert(all.end(), state.begin(), state.end());
  auto gradient = model.parameters().zeros_like();
  MatrixX<double> d_x;
  model.backward(tape, noise(2, timeline.batch(), 4), gradient, &d_x);
  all.push_back(gradient.values());
  all.push_back(d_x);
  return all;
}

}  // namespace

TEST_CASE("stack: has the bits of the Sequential of the same layers") {
  Stack<double> stack(3, listed());
  auto sequential = fixed();
  stack.initialise(7);
  sequential.initialise(7);
  CHECK(stack.parameters().table().names() == sequential.parameters().table().names());
  CHECK(same_bits(stack.parameters().values(), sequential.parameters().values()));
  CHECK(training_bytes(stack, 20, 3) == training_bytes(sequential, 20, 3));
  CHECK(stack.causal() == sequential.causal());

  Stack<double>::Tape stack_tape;
  decltype(sequential)::Tape sequential_tape;
  for (const Timeline& timeline : timelines()) {
    const auto ours = results(stack, timeline, stack_tape), theirs = results(sequential, timeline, sequential_tape);
    REQUIRE(ours.size() == theirs.size());
    for (std::size_t k = 0; k < ours.size(); ++k) CHECK(same_bits(ours[k], theirs[k]));
  }
}

TEST_CASE("stack: gradients match central differences, with one layer too") {
  CHECK(gradients(Stack<double>(3, listed())).worst < 1e-6);
  CHECK(gradients(Stack<double>(3, {gru})).worst < 1e-6);
}

TEST_CASE("stack: a copy has separate layers and parameters") {
  Stack<double> first(3, listed());
  first.initialise(1);
  const Stack<double> copy = first;
  Stack<double>::Tape tape;
  const Timeline timeline = Timeline::from_lengths({4, 2});
  const auto before = results(copy, timeline, tape);
  first = Stack<double>(5, {dense});
  const auto after = results(copy, timeline, tape);
  CHECK(before == after);
}

TEST_CASE("stack: two stacks may alternate on one tape") {
  const Timeline timeline = Timeline::from_lengths({4, 2});
  Stack<double> one(3, listed()), other(3, {lstm, MeanOverTime{}, dense});
  one.initialise(1);
  other.initialise(1);
  Stack<double>::Tape shared, own;
  const auto expected = results(one, timeline, own);
  results(other, timeline, shared);
  CHECK(results(one, timeline, shared) == expected);
}

TEST_CASE("stack: refuses a backward pass on the tape of other layers") {
  const Timeline timeline = Timeline::from_lengths({4, 2});
  const Stack<double> one(3, {Recurrent<Gru>{.units = 2}}), other(3, {Recurrent<Lstm>{.units = 2}});
  Stack<double>::Tape tape;
  one.forward(noise(3, timeline.columns()), timeline, tape);
  auto gradient = other.parameters().zeros_like();
  CHECK_THROWS_MATCHES(other.backward(tape, noise(2, timeline.columns()), gradient), ValueError,
                       says("layer 0 (lstm): the tape has no forward pass of this layer"));
}

TEST_CASE("stack: refuses an empty list and mismatched layers") {
  CHECK_THROWS_MATCHES(Stack<double>(3, {}), ShapeError, says("number of layers must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(Stack<double>(3, {MeanOverTime{}, gru}), ShapeError, says("layer 1 (gru)"));
}

TEST_CASE("stack: allocates nothing after the first step") {
  Stack<double> stack(3, listed());
  const Timeline timeline = Timeline::from_lengths({5, 3, 3});
  const MatrixX<double> x = noise(3, timeline.columns()), d = noise(2, 3);
  auto gradient = stack.parameters().zeros_like();
  Stack<double>::Tape tape;
  const auto step = [&] {
    stack.forward(x, timeline, tape, {.training = true});
    stack.backward(tape, d, gradient);
  };
  step();
  support::AllocationCount allocations;
  step();
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("stack: its tensors are loaded into the Sequential of the same layers") {
  Stack<double> stack(3, listed());
  stack.initialise(3);
  auto sequential = fixed();
  from_tensors(sequential, to_tensors(stack));
  CHECK(same_bits(stack.parameters().values(), sequential.parameters().values()));
}

}  // namespace test_stack
