#pragma once
// Results of runs as text, JSON and tables.

#include <nlohmann/json.hpp>

#include "../support/scores.hpp"
#include "training.hpp"
#include "unroll/core/tables/data_table.hpp"
#include "unroll/train/metrics/summary.hpp"

namespace g2p {

/// All runs of one kind of network, with their networks.
struct Study {
  NetworkOptions network;
  unroll::Index parameters = 0;
  std::vector<Run> runs = {};
  std::vector<std::shared_ptr<Network>> networks = {};
  std::optional<Tested> ensemble = {};  // of all networks, on the test words
};

/// Summary over the runs of value(run).
template <class Value>
unroll::Summary over_runs(const Study& study, const Value& value) {
  unroll::VectorX<double> values(unroll::Index(study.runs.size()));
  for (unroll::Index k = 0; k < values.size(); ++k) values[k] = value(study.runs[std::size_t(k)]);
  return unroll::summarize(values);
}
/// Mean word error rate of the validation words, beam search.
double validation_error(const Study& study);

/// Conversion of a word: pronunciations, best first, or the reason why it has none.
struct Converted {
  std::string word, error = {};
  std::vector<unroll::Hypothesis<float>> pronunciations = {};
};

/// Results of all studies; `chosen` is the one with test results.
struct Results {
  const Data& data;
  const std::vector<Study>& studies;
  std::size_t chosen;
};

std::string data_text(const Sources& sources, const Data& data);
std::string network_text(const Study& study);
std::string epoch_text(const Epoch& epoch, unroll::Index epochs);
/// Training time, and error rates of the validation words.
std::string run_text(const Run& run, const Search& search);
std::string tested_text(const Tested& tested, const Search& search);
/// Error rates of the test words, with a line for each run.
std::string test_text(const Study& study, const Search& search);
/// Table with one line per kind of network: mean error rates over the runs on the validation words.
std::string comparison_text(const std::vector<Study>& studies, const Search& search);
/// Last line of the program: "phoneme error rate 10.0 %, word error rate 38.0 % on 2000 test words, 4 beams, 1 seed".
std::string result_text(const Study& study, const Search& search);
/// The hypotheses of a word with their log-probabilities.
std::string hypotheses_text(const Converted& converted, const Vocabulary& vocabulary);

nlohmann::json json_of(const ErrorRates& rates);
nlohmann::json json_of(const Tested& tested);
nlohmann::json json_of(const Converted& converted, const Vocabulary& vocabulary);
/// JSON as text; invalid UTF-8, which names of files may contain, is replaced.
std::string text_of(const nlohmann::json& json);

/// All printed numbers, and the settings, a JSON object.
nlohmann::json metrics_json(const std::string& settings, const Results& results);
/// Curves, and error rates of each test word, of the chosen study, for comparisons with other runs.
example::RunScores scores_of(const Results& results);
/// Table with one line per run and epoch.
std::string history_csv(const std::vector<Study>& studies);
/// Table with one line per word: nearest reference pronunciation, best hypothesis, edit distance.
unroll::DataTable test_table(const Words& words, const Hypotheses& hypotheses, const Vocabulary& vocabulary);
/// Table with one line per pronunciation, and one per word without any.
unroll::DataTable prediction_table(const std::vector<Converted>& words, const Vocabulary& vocabulary);
/// The table separated by tabs.
std::string tsv_of(const unroll::DataTable& table);

}  // namespace g2p
