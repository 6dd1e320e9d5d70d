#pragma once
// Lists of names, which may contain blanks and commas.

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"

namespace example {

/// JSON array, used in the metadata of model files: ["walking","walking upstairs"]. Invalid UTF-8 is replaced.
inline std::string json_list(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// List for messages: 'walking', 'walking upstairs'.
inline std::string quoted_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += unroll::text(list.empty() ? "" : ", ", unroll::detail::in_quotes(name));
  return list;
}

/// List for messages: "a, b or c".
inline std::string any_of(const std::vector<std::string>& words) {
  std::string all = words.front();
  for (std::size_t k = 1; k < words.size(); ++k) all += (k + 1 < words.size() ? ", " : " or ") + words[k];
  return all;
}

/// Name of data in titles: the last part of a path, and all of another description.
inline std::string title_of(const std::string& source) {
  const std::filesystem::path path(source);
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

}  // namespace example
