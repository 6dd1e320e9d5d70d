#include <cmath>
#include <map>

#include "support/catch.hpp"
#include "unroll/word2vec/word2vec.hpp"

namespace test_word2vec {

using namespace unroll;

namespace {

using Words = std::vector<std::int32_t>;

WordTables<double> random_tables(Index dimension, Index words) {
  WordTables<double> tables{MatrixX<double>(dimension, words), MatrixX<double>(dimension, words)};
  init::normal(0, 1).fill(tables.in, Random(1, Purpose::initialise));
  init::normal(0, 1).fill(tables.out, Random(2, Purpose::initialise));
  return tables;
}

/// Loss of a prediction by its formula, word by word.
double loss_of(const WordTables<double>& tables, const WordPrediction& p) {
  VectorX<double> h = VectorX<double>::Zero(tables.in.rows());
  for (const auto word : p.given) h += tables.in.col(word) / double(p.given.size());
  double loss = 0;
  for (std::size_t k = 0; k < p.predicted.size(); ++k)
    loss += std::log1p(std::exp((k == 0 ? -1 : 1) * h.dot(tables.out.col(p.predicted[k]))));
  return loss;
}

double worst_difference(WordTables<double> tables, const WordPrediction& p, MatrixX<double> WordTables<double>::*table,
                        const MatrixX<double>& gradient) {
  double worst = 0;
  for (Index k = 0; k < gradient.size(); ++k) {
    double& entry = (tables.*table).data()[k];
    const double at = entry, step = 1e-5;
    entry = at + step;
    const double up = loss_of(tables, p);
    entry = at - step;
    worst = std::max(worst, std::abs((up - loss_of(tables, p)) / (2 * step) - gradient.data()[k]));
    entry = at;
  }
  return worst;
}

/// Sentences with words of one topic each; the words of a topic are used alike.
Sentences topics(Index count, Index words_each, Index sentences) {
  const Random random(5, Purpose::data);
  Sentences text;
  for (Index s = 0; s < sentences; ++s) {
    text.emplace_back();
    for (Index k = 0; k < 12; ++k)
      text.back().push_back(s % count + count * random.below(std::uint64_t(s * 12 + k), words_each));
  }
  return text;
}

double cosine(const MatrixX<float>& vectors, Index a, Index b) {
  return double(vectors.col(a).normalized().dot(vectors.col(b).normalized()));
}

constexpr auto silently = [](const WordEpoch&) {};

}  // namespace

TEST_CASE("word2vec: loss and gradient of a prediction equal the formula", "[word2vec]") {
  const Index dimension = GENERATE(1, 4, 37);
  const Words given = GENERATE(Words{3}, Words{3, 0, 3, 5}), predicted = GENERATE(Words{2}, Words{2, 4, 1, 4, 2});
  const WordTables<double> tables = random_tables(dimension, 6);
  WordTables<double> gradient{0 * tables.in, 0 * tables.out};
  NegativeSampling<double> step(dimension, 5);
  CHECK(step(tables, {given, predicted}, 1, gradient) == Approx(loss_of(tables, {given, predicted})).epsilon(1e-13));
  CHECK(worst_difference(tables, {given, predicted}, &WordTables<double>::in, gradient.in) < 1e-8);
  CHECK(worst_difference(tables, {given, predicted}, &WordTables<double>::out, gradient.out) < 1e-8);

  WordTables<double> moved = tables;
  step(moved, {given, predicted}, -0.1, moved);
  CHECK((moved.in - (tables.in - 0.1 * gradient.in)).norm() < 1e-13);
  CHECK((moved.out - (tables.out - 0.1 * gradient.out)).norm() < 1e-13);
}

TEST_CASE("word2vec: the whole gradient is the shared one times the number of given words", "[word2vec]") {
  const WordTables<double> tables = random_tables(5, 6);
  WordTables<double> shared{0 * tables.in, 0 * tables.out}, whole = shared;
  const Words given{3, 0, 5}, predicted{2, 4};
  NegativeSampling<double>(5, 2)(tables, {given, predicted}, 1, shared);
  NegativeSampling<double>(5, 2, true)(tables, {given, predicted}, 1, whole);
  CHECK((whole.in - 3 * shared.in).norm() < 1e-13);
  CHECK(whole.out == shared.out);
}

TEST_CASE("word2vec: large products have finite losses", "[word2vec]") {
  const WordTables<double> tables{MatrixX<double>::Constant(1, 2, 1000), MatrixX<double>{{1, -1}}};
  WordTables<double> gradient{0 * tables.in, 0 * tables.out};
  NegativeSampling<double> step(1, 2);
  const Words given{0}, good{0, 1}, bad{1, 0};
  CHECK(step(tables, {given, good}, 1, gradient) == 0);
  CHECK(step(tables, {given, bad}, 1, gradient) == 2000);
}

TEST_CASE("word2vec: a non-finite loss is an error when all vectors are finite", "[word2vec]") {
  const WordTables<float> tables{MatrixX<float>::Ones(2, 3), MatrixX<float>::Ones(2, 3)};
  CHECK_NOTHROW(detail::check_epoch(tables, {.epoch = 2, .loss = 1}));
  for (const double loss : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()})
    CHECK_THROWS_MATCHES(detail::check_epoch(tables, {.epoch = 2, .loss = loss}), NonFiniteError,
                         says("word2vec: epoch 2: the loss must be finite"));
}

