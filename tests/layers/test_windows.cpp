#include <unroll/layers/convolution/windows.hpp>

#include "support/catch.hpp"

namespace test_windows {

using namespace unroll;

namespace {

/// Two features: step k of sample b is 100 b + k, and its negative.
MatrixX<double> numbered(const Timeline& timeline) {
  MatrixX<double> x(2, timeline.columns());
  for (Index c = 0; c < x.cols(); ++c)
    x(0, c) = double(100 * timeline.sample_of(c) + timeline.step_of(c)), x(1, c) = -x(0, c);
  return x;
}

/// Windows of one sequence, read by each_run: the first row of each tap.
std::vector<std::vector<double>> windows_of(const detail::PaddedSequences<double>& padded, Index rank, Index group,
                                            const detail::Windows& windows, Index count) {
  std::vector<std::vector<double>> all(static_cast<std::size_t>(count));
  padded.each_run(rank, group, 0, windows.stride, count,
                  [&](const double* x, Index distance, Index first, Index step, Index some) {
                    for (Index k = 0; k < some; ++k)
                      for (Index tap = 0; tap < windows.kernel; ++tap)
                        all[std::size_t(first + k * step)].push_back(x[k * distance + tap * padded.rows()]);
                  });
  return all;
}

}  // namespace

TEST_CASE("windows: each window is contiguous for any stride and dilation") {
  const auto timeline = Timeline::from_lengths({3, 0, 9});
  const MatrixX<double> x = numbered(timeline);
  for (const Index groups : {1, 2})
    for (const Index stride : {1, 2, 3, 4})
      for (const Index dilation : {1, 2, 3, 4}) {
        INFO("groups " << groups << ", stride " << stride << ", dilation " << dilation);
        const detail::Windows windows{3, stride, dilation};
        const Index front = 2, count = 5;
        detail::PaddedSequences<double> padded;
        for (int again = 0; again < 2; ++again) {
          padded.begin(2, groups, dilation);
          for (Index r = 0; r < 3; ++r) padded.add(front, windows.places(count));
          padded.make_room();
          for (Index r = 0; r < 3; ++r) padded.fill(r, view(x), timeline);
        }
        for (Index r = 0; r < 3; ++r)
          for (Index group = 0; group < groups; ++group) {
            const auto all = windows_of(padded, r, group, windows, count);
            for (Index k = 0; k < count; ++k)
              for (Index tap = 0; tap < 3; ++tap) {
                const Index step = k * stride + tap * dilation - front;
                const double want =
                    step < 0 || step >= timeline.length(r) ? 0 : double(100 * timeline.sample(r) + step);
                CHECK(all[std::size_t(k)][std::size_t(tap)] == (group == 0 ? want : -want));
              }
          }
      }
}

TEST_CASE("windows: a column stored at a place is read unchanged") {
  detail::PaddedSequences<double> padded;
  padded.begin(4, 2, 3);
  padded.add(0, 7);
  padded.make_room();
  const double from[] = {1, 2, 3, 4};
  double to[4] = {};
  padded.put(0, 5, from);
  padded.get(0, 5, to);
  CHECK(std::equal(from, from + 4, to));
  CHECK(*padded.column(0, 1, 5) == 3);
}

TEST_CASE("windows: places of a sequence count masked steps in between but not before") {
  MatrixX<bool> mask(2, 6);
  mask << 0, 1, 0, 0, 1, 0,  //
      1, 1, 0, 0, 0, 0;
  const Timeline gaps = Timeline::from_mask(mask);
  const Index first = gaps.rank(0), second = gaps.rank(1);
  CHECK(detail::place_in_sequence(gaps, first, 1) == 3);
  CHECK(detail::places_of_sequence(gaps, first) == 4);
  CHECK(detail::places_of_sequence(gaps, second) == 2);
  CHECK(detail::places_of_sequence(Timeline::from_lengths({0}), 0) == 0);
  const Timeline later = Timeline::from_lengths({5, 4}).window(2, 5);
  CHECK(detail::place_in_sequence(later, 0, 1) == 1);
  CHECK(detail::places_of_sequence(later, 1) == 2);
}

TEST_CASE("timeline: has_gaps finds masked steps before valid ones") {
  MatrixX<bool> mask(2, 3);
  mask << 1, 1, 0, 1, 1, 1;
  CHECK_FALSE(Timeline::from_mask(mask).has_gaps());
  mask << 1, 0, 1, 1, 0, 0;  // a gap only in the longest sequence; trailing masked steps are no gap
  CHECK(Timeline::from_mask(mask).has_gaps());
  mask << 0, 1, 0, 1, 1, 1;
  Timeline timeline = Timeline::from_mask(mask);
  CHECK(timeline.has_gaps());
  CHECK(timeline.window(1, 2).has_gaps());
  CHECK_FALSE(timeline.one_step().has_gaps());
  const Index lengths[] = {2, 1};
  timeline.assign_lengths(lengths);
  CHECK_FALSE(timeline.has_gaps());
}

TEST_CASE("timeline: assign_lengths_like keeps samples, ranks and places") {
  Timeline whole = Timeline::from_lengths({3, 8, 0, 5});
  const Index places[] = {7, 4, 9, 2};
  whole.set_places(places);
  Timeline half;
  half.assign_lengths_like(whole, [](Index n) { return n / 4; });
  CHECK(half.steps() == 2);
  CHECK(half.columns() == 3);
  CHECK(half.padded_steps() == 2);
  for (Index b = 0; b < 4; ++b) {
    CHECK(half.rank(b) == whole.rank(b));
    CHECK(half.place(b) == places[b]);
    CHECK(half.length(half.rank(b)) == whole.length(whole.rank(b)) / 4);
  }
  CHECK(half.step_of(2) == 1);
  CHECK(half.sample_of(2) == 1);
  CHECK_THROWS_MATCHES(
      half.assign_lengths_like(whole, [](Index n) { return 8 - n; }), ValueError,
      says("timeline: new length of 5 steps must be at least 0 and at most that of a longer sequence, got 3"));
}

}  // namespace test_windows
