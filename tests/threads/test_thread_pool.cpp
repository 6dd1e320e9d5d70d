#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <numeric>
#include <unroll/threads/thread_pool.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/sanitizers.hpp"

namespace test_thread_pool {

using namespace unroll;

namespace {

/// Result of f in a child process, or -1 if it does not end within 20 seconds.
template <class F>
int in_child(F&& f) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);
    ::_exit(f());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Index sum_by(ThreadPool& pool, Index count) {
  std::atomic<Index> sum = 0;
  pool.run(count, [&](Index k) { sum += k; });
  return sum;
}

#if !UNROLL_ADDRESS_SANITIZER && !UNROLL_THREAD_SANITIZER
/// Limits the address space of the process to its present size plus `further` bytes.
bool limit_memory(rlim_t further) {
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t bytes = pages * rlim_t(::sysconf(_SC_PAGESIZE)) + further;
  const rlimit limit{bytes, bytes};
  return ::setrlimit(RLIMIT_AS, &limit) == 0;
}
#endif

}  // namespace

TEST_CASE("thread pool: runs every task once for any number of threads") {
  ThreadPool pool(GENERATE(1, 2, 3, 8));
  for (const Index count : {0, 1, 2, 7, 1000}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
    pool.run(count, [&](Index k) { ++runs[std::size_t(k)]; });
    CHECK(std::all_of(runs.begin(), runs.end(), [](const auto& n) { return n == 1; }));
  }
}

TEST_CASE("thread pool: tasks may run tasks") {
  ThreadPool pool(GENERATE(1, 2, 4));
  for (int repeat = 0; repeat < 50; ++repeat) {
    std::atomic<Index> sum = 0;
    pool.run(5,
             [&](Index i) { pool.run(6, [&](Index j) { pool.run(2, [&](Index k) { sum += 12 * i + 2 * j + k; }); }); });
    CHECK(sum == 60 * 59 / 2);
  }
}

TEST_CASE("thread pool: several callers may share a pool") {
  ThreadPool pool(3);
  std::atomic<Index> sum = 0;
  std::vector<std::thread> callers;
  for (int caller = 0; caller < 4; ++caller)
    callers.emplace_back([&] {
      for (int repeat = 0; repeat < 200; ++repeat) pool.run(10, [&](Index k) { sum += k; });
    });
  for (auto& caller : callers) caller.join();
  CHECK(sum == 4 * 200 * 45);
}

TEST_CASE("thread pool: rethrows the exception of the first task after all tasks") {
  ThreadPool pool(GENERATE(1, 2, 4));
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::atomic<int> ended = 0;
    CHECK_THROWS_MATCHES(pool.run(40,
                                  [&](Index k) {
                                    ++ended;
                                    if (k % 10 == 3) throw ValueError(text("task ", k));
                                  }),
                         ValueError, says("task 3"));
    if (pool.threads() > 1) CHECK(ended == 40);
  }
  std::atomic<int> after = 0;
  pool.run(8, [&](Index) { ++after; });
  CHECK(after == 8);
}

TEST_CASE("thread pool: rethrows the exception of the lowest task in any order of time") {
  ThreadPool pool(2);
  const int late = GENERATE(0, 1);  // the one of tasks 0 and 1 that fails last
  // Task 2 is taken by the thread that has caught the first exception.
  std::atomic<bool> caught = false;
  const auto task = [&](Index k) {
    if (k == 2) caught = true;
    while (k == late && !caught) std::this_thread::yield();
    if (k < 2) throw ValueError(text("task ", k));
  };
  CHECK_THROWS_MATCHES(pool.run(3, task), ValueError, says("task 0"));
}

TEST_CASE("thread pool: allocates nothing for tasks") {
  ThreadPool pool(2);
  std::atomic<Index> sum = 0;
  pool.run(4, [&](Index k) { sum += k; });
  const support::AllocationCount allocations;
  pool.run(100, [&](Index k) { sum += k; });
  const auto count = allocations.count();
  CHECK(count == 0);
}

TEST_CASE("threads: copies share a pool and numbers out of range are refused") {
  const Threads two = 2, copy = two;
  CHECK(&two.pool() == &copy.pool());
  CHECK(two.pool().threads() == 2);
  CHECK(Threads(5).pool().threads() == 5);
  CHECK(Threads().pool().threads() == std::max(1, int(std::thread::hardware_concurrency())));
  CHECK_THROWS_MATCHES(Threads(-1), ValueError, says("must be at least 0 (0: one per core), got -1"));
  CHECK_THROWS_MATCHES(ThreadPool(-2), ValueError, says("got -2"));
}

TEST_CASE("threads: the calling thread does little work alone") {
  const Threads two = 2;
  CHECK(two.for_work(0) == nullptr);
  CHECK(two.for_work(10'000) == nullptr);
  CHECK(two.for_work(100'000'000) == &two.pool());
}

#if !UNROLL_ADDRESS_SANITIZER && !UNROLL_THREAD_SANITIZER  // sanitizers need the whole address space
TEST_CASE("thread pool: an error gives the number of started threads when memory is too small") {
  CHECK(in_child([] {
          if (!limit_memory(100 << 20)) return 2;
          try {
            ThreadPool pool(1024);
            return 3;
          } catch (const Error& error) {
            const std::string message = error.what();
            if (message.find("threads: 1024 threads could not be started, only ") != 0) return 4;
          }
          ThreadPool fewer(2);  // the threads started before have been released
          return sum_by(fewer, 100) == 4950 ? 0 : 5;
        }) == 0);
}
#endif

#if !UNROLL_THREAD_SANITIZER  // the thread sanitizer ends a child that starts threads
TEST_CASE("thread pool: works alone and ends in a forked child") {
  auto pool = std::make_unique<ThreadPool>(3);
  CHECK(sum_by(*pool, 100) == 4950);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));  // the threads sleep; a child does not have them
  CHECK(in_child([&] {
          const bool right = sum_by(*pool, 100) == 4950;
          pool.reset();
          ThreadPool again(3);
          return right && sum_by(again, 100) == 4950 ? 0 : 1;
        }) == 0);
  CHECK(sum_by(*pool, 100) == 4950);
}

TEST_CASE("thread pool: works alone in a child forked while the pool was busy") {
  ThreadPool pool(3);
  std::atomic<bool> ends = false;
  std::thread busy([&] {  // at the moment of the fork its locks are held or free, by chance
    while (!ends) sum_by(pool, 3);
  });
  for (int repeat = 0; repeat < 100; ++repeat)
    if (in_child([&] { return sum_by(pool, 100) == 4950 ? 0 : 1; }) != 0) {
      FAIL_CHECK("child " << repeat << " did not end with the right sum");
      break;
    }
  ends = true;
  busy.join();
}
#endif

}  // namespace test_thread_pool
