#pragma once
// Trained models in files, with all that predictions need.

#include <optional>

#include "model.hpp"
#include "trained_on.hpp"

namespace hcp {

/// Trained model and what its file says about it.
struct ModelFile {
  std::unique_ptr<Model> model;
  ModelOptions options;
  unroll::Index regions = 0, steps = 0;  // steps read of each clip; 0: all
  std::vector<std::string> classes;
  std::optional<TrainedOn> trained_on;  // empty if the file does not list the participants
};

/// Reads a file of `write_model`. Throws FileError for other files.
ModelFile read_model(const std::filesystem::path& file);

/// Provenance of a model: facts by name.
using Facts = std::map<std::string, std::string>;

/// Writes `model` with its kind and sizes, the normalization of recordings, the classes, the participants of the
/// training data and `facts`, and checks that the file gives the same outputs for `example`.
void write_model(const std::filesystem::path& file, const Model& model, const ModelOptions& options,
                 unroll::Index steps, const std::vector<std::string>& classes, const TrainedOn& trained_on,
                 const Facts& facts, const unroll::MatrixX<float>& example);

}  // namespace hcp
