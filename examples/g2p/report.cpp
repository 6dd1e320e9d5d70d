#include "report.hpp"

#include <cmath>

#include "../support/format.hpp"
#include "unroll/core/tables/data_table.hpp"

namespace g2p {

using namespace unroll;
using example::format;

namespace {

std::string rates_text(const ErrorRates& rates) {
  return format("PER %5.2f %%, WER %5.2f %%", 100 * rates.phoneme(), 100 * rates.word());
}

std::string plural(Index count, const std::string& word) { return text(count, " ", word, count == 1 ? "" : "s"); }

std::string percent_text(const Summary& share) {
  const std::string mean = format("%.2f %%", 100 * share.mean);
  return share.count > 1 ? mean + format(" +- %.2f", 100 * share.sample_deviation) : mean;
}

nlohmann::json json_of(const Run& run, bool tested) {
  nlohmann::json json{{"seed", run.seed},
                      {"loss", run.history.back().loss},
                      {"epochs", run.history.size()},
                      {"seconds", run.seconds()},
                      {"validation", g2p::json_of(run.validation)}};
  if (run.best_epoch > 0) json["best_epoch"] = run.best_epoch;
  if (tested) json["test"] = g2p::json_of(run.test);
  return json;
}

nlohmann::json json_of(const Study& study, bool tested) {
  nlohmann::json object{{"cell", study.network.cell},
                        {"attention", study.network.attention},
                        {"score", study.network.score},
                        {"parameters", study.parameters},
                        {"runs", nlohmann::json::array()}};
  for (const Run& run : study.runs) object["runs"].push_back(json_of(run, tested));
  if (study.ensemble) object["test_of_ensemble"] = g2p::json_of(*study.ensemble);
  return object;
}

}  // namespace

double validation_error(const Study& study) {
  return over_runs(study, [](const Run& run) { return run.validation.beam.word(); }).mean;
}

nlohmann::json json_of(const ErrorRates& rates) {
  return {{"phoneme_error_rate", rates.phoneme()},
          {"word_error_rate", rates.word()},
          {"edits", rates.edits},
          {"phonemes", rates.phonemes},
          {"wrong_words", rates.wrong_words},
          {"words", rates.words}};
}

nlohmann::json json_of(const Tested& tested) {
  return {{"greedy", json_of(tested.greedy)}, {"beam", json_of(tested.beam)}};
}

nlohmann::json json_of(const Converted& converted, const Vocabulary& vocabulary) {
  nlohmann::json json{{"word", converted.word}};
  if (!converted.error.empty()) json["error"] = converted.error;
  if (!converted.error.empty()) return json;
  json["pronunciations"] = nlohmann::json::array();
  for (const auto& one : converted.pronunciations)
    json["pronunciations"].push_back({{"phonemes", vocabulary.phonemes_text(one.tokens)},
                                      {"log_probability", one.log_probability},
                                      {"probability", std::exp(one.log_probability)},
                                      {"ended", one.ended}});
  return json;
}

std::string text_of(const nlohmann::json& json) {
  return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string data_text(const Sources& sources, const Data& data) {
  const std::string pairs =
      data.train.pairs() == data.train.size() ? "" : text(" (", data.train.pairs(), " pronunciations)");
  const auto from = [](const std::string& source) {
    return share_of(source) ? text("share ", source, " of the dictionary") : source;
  };
  return text(plural(data.train.size(), "training word"), pairs, ", ",
              plural(data.validation.size(), "validation word"), ", ", plural(data.test.size(), "test word"), "; ",
              data.vocabulary.letters.size(), " letters, ", data.vocabulary.phonemes.size(),
              " phonemes\n  dictionary  ", sources.train, "\n  validation  ", from(sources.validation),
              "\n  test        ", from(sources.test), "\n");
}

std::string network_text(const Study& study) {
  return text("\n", name_of(study.network), ": ", study.network.units, " units, ",
              plural(study.network.layers, "encoder layer"), ", embedding dimension ", study.network.embedding, ", ",
              study.parameters, " parameters\n");
}

std::string epoch_text(const Epoch& epoch, Index epochs) {
  return format("epoch %2ld/%ld   loss %.4f nats   validation: loss %.4f nats, greedy: %s   %.1f s\n",
                long(epoch.epoch), long(epochs), epoch.loss, epoch.validation_loss,
                rates_text(epoch.validation).c_str(), epoch.seconds);
}

std::string tested_text(const Tested& tested, const Search& search) {
  return text("greedy: ", rates_text(tested.greedy), "   ", plural(search.beams, "beam"), ": ",
              rates_text(tested.beam));
}

std::string run_text(const Run& run, const Search& search) {
  const std::string best = run.best_epoch > 0 ? text(", best epoch ", run.best_epoch) : std::string();
  return format("seed %ld: training time %.1f s", long(run.seed), run.seconds()) + best + "\n  validation  " +
         tested_text(run.validation, search) + "\n";
}

std::string test_text(const Study& study, const Search& search) {
  std::string lines = "\ntest words\n";
  for (const Run& run : study.runs) lines += text("  seed ", run.seed, "   ", tested_text(run.test, search), "\n");
  if (study.ensemble) lines += text("  ensemble   ", tested_text(*study.ensemble, search), "\n");
  return lines;
}

std::string comparison_text(const std::vector<Study>& studies, const Search& search) {
  const std::string beams = plural(search.beams, "beam");
  std::string table = format("%-12s %-16s %10s  %14s  %14s  %13s\n", "", "", "", "greedy", beams.c_str(), "");
  table += format("%-12s %-16s %10s  %6s  %6s  %6s  %6s  %13s\n", "attention", "score", "parameters", "PER", "WER",
                  "PER", "WER", "training time");
  for (const Study& study : studies) {
    const auto mean = [&](const auto& value) { return over_runs(study, value).mean; };
    table += format("%-12s %-16s %10ld  %6.2f  %6.2f  %6.2f  %6.2f  %11.1f s\n", study.network.attention.c_str(),
                    study.network.score.c_str(), long(study.parameters),
                    100 * mean([](const Run& run) { return run.validation.greedy.phoneme(); }),
                    100 * mean([](const Run& run) { return run.validation.greedy.word(); }),
                    100 * mean([](const Run& run) { return run.validation.beam.phoneme(); }),
                    100 * validation_error(study), mean([](const Run& run) { return run.seconds(); }));
  }
  return table;
}

std::string result_text(const Study& study, const Search& search) {
  return text("phoneme error rate ",
              percent_text(over_runs(study, [](const Run& run) { return run.test.beam.phoneme(); })),
              ", word error rate ", percent_text(over_runs(study, [](const Run& run) { return run.test.beam.word(); })),
              " on ", study.runs.front().test.beam.words, " test words, ", plural(search.beams, "beam"), ", ",
              plural(Index(study.runs.size()), "seed"), "\n");
}

std::string hypotheses_text(const Converted& converted, const Vocabulary& vocabulary) {
  std::string lines;
  for (const auto& one : converted.pronunciations)
    lines += text(lines.empty() ? converted.word : std::string(converted.word.size(), ' '), "  ",
                  format("%8.3f  %5.1f %%  ", one.log_probability, 100 * std::exp(one.log_probability)),
                  vocabulary.phonemes_text(one.tokens), one.ended ? "" : " ...", "\n");
  return lines;
}

nlohmann::json metrics_json(const std::string& settings, const Results& results) {
  const Data& data = results.data;
  nlohmann::json all{{"settings", nlohmann::json::parse(settings)},
                     {"data",
                      {{"training_words", data.train.size()},
                       {"training_pronunciations", data.train.pairs()},
                       {"validation_words", data.validation.size()},
                       {"test_words", data.test.size()},
                       {"letters", data.vocabulary.letters},
                       {"phonemes", data.vocabulary.phonemes}}},
                     {"networks", nlohmann::json::array()}};
  for (std::size_t k = 0; k < results.studies.size(); ++k)
    all["networks"].push_back(json_of(results.studies[k], k == results.chosen));
  return all;
}

example::RunScores scores_of(const Results& results) {
  example::RunScores scores{.seeds = {}, .items = "test words", .tested = results.data.test_fingerprint()};
  example::ItemMeasure phonemes{.name = "phoneme error rate", .unit = "%", .larger_is_better = false},
      wrong{.name = "word error rate", .unit = "%", .larger_is_better = false};
  std::vector<example::EpochValues> curves{{"training loss", "nats", {}},
                                           {"validation loss", "nats", {}},
                                           {"validation phoneme error rate", "%", {}},
                                           {"validation word error rate", "%", {}}};
  for (const Run& run : results.studies[results.chosen].runs) {
    scores.seeds.push_back(run.seed);
    for (auto* measure : {&phonemes, &wrong}) measure->seeds.emplace_back();
    for (const ErrorRates& word : run.test.words) {
      phonemes.seeds.back().parts.push_back(double(word.edits));
      phonemes.seeds.back().wholes.push_back(double(word.phonemes));
      wrong.seeds.back().parts.push_back(double(word.wrong_words));
    }
    for (auto& curve : curves) curve.seeds.emplace_back();
    for (const Epoch& epoch : run.history) {
      const std::array values{epoch.loss, epoch.validation_loss, 100 * epoch.validation.phoneme(),
                              100 * epoch.validation.word()};
      for (std::size_t k = 0; k < values.size(); ++k) curves[k].seeds.back().push_back(values[k]);
    }
  }
  scores.curves = std::move(curves);
  scores.measures = {std::move(phonemes), std::move(wrong)};
  return scores;
}

std::string history_csv(const std::vector<Study>& studies) {
  DataTable table{{"cell", "attention", "score", "seed", "epoch", "loss", "validation_loss",
                   "validation_phoneme_error_rate", "validation_word_error_rate", "seconds"},
                  {}};
  for (const Study& study : studies)
    for (const Run& run : study.runs)
      for (const Epoch& epoch : run.history)
        table.rows.push_back({study.network.cell, study.network.attention, study.network.score, run.seed, epoch.epoch,
                              epoch.loss, epoch.validation_loss, epoch.validation.phoneme(), epoch.validation.word(),
                              epoch.seconds});
  return to_csv(table);
}

DataTable test_table(const Words& words, const Hypotheses& hypotheses, const Vocabulary& vocabulary) {
  DataTable table{{"word", "right", "written", "edits", "log_probability"}, {}};
  for (std::size_t k = 0; k < hypotheses.size(); ++k) {
    const auto& best = hypotheses[k].front();
    const auto& reference = nearest(best.tokens, words.pronunciations[k]);
    table.rows.push_back({words.spellings[k], vocabulary.phonemes_text(reference),
                          vocabulary.phonemes_text(best.tokens), edit_distance(best.tokens, reference),
                          best.log_probability});
  }
  return table;
}

DataTable prediction_table(const std::vector<Converted>& words, const Vocabulary& vocabulary) {
  DataTable table{{"word", "rank", "phonemes", "log_probability", "probability", "error"}, {}};
  for (const Converted& converted : words) {
    if (!converted.error.empty()) table.rows.push_back({converted.word, NAN, "", NAN, NAN, converted.error});
    Index rank = 0;
    for (const auto& one : converted.pronunciations)
      table.rows.push_back({converted.word, ++rank, vocabulary.phonemes_text(one.tokens), one.log_probability,
                            std::exp(one.log_probability), ""});
  }
  return table;
}

std::string tsv_of(const DataTable& table) {
  std::string all;
  for (std::size_t k = 0; k < table.columns.size(); ++k) all += (k > 0 ? "\t" : "") + table.columns[k];
  for (const auto& row : table.rows)
    for (std::size_t k = 0; k < row.size(); ++k) all += (k > 0 ? "\t" : "\n") + row[k].exact();
  return all + "\n";
}

}  // namespace g2p
