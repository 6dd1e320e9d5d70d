#include "options.hpp"

#include "../support/command_line.hpp"

namespace word2vec {
namespace {

using namespace example;
using unroll::TextUnit;
using unroll::WordModel;

/// Values of options before their conversion.
struct Given {
  std::string model = "skip-gram", unit = "line";
};

void add_text_options(CLI::App& app, Options& o, Given& given) {
  app.add_option("text", o.corpus.files, "UTF-8 texts for training (default: definitions and sentences of WordNet)")
      ->option_text("FILE ...")
      ->default_str("");
  app.add_option("--unit", given.unit, "unit of text; windows do not cross its ends")
      ->check(one_of({"line", "sentence", "paragraph", "whole"}));
  app.add_option("--min-count", o.corpus.least, "smallest number of occurrences of a word")->check(whole(1, 1 << 30));
  app.add_option("--size", o.corpus.size, "largest number of words, the most frequent ones; 0: no limit")
      ->check(whole(0, 1 << 30));
  app.add_flag("--keep-case", o.corpus.keep_case, "no conversion to lower case");
}

void add_training_options(CLI::App& app, Options& o, Given& given) {
  app.add_option("--model", given.model, "kind of model")->check(one_of({"skip-gram", "cbow"}));
  app.add_option("--dimension", o.training.dimension, "dimension of the vectors")->check(whole(1, 4096));
  app.add_option("--window", o.training.window, "largest number of context words on each side")->check(whole(1, 1000));
  app.add_option("--negatives", o.training.negatives, "drawn words per predicted word")->check(whole(1, 1000));
  app.add_option("--subsample", o.training.subsample, "frequency above which words are subsampled; 0: none")
      ->check(number(0, 1));
  app.add_option("--epochs", o.training.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--rate", o.training.rate, "initial learning rate, with cbow 0.05; falls linearly to 1/10,000")
      ->check(number(1e-7, 10));
  app.add_option("--seed", o.training.seed, "seed of initial values and draws")->check(whole(0, 1000000000));
  app.add_option("--parts", o.training.parts, "parts of the vectors, the largest number of busy threads; cbow: 1")
      ->check(whole(1, 64));
  app.add_option("--threads", o.threads, "number of threads; 0: one per core; results do not depend on it")
      ->check(whole(0, 1024));
}

void add_query_options(CLI::App& app, Options& o) {
  app.add_option("--load", o.load, "trained vectors to load instead of training; .bin: binary, otherwise text")
      ->option_text("FILE");
  app.add_option("--nearest", o.nearest, "words whose nearest neighbours are printed")->option_text("WORD ...");
  app.add_option("--analogy", o.analogy, "prints words D with A : B = C : D")->expected(3)->option_text("A B C");
  app.add_option("--pairs", o.pairs, "file with two words per line; prints the share of pairs nearer than random ones")
      ->option_text("FILE");
  app.add_option("--count", o.count, "number of printed neighbours")->check(whole(1, 1000));
  app.add_option("--draw", o.drawn, "number of frequent words in the figure; 0: none")->check(whole(0, 10000));
  app.add_option("--save", o.save, "file name of the vectors in --out; .bin: binary (default: vectors.txt)")
      ->option_text("NAME");
  app.add_option("--out", o.out, unroll::text("output folder (default: ", o.out, ")"))->option_text("DIR");
  app.add_flag("--quiet", o.quiet, "no output except errors, neighbours and scores");
}

void check_together(const CLI::App& app, Options& o) {
  const bool cbow = o.training.model == WordModel::cbow;
  if (cbow && app.count("--parts") == 0) o.training.parts = 1;
  if (cbow && app.count("--rate") == 0) o.training.rate = 0.05;  // also the default of the word2vec program
  if (cbow && o.training.parts > 1)
    refuse("--parts", unroll::text("must be 1 with --model cbow, got '", o.training.parts, "'"));
  if (!o.load.empty())
    refuse_together(
        app,
        {"text", "--unit", "--min-count", "--size", "--keep-case", "--model", "--dimension", "--window", "--negatives",
         "--subsample", "--epochs", "--rate", "--seed", "--parts", "--threads", "--draw", "--save", "--out"},
        "--load", "loaded vectors are not trained");
  if (o.save.find('/') != o.save.npos)
    refuse("--save", unroll::text("must be a file name without a folder, got ", unroll::detail::in_quotes(o.save),
                                  "; --out sets the folder"));
}

}  // namespace

int read_command_line(int argc, char** argv, Options& options) {
  Given given;
  return example::read_command_line(
      "word2vec", "Trains word vectors by skip-gram or CBOW with negative sampling, and answers queries.", argc, argv,
      [&](CLI::App& app) {
        add_text_options(app, options, given);
        add_training_options(app, options, given);
        add_query_options(app, options);
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
