#pragma once
// Participants that a model was trained on, so that a test separates new participants from them.

#include <set>

#include "data.hpp"

namespace hcp {

/// Names of participants and fingerprints of their recordings, which identify them under other names too.
struct TrainedOn {
  std::set<std::string> participants, recordings;
};
TrainedOn trained_on(const Data& data, std::span<const unroll::Index> participants);

/// Those of `participants` that were trained on, recognised by name or by a recording.
std::vector<unroll::Index> known_of(const TrainedOn& trained, const Data& data,
                                    std::span<const unroll::Index> participants);

/// Participants of two trainings, one of which continues the other.
TrainedOn joined(TrainedOn first, const TrainedOn& second);

/// JSON for an entry in the metadata of a model file.
std::string to_json(const TrainedOn& trained);
/// Inverse of to_json. Throws FileError, with the name of the file, for other text.
TrainedOn trained_on_of_json(const std::string& json, const std::string& file);

}  // namespace hcp
