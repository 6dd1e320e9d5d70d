#include "options.hpp"

#include <algorithm>
#include <filesystem>

#include "unroll/io/detail/diagnostics.hpp"

namespace word2vec {

using namespace example;
using unroll::WordModel;

namespace {

void add_text_options(CLI::App& app, Options& o) {
  app.add_option("text", o.corpus.files, "UTF-8 texts for training (default: definitions and sentences of WordNet)")
      ->option_text("FILE ...")
      ->default_str("")
      ->check(a_file());
  app.add_option("--column", o.corpus.column, "column of texts, if the files are CSV or, as .tsv, separated by tabs")
      ->option_text("NAME");
  app.add_option("--unit", o.corpus.unit, "unit of text; windows do not cross its ends")
      ->check(one_of({"line", "sentence", "paragraph", "whole"}));
  app.add_option("--case", o.corpus.letters, "letters as they are, or converted to lower case")
      ->check(one_of({"keep", "lower"}));
  app.add_option("--min-count", o.corpus.least, "smallest number of occurrences of a word")->check(whole(1, 1 << 30));
  app.add_option("--vocabulary", o.corpus.size, "largest number of words, the most frequent ones; 0: all")
      ->check(whole(0, 1 << 30));
  app.add_option("--phrases", o.corpus.phrases, "passes that join words to phrases, such as new_york; 0: none")
      ->check(whole(0, 10));
  app.add_option("--phrase-threshold", o.corpus.threshold,
                 "score from which the last pass joins two words; each earlier pass: twice that of the next one")
      ->check(number(0, 1e12));
}

void add_training_options(CLI::App& app, Options& o) {
  app.add_option("--model", o.model, "kind of model")->check(one_of({"skip-gram", "cbow"}));
  app.add_option("--dimension", o.training.dimension, "dimension of the vectors")->check(whole(1, 4096));
  app.add_option("--window", o.training.window, "largest number of context words on each side")->check(whole(1, 1000));
  app.add_option("--negatives", o.training.negatives, "drawn words per predicted word")->check(whole(1, 1000));
  app.add_option("--subsample", o.training.subsample, "frequency above which words are subsampled; 0: none")
      ->check(number(0, 1));
  app.add_option("--epochs", o.training.epochs, "number of epochs")->check(whole(1, 100000));
  app.add_option("--rate", o.training.rate, "initial learning rate, with cbow 0.05; falls linearly to 1/10,000")
      ->check(number(1e-7, 10));
  add_seed_options(app, o.seeds);
  app.add_option("--parts", o.training.parts, "parts of the vectors, the largest number of busy threads; cbow: 1")
      ->check(whole(1, 64));
}

void add_count(CLI::App& app, Options& o) {
  app.add_option("--count", o.count, "number of printed neighbours")->check(whole(1, 1000));
}
CLI::Option* add_pairs(CLI::App& app, Options& o) {
  return app
      .add_option("--pairs", o.pairs, "file with two words per line; prints the share of pairs nearer than random ones")
      ->option_text("FILE");
}
void add_load(CLI::App& app, Options& o) {
  if (o.load.empty()) o.load = "out/word2vec/vectors.txt";
  app.add_option("--load", o.load, "trained vectors; .bin: binary, .safetensors: checkpoint, otherwise text")
      ->option_text("FILE (out/word2vec/vectors.txt)");
}

}  // namespace

void add_train_options(CLI::App& app, Options& o) {
  add_text_options(app, o);
  add_training_options(app, o);
  app.add_option("--load", o.load,
                 "trained vectors to train on; .bin: binary, .safetensors: checkpoint, otherwise text")
      ->option_text("FILE");
  app.add_option("--save", o.save, "file name of the vectors in --out; .bin: binary")
      ->option_text("NAME (vectors.txt)");
  app.add_option("--draw", o.drawn, "number of frequent words in the figure; 0: none")->check(whole(0, 10000));
  app.add_option("--nearest", o.nearest, "words whose nearest neighbours are printed")->option_text("WORD ...");
  app.add_option("--analogy", o.analogy, "prints words D with A : B = C : D")->expected(3)->option_text("A B C");
  add_pairs(app, o);
  add_count(app, o);
  add_running_options(app, o.running, "out/word2vec");
}

void add_nearest_options(CLI::App& app, Options& o) {
  app.add_option("word", o.nearest, "words whose nearest neighbours are printed")->option_text("WORD ...")->required();
  add_load(app, o);
  add_count(app, o);
  add_output_options(app, o.running);
}

void add_analogy_options(CLI::App& app, Options& o) {
  app.add_option("word", o.analogy, "prints words D with A : B = C : D")->expected(3)->option_text("A B C")->required();
  add_load(app, o);
  add_count(app, o);
  add_output_options(app, o.running);
}

void add_evaluate_options(CLI::App& app, Options& o) {
  add_pairs(app, o)->required();
  add_load(app, o);
  add_output_options(app, o.running);
}

EarlierNames earlier_names() { return {{"--size", "--vocabulary"}, {"--keep-case", "--case=keep"}}; }

std::vector<std::string> free_options() { return {"nearest", "analogy", "pairs", "count", "draw"}; }

void check_train(const CLI::App& app, Options& o) {
  o.training.model = o.model == "cbow" ? WordModel::cbow : WordModel::skip_gram;
  const bool cbow = o.training.model == WordModel::cbow;
  if (cbow && o.training.parts > 1)
    refuse("--parts", unroll::text("must be 1 with --model cbow, got '", o.training.parts, "'"));
  if (o.corpus.phrases == 0 && o.corpus.threshold != Options().corpus.threshold)
    refuse("--phrase-threshold", "needs --phrases, the number of passes that join words");
  if (!o.load.empty() && app.count("text") == 0)
    refuse_together(app,
                    {"--column", "--unit", "--min-count", "--vocabulary", "--case", "--model", "--dimension",
                     "--window", "--negatives", "--subsample", "--epochs", "--rate", "--seed", "--seeds", "--parts",
                     "--phrases", "--draw", "--save", "--out"},
                    "--load", "loaded vectors are trained on a text only; give FILE");
  static const std::vector<std::string> other_files{".csv", ".gp", ".html", ".json", ".safetensors", ".svg"};
  if (o.save.empty() || o.save == "." || o.save == "..")
    refuse("--save", "must be a file name, got " + unroll::detail::in_quotes(o.save));
  if (std::ranges::find(other_files, std::filesystem::path(o.save).extension().string()) != other_files.end())
    refuse("--save", unroll::text("must not end with ", any_of(other_files), ", as other files of the folder, got ",
                                  unroll::detail::in_quotes(o.save)));
  if (o.save.find('/') != o.save.npos)
    refuse("--save", unroll::text("must be a file name without a folder, got ", unroll::detail::in_quotes(o.save),
                                  "; --out sets the folder"));
  if (o.save.starts_with("checkpoint")) refuse("--save", "must not begin with checkpoint, as the files of checkpoints");
}

}  // namespace word2vec
