#pragma once
// Tables of words for a terminal and for markdown.

#include <algorithm>
#include <string>
#include <vector>

namespace har {

/// A line of a table; the first line names the columns.
using Cells = std::vector<std::string>;

/// Every line as long as the first.
inline std::string as_text(const std::vector<Cells>& table) {
  std::string words;
  for (const Cells& line : table) {
    for (std::size_t column = 0; column < line.size(); ++column) {
      std::size_t width = 0;
      for (const Cells& other : table) width = std::max(width, other[column].size());
      words += std::string(width - line[column].size() + (column == 0 ? 0 : 2), ' ') + line[column];
    }
    words += "\n";
  }
  return words;
}

/// A bar in a name would begin another cell.
inline std::string markdown_cell(const std::string& name) {
  std::string cell;
  for (const char c : name) cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

inline std::string as_markdown(const std::vector<Cells>& table) {
  std::string words;
  for (std::size_t line = 0; line < table.size(); ++line) {
    for (const std::string& cell : table[line]) words += "| " + markdown_cell(cell) + " ";
    words += "|\n";
    if (line > 0) continue;
    for (std::size_t column = 0; column < table[0].size(); ++column) words += "|---";
    words += "|\n";
  }
  return words;
}

}  // namespace har
