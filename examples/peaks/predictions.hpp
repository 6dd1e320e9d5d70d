#pragma once
// Found vertices of events, as CSV and JSON.

#include <span>

#include "data.hpp"

namespace peaks {

/// Found vertices of an event, and their comparison with true ones.
struct Found {
  std::vector<Candidate> peaks;
  Comparison comparison;
};
Found found_in(const Events& events, unroll::Index event, const unroll::MatrixX<float>& output);

/// One line per found vertex: event, position along the beam (mm), height and sum of the output, and with true vertices
/// whether it matches one: "yes", "no" or "masked". `found`: one entry per event.
std::string vertices_csv(const Events& events, std::span<const Found> found);

/// Found vertices by event and, with true vertices, those too, efficiency and false positives per event.
std::string vertices_json(const Events& events, std::span<const Found> found);

/// Score of the found vertices. Throws ValueError for events without true vertices.
Score score_of(const Events& events, std::span<const Found> found);

/// Line of a result: "efficiency 93.0 % at 0.11 false positives per event, 100 events".
std::string score_text(const Score& score);

}  // namespace peaks
