#pragma once
// What the command line of word2vec says.

#include <string>
#include <vector>

#include "corpus.hpp"

namespace word2vec {

struct Options {
  CorpusOptions corpus;
  unroll::Word2VecOptions training{.dimension = 64, .epochs = 20, .parts = 2};
  int threads = 0;
  std::string load;                  // vectors that were learned before
  std::vector<std::string> nearest;  // words whose neighbours are wanted
  std::vector<std::string> analogy;  // a b c: what is to c as b is to a
  std::string pairs;                 // a file of words that belong together
  unroll::Index count = 10;          // neighbours
  unroll::Index drawn = 80;          // words in the picture
  std::string save = "vectors.txt";  // in `out`
  std::string out = "out/word2vec";
  bool quiet = false;
};

/// Fills `options`. Returns the exit status when the program is to end at once: 0 after --help, 2 after a sentence
/// about an option that is not possible; -1 to go on.
int read_command_line(int argc, char** argv, Options& options);

}  // namespace word2vec
