#pragma once
// Who a model was trained on, so that nothing is said of people that is not known.

#include <set>

#include "data.hpp"

namespace hcp {

/// Names of people, and fingerprints of their recordings, which tell them apart whatever they are called.
struct TrainedOn {
  std::set<std::string> participants, recordings;
};
TrainedOn trained_on(const Data& data, std::span<const unroll::Index> participants);

/// Of these people, those who were trained on: with the name of one who was, or with a recording.
std::vector<unroll::Index> known_of(const TrainedOn& trained, const Data& data,
                                    std::span<const unroll::Index> participants);

/// As an entry of a model file's metadata.
std::string to_json(const TrainedOn& trained);
/// Throws FileError, which names the file, for anything that to_json has not written.
TrainedOn trained_on_of_json(const std::string& json, const std::string& file);

}  // namespace hcp
