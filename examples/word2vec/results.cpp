#include "results.hpp"

#include <numeric>

#include "../support/fingerprint.hpp"
#include "../support/format.hpp"
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

example::RunScores scores_of(std::uint64_t seed, const Training& training, const PairScore* pairs) {
  example::RunScores scores{.seeds = {seed}};
  example::EpochValues loss{"training loss", "nats per prediction", {{}}};
  for (const WordEpoch& epoch : training.epochs) loss.seeds.front().push_back(epoch.loss);
  scores.curves.push_back(std::move(loss));
  if (pairs == nullptr) return scores;
  example::Fingerprint words;
  for (const auto& [word, partner] : pairs->pairs)
    for (const std::string& each : {word, partner}) words.add(each.c_str(), each.size() + 1);
  scores.items = "pairs of words", scores.tested = words.text();
  example::ItemMeasure nearer{.name = "pairs nearer than random pairs", .unit = "%"};
  nearer.seeds.push_back({{pairs->right.begin(), pairs->right.end()}});
  scores.measures.push_back(std::move(nearer));
  return scores;
}

std::string history_csv(const Training& training) {
  DataTable table{{"epoch", "loss", "words", "predictions", "seconds"}, {}};
  for (std::size_t k = 0; k < training.epochs.size(); ++k) {
    const WordEpoch& epoch = training.epochs[k];
    table.rows.push_back({epoch.epoch, epoch.loss, epoch.words, epoch.predictions, training.seconds[k]});
  }
  return to_csv(table);
}

namespace {

NamedValues settings_of(const Options& o) {
  std::string files;
  for (const std::string& file : o.corpus.files)
    files += unroll::text(files.empty() ? "" : ", ", std::filesystem::path(file).filename().string());
  const Word2VecOptions& t = o.training;
  return {{"text", files},
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
          {"seed", text(t.seed)},
          {"parts", text(t.parts)}};
}

void add_loss(Report& report, const Training& training) {
  std::vector<double> losses;
  for (const WordEpoch& epoch : training.epochs) losses.push_back(epoch.loss);
  report.metric({.name = "loss of the last epoch", .value = losses.back(), .unit = "nats"});
  report.metric({.name = "training time",
                 .value = std::accumulate(training.seconds.begin(), training.seconds.end(), 0.0),
                 .unit = "s"});
  report.figure("loss", figure::Curves{"", {"epoch"}, {"loss (nats)"}, {figure::over_steps("training", losses, 1)}, {}},
                "Training loss (nats) against the epoch, mean over all predictions before their updates.",
                format("%.3f in the first epoch, %.3f in the last.", losses.front(), losses.back()));
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

std::string write_report(const std::filesystem::path& folder, const Options& options, const Training& training,
                         const WordVectors& vectors) {
  Report report("Word vectors", folder);
  report.settings(settings_of(options));
  report.environment(environment());
  report.metric({.name = "words", .value = double(vectors.size())});
  add_loss(report, training);
  if (const Index drawn = std::min(options.drawn, vectors.size()); drawn > 0) add_words(report, vectors, drawn);
  report.file(options.save, "word vectors");
  report.file("config.json", "settings, for --config");
  report.file("history.csv", "one line per epoch");
  report.write();
  return report.missing();
}

}  // namespace word2vec
