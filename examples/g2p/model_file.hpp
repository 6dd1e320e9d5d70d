#pragma once
// Model files of the library, whose details hold all that prediction needs: letters, phonemes, kind and sizes of the
// network, the reading of dictionaries, and the training words.

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "network.hpp"
#include "words.hpp"

namespace g2p {

struct Trained {
  NetworkOptions options;
  Reading reading;
  Vocabulary vocabulary;
  std::shared_ptr<Network> network;
  std::optional<std::set<std::string>> learned;      // training words; empty if the file does not list them
  std::map<std::string, std::string> training = {};  // settings, data and results of the training
};

/// Writes the file atomically.
void save(const Trained& trained, const std::filesystem::path& file);

/// Throws FileError for a file that is not from save(), ShapeError for parameters of another shape.
Trained load(const std::filesystem::path& file);

/// Options of `g2p train` that a model file fixes, with their values: cell, attention, score, units, layers, embedding,
/// case and stress.
std::map<std::string, std::string> fixed_options(const NetworkOptions& options, const Reading& reading);

}  // namespace g2p
