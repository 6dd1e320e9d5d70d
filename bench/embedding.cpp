// Benchmark of a training step on tokens as the vocabulary grows, with updates of the occurring vectors only (sparse)
// or of all. Prints one JSON line per size; times in milliseconds, medians over steps on one thread.
//
//     ./embedding [largest vocabulary]     default: 1,000,000

#include <cstdio>
#include <cstdlib>

#include "timing.hpp"
#include "unroll/cells/gru.hpp"
#include "unroll/data/batches.hpp"
#include "unroll/layers/dense.hpp"
#include "unroll/layers/embedding.hpp"
#include "unroll/layers/pooling/global_pooling.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/losses/softmax_cross_entropy.hpp"
#include "unroll/models/sequential.hpp"
#include "unroll/optim/adam.hpp"
#include "unroll/train/training_step.hpp"

namespace {

using namespace unroll;

constexpr Index batch = 32, steps = 20, dimension = 64;

/// Random tokens, different in each of eight batches.
Dataset<float> sentences(Index size) {
  std::vector<MatrixX<float>> sequences;
  std::vector<Index> labels;
  const Random random(1, Purpose::data);
  for (Index s = 0; s < 8 * batch; ++s) {
    sequences.push_back(MatrixX<float>::NullaryExpr(
        1, steps, [&](Index, Index t) { return float(random.below(std::uint64_t(s * steps + t), size)); }));
    labels.push_back(s % 2);
  }
  return Dataset<float>::labelled(sequences, labels, 2);
}

struct Run {
  using Model = Sequential<float, Embedding, Recurrent<Gru>, LastStep, Dense>;

  Run(Index size, bool sparse)
      : model(1, {.size = size, .dimension = dimension, .sparse = sparse}, {.units = dimension}, {}, {.units = 2}) {
    model.initialise(1);
  }
  void train(const Batch<float>& some) { step.step(some); }

  Model model;
  Adam<float> adam;
  TrainingStep<Model, SoftmaxCrossEntropy<float>, Adam<float>> step{
      model, SoftmaxCrossEntropy<float>(), adam, {.clip_norm = 5, .threads = 1}};
};

/// Sparse and dense are not alternated, because a dense step evicts everything from the caches.
double step_ms(Index size, bool sparse, std::span<const Batch<float>> batches) {
  Run run(size, sparse);
  std::vector<double> times;
  for (std::size_t k = 0; k < 48; ++k) {
    const double start = bench::now();
    run.train(batches[k % batches.size()]);
    if (k >= batches.size()) times.push_back(bench::now() - start);
  }
  return 1e3 * bench::median(times);
}

void measure(Index size) {
  const auto data = sentences(size);
  const auto samples = all_samples(data.size());
  std::vector<Batch<float>> batches(8);
  for (std::size_t k = 0; k < batches.size(); ++k)
    batches[k].gather(data, std::span(samples).subspan(k * std::size_t(batch), std::size_t(batch)));
  std::printf(
      "{\"what\": \"unroll\", \"mode\": \"embedding\", \"tokens\": %ld, \"sparse_ms\": %.2f, \"dense_ms\": %.2f}\n",
      long(size), step_ms(size, true, batches), step_ms(size, false, batches));
}

}  // namespace

int main(int count, char** arguments) {
  const long largest = count > 1 ? std::atol(arguments[1]) : 1'000'000;
  for (long size = 1000; size <= largest; size *= 10) measure(size);
}
