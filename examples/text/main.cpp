// Language model: predicts the next token of a text, and generates text.
// bin/text [--text FILE] [--tokens words] ...      bin/text evaluate      bin/text sample --prompt "And God"
// bin/text predict FILE ...
// Takes a minute on two cores with the defaults, characters of the King James Version. Prints the bits per character of
// the last tenth of the text. bin/text VERB --help lists the options, which a configuration file (--config) may also
// set.

#include <nlohmann/json.hpp>

#include "../support/fingerprint.hpp"
#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "../support/run_folder.hpp"
#include "results.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/text/word_vector_files.hpp"
#include "unroll/train/metrics/summary.hpp"
#include "writing.hpp"

using namespace unroll;
using namespace lm;

namespace {

void print(const Options& options, const std::string& lines) {
  if (!options.running.quiet && !options.running.json) example::print(lines);
}

/// Prints the JSON object with --json, otherwise the lines.
void print_result(const Options& options, const std::string& lines, const std::string& json) {
  if (options.running.json)
    example::print(json);
  else
    print(options, lines);
}

// ---- train

/// Settings of the model that is trained on, for options that are not given.
std::string inherited(const Options& options) {
  if (options.load.empty()) return {};
  Settings settings = load(options.load).training;
  const Settings known = settings_of_defaults();
  auto left_out = free_options();
  left_out.insert(left_out.end(), {"vectors", "seed", "seeds"});
  for (const std::string& name : left_out) settings.erase(name);
  std::erase_if(settings, [&](const auto& item) { return !known.contains(item.first); });
  return nlohmann::json(settings).dump();
}

/// Throws ValueError if an option contradicts the loaded network.
void check_network(const Model& loaded, const Settings& given, const std::string& file) {
  for (const std::string& name : network_options())
    if (const auto found = loaded.training.find(name); found != loaded.training.end())
      require<ValueError>(given.at(name) == found->second, "--", name, " must be ", found->second, ", as in ", file,
                          ", got ", given.at(name));
}

/// Pretrained vectors of the tokens.
Pretrained vectors_of(const Options& options, const Vocabulary& vocabulary) {
  if (options.vectors.empty()) return {};
  const WordVectors known = read_word_vectors(options.vectors);
  require<ValueError>(known.dimension() == options.embedding, "--embedding must be ", known.dimension(),
                      ", the dimension of the vectors in ", options.vectors, ", got ", options.embedding);
  TokenVectors found = vectors_for(vocabulary, known);
  print(options, text(vocabulary.size() - found.missing, " of ", vocabulary.size(), " tokens have vectors in ",
                      options.vectors, "\n"));
  return {std::move(found.vectors), std::move(found.tokens)};
}

class Training {
 public:
  Training(const CLI::App& app, const Options& options)
      : options_(options), settings_(settings_of(app)), folder_(app, options.running, free_options()) {
    if (options.load.empty()) return;
    loaded_ = load(options.load);
    check_network(*loaded_, settings_, options.load);
    Network network = make_network(options, loaded_->vocabulary.size());  // the dropout may be another
    network.parameters().values() = loaded_->network.parameters().values();
    loaded_->network = std::move(network);
  }

  int run() {
    corpus_ = read_corpus(options_, loaded_ ? &loaded_->vocabulary : nullptr);
    // Invalid options and texts throw before the run begins.
    (void)write(model(1), options_, 1);
    if (options_.streams()) (void)training_streams(corpus_.train, corpus_.vocabulary, options_);
    example::check_copy(options_.save);
    folder_.begin(data_fingerprint());
    print(options_, corpus_text(options_, corpus_) + network_text(model(1)));
    const auto seeds = options_.seeds.all();
    for (const auto seed : seeds) train_seed(seed, seeds.size());
    finish();
    return 0;
  }

 private:
  /// Fingerprint of the texts, and of initial values that come from a file.
  std::string data_fingerprint() {
    const bool from_file = loaded_ || !options_.vectors.empty();
    return corpus_.fingerprint() +
           (from_file ? example::Fingerprint().add(model(1).network.parameters().values()).text() : "");
  }

  /// Untrained or loaded model.
  Model model(std::uint64_t seed) {
    Settings training = settings_;
    training["seed"] = text(seed);
    training.erase("seeds");
    training["data"] = corpus_.fingerprint();
    if (loaded_) {
      const std::string before = loaded_->training["earlier_data"];
      training["earlier_data"] = loaded_->training["data"] + (before.empty() ? "" : " ") + before;
      return {options_, loaded_->vocabulary, loaded_->network, std::move(training)};
    }
    const Vocabulary& vocabulary = corpus_.vocabulary;
    if (!vectors_) vectors_ = vectors_of(options_, vocabulary);
    Model model{options_, vocabulary, make_network(options_, vocabulary.size(), *vectors_), std::move(training)};
    model.network.initialise(seed);
    return model;
  }

  void train_seed(std::uint64_t seed, std::size_t runs) {
    if (options_.overfit > 0)
      print(options_, text(options_.overfit,
                           " sequences, overfitting check: ", overfit_check(options_, corpus_, seed).text(), "\n"));
    if (runs > 1) print(options_, text("seed ", seed, "\n"));
    Model model = this->model(seed);
    const std::string name = runs > 1 ? text("checkpoint-", seed, ".safetensors") : "checkpoint.safetensors";
    RunState state =
        train(model, corpus_, options_, {seed, folder_ / name, [&](RunState& now) { show_epoch(model, seed, now); }});
    runs_.push_back(
        {seed, std::move(state),
         validate(model.network, corpus_.validation, model.vocabulary, options_, Threads{options_.running.threads})});
    if (best_of(runs_) + 1 == runs_.size()) best_ = std::move(model);
  }

