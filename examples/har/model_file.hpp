#pragma once
// Files of trained networks, with all that prediction needs: preprocessing, classes, and provenance.

#include <optional>
#include <set>

#include "training.hpp"
#include "unroll/io/model_details.hpp"

namespace har {

/// Network of a file, with its options.
struct TrainedModel {
  std::string file;
  Options options;  // of the network
  Network network;
  unroll::ModelDetails details;

  const std::vector<std::string>& classes() const { return details.outputs; }
  unroll::Standardizer<float> standardizer() const { return details.standardizer<float>().value(); }
  /// Name of the data that it was trained on, whose numbering of people it uses.
  std::string data() const;
  /// People that it was trained on; empty: unknown.
  std::set<std::string> people() const;
  /// Recordings that it was trained on, by name, for a class at every step.
  std::set<std::string> recordings() const;
  /// Hashes of the sequences that it was trained on; empty: unknown.
  std::set<std::string> sequences() const;
};

/// Reads the file of a network that har has trained. Throws FileError for other files.
TrainedModel read_trained(const std::string& file);

/// Provenance of a network: facts about the training data, for its file.
struct Provenance {
  std::string data, fingerprint;
  std::set<std::string> people = {}, recordings = {}, sequences = {};
};
Provenance provenance_of(const Data& data);

/// Details in the file of a network: classes, preprocessing, and provenance, which includes that of the model `before`
/// whose training was continued (null: none).
unroll::ModelDetails details_of(const Provenance& provenance, const Options& options, std::uint64_t seed,
                                const std::vector<std::string>& classes, const TrainedModel* before);
unroll::ModelDetails details_of(const Data& data, const Options& options, std::uint64_t seed,
                                const TrainedModel* before = nullptr);

/// Saves a network with its details and checks that the file gives the same parameters.
void save_and_check(const Network& network, const std::filesystem::path& file, const Options& options,
                    const unroll::ModelDetails& details);

/// Throws ValueError unless the data have the classes, channels and sample rate of the model.
void check_fits(const TrainedModel& model, const std::vector<std::string>& classes, unroll::Index channels,
                std::optional<double> sample_rate);

}  // namespace har