TEST_CASE("word2vec: random numbers are those of SplitMix64", "[word2vec]") {
  detail::WordRandom random(1234567);
  CHECK(random.bits() == 6457827717110365317u);
  CHECK(random.bits() == 3203168211198807973u);
  for (int k = 0; k < 100; ++k) CHECK(random.below(3) < 3);
}

TEST_CASE("word2vec: negative samples have probabilities by a power of their counts", "[word2vec]") {
  const std::vector<Index> counts{1, 16, 0, 81, 256};
  const std::vector<double> expected{1 / 100., 8 / 100., 0, 27 / 100., 64 / 100.};
  const detail::NoiseTable noise(counts, 0.75);
  detail::WordRandom random(1);
  std::vector<int> drawn(5);
  constexpr int all = 1000000;
  for (int k = 0; k < all; ++k) ++drawn[std::size_t(noise(random))];
  for (std::size_t k = 0; k < 5; ++k) CHECK(std::abs(drawn[k] / double(all) - expected[k]) < 0.002);
  CHECK(drawn[2] == 0);
}

TEST_CASE("word2vec: subsampling has the probability of the word2vec program", "[word2vec]") {
  const std::vector<Index> counts{900, 99, 1, 0};
  const auto share = [&](double t, std::size_t k) { return double(detail::kept_shares(counts, t)[k]) / 0x1p32; };
  CHECK(share(1e-3, 0) == Approx(std::sqrt(1e-3 / 0.9) + 1e-3 / 0.9).epsilon(1e-6));
  CHECK(share(1e-3, 1) == Approx(std::sqrt(1e-3 / 0.099) + 1e-3 / 0.099).epsilon(1e-6));
  CHECK(share(1e-3, 2) == 1);
  CHECK(share(1e-3, 3) == 1);
  CHECK(share(0, 0) == 1);
}

TEST_CASE("word2vec: packed text leaves out rare words and splits long sentences", "[word2vec]") {
  const detail::PackedText text(3, {{0, -1, 2}, {-1}, {}, std::vector<Index>(1001, 1)});
  REQUIRE(text.sentences() == 3);
  CHECK(text.sentence(0)[1] == 2);
  CHECK(text.sentence(1).size() == 1000);
  CHECK(text.sentence(2).size() == 1);
  CHECK(text.before(2) == 1002);
  CHECK(text.counts() == std::vector<Index>{1, 1001, 1});
}

