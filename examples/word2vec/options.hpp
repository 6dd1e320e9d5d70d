#pragma once
// Command-line options of word2vec.

#include <string>
#include <vector>

#include "../support/verbs.hpp"
#include "corpus.hpp"

namespace word2vec {

struct Options {
  CorpusOptions corpus;
  unroll::Word2VecOptions training{.dimension = 64, .epochs = 20, .parts = 2};
  std::string model = "skip-gram";
  std::string load;                  // vectors or checkpoint
  std::string save = "vectors.txt";  // in the output folder
  std::vector<std::string> nearest;  // words whose neighbours are printed
  std::vector<std::string> analogy;  // a b c: a is to b as c is to the printed words
  std::string pairs;                 // file of related words
  unroll::Index count = 10;          // neighbours
  unroll::Index drawn = 80;          // words in the figure
  example::Seeds seeds;
  example::Running running;
};

void add_train_options(CLI::App& app, Options& options);
void add_nearest_options(CLI::App& app, Options& options);
void add_analogy_options(CLI::App& app, Options& options);
void add_evaluate_options(CLI::App& app, Options& options);
example::EarlierNames earlier_names();

/// Options of train that may differ when a run is resumed.
std::vector<std::string> free_options();

/// Sets what follows from given options. Throws CLI::ParseError for invalid combinations.
void check_train(const CLI::App& app, Options& options);

}  // namespace word2vec
