#include "pictures.hpp"

#include "../support/names.hpp"
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

DataTable validation_table(const std::vector<Study>& studies) {
  DataTable table{
      {"network", "seed", "greedy PER (%)", "greedy WER (%)", "beam PER (%)", "beam WER (%)", "training (s)"}, {}};
  for (const Study& study : studies)
    for (const Run& run : study.runs)
      table.rows.push_back({name_of(study.network), run.seed, 100 * run.validation.greedy.phoneme(),
                            100 * run.validation.greedy.word(), 100 * run.validation.beam.phoneme(),
                            100 * run.validation.beam.word(), run.seconds()});
  return table;
}

DataTable tested_table(const Study& study) {
  DataTable table{{"network", "seed", "greedy PER (%)", "greedy WER (%)", "beam PER (%)", "beam WER (%)"}, {}};
  const auto add = [&](const std::string& seed, const Tested& tested) {
    table.rows.push_back({name_of(study.network), seed, 100 * tested.greedy.phoneme(), 100 * tested.greedy.word(),
                          100 * tested.beam.phoneme(), 100 * tested.beam.word()});
  };
  for (const Run& run : study.runs) add(text(run.seed), run.test);
  if (study.ensemble) add("ensemble", *study.ensemble);
  return table;
}

void add_results(Report& report, const Study& study) {
  const auto add = [&](const std::string& what, const auto& rate) {
    const Summary all = over_runs(study, rate);
    report.metric({what, 100 * all.mean, all.count > 1 ? 100 * all.sample_deviation : NAN, "%",
                   all.count > 1 ? text("mean and sample standard deviation of ", all.count, " seeds") : "1 seed"});
  };
  add("phoneme error rate, test words", [](const Run& run) { return run.test.beam.phoneme(); });
  add("word error rate, test words", [](const Run& run) { return run.test.beam.word(); });
  add("word error rate, validation words", [](const Run& run) { return run.validation.beam.word(); });
  if (study.ensemble)
    report.metric({.name = "word error rate, test words, ensemble",
                   .value = 100 * study.ensemble->beam.word(),
                   .unit = "%",
                   .note = "mean log-probabilities of all seeds"});
  report.metric({.name = "parameters", .value = double(study.parameters)});
}

figure::HeatMap heat_map(const std::string& word, const Vocabulary& vocabulary, const Hypothesis<float>& hypothesis,
                         const std::string& network) {
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
  return map;
}

}  // namespace

std::string draw_map(const std::filesystem::path& folder, const std::string& word, const Vocabulary& vocabulary,
                     const Hypothesis<float>& hypothesis, const std::string& network) {
  if (hypothesis.tokens.empty()) return "the model generated no phoneme";
  return draw(figure::picture(heat_map(word, vocabulary, hypothesis, network)), folder, "map");
}

std::string write_report(const std::filesystem::path& folder, const std::string& settings, const Sources& sources,
                         const Results& results, const Attention* attention) {
  const auto& [data, studies, place] = results;
  const Study& chosen = studies[place];
  const std::string name = name_of(chosen.network);
  Report report(text("Grapheme-to-phoneme conversion", studies.size() > 1 ? ", comparison of attention" : "", ": ",
                     example::title_of(sources.train)),
                folder);
  const std::string words = data_text(sources, data);
  report.paragraph(words.substr(0, words.find('\n')) + ".");
  report.paragraph(studies.size() > 1
                       ? "The kind of attention with the lowest word error rate of the validation words, " + name +
                             ", was chosen. Only this one was tested on the test words."
                       : "Settings are compared on the validation words. The test words are used once, "
                         "after training.");
  report.settings(named_values(nlohmann::json::parse(settings)));
  report.environment(environment(example::today()));
  add_results(report, chosen);
  const Epoch& last = chosen.runs.front().history.back();
  report.figure("errors",
                over_epochs(studies, "phoneme error rate (%)",
                            [](const Epoch& epoch) { return 100 * epoch.validation.phoneme(); }),
                "Phoneme error rate (%) of the validation words against the epoch, greedy decoding.",
                text(name, ": ", TableValue(100 * last.validation.phoneme()).rounded(), " % after the last epoch."));
  report.figure("loss", over_epochs(studies, "loss (nats per phoneme)", [](const Epoch& epoch) { return epoch.loss; }),
                "Training loss (nats per phoneme) against the epoch.",
                text(name, ": ", TableValue(last.loss).rounded(), " in the last epoch."));
  report.figure(
      "validation_loss",
      over_epochs(studies, "loss (nats per phoneme)", [](const Epoch& epoch) { return epoch.validation_loss; }),
      "Loss of the validation words (nats per phoneme) against the epoch.",
      text(name, ": ", TableValue(last.validation_loss).rounded(), " after the last epoch."));
  if (attention != nullptr && !attention->hypothesis.tokens.empty())
    report.figure("map", heat_map(attention->word, data.vocabulary, attention->hypothesis, name),
                  text("Attention weights (%) of '", attention->word, "': a row per phoneme, a column per letter."),
                  text(attention->word, ": ", data.vocabulary.phonemes_text(attention->hypothesis.tokens), "."));
  report.table("validation", validation_table(studies),
               "Error rates of the validation words (PER: phoneme error rate, WER: word error rate)");
  report.table("test", tested_table(chosen), "Error rates of the test words");
  report.file("metrics.json", "all printed numbers");
  report.file("history.csv", "one line per run and epoch");
  report.write();
  return report.missing();
}

}  // namespace g2p
