#pragma once
// Trained models in files, with all that predictions need.

#include <map>
#include <optional>
#include <set>
#include <string>

#include "data.hpp"
#include "model.hpp"

namespace peaks {

/// Trained network and the data that it takes.
struct ModelFile {
  ModelOptions options;
  Network network;
  std::string channels;  // see Events
  unroll::Index bins;
  std::optional<std::set<std::string>> trained_on = {};  // hashes of its events, see hashes_of; none: unknown
};

/// Reads a file of `write_model`. Throws FileError for other files.
ModelFile read_model(const std::filesystem::path& file);

/// Writes a network with the inputs, units and bins of the training events and with `facts` about its training.
/// `trained_on`: hashes of all events that the network was trained on or selected by.
void write_model(const std::filesystem::path& file, const Network& network, const ModelOptions& options,
                 const Events& training, std::map<std::string, std::string> facts,
                 const std::optional<std::set<std::string>>& trained_on);

/// Throws ShapeError unless `events` have the bins and inputs of the training events of `model`.
void check_fits(const ModelFile& model, const Events& events);

}  // namespace peaks
