#pragma once
// Names from files in error messages.

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"

namespace unroll::detail {

/// Quoted name that is safe to print: control bytes are replaced and long names are cut, because a hostile file must
/// not send them to the terminal.
inline std::string in_quotes(std::string_view name) {
  constexpr std::size_t longest = 80;
  std::string shown(name.substr(0, longest));
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return "'" + shown + (name.size() > longest ? "...'" : "'");
}

/// Levenshtein distance (1966): number of insertions, deletions and replacements that turn `a` into `b`. Stores one
/// row.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

/// The up to three of `names` most similar to `given`, as "'a', 'b', 'c'".
[[gnu::cold]] inline std::string nearest_names(std::string_view given, const std::vector<std::string_view>& names) {
  // Only the beginnings of long names are compared, so that a failed lookup is never slow.
  constexpr std::size_t head = 128;
  std::vector<std::pair<std::size_t, std::string_view>> ranked;
  for (const std::string_view name : names)
    ranked.emplace_back(edit_distance(given.substr(0, head), name.substr(0, head)), name);
  const auto shown = std::min<std::ptrdiff_t>(3, static_cast<std::ptrdiff_t>(ranked.size()));
  std::partial_sort(ranked.begin(), ranked.begin() + shown, ranked.end());
  std::string list;
  for (auto it = ranked.begin(); it != ranked.begin() + shown; ++it)
    list += text(list.empty() ? "" : ", ", in_quotes(it->second));
  return list;
}

}  // namespace unroll::detail
