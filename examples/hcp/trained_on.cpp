#include "trained_on.hpp"

#include <nlohmann/json.hpp>

#include "unroll/io/json.hpp"

namespace hcp {

using namespace unroll;

TrainedOn trained_on(const Data& data, std::span<const Index> participants) {
  TrainedOn trained;
  for (const Index p : participants) trained.participants.insert(data.participants[std::size_t(p)]);
  for (const Index s : sequences_of(data, participants)) trained.recordings.insert(fingerprint(data, s));
  return trained;
}

std::vector<Index> known_of(const TrainedOn& trained, const Data& data, std::span<const Index> participants) {
  std::set<Index> known;
  for (const Index p : participants)
    if (trained.participants.contains(data.participants[std::size_t(p)])) known.insert(p);
  for (const Index s : sequences_of(data, participants))
    if (trained.recordings.contains(fingerprint(data, s))) known.insert(data.participant[std::size_t(s)]);
  return {known.begin(), known.end()};
}

TrainedOn joined(TrainedOn first, const TrainedOn& second) {
  first.participants.insert(second.participants.begin(), second.participants.end());
  first.recordings.insert(second.recordings.begin(), second.recordings.end());
  return first;
}

std::string to_json(const TrainedOn& trained) {
  const nlohmann::json object{{"participants", trained.participants}, {"recordings", trained.recordings}};
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

TrainedOn trained_on_of_json(const std::string& json, const std::string& file) try {
  const auto object = unroll::detail::parse_json(json, file);
  return {object.at("participants").get<std::set<std::string>>(), object.at("recordings").get<std::set<std::string>>()};
} catch (const std::exception&) {  // from parse_json, or a value of another type
  throw FileError(file + ": metadata entry 'trained_on' must be one that this program wrote");
}

}  // namespace hcp
