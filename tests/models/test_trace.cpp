#include <unroll/cells/gru.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/pooling/global_pooling.hpp>
#include <unroll/models/sequential.hpp>

#include "support/catch.hpp"

namespace test_trace {

using namespace unroll;

TEST_CASE("model: trace gives every named value of its recurrent layers") {
  auto model = sequential<double>(3, Recurrent<Gru>{.units = 5}, Bidirectional<Gru>{.units = 4}, LastStep{});
  model.initialise(2);
  const Timeline timeline = Timeline::from_lengths({2, 4, 0, 3});
  const MatrixX<double> x = MatrixX<double>::Random(3, timeline.columns());
  decltype(model)::Tape tape;
  model.forward(x, timeline, tape);

  const MatrixX<double> r = model.trace<0>("r", tape), h = model.trace<0>("h", tape);
  CHECK(h == tape.in[1].values);
  // At the first step the state is zero, and r = sigmoid(W x + b).
  const MatrixX<double> first = x.leftCols(timeline.active(0));
  const MatrixX<double> sum = (model.parameters()["0.r.x"] * first).colwise() + model.parameters()["0.r.b"].col(0);
  CHECK((r.leftCols(first.cols()).array() - 1 / (1 + (-sum.array()).exp())).abs().maxCoeff() < 1e-14);

  CHECK(model.trace<1>("forward.h", tape) == tape.in[2].values.topRows(4));
  CHECK(model.trace<1>("backward.h", tape) == tape.in[2].values.bottomRows(4));
  CHECK_THROWS_MATCHES(model.trace<0>("q", tape), ValueError, says("no equation has the name 'q'"));
  CHECK_THROWS_MATCHES(model.trace<1>("h", tape), ValueError, says("name must be forward.NAME or backward.NAME"));

  auto gradient = model.parameters().zeros_like();
  model.backward(tape, MatrixX<double>::Ones(8, 4), gradient);
  CHECK_THROWS_MATCHES(model.trace<0>("r", tape), ValueError, says("a backward pass has used this tape"));
}

}  // namespace test_trace
