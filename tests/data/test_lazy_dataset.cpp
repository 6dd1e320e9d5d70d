#include <atomic>
#include <chrono>
#include <new>
#include <stdexcept>
#include <thread>
#include <unroll/core/random.hpp>
#include <unroll/data/batches.hpp>
#include <unroll/data/read_ahead.hpp>
#include <unroll/data/split.hpp>
#include <unroll/data/standardizer.hpp>

#include "support/catch.hpp"

namespace test_lazy_dataset {

using namespace unroll;

namespace {

using Data = Dataset<double>;
using Lazy = LazyDataset<double>;

/// Data set of ragged sequences, some of them without a class.
Data classes(Index count) {
  std::vector<MatrixX<double>> sequences;
  std::vector<Index> labels;
  std::vector<double> weights;
  for (Index s = 0; s < count; ++s) {
    const Random random(3, Purpose::data, std::uint64_t(s));
    sequences.push_back(MatrixX<double>::NullaryExpr(
        2, s % 5, [&](Index r, Index t) { return 7 + random.normal(std::uint64_t(2 * t + r)); }));
    labels.push_back(s % 4 - 1), weights.push_back(1 + double(s % 3));
  }
  auto data = Data::labelled(std::move(sequences), labels, 5);
  data.set_weights(weights);
  return data;
}

std::vector<Index> lengths_of(const Data& data) {
  std::vector<Index> lengths;
  for (Index s = 0; s < data.size(); ++s) lengths.push_back(data.length(s));
  return lengths;
}

Lazy lazy(const Data& data, LazyOptions options = {}) {
  return {data.size(), [&data](Index s) { return data.subset(std::vector{s}); }, std::move(options)};
}

void check_equal(const Data& one, Index s, const Data& other, Index sample) {
  CHECK(one.sequence(s) == other.sequence(sample));
  CHECK(one.labels(s) == other.labels(sample));
  CHECK(one.weight(s) == other.weight(sample));
}

std::vector<Index> order(Index size, const BatchOptions& options, Index epoch) {
  std::vector<Index> samples, all;
  for (Index s = 0; s < size; ++s) samples.push_back(100 + s);
  Batches batches;
  batches.plan(
      samples, [](Index) { return Index(1); }, options, 1, epoch);
  for (Index k = 0; k < batches.count(); ++k) all.insert(all.end(), batches.batch(k).begin(), batches.batch(k).end());
  return all;
}

/// Waits until the condition holds; false after ten seconds.
template <class Condition>
bool holds_soon(const Condition& condition) {
  for (int k = 0; k < 10000 && !condition(); ++k) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return condition();
}
void wait() { std::this_thread::sleep_for(std::chrono::milliseconds(30)); }

Data number(Index s) { return Data::valued({MatrixX<double>::Constant(1, 1, double(s))}, MatrixX<double>::Zero(1, 1)); }

}  // namespace

TEST_CASE("batches: a window shuffles consecutive samples among themselves, window by window") {
  bool other_order_of_windows = false;
  for (Index epoch = 0; epoch < 8; ++epoch) {
    const auto all = order(11, {.size = 3}, epoch), by_window = order(11, {.size = 3, .window = 4}, epoch);
    std::vector<Index> expected, begun;
    for (const Index first : all) {
      const Index window = (first - 100) / 4;
      if (std::count(begun.begin(), begun.end(), window) > 0) continue;
      begun.push_back(window);
      std::copy_if(all.begin(), all.end(), std::back_inserter(expected),
                   [&](Index sample) { return (sample - 100) / 4 == window; });
    }
    CHECK(by_window == expected);
    other_order_of_windows |= begun != std::vector<Index>{0, 1, 2};
  }
  CHECK(other_order_of_windows);
}

TEST_CASE("batches: a window of all samples or more is the order without a window") {
  for (const Index window : {11, 12, 4096}) CHECK(order(11, {.window = window}, 2) == order(11, {}, 2));
  CHECK(order(11, {.window = 1}, 2) != order(11, {.window = 1}, 3));
  CHECK(order(0, {.window = 3}, 0).empty());
  const auto unchanged = order(11, {.shuffle = false, .window = 2}, 2);
  CHECK(std::is_sorted(unchanged.begin(), unchanged.end()));
}

TEST_CASE("batches: refuses a window that cannot be") {
  CHECK_THROWS_MATCHES(order(3, {.window = -1}, 0), ValueError,
                       says("batches: window must be at least 0 samples (0: all), got -1"));
  CHECK_THROWS_MATCHES(order(3, {.window = 2, .by_length = true}, 0), ValueError,
                       says("batches: window must be 0 with by_length, whose batches are in any order, got 2"));
}

TEST_CASE("data set: append adds sequences with targets and weights") {
  const Data all = classes(9);
  Data data = all.subset(std::vector<Index>{0, 1, 2});
  data.append(all.subset(std::vector<Index>{3, 4, 5, 6, 7, 8}));
  REQUIRE(data.size() == 9);
  for (Index s = 0; s < 9; ++s) check_equal(data, s, all, s);
  data.append(data);
  CHECK(data.size() == 18);
  check_equal(data, 17, all, 8);
}

TEST_CASE("data set: append refuses another form and changes nothing") {
  const std::vector<MatrixX<double>> x{MatrixX<double>::Zero(2, 3)}, wide{MatrixX<double>::Zero(3, 3)};
  Data data = Data::labelled(x, {1}, 3), values = Data::valued(x, MatrixX<double>::Zero(2, 1)), weighted = data;
  weighted.set_weights({2});
  const auto refused = [&](Data& to, const Data& other, const std::string& message) {
    CHECK_THROWS_MATCHES(to.append(other), ShapeError, says(message));
    CHECK(to.size() == 1);
  };
  refused(data, Data::labelled(wide, {1}, 3), "data set: features must be 2, as in the data set that it is added to");
  refused(data, Data::labelled(x, {1}), "classes must be 3, as in the data set that it is added to, got 2");
  refused(data, values,
          "targets must be one label, as in the data set that it is added to, got one real-valued target");
  refused(data, weighted, "sequences must have no weights, as in the data set that it is added to");
  refused(weighted, data, "sequences must have weights");
  refused(values, Data::valued(x, MatrixX<double>::Zero(1, 1)), "numbers per target must be 2");
}

TEST_CASE("lazy data set: reads each sample as it is") {
  const Data data = classes(9);
  const Lazy read = lazy(data, {.lengths = lengths_of(data)});
  CHECK(read.size() == 9);
  CHECK(read.features() == 2);
  CHECK(read.classes() == 5);
  CHECK(read.target_rows() == 0);
  CHECK(read.kind() == TargetKind::label);
  for (Index s = 0; s < 9; ++s) {
    CHECK(read.length(s) == data.length(s));
    check_equal(read.read(s), 0, data, s);
  }
  const Lazy part = read.subset(std::vector<Index>{7, 2, 7});
  CHECK(part.size() == 3);
  CHECK(part.length(1) == data.length(2));
  check_equal(part.read(0), 0, data, 7), check_equal(part.read(1), 0, data, 2);
  check_equal(part.first(), 0, data, 7);
  CHECK_THROWS_MATCHES(read.subset(std::vector<Index>{9}), ValueError, says("sample must be 0 to 8, got 9"));
  CHECK_THROWS_MATCHES(lazy(data).subset(std::vector<Index>{-1}), ValueError, says("sample must be 0 to 8, got -1"));
  CHECK_THROWS_MATCHES(read.read(9), ValueError, says("sample must be 0 to 8, got 9"));
  CHECK_THROWS_MATCHES(read.length(-1), ValueError, says("sample must be 0 to 8, got -1"));
  CHECK_THROWS_MATCHES(lazy(data).length(0), ValueError,
                       says("batches by length or with a limit of steps need LazyOptions::lengths"));
}

TEST_CASE("lazy data set: holds data in memory, and maps and standardizes samples when they are read") {
  const Data data = classes(9);
  const Lazy held(data);
  CHECK(held.prefetch() == 0);
  CHECK(held.length(3) == 3);
  for (Index s = 0; s < 9; ++s) check_equal(held.read(s), 0, data, s);
  const Lazy first = held.mapped(
      [](const Data& one) { return Data::labelled({one.sequence(0).topRows(1)}, {one.labels(0)[0]}, one.classes()); });
  CHECK(first.features() == 1);
  CHECK(first.read(4).sequence(0) == data.sequence(4).topRows(1));
  CHECK_THROWS_MATCHES(held.mapped([](Data one) { return one.append(one), one; }), ShapeError,
                       says("sample 0: the reading function must return 1 sequence, got 2"));
  const Standardizer<double> scale(data);
  Data expected = data;
  scale.apply(expected);
  Lazy standardized = lazy(data);
  scale.apply(standardized);
  for (Index s = 0; s < 9; ++s) check_equal(standardized.read(s), 0, expected, s);
  Lazy narrow = first;
  CHECK_THROWS_MATCHES(scale.apply(narrow), ShapeError, says("standardizer: features must be 2, got 1"));
  CHECK(narrow.features() == 1);
}

TEST_CASE("lazy data set: refuses sizes and options that cannot be") {
  Index calls = 0;
  const auto read = [&](Index s) { return ++calls, number(s); };
  CHECK_THROWS_MATCHES(Lazy(0, read), ValueError, says("lazy data set: number of sequences must be at least 1, got 0"));
  CHECK_THROWS_MATCHES(Lazy(2, {}), ValueError, says("lazy data set: the reading function is empty"));
  CHECK_THROWS_MATCHES(Lazy(2, read, {.prefetch = -1}), ValueError,
                       says("prefetch must be at least 0 batches (0: the calling thread reads), got -1"));
  CHECK_THROWS_MATCHES(Lazy(2, read, {.lengths = {1}}), ShapeError,
                       says("lengths must have as many entries as sequences, 2, got 1"));
  CHECK_THROWS_MATCHES(Lazy(2, read, {.lengths = {1, -1}}), ValueError,
                       says("length must be at least 0 steps, got -1"));
  CHECK_THROWS_MATCHES(Lazy(2, read).subset({}), ValueError, says("number of sequences must be at least 1, got 0"));
  CHECK(calls == 1);
}

TEST_CASE("lazy data set: errors of reading have the sample and keep their type") {
  const auto failing = [](auto fail) {
    return Lazy(4, [fail](Index s) {
      if (s == 3) fail();
      return number(s);
    });
  };
  CHECK_THROWS_MATCHES(failing([] { throw FileError("x.csv: line 2"); }).read(3), FileError,
                       says("lazy data set: sample 3: x.csv: line 2"));
  CHECK_THROWS_MATCHES(failing([] { throw ValueError("bad"); }).read(3), ValueError, says("sample 3: bad"));
  CHECK_THROWS_MATCHES(failing([] { throw NonFiniteError("nan"); }).read(3), NonFiniteError, says("sample 3: nan"));
  CHECK_THROWS_MATCHES(failing([] { throw std::out_of_range("at"); }).read(3), Error, says("sample 3: at"));
  CHECK_THROWS_AS(failing([] { throw std::bad_alloc(); }).read(3), std::bad_alloc);
  CHECK_THROWS_AS(failing([] { throw 4; }).read(3), int);
  CHECK(failing([] { throw 4; }).read(2).sequence(0)(0, 0) == 2);
}

TEST_CASE("lazy data set: refuses a sample of another form than sample 0, or of another length") {
  const auto with = [](const Data& other, LazyOptions options = {}) {
    return Lazy(
        3, [other](Index s) { return s == 2 ? other : number(s); }, std::move(options));
  };
  const std::vector<MatrixX<double>> x{MatrixX<double>::Zero(1, 1)}, two{MatrixX<double>::Zero(1, 2)};
  const MatrixX<double> target = MatrixX<double>::Zero(1, 1);
  CHECK_THROWS_MATCHES(with(Data::valued({MatrixX<double>::Zero(2, 1)}, target)).read(2), ShapeError,
                       says("lazy data set: sample 2: data set: features must be 1, as in sample 0, got 2"));
  CHECK_THROWS_MATCHES(with(Data::labelled(x, {0})).read(2), ShapeError,
                       says("targets must be one real-valued target, as in sample 0, got one label"));
  CHECK_THROWS_MATCHES(with(Data::valued({x[0], x[0]}, MatrixX<double>::Zero(1, 2))).read(2), ShapeError,
                       says("sample 2: the reading function must return 1 sequence, got 2"));
  CHECK_THROWS_MATCHES(with(Data::valued(two, target), {.lengths = {1, 1, 1}}).read(2), ShapeError,
                       says("sample 2: the sequence must have 1 steps, as in LazyOptions::lengths, got 2"));
  CHECK_THROWS_MATCHES(Lazy(2, [](Index) { return number(0); }, {.lengths = {2, 1}}), ShapeError,
                       says("sample 0: the sequence must have 2 steps"));
}

TEST_CASE("lazy data set: mean, deviation, split and class weights are those of the data in memory") {
  const Data data = classes(40);
  const Lazy read = lazy(data);
  const Standardizer<double> in_memory(data), lazily(read);
  CHECK(in_memory.mean() == lazily.mean());
  CHECK(in_memory.deviation() == lazily.deviation());
  CHECK(stratified_split(read, 0.3, 4).held_out == stratified_split(data, 0.3, 4).held_out);
  CHECK(balanced_class_weights(read) == balanced_class_weights(data));
  Index calls = 0;
  const Lazy values(10, [&](Index s) { return ++calls, number(s); });
  CHECK(stratified_split(values, 0.5, 1).kept.size() == 5);
  CHECK(calls == 1);
}

TEST_CASE("read ahead: parts arrive in order with their samples") {
  const Data data = classes(17);
  const std::vector<Index> samples{16, 3, 3, 0, 9, 8, 1, 15};
  for (const Index prefetch : {0, 1, 2, 50})
    for (const Index size : {1, 3, 8, 100}) {
      const Lazy read = lazy(data, {.prefetch = prefetch});
      std::vector<Index> seen;
      detail::each_part(read, samples, size, [&](const Data& part, std::span<const Index> numbers) {
        REQUIRE(part.size() == std::ssize(numbers));
        for (Index k = 0; k < part.size(); ++k) check_equal(part, k, data, numbers[std::size_t(k)]);
        seen.insert(seen.end(), numbers.begin(), numbers.end());
      });
      CHECK(seen == samples);
    }
}

TEST_CASE("read ahead: at most prefetch parts that were not taken are read") {
  for (const Index prefetch : {0, 1, 2}) {
    std::atomic<Index> calls = 0;
    const Lazy read(30, [&](Index s) { return ++calls, number(s); }, {.prefetch = prefetch});
    calls = 0;
    Index taken = 0;
    detail::each_part(read, all_samples(30), 3, [&](const Data&, std::span<const Index>) {
      const Index expected = std::min<Index>(30, 3 * (++taken + prefetch));
      CHECK(holds_soon([&] { return calls == expected; }));
      wait();
      CHECK(calls == expected);
    });
    CHECK(taken == 10);
  }
}

TEST_CASE("read ahead: an error arrives with its part, after the parts before it") {
  for (const Index prefetch : {0, 1, 4}) {
    std::atomic<Index> calls = 0;
    const Lazy read(30,
                    [&](Index s) {
                      ++calls;
                      if (s == 7) throw FileError("no such file");
                      return number(s);
                    },
                    {.prefetch = prefetch});
    Index taken = 0;
    CHECK_THROWS_MATCHES(
        detail::each_part(read, all_samples(30), 3, [&](const Data&, std::span<const Index>) { ++taken; }), FileError,
        says("lazy data set: sample 7: no such file"));
    CHECK(taken == 2);
    CHECK(calls == 1 + 8);
  }
}

TEST_CASE("read ahead: the thread ends with the object, between two samples of a part") {
  std::atomic<Index> calls = 0;
  std::atomic<bool> open = false;
  const Lazy read(100, [&](Index s) {
    ++calls;
    while (s == 5 && !open) std::this_thread::yield();
    return number(s);
  });
  const auto samples = all_samples(100);
  {
    std::jthread opener;
    const detail::ReadAhead<double> reader(read, 0, 1, [&](Index) { return std::span<const Index>(samples); });
    REQUIRE(holds_soon([&] { return calls == 7; }));
    opener = std::jthread([&] { wait(), open = true; });
  }
  const Index after = calls;
  CHECK(after == 7);
  wait();
  CHECK(calls == after);
  const auto consume = [&](const Data&, std::span<const Index>) { throw 1; };
  CHECK_THROWS_AS(detail::each_part(read, samples, 2, consume), int);
  const Index stopped = calls;
  wait();
  CHECK(calls == stopped);
}

TEST_CASE("lazy data set: calls of the reading function follow each other") {
  std::atomic<int> inside = 0, most = 0;
  const Lazy read(40, [&](Index s) {
    const int now = ++inside;
    if (now > most) most = now;
    std::this_thread::yield();
    --inside;
    return number(s);
  });
  const Lazy copy = read;
  std::thread other([&] {
    for (Index s = 0; s < 40; ++s) (void)copy.read(s);
  });
  detail::each_part(read, all_samples(40), 4, [&](const Data&, std::span<const Index>) { (void)read.read(1); });
  other.join();
  CHECK(most == 1);
}

}  // namespace test_lazy_dataset
