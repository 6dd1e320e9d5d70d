#pragma once
// Gradient checks by central differences, for user-defined models, cells and losses.

#include <algorithm>
#include <cmath>
#include <string>

#include "unroll/core/option_checks.hpp"
#include "unroll/core/random.hpp"
#include "unroll/core/timeline.hpp"
#include "unroll/layers/layer.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {

struct GradientCheckOptions {
  double step = 1e-6;   ///< of the central difference
  double floor = 1e-3;  ///< smaller gradients are compared by absolute error, in units of floor
  Index most = 0;       ///< maximal number of entries checked per vector, drawn at random; 0: all
  std::uint64_t seed = 1;
};

/// Result of a gradient check: the entry with the largest relative error |analytic - numeric| / (floor + |numeric|).
/// `where` is its name and position.
struct GradientReport {
  double worst = 0;
  std::string where = "nothing was checked";
  double analytic = 0, numeric = 0;
  Index checked = 0;

  /// For example "worst of 213 entries: 2.1e-08 at 0.r.h(3, 1): analytic -0.0132, numeric -0.0132".
  std::string text() const {
    return unroll::text("worst of ", checked, " entries: ", worst, " at ", where, ": analytic ", analytic, ", numeric ",
                        numeric);
  }

  GradientReport& operator+=(const GradientReport& other) {
    const Index both = checked + other.checked;
    if (checked == 0 || other.worst > worst || !(other.worst == other.worst)) *this = other;
    checked = both;
    return *this;
  }
};

/// Gradient check of a function: compares `analytic`, the gradient of `loss()` with respect to `variables`, with
/// central differences. `name(k)` returns the name of entry k. `variables` change during the check and are restored. A
/// NaN counts as the largest error. Throws ShapeError if the sizes differ, ValueError if step or floor is not above 0.
template <class Loss, class Name>
GradientReport check_gradient(Loss&& loss, OutVector<double> variables, InVector<double> analytic, Name&& name,
                              const GradientCheckOptions& options = {}) {
  require<ShapeError>(variables.size() == analytic.size(),
                      "gradient check: gradient must have as many entries as variables, ", variables.size(), ", got ",
                      analytic.size());
  detail::check_option(options.step > 0, "gradient check", "step", "above 0", options.step);
  detail::check_option(options.floor > 0, "gradient check", "floor", "above 0", options.floor);
  GradientReport report;
  const Random random(options.seed, Purpose::sample);
  const bool all = options.most <= 0 || options.most >= variables.size();
  const Index count = all ? variables.size() : options.most;
  for (Index j = 0; j < count; ++j) {
    const Index k = all ? j : random.below(std::uint64_t(j), variables.size());
    const double value = variables[k];
    variables[k] = value + options.step;
    const double above = loss();
    variables[k] = value - options.step;
    const double below = loss();
    variables[k] = value;
    const double numeric = (above - below) / (2 * options.step);
    const double error = std::abs(numeric - analytic[k]) / (options.floor + std::abs(numeric));
    ++report.checked;
    if (report.checked == 1 || !(error <= report.worst))
      report.worst = error, report.where = name(k), report.analytic = analytic[k], report.numeric = numeric;
    if (error != error) break;
  }
  return report;
}

/// Name and position of an entry of a flat vector, e.g. "0.r.h(3, 1)".
inline std::string entry_name(const ParameterTable& table, Index k) {
  const ParameterBlock& block = table.holding(k);
  const Index within = k - block.offset;
  return text(block.name, "(", within % block.stride, ", ", within / block.stride, ")");
}

/// Random initial states of a model: normal numbers with deviation 0.5.
template <class Model>
auto random_state(const Model& model, const Timeline& timeline, std::uint64_t seed) {
  std::vector<State<typename Model::Scalar>> state;
  model.each_layer([&](const auto& layer, std::size_t k) {
    State<typename Model::Scalar> parts;
    for (const Index rows : layer.state_rows()) {
      const Random random(seed, Purpose::sample, k + 1, parts.size());
      MatrixX<typename Model::Scalar> part(rows, timeline.batch());
      for (Index j = 0; j < part.size(); ++j)
        part.data()[j] = typename Model::Scalar(0.5 * random.normal(std::uint64_t(j)));
      parts.push_back(std::move(part));
    }
    state.push_back(std::move(parts));
  });
  return state;
}

/// Gradient check of a model on a batch: non-frozen parameters, inputs and initial states. `loss(output, d_output)`
/// returns the loss and writes its gradient. `pass.training` includes dropout with fixed masks. Parameters change
/// during the check and are restored. Only for double: float differences are too coarse.
template <class Model, class Loss>
GradientReport check_gradients(Model& model, const MatrixX<double>& x, const Timeline& timeline, Loss&& loss,
                               const Pass& pass = {}, const GradientCheckOptions& options = {}) {
  static_assert(std::same_as<typename Model::Scalar, double>,
                "unroll: gradients are checked in double; make the model with double");
  typename Model::Tape tape;
  MatrixX<double> input = x, d_input, d_output;
  auto initial = random_state(model, timeline, options.seed);
  decltype(initial) d_initial;
  const auto value = [&] {
    const auto output = model.forward(input, timeline, tape, pass, initial);
    d_output.resize(output.rows(), output.cols());
    return double(loss(output, d_output));
  };
  value();
  auto gradient = model.parameters().zeros_like();
  model.backward(tape, d_output, gradient, &d_input, {}, &d_initial);

  const auto parameter_name = [&](Index k) { return entry_name(model.parameters().table(), k); };
  GradientReport report;
  for (const detail::Segment& learned : model.parameters().table().learned())
    report += check_gradient(
        value, model.parameters().values().segment(learned.first, learned.size),
        gradient.values().segment(learned.first, learned.size),
        [&](Index k) { return parameter_name(learned.first + k); }, options);
  report += check_gradient(
      value, input.reshaped(), d_input.reshaped(),
      [&](Index k) {
        Index row = k % input.rows();
        if constexpr (requires { model.inputs(); })
          for (const auto& [name, rows] : model.inputs()) {
            if (row < rows) return text("input ", name, "(", row, ", column ", k / input.rows(), ")");
            row -= rows;
          }
        return text("input(", row, ", column ", k / input.rows(), ")");
      },
      options);
  for (std::size_t layer = 0; layer < initial.size(); ++layer)
    for (std::size_t s = 0; s < initial[layer].size(); ++s)
      report += check_gradient(
          value, initial[layer][s].reshaped(), d_initial[layer][s].reshaped(),
          [&](Index k) { return text("state ", s, " of layer ", layer, "(entry ", k, ")"); }, options);
  return report;
}

}  // namespace unroll
