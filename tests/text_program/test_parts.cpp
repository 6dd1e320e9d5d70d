#include <cmath>
#include <fstream>
#include <limits>
#include <text/corpus.hpp>
#include <text/scoring.hpp>
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
    model.network.initialise(1);
    return train(model, corpus, options, {1, folder.path / "checkpoint.safetensors", on_epoch});
  }
};

/// Labels of all pieces of the validation text.
std::vector<std::vector<Index>> labels_of(const Corpus& corpus, const Options& options) {
  std::vector<std::vector<Index>> all;
  each_piece(corpus.validation, corpus.vocabulary, options,
             [&](const Dataset<float>& data, std::span<const Index> samples) {
               for (const Index sample : samples)
                 all.emplace_back(data.labels(sample).begin(), data.labels(sample).end());
             });
  return all;
}

const std::string letters = "abcabdabeabfabcabdabeabfabc";  // 27 letters

}  // namespace

TEST_CASE("text program: the held-out part is the end, rounded down to whole tokens") {
  Small small(letters);
  const Corpus corpus = read_corpus(small.options);
  CHECK(corpus.validation.tokens() == 2);
  CHECK(corpus.train.tokens() == 25);
  CHECK(corpus.vocabulary.token(corpus.validation.units[0][1]) == "c");
  small.options.validation = "0.5";
  CHECK(read_corpus(small.options).validation.tokens() == 13);
}

