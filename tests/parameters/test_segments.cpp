// Segments of a flat vector, and the touched columns of a gradient.

#include <unroll/parameters/parameters.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_segments {

using namespace unroll;

namespace {

/// Table of a bias, a sparse block [2 x 5] with frozen column 3, and a weight [2 x 3] with frozen column 1.
ParameterTable example() {
  ParameterTable table;
  table.add("bias", Role::bias, 3, 1);
  ParameterBlock words{"words", Role::input_weight, table.reserve(2, 5), 2, 5, 2};
  words.sparse = true;
  words.frozen = {false, false, false, true, false};
  table.add_block(words);
  ParameterBlock weight{"weight", Role::input_weight, table.reserve(2, 3), 2, 3, 2};
  weight.frozen = {false, true, false};
  table.add_block(weight);
  return table;
}

std::vector<detail::Segment> list(std::span<const detail::Segment> segments) {
  return {segments.begin(), segments.end()};
}

void touch(Parameters<double>& gradient, std::vector<Index> columns) { gradient.touch(3, columns); }

}  // namespace

TEST_CASE("segments: pieces are numbered across all segments") {
  const std::vector<detail::Segment> all{{2, 3}, {10, 0}, {20, 5}};
  const auto pieces = [](const detail::Segments& segments, Index begin, Index end) {
    std::vector<detail::Segment> found;
    detail::each_piece(segments, begin, end, [&](Index first, Index size) { found.push_back({first, size}); });
    return found;
  };
  const detail::Segments segments(all);
  CHECK(segments.numbers() == 8);
  CHECK(pieces(segments, 0, 8) == std::vector<detail::Segment>{{2, 3}, {20, 5}});
  CHECK(pieces(segments, 1, 4) == std::vector<detail::Segment>{{3, 2}, {20, 1}});
  CHECK(pieces(segments, 3, 5) == std::vector<detail::Segment>{{20, 2}});
  CHECK(pieces(segments, 4, 4).empty());
  CHECK(pieces(detail::Segments(2, 3, 10), 1, 5) == std::vector<detail::Segment>{{1, 1}, {10, 2}, {20, 1}});
  for (const Index share : {1, 3, 8, 100}) {
    std::vector<Index> visits(25);
    detail::each_share(segments, share, nullptr, [&](Index first, Index size) {
      for (Index k = first; k < first + size; ++k) ++visits[std::size_t(k)];
    });
    for (Index k = 0; k < 25; ++k) CHECK(visits[std::size_t(k)] == ((k >= 2 && k < 5) || k >= 20 ? 1 : 0));
  }
}

TEST_CASE("gradient: records the touched columns once each, never frozen ones") {
  Parameters<double> gradient(example());
  CHECK(list(gradient.dense()) == std::vector<detail::Segment>{{0, 3}, {13, 2}, {17, 2}});
  CHECK(gradient.touched().empty());
  touch(gradient, {4, 0, 4, 3, 0});
  CHECK(list(gradient.touched()) ==
        std::vector<detail::Segment>{{11, 2}, {3, 2}});  // each column once, never a frozen one
  CHECK(list(gradient.segments()) == std::vector<detail::Segment>{{0, 3}, {13, 2}, {17, 2}, {11, 2}, {3, 2}});
  gradient.touch(0, std::vector<Index>{0});  // no effect for blocks that are not sparse
  gradient.touch(13, std::vector<Index>{2});
  CHECK(gradient.touched().size() == 2);
  Parameters<double> other(example());
  touch(other, {1, 0});
  gradient.touch(other);
  CHECK(list(gradient.touched()) == std::vector<detail::Segment>{{11, 2}, {3, 2}, {5, 2}});
  for (const Index column : {-1, 5})
    CHECK_THROWS_MATCHES(touch(gradient, {column}), ShapeError, says("touched column must be 0 to 4, got "));
}

TEST_CASE("gradient: reset clears touched and dense entries and the record") {
  Parameters<double> gradient(example());
  touch(gradient, {2, 1});
  gradient.values().setOnes();
  const auto copy = gradient.zeros_like();
  CHECK(copy.touched().empty());
  CHECK(copy.values().isZero(0));
  gradient.reset();
  CHECK(gradient.touched().empty());
  for (const detail::Segment& learned :
       {detail::Segment{0, 3}, detail::Segment{5, 4}, detail::Segment{13, 2}, detail::Segment{17, 2}})
    CHECK(gradient.values().segment(learned.first, learned.size).isZero(0));
  CHECK(gradient.values().sum() == 2 * 4);  // reset skips two untouched and two frozen columns
  support::AllocationCount allocations;
  gradient.touch(3, std::array<Index, 2>{1, 2});
  gradient.reset();
  const auto count = allocations.count();
  CHECK(count == 0);
  touch(gradient, {1});
  CHECK(list(gradient.touched()) == std::vector<detail::Segment>{{5, 2}});
}

TEST_CASE("parameter table: learned lists all segments that are not frozen") {
  ParameterTable table = example();
  CHECK(table.learned() == std::vector<detail::Segment>{{0, 9}, {11, 4}, {17, 2}});
  table.make_dense("words");
  CHECK(list(Parameters<float>(table).dense()) == table.learned());
  ParameterTable whole;
  whole.append(table, "0.");
  CHECK(whole.learned() == table.learned());
  CHECK(ParameterTable().learned().empty());
  ParameterTable none;
  ParameterBlock fixed{"fixed", Role::gain, none.reserve(1, 2), 1, 2, 1};
  fixed.frozen = {true, true};
  none.add_block(fixed);
  CHECK(none.learned().empty());
}

TEST_CASE("segments: adjacent ones are joined and empty ones left out") {
  std::vector<detail::Segment> segments;
  for (const detail::Segment& next : {detail::Segment{2, 0}, detail::Segment{2, 3}, detail::Segment{5, 1},
                                      detail::Segment{9, 0}, detail::Segment{8, 2}})
    detail::append(segments, next);
  CHECK(segments == std::vector<detail::Segment>{{2, 4}, {8, 2}});
  CHECK(detail::all_but({{8, 2}, {0, 1}, {4, 4}}, 12) == std::vector<detail::Segment>{{1, 3}, {10, 2}});
  CHECK(detail::all_but({{3, 0}}, 5) == std::vector<detail::Segment>{{0, 5}});
}

TEST_CASE("segments: columns of interleaved blocks have the correct positions") {
  ParameterTable table;
  const Index stacked = table.reserve(5, 3);
  ParameterBlock upper{"upper", Role::input_weight, stacked, 2, 3, 5};
  upper.frozen = {false, true, false};
  table.add_block(upper);
  ParameterBlock lower{"lower", Role::input_weight, stacked + 2, 3, 3, 5};
  lower.sparse = true;
  table.add_block(lower);
  Parameters<float> gradient(table);
  CHECK(list(gradient.dense()) == std::vector<detail::Segment>{{0, 2}, {10, 2}});
  gradient.touch(2, std::vector<Index>{2, 0});
  CHECK(list(gradient.touched()) == std::vector<detail::Segment>{{12, 3}, {2, 3}});
  gradient.reset();
  gradient.touch(2, std::vector<Index>{0});
  CHECK(list(gradient.touched()) == std::vector<detail::Segment>{{2, 3}});
}

}  // namespace test_segments
