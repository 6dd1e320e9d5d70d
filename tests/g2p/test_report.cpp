#include <fstream>
#include <sstream>

#include "g2p/pictures.hpp"
#include "g2p/report.hpp"
#include "speller.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "support/trained.hpp"

namespace test_report {

using namespace unroll;
using namespace g2p;

namespace {

/// Network that records the learning rate of every epoch and does not learn.
class RateNetwork : public SpellerNetwork {
 public:
  std::vector<double> rates;
  void fit(const Pairs&, Adam<float>&, const PairFitOptions& options, const example::RunControl&,
           g2p::State& state) override {
    CHECK(options.learning_rate.counts == LearningRate::per_epoch);
    for (Index k = 0; k < options.epochs; ++k) {
      rates.push_back(options.learning_rate.rate(long(k)));
      state.history.push_back({.epoch = double(k + 1), .loss = 1, .seconds = 0.5});
      options.on_epoch(state.history.back());
    }
  }
};

}  // namespace

TEST_CASE("learning rate: is multiplied by 0.3 in the last quarter of the epochs", "[g2p]") {
  Words words;
  words.spellings = {"ab", "b"};
  for (const auto& letters : {std::vector<Index>{0, 1}, std::vector<Index>{1}}) {
    words.sources.push_back(token_row<float>(letters));
    words.pronunciations.push_back({{2, 3}});
  }
  Options options;
  options.epochs = 8, options.batch = 100, options.rate = 0.5;
  RateNetwork network;
  const Run run =
      train(network, options, {{{"a", "b"}, {"A", "B"}}, words, words, words}, 1, 1, {}, [](const g2p::Epoch&) {});
  CHECK(run.history.size() == 8);
  CHECK(run.history[7].validation.words == 2);
  CHECK(run.seconds() == 4);
  CHECK(network.rates == std::vector<double>{0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5 * 0.3, 0.5 * 0.3});
}

TEST_CASE("history: has a line for each run and epoch", "[g2p]") {
  Run run{3};
  run.history.push_back({1, 2.5, 2.25, {.edits = 1, .phonemes = 4, .wrong_words = 3, .words = 6}, 0.75});
  const std::string csv = history_csv({{{.cell = "lstm"}, 100, {run}}});
  CHECK(csv ==
        "cell,attention,score,seed,epoch,loss,validation_loss,validation_phoneme_error_rate,validation_word_error_rate,"
        "seconds\nlstm,bahdanau,additive,3,1,2.5,2.25,0.25,0.5,0.75\n");
}

TEST_CASE("attention map: has a row for each phoneme, in percent", "[g2p]") {
  const support::TemporaryFolder folder;
  Hypothesis<float> hypothesis{.tokens = {3, 2}};
  hypothesis.attention = MatrixX<float>{{0.25f, 0.5f}, {0.75f, 0.5f}};
  draw_map(folder.path, "ab", {{"a", "b"}, {"A", "B"}}, hypothesis, "a network");
  std::ostringstream csv;
  csv << std::ifstream(folder.path / "map.csv").rdbuf();
  CHECK(csv.str().find("\n0,0,25,a,B\n1,0,75,b,B\n0,1,50,a,A\n1,1,50,b,A\n") != std::string::npos);
}

TEST_CASE("predictions: CSV and JSON have a line for each pronunciation and for each word without any", "[g2p]") {
  const Vocabulary vocabulary{{"a", "b"}, {"A", "B"}};
  const std::vector<Converted> words{
      {"ab", {}, {{.tokens = {2, 3}, .log_probability = -0.5, .ended = true}, {.tokens = {3}, .log_probability = -2}}},
      {"c", "no 'c', sorry"}};
  const std::string csv = to_csv(prediction_table(words, vocabulary));
  CHECK(csv.starts_with("word,rank,phonemes,log_probability,probability,error\nab,1,A B,-0.5,0.6065"));
  CHECK(csv.find("\nab,2,B,-2,0.1353") != std::string::npos);
  CHECK(csv.ends_with("\nc,,,,,\"no 'c', sorry\"\n"));
  CHECK(json_of(words[0], vocabulary)["pronunciations"][1]["phonemes"] == "B");
  CHECK(json_of(words[1], vocabulary) == nlohmann::json{{"word", "c"}, {"error", "no 'c', sorry"}});
}

}  // namespace test_report
