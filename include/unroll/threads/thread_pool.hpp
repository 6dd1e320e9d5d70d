#pragma once
// Thread pool for all parallel work of the library.
//
// Results must depend neither on the thread that runs a task nor on the number of threads. Work is therefore split by
// its size, never by the number of threads, and results have the same bits for any number of threads.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#include "unroll/core/error.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/core/types.hpp"
#include "unroll/threads/flush_to_zero.hpp"

namespace unroll {

namespace detail {

/// Hint to the processor that the thread waits for another one.
inline void relax() {
#if EIGEN_ARCH_i386_OR_x86_64 && (EIGEN_COMP_GNUC || EIGEN_COMP_CLANG)
  __builtin_ia32_pause();
#endif
}

}  // namespace detail

/// Thread pool, including the calling thread.
///
/// In a process created by `fork`, the threads of the parent's pool do not exist: `run` then runs all tasks in the
/// calling thread, with the same results, and the destructor leaks the memory of the lost threads. A task must not fork
/// and continue in the child.
class ThreadPool {
 public:
  /// Starts the threads: `threads` including the caller, 0 for one per core. They end with the pool. Throws ValueError
  /// for a negative number, and Error if the system cannot start all of them; then none keeps running.
  explicit ThreadPool(int threads = 0) : shared_(std::make_unique<Shared>()) {
    detail::check_least("threads", "count", threads, 0, " (0: one per core)");
    if (threads == 0) threads = std::max(1, int(std::thread::hardware_concurrency()));
    try {
      for (int k = 1; k < threads; ++k) shared_->workers.emplace_back([this] { work(); });
    } catch (const std::exception& error) {  // system_error or bad_alloc
      const auto started = shared_->workers.size() + 1;
      end();
      detail::fail<Error>({"threads: ", threads, " threads could not be started, only ", started, " (",
                           std::string_view(error.what()), "); use fewer, or raise the system's limits"});
    }
  }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool() {
    if (in_owner())
      end();
    else
      static_cast<void>(shared_.release());  // lost threads cannot be joined, nor their locks destroyed
  }

  int threads() const { return int(shared_->workers.size()) + 1; }

  /// Parallel loop: f(k) for all k < count, concurrently and in any order; returns when all tasks are done. Tasks may
  /// call `run`: a thread waits only for tasks that are already running, so nested calls cannot deadlock. If tasks
  /// throw, rethrows the exception of the lowest k after all tasks have ended. Allocates nothing. Subnormal numbers are
  /// treated as in the calling thread (FlushToZero).
  template <class F>
  void run(Index count, F&& f) {
    if (count <= 1 || shared_->workers.empty() || !in_owner()) {
      for (Index k = 0; k < count; ++k) f(k);
      return;
    }
    share([](void* task, Index k) { (*static_cast<std::remove_reference_t<F>*>(task))(k); },
          const_cast<void*>(static_cast<const void*>(std::addressof(f))), count);
  }

 private:
  struct Job {
    void (*call)(void*, Index);
    void* task;
    Index count;
    std::atomic<Index> next = 0;
    int helpers = 0;  // threads that run tasks of this job; guarded by the pool's mutex
    std::mutex error_mutex = {};
    std::exception_ptr error = {};
    Index failed = 0;
    const std::uint64_t flush = detail::flush_mode();  // of the thread that opened the job
  };

  /// Runs the tasks `call(task, k)` together with the other threads.
  template <class = detail::Once>
  void share(void (*call)(void*, Index), void* task, Index count);

  static long process() {
#if __has_include(<unistd.h>)
    return long(::getpid());
#else
    return 0;
#endif
  }
  bool in_owner() const { return shared_->owner == process(); }

  void end() {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->ends = true;
      ++shared_->calls;
    }
    shared_->wake.notify_all();
    for (std::thread& worker : shared_->workers) worker.join();
  }

