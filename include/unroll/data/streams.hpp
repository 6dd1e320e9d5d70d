#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
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
  /// Function that returns the tokens [first, first + count) of a text. It must return the same ones at every call.
  using Read = std::function<std::vector<Index>(Index first, Index count)>;

  /// Cuts `tokens`, which must be in [0, vocabulary). Throws ValueError for options out of range, for tokens out of
  /// range, and for a text too short for one window.
  TokenStreams(std::span<const Index> tokens, Index vocabulary, const StreamOptions& options)
      : options_(options), predicted_(Index(tokens.size()) - 1), vocabulary_(vocabulary), data_(cut(tokens)) {}

  /// Cuts a text of `tokens` tokens that are read when a window needs them: for texts larger than memory. Reads the
  /// first window. Throws as above; tokens are checked when they were read.
  TokenStreams(Index tokens, Read read, Index vocabulary, const StreamOptions& options)
      : options_(options),
        predicted_(tokens - 1),
        vocabulary_(vocabulary),
        read_(std::move(read)),
        data_(first_window()) {}

  /// Data set of all windows, with a label at every step; its sample index is window * streams + stream. Of a text that
  /// is read by windows, the first window.
  const Dataset<S>& data() const { return data_; }
  Index streams() const { return options_.streams; }
  Index windows() const { return divide_up(length_, options_.steps); }
  /// Samples of window k in `data()`, in stream order. Throws ValueError if there is no such window, or if it must be
  /// read.
  std::span<const Index> window(Index k) const {
    detail::check_index("streams", "window", k, data_.size() / options_.streams);
    return std::span(samples_).subspan(std::size_t(k * options_.streams), std::size_t(options_.streams));
  }
  /// Calls f(data, samples): the samples of `data` are those of window k. Throws ValueError if there is no such window,
  /// and for tokens out of range and of another number than were requested, ShapeError.
  template <class F>
  void visit_window(Index k, F&& f) const {
    if (!read_) return f(data_, window(k));
    detail::check_index("streams", "window", k, windows());
    const Dataset<S> read = read_window(k);
    f(read, all_samples(read.size()));
  }
  /// Number of predicted tokens, and number of tokens left out at the end.
  Index tokens() const { return predicted_ - dropped(); }
  Index dropped() const { return std::max<Index>(predicted_ - length_ * options_.streams, 0); }

 private:
  using Sequences = std::pair<std::vector<MatrixX<S>>, std::vector<Labels>>;  // inputs, targets

  Dataset<S> data_of(Sequences all) const {
    return Dataset<S>::step_labelled(std::move(all.first), std::move(all.second), vocabulary_);
  }

  /// Appends the sequences of window k. `tokens_at(first, count)` returns tokens of the text.
  template <class TokensAt>
  void append_window(Index k, const TokensAt& tokens_at, Sequences& to) const {
    for (Index stream = 0; stream < options_.streams; ++stream) {
      const Index begin = std::min(stream * length_ + k * options_.steps, predicted_),
                  left = std::min((stream + 1) * length_, predicted_) - begin,
                  count = std::clamp<Index>(left, 0, options_.steps) + 1;
      const auto& tokens = tokens_at(begin, count);
      detail::check_as_many("streams", "tokens that were read", "entries as requested", Index(tokens.size()), count);
      const Eigen::Map<const Labels> part(tokens.data(), count);
      to.first.push_back(part.head(count - 1).transpose().template cast<S>());
      to.second.push_back(part.tail(count - 1));
    }
  }

  Dataset<S> cut(std::span<const Index> tokens) {
    find_length();
    Sequences all;
    for (Index k = 0; k < windows(); ++k)
      append_window(
          k, [&](Index first, Index count) { return tokens.subspan(std::size_t(first), std::size_t(count)); }, all);
    check_tokens(tokens);
    samples_ = all_samples(Index(all.first.size()));
    return data_of(std::move(all));
  }

  Dataset<S> read_window(Index k) const {
    Sequences all;
    append_window(
        k,
        [&](Index first, Index count) {
          std::vector<Index> tokens = read_(first, count);
          check_tokens(tokens);
          return tokens;
        },
        all);
    return data_of(std::move(all));
  }

  Dataset<S> first_window() {
    require<ValueError>(bool(read_), "streams: the reading function is empty");
    find_length();
    samples_ = all_samples(options_.streams);
    return read_window(0);
  }

  void check_tokens(std::span<const Index> tokens) const {
    for (const Index token : tokens) detail::check_index("streams", "token", token, vocabulary_);
  }

  void find_length() {
    detail::check_exact<S>("streams", "vocabulary", vocabulary_);
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
  Index vocabulary_;
  Read read_;  // empty: the text is in memory
  std::vector<Index> samples_;
  Dataset<S> data_;
};

}  // namespace unroll
