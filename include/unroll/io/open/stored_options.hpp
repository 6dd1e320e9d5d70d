#pragma once
// Options of a layer as a model file stores them.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/import/detail/json_node.hpp"
#include "unroll/layers/convolution/window_padding.hpp"
#include "unroll/layers/detail/merge.hpp"
#include "unroll/layers/recurrent.hpp"
#include "unroll/models/bridge.hpp"

namespace unroll {
namespace detail {

/// "'a', 'b' or 'c'"
template <class Words>
std::string listed(const Words& words) {
  std::string all;
  std::size_t k = 0;
  for (const std::string_view word : words) {
    all += text(k == 0 ? "" : k + 1 < words.size() ? ", " : " or ", "'", word, "'");
    ++k;
  }
  return all;
}

}  // namespace detail

/// Options of a layer in a model file, by the names of its `options()`. The functions throw FileError, with file and
/// place, for an option that is missing or of another type or range.
class StoredOptions {
 public:
  explicit StoredOptions(const detail::JsonNode& node) : node_(node) {}

  bool has(const char* name) const { return node_.has(name); }
  bool flag(const char* name) const {
    const auto value = node_.at(name);
    value.expect(value.json().is_boolean(), "true or false");
    return value.json().get<bool>();
  }
  /// The same for an option that a file may lack.
  bool flag(const char* name, bool otherwise) const { return has(name) ? flag(name) : otherwise; }
  Index integer(const char* name) const { return integer(node_.at(name)); }
  /// A number; infinite ones are stored as "inf" and "-inf".
  double number(const char* name) const {
    const auto value = node_.at(name);
    if (!value.json().is_string()) return value.number();
    const std::string& word = value.word();
    value.expect(word == "inf" || word == "-inf", "a number, 'inf' or '-inf'");
    return (word == "inf" ? 1 : -1) * std::numeric_limits<double>::infinity();
  }
  const std::string& word(const char* name) const { return node_.at(name).word(); }
  /// Index of the option's value in `words`.
  std::size_t choice(const char* name, std::initializer_list<std::string_view> words) const {
    const std::string& given = word(name);
    const auto found = std::ranges::find(words, given);
    if (found == words.end()) expect(false, name, detail::listed(words));
    return std::size_t(found - words.begin());
  }
  std::vector<Index> integers(const char* name) const {
    const auto list = node_.at(name);
    std::vector<Index> all(list.size(0, std::numeric_limits<std::size_t>::max()));
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = integer(list.entry(k));
    return all;
  }
  std::vector<std::string> words(const char* name) const {
    const auto list = node_.at(name);
    std::vector<std::string> all(list.size(0, std::numeric_limits<std::size_t>::max()));
    for (std::size_t k = 0; k < all.size(); ++k) all[k] = list.entry(k).word();
    return all;
  }
  /// Option that is a word for one of its values, such as {"padding", "same"}, and otherwise a number.
  bool is_word(const char* name) const { return node_.at(name).json().is_string(); }

  WindowPadding padding(const char* name) const {
    if (!is_word(name)) return WindowPadding(integer(name));
    return choice(name, {"same", "causal"}) == 0 ? same() : causal();
  }
  /// Value for each name of an object, such as the sizes of symbols.
  std::vector<std::pair<std::string, Index>> sizes(const char* name) const {
    std::vector<std::pair<std::string, Index>> all;
    if (!has(name)) return all;
    const auto object = node_.at(name);
    object.expect(object.json().is_object(), "an object");
    for (const auto& item : object.json().items()) {
      object.expect(item.key().find('\0') == std::string::npos, "an object with names without a byte 0");
      all.emplace_back(item.key(), integer(object.at(item.key().c_str())));
    }
    return all;
  }
  /// Names and rows in the order of the list; empty if the file lacks the option.
  NamedRows named_rows(const char* name) const {
    NamedRows all;
    if (has(name))
      for (const StoredOptions& one : parts(name)) all.add(one.word("input"), one.integer("rows"));
    return all;
  }
  /// Options of the entries of a list, such as the nodes of a graph.
  std::vector<StoredOptions> parts(const char* name) const {
    const auto list = node_.at(name);
    std::vector<StoredOptions> all;
    const std::size_t count = list.size(1, std::numeric_limits<std::size_t>::max());
    for (std::size_t k = 0; k < count; ++k) all.emplace_back(list.entry(k));
    return all;
  }
  StoredOptions part(const char* name) const { return StoredOptions(node_.at(name)); }

  /// Throws FileError "<place of the option> must be <expected>, got <value>" unless `good`.
  void expect(bool good, const char* name, std::string_view expected) const { node_.at(name).expect(good, expected); }

 private:
  static Index integer(const detail::JsonNode& value) {
    value.expect(value.json().is_number_integer() &&
                     !(value.json().is_number_unsigned() &&
                       value.json().get<std::uint64_t>() > std::uint64_t(std::numeric_limits<Index>::max())),
                 "an integer");
    return value.json().get<Index>();
  }

  detail::JsonNode node_;
};

namespace detail {

inline constexpr std::array all_returns{Returns::steps, Returns::last};
inline constexpr std::array all_merges{Merge::concat, Merge::sum, Merge::product, Merge::average};

/// The one of `values` whose name_of is the option's value.
template <class Value, std::size_t count>
Value stored_value(const StoredOptions& options, const char* name, const std::array<Value, count>& values) {
  std::array<std::string_view, count> words;
  for (std::size_t k = 0; k < count; ++k) words[k] = name_of(values[k]);
  const auto found = std::ranges::find(words, options.word(name));
  if (found == words.end()) options.expect(false, name, listed(words));
  return values[std::size_t(found - words.begin())];
}

}  // namespace detail
}  // namespace unroll
