#include "options.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "model_file.hpp"

namespace g2p {
namespace {

using namespace example;

/// Distinct values of one member of all kinds.
std::vector<std::string> words_of(std::string Kind::*head) {
  std::vector<std::string> words;
  for (const Kind& kind : kinds())
    if (std::find(words.begin(), words.end(), kind.*head) == words.end()) words.push_back(kind.*head);
  return words;
}

/// A share above 0 and at most 0.5, or the name of a file.
CLI::Validator share_or_file() {
  const auto check = [](const std::string& given) {
    const auto share = share_of(given);
    const bool good = !given.empty() && (!share || (*share > 0 && *share <= 0.5));
    return good ? std::string()
                : "must be a share above 0 and at most 0.5, or a file, got " + unroll::detail::in_quotes(given);
  };
  return {check, "share or file", "part"};
}

void add_data_options(CLI::App& app, Options& o) {
  app.add_option("--train", o.sources.train, "dictionary (default: CMUdict)")->option_text("FILE");
  app.add_option("--test", o.sources.test, "share of the dictionary for the test, or a dictionary")
      ->check(share_or_file())
      ->option_text("SHARE|FILE (0.05)");
  app.add_option("--limit", o.sources.limit, "number of words of the dictionary; 0: all")->check(whole(0, 1000000000));
}

void add_reading_options(CLI::App& app, Options& o) {
  app.add_option("--case", o.letter_case,
                 "letters A-Z of words in dictionaries as they are, or converted to lower case")
      ->check(one_of({"keep", "lower"}));
  app.add_option("--stress", o.stress, "stress digits of phonemes (AH0, AH1, AH2)")->check(one_of({"keep", "drop"}));
}

void add_training_data_options(CLI::App& app, Options& o) {
  add_data_options(app, o);
  app.add_option("--validation", o.sources.validation,
                 "share of the dictionary without the test words held out for validation, or a dictionary (default: "
                 "CMUdict, 0.05 with --train)")
      ->check(share_or_file())
      ->option_text("SHARE|FILE");
  add_reading_options(app, o);
}

void add_kind_options(CLI::App& app, Options& o) {
  app.add_option("--cell", o.network.cell, "recurrent cell of encoder and decoder")
      ->check(one_of(words_of(&Kind::cell)));
  app.add_option("--attention", o.network.attention, "attention of the decoder")
      ->check(one_of(words_of(&Kind::attention)));
  app.add_option("--score", o.network.score, "score function of the attention")->check(one_of(words_of(&Kind::score)));
}

void add_size_options(CLI::App& app, Options& o) {
  app.add_option("--units", o.network.units, "units of the decoder and of each direction of the encoder")
      ->check(whole(1, 4096));
  app.add_option("--layers", o.network.layers, "number of recurrent layers of the encoder")->check(whole(1, 8));
  app.add_option("--embedding", o.network.embedding, "dimension of the embeddings of letters and phonemes")
      ->check(whole(1, 4096));
  app.add_option("--dropout", o.network.dropout, "dropout rate after each recurrent layer")->check(number(0, 0.95));
}

void add_optimizer_options(CLI::App& app, Options& o) {
  app.add_option("--epochs", o.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--batch", o.batch, "words per update")->check(whole(1, 1000000));
  app.add_option("--rate", o.rate, "learning rate of Adam")->check(number(1e-7, 10));
  app.add_option("--late-rate", o.late_rate,
                 "factor of the learning rate in the last quarter of the epochs; 1: constant")
      ->check(number(1e-6, 1));
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  example::add_products_option(app, o.products);
  app.add_option("--patience", o.patience, "epochs without a lower validation loss until training stops; 0: never")
      ->check(whole(0, 100000));
  add_seed_options(app, o.seeds);
}

void add_search_options(CLI::App& app, Options& o) {
  app.add_option("--beams", o.search.beams, "width of the beam")->check(whole(1, 1000));
  app.add_option("--length-penalty", o.search.length_penalty, "exponent alpha of Wu et al.; 0: no penalty")
      ->check(number(0, 10));
}

void add_word_options(CLI::App& app, Options& o) {
  app.add_option("word", o.words, "words to convert")->option_text("WORD ...");
  app.add_option("--n-best", o.search.n_best, "number of pronunciations per word, at most --beams")
      ->check(whole(1, 1000));
  app.add_option("--map", o.map, "word whose attention weights are drawn")->option_text("WORD");
}

void add_load_option(CLI::App& app, Options& o, const char* help) {
  app.add_option("--load", o.load, help)->delimiter(',')->option_text("FILE,...");
}

void add_train(CLI::App& app, Options& o) {
  add_word_options(app, o);
  add_training_data_options(app, o);
  add_kind_options(app, o);
  add_size_options(app, o);
  add_optimizer_options(app, o);
  add_search_options(app, o);
  add_load_option(app, o, "trained model to train on, for --epochs further epochs");
  add_save_option(app, o.save);
  add_running_options(app, o.running, "out/g2p");
}

void add_compare(CLI::App& app, Options& o) {
  add_training_data_options(app, o);
  add_size_options(app, o);
  add_optimizer_options(app, o);
  add_search_options(app, o);
  add_running_options(app, o.running, "out/g2p_compare");
}

/// --out and the options with it, and --output FILE, the earlier name of --out DIR.
void add_table_options(CLI::App& app, Options& o) {
  add_applying_options(app, o.running);
  app.add_option("--output", o.output)->option_text("PATH")->group("");
}

void add_evaluate(CLI::App& app, Options& o) {
  add_load_option(app, o, "trained model; several are an ensemble");
  add_data_options(app, o);
  add_reading_options(app, o);
  add_search_options(app, o);
  add_table_options(app, o);
}

void add_predict(CLI::App& app, Options& o) {
  add_load_option(app, o, "trained model; several are an ensemble");
  add_word_options(app, o);
  app.add_option("--input", o.input, "text file of words, one per line; -: standard input")->option_text("FILE");
  add_search_options(app, o);
  add_table_options(app, o);
}

/// Available combinations for a cell: "bahdanau with additive, additive_biased; luong with general".
std::string possible(const std::string& cell) {
  std::string list;
  for (const std::string& attention : words_of(&Kind::attention)) {
    std::string scores;
    for (const Kind& kind : kinds())
      if (kind.cell == cell && kind.attention == attention) scores += (scores.empty() ? "" : ", ") + kind.score;
    if (!scores.empty()) list += (list.empty() ? "" : "; ") + attention + " with " + scores;
  }
  return list;
}

void check_kind(const CLI::App& app, NetworkOptions& o) {
  if (o.score == "none" && app.count("--attention") == 0) o.attention = "none";
  if (o.attention == "none" && app.count("--score") == 0) o.score = "none";
  if (find_kind(o) == nullptr)
    refuse("--cell, --attention, --score", unroll::text("must be an available combination, got ", name_of(o),
                                                        "; available with --cell ", o.cell, ": ", possible(o.cell)));
}

void check_units(const Options& o, bool dot) {
  if (dot && o.network.units % 2 != 0)
    refuse("--units", unroll::text("must be even with dot scores, got '", o.network.units,
                                   "'; each direction of the encoder has half of them"));
}

void check_beams(const CLI::App& app, Options& o) {
  const CLI::Option* const given = app.get_option_no_throw("--n-best");  // not an option of all verbs
  if (given == nullptr || given->count() == 0) o.search.n_best = std::min(o.search.n_best, o.search.beams);
  if (o.search.n_best > o.search.beams)
    refuse("--n-best",
           unroll::text("must be at most --beams, which is ", o.search.beams, ", got '", o.search.n_best, "'"));
}

/// Refuses another ending of the earlier option --output; otherwise names its successor.
void check_output(const std::string& output, std::initializer_list<const char*> endings) {
  if (output.empty()) return;
  const std::string ending = std::filesystem::path(output).extension().string();
  if (std::find(endings.begin(), endings.end(), ending) == endings.end())
    refuse("--output", unroll::text("must end in ", any_of({endings.begin(), endings.end()}), ", got ",
                                    unroll::detail::in_quotes(output)));
  std::fprintf(stderr, "g2p: --output FILE is now --out DIR\n");
}

void need_load(const Options& o) {
  if (o.load.empty()) refuse("--load", "must be given: a file that g2p train has written");
}

void check_train(const CLI::App& app, Options& o) {
  check_kind(app, o.network);
  check_units(o, o.network.score.ends_with("dot"));
  if (!o.map.empty() && o.network.score == "none")
    refuse("--map", "cannot be combined with --score none: the network has no attention");
  if (o.load.empty()) return;
  if (o.load.size() > 1) refuse("--load", "must be one file: training continues from one model");
  if (app.count("--epochs") == 0)
    refuse("--epochs",
           "must be given with --load: the number of further epochs; 'g2p predict --load FILE WORD' converts "
           "words, 'g2p evaluate --load FILE' tests the model");
}

void check_predict(const CLI::App&, Options& o) {
  need_load(o);
  check_output(o.output, {".csv", ".json"});
  if (!o.map.empty() && o.running.out.empty()) refuse("--map", "needs --out");
  if (o.words.empty() && o.input.empty() && o.map.empty())
    refuse("word", "must be given, or --input FILE, or --map WORD");
}

/// Options that replace defaults: those that a loaded model fixes, and a share for the validation words of another
/// dictionary.
std::string inherited(const CLI::App& app, const Options& o) {
  nlohmann::json json = nlohmann::json::object();
  const bool has_options = app.get_option_no_throw("--case") != nullptr;
  if (has_options && !o.load.empty() && (o.load.size() == 1 || app.get_name() == "evaluate")) {
    const Trained trained = load(o.load.front());
    for (const auto& [name, value] : fixed_options(trained.options, trained.reading))
      if (app.get_option_no_throw("--" + name) != nullptr) json[name] = value;
  }
  if (app.get_option_no_throw("--validation") != nullptr && app.count("--train") > 0) json["validation"] = "0.05";
  return json.empty() ? std::string() : json.dump();
}

}  // namespace

int run_command_line(int argc, char** argv, const Actions& actions) {
  const auto verb = [](const char* name, const char* help, void (*add)(CLI::App&, Options&),
                       void (*check)(const CLI::App&, Options&), int (*run)(const Options&, const CLI::App&)) {
    return verb_with<Options>(
        name, help, add,
        [check](const CLI::App& app, Options& o) {
          o.sources.reading = {o.letter_case == "lower", o.stress == "keep"};
          check(app, o);
          check_beams(app, o);
        },
        [run](const CLI::App& app, Options& o) { return run(o, app); }, inherited);
  };
  return run_verbs(
      "g2p", "Trains a grapheme-to-phoneme model on a pronunciation dictionary and converts words.", argc, argv,
      {verb("train", "trains a network, or continues the training of one", add_train, check_train, actions.train),
       verb(
           "evaluate", "tests a trained network on the words of a dictionary", add_evaluate,
           [](const CLI::App&, Options& o) {
             need_load(o);
             check_output(o.output, {".csv", ".tsv"});
           },
           actions.evaluate),
       verb("predict", "converts words with a trained network", add_predict, check_predict, actions.predict),
       verb(
           "compare", "trains every kind of attention and tests the one with the lowest validation error", add_compare,
           [](const CLI::App&, Options& o) { check_units(o, true); }, actions.compare)},
      {{"--valid", "--validation"}, {"--first-seed", "--seed"}, {"--compare", "compare"}, {"decode", "predict"}});
}

}  // namespace g2p
