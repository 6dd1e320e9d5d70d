#pragma once
// Outputs of a model for sequences in a tensor.

#include <map>
#include <optional>
#include <string>

#include "model_file.hpp"
#include "unroll/core/tables/named_rows.hpp"
#include "unroll/io/formats/tensor.hpp"

namespace model_program {

/// Input sequences [features x columns] on a timeline.
struct Sequences {
  unroll::Timeline timeline;
  unroll::Index steps = 0;  ///< of the tensor, including those after the end of a sequence
  unroll::MatrixX<float> values;
  unroll::NamedRows inputs = {};  ///< names of the rows, of several arrays
  bool is_double = false;         ///< whether a tensor has numbers of 64 bits
};

/// Sequences in a tensor (steps, batch, features) of numbers or tokens. `lengths` (batch) are their numbers of steps;
/// without it all steps are valid. Throws ShapeError and ValueError for tensors that do not match.
Sequences sequences_in(const unroll::Tensor& x, const std::optional<unroll::Tensor>& lengths);
/// The same for several inputs by name, tensors of the same steps and batch.
Sequences sequences_in(const std::map<std::string, unroll::Tensor>& arrays,
                       const std::optional<unroll::Tensor>& lengths);

/// Puts the rows into the order of a model's inputs. Throws ShapeError unless their names and rows are those of the
/// model, or neither has names and the numbers of features are equal.
void arrange(Sequences& sequences, const unroll::NamedRows& inputs, unroll::Index features);

/// Outputs (steps, batch, outputs), 0 after the end of a sequence; (batch, outputs) if the model has one output per
/// sequence. The inputs are standardized as the file says, unless `raw`.
unroll::Tensor outputs_of(const ModelFile& model, Sequences sequences, bool raw);

}  // namespace model_program
