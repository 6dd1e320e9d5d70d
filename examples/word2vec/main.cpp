// Word vectors: words that occur in similar contexts of a text get similar vectors.
// bin/word2vec [TEXT ...]      bin/word2vec nearest river      bin/word2vec analogy man woman king
// bin/word2vec evaluate --pairs FILE
// Takes ten seconds with the defaults. Writes the vectors, in a format that gensim and other programs read, and a
// report. bin/word2vec VERB --help lists the options.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "../support/fingerprint.hpp"
#include "../support/program.hpp"
#include "../support/run_folder.hpp"
#include "checkpoint.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/text/word_vector_files.hpp"
#include "unroll/train/progress.hpp"

using namespace unroll;
using namespace word2vec;
using Json = nlohmann::ordered_json;

namespace {

using Clock = std::chrono::steady_clock;
constexpr const char* checkpoint_name = "checkpoint.safetensors";

void print(const Options& options, const std::string& lines) {
  if (!options.running.quiet && !options.running.json) example::print(lines);
}

void print_json(const Options& options, const Json& json) {
  if (options.running.json) example::print(json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

WordVectors vectors_of(Loaded loaded) { return {std::move(loaded.words), std::move(loaded.tables.in)}; }

/// Answers to the queries in the options, and the scores of word pairs, printed, also with --quiet. Returns them as
/// JSON.
Json answer(const Options& o, const WordVectors& vectors, const std::vector<Run>& runs) {
  const auto show = [&](const std::string& lines) {
    if (!o.running.json) example::print(lines);
  };
  Json json = Json::object();
  std::string nearest;  // printed after all words were found
  for (const std::string& word : o.nearest) {
    const auto found = vectors.nearest(word, o.count);
    nearest += word + "\n" + neighbours_text(found);
    json["nearest"][word] = json_of(found);
  }
  show(nearest);
  if (const auto& a = o.analogy; !a.empty()) {
    const auto found = vectors.analogy(a[0], a[1], a[2], o.count);
    show(a[0] + " : " + a[1] + " = " + a[2] + " : ?\n" + neighbours_text(found));
    json["analogy"] = json_of(found);
  }
  if (runs.front().pairs) {
    show(shares_text(runs));
    json["pairs"] = pairs_json(runs);
  }
  return json;
}

WordPairs pairs_of(const Options& o) { return o.pairs.empty() ? WordPairs{} : read_pairs(o.pairs); }

/// Score of the pairs; without value if there are none.
std::optional<PairScore> score_of(const WordPairs& pairs, const WordVectors& vectors) {
  return pairs.empty() ? std::nullopt : std::optional(score(pairs, vectors));
}

/// Answers queries with loaded vectors.
int query(const Options& o, bool sizes = false) {
  const WordPairs pairs = pairs_of(o);
  const WordVectors vectors = vectors_of(read_vectors(o.load));
  if (sizes) print(o, text(vectors.size(), " vectors of dimension ", vectors.dimension(), "\n"));
  print_json(o, answer(o, vectors, std::vector<Run>{{.training = {}, .pairs = score_of(pairs, vectors)}}));
  return 0;
}

class Program {
 public:
  Program(const CLI::App& app, const Options& options)
      : o_(options), pairs_(pairs_of(options)), folder_(app, options.running, free_options()) {}

  int run() {
    if (!o_.load.empty()) loaded_ = read_vectors(o_.load);
    for (const std::string& word : loaded_.words)
      require<ValueError>(word.find_first_of(" \t") == word.npos, o_.load,
                          ": a word must have no blank, because its trained vector could not be written, got ",
                          [&] { return unroll::detail::in_quotes(word); });
    corpus_ = read_corpus(o_.corpus, loaded_.words);
    print(o_, corpus_text(corpus_, o_.corpus));
    require_known();
    require<ValueError>(o_.load.empty() || loaded_.tables.in.rows() == o_.training.dimension, "--dimension must be ",
                        loaded_.tables.in.rows(), ", as in ", o_.load, ", got ", o_.training.dimension);
    folder_.begin(corpus_.fingerprint() +
                  (o_.load.empty() ? "" : example::Fingerprint().add(loaded_.tables.in).text()));
    std::vector<Run> runs;
    std::optional<WordVectors> first;
    for (const std::uint64_t seed : o_.seeds.all()) {
      seed_ = seed;
      if (several()) print(o_, text("seed ", seed, "\n"));
      begin();
      train();
      const WordVectors vectors(state_.words, state_.training.tables.in);
      if (several()) write_word_vectors(folder_ / of_seed(o_.save), vectors);
      if (!first) write_word_vectors(folder_ / o_.save, vectors), first = vectors;
      runs.push_back({seed, state_.history, score_of(pairs_, vectors)});
    }
    write_results(runs, *first);
    return 0;
  }

 private:
  bool several() const { return o_.seeds.all().size() > 1; }

  /// Name of a file of the present seed: vectors-42.txt.
  std::string of_seed(const std::string& name) const {
    const std::filesystem::path path(name);
    return text(path.stem().string(), "-", seed_, path.extension().string());
  }
  std::filesystem::path checkpoint() const {
    return folder_ / (several() ? of_seed(checkpoint_name) : checkpoint_name);
  }

  void write_results(const std::vector<Run>& runs, const WordVectors& vectors) {
    write_text(folder_ / "history.csv", history_csv(runs));
    const std::string missing = write_report(folder_.path(), o_, runs, vectors);
    write_scores(folder_.path(), scores_of(runs));
    print(o_, text("files in ", o_.running.out, ": ", o_.save, ", history.csv, report.html\n"));
    if (!missing.empty()) print(o_, text("report page without figures: ", missing, "\n"));
    Json losses = Json::array();
    for (const Run& run : runs) losses.push_back(run.training.epochs.back().loss);
    Json json{{"vectors", (folder_ / o_.save).string()},
              {"words", vectors.size()},
              {"dimension", vectors.dimension()},
              {"epochs", runs.front().training.epochs.size()},
              {"loss", several() ? losses : losses.front()}};
    json.update(answer(o_, vectors, runs));
    print_json(o_, json);
  }

  /// Throws ValueError for unknown words in queries, before training.
  void require_known() const {
    std::vector<std::string> queried = o_.nearest;
    queried.insert(queried.end(), o_.analogy.begin(), o_.analogy.end());
    for (const std::string& word : queried)
      require<ValueError>(corpus_.vocabulary.find(word).has_value(), "'", word, "' must occur at least ",
                          o_.corpus.least, " times in the text (--min-count)");
  }

  /// Sets the state from the checkpoint, from the loaded vectors, or to initial values.
  void begin() {
    if (const auto file = checkpoint(); std::filesystem::exists(file)) {
      state_ = read_checkpoint(file);
      require<ValueError>(state_.words == corpus_.vocabulary.tokens(), file.string(),
                          ": the words must be those of the text");
      return;
    }
    state_ = {};
    state_.words = corpus_.vocabulary.tokens();
    auto& tables = state_.training.tables;
    tables = initial_word_tables<float>(Index(state_.words.size()), o_.training.dimension, seed_);
    const Index known = Index(loaded_.words.size());  // the first words of the vocabulary
    if (known == 0) return;
    tables.in.leftCols(known) = loaded_.tables.in;
    if (loaded_.tables.out.size() > 0) tables.out.leftCols(known) = loaded_.tables.out;
  }

  void save_state() {
    const auto now = Clock::now();
    state_.seconds += std::chrono::duration<double>(now - begun_).count();
    write_checkpoint(checkpoint(), state_);
    begun_ = saved_ = Clock::now();
  }

  /// Called after 10,000 words.
  bool show(const WordProgress& now, ProgressLine& line) {
    constexpr Index parts = 1000;
    line.batch(now.epoch - 1, std::max<Index>(Index(now.share * double(parts)), 1) - 1, parts, now.loss);
    const double passed = std::chrono::duration<double>(Clock::now() - saved_).count();
    if (passed >= o_.running.checkpoint_seconds || example::stop_requested() != 0) save_state();
    return example::stop_requested() == 0;
  }

  void add(const WordEpoch& epoch, ProgressLine& line) {
    const double seconds = state_.seconds + std::chrono::duration<double>(Clock::now() - begun_).count();
    state_.history.epochs.push_back(epoch);
    state_.history.seconds.push_back(seconds);
    line.epoch({});
    print(o_, epoch_text(epoch, o_.training.epochs, seconds));
    begun_ = Clock::now();
    state_.seconds = 0;
    save_state();
  }

  void train() {
    const bool quiet = o_.running.quiet || o_.running.json;
    ProgressLine line(quiet ? Progress::quiet : Progress::batches, double(state_.training.epochs), o_.training.epochs);
    Word2VecOptions training = o_.training;
    training.seed = seed_;
    training.threads = Threads(o_.running.threads);
    training.on_chunk = [&](const WordProgress& now) { return show(now, line); };
    begun_ = saved_ = Clock::now();
    train_word2vec(
        Index(state_.words.size()), corpus_.sentences, training, [&](const WordEpoch& epoch) { add(epoch, line); },
        state_.training);
    example::stop_if_requested();
    const auto& epochs = state_.history.epochs;
    require<ValueError>(std::ranges::any_of(epochs, [](const WordEpoch& epoch) { return epoch.predictions > 0; }),
                        "at least 1 word must be predicted, got 0 in ", epochs.size(),
                        " epochs; --subsample 0 keeps frequent words, --min-count keeps rare ones");
  }

  const Options& o_;
  WordPairs pairs_;
  example::RunFolder folder_;
  Loaded loaded_;
  Corpus corpus_;
  std::uint64_t seed_ = 1;
  RunState state_;  // of the run with this seed
  Clock::time_point begun_, saved_;
};

/// Options that follow from others: with CBOW one part and the rate of the word2vec program, with loaded vectors their
/// dimension.
std::string inherited(const CLI::App& app, const Options& options) {
  Json json = Json::object();
  if (options.model == "cbow") json = {{"parts", 1}, {"rate", 0.05}};
  if (!options.load.empty() && app.count("text") > 0) json["dimension"] = read_vectors(options.load).tables.in.rows();
  return json.empty() ? std::string() : json.dump();
}

/// Trains, or with --load and without a text answers the queries, as earlier versions.
int train(const CLI::App& app, const Options& options) {
  if (options.load.empty() || app.count("text") > 0) return Program(app, options).run();
  if (!options.running.quiet && !options.running.json)
    std::fprintf(stderr, "word2vec: queries of loaded vectors are now word2vec nearest, analogy and evaluate\n");
  return query(options, true);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("word2vec", [&] {
    Options given, nearest, analogy, pairs;
    const std::vector<example::Verb> verbs{
        {"train", "trains word vectors on texts, or continues their training",
         [&](CLI::App& app) { add_train_options(app, given); }, [&](const CLI::App& app) { check_train(app, given); },
         [&](const CLI::App& app) { return train(app, given); },
         [&](const CLI::App& app) { return inherited(app, given); }},
        {"nearest",
         "prints the words nearest to others",
         [&](CLI::App& app) { add_nearest_options(app, nearest); },
         {},
         [&](const CLI::App&) { return query(nearest); }},
        {"analogy",
         "prints words D with A : B = C : D",
         [&](CLI::App& app) { add_analogy_options(app, analogy); },
         {},
         [&](const CLI::App&) { return query(analogy); }},
        {"evaluate",
         "compares the similarity of related and of random words",
         [&](CLI::App& app) { add_evaluate_options(app, pairs); },
         {},
         [&](const CLI::App&) { return query(pairs); }}};
    return example::run_verbs("word2vec",
                              "Trains word vectors by skip-gram or CBOW with negative sampling, and answers queries.",
                              argc, argv, verbs, earlier_names());
  });
}
