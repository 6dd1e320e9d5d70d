#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "unroll/core/option_checks.hpp"
#include "unroll/data/dataset.hpp"

namespace unroll {

/// Options of LazyDataset.
struct LazyOptions {
  /// Steps of each sequence, which `by_length` and `tokens` of BatchOptions need; empty: unknown.
  std::vector<Index> lengths = {};
  Index prefetch = 2;  ///< batches that a thread reads ahead; 0: the calling thread reads
};

/// Data set whose sequences are read when a batch needs them: for data larger than memory, or made while training.
/// `fit` and `evaluate` take it in place of a Dataset, with the same results. Sequences of prefetch + 1 batches are in
/// memory at a time.
template <std::floating_point S>
class LazyDataset {
 public:
  using Scalar = S;
  /// Function that returns sequence `sample`, with its target and weight, as a Dataset of one sequence. It must return
  /// the same sequence at every call. Calls follow each other, from any thread.
  using Read = std::function<Dataset<S>(Index sample)>;

  /// Reads sample 0. Throws ValueError for options out of range, ShapeError unless there is a length for every
  /// sequence, and what `read` throws.
  LazyDataset(Index size, Read read, LazyOptions options = {})
      : size_(size),
        read_(std::move(read)),
        options_(std::move(options)),
        reading_(std::make_shared<std::mutex>()),
        first_(checked_first()) {}

  /// Data in memory, for functions that take a lazy data set; no thread reads ahead.
  explicit LazyDataset(Dataset<S> data) : LazyDataset(std::make_shared<const Dataset<S>>(std::move(data))) {}

  /// Number of sequences.
  Index size() const { return size_; }
  /// Number of steps of a sequence. Throws ValueError if lengths are unknown or there is no such sample.
  Index length(Index sample) const {
    require<ValueError>(!options_.lengths.empty(),
                        "lazy data set: batches by length or with a limit of steps need LazyOptions::lengths");
    detail::check_index("lazy data set", "sample", sample, size_);
    return options_.lengths[std::size_t(sample)];
  }
  Index prefetch() const { return options_.prefetch; }
  /// Sample 0. All samples have its features, names of inputs and targets, kind of targets, classes, rows of targets,
  /// and all or none have weights.
  const Dataset<S>& first() const { return first_; }
  Index features() const { return first_.features(); }
  TargetKind kind() const { return first_.kind(); }
  const NamedRows& inputs() const { return first_.inputs(); }
  const std::vector<TargetPart>& targets() const { return first_.targets(); }
  Index classes() const { return first_.classes(); }
  Index target_rows() const { return first_.target_rows(); }

  /// Sample as a data set of one sequence. Throws ValueError if it does not exist, ShapeError if its form is not that
  /// of sample 0 or its length is not the given one, and what the reading function throws; errors name the sample.
  /// Other standard exceptions of the function except std::bad_alloc become an Error.
  Dataset<S> read(Index sample) const {
    Dataset<S> one = called(sample);
    named(sample, [&] { one.check_form(first_, "sample 0"); });
    return one;
  }

  /// Some of the samples, in the given order. Throws ValueError if `samples` is empty or a sample does not exist, and
  /// what `read` throws for the first one.
  LazyDataset subset(std::span<const Index> samples) const {
    LazyOptions options{.prefetch = options_.prefetch};
    for (const Index sample : samples) {
      detail::check_index("lazy data set", "sample", sample, size_);
      if (!options_.lengths.empty()) options.lengths.push_back(length(sample));
    }
    const auto read_one = [all = *this, numbers = std::vector<Index>(samples.begin(), samples.end())](Index sample) {
      return all.read(numbers[std::size_t(sample)]);
    };
    return {Index(samples.size()), read_one, std::move(options)};
  }

  /// Data set whose samples are f(sample), computed when they are read: `f` takes and returns a Dataset of one sequence
  /// and keeps the number of steps.
  template <class F>
  LazyDataset mapped(F f) const {
    return {size_, [all = *this, f](Index sample) { return f(all.read(sample)); }, options_};
  }

 private:
  explicit LazyDataset(const std::shared_ptr<const Dataset<S>>& data)
      : LazyDataset(data->size(),
                    [data](Index sample) {
                      return data->subset({&sample, 1});
                    },
                    {.lengths = lengths_of(*data), .prefetch = 0}) {}

  static std::vector<Index> lengths_of(const Dataset<S>& data) {
    std::vector<Index> lengths;
    for (Index s = 0; s < data.size(); ++s) lengths.push_back(data.length(s));
    return lengths;
  }

  Dataset<S> checked_first() const {
    require<ValueError>(size_ > 0, "lazy data set: number of sequences must be at least 1, got ", size_);
    require<ValueError>(bool(read_), "lazy data set: the reading function is empty");
    detail::check_least("lazy data set", "prefetch", options_.prefetch, 0, " batches (0: the calling thread reads)");
    if (!options_.lengths.empty())
      detail::check_as_many("lazy data set", "lengths", "entries as sequences", Index(options_.lengths.size()), size_);
    for (const Index steps : options_.lengths) detail::check_least("lazy data set", "length", steps, 0, " steps");
    return called(0);
  }

  /// Result of the reading function, without comparison with sample 0.
  Dataset<S> called(Index sample) const {
    detail::check_index("lazy data set", "sample", sample, size_);
    return named(sample, [&] {
      const std::lock_guard lock(*reading_);
      Dataset<S> one = read_(sample);
      require<ShapeError>(one.size() == 1, "the reading function must return 1 sequence, got ", one.size());
      require<ShapeError>(
          options_.lengths.empty() || one.length(0) == length(sample), "the sequence must have ",
          [&] { return text(length(sample)); }, " steps, as in LazyOptions::lengths, got ", one.length(0));
      return one;
    });
  }

  template <class F>
  static decltype(auto) named(Index sample, F&& f) {
    const auto place = [&] { return text("lazy data set: sample ", sample, ": "); };
    try {
      return detail::with_place(place, f);
    } catch (const Error&) {
      throw;
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw Error(text(place, error.what()));
    }
  }

  Index size_;
  Read read_;
  LazyOptions options_;
  std::shared_ptr<std::mutex> reading_;  // of all copies, which share what `read_` refers to
  Dataset<S> first_;
};

namespace detail {

template <class Data>
inline constexpr bool is_lazy = false;
template <class S>
inline constexpr bool is_lazy<LazyDataset<S>> = true;

/// Data sets of sequences with scalar S.
template <class Data, class S = typename Data::Scalar>
concept SampleData = std::same_as<Data, Dataset<S>> || std::same_as<Data, LazyDataset<S>>;

/// Calls f(part, s) for every sample of the data, in order: the sample is sample s of `part`.
template <class S, class F>
void each_sample(const Dataset<S>& data, F&& f) {
  for (Index s = 0; s < data.size(); ++s) f(data, s);
}
template <class S, class F>
void each_sample(const LazyDataset<S>& data, F&& f) {
  for (Index s = 0; s < data.size(); ++s) f(data.read(s), Index(0));
}

}  // namespace detail
}  // namespace unroll
