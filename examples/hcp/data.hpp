#pragma once
// Recordings of people who watched the same clips.

#include <span>
#include <string>
#include <vector>

#include "unroll/data/dataset.hpp"

namespace hcp {

/// The fifteen clips of the HCP's movie runs: 14 that were shown once, and "testretest" at the end of each of the four
/// runs. A class is its place in this list.
const std::vector<std::string>& clip_names();

struct Data {
  unroll::Dataset<float> clips;            // a label for each step, z-scored
  std::vector<unroll::Index> participant;  // of each sequence, a place in the list below
  std::vector<std::string> participants;
  std::string source;  // in words
};

/// One scalar mean and one scalar deviation for the whole sequence, over all of its steps and regions. False where it
/// is constant.
bool z_score(unroll::MatrixX<float>& sequence);

/// Labels for each step, and the data set of it all.
unroll::Dataset<float> labelled(std::vector<unroll::MatrixX<float>> sequences,
                                const std::vector<unroll::Index>& classes);

/// The sequences of some people, in the order of the data.
std::vector<unroll::Index> sequences_of(const Data& data, std::span<const unroll::Index> participants);

/// Those sequences, and whose they are, counted from 0 in the order of `participants`.
struct Part {
  unroll::Dataset<float> clips;
  std::vector<unroll::Index> group;
  unroll::Index groups;
};
Part part_of(const Data& data, std::span<const unroll::Index> participants);

}  // namespace hcp
