#pragma once
// Descriptions of models as JSON in the metadata of model files, and their comparison.

#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/json.hpp"
#include "unroll/layers/options.hpp"

namespace unroll::detail {

using DescriptionJson = nlohmann::ordered_json;

/// Options of all layers of a model: of a chain, or of encoder and decoder.
template <class Model>
LayerOptions model_description(const Model& model) {
  if constexpr (requires { model.description(); })
    return model.description();
  else
    return chain_description(model);
}

/// Number of an option; JSON has no infinite ones, which are stored as "inf" and "-inf".
inline DescriptionJson json_of(double number) {
  if (number == std::numeric_limits<double>::infinity()) return "inf";
  if (number == -std::numeric_limits<double>::infinity()) return "-inf";
  return number;
}

inline DescriptionJson json_of(const LayerOptions& options) {
  DescriptionJson object = DescriptionJson::object();
  for (const LayerOption& option : options)
    object[option.name] = std::visit(
        []<class T>(const T& value) -> DescriptionJson {
          if constexpr (std::is_same_v<T, LayerOptions>) {
            return json_of(value);
          } else if constexpr (std::is_same_v<T, std::vector<LayerOptions>>) {
            DescriptionJson list = DescriptionJson::array();
            for (const LayerOptions& part : value) list.push_back(json_of(part));
            return list;
          } else if constexpr (std::is_same_v<T, double>) {
            return json_of(value);
          } else {
            return value;
          }
        },
        option.value);
  return object;
}

/// Text of JSON. Throws ValueError for strings that are not UTF-8.
inline std::string dumped(const DescriptionJson& json, std::string_view what) try {
  return json.dump();
} catch (const nlohmann::json::type_error&) {
  throw ValueError(text("model: ", what, " must be UTF-8"));
}

/// Description as JSON text. Throws ValueError for a name that is not UTF-8.
inline std::string description_text(const LayerOptions& options) {
  return dumped(json_of(options), "the names of layers and cells");
}

/// Parses a description. Throws FileError for anything else.
inline DescriptionJson read_description(const std::string& text, const std::string& file) {
  DescriptionJson json;
  try {
    json = parse_json<DescriptionJson>(text, file);
  } catch (const FileError&) {  // replaced by the message below
  }
  require<FileError>(json.is_object(), file, ": 'model' in the metadata must be the description of a model");
  return json;
}

/// Comparison of a model's options with the description in a file.
class DescriptionCheck {
 public:
  explicit DescriptionCheck(const std::string& file) : file_(file) {}

  /// Throws FileError for the first difference. Options that affect only training may differ.
  void compare(const LayerOptions& ours, const DescriptionJson& theirs, const std::string& where = {}) const {
    if (!theirs.is_object()) differ(where, "options", theirs, json_of(ours));
    const bool has_options = !word_of(ours, "layer").empty() && theirs.contains("layer");
    if (!has_options && !word_of(ours, "name").empty()) return compare_names(ours, theirs, where);
    for (const LayerOption& option : ours)
      if (option.use == OptionUse::outputs && compared(option.name, ours, theirs)) compare(option, theirs, where);
    for (const auto& [name, value] : theirs.items())
      if (compared(name, ours, theirs)) require_known(name, value, ours, where);
  }

 private:
  /// Layer names follow from the options and are not compared. Equations are compared only if both sides have them: a
  /// handwritten cell has only a name.
  static bool compared(const std::string& name, const LayerOptions& ours, const DescriptionJson& theirs) {
    if (name == "name") return false;
    return name != "equations" || (theirs.contains(name) && has(ours, name));
  }
  static bool has(const LayerOptions& options, const std::string& name) {
    return std::ranges::any_of(options, [&](const LayerOption& option) { return option.name == name; });
  }

  void compare_names(const LayerOptions& ours, const DescriptionJson& theirs, const std::string& where) const {
    const auto name = theirs.find("name");
    if (name == theirs.end() || *name != word_of(ours, "name"))
      differ(where, "name", name == theirs.end() ? DescriptionJson() : *name, word_of(ours, "name"));
  }

  void compare(const LayerOption& option, const DescriptionJson& theirs, const std::string& where) const {
    const DescriptionJson mine = json_of({option}).at(option.name);
    const auto found = theirs.find(option.name);
    require<FileError>(found != theirs.end(), file_, ": ", where, option.name, " must be ", shown(mine),
                       ", as in this model, got none");
    if (const auto* part = std::get_if<LayerOptions>(&option.value))
      compare(*part, *found, where + option.name + ": ");
    else if (const auto* parts = std::get_if<std::vector<LayerOptions>>(&option.value))
      compare_all(option.name, *parts, *found, where);
    else if (mine.is_array() && found->is_array() && mine.size() == found->size())
      compare_entries(option.name, mine, *found, where);
    else if (mine != *found)
      differ(where, option.name, *found, mine);
  }
  void compare_entries(const std::string& name, const DescriptionJson& mine, const DescriptionJson& theirs,
                       const std::string& where) const {
    for (std::size_t k = 0; k < mine.size(); ++k)
      if (mine[k] != theirs[k]) differ(where, text("entry ", k, " of ", name), theirs[k], mine[k]);
  }
  void compare_all(const std::string& name, const std::vector<LayerOptions>& parts, const DescriptionJson& theirs,
                   const std::string& where) const {
    require<FileError>(theirs.is_array() && theirs.size() == parts.size(), file_, ": ", where, name, " must have ",
                       parts.size(), " entries, as in this model, got ", theirs.size());
    for (std::size_t k = 0; k < parts.size(); ++k)
      compare(parts[k], theirs[k], where + part_name(name, k, parts[k]) + ": ");
  }

  void require_known(const std::string& name, const DescriptionJson& value, const LayerOptions& ours,
                     const std::string& where) const {
    require<FileError>(has(ours, name), file_, ": ", where, in_quotes(name), " must be absent, as in this model, got ",
                       [&] { return shown(value); });
  }

  [[noreturn]] void differ(const std::string& where, const std::string& name, const DescriptionJson& theirs,
                           const DescriptionJson& ours) const {
    throw FileError(
        text(file_, ": ", where, name, " must be ", shown(ours), ", as in this model, got ", shown(theirs)));
  }
  static std::string shown(const DescriptionJson& value) {
    if (value.is_string()) return in_quotes(value.get_ref<const std::string&>());
    const std::string text = value.dump(-1, ' ', false, DescriptionJson::error_handler_t::replace);
    return value.is_primitive() && text.size() < 40 ? text : in_quotes(text);
  }

  const std::string& file_;
};

}  // namespace unroll::detail
