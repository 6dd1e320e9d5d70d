#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"
#include "word2vec/checkpoint.hpp"
#include "word2vec/corpus.hpp"
#include "word2vec/phrases.hpp"
#include "word2vec/plane.hpp"
#include "word2vec/results.hpp"

namespace test_parts {

using namespace unroll;
using namespace word2vec;

namespace {

std::string written(const support::TemporaryFolder& folder, const std::string& name, const std::string& content) {
  std::ofstream(folder.path / name, std::ios::binary) << content;
  return (folder.path / name).string();
}

}  // namespace

TEST_CASE("corpus: orders words by frequency and leaves out rare words and signs", "[word2vec]") {
  const support::TemporaryFolder folder;
  CorpusOptions options{.files = {written(folder, "a", "A dog, a cat; 1 dog!\nThe CAT."), written(folder, "b", "a\n")},
                        .least = 2};
  const Corpus corpus = read_corpus(options);
  CHECK(corpus.words == 8);
  CHECK(corpus.different == 4);
  CHECK(corpus.vocabulary.size() == 3);
  CHECK(corpus.vocabulary.token(0) == "a");
  CHECK(corpus.sentences == Sentences{{0, 1, 0, 2, 1}, {-1, 2}, {0}});

  options.letters = "keep";
  CHECK(read_corpus(options).sentences == Sentences{{-1, 0, 1, -1, 0}, {-1, -1}, {1}});
}

TEST_CASE("pairs file: has two words per line", "[word2vec]") {
  const support::TemporaryFolder folder;
  CHECK(read_pairs(written(folder, "p", "a b\n\nc  d\ne\tf\n")) == WordPairs{{"a", "b"}, {"c", "d"}, {"e", "f"}});
  CHECK_THROWS_MATCHES(read_pairs(written(folder, "p", "a b\nc\n")), FileError,
                       says("p, line 2: the line must have two words, got 1"));
  CHECK_THROWS_MATCHES(read_pairs(written(folder, "p", "a b c\n")), FileError,
                       says("p, line 1: the line must have two words, got 3"));
}

TEST_CASE("pair score: counts partners that are nearer than others", "[word2vec]") {
  MatrixX<float> vectors(2, 6);
  vectors << 1, 1, 0, 0, -1, -1, 0, 0.1f, 1, 0.9f, 0, 0.1f;
  const WordVectors known({"a", "A", "b", "B", "c", "C"}, vectors);
  const PairScore good = score({{"a", "A"}, {"b", "B"}, {"c", "C"}, {"d", "D"}}, known);
  CHECK(good.share == 1);
  CHECK(good.scored == 3);
  CHECK(good.missing == 1);
  CHECK(score({{"a", "A"}, {"b", "B"}}, known).share == 1);  // compared with the other pair only
  CHECK(score({{"a", "c"}, {"c", "A"}}, known).share == 0);
  CHECK_THROWS_MATCHES(score({{"a", "A"}, {"d", "D"}}, known), ValueError, says("got 1 of 2"));
}

TEST_CASE("plane: keeps the directions of the largest variance", "[word2vec]") {
  MatrixX<float> columns(3, 4);
  columns << 5, 5, 5, 5, -3, 3, -3, 3, 1, 1, -1, -1;
  const Plane plane = plane_of(columns);
  CHECK(plane.share == Approx(1));
  CHECK((plane.places - MatrixX<double>{{-3, 3, -3, 3}, {1, 1, -1, -1}}).norm() < 1e-12);

  const Plane line = plane_of(MatrixX<float>{{1, 2, 3}});
  CHECK((line.places - MatrixX<double>{{-1, 0, 1}, {0, 0, 0}}).norm() < 1e-12);
  CHECK(plane_of(MatrixX<float>::Ones(3, 2)).share == 0);
  CHECK(plane_of(MatrixX<float>::Ones(3, 1)).share == 0);

  const Plane few = plane_of(MatrixX<float>::Identity(4096, 4096).leftCols(3) * 6);  // of many rows
  CHECK(few.share == Approx(1));
  CHECK((few.places.col(0) - few.places.col(1)).norm() == Approx(std::sqrt(72)));
}

TEST_CASE("report: lists every option of the training", "[word2vec]") {
  const support::TemporaryFolder folder;
  Options options;
  options.corpus.files = {"somewhere/river.txt", "bank.txt"};
  options.corpus.least = 7;
  options.corpus.phrases = 2, options.corpus.threshold = 29, options.load = "old.txt";
  options.training = {.model = WordModel::cbow,
                      .dimension = 3,
                      .window = 11,
                      .negatives = 13,
                      .subsample = 0.125,
                      .epochs = 17,
                      .rate = 0.25,
                      .parts = 23};
  options.seeds.runs = {19, 5};
  options.drawn = 0;
  const auto run_of = [](std::uint64_t seed, double loss) {
    return Run{seed, {.epochs = {{.epoch = 1, .loss = loss}}, .seconds = {1}}};
  };
  write_report(folder.path, options, {run_of(19, 2), run_of(5, 4)},
               WordVectors({"a", "b"}, MatrixX<float>::Identity(3, 2)));
  std::ifstream file(folder.path / "report.json");
  const auto page = nlohmann::json::parse(file), settings = page.at("settings");
  CHECK(page.at("title") == "Word vectors: river.txt, bank.txt");
  const auto loss = page.at("metrics").at("rows").at(1);
  CHECK(loss.at(1) == 3);                      // mean of 2 and 4
  CHECK(loss.at(2) == Approx(std::sqrt(2.)));  // sample standard deviation
  const auto shows = [&](const char* name, const std::string& value) {
    INFO(name << " in " << settings.dump());
    CHECK(settings.value(name, std::string()) == value);
  };
  shows("text", "river.txt, bank.txt");
  shows("model", "CBOW");
  shows("dimension", "3");
  shows("window", "11");
  shows("negatives", "13");
  shows("subsample", "0.125");
  shows("least count", "7");
  shows("epochs", "17");
  shows("rate", "0.25");
  shows("seeds", "19, 5");
  shows("parts", "23");
  shows("phrases", "2");
  shows("phrase threshold", "29");
  shows("load", "old.txt");
}

TEST_CASE("phrases: pairs with a score above the threshold are joined from left to right", "[word2vec]") {
  const std::vector<std::vector<std::string>> texts{{"new", "york", "new", "york", "times"}, {"york"}, {"new", "york"}};
  // count(new york) = 3, count(new) = 3, count(york) = 4, 8 words: score (3 - 2) / (3 * 4) * 8 = 2/3; others below 0
  auto joined = texts;
  CHECK(join_phrases(joined, 2, 0.66) == 1);
  CHECK(joined == std::vector<std::vector<std::string>>{{"new_york", "new_york", "times"}, {"york"}, {"new_york"}});
  joined = texts;
  CHECK(join_phrases(joined, 2, 0.67) == 0);
  CHECK(joined == texts);
  joined = {{"a", "a", "a", "a", "a"}};
  CHECK(join_phrases(joined, 1, 0.1) == 1);  // count(a a) = 4: (4 - 1) / 25 * 5 = 0.6
  CHECK(joined == std::vector<std::vector<std::string>>{{"a_a", "a_a", "a"}});
  joined = {{"a", "b"}, {"a", "b"}, {"c", "b"}};
  CHECK(join_phrases(joined, 2, -1) == 1);  // c is rare, so (c b) is no pair
  CHECK(joined == std::vector<std::vector<std::string>>{{"a_b"}, {"a_b"}, {"c", "b"}});
}

TEST_CASE("corpus: known words come first, and new ones need the least count", "[word2vec]") {
  const support::TemporaryFolder folder;
  const CorpusOptions options{.files = {written(folder, "a", "b c b d\na d d\n")}, .least = 2};
  const Corpus corpus = read_corpus(options, {"x", "a"});
  CHECK(corpus.vocabulary.tokens() == std::vector<std::string>{"x", "a", "d", "b"});
  CHECK(corpus.sentences == Sentences{{3, -1, 3, 2}, {1, 2, 2}});
}

TEST_CASE("checkpoint: the state is read back", "[word2vec]") {
  const support::TemporaryFolder folder;
  RunState state{.words = {"a", "b", "c"}, .training = {}, .history = {}, .seconds = 0.5};
  state.training = {initial_word_tables<float>(3, 2, 1), 4, 5, {0.1, 0.2}, 6};
  state.training.tables.out.setConstant(0.25f);
  state.history = {.epochs = {{1, 0.5, 10, 20}, {2, 0.25, 10, 21}}, .seconds = {1.5, 1.25}};
  const auto file = folder.path / "c.safetensors";
  write_checkpoint(file, state);
  const RunState read = read_checkpoint(file);
  CHECK(read.words == state.words);
  CHECK(read.training.tables.in == state.training.tables.in);
  CHECK(read.training.tables.out == state.training.tables.out);
  CHECK(read.training.epochs == 4);
  CHECK(read.training.sentences == 5);
  CHECK(read.training.losses == state.training.losses);
  CHECK(read.training.predictions == 6);
  CHECK(read.seconds == 0.5);
  CHECK(history_csv({{7, read.history}}) == history_csv({{7, state.history}}));
  CHECK(read_vectors(file).tables.out.size() == 6);
  CHECK_THROWS_AS(read_checkpoint(written(folder, "d.safetensors", "12345678")), FileError);
}

TEST_CASE("epoch text: gives the loss and the words per second", "[word2vec]") {
  CHECK(epoch_text({.epoch = 2, .loss = 1.5, .words = 600}, 10, 3) == "epoch  2/10  loss 1.5000  200 words/s\n");
  CHECK(score_text({.share = 0.75, .scored = 4, .missing = 2}) ==
        "75.0 % of 4 pairs are nearer than random pairs (chance 50 %), 2 pairs without vectors\n");
}

}  // namespace test_parts
