#pragma once
// Recordings of participants who watched the same clips.

#include <span>
#include <string>
#include <vector>

#include "unroll/data/dataset.hpp"

namespace hcp {

/// Names of the 15 clips of the HCP's movie runs: 14 shown once, and "testretest", shown at the end of each of the four
/// runs. The class of a clip is its index in this list.
const std::vector<std::string>& clip_names();

struct Data {
  unroll::Dataset<float> clips;            // one label per step, z-scored; labels of unknown classes are -1
  std::vector<std::string> classes;        // name of each class
  std::vector<unroll::Index> participant;  // of each sequence, an index into `participants`
  std::vector<std::string> participants;
  std::vector<unroll::Index> run;  // of each sequence, a number of the user
  std::string source;              // description for reports
};

/// Hash of all sequences, classes and participants.
std::string fingerprint(const Data& data);
/// Hash of one sequence.
std::string fingerprint(const Data& data, unroll::Index sequence);

/// Standardises a sequence with one scalar mean and one scalar deviation over all steps and regions. Returns false, and
/// leaves it unchanged, if it is constant.
bool z_score(unroll::MatrixX<float>& sequence);

/// Data set with the class of each sequence, of `count` classes, as the label of all its steps.
unroll::Dataset<float> labelled(std::vector<unroll::MatrixX<float>> sequences,
                                const std::vector<unroll::Index>& classes, unroll::Index count);

/// Indices of the sequences of some participants, in the order of the data.
std::vector<unroll::Index> sequences_of(const Data& data, std::span<const unroll::Index> participants);

/// Sequences of some participants; `group` is the participant of each sequence, an index into `participants`.
struct Part {
  unroll::Dataset<float> clips;
  std::vector<unroll::Index> group;
  unroll::Index groups;
};
Part part_of(const Data& data, std::span<const unroll::Index> participants);

}  // namespace hcp
