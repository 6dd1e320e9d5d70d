#pragma once
// Checkpoints of a training of word vectors, and files of trained vectors.

#include <filesystem>
#include <string>
#include <vector>

#include "results.hpp"
#include "unroll/word2vec/word2vec.hpp"

namespace word2vec {

/// State of a run.
struct RunState {
  std::vector<std::string> words;
  unroll::WordTrainingState<float> training;
  Training history;
  double seconds = 0;  // of the epoch that has begun
};

/// Writes the file atomically.
void write_checkpoint(const std::filesystem::path& file, const RunState& state);
/// Throws FileError for another file.
RunState read_checkpoint(const std::filesystem::path& file);

/// Vectors of words, and the table of predicted words if the file is a checkpoint.
struct Loaded {
  std::vector<std::string> words;
  unroll::WordTables<float> tables;  // `out` is empty without that table
};
/// Vectors from a checkpoint (.safetensors) or a file in the formats of word2vec. Throws FileError.
Loaded read_vectors(const std::filesystem::path& file);

}  // namespace word2vec
