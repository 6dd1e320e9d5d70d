#pragma once
// A trained network in a file, with what is needed to use it: its settings and its vocabulary.

#include <filesystem>

#include "network.hpp"
#include "unroll/text/vocabulary.hpp"

namespace lm {

struct Model {
  Options options;  // those that it was trained with
  unroll::Vocabulary vocabulary;
  Network network;
};

/// Writes the file completely or not at all.
void save(const Model& model, const std::filesystem::path& file);

/// Throws FileError for a file that save() has not written, ShapeError for parameters of another shape.
Model load(const std::filesystem::path& file);

}  // namespace lm
