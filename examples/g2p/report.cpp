#include "report.hpp"

#include <cmath>

#include "../support/format.hpp"
#include "unroll/report/report.hpp"

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

nlohmann::json json_of(const Run& run) {
  return {{"seed", run.seed},
          {"loss", run.history.back().loss},
          {"seconds", run.seconds.wall},
          {"processor_seconds", run.seconds.processor},
          {"validation", json_of(run.validation)},
          {"test", json_of(run.test)}};
}

nlohmann::json json_of(const Study& study) {
  nlohmann::json object{{"cell", study.network.cell},
                        {"attention", study.network.attention},
                        {"score", study.network.score},
                        {"parameters", study.parameters},
                        {"runs", nlohmann::json::array()}};
  for (const Run& run : study.runs) object["runs"].push_back(json_of(run));
  return object;
}

nlohmann::json json_of(const Options& o) {
  return {{"train", o.train},
          {"valid", o.validation},
          {"limit", o.limit},
          {"units", o.network.units},
          {"embedding", o.network.embedding},
          {"epochs", o.epochs},
          {"batch", o.batch},
          {"rate", o.rate},
          {"clip", o.clip},
          {"threads", o.threads},
          {"beams", o.search.beams},
          {"length_penalty", o.search.length_penalty}};
}

}  // namespace

NamedValues settings_of(const Options& options) { return named_values(json_of(options)); }

std::string data_text(const Options& options, const Data& data) {
  const std::string pairs =
      data.train.pairs() == data.train.size() ? "" : text(" (", data.train.pairs(), " pronunciations)");
  const bool trains = options.load.empty();
  const std::string learned = trains ? text(plural(data.train.size(), "training word"), pairs, ", ") : std::string();
  return text(learned, data.validation.size(), " validation words, ", data.test.size(), " test words (every ", spread,
              "th of the training file); ", data.vocabulary.letters.size(), " letters, ",
              data.vocabulary.phonemes.size(), " phonemes\n  training file   ", options.train, "\n  validation file ",
              options.validation, "\n");
}

std::string network_text(const Study& study) {
  return text("\n", name_of(study.network), ": ", study.network.units, " units, embedding dimension ",
              study.network.embedding, ", ", study.parameters, " parameters\n");
}

std::string epoch_text(const Epoch& epoch, Index epochs) {
  return format("epoch %2ld/%ld   loss %.4f   validation, greedy: %s   %.1f s (processor time %.1f s)\n",
                long(epoch.epoch), long(epochs), epoch.loss, rates_text(epoch.validation).c_str(), epoch.seconds.wall,
                epoch.seconds.processor);
}

std::string tested_text(const Tested& tested, const Search& search) {
  return text("greedy: ", rates_text(tested.greedy), "   ", plural(search.beams, "beam"), ": ",
              rates_text(tested.beam));
}

std::string run_text(const Run& run, const Search& search) {
  return format("seed %ld: training time %.1f s, processor time %.1f s\n", long(run.seed), run.seconds.wall,
                run.seconds.processor) +
         "  validation  " + tested_text(run.validation, search) + "\n  test        " + tested_text(run.test, search) +
         "\n";
}

std::string comparison_text(const std::vector<Study>& studies, const Search& search) {
  const std::string beams = plural(search.beams, "beam");
  std::string table =
      format("%-12s %-16s %10s  %14s  %14s  %20s\n", "", "", "", "greedy", beams.c_str(), "training time (s)");
  table += format("%-12s %-16s %10s  %6s  %6s  %6s  %6s  %9s %10s\n", "attention", "score", "parameters", "PER", "WER",
                  "PER", "WER", "wall", "processor");
  for (const Study& study : studies) {
    const auto mean = [&](const auto& value) { return over_runs(study, value).mean; };
    table += format("%-12s %-16s %10ld  %6.2f  %6.2f  %6.2f  %6.2f  %9.1f %10.1f\n", study.network.attention.c_str(),
                    study.network.score.c_str(), long(study.parameters),
                    100 * mean([](const Run& run) { return run.test.greedy.phoneme(); }),
                    100 * mean([](const Run& run) { return run.test.greedy.word(); }),
                    100 * mean([](const Run& run) { return run.test.beam.phoneme(); }),
                    100 * mean([](const Run& run) { return run.test.beam.word(); }),
                    mean([](const Run& run) { return run.seconds.wall; }),
                    mean([](const Run& run) { return run.seconds.processor; }));
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

std::string hypotheses_text(const std::string& word, const Vocabulary& vocabulary,
                            const std::vector<Hypothesis<float>>& hypotheses) {
  std::string lines;
  for (std::size_t k = 0; k < hypotheses.size(); ++k)
    lines +=
        text(k == 0 ? word : std::string(word.size(), ' '), "  ",
             format("%8.3f  %5.1f %%  ", hypotheses[k].log_probability, 100 * std::exp(hypotheses[k].log_probability)),
             vocabulary.phonemes_text(hypotheses[k].tokens), hypotheses[k].ended ? "" : " ...", "\n");
  return lines;
}

std::string metrics_json(const Options& options, const Data& data, const std::vector<Study>& studies) {
  nlohmann::json all{{"options", json_of(options)},
                     {"data",
                      {{"training_words", data.train.size()},
                       {"training_pronunciations", data.train.pairs()},
                       {"validation_words", data.validation.size()},
                       {"test_words", data.test.size()},
                       {"letters", data.vocabulary.letters},
                       {"phonemes", data.vocabulary.phonemes}}},
                     {"networks", nlohmann::json::array()}};
  for (const Study& study : studies) all["networks"].push_back(json_of(study));
  // File names may contain invalid UTF-8: it is replaced instead of throwing.
  return all.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string history_csv(const std::vector<Study>& studies) {
  std::string csv =
      "cell,attention,score,seed,epoch,loss,validation_phoneme_error_rate,validation_word_error_rate,seconds,"
      "processor_seconds\n";
  for (const Study& study : studies)
    for (const Run& run : study.runs)
      for (const Epoch& epoch : run.history)
        csv += text(study.network.cell, ",", study.network.attention, ",", study.network.score, ",", run.seed, ",",
                    epoch.epoch, ",", epoch.loss, ",", epoch.validation.phoneme(), ",", epoch.validation.word(), ",",
                    epoch.seconds.wall, ",", epoch.seconds.processor, "\n");
  return csv;
}

std::string test_table(const Words& words, const Hypotheses& hypotheses, const Vocabulary& vocabulary) {
  std::string table = "word\tright\twritten\tedits\tlog_probability\n";
  for (std::size_t k = 0; k < hypotheses.size(); ++k) {
    const auto& best = hypotheses[k].front();
    const auto& reference = nearest(best.tokens, words.pronunciations[k]);
    table +=
        text(words.spellings[k], "\t", vocabulary.phonemes_text(reference), "\t", vocabulary.phonemes_text(best.tokens),
             "\t", edit_distance(best.tokens, reference), "\t", best.log_probability, "\n");
  }
  return table;
}

}  // namespace g2p
