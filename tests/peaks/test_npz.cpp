#include <cmath>
#include <fstream>
#include <limits>
#include <map>
#include <peaks/study.hpp>
#include <unroll/io/formats/npz.hpp>
#include <unroll/io/input_file.hpp>

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
  CHECK(events.input(0).col(7).isApprox(VectorX<float>{{0.5f, 0.25f, 0.5f, -0.5f}}));
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
  CHECK(events.input(0)(0, 7) == 0.5f);
  CHECK(events.input(0)(1, 7) == 0);
  CHECK(std::isnan(events.target(0)(0, 7)));
  CHECK(events.target(0)(0, 8) == 0);
  const Events alone = read({{"X", x}}, false);
  CHECK_FALSE(alone.has_truth);
  CHECK(alone.data.size() == 2);
  CHECK_THROWS_MATCHES(read({{"X", x}}), FileError, says("must contain an array 'Y', found X"));
  CHECK_THROWS_MATCHES(read({{"x", x}, {"y", y}}), FileError, says("must contain an array 'Y', found x, y"));
  CHECK_THROWS_MATCHES(read({{"X", array(0, {2, 3, bins})}, {"Y", y}}), ShapeError,
                       says("'X': the shape must be [2, 4, 100], got [2, 3, 100]"));
  CHECK_THROWS_MATCHES(read({{"X", array(std::numeric_limits<float>::infinity(), {2, 4, bins})}, {"Y", y}}), FileError,
                       says("'X': event 0, bin 7 must be finite, got inf"));
  CHECK_THROWS_MATCHES(read({{"X", array(0, {2, 4, 10})}, {"Y", array(0, {2, 10})}}), ShapeError,
                       says("[events, bins] with 100 to 100000 bins, got [2, 10]"));
}

namespace {

/// Twenty events with a target in bin `event`, except for two without targets.
std::map<std::string, Tensor> many_events() {
  std::vector<float> x, y;
  for (Index event = 0; event < 20; ++event)
    for (Index c = 0; c < 5; ++c)
      for (Index bin = 0; bin < bins; ++bin)
        (c < 4 ? x : y)
            .push_back(c == 4 && event % 11 == 7 ? NAN
                       : c == 4                  ? float(bin == event)
                                                 : float(event * 1000 + c * 100 + bin) / 9);
  return {{"X", Tensor::of(x, {20, 4, bins})}, {"Y", Tensor::of(y, {20, bins})}};
}

}  // namespace

TEST_CASE("peaks npy: events of folders and .npz files, whole or one by one, are the same") {
  const support::TemporaryFolder folder;
  const auto arrays = many_events();
  write_npz(folder.path / "e.npz", arrays);
  for (const auto& [name, array] : arrays) write_npy(folder.path / (name + ".npy"), array);
  const Events whole = read_events(folder.path / "e.npz", ReadOptions());
  CHECK(whole.data.size() == 18);
  CHECK(whole.remarks == std::vector<std::string>{"2 of 20 events have only NaN targets and are omitted."});
  CHECK(fingerprint(read_events(folder.path, ReadOptions())) == fingerprint(whole));
  for (const auto& file : {folder.path, folder.path / "e.npz"}) {
    const Events lazily = read_events(file, ReadOptions{.lazy = true});
    CHECK(lazily.data.size() == 18);
    CHECK(lazily.data.length(17) == bins);
    CHECK(lazily.remarks == whole.remarks);
    CHECK(lazily.channels == "X");
    CHECK(fingerprint(lazily) == fingerprint(whole));
    CHECK(lazily.input(16) == whole.input(16));
    CHECK(fingerprint(part(lazily, 4, 9)) == fingerprint(part(whole, 4, 9)));
  }
}

TEST_CASE("peaks npy: with --lazy, training, validation and test events are read when they are needed") {
  const support::TemporaryFolder folder;
  const auto file = folder.path / "e.npz";
  write_npz(file, many_events());
  Options options;
  options.data = file.string(), options.test_events = 3, options.validation = "0.2", options.events = 0;
  const EventSets whole = read_events(options);
  options.lazy = true;
  const EventSets lazily = read_events(options);
  options.test = options.validation = file.string();
  const EventSets files = read_events(options);
  CHECK(lazily.training.data.size() == 12);
  CHECK(fingerprint(lazily.validation) == fingerprint(whole.validation));
  CHECK(fingerprint(lazily.test) == fingerprint(whole.test));
  std::filesystem::resize_file(file, 100);
  CHECK(whole.test.input(1).size() == 4 * bins);
  for (const Events* events : {&lazily.training, &lazily.validation, &lazily.test, &files.validation, &files.test})
    CHECK_THROWS_MATCHES(events->input(1), FileError, says("it may have changed"));
}

TEST_CASE("peaks npy: refuses arrays that cannot be read one by one, and damaged ones") {
  const support::TemporaryFolder folder;
  const auto file = folder.path / "e.npz";
  auto arrays = many_events();
  write_npz(file, arrays);
  std::string bytes = unroll::detail::read_text(file);
  const auto changed = [&](std::size_t at, char to) {
    std::string other = bytes;
    other[at] = to;
    std::ofstream(file, std::ios::binary) << other;
  };
  changed(bytes.size() / 2, '\x7');
  CHECK_THROWS_MATCHES(read_events(file, ReadOptions{.lazy = true}), FileError, says("the checksum does not match"));
  changed(bytes.rfind("PK\1\2") + 10, 8);  // the method of the last member, Y
  CHECK_THROWS_MATCHES(read_events(file, ReadOptions{.lazy = true}), FileError, says("must not be compressed"));
  arrays.erase("Y");
  write_npz(file, arrays);
  CHECK_THROWS_MATCHES(read_events(file, ReadOptions{.lazy = true}), FileError,
                       says("must contain an array 'Y', found X"));
  write_npy(folder.path / "X.npy", arrays.at("X"));
  CHECK_THROWS_MATCHES(read_events(folder.path, ReadOptions{.lazy = true}), FileError,
                       says("a file 'Y.npy', found none"));
  std::string y = "\x93NUMPY\1";
  y += std::string(1, '\0') + std::string("\x76\0", 2);
  std::string header = "{'descr': '<f4', 'fortran_order': True, 'shape': (20, 100), }";
  header.resize(0x75, ' ');
  std::ofstream(folder.path / "Y.npy", std::ios::binary) << y << header << '\n' << std::string(8000, '\0');
  CHECK_THROWS_MATCHES(read_events(folder.path, ReadOptions{.lazy = true}), FileError, says("must be in C order"));
  std::vector<float> x(70 * 4 * bins, 0.f);
  x[(66 * 4 + 2) * bins + 3] = INFINITY;
  write_npz(file, {{"X", Tensor::of(x, {70, 4, bins})}, {"Y", array(0, {70, bins})}});
  CHECK_THROWS_MATCHES(read_events(file, ReadOptions{.lazy = true}), FileError, says("event 66, bin 3 must be finite"));
}

}  // namespace test_npz
