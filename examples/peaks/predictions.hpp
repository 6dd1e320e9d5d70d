#pragma once
// Found vertices of events, as CSV and JSON.

#include <optional>
#include <span>
#include <vector>

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

/// For each event whether the model was trained on it; none: unknown.
using Known = std::optional<std::vector<bool>>;

/// Found vertices by event and, with true vertices, those too, efficiency and false positives per event; `known` adds
/// whether the model was trained on an event, and the score of the others.
std::string vertices_json(const Events& events, std::span<const Found> found, const Known& known = {});

/// Score of the found vertices of all events, or without some. Throws ValueError for events without true vertices.
Score score_of(const Events& events, std::span<const Found> found, const std::vector<bool>& without = {});

/// Line of a result: "efficiency 93.0 % at 0.11 false positives per event, 100 events".
std::string score_text(const Score& score);

/// Lines of a test: the number of events that the model was trained on, the score, and that of the other events.
std::string test_text(const Events& events, std::span<const Found> found, const Known& known);

}  // namespace peaks
