#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/data/batches.hpp"
#include "unroll/data/dataset.hpp"

namespace unroll {

/// Treatment of tokens that do not fill a window in every stream.
enum class Tail {
  drop,  ///< left out, so that every window of every stream is full: for training
  keep   ///< the last windows are shorter and every token but the first is predicted: for evaluation
};

/// Options of TokenStreams.
struct StreamOptions {
  Index streams = 32;  ///< number of parallel streams
  Index steps = 50;    ///< length of a window
  Tail tail = Tail::drop;
};

/// Text cut into streams of consecutive tokens for truncated BPTT, see docs/truncated-bptt.md. Streams are equally long
/// and follow each other in the text; they are processed in parallel, window by window, with carried state. The target
/// of a token is the next token of the text, also at the end of a window or stream. Example with the tokens 1 to 13,
/// two streams and three steps:
///
///     stream 0    window 0: 1 2 3 -> 2 3 4         window 1: 4 5 6 -> 5 6 7
///     stream 1    window 0: 7 8 9 -> 8 9 10        window 1: 10 11 12 -> 11 12 13
///
///     const TokenStreams<float> text(tokens, vocabulary.size(), {.streams = 2, .steps = 3});
///     std::vector<State<float>> states;  // zero at the beginning of each epoch
///     for (Index k = 0; k < text.windows(); ++k) {
///       batch.gather(text.data(), text.window(k));
///       step.step(batch, &states);
///     }
template <std::floating_point S>
class TokenStreams {
 public:
  /// Cuts `tokens`, which must be in [0, vocabulary). Throws ValueError for options out of range, for tokens out of
  /// range, and for a text too short for one window.
  TokenStreams(std::span<const Index> tokens, Index vocabulary, const StreamOptions& options)
      : options_(options), predicted_(Index(tokens.size()) - 1), data_(cut(tokens, vocabulary)) {}

  /// Data set of all windows, with a label at every step; its sample index is window * streams + stream.
  const Dataset<S>& data() const { return data_; }
  Index streams() const { return options_.streams; }
  Index windows() const { return data_.size() / options_.streams; }
  /// Samples of window k, in stream order. Throws ValueError if there is no such window.
  std::span<const Index> window(Index k) const {
    detail::check_index("streams", "window", k, windows());
    return std::span(samples_).subspan(std::size_t(k * options_.streams), std::size_t(options_.streams));
  }
  /// Number of predicted tokens, and number of tokens left out at the end.
  Index tokens() const { return predicted_ - dropped(); }
  Index dropped() const { return std::max<Index>(predicted_ - length_ * options_.streams, 0); }

 private:
  Dataset<S> cut(std::span<const Index> tokens, Index vocabulary) {
    detail::check_exact<S>("streams", "vocabulary", vocabulary);
    find_length();
    std::vector<MatrixX<S>> inputs;
    std::vector<Labels> targets;
    for (Index first = 0; first < length_; first += options_.steps)
      for (Index stream = 0; stream < options_.streams; ++stream) {
        const Index begin = std::min(stream * length_ + first, predicted_),
                    left = std::min((stream + 1) * length_, predicted_) - begin;
        const Eigen::Map<const Labels> part(tokens.data() + begin, std::clamp<Index>(left, 0, options_.steps) + 1);
        inputs.push_back(part.head(part.size() - 1).transpose().template cast<S>());
        targets.push_back(part.tail(part.size() - 1));
      }
    for (const Index token : tokens) detail::check_index("streams", "token", token, vocabulary);
    samples_ = all_samples(Index(inputs.size()));
    return Dataset<S>::step_labelled(std::move(inputs), std::move(targets), vocabulary);
  }

  void find_length() {
    const Index streams = options_.streams, steps = options_.steps;
    detail::check_least("streams", "streams", streams, 1);
    detail::check_least("streams", "steps", steps, 1);
    const bool keep = options_.tail == Tail::keep;
    const Index least = keep ? 1 : checked_multiply(streams, steps, "streams: tokens");
    require<ValueError>(
        predicted_ >= least, "streams: text must have at least ", std::uint64_t(least) + 1,  // may exceed Index
        " tokens", [&] { return keep ? std::string() : text(" for ", streams, " streams of ", steps, " steps"); },
        ", got ", predicted_ + 1);
    require<ValueError>(!keep || streams <= predicted_, "streams: streams must be at most ", predicted_,
                        " for a text of ", predicted_ + 1, " tokens, got ", streams);
    length_ = keep ? divide_up(predicted_, streams) : predicted_ / least * steps;
  }

  StreamOptions options_;
  Index predicted_, length_ = 0;  // tokens that have a predecessor; of these, tokens per stream
  std::vector<Index> samples_;
  Dataset<S> data_;
};

}  // namespace unroll
