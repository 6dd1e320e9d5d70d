#pragma once
// Model files: parameters, settings and vocabulary.

#include <filesystem>

#include "network.hpp"
#include "unroll/io/model_details.hpp"
#include "unroll/text/vocabulary.hpp"

namespace lm {

struct Model {
  Options options;  // of its training
  unroll::Vocabulary vocabulary;
  Network network;
  Settings training = {};  // the options by name, and facts about data and results
};

/// Tokens and training of a model, as stored in its file and in checkpoints.
unroll::ModelDetails details_of(const Model& model);

/// Writes the file atomically.
void save(const Model& model, const std::filesystem::path& file);

/// Model from a file of `save`, also of earlier versions, or from a checkpoint of a run, with the parameters after its
/// last update. Throws FileError for another file, ShapeError for parameters of another shape.
Model load(const std::filesystem::path& file);

}  // namespace lm
