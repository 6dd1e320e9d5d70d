#pragma once
// Lists of names, which may have blanks and commas in them.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"

namespace example {

/// For a program to read, as in the metadata of a model: ["walking","walking upstairs"]. Bytes that are no UTF-8 are
/// replaced.
inline std::string json_list(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// For a person to read: 'walking', 'walking upstairs'.
inline std::string quoted_list(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += unroll::text(list.empty() ? "" : ", ", unroll::detail::in_quotes(name));
  return list;
}

}  // namespace example
