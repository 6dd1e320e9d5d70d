#pragma once
// What runs gave, as text, JSON and tables.

#include "training.hpp"
#include "unroll/report/environment.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace g2p {

/// All runs of one kind of network.
struct Study {
  NetworkOptions network;
  unroll::Index parameters = 0;
  std::vector<Run> runs;
};

/// Of one number of every run.
template <class Value>
unroll::Summary over_runs(const Study& study, const Value& value) {
  unroll::VectorX<double> values(unroll::Index(study.runs.size()));
  for (unroll::Index k = 0; k < values.size(); ++k) values[k] = value(study.runs[std::size_t(k)]);
  return unroll::summarize(values);
}

/// The options as names and values.
unroll::NamedValues settings_of(const Options& options);

std::string data_text(const Options& options, const Data& data);
std::string network_text(const Study& study);
std::string epoch_text(const Epoch& epoch, unroll::Index epochs);
/// Seconds, errors of the validation and of the test words.
std::string run_text(const Run& run, const Search& search);
std::string tested_text(const Tested& tested, const Search& search);
/// A line for each kind of network: means over the runs, of the test words.
std::string comparison_text(const std::vector<Study>& studies, const Search& search);
/// "phoneme error rate 10.0 %, word error rate 38.0 % on 2000 test words, 4 beams, 1 seed"
std::string result_text(const Study& study, const Search& search);
/// The best pronunciations of a word with their log-probabilities.
std::string written_text(const std::string& word, const Vocabulary& vocabulary,
                         const std::vector<unroll::Hypothesis<float>>& written);

/// Every number that is printed, and the options.
std::string metrics_json(const Options& options, const Data& data, const std::vector<Study>& studies);
/// A line for each run and epoch.
std::string history_csv(const std::vector<Study>& studies);
/// A line for each word: what is right (the nearest pronunciation), what was written, how many errors that has.
std::string test_table(const Words& words, const Written& written, const Vocabulary& vocabulary);

}  // namespace g2p
