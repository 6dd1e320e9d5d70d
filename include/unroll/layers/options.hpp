#pragma once
// Description of a layer: names and values of all its options. Files compare them, so that parameters are not loaded
// into a different model.

#include <concepts>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "unroll/parameters/parameters.hpp"

namespace unroll {

struct LayerOption;
/// Options in the order of comparison. The first one of a layer is {"layer", its kind}.
using LayerOptions = std::vector<LayerOption>;

/// Effect of an option.
enum class OptionUse {
  outputs,   ///< changes the outputs: a file must have the same value
  training,  ///< affects training only, such as a dropout rate
};

/// Named option of a layer. Its value is a bool, an integer, a number, a string, a list of these, or the options of a
/// part.
struct LayerOption {
  using Value = std::variant<bool, Index, double, std::string, std::vector<Index>, std::vector<std::string>,
                             LayerOptions, std::vector<LayerOptions>>;

  template <class T>
  LayerOption(std::string_view of, T&& given, OptionUse for_what = OptionUse::outputs)
      : LayerOption(value_of(std::forward<T>(given)), of, for_what) {}
  LayerOption(const LayerOption&) = default;
  LayerOption(LayerOption&&) = default;
  LayerOption& operator=(const LayerOption&) = default;
  LayerOption& operator=(LayerOption&&) = default;
  [[gnu::noinline]] ~LayerOption() = default;

  std::string name;
  Value value;
  OptionUse use;

 private:
  // Not inlined, and strings of all lengths use one function: this code runs rarely and is compiled often.
  [[gnu::cold, gnu::noinline]] LayerOption(Value&& given, std::string_view of, OptionUse for_what)
      : name(of), value(std::move(given)), use(for_what) {}
  [[gnu::cold, gnu::noinline]] static Value word(std::string_view letters) { return std::string(letters); }

  template <class T>
  static Value value_of(T&& given) {
    using Given = std::remove_cvref_t<T>;
    if constexpr (std::is_same_v<Given, bool>)
      return Value(std::in_place_type<bool>, given);
    else if constexpr (std::is_integral_v<Given>)
      return Value(std::in_place_type<Index>, Index(given));
    else if constexpr (std::is_floating_point_v<Given>)
      return Value(std::in_place_type<double>, double(given));
    else if constexpr (std::is_convertible_v<T, std::string_view>)
      return word(given);
    else
      return Value(std::in_place_type<Given>, std::forward<T>(given));
  }
};

/// Method that merges several values of the same steps.
enum class Merge { concat, sum, product, average };

namespace detail {

/// Value of a string option; empty if there is none.
inline std::string word_of(const LayerOptions& options, std::string_view name) {
  for (const LayerOption& option : options)
    if (const auto* word = std::get_if<std::string>(&option.value); word != nullptr && option.name == name)
      return *word;
  return {};
}

/// Value of a bool option; false if there is none.
inline bool flag_of(const LayerOptions& options, std::string_view name) {
  for (const LayerOption& option : options)
    if (const auto* flag = std::get_if<bool>(&option.value); flag != nullptr && option.name == name) return *flag;
  return false;
}

/// Option of type T; `otherwise` if there is none.
template <class T>
T option_or(const LayerOptions& options, std::string_view name, T otherwise) {
  for (const LayerOption& option : options)
    if (const T* value = std::get_if<T>(&option.value); value != nullptr && option.name == name) return *value;
  return otherwise;
}

/// Name and options of a layer; only the name for a layer without options.
template <class L>
LayerOptions description_of(const L& layer) {
  LayerOptions all{{"name", std::string(layer.name())}};
  for (LayerOption& option : layer.options()) all.push_back(std::move(option));
  return all;
}

/// Name of a part for messages: "layer 2 (conv1d)" for the list "layers", counted from 0; "node 1 (dense)" for "nodes",
/// where node 0 is the input.
inline std::string part_name(std::string_view list, std::size_t k, const LayerOptions& part) {
  const std::string name = word_of(part, "name");
  const std::size_t number = list == "nodes" ? k + 1 : k;
  return text(list.substr(0, list.size() - 1), " ", number, name.empty() ? "" : " (" + name + ")");
}

/// Description of a chain of layers.
template <class Model>
[[gnu::cold]] LayerOptions chain_description(const Model& model) {
  std::vector<LayerOptions> layers;
  model.each_layer([&](const auto& layer, auto) { layers.push_back(description_of(layer)); });
  return {{"model", "chain"}, {"features", model.features()}, {"layers", std::move(layers)}};
}

/// Lines of the text of equations, so that a comparison can report the line that differs.
inline std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const auto end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

/// Options whose values are words.
template <class = Once>
[[gnu::cold]] LayerOptions word_options(std::initializer_list<std::pair<std::string_view, std::string_view>> words) {
  LayerOptions options;
  for (const auto& [name, word] : words) options.emplace_back(name, word);
  return options;
}

/// Size of a cell by name.
using NamedSizes = std::vector<std::pair<std::string, Index>>;

/// Appends the description of a cell: sizes by name, its equations if it has them, and `biased` if it is false, so that
/// files of cells with biases are independent of this option.
template <class = Once>
[[gnu::cold]] void add_cell_options(LayerOptions& options, Index units, const NamedSizes& sizes, bool biased,
                                    std::string_view equations) {
  options.emplace_back("units", units);
  LayerOptions named;
  for (const auto& [name, rows] : sizes) named.emplace_back(name, rows);
  if (!named.empty()) options.emplace_back("sizes", std::move(named));
  if (!biased) options.emplace_back("biased", false);
  if (auto lines = lines_of(equations); !lines.empty()) options.emplace_back("equations", std::move(lines));
}

/// The same for a cell of the options `given`.
template <class Given, class C>
void add_cell(LayerOptions& options, const C& cell, const Given& given) {
  Index units = given.units;
  if constexpr (requires { cell.units(); }) units = cell.units();  // units may be set at compile time
  if constexpr (requires { cell.layout().rows_of_size(C::program.size_count); }) {
    NamedSizes sizes;
    for (int k = 1; k < C::program.size_count; ++k)
      if (const std::string_view name = C::program.sizes[k];
          !cell.layout().follows_from_others(k) && (!C::reads_memory || (name != "memory" && name != "keys")))
        sizes.emplace_back(name, cell.layout().rows_of_size(k));
    add_cell_options(options, units, sizes, given.biased, cell.parameters().equations());
  } else {
    add_cell_options(options, units, given.sizes, given.biased, cell.parameters().equations());
  }
}

}  // namespace detail
}  // namespace unroll
