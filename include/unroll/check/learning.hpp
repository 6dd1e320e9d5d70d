#pragma once
// Training diagnostics: update sizes, and overfitting of one small batch.

#include <string>
#include <vector>

#include "unroll/core/timeline.hpp"
#include "unroll/layers/layer.hpp"
#include "unroll/parameters/finite.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {

/// Relative size of one update of a block: ||after - before|| / ||before||. About 1e-3 is healthy. A far smaller ratio
/// means no learning, a far larger one destroys what was learned.
struct UpdateRatio {
  std::string name;
  double ratio = 0;   ///< infinity for a block that was zero and changed
  double update = 0;  ///< Euclidean norms
  double weight = 0;
};

template <class Scalar>
std::vector<UpdateRatio> update_ratios(const Parameters<Scalar>& before, const Parameters<Scalar>& after) {
  require<ShapeError>(before.size() == after.size(),
                      "update ratios: parameters after the update must have as many entries as before, ", before.size(),
                      ", got ", after.size());
  std::vector<UpdateRatio> ratios;
  for (const ParameterBlock& block : after.table().blocks()) {
    const double update = (after.block(block) - before.block(block)).template cast<double>().norm();
    const double weight = before.block(block).template cast<double>().norm();
    ratios.push_back({block.name, update == 0 ? 0 : update / weight, update, weight});
  }
  return ratios;
}

/// Table of update ratios, one line per block: name, ratio, norms.
inline std::string report(const std::vector<UpdateRatio>& ratios) {
  std::string lines;
  for (const UpdateRatio& r : ratios)
    lines += text(r.name, ": update/weight ", float(r.ratio), " (", float(r.update), " / ", float(r.weight), ")\n");
  return lines;
}

struct OverfitOptions {
  long updates = 500;
  double target = 0.01;  ///< training stops when the loss is below
};

struct OverfitResult {
  double first = 0;  ///< loss before the first update: ln(classes) for an untrained classifier
  double last = 0;
  long updates = 0;
  bool reached = false;

  std::string text() const {
    return unroll::text("loss ", float(first), " at first, ", float(last), " after ", updates, " updates: ",
                        reached ? "the model can learn these examples by heart"
                                : "the model did NOT learn these few examples by heart");
  }
};

/// Overfitting test: trains repeatedly on one small batch. A model that cannot memorise about twenty examples has a
/// bug, a wrong label or a bad learning rate. `loss(output, d_output)` returns the loss and writes its gradient.
/// Changes the model. Throws NonFiniteError.
template <class Model, class Loss, class Optimizer>
OverfitResult overfit(Model& model, const MatrixX<typename Model::Scalar>& x, const Timeline& timeline, Loss&& loss,
                      Optimizer& optimizer, const OverfitOptions& options = {}) {
  typename Model::Tape tape;
  MatrixX<typename Model::Scalar> d_output;
  auto gradient = model.parameters().zeros_like();
  OverfitResult result;
  for (;; ++result.updates) {
    const auto output = model.forward(x, timeline, tape, {.training = true, .update = std::uint64_t(result.updates)});
    d_output.resize(output.rows(), output.cols());
    result.last = double(loss(output, d_output));
    require<NonFiniteError>(result.last - result.last == 0, "overfit: loss must be finite, got ", result.last,
                            " after ", result.updates, " updates; ", [&] { return model.locate_non_finite(tape); });
    if (result.updates == 0) result.first = result.last;
    result.reached = result.last < options.target;
    if (result.reached || result.updates >= options.updates) {
      check_finite("overfit", model.parameters());
      return result;
    }
    gradient.values().setZero();
    model.backward(tape, d_output, gradient);
    optimizer.step(model.parameters().values(), gradient.values());
  }
}

}  // namespace unroll
