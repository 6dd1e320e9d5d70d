#pragma once
// Threads that wait for work. All parallel work of the library goes through here.
//
// Tasks must not depend on which thread runs them nor on how many there are: everything that is computed has the same
// bits for any number of threads, because work is cut by its size and never by the number of threads.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"

namespace unroll {

/// A number of threads that share work, the calling one among them.
class ThreadPool {
 public:
  /// `threads` in all; 0: one for each core. They are started here and end with the pool. Throws ValueError for a
  /// negative number.
  explicit ThreadPool(int threads = 0) {
    require<ValueError>(threads >= 0, "threads: expects at least 1, or 0 for one per core, got ", threads);
    if (threads == 0) threads = std::max(1, int(std::thread::hardware_concurrency()));
    jobs_.reserve(64);
    for (int k = 1; k < threads; ++k) workers_.emplace_back([this] { work(); });
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
      ++calls_;
    }
    wake_.notify_all();
    for (std::thread& worker : workers_) worker.join();
  }

  int threads() const { return int(workers_.size()) + 1; }

  /// f(k) for all k < count, in any order and at the same time; returns when all are done. A task may call `run`
  /// itself: who waits for tasks has begun them all, so nobody waits for somebody who waits. When tasks throw, the
  /// exception of the lowest k is thrown on, after all have ended. Allocates nothing.
  template <class F>
  void run(Index count, F&& f) {
    if (count <= 1 || workers_.empty()) {
      for (Index k = 0; k < count; ++k) f(k);
      return;
    }
    Job job{[](void* task, Index k) { (*static_cast<std::remove_reference_t<F>*>(task))(k); },
            const_cast<void*>(static_cast<const void*>(std::addressof(f))), count};
    open(job);
    take_part(job);
    close(job);
    if (job.error) std::rethrow_exception(job.error);
  }

 private:
  struct Job {
    void (*call)(void*, Index);
    void* task;
    Index count;
    std::atomic<Index> next = 0;
    int helpers = 0;  // threads that still look at this job; guarded by the pool's mutex
    std::mutex error_mutex = {};
    std::exception_ptr error = {};
    Index failed = 0;
  };

  void open(Job& job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(&job);
      ++calls_;
    }
    wake_.notify_all();
  }

  static void take_part(Job& job) {
    for (Index k; (k = job.next.fetch_add(1)) < job.count;) try {
        job.call(job.task, k);
      } catch (...) {
        const std::lock_guard lock(job.error_mutex);
        if (!job.error || k < job.failed) job.error = std::current_exception(), job.failed = k;
      }
  }

  /// Once nobody can join, waits for those who did: then all tasks are done.
  void close(Job& job) {
    std::unique_lock lock(mutex_);
    jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
    if (job.helpers == 0) return;
    lock.unlock();
    spin([&] {
      const std::lock_guard look(mutex_);
      return job.helpers == 0;
    });
    lock.lock();
    done_.wait(lock, [&] { return job.helpers == 0; });
  }

  /// The newest job comes first: it is the innermost, and somebody further out waits for it.
  Job* find_job() {
    for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job)
      if ((*job)->next.load() < (*job)->count) return *job;
    return nullptr;
  }

  void work() {
    std::unique_lock lock(mutex_);
    while (!ends_) {
      if (Job* const job = find_job()) {
        ++job->helpers;
        lock.unlock();
        take_part(*job);
        lock.lock();
        if (--job->helpers == 0) done_.notify_all();
        continue;
      }
      const auto seen = calls_.load();
      lock.unlock();
      spin([&] { return calls_.load() != seen; });
      lock.lock();
      wake_.wait(lock, [&] { return calls_.load() != seen; });
    }
  }

  /// Training steps follow each other within microseconds, which is sooner than a sleeping thread wakes up.
  template <class Condition>
  static void spin(const Condition& condition) {
    for (int k = 0; k < 200 && !condition(); ++k)
      for (int pause = 0; pause < 10; ++pause) relax();
  }
  static void relax() {
#if EIGEN_ARCH_i386_OR_x86_64 && (EIGEN_COMP_GNUC || EIGEN_COMP_CLANG)
    __builtin_ia32_pause();
#endif
  }

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_, done_;
  std::vector<Job*> jobs_;                // with tasks that nobody has begun, or just now had
  std::atomic<std::uint64_t> calls_ = 0;  // changes when there is something to look at
  bool ends_ = false;
};

/// f(k) for all k < count, by a pool or, without one, by the calling thread alone.
template <class F>
void run_tasks(ThreadPool* threads, Index count, F&& f) {
  if (threads != nullptr) return threads->run(count, f);
  for (Index k = 0; k < count; ++k) f(k);
}

/// How many threads work: an option that is copied with the options that hold it, and whose copies share one pool.
class Threads {
 public:
  /// 0: one for each core. They are started when they are first needed.
  Threads(int count = 0) : shared_(std::make_shared<Shared>()) {  // NOLINT: a number of threads is one
    require<ValueError>(count >= 0, "threads: expects at least 1, or 0 for one per core, got ", count);
    shared_->count = count;
  }

  ThreadPool& pool() const {
    std::call_once(shared_->once, [this] { shared_->pool = std::make_unique<ThreadPool>(shared_->count); });
    return *shared_->pool;
  }

  /// None for work of so few multiply-adds, or as much time, that waking others would not pay.
  ThreadPool* for_work(Index operations) const { return operations < 200'000 ? nullptr : &pool(); }

 private:
  struct Shared {
    int count = 0;
    std::once_flag once;
    std::unique_ptr<ThreadPool> pool;
  };
  std::shared_ptr<Shared> shared_;
};

}  // namespace unroll
