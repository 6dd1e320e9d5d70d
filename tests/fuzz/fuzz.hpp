#pragma once
// What every fuzz target has: files to begin with, and a reader that must read or refuse whatever comes. See main.cpp.

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

/// Each target defines these two. Inputs to begin with:
std::vector<Bytes> seeds();
/// Reads an input. What it refuses it throws as unroll::Error; any other exception is a finding.
void read(const Bytes& input);

/// Ends the program: a finding.
[[noreturn]] void found(std::string_view what);
inline void expect(bool right, std::string_view what) {
  if (!right) found(what);
}

/// A path in a folder in memory that is this process's alone.
std::filesystem::path path(std::string_view name);
/// The same, with that content.
std::filesystem::path file(std::string_view name, std::string_view content);

/// A file of the project's: "tests/golden/...", "examples/...".
Bytes project_file(std::string_view name);
/// The same without what is behind `bytes`; small inputs are tried faster.
Bytes beginning_of(std::string_view name, std::size_t bytes);

/// An input of several files.
constexpr std::string_view separator = "\n====\n";
Bytes joined(std::initializer_list<Bytes> files);
/// As many files as wanted, those that are missing empty.
std::vector<Bytes> divided(std::string_view input, std::size_t files);

/// Takes the first byte off as a choice below `count`; the letter 'a' is the first.
inline std::size_t take_choice(Bytes& input, std::size_t count) {
  if (input.empty()) return 0;
  const auto first = std::size_t(static_cast<unsigned char>(input.front()));
  input.erase(0, 1);
  return (first + count * 97 - 'a') % count;
}

inline std::span<const std::byte> bytes_of(const Bytes& input) { return std::as_bytes(std::span(input)); }

/// Whether a writer took it. What it refuses is no finding.
template <class Write>
bool accepted(Write&& write) try {
  write();
  return true;
} catch (const unroll::Error&) {
  return false;
}

/// Calls `read` for a file that our own writer has made: it may refuse nothing.
template <class Read>
auto read_again(Read&& read) try {
  return read();
} catch (const std::exception& error) {
  found(std::string("what was written cannot be read: ") + error.what());
}

/// Equal, or both no number.
template <class A, class B>
bool same_numbers(const A& a, const B& b) {
  if (a.size() != b.size()) return false;
  for (decltype(a.size()) k = 0; k < a.size(); ++k)
    if (a.data()[k] != b.data()[k] && (a.data()[k] == a.data()[k] || b.data()[k] == b.data()[k])) return false;
  return true;
}

}  // namespace fuzz
