#include <cmath>
#include <limits>
#include <map>
#include <peaks/data.hpp>
#include <unroll/io/formats/npz.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_npz {

using namespace peaks;
using namespace unroll;

namespace {

constexpr Index bins = 100;

/// Two events whose arrays have the value of `at` in bin 7 of event 0.
Tensor array(float at, std::vector<Index> shape = {2, bins}) {
  std::vector<float> numbers(std::size_t(shape[0] * shape.back() * (shape.size() > 2 ? shape[1] : 1)), 0.f);
  numbers[7] = at;
  return Tensor::of(numbers, std::move(shape));
}

Events read(const std::map<std::string, Tensor>& arrays, bool needs_truth = true) {
  const support::TemporaryFolder folder;
  write_npz(folder.path / "e.npz", arrays);
  return read_events(folder.path / "e.npz", ReadOptions{.needs_truth = needs_truth});
}

}  // namespace

TEST_CASE("peaks npz: arrays have the names of the project's files, with any number of bins") {
  const std::map<std::string, Tensor> arrays{{"pv", array(0.9f)},
                                             {"pv_other", array(0)},
                                             {"kernel", array(0.5f)},
                                             {"Xmax", array(1e-4f)},
                                             {"Ymax", array(-1e-4f)}};
  const Events events = read(arrays);
  CHECK(events.data.size() == 2);
  CHECK(events.bins() == bins);
  CHECK(events.bin_width() == 4);
  CHECK(events.channels == "kernel");
  CHECK(events.data.sequence(0).col(7).isApprox(VectorX<float>{{0.5f, 0.25f, 0.5f, -0.5f}}));
  auto missing = arrays;
  missing.erase("Ymax");
  CHECK_THROWS_MATCHES(read(missing), FileError,
                       says("must contain an array 'Ymax', found Xmax, kernel, pv, pv_other"));
  missing["Ymax"] = array(0, {3, bins});
  CHECK_THROWS_MATCHES(read(missing), ShapeError,
                       says("'Ymax': the shape must be that of 'pv', [2, 100], got [3, 100]"));
}

TEST_CASE("peaks npz: inputs and targets may be the arrays X and Y") {
  const Tensor x = array(0.5f, {2, 4, bins});
  Tensor y = array(std::numeric_limits<float>::quiet_NaN());
  const Events events = read({{"X", x}, {"Y", y}});
  CHECK(events.channels == "X");
  CHECK(events.data.sequence(0)(0, 7) == 0.5f);
  CHECK(events.data.sequence(0)(1, 7) == 0);
  CHECK(std::isnan(events.data.values(0)(0, 7)));
  CHECK(events.data.values(0)(0, 8) == 0);
  const Events alone = read({{"X", x}}, false);
  CHECK_FALSE(alone.has_truth);
  CHECK(alone.data.size() == 2);
  CHECK_THROWS_MATCHES(read({{"X", x}}), FileError, says("must contain an array 'Y', found X"));
  CHECK_THROWS_MATCHES(read({{"X", array(0, {2, 3, bins})}, {"Y", y}}), ShapeError,
                       says("'X': the shape must be [2, 4, 100], got [2, 3, 100]"));
  CHECK_THROWS_MATCHES(read({{"X", array(std::numeric_limits<float>::infinity(), {2, 4, bins})}, {"Y", y}}), FileError,
                       says("'X': event 0, bin 7 must be finite, got inf"));
  CHECK_THROWS_MATCHES(read({{"X", array(0, {2, 4, 10})}, {"Y", array(0, {2, 10})}}), ShapeError,
                       says("[events, bins] with 100 to 100000 bins, got [2, 10]"));
}

}  // namespace test_npz
