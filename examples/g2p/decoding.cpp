#include "decoding.hpp"

#include <algorithm>
#include <numeric>

#include "unroll/infer/beam.hpp"
#include "unroll/infer/greedy.hpp"

namespace g2p {

using namespace unroll;

namespace {

/// Words decoded at a time.
constexpr Index group = 100;

using Group = std::span<const MatrixX<float>>;

void read(Group words, Writer& writer) {
  std::vector<Index> lengths;
  for (const auto& word : words) lengths.push_back(word.cols());
  const Timeline timeline = Timeline::from_lengths(lengths);
  MatrixX<float> letters(1, timeline.columns());
  for (Index c = 0; c < letters.cols(); ++c)
    letters(0, c) = words[std::size_t(timeline.sample_of(c))](0, timeline.step_of(c));
  writer.read(letters, timeline);
}

/// Twice the letters plus 8. In data/, "kwh" has the most phonemes per letter: 11 for 3.
Limits limits(Group words) {
  Limits limits{.end = special_tokens.end};
  for (const auto& word : words) limits.longest_of.push_back(2 * word.cols() + 8);
  return limits;
}

Written search_best(Writer& writer, const Limits& limits, const Search& search) {
  if (search.beams > 0)
    return beam_search(writer, {.limits = limits,
                                .keep_attention = search.keep_attention,
                                .beams = search.beams,
                                .n_best = search.n_best,
                                .length_penalty = LengthPenalty::wu(search.length_penalty)});
  Written written;
  for (auto& one : greedy(writer, {.limits = limits, .keep_attention = search.keep_attention}))
    written.push_back({std::move(one)});
  return written;
}

}  // namespace

Written write(const Network& network, const std::vector<MatrixX<float>>& words, const Search& search,
              const Threads& threads) {
  Written written(words.size());
  threads.pool().run((Index(words.size()) + group - 1) / group, [&](Index k) {
    const auto first = std::size_t(k * group);
    const Group some(words.data() + first, std::min(std::size_t(group), words.size() - first));
    const auto writer = network.writer();
    read(some, *writer);
    auto part = search_best(*writer, limits(some), search);
    std::move(part.begin(), part.end(), written.begin() + Index(first));
  });
  return written;
}

Index edit_distance(std::span<const Index> written, std::span<const Index> right) {
  std::vector<Index> row(right.size() + 1);
  std::iota(row.begin(), row.end(), Index(0));
  for (std::size_t i = 0; i < written.size(); ++i) {
    Index diagonal = row[0];
    row[0] = Index(i) + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const Index replaced = diagonal + (written[i] == right[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j + 1] + 1, row[j] + 1, replaced});
    }
  }
  return row.back();
}

const std::vector<Index>& nearest(const std::vector<Index>& written,
                                  const std::vector<std::vector<Index>>& pronunciations) {
  return *std::min_element(pronunciations.begin(), pronunciations.end(), [&](const auto& a, const auto& b) {
    return edit_distance(written, a) < edit_distance(written, b);
  });
}

ErrorRates error_rates(const Written& written, const Words& words) {
  ErrorRates rates;
  for (std::size_t k = 0; k < written.size(); ++k) {
    const auto& right = nearest(written[k].front().tokens, words.pronunciations[k]);
    const Index edits = edit_distance(written[k].front().tokens, right);
    rates.edits += edits, rates.phonemes += Index(right.size());
    rates.wrong_words += edits > 0, ++rates.words;
  }
  return rates;
}

}  // namespace g2p