TEST_CASE("text program: the last units are held out and not trained on") {
  Small small("a b\nb c\nc d\nd e\ne f\n");
  small.options.tokens = "words", small.options.read = "units", small.options.validation = "0.45";
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

TEST_CASE("text program: the share of held-out units is one of tokens") {
  Small small("a b\nb c\nc d\nd e\ne f\na b c d e f a b c d e\n");
  small.options.tokens = "words", small.options.read = "units", small.options.validation = "0.1";
  CHECK_THROWS_MATCHES(read_corpus(small.options), ValueError, says("must be long enough"));  // nearest: no unit
  small.options.validation = "0.35";
  CHECK(read_corpus(small.options).validation.units.size() == 1);
  small.options.validation = "0.6";
  CHECK(read_corpus(small.options).validation.units.size() == 2);
  small.options.validation = "0.63";
  CHECK(read_corpus(small.options).validation.units.size() == 3);
}

TEST_CASE("text program: a prompt that is no UTF-8 is refused by its name") {
  Options options;
  options.prompt = "a\xff";
  CHECK_THROWS_MATCHES(check_together(options), FileError, says("--prompt, line 1: byte 1 must be UTF-8, got 255"));
}

TEST_CASE("text program: a limit shortens the training text only") {
  Small small("a b\nb c\nc d\nd e\ne f\n");
  small.options.tokens = "words", small.options.read = "units", small.options.validation = "0.2";
  small.options.limit = 3;
  const Corpus corpus = read_corpus(small.options);
  CHECK(corpus.train.units == std::vector<std::vector<Index>>{{4, 3}, {3}});
  CHECK(corpus.validation.tokens() == 2);
}

TEST_CASE("text program: texts that are read by parts are those in memory, with the same errors") {
  Index compared = 0;
  std::string long_text = "\xEF\xBB\xBF\u00C9rste  Zeile\r\n\r\n  two\tWords, it's \r three\n\n";
  for (Index k = 0; k < 900; ++k)
    long_text += text(k * k % 61, k % 7 == 0 ? " \u4E2D\u20AC." : " aB", k % 29 == 0 ? "\r\n" : "");
  std::string line_ends = "a";  // CR LF at the boundary of two parts
  for (Index k = 0; k < 1500; ++k) line_ends += "\r\n";
  for (const std::string& content : {long_text, long_text + "\n", line_ends + letters, letters + " " + letters,
                                     "a b\n\nb c\nd e f\ng h i\n" + letters, long_text + "\xFF" + letters,
                                     line_ends + "\xE2\x82" + letters, std::string("\xEF\xBB\xBF") + "a\r\n\xC0"})
    for (const char* kind : {"characters", "words"})
      for (const char* read : {"streams", "units"})
        for (const auto& [validation, limit] : {std::pair("0.1", 0), {"0.4", 0}, {"0.3", 11}, {"", 0}}) {
          Small small(content);
          Options& options = small.options;
          options.tokens = kind, options.read = read, options.limit = limit;
          options.validation = *validation == 0 ? options.text : validation;
          options.letters = limit > 0 ? "lower" : "keep", options.vocabulary = limit, options.longest = 4;
          options.batch = 2, options.steps = *validation == 0 ? 1 : 2;
          CAPTURE(content.substr(0, 20), kind, read, validation);
          const auto error = [&] {
            try {
              (void)read_corpus(options);
              return std::string();
            } catch (const Error& found) {
              return std::string(found.what());
            }
          };
          const std::string in_memory_error = error();
          options.lazy = true;
          CHECK(error() == in_memory_error);
          if (!in_memory_error.empty()) continue;
          ++compared;
          options.lazy = false;
          const Corpus whole = read_corpus(options);
          options.lazy = true;
          const Corpus parts = read_corpus(options);
          CHECK(parts.vocabulary == whole.vocabulary);
          CHECK(parts.train.tokens() == whole.train.tokens());
          CHECK(parts.validation.units.empty());
          CHECK(labels_of(parts, options) == labels_of(whole, options));
          CHECK(parts.fingerprint() == whole.fingerprint());
          if (options.streams()) {
            const auto a = training_streams(whole.train, whole.vocabulary, options),
                       b = training_streams(parts.train, whole.vocabulary, options);
            REQUIRE(a.windows() == b.windows());
            CHECK(a.tokens() == b.tokens());
            for (Index k = 0; k < a.windows(); ++k)
              a.visit_window(k, [&](const auto& in_memory, std::span<const Index> samples) {
                b.visit_window(k, [&](const auto& read_again, std::span<const Index> others) {
                  for (std::size_t s = 0; s < samples.size(); ++s) {
                    CHECK(in_memory.sequence(samples[s]) == read_again.sequence(others[s]));
                    CHECK(in_memory.labels(samples[s]) == read_again.labels(others[s]));
                  }
                });
              });
          } else {
            const auto a = units_of(whole.train, whole.vocabulary, options),
                       b = units_of(parts.train, whole.vocabulary, options);
            REQUIRE(a.size() == b.size());
            for (Index k = 0; k < a.size(); ++k) {
              CHECK(a.length(k) == b.length(k));
              CHECK(a.read(k).sequence(0) == b.read(k).sequence(0));
              CHECK(a.read(k).labels(0) == b.read(k).labels(0));
            }
          }
        }
  CHECK(compared > 30);
}

TEST_CASE("text program: a text that is read by parts may have invalid bytes and may change") {
  Small small("a b\nb c\nc d\n\xFF e\n");
  small.options.tokens = "words", small.options.lazy = true;
  CHECK_THROWS_MATCHES(read_corpus(small.options), FileError, says("text.txt, line 4: byte 12 must be UTF-8"));
  std::ofstream(small.options.text) << "  \n \r\n";
  CHECK_THROWS_MATCHES(read_corpus(small.options), FileError, says("the file must have text, got none"));
  std::ofstream(small.options.text) << letters;
  small.options.tokens = "characters", small.options.validation = "0";
  CHECK_THROWS_MATCHES(read_corpus(small.options), ValueError, says("must be long enough for training and validation"));
  small.options.validation = "0.2";
  const Corpus corpus = read_corpus(small.options);
  std::ofstream(small.options.text) << letters.substr(9);
  CHECK_THROWS_MATCHES(corpus.train.lazy->stream(0, 3), FileError, says("it may have changed during reading"));
  CHECK_THROWS_MATCHES(labels_of(corpus, small.options), FileError, says("it may have changed during reading"));
  std::ofstream(small.options.text) << letters;
  const Corpus again = read_corpus(small.options);
  std::ofstream(small.options.text) << letters.substr(1) << '\xFF';
  CHECK_THROWS_MATCHES(labels_of(again, small.options), FileError, says("the file has changed"));
}

TEST_CASE("text program: losses of tokens have the mean of the validation") {
  Small small("a b a\nb c a b\nc a\nb b c\nd a\n");
  small.options.tokens = "words", small.options.validation = "0.2";
  for (const char* read : {"streams", "units"}) {
    small.options.read = read;
    const Corpus corpus = read_corpus(small.options);
    Model model{small.options, corpus.vocabulary, make_network(small.options, corpus.vocabulary.size())};
    model.network.initialise(1);
    const Part part = part_of(read_tokens(small.options.text, "", small.options), corpus.vocabulary);
    const Validation result = validate(model.network, part, corpus.vocabulary, small.options, 1);
    const auto scores = score(model, small.options.text, "", 1);
    const Total total = total_of(scores);
    CAPTURE(read);
    CHECK(total.tokens == Index(result.evaluation.loss.scored));
    CHECK(total.mean() == Approx(result.evaluation.loss.value()));
    CHECK(double(total.unknown) / double(total.tokens) == Approx(result.unknown));
    REQUIRE(scores.size() == 5);
    CHECK(scores[2].unit == 3);
    CHECK(scores[2].tokens == Tokens{"c", "a", "</s>"});
    const DataTable tokens = token_table(scores);
    CHECK(tokens.rows[0][2].number() == (std::string(read) == "streams" ? 2 : 1));
    CHECK(std::log2(tokens.rows[3][6].number()) == Approx(-tokens.rows[3][5].number()));
    CHECK(unit_table(scores, small.options).rows[2][7].letters() == "c a");
  }
}

TEST_CASE("text program: a model file and a checkpoint have the model") {
  Small small(letters);
  small.options.epochs = 1;
  const Corpus corpus = read_corpus(small.options);
  Settings settings = settings_of_defaults();
  settings["cell"] = "elman", settings["units"] = "4", settings["layers"] = "1", settings["embedding"] = "3";
  settings["dropout"] = "0";
  Model model{small.options, corpus.vocabulary, make_network(small.options, corpus.vocabulary.size()), settings};
  model.network.initialise(1);
  train(model, corpus, small.options, {1, small.folder.path / "c.safetensors", [](RunState&) {}});
  save(model, small.folder.path / "m.safetensors");
  for (const char* name : {"m.safetensors", "c.safetensors"}) {
    const Model loaded = load(small.folder.path / name);
    CHECK(loaded.vocabulary == model.vocabulary);
    CHECK(loaded.options.units == 4);
    CHECK(loaded.training == settings);
    CHECK(loaded.network.parameters().values() == model.network.parameters().values());
  }
}

TEST_CASE("text program: the ratio of the last update is measured in every epoch") {
  for (const Index steps : {5, 12}) {  // two batches and one batch per epoch
    Small small(letters);
    small.options.epochs = 3, small.options.steps = steps, small.options.optimizer = "sgd";
    const RunState state = small.run([](RunState&) {});
    const Index tensors = 6;
    REQUIRE(state.ratios.size() == 3 * tensors);
    CHECK((state.ratios.array() > 0).all());
    for (Index k = 0; k < 3; ++k) CHECK(state.ratios[k * tensors] < 0.1);  // of the embedding; biases begin at 0
  }
}

TEST_CASE("text program: the end of a stream is held out and not trained on") {
  Small small("abcdefghij");
  small.options.validation = "0.3";
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
  REQUIRE(state.history.size() == 3);
  for (const auto& epoch : state.history) CHECK(epoch.loss == state.history[0].loss);
  CHECK(state.partial.carried.size() == 0);
}

TEST_CASE("text program: a validation stream is read to its last token") {
  Small small(letters);
  small.options.validation = "0.4";
  const Corpus corpus = read_corpus(small.options);
  REQUIRE(corpus.validation.tokens() == 10);
  Index steps = 0;
  each_piece(corpus.validation, corpus.vocabulary, small.options,
             [&](const Dataset<float>& data, std::span<const Index> samples) { steps += data.length(samples[0]); });
  CHECK(steps == 9);  // each token but the first is predicted
}

TEST_CASE("text program: a line end is a token in a stream and ends a text in units") {
  Small small("a b\na b\na c\n");
  small.options.tokens = "words";
  small.options.validation = "0.4";
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
  const RunState state = small.run([](RunState& now) { CHECK(now.partial.batches == 0); });
  std::vector<double> rates;
  for (const auto& epoch : state.history) {
    rates.push_back(epoch.learning_rate);
    CHECK(epoch.gradient_norm > 0);
  }
  CHECK(rates == std::vector<double>{0.125, 0.125, 0.0625, 0.03125});
}

TEST_CASE("text program: patience counts successive epochs without improvement") {
  Small small(letters);
  small.options.epochs = 9, small.options.patience = 2;
  const RunState state = small.run([](RunState& now) {
    // Only the third epoch is better than all epochs before it.
    now.best_value = now.epochs == 2 ? infinity : -infinity;
  });
  CHECK(state.stopped == 1);
  CHECK(state.epochs == 5);
  CHECK(state.best_epoch == 3);
}

}  // namespace test_parts
