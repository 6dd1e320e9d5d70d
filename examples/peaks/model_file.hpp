#pragma once
// Trained models in files, with all that predictions need.

#include <map>

#include "data.hpp"
#include "model.hpp"

namespace peaks {

/// Trained network and the data that it takes.
struct ModelFile {
  ModelOptions options;
  Network network;
  std::string channels;  // see Events
  unroll::Index bins;
};

/// Reads a file of `write_model`. Throws FileError for other files.
ModelFile read_model(const std::filesystem::path& file);

/// Writes a network with the inputs, units and bins of `events` and with `facts` about its training.
void write_model(const std::filesystem::path& file, const Network& network, const ModelOptions& options,
                 const Events& events, std::map<std::string, std::string> facts);

/// Throws ShapeError unless `events` have the bins and inputs of the training events of `model`.
void check_fits(const ModelFile& model, const Events& events);

}  // namespace peaks
