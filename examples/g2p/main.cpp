// Grapheme-to-phoneme conversion: pronunciation of words, learned from a dictionary.
// bin/g2p [WORD ...] [--score general] [--map WORD] [--compare] [--load out/g2p/model.safetensors]      bin/g2p --help
// Takes a minute on two cores with the defaults. Prints the error rates on test words and the pronunciations of the
// given words.

#include "../support/output_folder.hpp"
#include "../support/program.hpp"
#include "model_file.hpp"
#include "pictures.hpp"
#include "report.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/checkpoint.hpp"

using namespace unroll;
using namespace g2p;

namespace {

class Program {
 public:
  explicit Program(const Options& options) : options_(options), threads_(options.threads) {}

  void run() {
    if (options_.load.empty() || !options_.map.empty())
      folder_ = example::output_folder(options_.out, "model.safetensors");
    if (options_.compare) return compare();
    Trained trained = options_.load.empty() ? train_and_save() : load(options_.load);
    if (!options_.load.empty() && requested_words().empty()) test_loaded(trained);
    convert_words(trained);
    if (!options_.map.empty()) draw_map(trained);
  }

 private:
  void print(const std::string& lines) const {
    if (!options_.quiet) example::print(lines);
  }

  /// The words on the command line, including that of --map.
  std::vector<std::string> requested_words() const {
    std::vector<std::string> words = options_.words;
    if (!options_.map.empty()) words.push_back(options_.map);
    return words;
  }

  Data read() const {
    const Data data = read_data(options_.train, options_.validation, options_.limit);
    print(data_text(options_, data));
    return data;
  }

  static Trained make(const NetworkOptions& network, const Data& data) {
    const Vocabulary& vocabulary = data.vocabulary;
    return {network, vocabulary, make_network(network, Index(vocabulary.letters.size()), vocabulary.tokens()),
            std::set<std::string>(data.train.spellings.begin(), data.train.spellings.end())};
  }

  /// Trains all runs of one kind of network; calls `first` after the first run.
  template <class F>
  Study study(Trained& trained, const Data& data, F&& first) const {
    Study study{trained.options, trained.network->parameters(), {}};
    print(network_text(study));
    for (Index k = 0; k < options_.seeds; ++k) {
      study.runs.push_back(train(*trained.network, options_, data, options_.first_seed + std::uint64_t(k), threads_,
                                 [&](const g2p::Epoch& epoch) {
                                   if (k == 0) print(epoch_text(epoch, options_.epochs));
                                 }));
      print(run_text(study.runs.back(), options_.search));
      if (k == 0) first();
    }
    return study;
  }

  void save_numbers(const Data& data, const std::vector<Study>& studies) const {
    write_text(folder_ / "metrics.json", metrics_json(options_, data, studies));
    write_text(folder_ / "history.csv", history_csv(studies));
    const std::string missing = write_report(folder_, options_, data, studies);
    if (!missing.empty()) print(text("report page without figures: ", missing, "\n"));
  }

  /// Trains one kind of network and returns the network of the first seed.
  Trained train_and_save() const {
    const Data data = read();
    for (const std::string& word : requested_words()) data.vocabulary.source(word);  // throws before training
    Trained trained = make(options_.network, data);
    const Study all = study(trained, data, [&] {
      save(trained, folder_ / "model.safetensors");
      const auto hypotheses = decode(*trained.network, data.test.sources, options_.search, threads_);
      write_text(folder_ / "test.tsv", test_table(data.test, hypotheses, data.vocabulary));
    });
    save_numbers(data, {all});
    print(text("files in ", options_.out, ": model.safetensors and test.tsv (seed ", options_.first_seed,
               "), metrics.json, history.csv, report.html\n"));
    print(result_text(all, options_.search));
    return load(folder_ / "model.safetensors");
  }

  void compare() const {
    const Data data = read();
    std::vector<Study> studies;
    for (const Kind& kind : kinds()) {
      if (kind.cell != "gru") continue;
      NetworkOptions network = options_.network;
      network.cell = kind.cell, network.attention = kind.attention, network.score = kind.score;
      Trained trained = make(network, data);
      studies.push_back(study(trained, data, [] {}));
      save_numbers(data, studies);
    }
    print(text("\nerror rates (%) on ", data.test.size(), " test words, mean over ", options_.seeds,
               options_.seeds == 1 ? " seed\n" : " seeds\n", comparison_text(studies, options_.search)));
  }

  void test_loaded(const Trained& trained) const {
    const Data data = read_data(options_.train, options_.validation, options_.limit, &trained.vocabulary);
    print(data_text(options_, data));
    example::print(name_of(trained.options) + "\n");
    if (!trained.learned) example::print("  training words unknown: the model file does not list them\n");
    test_part("validation", data.validation, trained);
    test_part("test      ", data.test, trained);
  }

  /// The words outside the training data get a separate line, because only they test generalisation.
  void test_part(const std::string& part, const Words& words, const Trained& trained) const {
    const auto line = [&](const std::string& which, const Words& some) {
      example::print("  " + part + "  " + which +
                     tested_text(test(*trained.network, options_, some, threads_), options_.search) + "\n");
    };
    std::vector<Index> others;
    for (Index k = 0; k < words.size(); ++k)
      if (!trained.learned || !trained.learned->contains(words.spellings[std::size_t(k)])) others.push_back(k);
    const Index learned = words.size() - std::ssize(others);
    if (learned > 0) line(text("all ", words.size(), " words, ", learned, " of them training words: "), words);
    if (!others.empty())
      line(learned > 0 ? text("the other ", others.size(), ": ") : std::string(), words.subset(others));
  }

  void convert_words(const Trained& trained) const {
    std::vector<MatrixX<float>> sources;
    for (const std::string& word : options_.words) sources.push_back(trained.vocabulary.source(word));
    const auto hypotheses = decode(*trained.network, sources, options_.search, threads_);
    for (std::size_t k = 0; k < hypotheses.size(); ++k)
      example::print(hypotheses_text(options_.words[k], trained.vocabulary, hypotheses[k]));
  }

  void draw_map(const Trained& trained) const {
    require<ValueError>(trained.network->attends(), "--map must not be given for a network without attention");
    Search search = options_.search;
    search.keep_attention = true;
    const auto hypothesis =
        decode(*trained.network, {trained.vocabulary.source(options_.map)}, search, threads_).front().front();
    const std::string missing =
        g2p::draw_map(folder_, options_.map, trained.vocabulary, hypothesis, name_of(trained.options));
    if (missing.empty())
      print(text("attention weights of ", options_.map, ", ", trained.vocabulary.phonemes_text(hypothesis.tokens), ": ",
                 (folder_ / "map.svg").string(), "\n"));
    else
      print(text("map.svg is missing: ", missing, "; map.csv and map.gp are in ", options_.out, "\n"));
  }

  const Options& options_;
  std::filesystem::path folder_;
  Threads threads_;
};

}  // namespace

int main(int argc, char** argv) {
  return example::run_program("g2p", [&] {
    Options options;
    const int status = read_command_line(argc, argv, options);
    if (status >= 0) return status;
    Program(options).run();
    return 0;
  });
}
