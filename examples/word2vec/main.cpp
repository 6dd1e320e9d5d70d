// Word vectors: words that occur in similar contexts of a text get similar vectors.
// bin/word2vec [TEXT ...] [--nearest river] [--analogy man woman king] [--load out/word2vec/vectors.txt]
// bin/word2vec --help
// Takes ten seconds with the defaults. Writes the vectors, in a format that gensim and other programs read, and a
// report.

#include <chrono>
#include <cstdio>

#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "results.hpp"
#include "unroll/text/word_vector_files.hpp"

using namespace unroll;
using namespace word2vec;

namespace {

class Program {
 public:
  explicit Program(const Options& options) : options_(options) {}

  void run() {
    const WordPairs pairs = options_.pairs.empty() ? WordPairs{} : read_pairs(options_.pairs);
    const WordVectors vectors = options_.load.empty() ? train_and_save() : load();
    for (const std::string& word : options_.nearest)
      example::print(word + "\n" + neighbours_text(vectors.nearest(word, options_.count)));
    if (const auto& a = options_.analogy; !a.empty())
      example::print(a[0] + " : " + a[1] + " = " + a[2] + " : ?\n" +
                     neighbours_text(vectors.analogy(a[0], a[1], a[2], options_.count)));
    if (!pairs.empty()) example::print(score_text(score(pairs, vectors)));
  }

 private:
  void print(const std::string& lines) const {
    if (!options_.quiet) example::print(lines);
  }

  WordVectors load() const {
    WordVectors vectors = read_word_vectors(options_.load);
    print(text(vectors.size(), " vectors of dimension ", vectors.dimension(), "\n"));
    return vectors;
  }

  WordVectors train_and_save() const {
    const auto folder = example::output_folder(options_.out, options_.save.c_str());
    const Corpus corpus = read_corpus(options_.corpus);
    print(corpus_text(corpus, options_.corpus));
    require_known(corpus.vocabulary);
    Training training;
    WordVectors vectors = train(corpus, training);
    write_word_vectors(folder / options_.save, vectors);
    const std::string missing = write_report(folder, options_, training, vectors);
    print(text("files in ", options_.out, ": ", options_.save, ", report.html\n"));
    if (!missing.empty()) print(text("report page without figures: ", missing, "\n"));
    return vectors;
  }

  /// Throws ValueError for unknown words in queries, before training.
  void require_known(const Vocabulary& vocabulary) const {
    std::vector<std::string> queried = options_.nearest;
    queried.insert(queried.end(), options_.analogy.begin(), options_.analogy.end());
    for (const std::string& word : queried)
      require<ValueError>(vocabulary.find(word).has_value(), "'", word, "' must occur at least ", options_.corpus.least,
                          " times in the text (--min-count)");
  }

  WordVectors train(const Corpus& corpus, Training& training) const {
    Word2VecOptions word2vec_options = options_.training;
    word2vec_options.threads = Threads(options_.threads);
    using Clock = std::chrono::steady_clock;
    auto last = Clock::now();
    auto tables =
        train_word2vec<float>(corpus.vocabulary.size(), corpus.sentences, word2vec_options, [&](const auto& epoch) {
          const double seconds = std::chrono::duration<double>(Clock::now() - last).count();
          last = Clock::now();
          training.epochs.push_back(epoch);
          training.seconds += seconds;
          print(epoch_text(epoch, word2vec_options.epochs, seconds));
        });
    std::vector<std::string> words;
    for (Index k = 0; k < corpus.vocabulary.size(); ++k) words.push_back(corpus.vocabulary.token(k));
    return {std::move(words), std::move(tables.in)};
  }

  const Options& options_;
};

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("word2vec", [&] {
    Options options;
    const int status = read_command_line(argc, argv, options);
    if (status >= 0) return status;
    Program(options).run();
    return 0;
  });
}
