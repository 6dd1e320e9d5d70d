#pragma once
// Interface of all fuzz targets: seeds, and a reader that must accept or refuse every input. See main.cpp.

#include <algorithm>
#include <bit>
#include <concepts>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/io/input_file.hpp"

namespace fuzz {

using Bytes = std::string;

/// Inputs to start from. Every target defines seeds() and read().
std::vector<Bytes> seeds();
/// Reads an input. Refusals throw unroll::Error; any other exception is a finding.
void read(const Bytes& input);

/// Reports a finding and ends the program.
[[noreturn]] void found(std::string_view what);
inline void expect(bool right, std::string_view what) {
  if (!right) found(what);
}

/// Path in a private folder in memory.
std::filesystem::path path(std::string_view name);
/// File of this content in the folder in memory; returns its path.
std::filesystem::path file(std::string_view name, std::string_view content);

/// Content of a file of the project: "tests/golden/...", "examples/...".
Bytes project_file(std::string_view name);
/// Whole lines from the first `bytes` bytes of a project file; small inputs run faster.
Bytes beginning_of(std::string_view name, std::size_t bytes);

/// Separator of the files in an input.
constexpr std::string_view separator = "\n====\n";
Bytes joined(std::initializer_list<Bytes> files);
/// Exactly `files` files; missing ones are empty.
std::vector<Bytes> divided(std::string_view input, std::size_t files);

/// Removes the first byte and returns it as a choice below `count`; 'a' is choice 0.
inline std::size_t take_choice(Bytes& input, std::size_t count) {
  if (input.empty()) return 0;
  const auto first = std::size_t(static_cast<unsigned char>(input.front()));
  input.erase(0, 1);
  return (first + count * 97 - 'a') % count;
}

inline std::span<const std::byte> bytes_of(const Bytes& input) { return std::as_bytes(std::span(input)); }

/// Whether the call succeeds; an unroll::Error is not a finding.
template <class Write>
bool accepted(Write&& write) try {
  write();
  return true;
} catch (const unroll::Error&) {
  return false;
}

/// Reads a file of the library's writer; every exception is a finding.
template <class Read>
auto read_again(Read&& read) try {
  return read();
} catch (const std::exception& error) {
  found(std::string("what was written cannot be read: ") + error.what());
}

/// Equality of numbers, NaN equal to NaN.
template <class A, class B>
bool same_numbers(const A& a, const B& b) {
  if (a.size() != b.size()) return false;
  for (decltype(a.size()) k = 0; k < a.size(); ++k)
    if (a.data()[k] != b.data()[k] && (a.data()[k] == a.data()[k] || b.data()[k] == b.data()[k])) return false;
  return true;
}

}  // namespace fuzz
