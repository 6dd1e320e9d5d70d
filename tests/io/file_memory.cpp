// Memory that readers allocate for files whose content would need much more than their size.

#include <cstdint>
#include <functional>
#include <string>
#include <unroll/io/detail/inflate.hpp>
#include <unroll/io/detail/pickle.hpp>
#include <unroll/io/formats/npy.hpp>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/io/formats/ts.hpp>
#include <unroll/io/json.hpp>
#include <unroll/text/word_vector_files.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace test_file_memory {

using namespace unroll;

namespace {

std::string repeated(std::string_view part, std::size_t bytes) {
  std::string all;
  all.reserve(bytes + part.size());
  while (all.size() < bytes) all += part;
  return all;
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// Checks that a reader refuses a content and takes at most 64 MB and 4 times its size.
template <class Read>
void refused(const std::string& content, const char* why, Read&& read) {
  INFO(content.substr(0, 60));
  const support::MemoryPeak peak;
  std::string message;
  try {
    read(content);
  } catch (const FileError& error) {
    message = error.what();
  }
  const std::size_t bytes = peak.bytes();
  CHECK_THAT(message, Catch::Contains(why));
  CHECK(bytes <= 64'000'000 + 4 * content.size());
}

}  // namespace

TEST_CASE("file memory: JSON of many small values is refused") {
  const auto read = [](const std::string& text) { (void)detail::parse_json(text, "x"); };
  for (const char* part : {"0,", "[],", "{},", "\"\",", "{\"\":0},", "[[0]],"})
    refused("[" + repeated(part, 4'000'000) + "0]", "must take at most 400000", read);
  refused(R"({"a":0,"b":)" + repeated("[", 1'000'000), "at most 100 levels", read);
  CHECK(detail::parse_json("[" + repeated("0.12345,", 1'000'000) + "0]", "x").size() == 125'001);
}

TEST_CASE("file memory: sizes that deflated data cannot have are refused") {
  const std::string deflated(8, '\3');
  CHECK_THROWS_MATCHES(detail::inflate(bytes_of(deflated), 10'000, "x"), FileError,
                       says("x: deflated data of 8 bytes must be at most 8256 bytes, got a size of 10000"));
  CHECK_THROWS_MATCHES(detail::inflate(bytes_of(deflated), std::size_t(-1), "x"), FileError, says("must be at most"));
}

TEST_CASE("file memory: pickles of many values, marks or names are refused") {
  const auto read = [](const std::string& text) { detail::PickleReader(text, "x").read(); };
  refused(repeated("N", 4'000'000), "its pickle must have at most 375000 values", read);
  refused(repeated("(", 4'000'000), "its pickle must have at most 375000 values", read);
  std::string names = "N";
  for (std::uint32_t k = 0; k < 400'000; ++k)
    names += std::string("r") + std::string(reinterpret_cast<const char*>(&k), 4);
  refused(names, "values, it has more", read);
}

TEST_CASE("file memory: many short texts, series and words are refused") {
  const std::string header = "{'descr': '|S1', 'fortran_order': False, 'shape': (4000000,), }\n";
  refused(std::string("\x93NUMPY\1\0", 8) + char(header.size()) + '\0' + header + std::string(4'000'000, 'a'),
          "texts of 1 bytes must be at most 750000, got 4000000",
          [](const std::string& text) { (void)parse_npy_texts(bytes_of(text)); });
  refused("@data\n" + repeated("1\n", 4'000'000), "the file must have at most 500000 series",
          [](const std::string& text) { (void)parse_ts(text); });
  std::string words;
  for (int k = 0; k < 500'000; ++k) words += text("w", k, " 1\n");
  refused(words, "words, got 500000", [](const std::string& text) { (void)detail::read_text_vectors(text, "x"); });
  refused("500000 1\n" + words, "words, got 500000",
          [](const std::string& text) { (void)detail::read_text_vectors(text, "x"); });
}

}  // namespace test_file_memory
