#include <unroll/layers/dense.hpp>
#include <unroll/layers/normalisation/softmax.hpp>
#include <unroll/models/stack.hpp>

#include "layers/model_run.hpp"
#include "support/catch.hpp"

namespace test_softmax {

using namespace unroll;
using namespace model_run;

namespace {

template <class S>
MatrixX<S> outputs(const MatrixX<S>& x) {
  Stack<S> model(x.rows(), {Softmax{}});
  typename Stack<S>::Tape tape;
  return model.forward(x, Timeline::rectangular(1, x.cols()), tape);
}

}  // namespace

TEST_CASE("softmax: probabilities are those of the formula") {
  for (const Index features : {1, 2, 5, 19}) {
    const MatrixX<double> x = 3 * noise(features, 4), y = outputs(x), e = x.array().exp().matrix();
    CHECK(y.isApprox(e * e.colwise().sum().cwiseInverse().asDiagonal(), 1e-14));
  }
}

TEST_CASE("softmax: features of any size have finite probabilities") {
  const MatrixX<float> x{{3e38f, -3e38f}, {-3e38f, -3e38f}, {0, -3e38f}}, y = outputs(x);
  CHECK(y.col(0) == VectorX<float>{{1, 0, 0}});
  CHECK(y.col(1).isApproxToConstant(1 / 3.0f));
  CHECK(std::isnan(outputs(MatrixX<float>{{NAN}, {0}})(0, 0)));
}

TEST_CASE("softmax: gradients match central differences") {
  for (const Index features : {1, 3, 9}) {
    const auto report =
        gradients(Stack<double>(2, {Dense{.units = features}, Softmax{}, Dense{.units = 2}, Softmax{}}));
    INFO(report.text());
    CHECK(report.worst < 2e-5);
  }
}

TEST_CASE("softmax: the bits of a column do not depend on its position") {
  MatrixX<float> x = noise(13, 9).cast<float>();
  const MatrixX<float> all = outputs(x);
  for (Index c = 0; c < x.cols(); ++c) CHECK(outputs(MatrixX<float>(x.col(c))) == all.col(c));
}

}  // namespace test_softmax
