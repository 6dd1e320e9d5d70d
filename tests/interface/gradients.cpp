// Random tests of gradients against finite differences, in double.

#include <unroll/check/gradient.hpp>
#include <unroll/models/stack.hpp>

#include "interface/random_layers.hpp"
#include "interface/random_model.hpp"

namespace interface {

void try_gradients(Choices& choose, Report& report) {
  std::string words = text("seed ", choose.seed(), ": in double:");
  RandomLayers<double> layers(choose, words);
  layers.smooth = true;
  const Index features = 1 + choose.below(4);
  std::vector<AnyLayer<double>> all;
  for (Index k = choose.below(3); k >= 0; --k) all.push_back(layers.any(false));
  report.now(words);
  std::optional<Stack<double>> model;
  if (!report.attempt("model in double", [&] {
        model.emplace(features, all);
        model->initialise(choose.seed());
      }))
    return;
  const RandomBatch batch = random_batch(choose, features, 0);
  const MatrixX<double> x = choose.matrix<double>(features, batch.x.cols());
  const VectorX<double> weights = choose.matrix<double>(97, 1);
  const auto loss = [&](const auto& output, auto& d_output) {
    double sum = 0;
    for (Index k = 0; k < output.size(); ++k)
      d_output.data()[k] = weights[k % 97], sum += weights[k % 97] * output(k % output.rows(), k / output.rows());
    return sum;
  };
  const Pass pass{.training = choose.coin(), .seed = 5, .update = 2};
  GradientReport found;
  if (!report.attempt("gradients in double", [&] {
        found =
            check_gradients(*model, x, batch.timeline, loss, pass, {.floor = 1e-2, .most = 3, .seed = choose.seed()});
      }))
    return;
  if (!(found.worst < 1e-5)) report.also(found.text());
  report.expect(found.worst < 1e-5, "a gradient differs from the finite difference");
}

}  // namespace interface
