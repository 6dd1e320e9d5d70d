#pragma once
// Outputs of a model for sequences in a tensor.

#include <optional>

#include "model_file.hpp"
#include "unroll/io/formats/tensor.hpp"

namespace model_program {

/// Input sequences [features x columns] on a timeline.
struct Sequences {
  unroll::Timeline timeline;
  unroll::Index steps = 0;  ///< of the tensor, including those after the end of a sequence
  unroll::MatrixX<float> values;
};

/// Sequences in a tensor (steps, batch, features) of numbers or tokens. `lengths` (batch) are their numbers of steps;
/// without it all steps are valid. Throws ShapeError and ValueError for tensors that do not match.
Sequences sequences_in(const unroll::Tensor& x, const std::optional<unroll::Tensor>& lengths);

/// Outputs (steps, batch, outputs), 0 after the end of a sequence; (batch, outputs) if the model has one output per
/// sequence. The inputs are standardized as the file says, unless `raw`.
unroll::Tensor outputs_of(const ModelFile& model, Sequences sequences, bool raw);

}  // namespace model_program
