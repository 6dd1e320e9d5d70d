#pragma once
// Values of the JSON files of other systems, with their place for messages.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/tensor.hpp"
#include "unroll/io/json.hpp"

namespace unroll::detail {

/// Largest count in a JSON file.
inline constexpr Index most_of_count = Index(1) << 30;
/// Largest number of layers of a model in JSON.
inline constexpr std::size_t most_json_layers = 256;

/// Value of a JSON text. Its functions throw FileError, with the place, for a value of another type or range.
class JsonNode {
 public:
  /// `json` must outlive the node. `file` is the first part of messages.
  JsonNode(const nlohmann::json& json, std::string_view file, std::string place = {})
      : json_(&json), file_(file), place_(std::move(place)) {}

  const nlohmann::json& json() const { return *json_; }

  /// Whether there is a member of this name that is not null.
  bool has(const char* name) const {
    const auto found = json_->is_object() ? json_->find(name) : json_->end();
    return found != json_->end() && !found->is_null();
  }
  JsonNode at(const char* name) const {
    expect(json_->is_object(), "an object");
    const auto found = json_->find(name);
    require<FileError>(found != json_->end(), file_, ": ", place_, place_.empty() ? "" : ".", name,
                       " must be given, got nothing");
    return {*found, file_, text(place_, place_.empty() ? "" : ".", name)};
  }
  JsonNode entry(std::size_t k) const {
    expect(json_->is_array() && k < json_->size(), text("an array of at least ", k + 1));
    return {(*json_)[k], file_, text(place_, "[", k, "]")};
  }
  /// Last entry of an array, or the value itself if it is none.
  JsonNode last() const { return json_->is_array() && !json_->empty() ? entry(json_->size() - 1) : *this; }

  /// Number of entries of an array, which must be `least` to `most`.
  std::size_t size(std::size_t least, std::size_t most) const {
    const bool many = most == std::numeric_limits<std::size_t>::max();
    expect(json_->is_array() && json_->size() >= least && json_->size() <= most,
           many ? text("an array of at least ", least) : text("an array of ", least, " to ", most));
    return json_->size();
  }

  /// Integer from 1 to `most_of_count`.
  Index count() const {
    const bool fits = json_->is_number_unsigned() && json_->get<std::uint64_t>() >= 1 &&
                      json_->get<std::uint64_t>() <= std::uint64_t(most_of_count);
    expect(fits, text("an integer from 1 to ", most_of_count));
    return json_->get<Index>();
  }
  double number() const {
    expect(json_->is_number(), "a number");
    return json_->get<double>();
  }
  const std::string& word() const {
    expect(json_->is_string(), "a string");
    return json_->get_ref<const std::string&>();
  }

  /// Arrays of numbers: no, 1, 2 or 3 levels of arrays, with equal lengths on each level.
  Tensor tensor() const {
    std::vector<Index> shape;
    for (const nlohmann::json* inner = json_; inner->is_array(); inner = &inner->front()) {
      expect(!inner->empty() && shape.size() < 3, "numbers in at most 3 levels of arrays that are not empty");
      shape.push_back(Index(inner->size()));
    }
    std::vector<double> numbers;
    numbers.reserve(count_of(*json_));
    append(*json_, shape, 0, numbers);
    return Tensor::of(numbers, std::move(shape));
  }

  /// The same, of one of the shapes. Throws ShapeError for another shape.
  Tensor tensor(const std::vector<Index>& shape) const {
    Tensor found = tensor();
    require<ShapeError>(
        found.shape == shape, file_, ": ", place_, " must be of the shape ", [&] { return shape_text(shape); },
        ", got ", [&] { return shape_text(found.shape); });
    return found;
  }

  /// Throws FileError "<place> must be <expected>, got <value>" unless `good`.
  void expect(bool good, std::string_view expected) const {
    require<FileError>(good, file_, ": ", place_.empty() ? "the JSON value" : place_, " must be ", expected, ", got ",
                       [&] { return shown(); });
  }

 private:
  std::string shown() const {
    if (json_->is_string()) return in_quotes(json_->get_ref<const std::string&>());
    if (json_->is_array()) return text("an array of ", json_->size());
    return json_->is_object() ? text("an object of ", json_->size()) : json_->dump();
  }

  /// Number of values in arrays.
  static std::size_t count_of(const nlohmann::json& of) {
    if (!of.is_array() || of.empty() || !of.front().is_array()) return of.is_array() ? of.size() : 1;
    std::size_t count = 0;
    for (const nlohmann::json& entry : of) count += count_of(entry);
    return count;
  }

  void append(const nlohmann::json& from, const std::vector<Index>& shape, std::size_t level,
              std::vector<double>& to) const {
    if (level == shape.size()) {
      require<FileError>(from.is_number(), file_, ": ", place_, " must contain numbers in arrays of equal lengths");
      return to.push_back(from.get<double>());
    }
    require<FileError>(from.is_array() && Index(from.size()) == shape[level], file_, ": ", place_,
                       " must contain numbers in arrays of equal lengths");
    for (const nlohmann::json& entry : from) append(entry, shape, level + 1, to);
  }

  const nlohmann::json* json_;
  std::string_view file_;
  std::string place_;
};

/// Nested arrays of the numbers of a tensor.
inline nlohmann::ordered_json json_of(const Tensor& tensor) {
  const std::vector<double> numbers = tensor.to<double>();
  const double* next = numbers.data();
  const auto level = [&](const auto& inner, std::size_t depth) -> nlohmann::ordered_json {
    if (depth == tensor.shape.size()) return *next++;
    auto list = nlohmann::ordered_json::array();
    for (Index k = 0; k < tensor.shape[depth]; ++k) list.push_back(inner(inner, depth + 1));
    return list;
  };
  return level(level, 0);
}

}  // namespace unroll::detail
