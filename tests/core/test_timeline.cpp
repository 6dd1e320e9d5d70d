// Timelines: columns of steps and samples, and conversion from and to padded batches.

#include <limits>
#include <unroll/core/timeline.hpp>

#include "support/catch.hpp"

namespace test_timeline {

using namespace unroll;

namespace {

/// Checks all invariants of a timeline made from a mask [batch x steps].
void check_against_mask(const Timeline& timeline, const MatrixX<bool>& mask) {
  const Index batch = mask.rows();
  REQUIRE(timeline.batch() == batch);
  CHECK(timeline.padded_steps() == mask.cols());
  CHECK(timeline.columns() == mask.count());
  CHECK(timeline.offset(timeline.steps()) == timeline.columns());
  for (Index rank = 0; rank < batch; ++rank) {
    const Index sample = timeline.sample(rank);
    CHECK(timeline.rank(sample) == rank);
    CHECK(timeline.length(rank) == (mask.cols() == 0 ? 0 : mask.row(sample).count()));
    if (rank > 0) {
      CHECK(timeline.length(rank) <= timeline.length(rank - 1));
      if (timeline.length(rank) == timeline.length(rank - 1)) CHECK(timeline.sample(rank) > timeline.sample(rank - 1));
    }
    Index k = 0;
    for (Index t = 0; t < mask.cols(); ++t) {
      if (!mask(sample, t)) continue;
      const Index column = timeline.offset(k++) + rank;
      CHECK(timeline.sample_of(column) == sample);
      CHECK(timeline.rank_of(column) == rank);
      CHECK(timeline.step_of(column) == t);
      CHECK(timeline.padded_column(column) == t * batch + sample);
    }
  }
  for (Index t = 0; t < timeline.steps(); ++t) {
    CHECK(timeline.active(t) > 0);
    CHECK(timeline.active(t) == timeline.offset(t + 1) - timeline.offset(t));
    if (t > 0) CHECK(timeline.active(t) <= timeline.active(t - 1));
  }
}

MatrixX<bool> mask_of(const std::vector<Index>& lengths) {
  MatrixX<bool> mask = MatrixX<bool>::Constant(
      Index(lengths.size()), lengths.empty() ? 0 : *std::max_element(lengths.begin(), lengths.end()), false);
  for (std::size_t b = 0; b < lengths.size(); ++b)  // without steps the matrix has no data pointer
    for (Index t = 0; t < lengths[b]; ++t) mask(Index(b), t) = true;
  return mask;
}

MatrixX<bool> gaps() {
  MatrixX<bool> mask(4, 5);
  mask << 0, 1, 0, 0, 1,  //
      0, 0, 0, 0, 0,      //
      1, 1, 0, 1, 0,      //
      1, 0, 0, 1, 0;
  return mask;
}

}  // namespace

TEST_CASE("timeline: columns of the documented example are ordered by step and rank") {
  const Timeline timeline = Timeline::from_lengths({3, 1, 2});
  CHECK(timeline.columns() == 6);
  const Index samples[] = {0, 2, 1, 0, 2, 0}, steps[] = {0, 0, 0, 1, 1, 2};
  for (Index c = 0; c < 6; ++c) {
    CHECK(timeline.sample_of(c) == samples[c]);
    CHECK(timeline.step_of(c) == steps[c]);
  }
}

TEST_CASE("timeline: lengths in any order give consistent columns, ranks and steps") {
  for (const std::vector<Index>& lengths :
       {std::vector<Index>{3, 1, 2}, {1, 2, 3}, {2, 2, 2}, {0, 4, 0, 1}, {1}, {0}, {0, 0}, {}, {5, 0, 5, 3, 3, 1}}) {
    const Timeline timeline = Timeline::from_lengths(lengths);
    check_against_mask(timeline, mask_of(lengths));
    check_against_mask(Timeline::from_mask(mask_of(lengths)), mask_of(lengths));
  }
  check_against_mask(Timeline::rectangular(3, 4), MatrixX<bool>::Constant(3, 4, true));
}

TEST_CASE("timeline: any mask of valid steps gives consistent columns, ranks and steps") {
  check_against_mask(Timeline::from_mask(gaps()), gaps());
  CHECK(Timeline::from_mask(gaps()).steps() == 3);
  for (int pattern = 0; pattern < 64; ++pattern) {
    const MatrixX<bool> mask =
        MatrixX<bool>::NullaryExpr(2, 3, [&](Index b, Index t) { return ((pattern >> (b * 3 + t)) & 1) != 0; });
    check_against_mask(Timeline::from_mask(mask), mask);
  }
}

TEST_CASE("timeline: a new assignment replaces the previous lengths and mask") {
  Timeline timeline = Timeline::from_mask(gaps());
  const std::vector<Index> lengths = {1, 2};
  timeline.assign_lengths(lengths);
  check_against_mask(timeline, mask_of(lengths));
  timeline.assign_mask(gaps());
  check_against_mask(timeline, gaps());
}

TEST_CASE("timeline: derived timelines keep the places of a batch, and a new assignment resets them") {
  const std::vector<Index> lengths = {1, 2, 3}, places = {5, 0, 9};
  const auto has_places = [](const Timeline& timeline, const std::vector<Index>& expected) {
    for (Index b = 0; b < 3; ++b) CHECK(timeline.place(b) == expected[std::size_t(b)]);
  };
  Timeline timeline = Timeline::from_lengths({1, 2, 3});
  has_places(timeline, {0, 1, 2});
  timeline.set_places(places);
  has_places(timeline, places);
  CHECK(timeline.place_of(0) == 9);  // of the longest sequence
  has_places(timeline.window(1, 2), places);
  has_places(timeline.one_step(), places);
  Timeline other;
  other.assign_lengths_like(timeline, [](Index n) { return 2 * n; });
  has_places(other, places);
  CHECK(other.padded_steps() == 6);
  timeline.assign_lengths(lengths);
  has_places(timeline, {0, 1, 2});
  timeline.set_places(places);
  timeline.assign_mask(mask_of(lengths));
  has_places(timeline, {0, 1, 2});
  CHECK_THROWS_MATCHES(timeline.set_places(std::vector<Index>{1}), ShapeError,
                       says("places must have as many entries as samples, 3, got 1"));
}

TEST_CASE("timeline: packing selects valid steps, and unpacking restores their positions") {
  const Timeline timeline = Timeline::from_mask(gaps());
  MatrixX<double> padded = MatrixX<double>::Constant(2, 20, std::numeric_limits<double>::quiet_NaN());
  for (Index b = 0; b < 4; ++b)
    for (Index t = 0; t < 5; ++t)
      if (gaps()(b, t)) padded.col(t * 4 + b) << double(10 * b + t), 1;
  const MatrixX<double> packed = timeline.pack(padded);
  CHECK(packed.cols() == 7);
  CHECK(packed.allFinite());

  const MatrixX<double> zero = timeline.unpack(packed), previous = timeline.unpack(packed, Padding::repeat_previous),
                        next = timeline.unpack(packed, Padding::repeat_next);
  const double none = 0;
  const double expected_previous[4][5] = {
      {none, 1, 1, 1, 4}, {none, none, none, none, none}, {20, 21, 21, 23, 23}, {30, 30, 30, 33, 33}};
  const double expected_next[4][5] = {
      {1, 1, 4, 4, 4}, {none, none, none, none, none}, {20, 21, 23, 23, none}, {30, 33, 33, 33, none}};
  for (Index b = 0; b < 4; ++b)
    for (Index t = 0; t < 5; ++t) {
      CHECK(zero(0, t * 4 + b) == (gaps()(b, t) ? double(10 * b + t) : 0));
      CHECK(previous(0, t * 4 + b) == expected_previous[b][t]);
      CHECK(next(0, t * 4 + b) == expected_next[b][t]);
    }
  CHECK(timeline.pack(zero) == packed);
  CHECK(timeline.pack(next) == packed);
}

TEST_CASE("timeline: the gradient of repeated values is added to that of the step that they repeat") {
  MatrixX<bool> mask(3, 6);
  mask << 0, 1, 0, 0, 1, 0,  //
      0, 0, 0, 0, 0, 0,      //
      1, 0, 1, 1, 0, 0;
  const auto timeline = Timeline::from_mask(mask);
  const Padding padding = GENERATE(Padding::zero, Padding::repeat_previous, Padding::repeat_next);
  MatrixX<double> d_padded(1, timeline.padded_steps() * timeline.batch());
  for (Index k = 0; k < d_padded.cols(); ++k) d_padded(0, k) = double(Index(1) << k);  // each sum has other bits
  const MatrixX<double> got = timeline.pack_gradient(d_padded, padding);
  REQUIRE(got.cols() == timeline.columns());
  for (Index c = 0; c < timeline.columns(); ++c) {  // unpack is linear: the gradient is that of each column alone
    MatrixX<double> one = MatrixX<double>::Zero(1, timeline.columns());
    one(0, c) = 1;
    CHECK(got(0, c) == timeline.unpack(one, padding).cwiseProduct(d_padded).sum());
  }
  CHECK_THROWS_MATCHES(timeline.pack_gradient(MatrixX<double>(1, 2), padding), ShapeError,
                       says("padded columns must be 18, got 2"));
  CHECK(Timeline::from_lengths({}).pack_gradient(MatrixX<double>(2, 0), padding).cols() == 0);
}

TEST_CASE("timeline: conversion to ranks and back restores values by sample") {
  const Timeline timeline = Timeline::from_lengths({1, 3, 2});
  const MatrixX<double> by_sample = (MatrixX<double>(1, 3) << 10, 20, 30).finished();
  CHECK(timeline.by_rank(by_sample) == (MatrixX<double>(1, 3) << 20, 30, 10).finished());
  CHECK(timeline.by_sample(timeline.by_rank(by_sample)) == by_sample);
}

TEST_CASE("timeline: a window keeps samples, ranks and columns") {
  const Timeline whole = Timeline::from_mask(gaps());
  for (Index first = 0; first <= whole.steps(); ++first)
    for (Index last = first; last <= whole.steps(); ++last) {
      const Timeline part = whole.window(first, last);
      CHECK(part.steps() == last - first);
      CHECK(part.batch() == whole.batch());
      CHECK(part.columns() == whole.offset(last) - whole.offset(first));
      for (Index rank = 0; rank < part.batch(); ++rank) {
        CHECK(part.sample(rank) == whole.sample(rank));
        CHECK(part.length(rank) == std::max<Index>(0, std::min(whole.length(rank), last) - first));
      }
      for (Index c = 0; c < part.columns(); ++c) {
        CHECK(part.sample_of(c) == whole.sample_of(whole.offset(first) + c));
        CHECK(part.step_of(c) == whole.step_of(whole.offset(first) + c));
      }
    }
  const Timeline inner = whole.window(1, 3).window(1, 2);
  CHECK(inner.columns() == whole.active(2));
}

TEST_CASE("timeline: assign_step makes a window of one step, also in the memory of another timeline") {
  Timeline step;
  for (const Index batch : {1, 4, 3})
    for (const Index index : {0, 1, 7}) {
      const Timeline window = Timeline::rectangular(batch, index + 1).window(index, index + 1);
      step.assign_step(batch, index);
      CHECK(step.batch() == batch);
      CHECK(step.steps() == 1);
      CHECK(step.columns() == batch);
      CHECK(step.padded_steps() == window.padded_steps());
      CHECK(step.active(0) == batch);
      CHECK_FALSE(step.has_gaps());
      for (Index c = 0; c < batch; ++c) {
        CHECK(step.length(c) == window.length(c));
        CHECK(step.sample(c) == window.sample(c));
        CHECK(step.rank(c) == window.rank(c));
        CHECK(step.place_of(c) == window.place_of(c));
        CHECK(step.rank_of(c) == window.rank_of(c));
        CHECK(step.step_of(c) == index);
        CHECK(step.padded_column(c) == window.padded_column(c));
      }
      step.assign_mask(gaps());
      step.set_places(std::vector<Index>{3, 2, 1, 0});
    }
}

TEST_CASE("timeline: detects a gap in one sequence, also in a window, until a new assignment") {
  MatrixX<bool> mask(3, 4);
  mask << true, true, true, false,  //
      true, false, true, false,     // the only gap
      true, true, false, false;
  Timeline timeline = Timeline::from_mask(mask);
  CHECK(timeline.has_gaps());
  const Timeline window = timeline.window(1, 3);
  CHECK(window.has_gaps());
  CHECK(window.padded_steps() == 4);
  CHECK(window.step_of(1) == 2);
  timeline.assign_lengths(std::vector<Index>{3, 2});
  CHECK_FALSE(timeline.has_gaps());
  mask(1, 1) = true;
  CHECK_FALSE(Timeline::from_mask(mask).has_gaps());
}

TEST_CASE("timeline: pooling of a batch without samples gives no steps") {
  const Timeline pooled = Timeline::rectangular(0, 5).one_step();
  CHECK(pooled.steps() == 0);
  CHECK(pooled.padded_steps() == 0);
  CHECK(pooled.unpack(MatrixX<double>(2, 0)).cols() == 0);
}

TEST_CASE("timeline: pooling gives one step per sample, also for a sequence without steps") {
  const Timeline pooled = Timeline::from_lengths({0, 3, 1}).one_step();
  CHECK(pooled.steps() == 1);
  CHECK(pooled.columns() == 3);
  CHECK(pooled.padded_steps() == 1);
  CHECK(pooled.sample_of(0) == 1);
  CHECK(pooled.sample_of(2) == 0);
  CHECK(Timeline::from_lengths(std::initializer_list<Index>{}).one_step().columns() == 0);
}

TEST_CASE("timeline: refuses more steps than memory can hold and keeps the previous lengths") {
  constexpr Index most = std::numeric_limits<Index>::max();
  for (const Index steps : {Index(1'000'000'000'000'000'000), most, most - 1, most / 8})
    CHECK_THROWS_MATCHES(Timeline::from_lengths({3, steps}), ShapeError, says("timeline: steps must be "));
  CHECK_THROWS_MATCHES(
      Timeline::from_lengths({most / 2, most / 2, most / 2}), ShapeError,
      says("timeline: steps must be at most 9223372036854775807, got 9223372036854775806 + 4611686018427387903"));
  CHECK_THROWS_MATCHES(Timeline::rectangular(Index(1) << 61, 0), ShapeError,
                       says("timeline: samples must be 0 to 68719476736 entries, got 2305843009213693952"));
  CHECK_THROWS_MATCHES(Timeline::rectangular(Index(1) << 33, 64), ShapeError,  // before any allocation
                       says("timeline: steps must be 0 to 68719476736 entries, got 549755813888"));
  CHECK_THROWS_MATCHES(Timeline::rectangular(Index(1) << 31, Index(1) << 40), ShapeError,
                       says("must be at most 9223372036854775807"));
  Timeline timeline = Timeline::from_lengths({2, 3});
  const auto unchanged = [&] {
    CHECK(timeline.batch() == 2);
    CHECK(timeline.steps() == 3);
    CHECK(timeline.columns() == 5);
    CHECK(timeline.padded_steps() == 3);
    CHECK(timeline.sample(0) == 1);
    CHECK(timeline.sample_of(4) == 1);
  };
  const std::vector<Index> lengths{4, Index(1) << 60, 5};
  CHECK_THROWS_AS(timeline.assign_lengths(lengths), ShapeError);
  unchanged();
  CHECK_THROWS_AS(timeline.assign_lengths(std::vector<Index>{4, -1, 5}), ShapeError);
  unchanged();
  const Timeline whole = Timeline::from_lengths({4, 5, 6});
  CHECK_THROWS_AS(timeline.assign_lengths_like(whole, [](Index n) { return n << 58; }), ShapeError);
  CHECK_THROWS_AS(timeline.assign_lengths_like(whole, [](Index n) { return 9 - n; }), ValueError);
  unchanged();
}

TEST_CASE("timeline: refuses negative lengths, wrong numbers of columns and invalid windows") {
  CHECK_THROWS_MATCHES(Timeline::from_lengths({1, -2}), ShapeError,
                       says("length of sample 1 must be at least 0 steps, got -2"));
  CHECK_THROWS_MATCHES(Timeline::rectangular(-1, 2), ShapeError, says("batch must be at least 0 samples, got -1"));
  const Timeline timeline = Timeline::from_lengths({2, 1});
  CHECK_THROWS_MATCHES(timeline.pack(MatrixX<double>(3, 5)), ShapeError, says("padded columns must be 4, got 5"));
  CHECK_THROWS_MATCHES(timeline.unpack(MatrixX<double>(3, 4)), ShapeError, says("packed columns must be 3, got 4"));
  CHECK_THROWS_MATCHES(timeline.by_rank(MatrixX<double>(3, 1)), ShapeError,
                       says("as many columns as samples, 2, got 1"));
  CHECK_THROWS_MATCHES(timeline.window(1, 3), ShapeError, says("steps must be within [0, 2), got [1, 3)"));
  CHECK_THROWS_MATCHES(timeline.window(2, 1), ShapeError, says("[2, 1)"));
  CHECK_THROWS_AS(timeline.window(-1, 1), ShapeError);
  Timeline step;
  CHECK_THROWS_MATCHES(step.assign_step(0, 2), ShapeError, says("batch must be at least 1 samples, got 0"));
  CHECK_THROWS_MATCHES(step.assign_step(2, -1), ShapeError, says("step must be at least 0, got -1"));
  CHECK_THROWS_AS(step.assign_step(1, std::numeric_limits<Index>::max()), ShapeError);
  CHECK(step.batch() == 0);
}

}  // namespace test_timeline
