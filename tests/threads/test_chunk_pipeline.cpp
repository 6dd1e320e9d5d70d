// Chunks that several threads share: every kind of work runs once per chunk and in the required order.

#include <array>
#include <mutex>
#include <set>
#include <unroll/threads/chunk_pipeline.hpp>

#include "support/catch.hpp"

namespace test_chunk_pipeline {

using namespace unroll;
using detail::NoWork;
using detail::run_chunks;

namespace {

std::multiset<Index> numbers(Index count) {
  std::multiset<Index> all;
  for (Index k = 0; k < count; ++k) all.insert(k);
  return all;
}

/// Records what ran, and whether something ran too early.
struct Log {
  std::mutex mutex;
  std::multiset<Index> before, lead, after;
  std::array<std::multiset<Index>, detail::most_lanes> in_order;  // by lane
  bool right = true;
  int leading = 0, lanes = 0;
  std::array<int, detail::most_lanes> ordering{};

  void check(bool condition) { right = right && condition; }
  void wait(Index k) const {
    for (Index turn = 0; turn < (k * 7) % 5; ++turn) std::this_thread::yield();
  }

  auto befores() {
    return [this](Index k) {
      wait(k);
      const std::lock_guard lock(mutex);
      before.insert(k);
    };
  }
  auto leads(bool after_before = true) {
    return [this, after_before](Index k) {
      {
        const std::lock_guard lock(mutex);
        check(++leading == 1 && Index(lead.size()) == k && (!after_before || before.count(k) == 1));
      }
      wait(k + 1);
      const std::lock_guard lock(mutex);
      --leading;
      lead.insert(k);
    };
  }
  auto in_orders() {
    return [this](Index k, int lane, int of) {
      {
        const std::lock_guard lock(mutex);
        check(lane < of && (lanes == 0 || lanes == of));
        lanes = of;
        check(++ordering[std::size_t(lane)] == 1 && Index(in_order[std::size_t(lane)].size()) == k &&
              lead.count(k) == 1);
      }
      wait(k + 2 + lane);
      const std::lock_guard lock(mutex);
      --ordering[std::size_t(lane)];
      in_order[std::size_t(lane)].insert(k);
    };
  }
  bool all_in_order(Index count) const {
    bool all = count == 0 || lanes > 0;
    for (int lane = 0; lane < lanes; ++lane) all = all && in_order[std::size_t(lane)] == numbers(count);
    return all;
  }
  auto afters() {
    return [this](Index k) {
      wait(k + 3);
      const std::lock_guard lock(mutex);
      check(lead.count(k) == 1);
      after.insert(k);
    };
  }
};

}  // namespace

TEST_CASE("chunk pipeline: all work of every chunk runs once, and in order where it must") {
  for (const int threads : {1, 2, 3, 5}) {
    ThreadPool pool(threads);
    for (const Index count : {0, 1, 2, 3, 17, 100})
      for (ThreadPool* const used : {&pool, static_cast<ThreadPool*>(nullptr)}) {
        INFO(threads << " threads, " << count << " chunks");
        Log all, forward, backward;
        run_chunks(used, count, all.befores(), all.leads(), all.in_orders(), all.afters());
        CHECK(all.right);
        CHECK((all.before == numbers(count) && all.lead == numbers(count)));
        CHECK((all.all_in_order(count) && all.after == numbers(count)));
        run_chunks(used, count, forward.befores(), forward.leads(), NoWork{}, forward.afters());
        CHECK((forward.right && forward.lead == numbers(count) && forward.after == numbers(count)));
        run_chunks(used, count, NoWork{}, backward.leads(false), backward.in_orders(), NoWork{});
        CHECK((backward.right && backward.lead == numbers(count) && backward.all_in_order(count)));
      }
  }
}

TEST_CASE("chunk pipeline: an exception of any work ends all threads and reaches the caller") {
  ThreadPool pool(3);
  for (const Index bad : {0, 3, 19})
    for (int role = 0; role < 4; ++role) {
      INFO("work " << role << " of chunk " << bad);
      const auto work = [&](int own) {
        return [=](Index k, auto...) {
          if (own == role && k == bad) throw ValueError("this chunk");
        };
      };
      for (ThreadPool* const used : {&pool, static_cast<ThreadPool*>(nullptr)})
        CHECK_THROWS_AS(run_chunks(used, 20, work(0), work(1), work(2), work(3)), ValueError);
    }
}

TEST_CASE("chunk pipeline: pipelines within the tasks of a pool share its threads") {
  ThreadPool pool(3);
  std::vector<std::vector<Index>> order(6);
  pool.run(6, [&](Index task) {
    auto& mine = order[std::size_t(task)];
    run_chunks(
        &pool, 10, [](Index) {}, [](Index) {},
        [&](Index k, int lane, int) {
          if (lane == 0) mine.push_back(k);
        },
        [](Index) {});
  });
  for (const auto& mine : order) CHECK(mine == std::vector<Index>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9});
}

}  // namespace test_chunk_pipeline
