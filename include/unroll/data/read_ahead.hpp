#pragma once

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

#include "unroll/core/checked.hpp"
#include "unroll/data/batches.hpp"
#include "unroll/data/lazy_dataset.hpp"

namespace unroll::detail {

/// Parts of a lazy data set, such as batches, read in order by one thread, which ends with the object. At most
/// data.prefetch() parts that were not taken are in memory.
template <std::floating_point S>
class ReadAhead {
 public:
  /// Samples of a part, at least one; called by the thread.
  using SamplesOf = std::function<std::span<const Index>(Index part)>;

  /// Begins to read the parts [next, end). Keeps a reference to `data`. Throws Error if the thread cannot be started.
  ReadAhead(const LazyDataset<S>& data, Index next, Index end, SamplesOf samples_of)
      : data_(data),
        samples_of_(std::move(samples_of)),
        next_(next),
        read_(next),
        end_(end),
        slots_(std::size_t(std::clamp<Index>(end - next, 0, data.prefetch()))) {
    if (slots_.empty()) return;
    try {
      thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
    } catch (const std::system_error& error) {
      throw Error(text("lazy data set: the thread that reads ahead could not be started (", error.what(),
                       "); set prefetch to 0"));
    }
  }

  /// Number of the part that `take` returns next.
  Index next() const { return next_; }

  /// Waits for the next part and returns it; sample k is number k of its samples. Rethrows an exception of its reading,
  /// after which the object can only be destroyed. The part must exist.
  Dataset<S> take() {
    if (slots_.empty()) return *read(next_++, {});
    std::unique_lock lock(mutex_);
    filled_.wait(lock, [this] { return read_ > next_; });
    Slot& slot = slot_of(next_);
    if (slot.error) {
      lock.unlock();
      thread_.join();  // the exception then belongs to this thread alone
      std::rethrow_exception(slot.error);
    }
    Dataset<S> part = std::move(*slot.part);
    slot.part.reset();
    ++next_;
    lock.unlock();
    emptied_.notify_one();
    return part;
  }

 private:
  struct Slot {
    std::optional<Dataset<S>> part;
    std::exception_ptr error;
  };

  Slot& slot_of(Index part) { return slots_[std::size_t(part) % slots_.size()]; }

  void work(const std::stop_token& stop) {
    for (Index part = read_; part < end_; ++part) {
      {
        std::unique_lock lock(mutex_);
        if (!emptied_.wait(lock, stop, [&] { return part - next_ < Index(slots_.size()); })) return;
      }
      Slot& slot = slot_of(part);  // empty, and used by this thread only until `read_` includes it
      try {
        slot.part = read(part, stop);
      } catch (...) {
        slot.error = std::current_exception();
      }
      if (!slot.error && !slot.part) return;
      const bool failed = bool(slot.error);
      {
        const std::lock_guard lock(mutex_);
        ++read_;
      }
      filled_.notify_one();
      if (failed) return;
    }
  }

  /// The samples of a part; nothing if stopped.
  std::optional<Dataset<S>> read(Index part, const std::stop_token& stop) const {
    std::optional<Dataset<S>> all;
    for (const Index sample : samples_of_(part)) {
      if (stop.stop_requested()) return {};
      if (all)
        all->append(data_.read(sample));
      else
        all = data_.read(sample);
    }
    return all;
  }

  const LazyDataset<S>& data_;
  SamplesOf samples_of_;
  Index next_, read_, end_;  // parts taken and read; guarded by mutex_
  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable_any emptied_;
  std::jthread thread_;  // last member: it ends before the others
};

/// Calls f(part, numbers) for pieces of at most `size` of `samples`, in order: sample k of `part` is numbers[k].
template <class S, class F>
void each_part(const LazyDataset<S>& data, std::span<const Index> samples, Index size, F&& f) {
  const auto numbers = [&](Index part) {
    const std::size_t begin = std::size_t(part * size);
    return samples.subspan(begin, std::min(samples.size() - begin, std::size_t(size)));
  };
  const Index parts = divide_up(Index(samples.size()), size);
  ReadAhead<S> reader(data, 0, parts, numbers);
  for (Index part = 0; part < parts; ++part) f(reader.take(), numbers(part));
}

}  // namespace unroll::detail
