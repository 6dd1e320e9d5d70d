#include "options.hpp"

#include "../support/command_line.hpp"

namespace word2vec {
namespace {

using example::number;
using example::one_of;
using example::whole;
using unroll::TextUnit;
using unroll::WordModel;

struct Given {
  std::string model = "skip-gram", unit = "line";
};

void add_text_options(CLI::App& app, Options& o, Given& given) {
  app.add_option("text", o.corpus.files, "texts to learn from (default: definitions and sentences of WordNet)")
      ->option_text("FILE ...")
      ->default_str("");
  app.add_option("--unit", given.unit, "what a window never goes beyond")
      ->check(one_of({"line", "sentence", "paragraph", "whole"}));
  app.add_option("--min-count", o.corpus.least, "rarer words are left out")->check(whole(1, 1 << 30));
  app.add_option("--size", o.corpus.size, "words at most, the most frequent ones; 0: no limit")
      ->check(whole(0, 1 << 30));
  app.add_flag("--keep-case", o.corpus.keep_case, "capital letters stay what they are");
}

void add_training_options(CLI::App& app, Options& o, Given& given) {
  app.add_option("--model", given.model, "")->check(one_of({"skip-gram", "cbow"}));
  app.add_option("--dimension", o.training.dimension, "numbers of a vector")->check(whole(1, 4096));
  app.add_option("--window", o.training.window, "words to each side, at most")->check(whole(1, 1000));
  app.add_option("--negatives", o.training.negatives, "words drawn for each wanted one")->check(whole(1, 1000));
  app.add_option("--subsample", o.training.subsample, "share of the text from which on words are skipped; 0: none")
      ->check(number(0, 1));
  app.add_option("--epochs", o.training.epochs, "")->check(whole(1, 100000));
  app.add_option("--rate", o.training.rate, "at first, 0.05 for cbow; falls to a 10,000th of it")->check(number(0, 10));
  app.add_option("--seed", o.training.seed, "")->check(whole(0, 1000000000));
  app.add_option("--parts", o.training.parts, "threads of skip-gram that have work; cbow has one")->check(whole(1, 64));
  app.add_option("--threads", o.threads, "0: one for each core; results do not depend on it")->check(whole(0, 1024));
}

void add_question_options(CLI::App& app, Options& o) {
  app.add_option("--load", o.load, "vectors instead of a text; .bin: binary, otherwise text")->option_text("FILE");
  app.add_option("--nearest", o.nearest, "words whose neighbours are told")->option_text("WORD ...");
  app.add_option("--analogy", o.analogy, "what is to C as B is to A?")->expected(3)->option_text("A B C");
  app.add_option("--pairs", o.pairs, "two words a line: how often are they nearer than others?")->option_text("FILE");
  app.add_option("--count", o.count, "neighbours that are told")->check(whole(1, 1000));
  app.add_option("--draw", o.drawn, "frequent words in the picture; 0: none")->check(whole(0, 10000));
  app.add_option("--save", o.save, "name of the vectors in --out; .bin: binary, otherwise text")->option_text("NAME");
  app.add_option("--out", o.out, "folder for vectors, page and pictures")->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "only answers");
}

void check_together(const CLI::App& app, Options& o) {
  const bool cbow = o.training.model == WordModel::cbow;
  if (cbow && app.count("--parts") == 0) o.training.parts = 1;
  if (cbow && app.count("--rate") == 0) o.training.rate = 0.05;  // also the default of the word2vec program
  if (cbow && o.training.parts > 1)
    throw CLI::ValidationError("--parts", unroll::text("cbow learns in one part, got '", o.training.parts, "'"));
  for (const char* name :
       {"text", "--unit", "--min-count", "--size", "--keep-case", "--model", "--dimension", "--window", "--negatives",
        "--subsample", "--epochs", "--rate", "--seed", "--parts", "--threads", "--draw", "--save", "--out"})
    if (!o.load.empty() && app.count(name) > 0)
      throw CLI::ValidationError(name, "belongs to training, but the vectors of --load are trained");
  if (o.save.find('/') != o.save.npos) throw CLI::ValidationError("--save", "expected a name, the folder is --out's");
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  Given given;
  return example::read_command_line(
      "word2vec", "Learns vectors of words from a text: words that stand in the same places are near each other.", argc,
      argv,
      [&](CLI::App& app) {
        add_text_options(app, options, given);
        add_training_options(app, options, given);
        add_question_options(app, options);
      },
      [&](const CLI::App& app) {
        options.training.model = given.model == "cbow" ? WordModel::cbow : WordModel::skip_gram;
        options.corpus.unit = given.unit == "line"       ? TextUnit::line
                              : given.unit == "sentence" ? TextUnit::sentence
                              : given.unit == "whole"    ? TextUnit::whole
                                                         : TextUnit::paragraph;
        check_together(app, options);
      });
}

}  // namespace word2vec
