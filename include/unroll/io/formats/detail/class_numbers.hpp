#pragma once
// Numbers of the classes that a text file names.

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/text_lines.hpp"

namespace unroll::detail {

/// Numbers of the classes; views of their names.
using ClassNumbers = std::unordered_map<std::string_view, Index>;

/// Throws ValueError unless the names are different.
inline ClassNumbers number_classes(std::string_view format, const std::vector<std::string>& names) {
  ClassNumbers numbers;
  for (const std::string& name : names) numbers.emplace(name, Index(numbers.size()));
  require<ValueError>(numbers.size() == names.size(), format, ": classes must be different, got one twice");
  return numbers;
}

/// Number of the class `label`. Throws FileError, with the nearest names, if there is no such class.
inline Index class_number(const ClassNumbers& classes, std::string_view label, const TextLines& lines) {
  const auto found = classes.find(label);
  lines.expect(found != classes.end(), [&] {
    std::vector<std::string_view> names;
    for (const auto& item : classes) names.push_back(item.first);
    return text("the label must be one of ", names.size(), " classes, got ", in_quotes(label),
                "; the nearest: ", nearest_names(label, names));
  });
  return found->second;
}

}  // namespace unroll::detail
