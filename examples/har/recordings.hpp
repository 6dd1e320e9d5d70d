#pragma once
// What the readers and the stand-ins give: windows with an activity each, or recordings with a label at every step.

#include <string>
#include <vector>

#include "unroll/data/dataset.hpp"

namespace har {

/// Windows of sensors, each with what its wearer was doing.
struct Recordings {
  std::string name;
  std::vector<std::string> classes;
  unroll::Dataset<float> train, test;      // as they were recorded
  std::vector<std::string> remarks;        // where they are from, and what was left out; a line each
  std::vector<unroll::Index> people = {};  // who each training window is of; empty: that is not known
  bool other_people = false;               // those in the test are known to be others
};

/// One recording: what was measured, and a class at every step.
struct Stream {
  unroll::MatrixX<float> channels;  // [channels x steps]
  unroll::Labels labels;            // negative: not scored
};

/// Recordings with a class at every step.
struct StreamParts {
  std::string name;
  std::vector<std::string> classes;
  std::vector<Stream> train, test;
  std::vector<std::string> remarks;
  bool later = false;  // the test is what came later in the same recordings
};

/// The last `share` of each stream for the test: what comes later is not trained on.
StreamParts divide_in_time(std::string name, std::vector<std::string> classes, const std::vector<Stream>& streams,
                           double share);

}  // namespace har
