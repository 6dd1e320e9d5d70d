#include "pictures.hpp"

#include "../support/today.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/heat_map.hpp"
#include "unroll/report/report.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// One curve per kind of network: mean over its runs.
template <class Value>
figure::Curves over_epochs(const std::vector<Study>& studies, const std::string& unit, const Value& value) {
  figure::Curves curves{.title = {}, .x = {"epoch"}, .y = {unit, 0}, .series = {}};
  for (const Study& study : studies) {
    std::vector<std::vector<double>> runs;
    for (const Run& run : study.runs) {
      runs.emplace_back();
      for (const Epoch& epoch : run.history) runs.back().push_back(value(epoch));
    }
    curves.series.push_back(figure::over_runs(name_of(study.network), runs));
  }
  return curves;
}

DataTable all_runs(const std::vector<Study>& studies) {
  DataTable table{
      {"network", "seed", "greedy PER (%)", "greedy WER (%)", "beam PER (%)", "beam WER (%)", "training (s)"}, {}};
  for (const Study& study : studies)
    for (const Run& run : study.runs)
      table.rows.push_back({name_of(study.network), run.seed, 100 * run.test.greedy.phoneme(),
                            100 * run.test.greedy.word(), 100 * run.test.beam.phoneme(), 100 * run.test.beam.word(),
                            run.seconds.wall});
  return table;
}

void add_results(Report& report, const Study& study, bool alone) {
  const std::string of = alone ? std::string() : name_of(study.network) + ": ";
  const auto add = [&](const std::string& what, const auto& rate) {
    const Summary all = over_runs(study, rate);
    report.metric({of + what, 100 * all.mean, all.count > 1 ? 100 * all.sample_deviation : NAN, "%",
                   all.count > 1 ? text("mean and sample standard deviation of ", all.count, " seeds") : "1 seed"});
  };
  add("phoneme error rate", [](const Run& run) { return run.test.beam.phoneme(); });
  add("word error rate", [](const Run& run) { return run.test.beam.word(); });
  report.metric({.name = of + "parameters", .value = double(study.parameters)});
}

}  // namespace

std::string draw_map(const std::filesystem::path& folder, const std::string& word, const Vocabulary& vocabulary,
                     const Hypothesis<float>& hypothesis, const std::string& network) {
  figure::HeatMap map{.title = word + ": " + network,
                      .x = {"letter"},
                      .y = {"phoneme"},
                      .value = "attention (%)",
                      .values = 100 * hypothesis.attention.transpose().cast<double>(),
                      .column_names = letters_of(word),
                      .low = 0,
                      .high = 100,
                      .written = true};
  for (const Index token : hypothesis.tokens) map.row_names.push_back(vocabulary.phonemes_text({&token, 1}));
  if (map.row_names.empty()) return "the model generated no phoneme";
  return draw(figure::picture(map), folder, "map");
}

std::string write_report(const std::filesystem::path& folder, const Options& options, const Data& data,
                         const std::vector<Study>& studies) {
  Report report("Grapheme-to-phoneme study", folder);
  const std::string words = data_text(options, data);
  report.paragraph(words.substr(0, words.find('\n')) + ".");
  report.settings(settings_of(options));
  report.environment(environment(example::today()));
  for (const Study& study : studies) add_results(report, study, studies.size() == 1);
  const Epoch& last = studies.front().runs.front().history.back();
  report.figure("errors",
                over_epochs(studies, "phoneme error rate (%)",
                            [](const Epoch& epoch) { return 100 * epoch.validation.phoneme(); }),
                "Phoneme error rate (%) of the validation words against the epoch, greedy decoding.",
                text(name_of(studies.front().network), ": ", TableValue(100 * last.validation.phoneme()).rounded(),
                     " % after the last epoch."));
  report.figure("loss", over_epochs(studies, "loss (nats per phoneme)", [](const Epoch& epoch) { return epoch.loss; }),
                "Training loss (nats per phoneme) against the epoch.",
                text(name_of(studies.front().network), ": ", TableValue(last.loss).rounded(), " in the last epoch."));
  report.table("runs", all_runs(studies),
               "Error rates of the test words (PER: phoneme error rate, WER: word error rate)");
  report.file("metrics.json", "all printed numbers");
  report.file("history.csv", "one line per run and epoch");
  report.write();
  return report.missing();
}

}  // namespace g2p