  void open(Job& job) {
    {
      const std::lock_guard lock(shared_->mutex);
      shared_->jobs.push_back(&job);
      ++shared_->calls;
    }
    shared_->wake.notify_all();
  }

  static void take_part(Job& job) {
    for (Index k; (k = job.next.fetch_add(1)) < job.count;) try {
        job.call(job.task, k);
      } catch (...) {
        const std::lock_guard lock(job.error_mutex);
        if (!job.error || k < job.failed) job.error = std::current_exception(), job.failed = k;
      }
  }

  /// Removes the job, so that no thread can join it, then waits for the threads that did: after that all tasks are
  /// done.
  void close(Job& job) {
    std::unique_lock lock(shared_->mutex);
    shared_->jobs.erase(std::find(shared_->jobs.begin(), shared_->jobs.end(), &job));
    if (job.helpers == 0) return;
    lock.unlock();
    spin([&] {
      const std::lock_guard look(shared_->mutex);
      return job.helpers == 0;
    });
    lock.lock();
    shared_->done.wait(lock, [&] { return job.helpers == 0; });
  }

  /// Newest job first: it is the innermost, and outer jobs wait for it.
  Job* find_job() {
    for (auto job = shared_->jobs.rbegin(); job != shared_->jobs.rend(); ++job)
      if ((*job)->next.load() < (*job)->count) return *job;
    return nullptr;
  }

  void work() {
    std::unique_lock lock(shared_->mutex);
    while (!shared_->ends) {
      if (Job* const job = find_job()) {
        ++job->helpers;
        lock.unlock();
        {
          const detail::FlushAs mode(job->flush);
          take_part(*job);
        }
        lock.lock();
        if (--job->helpers == 0) shared_->done.notify_all();
        continue;
      }
      const auto seen = shared_->calls.load();
      lock.unlock();
      spin([&] { return shared_->calls.load() != seen; });
      lock.lock();
      shared_->wake.wait(lock, [&] { return shared_->calls.load() != seen; });
    }
  }

  /// Busy-waits: training steps follow each other within microseconds, less than the wake-up time of a sleeping thread.
  template <class Condition>
  static void spin(const Condition& condition) {
    for (int k = 0; k < 200 && !condition(); ++k)
      for (int pause = 0; pause < 10; ++pause) detail::relax();
  }

  /// State shared with the threads.
  struct Shared {
    Shared() { jobs.reserve(64); }
    std::vector<std::thread> workers;
    std::mutex mutex;
    std::condition_variable wake, done;
    std::vector<Job*> jobs;                // open jobs; the last ones of their tasks may be running already
    std::atomic<std::uint64_t> calls = 0;  // changes when a job is opened or the pool ends
    bool ends = false;
    const long owner = process();
  };

  std::unique_ptr<Shared> shared_;
};

template <class>
void ThreadPool::share(void (*call)(void*, Index), void* task, Index count) {
  Job job{call, task, count};
  open(job);
  take_part(job);
  close(job);
  if (job.error) std::rethrow_exception(job.error);
}

/// Parallel loop on a pool: f(k) for all k < count. Without a pool (null) the calling thread runs all tasks.
template <class F>
void run_tasks(ThreadPool* threads, Index count, F&& f) {
  if (threads != nullptr) return threads->run(count, f);
  for (Index k = 0; k < count; ++k) f(k);
}

/// Number of threads, as an option. All copies share one pool.
class Threads {
 public:
  /// `count` threads, 0 for one per core. The first use starts them.
  Threads(int count = 0) : shared_(std::make_shared<Shared>()) {  // NOLINT: implicit conversion from a number
    detail::check_least("threads", "count", count, 0, " (0: one per core)");
    shared_->count = count;
  }

  ThreadPool& pool() const {
    std::call_once(shared_->once, [this] { shared_->pool = std::make_unique<ThreadPool>(shared_->count); });
    return *shared_->pool;
  }

  /// Pool for work of about `operations` multiply-adds (or equal time); null below 200 000, where waking threads does
  /// not pay off.
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
