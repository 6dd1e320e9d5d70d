#pragma once
// A trained network in a file, with all that is needed to use it: parameters by name, and in the metadata the kind of
// network, its sizes, letters and phonemes, and the words that it learned from.

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
  std::optional<std::set<std::string>> learned;  // words; nothing: the file does not say
};

/// Writes the file completely or not at all.
void save(const Trained& trained, const std::filesystem::path& file);

/// Throws FileError for a file that save() has not written, ShapeError for parameters of another shape.
Trained load(const std::filesystem::path& file);

}  // namespace g2p
