#pragma once
// Model files. They hold the parameters by name, and in the metadata the kind of network, its sizes, letters, phonemes
// and the words of its training data.

#include <filesystem>
#include <optional>
#include <set>

#include "network.hpp"
#include "words.hpp"

namespace g2p {

struct Trained {
  NetworkOptions options;
  Vocabulary vocabulary;
  std::unique_ptr<Network> network;
  std::optional<std::set<std::string>> learned;  // training words; empty if the file does not list them
};

/// Writes the file atomically.
void save(const Trained& trained, const std::filesystem::path& file);

/// Throws FileError for a file that is not from save(), ShapeError for parameters of another shape.
Trained load(const std::filesystem::path& file);

}  // namespace g2p
