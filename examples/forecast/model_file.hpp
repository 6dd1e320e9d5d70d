#pragma once
// Trained networks in files, with all that forecasts need.

#include <filesystem>
#include <map>

#include "network.hpp"
#include "windows.hpp"

namespace forecast {

/// Beginning of a series that a network was trained on, or whose validation loss selected it.
struct Seen {
  unroll::Index steps = 0;
  std::string fingerprint;
};

struct ModelFile {
  Plan plan;
  Network network;
  std::vector<Seen> seen = {};
};

/// Reads a file of `write_model`. Throws FileError for other files.
ModelFile read_model(const std::filesystem::path& file);

/// Writes a network with `facts` about its training.
void write_model(const std::filesystem::path& file, const ModelFile& model, std::map<std::string, std::string> facts);

/// Hash of the parameters of a network.
std::string fingerprint(const Network& network);

/// Training and validation parts of the data.
std::vector<Seen> seen_in(const Data& data);
/// Number of the first steps of a series that were seen.
unroll::Index seen_steps(const std::vector<Seen>& seen, const Series& series);

/// Options of the verb train that a plan fixes, by name.
nlohmann::ordered_json network_options(const Plan& plan);

}  // namespace forecast
