// Benchmark of a training step of an encoder-decoder model with attention: batch 32, 10 tokens in and out, vocabulary
// 50, embeddings of 64, a bidirectional GRU encoder and a GRU decoder of 128 units, additive attention, gradient
// clipping to norm 1, Adam. bench/seq2seq.py compares it with PyTorch.
//
//     bench_seq2seq             prints the median milliseconds over half a second
//     bench_seq2seq --serve     the same for each line on standard input

#include <unroll/attention/bahdanau.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/seq2seq.hpp>
#include <unroll/models/sequential.hpp>
#include <unroll/optim/adam.hpp>
#include <unroll/train/seq2seq_step.hpp>

#include <cstdio>
#include <cstring>

#include "timing.hpp"

using namespace unroll;

int main(int count, char** words) {
  constexpr Index batch_size = 32, steps = 10, vocabulary = 50, units = 128;
  const Random random(1, Purpose::data);
  std::vector<MatrixX<float>> sources;
  std::vector<std::vector<Index>> targets;
  std::vector<Index> samples;
  for (Index b = 0; b < batch_size; ++b) {
    std::vector<Index> source, target;
    for (Index t = 0; t < steps; ++t) {
      source.push_back(random.below(std::uint64_t(2 * (b * steps + t)), vocabulary));
      target.push_back(random.below(std::uint64_t(2 * (b * steps + t) + 1), vocabulary));
    }
    sources.push_back(token_row<float>(source)), targets.push_back(target), samples.push_back(b);
  }
  const SequencePairs<float> data(sources, targets, {.begin = 0});  // no end token: ten tokens each
  Sequential encoder(1, Embedding{.size = vocabulary, .dimension = 64}, Bidirectional<Gru>{.units = units});
  Seq2Seq<decltype(encoder), BahdanauGru<float>> model(
      encoder, {.vocabulary = vocabulary, .embedding = 64, .units = units, .sizes = {{"readout", units}}});
  model.initialise(1);
  Adam<float> adam({.learning_rate = 1e-3});
  Seq2SeqStep step(model, SoftmaxCrossEntropy<float>(), adam, {.clip_norm = 1, .threads = 1});
  ShardedBatch<float, PairBatch<float>> batch;
  const auto once = [&] {
    batch.gather(data, samples, batch_size);
    step.step(batch);
  };
  const auto answer = [&] {
    std::printf("{\"what\": \"unroll\", \"cfg\": \"seq2seq\", \"ms\": %.4f}\n", bench::median_ms(once, 0.5));
    std::fflush(stdout);
  };
  if (count < 2 || std::strcmp(words[1], "--serve") != 0) return answer(), 0;
  for (char line[256]; std::fgets(line, sizeof line, stdin) != nullptr;) answer();
}
