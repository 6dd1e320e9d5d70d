#include <peaks/collapse.hpp>

#include "support/catch.hpp"

namespace test_collapse {

using namespace peaks;

namespace {

constexpr Outcome nothing{.score = {.missed = 5, .events = 1}, .largest = 1e-6f};
constexpr Outcome something{.score = {.found = 1, .missed = 4, .events = 1}, .largest = 0.5f};

}  // namespace

TEST_CASE("collapse watch: detects a flat loss without peaks or outputs near a peak") {
  CollapseWatch watch(1e-2);
  CHECK_FALSE(watch.is_collapsed(0.33, nothing));
  CHECK_FALSE(watch.is_collapsed(0.33, nothing));
  CHECK(watch.is_collapsed(0.33, nothing));
}

TEST_CASE("collapse watch: a falling loss or an output near a peak is no collapse") {
  CollapseWatch falling(1e-2), near(1e-2), finding(1e-2);
  for (double loss = 1; loss > 0.5; loss -= 0.01) CHECK_FALSE(falling.is_collapsed(loss, nothing));
  for (int k = 0; k < 9; ++k) {
    CHECK_FALSE(near.is_collapsed(0.33, {.score = nothing.score, .largest = 0.02f}));
    CHECK_FALSE(finding.is_collapsed(0.33, something));
  }
}

TEST_CASE("collapse watch: counts flat epochs only in succession") {
  CollapseWatch watch(1e-2);
  for (int k = 0; k < 5; ++k) {
    CHECK_FALSE(watch.is_collapsed(0.33, something));
    CHECK_FALSE(watch.is_collapsed(0.33, nothing));
  }
}

TEST_CASE("collapse text: names epoch, and advice for the cause") {
  const std::string begin =
      "the training collapsed: in epoch 9 no peak is found, the largest output is 1e-06 and the gradient of the loss "
      "vanishes; ";
  const auto advice = [&](const CollapseCause& cause) {
    const std::string words = collapse_text(9, nothing, cause);
    REQUIRE(words.starts_with(begin));
    return words.substr(begin.size());
  };
  CHECK(advice({.warm_up = 0, .rate = 0.01}) ==
        "the log-ratio loss cannot begin from initial values; try --warm-up above 0, for example half of --epochs");
  CHECK(advice({.warm_up = 3, .rate = 0.01}) ==
        "no peak had risen in the warm-up; try --warm-up above 3, more events or --rate above 0.01");
  CHECK(advice({.warm_up = 3, .rate = 0.01, .found_before = true}) ==
        "peaks were found before; try --rate below 0.01 or another --seed");
  CHECK(advice({.warm_up = 3, .rate = 0.01, .found_before = true, .largest_input = 500}) ==
        "inputs are as large as 500 instead of about 1; check the units of the data");
}

TEST_CASE("collapse: a short training ends collapsed if its outputs are far below initial ones") {
  CHECK(ends_collapsed(nothing));
  CHECK_FALSE(ends_collapsed({.score = nothing.score, .largest = 0.006f}));
  CHECK_FALSE(ends_collapsed(something));
}

}  // namespace test_collapse
