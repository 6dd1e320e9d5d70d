#pragma once
// Summary of a model: layers, parameters and memory of a training step.

#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "unroll/core/option_checks.hpp"
#include "unroll/core/tables/data_table.hpp"
#include "unroll/models/memory.hpp"

namespace unroll {

struct LayerSummary {
  std::string name;
  Shape output;
  Index parameters = 0;
  std::size_t kept_bytes = 0;  ///< stored on the tape by one part of a training step
};

/// Data of a model summary; `text()` formats them as a table.
struct ModelSummary {
  Index features = 0;  ///< per input step
  std::vector<LayerSummary> layers;
  Index parameters = 0;
  Index columns = 0, batch = 0;    ///< valid steps of all sequences, and number of sequences
  std::size_t training_bytes = 0;  ///< of a step with this batch; see training_bytes in memory.hpp

  ///     layer  name            output         parameters  kept
  ///     0      gru             32 a step      3840        1.1 MiB
  ///     1      mean over time  32 a sequence  0           1.3 KiB
  ///     2      dense           4 a sequence   132         160 B
  ///     3972 parameters; 6 features a step; training on 1280 steps of 10 sequences takes 1.4 MiB
  std::string text() const;
};

namespace detail {

/// Formatted size, e.g. "1.4 MiB": three digits, units of 1024.
inline std::string readable_bytes(std::size_t bytes) {
  static constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double number = double(bytes);
  std::size_t unit = 0;
  for (; number >= 1023.5 && unit + 1 < units.size(); ++unit) number /= 1024;
  char digits[32];
  std::snprintf(digits, sizeof digits, unit > 0 && number < 99.95 ? "%.1f" : "%.0f", number);
  return unroll::text(std::string_view(digits), " ", units[unit]);
}

}  // namespace detail

inline std::string ModelSummary::text() const {
  DataTable table{{"layer", "name", "output", "parameters", "kept"}, {}};
  for (const LayerSummary& layer : layers)
    table.rows.push_back({unroll::text(table.rows.size()), layer.name,
                          unroll::text(layer.output.features, layer.output.per_step ? " a step" : " a sequence"),
                          unroll::text(layer.parameters), detail::readable_bytes(layer.kept_bytes)});
  return unroll::text(to_text(table), parameters, " parameters; ", features, " features a step; training on ", columns,
                      " steps of ", batch, " sequences takes ", detail::readable_bytes(training_bytes), "\n");
}

/// Summary for a training step with `columns` (valid steps of all sequences) and `batch` sequences. Throws ShapeError
/// for negative numbers.
template <class Model>
ModelSummary summary(const Model& model, Index columns, Index batch, const TrainingPlan& plan = {}) {
  detail::check_least<ShapeError>("summary", "columns", columns, 0);
  detail::check_least<ShapeError>("summary", "sequences", batch, 0);
  ModelSummary all{.features = model.features(),
                   .layers = {},
                   .parameters = model.parameters().size(),
                   .columns = columns,
                   .batch = batch,
                   .training_bytes = unroll::training_bytes(model, columns, batch, plan)};
  model.each_layer([&](const auto& layer, std::size_t k) {
    const Index kept = numbers_kept(model, k, columns, batch, plan);
    all.layers.push_back({std::string(layer.name()), model.shape(k + 1), layer.parameters().size(),
                          std::size_t(kept) * sizeof(typename Model::Scalar)});
  });
  return all;
}

}  // namespace unroll
