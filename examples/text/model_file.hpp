#pragma once
// Model files: parameters, settings and vocabulary.

#include <filesystem>

#include "network.hpp"
#include "unroll/text/vocabulary.hpp"

namespace lm {

struct Model {
  Options options;  // of its training
  unroll::Vocabulary vocabulary;
  Network network;
};

/// Writes the file atomically.
void save(const Model& model, const std::filesystem::path& file);

/// Throws FileError for a file that is not from save(), ShapeError for parameters of another shape.
Model load(const std::filesystem::path& file);

}  // namespace lm
