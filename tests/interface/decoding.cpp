// Random tests of decoding by encoders and decoders.

#include <algorithm>
#include <unroll/infer/beam.hpp>
#include <unroll/infer/greedy.hpp>
#include <unroll/infer/sampling.hpp>

#include "interface/pairs.hpp"

namespace interface {
namespace {

using Written = std::vector<std::vector<Hypothesis<S>>>;  // per source

bool same_results(const Hypothesis<S>& a, const Hypothesis<S>& b) {
  return a.tokens == b.tokens && a.log_probability == b.log_probability && a.score == b.score && a.ended == b.ended &&
         same_bits(a.attention, b.attention);
}
bool same_results(const std::vector<Hypothesis<S>>& a, const std::vector<Hypothesis<S>>& b) {
  return std::ranges::equal(a, b, [](const auto& x, const auto& y) { return same_results(x, y); });
}

Limits random_limits(Choices& choose, const SpecialTokens& special_tokens, bool odd, Index sources) {
  Limits limits{.end = odd && choose.coin() ? choose.size(true) : special_tokens.end,
                .shortest = odd ? choose.size(choose.coin()) : choose.below(3),
                .longest = odd && choose.coin() ? std::min<Index>(choose.size(true), 50) : 8,
                .no_repeat_ngram = choose.one_in(4) ? choose.size(odd) : 0};
  if (choose.one_in(6)) {
    limits.longest = 0, limits.shortest = 0;
    for (Index k = 0; k < sources; ++k) limits.longest_of.push_back(choose.below(6));
  }
  return limits;
}

/// Limits of the sources first, ..., first + count - 1.
Limits limits_of(const Limits& limits, Index first, Index count) {
  Limits some = limits;
  if (!limits.longest_of.empty())
    some.longest_of.assign(limits.longest_of.begin() + first, limits.longest_of.begin() + first + count);
  return some;
}

void keeps_to_limits(Report& report, const char* what, const Limits& limits, const Written& written, Index vocabulary) {
  for (std::size_t b = 0; b < written.size(); ++b)
    for (const auto& one : written[b]) {
      const Index count = Index(one.tokens.size());
      const auto good = [&](Index t) { return t >= 0 && t < vocabulary && t != limits.end; };
      report.expect(std::ranges::all_of(one.tokens, good), text(what, ": a token is none, or the end"));
      report.expect(count <= detail::longest(limits, Index(b)), text(what, ": too many tokens"));
      report.expect(!one.ended || count >= limits.shortest, text(what, ": too few tokens"));
      report.expect(one.log_probability <= 1e-6 && is_finite(one.score), text(what, ": a probability is above 1"));
      report.expect(one.attention.allFinite(), text(what, ": an attention is not finite"));
    }
}

/// Decodes by `search(decoder, first source, limits)`. Checks that results are the same in a batch and alone, and when
/// repeated.
template <class Search>
void decode(const char* what, Report& report, const PairsModel& model, const SequencePairs<S>& pairs,
            const Limits& limits, Search&& search) {
  const auto of = [&](Index first, Index count) {
    std::vector<Index> samples;
    for (Index k = 0; k < count; ++k) samples.push_back(first + k);
    PairBatch<S> batch;
    batch.gather(pairs, samples);
    const auto decoder = model.decoder(pairs.special_tokens().begin);
    decoder->read(batch);
    Written written = search(*decoder, first, limits_of(limits, first, count));
    const Written again = search(*decoder, first, limits_of(limits, first, count));
    report.expect(std::ranges::equal(written, again, [](auto& a, auto& b) { return same_results(a, b); }),
                  text(what, ": a decoder gives other results the second time"));
    keeps_to_limits(report, what, limits_of(limits, first, count), written, decoder->vocabulary());
    return written;
  };
  Written together;
  if (!report.attempt(what, [&] { together = of(0, pairs.size()); })) return;
  report.expect(Index(together.size()) == pairs.size(), text(what, ": number of results"));
  for (Index k = 0; k < pairs.size() && k < 2; ++k)
    if (!report.attempt(what, [&] {
          report.expect(same_results(of(k, 1).front(), together[std::size_t(k)]),
                        text(what, ": a source gives other results alone than in a batch"));
        }))
      report.fault(text(what, ": a source is refused alone but not in a batch"));
}

Written lists(std::vector<Hypothesis<S>> each) {
  Written all;
  for (auto& one : each) all.push_back({std::move(one)});
  return all;
}

void try_sampling(Choices& choose, Report& report, const PairsModel& model, const SequencePairs<S>& pairs, bool odd,
                  const Limits& limits, bool attention) {
  SamplingOptions options{.keep_attention = attention,
                          .samples = odd ? std::min<Index>(choose.size(true), 100) : choose.size(),
                          .temperature = odd ? choose.real(true) : 2 * choose.real(),
                          .top_k = choose.one_in(3) ? choose.size(odd) : 0,
                          .top_p = choose.one_in(3) ? choose.real(odd) : 1,
                          .seed = choose.seed()};
  if (choose.one_in(6)) options.temperature = 0;
  decode("sampling", report, model, pairs, limits, [&](AnyDecoder& decoder, Index first, const Limits& some) {
    options.limits = some;
    options.source_keys.clear();
    for (Index k = 0; k < decoder.sources(); ++k) options.source_keys.push_back(std::uint64_t(first + k));
    Written written = sample(decoder, options);
    if (options.temperature == 0 || options.top_k == 1) {
      const auto best = greedy(decoder, {.limits = some});
      for (std::size_t b = 0; b < written.size(); ++b)
        for (const auto& one : written[b])
          report.expect(one.tokens == best[b].tokens, "sampling: the most likely tokens are not those of greedy");
    }
    return written;
  });
}

}  // namespace

void try_decoding(Choices& choose, Report& report, const PairsModel& model, const SequencePairs<S>& pairs) {
  const bool odd = choose.one_in(4), attention = choose.coin();
  const Limits limits = random_limits(choose, pairs.special_tokens(), odd && choose.coin(), pairs.size());
  switch (choose.below(3)) {
    case 0:
      return decode("greedy", report, model, pairs, limits, [&](AnyDecoder& decoder, Index, const Limits& some) {
        return lists(greedy(decoder, {.limits = some, .keep_attention = attention}));
      });
    case 1: {
      BeamOptions options{.keep_attention = attention,
                          .beams = odd ? std::min<Index>(choose.size(true), 100) : choose.size(),
                          .n_best = odd ? choose.size(true) : 1};
      if (!odd) options.n_best = 1 + choose.below(options.beams);
      if (choose.coin()) options.length_penalty = LengthPenalty::wu(choose.real(odd));
      if (choose.one_in(3)) options.length_penalty = LengthPenalty::average(choose.real(odd));
      if (choose.one_in(3)) options.coverage_penalty = choose.real(odd);
      return decode("beam search", report, model, pairs, limits, [&](AnyDecoder& decoder, Index, const Limits& some) {
        options.limits = some;
        return beam_search(decoder, options);
      });
    }
    default:
      return try_sampling(choose, report, model, pairs, odd, limits, attention);
  }
}

}  // namespace interface
