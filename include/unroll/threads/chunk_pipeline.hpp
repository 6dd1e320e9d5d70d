#pragma once
// Loop over chunks that several threads share: one thread runs the work of each chunk that depends on the chunk before
// it, and the other threads do the rest. Values do not depend on the threads.

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <type_traits>

#include "unroll/threads/thread_pool.hpp"

namespace unroll::detail {

/// Work that a loop does not have.
struct NoWork {
  void operator()(Index) const {}
  void operator()(Index, int, int) const {}
};

constexpr int most_lanes = 4;

/// Work of a chunk, type-erased, so that one pipeline serves all loops. Null for NoWork.
class ChunkWork {
 public:
  template <class F>
  requires(!std::is_same_v<F, ChunkWork>) explicit ChunkWork(F& f) {
    if constexpr (!std::is_same_v<F, NoWork>) {
      task_ = const_cast<void*>(static_cast<const void*>(std::addressof(f)));
      call_ = [](void* task, Index k, [[maybe_unused]] int lane, [[maybe_unused]] int lanes) {
        if constexpr (requires { (*static_cast<F*>(task))(k); })
          (*static_cast<F*>(task))(k);
        else
          (*static_cast<F*>(task))(k, lane, lanes);
      };
    }
  }

  explicit operator bool() const { return call_ != nullptr; }
  void operator()(Index k, int lane = 0, int lanes = 1) const { call_(task_, k, lane, lanes); }

 private:
  void* task_ = nullptr;
  void (*call_)(void*, Index, int, int) = nullptr;
};

/// Work of the chunks k < count. For each chunk first `before(k)`, then `lead(k)`, then `in_order(k, lane, lanes)` for
/// all lanes, and `after(k)`. Calls of `before` are independent of each other, as are those of `after`; they run
/// concurrently and in any order. `lead` runs in order, and so does `in_order` in each lane: at most one call of each
/// runs at a time.
class ChunkPipeline {
 public:
  ChunkPipeline(Index count, ChunkWork before, ChunkWork lead, ChunkWork in_order, ChunkWork after)
      : count_(count), before_(before), lead_(lead), in_order_(in_order), after_(after) {
    for (auto& ready : ready_) ready.store(-1, std::memory_order_relaxed);
    if (!after_) next_after_ = count;
  }

  void run(ThreadPool& threads) {
    constexpr Index most_roles = most_lanes + 2;  // more threads would mostly wait
    const Index roles = std::min({Index(threads.threads()), count_, most_roles});
    if (in_order_) lanes_ = std::min(int(roles), most_lanes);
    threads.run(roles, [&](Index role) {
      try {
        if (role == 0) lead();
        help(role == 0);
      } catch (...) {
        failed_ = true;  // ends the other roles
        throw;
      }
    });
  }

 private:
  static constexpr Index most_ahead = 16;  // chunks that `before` may be ahead of `lead`
  static constexpr Index most_behind = 4;  // chunks that wait for a helper; more would leave the cache

  void lead() {
    for (Index k = 0; k < count_; ++k) {
      if (before_) {
        for (Pause pause; !is_ready(k);) {
          if (failed()) return;
          if (!run_before()) pause();
        }
      }
      lead_(k);
      led_.store(k + 1, std::memory_order_release);
      const Index behind = helped_.load(std::memory_order_relaxed) ? most_behind : 0;
      while (run_in_order(k - behind)) continue;
      while (next_after_.load(std::memory_order_relaxed) + behind <= k && run_after()) continue;
      if (failed()) return;
    }
  }

  void help(bool leads) {
    if (!leads) helped_.store(true, std::memory_order_relaxed);
    for (Pause pause; !failed() && !all_taken();)
      if (!run_in_order(count_) && !run_after() && !run_before()) pause();
  }
  bool all_taken() const {
    for (int lane = 0; lane < lanes_; ++lane)
      if (of_lane_[std::size_t(lane)].next.load(std::memory_order_relaxed) < count_) return false;
    return next_after_.load(std::memory_order_relaxed) >= count_ && led_.load(std::memory_order_relaxed) >= count_;
  }

  bool run_before() {
    if (!before_) return false;
    const Index k = claim(next_before_, std::min(count_, led_.load(std::memory_order_acquire) + most_ahead));
    if (k < 0) return false;
    before_(k);
    place(k).store(k, std::memory_order_release);
    return true;
  }
  bool run_after() {
    const Index k = claim(next_after_, led_.load(std::memory_order_acquire));
    if (k >= 0) after_(k);
    return k >= 0;
  }
  /// Runs the next call of a lane, if its chunk is at most `last`.
  bool run_in_order(Index last) {
    for (int lane = 0; lane < lanes_; ++lane)
      if (run_in_order(lane, last)) return true;
    return false;
  }
  bool run_in_order(int lane, Index last) {
    auto& [next, busy] = of_lane_[std::size_t(lane)];
    const auto is_due = [&, &following = next] {
      const Index k = following.load(std::memory_order_relaxed);
      return k <= last && k < led_.load(std::memory_order_acquire);
    };
    if (!is_due() || busy.test_and_set(std::memory_order_acquire)) return false;
    const bool runs = is_due();
    if (runs) {
      const Index k = next.load(std::memory_order_relaxed);
      in_order_(k, lane, lanes_);
      next.store(k + 1, std::memory_order_relaxed);
    }
    busy.clear(std::memory_order_release);
    return runs;
  }

  /// Takes the next number below `limit`; -1 if there is none.
  static Index claim(std::atomic<Index>& next, Index limit) {
    for (Index k = next.load(std::memory_order_relaxed); k < limit;)
      if (next.compare_exchange_weak(k, k + 1)) return k;
    return -1;
  }
  bool is_ready(Index k) { return place(k).load(std::memory_order_acquire) == k; }
  std::atomic<Index>& place(Index k) { return ready_[std::size_t(k) % ready_.size()]; }
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

  /// Waits for a short time, at first without giving up the core.
  class Pause {
   public:
    void operator()() {
      if (++rounds_ > 1000) std::this_thread::yield();
      relax();
    }

   private:
    int rounds_ = 0;
  };

  const Index count_;
  const ChunkWork before_, lead_, in_order_, after_;
  int lanes_ = 0;
  struct Lane {
    std::atomic<Index> next = 0;
    std::atomic_flag busy = {};  // a call runs
  };
  std::array<Lane, most_lanes> of_lane_{};
  std::atomic<Index> next_before_ = 0, next_after_ = 0;  // not yet claimed
  std::atomic<Index> led_ = 0;                           // chunks whose `lead` has ended
  std::atomic<bool> helped_ = false, failed_ = false;
  std::array<std::atomic<Index>, most_ahead> ready_{};  // chunk whose `before` has ended last, at this place
};

template <class = Once>
void share_chunks(ThreadPool& threads, Index count, ChunkWork before, ChunkWork lead, ChunkWork in_order,
                  ChunkWork after) {
  ChunkPipeline(count, before, lead, in_order, after).run(threads);
}

/// Work of the chunks k < count, as ChunkPipeline; without threads (null) one chunk after the other.
template <class Before, class Lead, class InOrder, class After>
void run_chunks(ThreadPool* threads, Index count, Before before, Lead lead, InOrder in_order, After after) {
  if (threads != nullptr && threads->threads() > 1 && count > 1)
    return share_chunks(*threads, count, ChunkWork(before), ChunkWork(lead), ChunkWork(in_order), ChunkWork(after));
  for (Index k = 0; k < count; ++k) {
    before(k);
    lead(k);
    in_order(k, 0, 1);
    after(k);
  }
}

}  // namespace unroll::detail
