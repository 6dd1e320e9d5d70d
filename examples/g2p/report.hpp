#pragma once
// Results of runs as text, JSON and tables.

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

/// Summary over the runs of value(run).
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
/// Training time, and error rates of the validation and test words.
std::string run_text(const Run& run, const Search& search);
std::string tested_text(const Tested& tested, const Search& search);
/// Table with one line per kind of network: mean error rates over the runs on the test words.
std::string comparison_text(const std::vector<Study>& studies, const Search& search);
/// Last line of the program: "phoneme error rate 10.0 %, word error rate 38.0 % on 2000 test words, 4 beams, 1 seed".
std::string result_text(const Study& study, const Search& search);
/// The hypotheses of a word with their log-probabilities.
std::string hypotheses_text(const std::string& word, const Vocabulary& vocabulary,
                            const std::vector<unroll::Hypothesis<float>>& hypotheses);

/// All printed numbers, and the options.
std::string metrics_json(const Options& options, const Data& data, const std::vector<Study>& studies);
/// Table with one line per run and epoch.
std::string history_csv(const std::vector<Study>& studies);
/// Table with one line per word: nearest reference pronunciation, best hypothesis, edit distance.
std::string test_table(const Words& words, const Hypotheses& hypotheses, const Vocabulary& vocabulary);

}  // namespace g2p
