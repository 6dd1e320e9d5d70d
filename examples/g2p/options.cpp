#include "options.hpp"

#include "../support/command_line.hpp"

namespace g2p {
namespace {

using example::number;
using example::one_of;
using example::whole;

/// Distinct values of one member of all kinds.
std::vector<std::string> words_of(std::string Kind::*head) {
  std::vector<std::string> words;
  for (const Kind& kind : kinds())
    if (std::find(words.begin(), words.end(), kind.*head) == words.end()) words.push_back(kind.*head);
  return words;
}

void add_data_options(CLI::App& app, Options& o) {
  app.add_option("word", o.words, "words to be written in phonemes")->option_text("WORD ...");
  app.add_option("--map", o.map, "draw where the network looks while it writes this word")->option_text("WORD");
  app.add_option("--train", o.train, "words with their phonemes; every 20th word is for testing (default: CMUdict)")
      ->option_text("FILE");
  app.add_option("--valid", o.validation, "the same, to be watched while training")->option_text("FILE");
  app.add_option("--limit", o.limit, "take the first words of the training file only; 0: all")
      ->check(whole(0, 1 << 30));
  app.add_option("--load", o.load, "a model that was trained before; without words it is tested")->option_text("FILE");
  app.add_option("--out", o.out, "folder for model, numbers and pictures")->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "only the result");
}

void add_model_options(CLI::App& app, Options& o) {
  app.add_option("--cell", o.network.cell, "of encoder and decoder")->check(one_of(words_of(&Kind::cell)));
  app.add_option("--attention", o.network.attention, "whose decoder")->check(one_of(words_of(&Kind::attention)));
  app.add_option("--score", o.network.score, "how it compares letters")->check(one_of(words_of(&Kind::score)));
  app.add_option("--units", o.network.units, "of the decoder and of each direction of the encoder")
      ->check(whole(1, 4096));
  app.add_option("--embedding", o.network.embedding, "numbers for a letter or a phoneme")->check(whole(1, 4096));
  app.add_flag("--compare", o.compare, "train every kind of network of a gru and print a table");
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--epochs", o.epochs, "")->check(whole(1, 100000));
  app.add_option("--batch", o.batch, "words per update")->check(whole(1, 1000000));
  app.add_option("--rate", o.rate, "learning rate of Adam; times 0.3 in the last quarter")->check(number(1e-7, 10));
  app.add_option("--clip", o.clip, "largest norm of the gradient; 0: no limit")->check(number(0, 1e6));
  app.add_option("--seeds", o.seeds, "runs, each with a seed of its own")->check(whole(1, 1000));
  app.add_option("--first-seed", o.first_seed, "seed of the first run; the others count on")
      ->check(whole(0, 1000000000));
  app.add_option("--threads", o.threads, "0: one for each core; results do not depend on it")->check(whole(0, 1024));
  app.add_option("--beams", o.search.beams, "pronunciations that are followed at a time")->check(whole(1, 1000));
  app.add_option("--n-best", o.search.n_best, "pronunciations of each given word")->check(whole(1, 1000));
  app.add_option("--length-penalty", o.search.length_penalty, "Wu et al.'s alpha; 0: none")->check(number(0, 10));
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
    throw CLI::ValidationError(
        "--score", unroll::text("there is no ", name_of(o), "; with --cell ", o.cell, " there is ", possible(o.cell)));
}

void check_together(const CLI::App& app, Options& o) {
  check_kind(app, o.network);
  if ((o.compare || o.network.score.ends_with("dot")) && o.network.units % 2 != 0)
    throw CLI::ValidationError(
        "--units",
        unroll::text("dot scores need an even number, half of it for each direction, got '", o.network.units, "'"));
  if (app.count("--n-best") == 0) o.search.n_best = std::min(o.search.n_best, o.search.beams);
  if (o.search.n_best > o.search.beams)
    throw CLI::ValidationError("--n-best", unroll::text("expected at most the number of beams, ", o.search.beams,
                                                        ", got '", o.search.n_best, "'"));
  if (!o.map.empty() && o.load.empty() && o.network.score == "none")
    throw CLI::ValidationError("--map", "draws attention, but --score none has none");
  for (const char* name : {"--epochs", "--batch", "--rate", "--clip", "--seeds", "--first-seed"})
    if (!o.load.empty() && app.count(name) > 0)
      throw CLI::ValidationError(name, "belongs to training, but the model of --load is trained");
  for (const char* name : {"--cell", "--attention", "--score", "--units", "--embedding"})
    if (!o.load.empty() && app.count(name) > 0) throw CLI::ValidationError(name, "is known to the model of --load");
  for (const char* name : {"--cell", "--attention", "--score", "--map", "--load", "word"})
    if (o.compare && app.count(name) > 0)
      throw CLI::ValidationError(name, "does not go with --compare, which trains all kinds of networks");
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  return example::read_command_line(
      "g2p", "Learns from a dictionary how words are pronounced, and writes the phonemes of words.", argc, argv,
      [&](CLI::App& app) {
        add_data_options(app, options);
        add_model_options(app, options);
        add_training_options(app, options);
      },
      [&](const CLI::App& app) { check_together(app, options); });
}

}  // namespace g2p