  void show_epoch(const Model& model, std::uint64_t seed, RunState& now) {
    if (now.epochs == 1) print(options_, first_loss_text(now, model));
    const std::string samples = samples_text(write(model, options_, seed + std::uint64_t(now.epochs)));
    now.samples_written += text("== epoch ", now.epochs, "\n", samples);
    print(options_, epoch_text(model, now, options_.epochs) + samples);
  }

  void finish() {
    const TrainedRun& best = runs_[best_of(runs_)];
    best_->training["validation_bits"] = text(bits_per_symbol(best.validation.evaluation.loss.value()));
    save(*best_, folder_ / "model.safetensors");
    example::write_copy(folder_ / "model.safetensors", options_.save);
    const auto samples = write(*best_, options_, best.seed + std::uint64_t(best.state.epochs));
    const std::string missing = write_results(*best_, options_, runs_, samples, folder_.path());
    write_scores(folder_.path(), scores_of(*best_, runs_, corpus_.validation, options_));
    if (!missing.empty()) print(options_, "report page without figures: " + missing + "\n");
    print(options_, text("files in ", options_.running.out,
                         ": model.safetensors, config.json, history.csv, samples.txt, report.html\n"));
    if (runs_.size() > 1) print(options_, text("lowest validation loss: seed ", best.seed, "\n"));
    print_result(options_, validation_text(best.validation, options_) + "\n", json_of(runs_, folder_.path()));
  }

  const Options& options_;
  Settings settings_;
  example::RunFolder folder_;
  std::optional<Model> loaded_, best_;
  Corpus corpus_;
  std::optional<Pretrained> vectors_;
  std::vector<TrainedRun> runs_;
};

// ---- other verbs

/// Validation text of the training of a model. Throws ValueError if the texts have changed.
Part validation_of(const Model& model, const Options& reading) {
  Corpus corpus = read_corpus(reading, &model.vocabulary);
  const auto trained = model.training.find("data");  // earlier files lack it
  require<ValueError>(trained == model.training.end() || trained->second == corpus.fingerprint(), reading.text,
                      ": must be the text of the training; the text, or its conversion to lower case, has changed; "
                      "--text evaluates any text");
  return std::move(corpus.validation);
}

int evaluate_model(const CLI::App& app, const Options& options) {
  const bool given = app.count("--text") > 0;
  require<ValueError>(given || options.column.empty(), "--column must be used with --text");
  const Model model = load(options.load);
  Options reading = model.options;
  if (given) reading.column = options.column;
  reading.lazy = reading.column.empty() && reading.in_lines();
  const Part part = given ? read_part(options.text, model.vocabulary, reading) : validation_of(model, reading);
  const Validation result = validate(model.network, part, model.vocabulary, reading, Threads{options.running.threads});
  print_result(options, validation_text(result, model.options) + "\n",
               json_of(result, given ? options.text : "validation text"));
  return 0;
}

int write_samples(const Options& options) {
  check_together(options);
  const auto samples = write(load(options.load), options, options.seeds.seed);
  print_result(options, samples_text(samples), json_of(samples));
  return 0;
}

int predict_texts(const Options& options) {
  const Model model = load(options.load);
  const Threads threads{options.running.threads};
  std::filesystem::path folder;
  if (const std::string& out = options.running.out; !out.empty()) {
    require<ValueError>(
        options.running.force || !std::filesystem::exists(std::filesystem::path(out) / "predictions.csv"), "--out ",
        out, ": the folder contains predictions; --force replaces them");
    folder = example::output_folder(out, "predictions.csv");
  }
  std::vector<Scores> scores;
  std::vector<std::pair<std::string, Total>> totals;
  std::string lines;
  for (const std::string& file : options.files) {
    auto some = score(model, file, options.column, threads);
    totals.emplace_back(file, total_of(some));
    lines += total_text(file, totals.back().second, model.options);
    std::move(some.begin(), some.end(), std::back_inserter(scores));
  }
  const DataTable table = options.by == "unit" ? unit_table(scores, model.options) : token_table(scores);
  const std::string json = json_of(totals, table);
  if (!folder.empty()) {
    write_text(folder / "predictions.csv", to_csv(table));
    write_text(folder / "predictions.json", json);
  }
  print_result(options, folder.empty() ? to_csv(table) : lines, json);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("text", [&] {
    Options train, evaluate, sample, predict;
    const std::vector<example::Verb> verbs{
        {"train",
         "trains a network, or continues the training of one",
         [&](CLI::App& app) { add_train_options(app, train); },
         {},
         [&](const CLI::App& app) { return check_together(train), Training(app, train).run(); },
         [&](const CLI::App&) { return inherited(train); }},
        {"evaluate",
         "tests a trained network on a text",
         [&](CLI::App& app) { add_evaluate_options(app, evaluate); },
         {},
         [&](const CLI::App& app) { return evaluate_model(app, evaluate); }},
        {"sample",
         "generates texts with a trained network",
         [&](CLI::App& app) { add_sample_options(app, sample); },
         {},
         [&](const CLI::App&) { return write_samples(sample); }},
        {"predict",
         "computes the loss and probability of each token or unit of texts, as CSV or JSON",
         [&](CLI::App& app) { add_predict_options(app, predict); },
         {},
         [&](const CLI::App&) { return predict_texts(predict); }}};
    return example::run_verbs("text", "Trains language models of characters or words, and generates text.", argc, argv,
                              verbs, earlier_names());
  });
}