TEST_CASE("word2vec: windows stay in their sentence and have the drawn size", "[word2vec]") {
  Sentences sentences;
  for (Index s = 0; s < 40; ++s) sentences.push_back({s * 6, s * 6 + 1, s * 6 + 2, s * 6 + 3, s * 6 + 4, s * 6 + 5});
  Word2VecOptions options{.window = 3, .negatives = 4, .subsample = 0};
  options.model = GENERATE(WordModel::skip_gram, WordModel::cbow);
  const detail::PackedText text(240, sentences);
  const detail::PredictionMaker maker(text, options);
  detail::PredictionMaker::Work work;
  work.lists.resize(1);
  for (std::size_t s = 0; s < 40; ++s) maker.make(0, s, {0, 1}, work);

  std::map<int, int> distances;
  Index predictions = 0;
  for (std::size_t at = 0; !work.lists[0].ends(at); ++predictions) {
    const auto p = work.lists[0].next(at);
    for (const auto given : p.given) {
      CHECK(given / 6 == p.predicted[0] / 6);
      ++distances[std::abs(given - p.predicted[0])];
    }
    for (std::size_t k = 1; k < p.predicted.size(); ++k) CHECK(p.predicted[k] != p.predicted[0]);
    CHECK(p.predicted.size() <= 5);
  }
  CHECK(predictions == work.predictions);
  CHECK(distances.size() == 3);
  CHECK(distances[1] == 2 * 5 * 40);                        // in every window
  CHECK(std::abs(distances[2] - 2 * 4 * 40 * 2 / 3) < 50);  // windows of reach 2 and 3
  CHECK(std::abs(distances[3] - 2 * 3 * 40 / 3) < 40);      // windows of reach 3
  if (options.model == WordModel::cbow) CHECK(predictions == 240);
}

TEST_CASE("word2vec: random draws differ in every epoch", "[word2vec]") {
  const Word2VecOptions options{.window = 5, .negatives = 3};
  const detail::PackedText text(40, topics(4, 10, 5));
  const detail::PredictionMaker maker(text, options);
  const auto made = [&](Index epoch) {
    detail::PredictionMaker::Work work;
    work.lists.resize(1);
    for (std::size_t s = 0; s < text.sentences(); ++s) maker.make(epoch, s, {0, 1}, work);
    std::vector<Words> all;
    for (std::size_t at = 0; !work.lists[0].ends(at);) {
      const auto p = work.lists[0].next(at);
      all.emplace_back(p.given.begin(), p.given.end());
      all.emplace_back(p.predicted.begin(), p.predicted.end());
    }
    return all;
  };
  CHECK(made(1) == made(1));
  CHECK(made(1) != made(2));
}

TEST_CASE("word2vec: parts touch words of their stripes only and draw as many negatives", "[word2vec]") {
  const Word2VecOptions options{.negatives = 5, .parts = 3};
  const detail::PackedText text(300, topics(10, 30, 400));
  const detail::PredictionMaker maker(text, options);
  const detail::WordStripes stripes(Random(1, Purpose::split).bits(0), 3);
  detail::PredictionMaker::Work work;
  work.lists.resize(9);
  for (std::size_t s = 0; s < text.sentences(); ++s) maker.make(0, s, stripes, work);
  double drawn = 0;
  for (std::size_t list = 0; list < 9; ++list)
    for (std::size_t at = 0; !work.lists[list].ends(at);) {
      const auto p = work.lists[list].next(at);
      CHECK(stripes(p.given[0]) == list / 3);
      for (const auto word : p.predicted) CHECK(stripes(word) == list % 3);
      drawn += double(p.predicted.size() - 1);
    }
  CHECK(drawn / double(work.predictions) == Approx(5).epsilon(0.1));
}

TEST_CASE("word2vec: words of one topic become similar for each model and number of parts", "[word2vec]") {
  Word2VecOptions options{.dimension = 16, .subsample = 0, .epochs = 8, .rate = 0.05};
  const bool cbow = GENERATE(false, true);
  options.model = cbow ? WordModel::cbow : WordModel::skip_gram;
  options.parts = cbow ? 1 : GENERATE(1, 3);
  std::vector<WordEpoch> epochs;
  const auto tables =
      train_word2vec<float>(40, topics(4, 10, 1200), options, [&](const WordEpoch& epoch) { epochs.push_back(epoch); });
  REQUIRE(epochs.size() == 8);
  CHECK(epochs.back().epoch == 8);
  CHECK(epochs.back().words == 1200 * 12);
  CHECK(epochs.back().loss < 0.95 * epochs.front().loss);
  double alike = 0, others = 0;
  for (Index a = 0; a < 20; ++a)
    alike += cosine(tables.in, a, a + 20) / 20, others += cosine(tables.in, a, (a + 21) % 40) / 20;
  CHECK(alike > others + 0.5);
}

TEST_CASE("word2vec: every epoch counts its predictions", "[word2vec]") {
  std::vector<WordEpoch> epochs;
  const Word2VecOptions options{.dimension = 4, .window = 1, .subsample = 0, .epochs = 3, .rate = 1e-9};
  train_word2vec<float>(40, topics(4, 10, 20), options, [&](const WordEpoch& epoch) { epochs.push_back(epoch); });
  for (const WordEpoch& epoch : epochs) {
    CHECK(epoch.predictions == 20 * 2 * 11);  // a sentence of 12 words has 11 pairs of neighbours
    CHECK(epoch.loss == Approx(epochs[0].loss).epsilon(0.05));
  }
}

