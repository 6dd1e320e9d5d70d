#include "data.hpp"

#include <algorithm>
#include <cmath>

#include "../support/fingerprint.hpp"

namespace hcp {

using namespace unroll;

const std::vector<std::string>& clip_names() {
  static const std::vector<std::string> names{"testretest", "twomen",    "bridgeville", "pockets",   "overcome",
                                              "inception",  "socialnet", "oceans",      "flower",    "hotel",
                                              "garden",     "dreary",    "homealone",   "brokovich", "starwars"};
  return names;
}

bool z_score(MatrixX<float>& sequence) {
  const MatrixX<double> values = sequence.cast<double>();
  const double mean = values.mean(), deviation = std::sqrt((values.array() - mean).square().mean());
  if (!(deviation > 1e-9 * std::abs(mean))) return false;
  sequence = ((values.array() - mean) / deviation).cast<float>();
  return true;
}

Dataset<float> labelled(std::vector<MatrixX<float>> sequences, const std::vector<Index>& classes, Index count) {
  std::vector<Labels> labels;
  for (std::size_t s = 0; s < classes.size(); ++s) labels.push_back(Labels::Constant(sequences[s].cols(), classes[s]));
  return Dataset<float>::step_labelled(std::move(sequences), std::move(labels), count);
}

std::string fingerprint(const Data& data, Index sequence) {
  return example::Fingerprint().add(data.clips.sequence(sequence)).text();
}

std::string fingerprint(const Data& data) {
  example::Fingerprint all;
  for (Index s = 0; s < data.clips.size(); ++s) {
    const std::string words =
        text(data.participants[std::size_t(data.participant[std::size_t(s)])], "\n", data.clips.labels(s)[0], "\n");
    all.add(data.clips.sequence(s)).add(words.data(), words.size());
  }
  for (const std::string& name : data.classes) all.add(name.data(), name.size() + 1);
  return all.text();
}

std::vector<Index> sequences_of(const Data& data, std::span<const Index> participants) {
  std::vector<Index> sequences;
  for (std::size_t s = 0; s < data.participant.size(); ++s)
    if (std::ranges::find(participants, data.participant[s]) != participants.end()) sequences.push_back(Index(s));
  return sequences;
}

Part part_of(const Data& data, std::span<const Index> participants) {
  const auto sequences = sequences_of(data, participants);
  std::vector<Index> group;
  for (const Index s : sequences)
    group.push_back(std::ranges::find(participants, data.participant[std::size_t(s)]) - participants.begin());
  return {data.clips.subset(sequences), std::move(group), Index(participants.size())};
}

}  // namespace hcp
