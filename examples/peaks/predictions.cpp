#include "predictions.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "../support/format.hpp"
#include "unroll/core/tables/data_table.hpp"

namespace peaks {

using namespace unroll;

namespace {

using Json = nlohmann::ordered_json;

/// Position in millimetres, with six decimals.
double place_of(const Events& events, double position) { return std::round(1e6 * events.place(position)) / 1e6; }

const char* match_of(const Peak& peak) { return peak.matched ? "yes" : peak.scored ? "no" : "masked"; }

Index number_of(const std::vector<bool>& known) { return std::ranges::count(known, true); }

/// Whether the model was trained on some of the events only.
bool are_divided(const Known& known) {
  return known && number_of(*known) > 0 && number_of(*known) < std::ssize(*known);
}

void add_score(const Score& score, Json& json) {
  json["efficiency"] = score.efficiency(), json["false_positives_per_event"] = score.false_rate();
  json["found"] = score.found, json["missed"] = score.missed, json["false_positives"] = score.extra;
}

}  // namespace

Found found_in(const Events& events, Index event, const MatrixX<float>& output) {
  const Search search = Search().scaled_to(events.bin_width());
  const MatrixX<float> target = events.target(event);
  return {candidates(bins_of(output), search), compare(bins_of(target), bins_of(output), search)};
}

std::string vertices_csv(const Events& events, std::span<const Found> found) {
  DataTable table{{"event", "position (mm)", "height", "sum"}, {}};
  if (events.has_truth) table.columns.push_back("matched");
  for (Index k = 0; k < events.data.size(); ++k) {
    const auto& [peaks, comparison] = found[std::size_t(k)];
    for (std::size_t p = 0; p < peaks.size(); ++p) {
      const Candidate& peak = peaks[p];
      table.rows.push_back({k, place_of(events, peak.position), peak.height, peak.sum});
      if (events.has_truth) table.rows.back().push_back(match_of(comparison.predicted[p]));
    }
  }
  return to_csv(table);
}

std::string vertices_json(const Events& events, std::span<const Found> found, const Known& known) {
  Json all{{"data", events.source}};
  if (events.has_truth) add_score(score_of(events, found), all);
  if (known) all["events_trained_on"] = number_of(*known);
  if (events.has_truth && are_divided(known)) {
    Json& others = all["events_not_trained_on"] = {{"events", std::ssize(*known) - number_of(*known)}};
    add_score(score_of(events, found, *known), others);
  }
  all["events"] = Json::array();
  for (Index k = 0; k < events.data.size(); ++k) {
    const auto& [peaks, comparison] = found[std::size_t(k)];
    Json event{{"event", k}, {"vertices", Json::array()}};
    if (known) event["trained_on"] = bool((*known)[std::size_t(k)]);
    for (std::size_t p = 0; p < peaks.size(); ++p) {
      const Candidate& peak = peaks[p];
      Json vertex{{"position_mm", place_of(events, peak.position)}, {"height", peak.height}, {"sum", peak.sum}};
      if (events.has_truth) vertex["matched"] = match_of(comparison.predicted[p]);
      event["vertices"].push_back(std::move(vertex));
    }
    if (events.has_truth) {
      event["true_vertices"] = Json::array();
      for (const Peak& peak : comparison.truth)
        event["true_vertices"].push_back({{"position_mm", place_of(events, peak.position)}, {"found", peak.matched}});
    }
    all["events"].push_back(std::move(event));
  }
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Score score_of(const Events& events, std::span<const Found> found, const std::vector<bool>& without) {
  require<ValueError>(events.has_truth, events.source, ": must contain the true vertices, 'pv', for a score");
  Score score;
  for (std::size_t k = 0; k < found.size(); ++k)
    if (without.empty() || !without[k]) score += found[k].comparison;
  return score;
}

std::string score_text(const Score& score) {
  return example::format("efficiency %.1f %% at %.2f false positives per event, %ld %s\n", 100 * score.efficiency(),
                         score.false_rate(), long(score.events), score.events == 1 ? "event" : "events");
}

std::string test_text(const Events& events, std::span<const Found> found, const Known& known) {
  const std::string seen = known ? text(number_of(*known), " of ", known->size()) : "unknown",
                    all = score_text(score_of(events, found));
  return text("events that the model was trained on: ", seen, "\n", are_divided(known) ? "all: " + all : all,
              are_divided(known) ? "events not trained on: " + score_text(score_of(events, found, *known)) : "");
}

}  // namespace peaks
