#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "unroll/layers/options.hpp"

namespace unroll::detail {

/// One line per option that affects outputs: "layer 1 (conv1d): stride 2".
[[gnu::cold]] inline std::string option_lines(const LayerOptions& options, const std::string& where = {}) {
  std::string lines;
  const auto line = [&](std::string_view name, const auto& value) { lines += text(where, name, " ", value, "\n"); };
  for (const LayerOption& option : options) {
    if (option.use != OptionUse::outputs || option.name == "name") continue;
    std::visit(
        [&]<class T>(const T& value) {
          if constexpr (std::is_same_v<T, LayerOptions>)
            lines += option_lines(value, where + option.name + ": ");
          else if constexpr (std::is_same_v<T, std::vector<LayerOptions>>)
            for (std::size_t k = 0; k < value.size(); ++k)
              lines += option_lines(value[k], where + part_name(option.name, k, value[k]) + ": ");
          else if constexpr (std::is_same_v<T, std::vector<Index>> || std::is_same_v<T, std::vector<std::string>>)
            for (const auto& one : value) line(option.name, one);
          else
            line(option.name, value);
        },
        option.value);
  }
  return lines;
}

/// Identity of a model as text, for parameters outside of it: names of the parameters in the first line, then one line
/// per option.
template <class Model>
[[gnu::cold]] std::string model_identity(const Model& model) {
  std::string lines = model.parameters().table().names() + "\n";
  if constexpr (requires { model.description(); })
    lines += option_lines(model.description());
  else if constexpr (requires { model.each_layer([](const auto&, std::size_t) {}); })
    lines += option_lines(chain_description(model));
  return lines;
}

/// Identity and number of parameters that were stored.
struct StoredIdentity {
  std::string_view lines;
  Index size;
};

/// Throws ShapeError for different parameters, ValueError for different options: "`place`: the model must have ..., as
/// in `source`, got ...".
[[gnu::cold]] inline void check_identity(std::string_view place, std::string_view source, StoredIdentity stored,
                                         std::string_view ours, Index size) {
  const auto first = [](std::string_view& lines) {
    const auto end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    lines.remove_prefix(std::min(lines.size(), end + 1));
    return line;
  };
  const std::string_view stored_names = first(stored.lines), names = first(ours);
  require<ShapeError>(stored_names == names && stored.size == size, place, ": the model must have ", stored.size,
                      " parameters (", stored_names, "), as in ", source, ", got ", size, " (", names, ")");
  while (!stored.lines.empty() || !ours.empty()) {
    const std::string_view theirs = first(stored.lines), mine = first(ours);
    require<ValueError>(theirs == mine, place, ": the model must have '", theirs, "', as in ", source, ", got '", mine,
                        "'");
  }
}

}  // namespace unroll::detail
