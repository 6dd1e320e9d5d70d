#pragma once
// Options of a case: strings in the metadata of its file, JSON for numbers, booleans and lists. Every read is recorded,
// so that unknown options are found.

#include <cmath>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "unroll/core/error.hpp"
#include "unroll/core/types.hpp"

namespace conformance {

using namespace unroll;

/// Error for an operation or option that this program does not compute.
class Refused : public Error {
 public:
  using Error::Error;
};

namespace detail {

inline nlohmann::json parse(const std::string& name, const std::string& value) {
  try {
    return nlohmann::json::parse(value);
  } catch (const nlohmann::json::exception&) {
    throw ValueError(text("option '", name, "' = ", value, " is no JSON"));
  }
}

/// [3] counts as 3, as for sizes of one dimension in PyTorch and Keras.
inline nlohmann::json unpacked(const nlohmann::json& value) {
  return value.is_array() && value.size() == 1 ? value[0] : value;
}

template <class T>
struct Converted;

template <>
struct Converted<double> {
  static constexpr const char* kind = "a number";
  static std::optional<double> of(const nlohmann::json& value) {
    if (value == "inf") return INFINITY;
    return unpacked(value).is_number() ? std::optional(unpacked(value).get<double>()) : std::nullopt;
  }
};
template <>
struct Converted<Index> {
  static constexpr const char* kind = "a whole number below 2^53";
  static std::optional<Index> of(const nlohmann::json& value) {
    const auto number = Converted<double>::of(value);
    if (!number || std::abs(*number) >= 0x1p53 || *number != std::floor(*number)) return {};
    return Index(*number);
  }
};
template <>
struct Converted<bool> {
  static constexpr const char* kind = "true or false";
  static std::optional<bool> of(const nlohmann::json& value) {
    if (value.is_boolean()) return value.get<bool>();
    return value == 0 ? std::optional(false) : value == 1 ? std::optional(true) : std::nullopt;
  }
};
template <>
struct Converted<std::string> {
  static constexpr const char* kind = "a text";
  static std::optional<std::string> of(const nlohmann::json& value) {
    return value.is_string() ? std::optional(value.get<std::string>()) : std::nullopt;
  }
};
template <class T>
struct Converted<std::vector<T>> {
  static constexpr const char* kind = "a list of numbers or names";
  static std::optional<std::vector<T>> of(const nlohmann::json& value) {
    if (!value.is_array()) return {};
    std::vector<T> list;
    for (const auto& entry : value) {
      const auto converted = Converted<T>::of(entry);
      if (!converted) return {};
      list.push_back(*converted);
    }
    return list;
  }
};

template <class T>
T converted(const std::string& name, const nlohmann::json& value) {
  const auto result = Converted<T>::of(value);
  require<ValueError>(result.has_value(), "option '", name, "' must be ", Converted<T>::kind, ", got ", value.dump());
  return *result;
}

}  // namespace detail

/// Options of one JSON object, or of several objects. Throws ValueError if two objects have different values.
class Options {
 public:
  explicit Options(std::set<std::string>& read) : read_(&read) {}

  /// Adds an object. `name`: its origin, for messages.
  void add(const std::string& name, nlohmann::json object) {
    require<ValueError>(object.is_object(), "option '", name, "' must be an object {...}, got ", object.dump());
    objects_.emplace_back(name.empty() ? "" : name + ".", std::move(object));
  }

  /// Whether the option exists and is not null.
  bool has(const std::string& name) const { return find(name) != nullptr; }
  /// Whether the option exists; it may be null.
  bool names(const std::string& name) const {
    const auto* found = find(name, true);
    return found != nullptr;
  }

  template <class T>
  T at(const std::string& name) const {
    const auto* found = find(name);
    require<ValueError>(found != nullptr, "option '", objects_.empty() ? "" : objects_.front().first, name,
                        "' is missing");
    return detail::converted<T>(name, *found);
  }
  template <class T>
  T value(const std::string& name, const T& otherwise) const {
    const auto* found = find(name);
    return found == nullptr ? otherwise : detail::converted<T>(name, *found);
  }
  std::string value(const std::string& name, const char* otherwise) const {
    return value<std::string>(name, otherwise);
  }
  const nlohmann::json& json(const std::string& name) const {
    const auto* found = find(name);
    require<ValueError>(found != nullptr, "option '", name, "' is missing");
    return *found;
  }

  /// Throws Refused if the option exists with a value that is not listed.
  void only(const std::string& name, std::initializer_list<nlohmann::json> values) const {
    const auto* found = find(name, true);
    if (found == nullptr) return;
    for (const auto& value : values)
      if (*found == value || (value.is_number() && found->is_number() && value.get<double>() == found->get<double>()))
        return;
    throw Refused(text("option '", name, "' = ", found->dump(), " is not supported"));
  }
  [[noreturn]] void refuse(const std::string& name) const {
    const auto* found = find(name, true);
    throw Refused(text("option '", name, "' = ", found == nullptr ? "absent" : found->dump(), " is not supported"));
  }

  /// Throws Refused if an option was not read; for options outside the metadata.
  void require_all_read() const {
    for (const auto& [prefix, object] : objects_)
      for (const auto& [name, value] : object.items())
        require<Refused>(read_->contains(prefix + name), "option '", prefix, name, "' = ", value.dump(),
                         " is not read by this program");
  }

 private:
  const nlohmann::json* find(const std::string& name, bool null_counts = false) const {
    const nlohmann::json* found = nullptr;
    for (const auto& [prefix, object] : objects_) {
      const auto at = object.find(name);
      if (at == object.end()) continue;
      read_->insert(prefix + name);
      require<ValueError>(found == nullptr || *found == *at, "option '", name, "' has two values, ",
                          found == nullptr ? "" : found->dump(), " and ", at->dump());
      found = &*at;
    }
    return found != nullptr && found->is_null() && !null_counts ? nullptr : found;
  }

  std::set<std::string>* read_;
  std::vector<std::pair<std::string, nlohmann::json>> objects_;
};

}  // namespace conformance
