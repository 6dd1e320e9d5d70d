#pragma once
// Command-line options of word2vec.

#include <string>
#include <vector>

#include "corpus.hpp"

namespace word2vec {

struct Options {
  CorpusOptions corpus;
  unroll::Word2VecOptions training{.dimension = 64, .epochs = 20, .parts = 2};
  int threads = 0;
  std::string load;                  // vector file to load instead of training
  std::vector<std::string> nearest;  // words whose neighbours are printed
  std::vector<std::string> analogy;  // a b c: a is to b as c is to the printed words
  std::string pairs;                 // file of related words
  unroll::Index count = 10;          // neighbours
  unroll::Index drawn = 80;          // words in the figure
  std::string save = "vectors.txt";  // in `out`
  std::string out = "out/word2vec";
  bool quiet = false;
};

/// Fills `options`. Returns -1 to continue, or an exit status: 0 after --help, 2 after an error message.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace word2vec
