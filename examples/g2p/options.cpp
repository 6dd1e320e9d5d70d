#include "options.hpp"

#include "../support/command_line.hpp"

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

void add_data_options(CLI::App& app, Options& o) {
  app.add_option("word", o.words, "words to convert")->option_text("WORD ...");
  app.add_option("--map", o.map, "word whose attention weights are drawn")->option_text("WORD");
  app.add_option("--train", o.train, "dictionary; every 20th word is a test word (default: CMUdict)")
      ->option_text("FILE");
  app.add_option("--valid", o.validation, "dictionary of the validation words (default: CMUdict)")->option_text("FILE");
  app.add_option("--limit", o.limit, "number of words to read from the training file; 0: all")
      ->check(whole(0, 1 << 30));
  app.add_option("--load", o.load, "trained model to use instead of training; without WORD it is tested")
      ->option_text("FILE");
  app.add_option("--out", o.out, unroll::text("output folder (default: ", o.out, ")"))->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "no output except errors, pronunciations and the test of --load");
}

void add_model_options(CLI::App& app, Options& o) {
  app.add_option("--cell", o.network.cell, "recurrent cell of encoder and decoder")
      ->check(one_of(words_of(&Kind::cell)));
  app.add_option("--attention", o.network.attention, "decoder")->check(one_of(words_of(&Kind::attention)));
  app.add_option("--score", o.network.score, "score function of the attention")->check(one_of(words_of(&Kind::score)));
  app.add_option("--units", o.network.units, "units of the decoder and of each direction of the encoder")
      ->check(whole(1, 4096));
  app.add_option("--embedding", o.network.embedding, "dimension of the embeddings of letters and phonemes")
      ->check(whole(1, 4096));
  app.add_flag("--compare", o.compare, "train all kinds of networks with gru cells and print a table");
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--epochs", o.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--batch", o.batch, "words per update")->check(whole(1, 1000000));
  app.add_option("--rate", o.rate, "learning rate of Adam; times 0.3 in the last quarter of the epochs")
      ->check(number(1e-7, 10));
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  app.add_option("--seeds", o.seeds, "number of runs, each with another seed")->check(whole(1, 1000));
  app.add_option("--first-seed", o.first_seed, "seed of the first run; each further run adds 1")
      ->check(whole(0, 1000000000));
  app.add_option("--threads", o.threads, "number of threads; 0: one per core; results do not depend on it")
      ->check(whole(0, 1024));
  app.add_option("--beams", o.search.beams, "width of the beam")->check(whole(1, 1000));
  app.add_option("--n-best", o.search.n_best, "number of pronunciations per WORD, at most --beams")
      ->check(whole(1, 1000));
  app.add_option("--length-penalty", o.search.length_penalty, "exponent alpha of Wu et al.; 0: no penalty")
      ->check(number(0, 10));
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

void check_together(const CLI::App& app, Options& o) {
  check_kind(app, o.network);
  if ((o.compare || o.network.score.ends_with("dot")) && o.network.units % 2 != 0)
    refuse("--units", unroll::text("must be even with dot scores, got '", o.network.units,
                                   "'; each direction of the encoder has half of them"));
  if (app.count("--n-best") == 0) o.search.n_best = std::min(o.search.n_best, o.search.beams);
  if (o.search.n_best > o.search.beams)
    refuse("--n-best",
           unroll::text("must be at most --beams, which is ", o.search.beams, ", got '", o.search.n_best, "'"));
  if (!o.map.empty() && o.load.empty() && o.network.score == "none")
    refuse("--map", "cannot be combined with --score none: the network has no attention");
  if (!o.load.empty()) {
    refuse_together(app, {"--epochs", "--batch", "--rate", "--clip", "--seeds", "--first-seed"}, "--load",
                    "a loaded model is not trained");
    refuse_together(app, {"--cell", "--attention", "--score", "--units", "--embedding"}, "--load",
                    "the model file contains this value");
  }
  if (o.compare)
    refuse_together(app, {"--cell", "--attention", "--score", "--map", "--load", "word"}, "--compare",
                    "all kinds of networks are trained");
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  return example::read_command_line(
      "g2p", "Trains a grapheme-to-phoneme model on a pronunciation dictionary and converts words.", argc, argv,
      [&](CLI::App& app) {
        add_data_options(app, options);
        add_model_options(app, options);
        add_training_options(app, options);
      },
      [&](const CLI::App& app) { check_together(app, options); });
}

}  // namespace g2p
