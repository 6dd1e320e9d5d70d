// Random encoders and decoders: training on pairs, and what is decoded, alone and in a batch.

#include <unroll/attention/bahdanau.hpp>
#include <unroll/attention/luong.hpp>
#include <unroll/cells/gru.hpp>
#include <unroll/infer/beam.hpp>
#include <unroll/infer/greedy.hpp>
#include <unroll/infer/sampling.hpp>
#include <unroll/infer/seq2seq_decoder.hpp>
#include <unroll/layers/bidirectional.hpp>
#include <unroll/layers/embedding.hpp>
#include <unroll/layers/sequential.hpp>
#include <unroll/losses/softmax_cross_entropy.hpp>
#include <unroll/models/seq2seq.hpp>
#include <unroll/optim/sgd.hpp>
#include <unroll/train/seq2seq_step.hpp>

#include "interface/choices.hpp"

namespace interface {
namespace {

using Encoder = Sequential<Embedding<S>, Bidirectional<Gru<S>>>;

struct Languages {
  Index letters = 0, words = 0;
  Marks marks;
};

std::optional<SequencePairs<S>> random_pairs(Choices& choose, Report& report, const Languages& languages) {
  std::vector<Matrix<S>> sources;
  std::vector<std::vector<Index>> targets;
  const Index count = 1 + choose.below(6);
  for (Index k = 0; k < count; ++k) {
    Matrix<S> source(1, choose.below(6));
    for (Index t = 0; t < source.cols(); ++t) source(0, t) = S(choose.below(languages.letters));
    std::vector<Index> target(std::size_t(choose.below(5)));
    for (Index& token : target) token = choose.below(std::max<Index>(1, languages.words - 2));
    sources.push_back(std::move(source)), targets.push_back(std::move(target));
  }
  std::optional<SequencePairs<S>> pairs;
  report.attempt("pairs", [&] { pairs.emplace(std::move(sources), std::move(targets), languages.marks); });
  return pairs;
}

std::vector<Index> all_of(Index count) {
  std::vector<Index> samples;
  for (Index k = 0; k < count; ++k) samples.push_back(k);
  return samples;
}

PairBatch<S> batch_of(const SequencePairs<S>& pairs, const std::vector<Index>& samples) {
  PairBatch<S> batch;
  batch.gather(pairs, samples);
  return batch;
}

Limits random_limits(Choices& choose, const Languages& languages) {
  const bool odd = choose.one_in(5);
  return {.end = odd && choose.coin() ? choose.size(true) : languages.marks.end,
          .shortest = odd ? choose.size(choose.coin()) : 0,
          .longest = odd && choose.coin() ? std::min<Index>(choose.size(true), 50) : 8,
          .no_repeat_ngram = choose.one_in(4) ? choose.size(odd) : 0};
}

bool same_results(const Hypothesis<S>& a, const Hypothesis<S>& b) {
  return a.tokens == b.tokens && a.log_probability == b.log_probability && a.score == b.score && a.ended == b.ended;
}
bool same_results(const std::vector<Hypothesis<S>>& a, const std::vector<Hypothesis<S>>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t k = 0; k < a.size(); ++k)
    if (!same_results(a[k], b[k])) return false;
  return true;
}

/// Hypotheses of each source by `search(decoder, first source)`: in a batch as alone.
template <class Model, class Search>
void decode(const char* what, Report& report, const Model& model, const SequencePairs<S>& pairs,
            const Languages& languages, Search&& search) {
  using Decoder = Seq2SeqDecoder<Model>;
  const PairBatch<S> all = batch_of(pairs, all_of(pairs.size()));
  std::optional<decltype(search(std::declval<Decoder&>(), Index(0)))> together;
  if (!report.attempt(what, [&] {
        Decoder decoder(model, languages.marks.begin);
        decoder.read(all.x(), all.sources());
        together = search(decoder, Index(0));
      }))
    return;
  report.expect(Index(together->size()) == pairs.size(), text(what, ": number of results"));
  for (Index k = 0; k < pairs.size() && k < 3; ++k) {
    const PairBatch<S> one = batch_of(pairs, {k});
    if (!report.attempt(what, [&] {
          Decoder alone(model, languages.marks.begin);
          alone.read(one.x(), one.sources());
          const auto found = search(alone, k);
          report.expect(same_results(found.front(), (*together)[std::size_t(k)]),
                        text(what, ": a source gives other results alone than in a batch"));
        }))
      report.fault(text(what, ": a source is refused alone but not in a batch"));
  }
}

template <class Model>
void train(Choices& choose, Report& report, Model& model, const SequencePairs<S>& pairs) {
  const bool odd = choose.one_in(3);
  SGD<S> sgd({.learning_rate = 0.1});
  const Vector<S> before = model.parameters().values();
  Seq2SeqStepOptions options{.clip_norm = odd ? choose.real(true) : 1, .threads = int(1 + choose.below(3))};
  if (choose.coin()) options.keeping = {Keep::checkpoints, choose.size(odd)};
  const Index shard = odd ? choose.size(true) : choose.size();
  const bool trained = report.attempt("training step of pairs", [&] {
    Seq2SeqStep step(model, SoftmaxCrossEntropy<S>(), sgd, options);
    ShardedBatch<S, PairBatch<S>> batch;
    batch.gather(pairs, all_of(pairs.size()), shard);
    step.step(batch);
  });
  report.expect(model.parameters().values().allFinite(), "a step of pairs leaves parameters that are not finite");
  report.expect(trained || same_bits(before, model.parameters().values()),
                "a step of pairs is refused after it has changed parameters");
}

template <class Cell>
void try_cell(Choices& choose, Report& report) {
  const bool odd = choose.one_in(4);
  Languages languages{.letters = 1 + choose.below(6), .words = 3 + choose.below(6), .marks = {}};
  languages.marks = {.begin = languages.words - 2, .end = languages.words - 1};
  const Seq2SeqOptions options{.vocabulary = odd && choose.coin() ? choose.size(true) : languages.words,
                               .embedding = choose.size(odd && choose.coin()),
                               .units = choose.size(odd && choose.coin()),
                               .bridge = choose.one_of({Bridge::zero, Bridge::copy, Bridge::project}),
                               .tied = choose.one_in(4),
                               .causal = choose.one_in(4)};
  report.now(text("seed ", choose.seed(), ": ", std::string_view(Cell::name), ", vocabulary ", options.vocabulary,
                  ", embedding ", options.embedding, ", units ", options.units));
  std::optional<Seq2Seq<Encoder, Cell>> model;
  if (!report.attempt("encoder and decoder", [&] {
        Encoder encoder(1, Embedding<S>{.size = languages.letters, .dimension = choose.size()},
                        Bidirectional<Gru<S>>{.units = choose.size()});
        model.emplace(encoder, options);
        model->initialise(choose.seed());
      }))
    return;
  const auto pairs = random_pairs(choose, report, languages);
  if (!pairs) return;
  train(choose, report, *model, *pairs);
  const Limits limits = random_limits(choose, languages);
  switch (choose.below(3)) {
    case 0:
      return decode("greedy", report, *model, *pairs, languages,
                    [&](auto& decoder, Index) { return greedy(decoder, {.limits = limits}); });
    case 1: {
      const BeamOptions beams{.limits = limits,
                              .beams = odd ? std::min<Index>(choose.size(true), 100) : choose.size(),
                              .n_best = odd ? choose.size(true) : 1};
      return decode("beam search", report, *model, *pairs, languages,
                    [&](auto& decoder, Index) { return beam_search(decoder, beams); });
    }
    default: {
      SamplingOptions sampling{.limits = limits,
                               .samples = odd ? std::min<Index>(choose.size(true), 100) : choose.size(),
                               .temperature = odd ? choose.real(true) : 1,
                               .top_k = choose.one_in(3) ? choose.size(odd) : 0,
                               .top_p = choose.one_in(3) ? choose.real(odd) : 1,
                               .seed = choose.seed()};
      return decode("sampling", report, *model, *pairs, languages, [&](auto& decoder, Index first) {
        sampling.source_keys.clear();
        for (Index k = 0; k < decoder.sources(); ++k) sampling.source_keys.push_back(std::uint64_t(first + k));
        return sample(decoder, sampling);
      });
    }
  }
}

}  // namespace

void try_pairs(Choices& choose, Report& report) {
  switch (choose.below(3)) {
    case 0:
      return try_cell<BahdanauGru<S>>(choose, report);
    case 1:
      return try_cell<LuongLstm<S>>(choose, report);
    default:
      return try_cell<Gru<S>>(choose, report);
  }
}

}  // namespace interface
