#include <unroll/optim/sgd.hpp>
#include <unroll/train/seq2seq_step.hpp>

#include "seq2seq_run.hpp"

namespace test_seq2seq_parts {

using namespace seq2seq_run;

// clang-format off: equations keep their lines
namespace written {
using namespace unroll::symbols;
/// Unbounded linear recurrence.
inline constexpr auto sums = cell(state(h), next(h) = linear(x, h));
}  // namespace written
// clang-format on

namespace {

template <class S>
struct Misspelt : EquationCell<S, written::sums> {
  using EquationCell<S, written::sums>::EquationCell;
  static std::vector<std::pair<std::string, Initializer>> named_initializers() { return {{"g.b", init::constant(1)}}; }
};

Sequential reader(1, Embedding{.size = letters, .dimension = 3}, Recurrent<Gru>{.units = 4});
using Model = Seq2Seq<decltype(reader), Gru<float>>;

Model made(Index vocabulary = words, Index embedding = 3) {
  Model model(reader, {.vocabulary = vocabulary, .embedding = embedding, .units = 4});
  randomise(model);
  return model;
}

}  // namespace

TEST_CASE("seq2seq: refuses unequal numbers of sources and targets and a second backward pass") {
  const Model model = made();
  Model::Weights weights;
  Model::Tape tape;
  model.prepare(weights);
  model.prepare_back(weights);
  const auto two = batch_of(pairs<float>({{3, 2}, {2, 1}})), one = batch_of(pairs<float>({{3, 2}}));
  CHECK_THROWS_MATCHES(model.begin_learning(weights, one.x(), one.sources(), two.tokens(), two.targets(), tape),
                       ShapeError, says("seq2seq: targets must have as many sequences as sources, 1, got 2"));
  model.begin_learning(weights, two.x(), two.sources(), two.tokens(), two.targets(), tape);
  auto gradient = model.parameters().zeros_like();
  const auto learn = [&] {
    model.learn(weights, tape, gradient, [](Index, const ConstView<float>& scores) { return scores; });
  };
  learn();
  const VectorX<float> once = gradient.values();
  CHECK_THROWS_MATCHES(learn(), ValueError, says("the tape has no unused pass over targets"));
  CHECK(gradient.values() == once);
}

TEST_CASE("seq2seq: each_score gives consecutive pieces of the target columns") {
  const Model model = made(20000, 1);
  Model::Weights weights;
  Model::Tape tape;
  model.prepare(weights);
  const auto batch = batch_of(pairs<float>({{1, 249}, {1, 149}}));
  model.begin_learning(weights, batch.x(), batch.sources(), batch.tokens(), batch.targets(), tape);
  Index next = 0, pieces = 0;
  model.each_score(weights, tape, [&](Index first, const ConstView<float>& scores) {
    CHECK(first == next);
    next += scores.cols(), ++pieces;
  });
  CHECK(next == 400);
  CHECK(pieces == 3);
}

TEST_CASE("seq2seq: blocks have different initial values and embedded tokens deviation 1") {
  Model model = made(100, 50);
  model.initialise(1);
  const Parameters<float>& first = model.parameters();
  CHECK(first["decoder.r.h"] != first["decoder.z.h"]);
  CHECK(first["bridge.0.weight"].topLeftCorner(2, 2) != first["decoder.r.h"].topLeftCorner(2, 2));
  CHECK(first["embedding.weight"].squaredNorm() / 5000 == Approx(1).epsilon(0.1));
  CHECK(first["output.weight"].squaredNorm() / 400 < 0.3);
}

TEST_CASE("seq2seq: refuses an initializer of a block that its decoder does not have") {
  using Wrong = Seq2Seq<decltype(reader), Misspelt<float>>;
  CHECK_THROWS_MATCHES(Wrong(reader, {.vocabulary = words, .embedding = 3, .units = 4}), ValueError,
                       says("decoder: name in named_initializers() must be one of h.x, h.h, h.b, got 'g.b'"));
}

TEST_CASE("scheduled sampling: draws depend on the update") {
  const Model model = made();
  Model::Weights weights;
  Model::Tape tape;
  model.prepare(weights);
  const auto batch = batch_of(pairs<float>({{3, 9}, {2, 9}}));
  detail::ScheduledSampling<Model> sampling;
  std::vector<std::vector<Index>> fed;
  for (const std::uint64_t update : {0u, 1u, 1u}) {
    const auto tokens = sampling(model, weights, tape, batch, 0.5, {.seed = 3, .update = update});
    fed.emplace_back(tokens.begin(), tokens.end());
  }
  CHECK(fed[0] != fed[1]);
  CHECK(fed[1] == fed[2]);
}

TEST_CASE("scheduled sampling: draws depend on the step and the pair") {
  auto model = made();
  model.parameters()["output.bias"](4, 0) = 1e3F;  // the most likely token at every step
  decltype(model)::Weights weights;
  decltype(model)::Tape tape;
  model.prepare(weights);
  const std::vector<Index> target(20, 2);
  const auto batch = batch_of(
      SequencePairs<float>({MatrixX<float>::Ones(1, 3), MatrixX<float>::Ones(1, 3)}, {target, target}, special_tokens));
  detail::ScheduledSampling<decltype(model)> sampling;
  const auto tokens = sampling(model, weights, tape, batch, 0.5, {.seed = 3});
  std::vector<std::vector<Index>> fed(2);
  for (std::size_t c = 0; c < tokens.size(); ++c)
    fed[std::size_t(batch.targets().sample_of(Index(c)))].push_back(tokens[c]);
  for (const auto& each : fed) {
    CHECK(each.front() == special_tokens.begin);
    const auto generated = std::ranges::count(each, 4);
    CHECK(generated > 3);
    CHECK(generated + std::ranges::count(each, 2) == 20);
    CHECK(generated < 17);
  }
  CHECK(fed[0] != fed[1]);
}

TEST_CASE("seq2seq step: locates a non-finite value with the tokens fed to the decoder") {
  Seq2Seq<decltype(reader), EquationCell<float, written::sums>> model(
      reader, {.vocabulary = words, .embedding = 3, .units = 4});
  randomise(model, 2);
  auto& parameters = model.parameters();
  parameters["embedding.weight"].col(4).setConstant(3e38F);  // no target has this token, but the model writes it
  parameters["output.bias"](4, 0) = 1e6F;
  SGD<float> sgd({.learning_rate = 0.1});
  ShardedBatch<float, PairBatch<float>> batch;
  const SequencePairs<float> data({MatrixX<float>::Ones(1, 3)}, {{1, 2, 3}}, special_tokens);
  batch.gather(data, std::vector<Index>{0});
  Seq2SeqStep step(model, SoftmaxCrossEntropy<float>(), sgd, {.teacher = teacher_forcing::constant(0)});
  CHECK_THROWS_MATCHES(step.step(batch), NonFiniteError, says("first not finite: decoder: "));
  Seq2SeqStep taught(model, SoftmaxCrossEntropy<float>(), sgd);
  CHECK_NOTHROW(taught.step(batch));
}

TEST_CASE("pair batch: target columns have the rank of their sequence and the end token may be absent") {
  const auto batch = batch_of(pairs<float>({{1, 1}, {1, 4}, {1, 2}}));
  const Columns columns = batch.columns(0, batch.target_columns());
  for (Index c = 0; c < batch.target_columns(); ++c) CHECK(columns.sequence[c] == batch.targets().rank_of(c));
  CHECK(batch.targets().rank_of(0) == 0);
  CHECK(batch.targets().sample_of(0) == 1);
  CHECK_THROWS_MATCHES(pairs<float>({{1, 1}}, {.begin = 0, .end = -2}), ValueError,
                       says("pairs: special_tokens.end must be at least -1 (-1: none), got -2"));
}

}  // namespace test_seq2seq_parts
