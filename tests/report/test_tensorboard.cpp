// Event files, compared byte by byte with the specifications of their parts.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "support/catch.hpp"
#include "support/small_files.hpp"
#include "support/temporary.hpp"
#include "unroll/report/tensorboard.hpp"

namespace test_tensorboard {

using namespace unroll;

namespace {

std::uint32_t crc32c(std::string_view bytes) { return detail::crc32<0x82F63B78>(std::as_bytes(std::span(bytes))); }

std::string bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string hex(std::string_view bytes) {
  std::string digits;
  for (const char c : bytes)
    for (const int shift : {4, 0}) digits += "0123456789abcdef"[static_cast<unsigned char>(c) >> shift & 15];
  return digits;
}

}  // namespace

TEST_CASE("crc32c: equals the examples of RFC 3720", "[report]") {
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
}

TEST_CASE("event file: an event is a record of a message", "[report]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "events.out.tfevents.1.run";
  EventFile file(path, 1.5);
  const std::string head = bytes(path);
  CHECK(hex(head.substr(0, 12)) == "1800000000000000a37f4b22");  // start of every event file of TensorFlow
  CHECK(hex(head.substr(12, 11)) == "09000000000000f83f1a0d");   // time 1.5, then a string of 13 bytes in field 3
  CHECK(head.substr(23, 13) == "brain.Event:2");
  CHECK(head.size() == 8 + 4 + 24 + 4);
  file.scalar("loss", 0.5, 300, 2);
  const std::string event = bytes(path).substr(head.size());
  // Length 27; time 2 in field 1; step 300 in field 2; summary in field 5 with a value in field 1: tag, single
  // precision.
  CHECK(hex(event.substr(12, event.size() - 16)) ==
        "090000000000000040"
        "10ac02"
        "2a0d"
        "0a0b"
        "0a046c6f7373"
        "150000003f");
  CHECK(detail::word_at(event, 8, 4) == detail::masked_crc(event.substr(0, 8)));
  CHECK(detail::word_at(event, event.size() - 4, 4) == detail::masked_crc(event.substr(12, event.size() - 16)));
}

TEST_CASE("event file: appends after the last complete record", "[report]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "events.out.tfevents.1.run";
  EventFile(path, 1).scalar("loss", 1, 0, 1);
  const std::string whole = bytes(path);
  EventFile(path, 1).scalar("loss", 2, 1, 1);
  const std::string both = bytes(path);
  REQUIRE(both.starts_with(whole));
  for (const std::size_t cut : {std::size_t(1), std::size_t(20), both.size() - whole.size() - 1}) {
    std::filesystem::resize_file(path, both.size() - cut);
    EventFile(path, 1).scalar("loss", 2, 1, 1);
    CHECK(bytes(path) == both);
  }
  std::ofstream(path, std::ios::binary) << "a text from another program, long enough";
  CHECK_THROWS_MATCHES(EventFile(path, 1), FileError, says("must be an event file"));
  CHECK_THROWS_MATCHES(EventFile(folder.path / "events", 1), ValueError, says("'tfevents'"));
  CHECK_THROWS_AS(EventFile(folder.path / "nowhere" / "tfevents", 1), FileError);
}

TEST_CASE("event file: only complete events remain when the disk is full", "[report]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "events.out.tfevents.1.run";
  EventFile file(path, 1);
  file.scalar("loss", 1, 0, 1);
  const std::string before = bytes(path);
  {
    const support::SmallFiles limit(before.size() + 100);
    CHECK_THROWS_MATCHES(file.histogram("weight", VectorX<float>::LinSpaced(100, 0, 1), 0, 1), FileError,
                         says(path.string() + ": cannot be written"));
    CHECK(bytes(path) == before);
    const support::SmallFiles none(20);
    CHECK_THROWS_AS(EventFile(folder.path / "tfevents", 1), FileError);
    CHECK_FALSE(std::filesystem::exists(folder.path / "tfevents"));
  }
  file.scalar("loss", 1, 1, 1);
  EventFile(path, 1);  // reopens and reads the file
  CHECK(detail::whole_records(bytes(path)) == bytes(path).size());
  CHECK(bytes(path).size() > before.size());
}

TEST_CASE("event file: a histogram counts every finite value once", "[report]") {
  const auto numbers = [](const std::string& histogram, std::size_t place) {
    return std::bit_cast<double>(detail::word_at(histogram, place, 8));
  };
  const std::vector<double> values{-1, 0, 0, 0.5, 3};
  const std::string histogram = detail::histogram_of(values, -1, 3);
  CHECK(numbers(histogram, 1) == -1);
  CHECK(numbers(histogram, 10) == 3);
  CHECK(numbers(histogram, 19) == 5);
  CHECK(numbers(histogram, 28) == 2.5);
  CHECK(numbers(histogram, 37) == 10.25);
  const std::size_t limits = 48, counts = limits + 40 * 8 + 3;  // each list has a key and two bytes of length
  CHECK(numbers(histogram, limits) == -0.9);
  CHECK(numbers(histogram, limits + 39 * 8) == 3);
  CHECK(numbers(histogram, counts) == 1);
  CHECK(numbers(histogram, counts + 10 * 8) == 2);
  CHECK(numbers(histogram, counts + 15 * 8) == 1);
  CHECK(numbers(histogram, counts + 39 * 8) == 1);
  CHECK(detail::histogram_of(std::vector<double>{2, 2}, 2, 2).size() == 45 + 2 * 10);
  CHECK(detail::histogram_of(std::vector<double>{-1e308, 1e308}, -1e308, 1e308).size() == 45 + 2 * (3 + 320));
}

TEST_CASE("event file: histograms have parameter names and images must be PNG", "[report]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "tfevents";
  EventFile file(path, 1);
  ParameterTable table;
  table.add("weight", Role::input_weight, 2, 3);
  table.add("bias", Role::bias, 2, 1);
  file.histograms(Parameters<float>(table), 7, 1);
  const std::string all = bytes(path);
  CHECK(all.find("weight") < all.find("bias"));
  CHECK(all.find("bias") != std::string::npos);
  CHECK_THROWS_MATCHES(file.histogram("none", VectorX<float>::Constant(3, NAN), 1, 1), ValueError,
                       says("'none': the values must have at least 1 finite number"));
  CHECK_THROWS_MATCHES(file.image("page", "GIF89a and more letters than a PNG's head", 1, 1), ValueError,
                       says("'page': the content must be a PNG file"));
  const std::string png = std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\2\0\0\0\3", 24) + "rest";
  file.image("page", png, 1, 1);
  const std::string image = bytes(path).substr(all.size());
  CHECK(image.find(std::string("\x08\x03\x10\x82\x02\x18\x04\x22\x1c", 9) + png) !=
        std::string::npos);  // 3 high, 258 wide
}

// Output for scripts/read_events, which scripts/check runs if TensorBoard is installed.
TEST_CASE("event file: writes a folder for TensorBoard", "[.events]") {
  const char* const folder = std::getenv("UNROLL_EVENTS");
  REQUIRE(folder != nullptr);
  std::filesystem::create_directories(folder);
  const auto path = std::filesystem::path(folder) / "events.out.tfevents.100.run";
  std::filesystem::remove(path);
  EventFile(path, 100).scalar("loss", 1, 0, 100);
  EventFile file(path, 100);
  file.scalar("loss", 0.5, 1, 101);
  file.scalar("loss", 0.25, 2, 102);
  ParameterTable table;
  table.add("0.weight", Role::input_weight, 2, 3);
  Parameters<float> parameters(table);
  parameters.values() << -1, 0, 1, 3, 0, 3;
  file.histograms(parameters, 2, 102);
  constexpr std::string_view grey_pixel(
      "\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\x00\x01\x08"
      "\x00\x00\x00\x00\x3a\x7e\x9b\x55\x00\x00\x00\x0a\x49\x44\x41\x54\x78\x9c\x63\x68\x00\x00\x00\x82\x00"
      "\x81\x77\xcd\x72\xb6\x00\x00\x00\x00\x49\x45\x4e\x44\xae\x42\x60\x82",
      67);
  file.image("pixel", grey_pixel, 2, 102);
}

}  // namespace test_tensorboard
