#include <fstream>
#include <limits>
#include <text/corpus.hpp>
#include <text/training.hpp>
#include <text/writing.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_parts {

using namespace unroll;
using namespace lm;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Text in a file, and options of a very short run.
struct Small {
  support::TemporaryFolder folder;
  Options options;

  explicit Small(const std::string& text) {
    options.text = (folder.path / "text.txt").string();
    std::ofstream(options.text, std::ios::binary) << text;
    options.cell = "elman", options.units = 4, options.layers = 1, options.embedding = 3, options.dropout = 0;
    options.batch = 2, options.steps = 5;
  }

  RunState run(const std::function<void(RunState&)>& on_epoch) const {
    const Corpus corpus = read_corpus(options);
    Model model{options, corpus.vocabulary, make_network(options, corpus.vocabulary.size())};
    return train(model, corpus, options, 1, folder.path, on_epoch);
  }
};

const std::string letters = "abcabdabeabfabcabdabeabfabc";  // 27 letters

}  // namespace

TEST_CASE("text program: the held-out part is the end, rounded down to whole tokens") {
  Small small(letters);
  const Corpus corpus = read_corpus(small.options);
  CHECK(corpus.validation.tokens() == 2);
  CHECK(corpus.train.tokens() == 25);
  CHECK(corpus.vocabulary.token(corpus.validation.units[0][1]) == "c");
  small.options.held_out = 0.5;
  CHECK(read_corpus(small.options).validation.tokens() == 13);
}

TEST_CASE("text program: the last units are held out and not trained on") {
  Small small("a b\nb c\nc d\nd e\ne f\n");
  small.options.tokens = "words", small.options.read = "units", small.options.held_out = 0.45;
  const Corpus corpus = read_corpus(small.options);
  const auto words_of = [&](const Part& part) {
    std::vector<std::string> all;
    for (const auto& unit : part.units)
      for (const Index token : unit) all.push_back(corpus.vocabulary.token(token));
    return all;
  };
  CHECK(words_of(corpus.train) == std::vector<std::string>{"a", "b", "b", "c", "c", "d"});
  CHECK(words_of(corpus.validation) == std::vector<std::string>{"d", "<unk>", "<unk>", "<unk>"});
}

TEST_CASE("text program: the end of a stream is held out and not trained on") {
  Small small("abcdefghij");
  small.options.held_out = 0.3;
  const Corpus corpus = read_corpus(small.options);
  REQUIRE(corpus.train.tokens() == 7);
  for (Index k = 0; k < 7; ++k)
    CHECK(corpus.vocabulary.token(corpus.train.units[0][std::size_t(k)]) == std::string(1, char('a' + k)));
  CHECK(corpus.validation.units[0] == std::vector<Index>(3, corpus.vocabulary.unknown()));
}

TEST_CASE("text program: every epoch begins with zero states") {
  Small small(letters);
  small.options.epochs = 3, small.options.rate = 1e-30, small.options.decay_epochs = 0;  // changes no parameter
  const RunState state = small.run([](RunState&) {});
  REQUIRE(state.training.history.size() == 3);
  for (const auto& epoch : state.training.history) CHECK(epoch.loss == state.training.history[0].loss);
  CHECK(state.carried.size() == 0);
}

TEST_CASE("text program: a validation stream is read to its last token") {
  Small small(letters);
  small.options.held_out = 0.4;
  const Corpus corpus = read_corpus(small.options);
  REQUIRE(corpus.validation.tokens() == 10);
  const auto validation = Sequences::for_validation(corpus.validation, corpus.vocabulary, small.options);
  Index steps = 0;
  for (Index k = 0; k < validation.data().size(); ++k) steps += validation.data().length(k);
  CHECK(steps == 9);  // each token but the first is predicted
}

TEST_CASE("text program: a line end is a token in a stream and ends a text in units") {
  Small small("a b\na b\na c\n");
  small.options.tokens = "words";
  small.options.held_out = 0.4;
  for (const bool streams : {true, false}) {
    small.options.read = streams ? "streams" : "units";
    const Corpus corpus = read_corpus(small.options);
    Model model{small.options, corpus.vocabulary, make_network(small.options, corpus.vocabulary.size())};
    model.network.initialise(1);
    model.network.parameters().values().setZero();
    const auto& bias = model.network.parameters().table().blocks().back();
    model.network.parameters().block(bias)(corpus.vocabulary.end(), 0) = 9;
    Options options = small.options;
    options.samples = 2, options.length = 3, options.temperature = 0;
    CHECK(write(model, options, 1) == std::vector<std::string>(2, streams ? "\n\n\n" : ""));
  }
}

TEST_CASE("text program: the rate falls in each of the last epochs") {
  Small small(letters);
  small.options.epochs = 4, small.options.decay_epochs = 2, small.options.decay = 0.5, small.options.rate = 0.125;
  const RunState state = small.run([](RunState& now) {
    CHECK(now.batch == 0);
    CHECK(now.gradient_norm == 0);  // reset for the next epoch
    CHECK(now.seconds == 0);
    CHECK(now.loss.count == 0);
  });
  std::vector<double> rates;
  for (const auto& epoch : state.training.history) {
    rates.push_back(epoch.learning_rate);
    CHECK(epoch.gradient_norm > 0);
  }
  CHECK(rates == std::vector<double>{0.125, 0.125, 0.0625, 0.03125});
}

TEST_CASE("text program: stop_after counts successive epochs without improvement") {
  Small small(letters);
  small.options.epochs = 9, small.options.stop_after = 2;
  const RunState state = small.run([](RunState& now) {
    // Only the third epoch is better than all epochs before it.
    now.training.best_value = now.training.epochs == 2 ? infinity : -infinity;
  });
  CHECK(state.training.stopped == 1);
  CHECK(state.training.epochs == 5);
  CHECK(state.training.best_epoch == 3);
}

}  // namespace test_parts