TEST_CASE("word2vec: the rate falls linearly over all epochs and never to 0", "[word2vec]") {
  const detail::PackedText text(40, topics(4, 10, 20));
  const auto learned = [&](double rate, Index epochs, Index epoch) {
    const MatrixX<float> table = MatrixX<float>::Constant(4, 40, 0.1f);
    WordTrainingState<float> state{{table, table}, epoch, 0, {0}, 0};
    const Word2VecOptions options{.dimension = 4, .subsample = 0, .epochs = epochs, .rate = rate};
    detail::WordTrainer<float>(text, options).run_epoch(state);
    return state.tables.in;
  };
  CHECK(learned(0.375, 4, 2) == learned(0.25, 8, 2));  // both rates are 0.1875
  CHECK(learned(0.25, 8, 2) != learned(0.375, 8, 2));
  CHECK(learned(0.5, 2, 2) == learned(0.5, 1, 2));  // both rates are 1e-4 of the first one
  CHECK(learned(0.5, 1, 2) != learned(0, 1, 2));
}

TEST_CASE("word2vec: parts leave out no prediction", "[word2vec]") {
  const Sentences sentences = topics(4, 10, 200);  // one chunk
  const auto tables =
      train_word2vec<float>(40, sentences, {.dimension = 4, .negatives = 1, .epochs = 1, .parts = 6}, silently);
  CHECK(tables.out.colwise().norm().minCoeff() > 0);
}

TEST_CASE("word2vec: bits do not depend on threads but on the seed", "[word2vec]") {
  const Sentences sentences = topics(4, 10, 900);  // more than one chunk
  const auto learn = [&](int threads, std::uint64_t seed) {
    const Word2VecOptions options{.dimension = 9, .epochs = 2, .seed = seed, .parts = 3, .threads = Threads(threads)};
    return train_word2vec<float>(40, sentences, options, silently);
  };
  const auto one = learn(1, 1), four = learn(4, 1);
  CHECK(one.in == four.in);
  CHECK(one.out == four.out);
  CHECK(one.in != learn(1, 2).in);
}

TEST_CASE("word2vec: a training that stops after every chunk continues to the same bits", "[word2vec]") {
  const Sentences sentences = topics(4, 10, 900);  // more than one chunk
  Word2VecOptions options{.dimension = 9, .epochs = 2, .parts = 2};
  std::vector<WordEpoch> whole, resumed;
  const auto tables =
      train_word2vec<float>(40, sentences, options, [&](const WordEpoch& epoch) { whole.push_back(epoch); });
  WordTrainingState<float> state;
  std::vector<double> shares;
  options.on_chunk = [&](const WordProgress& now) { return shares.push_back(now.share), false; };
  for (int calls = 0; calls < 20 && state.epochs < options.epochs; ++calls) {
    WordTrainingState<float> copy = state;  // as if it was read from a file
    train_word2vec(
        40, sentences, options, [&](const WordEpoch& epoch) { resumed.push_back(epoch); }, copy);
    state = copy;
  }
  CHECK(state.tables.in == tables.in);
  CHECK(state.tables.out == tables.out);
  REQUIRE(resumed.size() == 2);
  for (std::size_t k = 0; k < 2; ++k) {
    CHECK(resumed[k].epoch == whole[k].epoch);
    CHECK(resumed[k].loss == whole[k].loss);
    CHECK(resumed[k].predictions == whole[k].predictions);
  }
  REQUIRE(shares.size() > 2);
  CHECK(shares.front() < 1);
  CHECK(shares.back() == 1);
}

TEST_CASE("word2vec: training begins with the tables of its state", "[word2vec]") {
  const Sentences sentences = topics(2, 4, 20);
  const Word2VecOptions options{.dimension = 3, .epochs = 1, .rate = 0};
  WordTrainingState<float> state;
  state.tables = {MatrixX<float>::Constant(3, 8, 0.5f), MatrixX<float>::Constant(3, 8, 0.25f)};
  double loss = 0;
  train_word2vec(
      8, sentences, options, [&](const WordEpoch& epoch) { loss = epoch.loss; }, state);
  CHECK(state.tables.in == MatrixX<float>::Constant(3, 8, 0.5f));  // with a rate of 0
  CHECK(state.tables.out == MatrixX<float>::Constant(3, 8, 0.25f));
  CHECK(loss > std::log1p(std::exp(-0.375)));  // that of the target word, and those of drawn words
}

