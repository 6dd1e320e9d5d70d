// Random tests of learning from texts: word2vec, and models that read a text in windows.

#include <unroll/cells/gru.hpp>
#include <unroll/cells/lstm.hpp>
#include <unroll/data/streams.hpp>
#include <unroll/layers/dense.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/recurrent.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/text/word_vector_files.hpp>
#include <unroll/train/training_step.hpp>
#include <unroll/word2vec/word2vec.hpp>

#include "interface/random_model.hpp"

namespace interface {
namespace {

/// Words from 0 to `words` - 1; if `odd`, one may be outside.
std::vector<Index> random_text(Choices& choose, Index words, Index length, bool odd) {
  std::vector<Index> text(static_cast<std::size_t>(length));
  for (Index& word : text) word = choose.below(words);
  if (odd && length > 0) text[std::size_t(choose.below(length))] = choose.size(true);
  return text;
}

struct Words {
  WordTables<S> tables;
  std::vector<WordEpoch> epochs;
};

bool train_words(Report& report, Index words, const Sentences& text, const Word2VecOptions& options, Words& learned) {
  return report.attempt("word2vec", [&] {
    learned.tables = train_word2vec<S>(words, text, options, [&](const WordEpoch& e) { learned.epochs.push_back(e); });
  });
}

void try_vectors(Choices& choose, Report& report, const MatrixX<S>& table) {
  std::vector<std::string> names;
  for (Index k = 0; k < table.cols(); ++k)
    names.push_back(text(choose.one_of<const char*>({"word", "größe", "字"}), k));
  const WordVectors vectors(names, table);
  for (const char* name : {"vectors.txt", "vectors.bin"}) {
    const auto path = scratch_folder() / name;
    if (!report.attempt("word vectors in a file", [&] {
          write_word_vectors(path, vectors);
          const WordVectors read = read_word_vectors(path);
          report.expect(read.words() == names && same_bits(read.vectors(), table),
                        "word vectors: a file has other bits");
        }))
      report.fault("word vectors of numbers are refused by a file");
  }
}

void try_word2vec(Choices& choose, Report& report) {
  const bool odd = choose.one_in(3);
  const Index words = 2 + choose.below(6);
  Sentences text;
  for (Index k = choose.below(20); k >= 0; --k)
    text.push_back(random_text(choose, words, choose.below(12), odd && choose.one_in(20)));
  const auto size = [&](Index usual) { return odd && choose.one_in(6) ? choose.size(true) : usual; };
  const auto real = [&](double usual) { return odd && choose.one_in(4) ? choose.real(true) : usual; };
  Word2VecOptions options{.model = choose.one_of({WordModel::skip_gram, WordModel::cbow}),
                          .dimension = std::min<Index>(size(choose.size()), 1000),
                          .window = size(choose.size()),
                          .negatives = std::min<Index>(size(choose.size()), 1000),
                          .subsample = real(choose.coin() ? 0 : 1e-2),
                          .noise_power = real(0.75),
                          .epochs = std::min<Index>(size(2), 3),
                          .rate = real(0.1),
                          .seed = choose.seed(),
                          .parts = size(choose.one_in(3) ? choose.size() : 1)};
  report.now(unroll::text("seed ", choose.seed(), ": word2vec, ", words, " words, dimension ", options.dimension,
                          ", rate ", options.rate, ", negatives ", options.negatives, ", parts ", options.parts));
  Words usual, threaded;
  if (!train_words(report, words, text, options, usual)) return;
  report.expect(usual.tables.in.allFinite() && usual.tables.out.allFinite(), "word2vec: vectors are not finite");
  for (const WordEpoch& epoch : usual.epochs)
    report.expect(is_finite(epoch.loss) && epoch.loss >= 0, "word2vec: a loss is negative or not finite");
  options.threads = 3;
  if (!train_words(report, words, text, options, threaded)) return report.fault("word2vec: threads are refused");
  report.expect(same_bits(usual.tables.in, threaded.tables.in) && same_bits(usual.tables.out, threaded.tables.out),
                "word2vec: threads give other bits");
  if (choose.one_in(3)) try_vectors(choose, report, usual.tables.in);
}

Stack<S> reader(Choices& choose, Index words) {
  const Index units = choose.size();
  const auto recurrent = [&]() -> AnyLayer<S> {
    if (choose.coin()) return Recurrent<Gru>{.units = units};
    return Recurrent<Lstm>{.units = units};
  };
  Stack<S> model(1, {Embedding{.size = words, .dimension = choose.size()}, recurrent(), Dense{.units = words}});
  model.initialise(choose.seed());
  return model;
}

void learn(Stack<S>& model, const TokenStreams<S>& text, Index shard, const StepOptions& options) {
  Adam<S> adam({.learning_rate = 0.01});
  TrainingStep step(model, SoftmaxCrossEntropy<S>(), adam, options);
  ShardedBatch<S> batch;
  for (int epoch = 0; epoch < 2; ++epoch) {
    std::vector<State<S>> states;
    for (Index k = 0; k < text.windows(); ++k) {
      batch.gather(text.data(), text.window(k), shard);
      step.step(batch, &states);
    }
  }
  check_finite("windows", model.parameters());
}

/// Loss of the text, read from beginning to end.
Evaluation read_whole(const Stack<S>& model, std::span<const Index> tokens, Index words, Index steps) {
  const TokenStreams<S> text(tokens, words, {.streams = 1, .steps = steps, .tail = Tail::keep});
  Evaluator<Stack<S>> evaluator;
  return evaluate(evaluator, model, text, SoftmaxCrossEntropy<S>());
}

void try_windows(Choices& choose, Report& report) {
  const bool odd = choose.one_in(3);
  const Index words = 2 + choose.below(5);
  const auto tokens = random_text(choose, words, choose.below(60), odd && choose.one_in(4));
  const StreamOptions options{.streams = choose.size(odd && choose.coin()),
                              .steps = choose.size(odd && choose.coin()),
                              .tail = choose.one_of({Tail::drop, Tail::keep})};
  report.now(unroll::text("seed ", choose.seed(), ": ", tokens.size(), " tokens, streams ", options.streams, ", steps ",
                          options.steps));
  std::optional<TokenStreams<S>> text;
  if (!report.attempt("windows", [&] { text.emplace(tokens, words, options); })) return;
  report.expect(text->tokens() + text->dropped() == Index(tokens.size()) - 1, "windows: tokens are lost");
  Stack<S> first = reader(choose, words), second = first;
  const Index shard = choose.below(3);
  const StepOptions usual{.clip_norm = choose.coin() ? 1.0 : 0.0, .seed = choose.seed()};
  if (!report.attempt("training on windows", [&] { learn(first, *text, shard, usual); })) return;
  StepOptions other = usual;
  other.threads = 3;
  other.keeping = {Keep::checkpoints, choose.below(4)};
  if (!report.attempt("training on windows in threads", [&] { learn(second, *text, shard, other); }))
    return report.fault("training on windows in threads is refused, alone it is not");
  report.expect(same_bits(first.parameters().values(), second.parameters().values()),
                "windows: threads and checkpoints have other bits");
  report.attempt("reading a text", [&] {
    const Evaluation a = read_whole(first, tokens, words, options.steps), b = read_whole(first, tokens, words, 60);
    report.expect(a.hits.correct == b.hits.correct && a.hits.scored == Index(tokens.size()) - 1,
                  "windows: their length changes what is predicted");
    report.expect(std::abs(a.loss.value() - b.loss.value()) < 1e-6, "windows: their length changes the loss");
  });
}

}  // namespace

void try_words(Choices& choose, Report& report) {
  choose.coin() ? try_word2vec(choose, report) : try_windows(choose, report);
}

}  // namespace interface
