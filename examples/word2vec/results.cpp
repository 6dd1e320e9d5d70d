#include "results.hpp"

#include <cmath>
#include <numeric>

#include "../support/fingerprint.hpp"
#include "../support/format.hpp"
#include "../support/names.hpp"
#include "../support/today.hpp"
#include "plane.hpp"
#include "unroll/report/curves.hpp"
#include "unroll/report/report.hpp"
#include "unroll/report/scatter.hpp"

namespace word2vec {

using namespace unroll;
using example::format;
using Json = nlohmann::ordered_json;

std::string corpus_text(const Corpus& corpus, const CorpusOptions& options) {
  Index kept = 0;
  for (const auto& sentence : corpus.sentences)
    for (const Index word : sentence) kept += word >= 0;
  return text(corpus.words, " words, ", corpus.different, " different; vocabulary ", corpus.vocabulary.size(),
              " words with at least ", options.least, " occurrences, ", kept, " words in all",
              options.phrases > 0 ? text(", ", corpus.phrases, " phrases") : std::string(), "\n");
}

std::string epoch_text(const WordEpoch& epoch, Index epochs, double seconds) {
  return format("epoch %*lld/%lld  loss %.4f  %.0f words/s\n", int(std::to_string(epochs).size()),
                static_cast<long long>(epoch.epoch), static_cast<long long>(epochs), epoch.loss,
                double(epoch.words) / seconds);
}

std::string neighbours_text(std::span<const SimilarWord> words) {
  std::string lines;
  for (const SimilarWord& word : words) lines += "  " + word.word + format("  %.3f\n", word.similarity);
  return lines;
}

std::string score_text(const PairScore& score) {
  return format("%.1f %% of %lld pairs are nearer than random pairs (chance 50 %%), %lld pairs without vectors\n",
                100 * score.share, static_cast<long long>(score.scored), static_cast<long long>(score.missing));
}

Json json_of(std::span<const SimilarWord> words) {
  Json json = Json::array();
  for (const SimilarWord& word : words) json.push_back({{"word", word.word}, {"similarity", word.similarity}});
  return json;
}

Json json_of(const PairScore& score) {
  return {{"share", score.share}, {"pairs", score.scored}, {"missing", score.missing}};
}

namespace {

/// Losses of each run by epoch.
std::vector<std::vector<double>> losses_of(const std::vector<Run>& runs) {
  std::vector<std::vector<double>> losses;
  for (const Run& run : runs) {
    losses.emplace_back();
    for (const WordEpoch& epoch : run.training.epochs) losses.back().push_back(epoch.loss);
  }
  return losses;
}

/// Metric of a value of each run: their mean, and of several runs the sample standard deviation.
Metric metric_of(const std::string& name, const std::vector<double>& values, const std::string& unit) {
  const double count = double(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  Metric metric{.name = name, .value = mean, .unit = unit};
  if (values.size() == 1) return metric;
  double squares = 0;
  for (const double value : values) squares += (value - mean) * (value - mean);
  metric.deviation = std::sqrt(squares / (count - 1));
  metric.note = text("mean and sample standard deviation of ", values.size(), " seeds");
  return metric;
}

Metric shares_of(const std::vector<Run>& runs) {
  std::vector<double> shares;
  for (const Run& run : runs) shares.push_back(100 * run.pairs->share);
  return metric_of("pairs nearer than random pairs", shares, "%");
}

}  // namespace

std::string shares_text(const std::vector<Run>& runs) {
  if (runs.size() == 1) return score_text(*runs.front().pairs);
  std::string lines;
  for (const Run& run : runs) lines += text("seed ", run.seed, ": ", score_text(*run.pairs));
  const Metric all = shares_of(runs);
  return lines + format("%.1f %% +- %.1f, ", all.value, all.deviation) + all.note + "\n";
}

Json pairs_json(const std::vector<Run>& runs) {
  if (runs.size() == 1) return json_of(*runs.front().pairs);
  const Metric all = shares_of(runs);
  Json json{{"share", all.value / 100}, {"deviation", all.deviation / 100}, {"seeds", Json::array()}};
  for (const Run& run : runs) {
    json["seeds"].push_back(json_of(*run.pairs));
    json["seeds"].back()["seed"] = run.seed;
  }
  return json;
}

example::RunScores scores_of(const std::vector<Run>& runs) {
  example::RunScores scores;
  for (const Run& run : runs) scores.seeds.push_back(run.seed);
  scores.curves.push_back({"training loss", "nats per prediction", losses_of(runs)});
  if (!runs.front().pairs) return scores;
  example::Fingerprint words;
  for (const auto& [word, partner] : runs.front().pairs->pairs)
    for (const std::string& each : {word, partner}) words.add(each.c_str(), each.size() + 1);
  scores.items = "pairs of words", scores.tested = words.text();
  example::ItemMeasure nearer{.name = "pairs nearer than random pairs", .unit = "%"};
  for (const Run& run : runs) nearer.seeds.push_back({{run.pairs->right.begin(), run.pairs->right.end()}});
  scores.measures.push_back(std::move(nearer));
  return scores;
}

std::string history_csv(const std::vector<Run>& runs) {
  DataTable table{{"seed", "epoch", "loss", "words", "predictions", "seconds"}, {}};
  for (const auto& [seed, training, pairs] : runs)
    for (std::size_t k = 0; k < training.epochs.size(); ++k) {
      const WordEpoch& epoch = training.epochs[k];
      table.rows.push_back({seed, epoch.epoch, epoch.loss, epoch.words, epoch.predictions, training.seconds[k]});
    }
  return to_csv(table);
}

namespace {

std::string names_of_files(const Options& o) {
  std::string names;
  for (const std::string& file : o.corpus.files) names += (names.empty() ? "" : ", ") + example::title_of(file);
  return names;
}

NamedValues settings_of(const Options& o) {
  const Word2VecOptions& t = o.training;
  std::string seeds;
  for (const std::uint64_t seed : o.seeds.all()) seeds += text(seeds.empty() ? "" : ", ", seed);
  return {{"text", names_of_files(o)},
          {"model", t.model == WordModel::cbow ? "CBOW" : "skip-gram"},
          {"dimension", text(t.dimension)},
          {"window", text(t.window)},
          {"negatives", text(t.negatives)},
          {"subsample", text(t.subsample)},
          {"unit", o.corpus.unit},
          {"case", o.corpus.letters},
          {"least count", text(o.corpus.least)},
          {"vocabulary", text(o.corpus.size)},
          {"phrases", text(o.corpus.phrases)},
          {"phrase threshold", text(o.corpus.threshold)},
          {"load", o.load},
          {"epochs", text(t.epochs)},
          {"rate", text(t.rate)},
          {"seeds", seeds},
          {"parts", text(t.parts)}};
}

void add_results(Report& report, const std::vector<Run>& runs) {
  const auto losses = losses_of(runs);
  std::vector<double> last, seconds;
  for (const auto& run : losses) last.push_back(run.back());
  for (const Run& run : runs)
    seconds.push_back(std::accumulate(run.training.seconds.begin(), run.training.seconds.end(), 0.0));
  if (runs.front().pairs) report.metric(shares_of(runs));
  report.metric(metric_of("loss of the last epoch", last, "nats"));
  report.metric(metric_of("training time", seconds, "s"));
  report.figure(
      "loss",
      figure::Curves{"", {"epoch"}, {"loss (nats)"}, {figure::over_runs("training", losses)}, "range of the seeds"},
      "Training loss (nats) against the epoch, mean over all predictions before their updates.",
      format("%.3f in the first epoch, %.3f in the last.", losses.front().front(), losses.front().back()));
}

void add_words(Report& report, const WordVectors& vectors, Index drawn) {
  // Only angles matter; without normalisation a long vector would squeeze all others together.
  const Plane plane = plane_of(vectors.vectors().leftCols(drawn).colwise().normalized());
  figure::Scatter scatter{"", {"first component"}, {"second component"}, {}, {}};
  for (Index k = 0; k < drawn; ++k)
    scatter.points.push_back({plane.places(0, k), plane.places(1, k), vectors.words()[std::size_t(k)]});
  report.figure("words", scatter,
                format("The %lld most frequent words in the plane of their first two principal components.",
                       static_cast<long long>(drawn)),
                format("The plane shows %.0f %% of the variance.", 100 * plane.share));
}

}  // namespace

std::string write_report(const std::filesystem::path& folder, const Options& options, const std::vector<Run>& runs,
                         const WordVectors& vectors) {
  Report report("Word vectors: " + names_of_files(options), folder);
  report.settings(settings_of(options));
  report.environment(environment(example::today()));
  report.metric({.name = "words", .value = double(vectors.size())});
  add_results(report, runs);
  if (const Index drawn = std::min(options.drawn, vectors.size()); drawn > 0) add_words(report, vectors, drawn);
  report.file(options.save, runs.size() == 1 ? "word vectors" : text("word vectors of seed ", runs.front().seed));
  report.file("config.json", "settings, for --config");
  report.file("history.csv", "one line per run and epoch");
  report.write();
  return report.missing();
}

}  // namespace word2vec