TEST_CASE("word2vec: refuses a state of another training", "[word2vec]") {
  const Sentences sentences{{0, 1}};
  const auto learn = [&](WordTrainingState<float> state) {
    train_word2vec(2, sentences, {.dimension = 3, .epochs = 2}, silently, state);
  };
  const WordTrainingState<float> good{initial_word_tables<float>(2, 3, 1), 0, 0, {0}, 0};
  auto state = good;
  learn(state);
  state.tables.out.resize(3, 1);
  CHECK_THROWS_MATCHES(learn(state), ShapeError, says("the tables of the state must be [3 x 2], got [3 x 1]"));
  state = good, state.epochs = 3;
  CHECK_THROWS_MATCHES(learn(state), ValueError, says("epochs of the state must be 0 to 2, got 3"));
  state = good, state.sentences = 2;
  CHECK_THROWS_MATCHES(learn(state), ValueError, says("sentences of the state must be 0 to 1, got 2"));
  state = good, state.losses = {0, 0};
  CHECK_THROWS_MATCHES(learn(state), ShapeError, says("losses of the state must be 1, one for each part, got 2"));
  state = good, state.predictions = -1;
  CHECK_THROWS_MATCHES(learn(state), ValueError, says("predictions of the state must be 0 to"));
}

TEST_CASE("word2vec: refuses sentences and options that it cannot learn from", "[word2vec]") {
  const auto learn = [](Index words, const Sentences& sentences, const Word2VecOptions& options) {
    return train_word2vec<float>(words, sentences, options, silently);
  };
  const Sentences good{{0, 1}};
  CHECK_THROWS_MATCHES(learn(0, good, {}), ValueError, says("words must be 1 to 2^31 - 1, got 0"));
  CHECK_THROWS_MATCHES(learn(1, good, {}), ValueError, says("word must be below 1, got 1"));
  CHECK_THROWS_MATCHES(learn(2, {}, {}), ValueError, says("at least 2 different words, got 0"));
  CHECK_THROWS_MATCHES(learn(2, {{1, 1}}, {}), ValueError, says("at least 2 different words, got 1"));
  CHECK_THROWS_MATCHES(learn(2, {{1}, {0}}, {}), ValueError, says("at least 1 sentence must have 2 words, got 0"));
  CHECK_THROWS_MATCHES(learn(2, good, {.dimension = 0}), ValueError, says("dimension must be 1 to"));
  CHECK_THROWS_MATCHES(learn(2, good, {.window = 1001}), ValueError, says("window must be 1 to 1000, got 1001"));
  CHECK_THROWS_MATCHES(learn(2, good, {.subsample = NAN}), ValueError, says("subsample must be 0 to 1, got nan"));
  CHECK_THROWS_MATCHES(learn(2, good, {.rate = -1}), ValueError, says("rate must be 0 to 10, got -1"));
  CHECK_THROWS_MATCHES(learn(2, good, {.parts = 65}), ValueError, says("parts must be 1 to 64, got 65"));
  CHECK_THROWS_MATCHES(learn(2, good, {.model = WordModel::cbow, .parts = 2}), ValueError,
                       says("parts must be 1 for CBOW, got 2"));
}

TEST_CASE("word2vec: vectors that overflow are an error at the end of the epoch", "[word2vec]") {
  const Sentences text(50, {0, 1, 0, 1, 2, 0, 0, 1});
  const auto epochs = [&](WordModel model, double rate) {
    Index done = 0;
    const auto train = [&] {
      (void)train_word2vec<float>(3, text, {.model = model, .dimension = 4, .subsample = 0, .rate = rate},
                                  [&](const WordEpoch& epoch) { done = epoch.epoch; });
    };
    CHECK_THROWS_MATCHES(train(), NonFiniteError, says("the vector of word "));
    return done;
  };
  CHECK(epochs(WordModel::skip_gram, 10) == 0);
  CHECK(epochs(WordModel::cbow, 10) == 0);
}

}  // namespace test_word2vec
