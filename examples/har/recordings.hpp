#pragma once
// Data types of readers and simulated data: windows with an activity each, or recordings with a label at every step.

#include <optional>
#include <string>
#include <vector>

#include "unroll/data/dataset.hpp"
#include "unroll/data/lazy_dataset.hpp"

namespace har {

/// Windows of sensor data, labelled with the wearer's activity. `Training`: Dataset, or LazyDataset for training
/// windows that are read when a batch needs them.
template <class Training>
struct RecordingsOf {
  std::string name;
  std::vector<std::string> classes;
  Training train;                          // not standardized
  unroll::Dataset<float> test;             // the same
  std::vector<std::string> remarks;        // source and omissions of the data, one line each
  std::vector<unroll::Index> people = {};  // person of each training window; empty: unknown
  bool other_people = false;               // true: no person is in both training and test data
  std::vector<unroll::Index> test_people = {};
  std::vector<std::string> channels = {};                 // names; empty: unknown
  std::optional<double> sample_rate = {};                 // steps per second
  std::optional<unroll::Dataset<float>> validation = {};  // of a separate file
};

using Recordings = RecordingsOf<unroll::Dataset<float>>;
using LazyRecordings = RecordingsOf<unroll::LazyDataset<float>>;

/// Windows that a trained model is applied to.
struct NewRecordings {
  std::string name;
  unroll::Dataset<float> windows;  // not standardized; labels are numbers of the model's classes
  bool labelled = true;
  std::vector<unroll::Index> people = {};  // person of each window; empty: unknown
  std::optional<double> sample_rate = {};
  std::vector<std::string> remarks = {};
};

/// Recording with a class at every step.
struct Stream {
  unroll::MatrixX<float> channels;  // [channels x steps]
  unroll::Labels labels;            // negative: not scored
  std::string name = {};
  std::string person = {};  // empty: unknown
};

/// Training and test recordings with a class at every step.
struct StreamParts {
  std::string name;
  std::vector<std::string> classes;
  std::vector<Stream> train, test;
  std::vector<std::string> remarks;
  bool later = false;                      // true: the test part is the later part of the same recordings
  std::vector<std::string> channels = {};  // names; empty: unknown
  std::optional<double> sample_rate = {};  // steps per second
};

/// Recordings that a trained model is applied to, with or without a class at every step.
struct NewStreams {
  std::string name;
  std::vector<Stream> streams;
  bool labelled = true;
  std::optional<double> sample_rate = {};
  std::vector<std::string> remarks = {};
};

/// Splits each stream in time: the last `share` is the test part.
StreamParts divide_in_time(std::string name, std::vector<std::string> classes, const std::vector<Stream>& streams,
                           double share);

}  // namespace har
