#pragma once
// safetensors files: named tensors and text metadata, no code (https://github.com/huggingface/safetensors). Layout: 8
// bytes with the length N of the header (little-endian), N bytes of JSON, the data of the tensors up to the end of the
// file.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/atomic_file.hpp"
#include "unroll/io/detail/safetensors_header.hpp"
#include "unroll/io/formats/detail/file_kind.hpp"
#include "unroll/io/input_file.hpp"

namespace unroll {

static_assert(std::endian::native == std::endian::little,
              "unroll: the machine must be little-endian, as safetensors files");

/// Content of a safetensors file.
struct SafeTensors {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
  std::string file = "tensors in memory";  // source of the tensors, for messages

  bool contains(const std::string& name) const { return tensors.contains(name); }

  /// Throws FileError unless the tensors have at least `least` elements in total. Checks sizes in metadata before
  /// memory is allocated for a model of these sizes.
  void require_numbers(double least) const {
    double held = 0;
    for (const auto& item : tensors) held += double(item.second.size());
    require<FileError>(held >= least, file, ": the tensors must have at least ", least,
                       " numbers for the sizes in the metadata, got ", held);
  }

  /// Tensor by name. Throws FileError, with the nearest names, if there is no such tensor.
  const Tensor& at(const std::string& name) const {
    const auto found = tensors.find(name);
    if (found != tensors.end()) return found->second;
    std::vector<std::string_view> names;
    for (const auto& item : tensors) names.push_back(item.first);
    throw FileError(text(file, ": no tensor ", detail::in_quotes(name), " among ", names.size(),
                         "; the nearest: ", detail::nearest_names(name, names)));
  }
};

namespace detail {

inline std::uint64_t length_in(std::span<const std::byte, 8> prefix) {
  std::uint64_t length = 0;
  std::memcpy(&length, prefix.data(), sizeof length);
  return length;
}

/// Length of the header, checked against the size of the file before memory is allocated.
inline std::uint64_t header_length(std::span<const std::byte, 8> prefix, std::uint64_t file_bytes,
                                   std::string_view file) {
  const std::uint64_t length = length_in(prefix);
  require<FileError>(length <= max_header_bytes, file, ": byte 0: the header must have at most ", max_header_bytes,
                     " bytes, got ", length, "; this is not a safetensors file");
  require<FileError>(length <= file_bytes - 8, file, ": byte 0: the header must have at most ", file_bytes - 8,
                     " bytes, the rest of the file, got ", length);
  return length;
}

/// Throws FileError, with the function to use, for a file of another system that begins with `prefix`.
template <class Read>
void refuse_other_kind(std::span<const std::byte, 8> prefix, std::uint64_t file_bytes, const std::string& file,
                       Read read) {
  std::array<std::byte, 256> beginning{};
  const std::size_t size = std::size_t(std::min<std::uint64_t>(file_bytes, beginning.size()));
  std::ranges::copy(prefix, beginning.begin());
  read(std::span(beginning).subspan(8, size - 8));
  const FileKind kind = kind_of_file(std::span(beginning).first(size));
  require<FileError>(kind == FileKind::unknown, file, ": must be a safetensors file, got ", kind_and_reader(kind));
}

/// Reads a safetensors file sequentially. `read(bytes)` fills the span with the next bytes of the file.
template <class Read>
SafeTensors read_safetensors_from(std::uint64_t file_bytes, const std::string& file, Read read) {
  require<FileError>(file_bytes >= 8, file, ": a safetensors file must have at least 8 bytes, got ", file_bytes);
  std::array<std::byte, 8> prefix{};
  read(std::span<std::byte>(prefix));
  if (length_in(prefix) > std::min<std::uint64_t>(max_header_bytes, file_bytes - 8))
    refuse_other_kind(prefix, file_bytes, file, read);
  std::string json(header_length(prefix, file_bytes, file), '\0');
  read(std::as_writable_bytes(std::span(json)));
  Header header = parse_header(json, file_bytes - 8 - json.size(), file);

  SafeTensors content{{}, std::move(header.metadata), file};
  std::vector<std::pair<HeaderEntry*, Tensor*>> in_order;
  for (auto& [name, entry] : header.entries) {
    in_order.emplace_back(&entry, &content.tensors[name]);
    *in_order.back().second = {entry.dtype, std::move(entry.shape), {}};
  }
  std::ranges::sort(in_order, {}, [](const auto& item) { return std::pair(item.first->begin, item.first->end); });
  for (auto [entry, tensor] : in_order) read_bytes(tensor->bytes, entry->end - entry->begin, file, read);
  return content;
}

using NamedTensor = std::pair<const std::string, Tensor>;

/// Order of tensors in a file: by decreasing element type, then by name. This keeps tensors aligned and makes files
/// reproducible.
inline std::vector<const NamedTensor*> file_order(const SafeTensors& content) {
  std::vector<const NamedTensor*> order;
  for (const auto& item : content.tensors) order.push_back(&item);
  std::ranges::stable_sort(order, std::ranges::greater{}, [](const NamedTensor* item) { return item->second.dtype; });
  return order;
}

/// String as a JSON literal. Throws ValueError if it is not UTF-8.
inline std::string json_string(const std::string& value) try {
  return nlohmann::json(value).dump();
} catch (const nlohmann::json::type_error&) {
  throw ValueError(text("safetensors: names and metadata must be UTF-8, got ", in_quotes(value)));
}

inline std::string header_json(const SafeTensors& content, const std::vector<const NamedTensor*>& order) {
  std::string json;
  for (const auto& [key, value] : content.metadata)
    json += text(json.empty() ? "{" : ",", json_string(key), ":", json_string(value));
  if (!json.empty()) json = text("{\"__metadata__\":", json, "}");
  std::size_t begin = 0;
  for (const NamedTensor* item : order) {
    const auto& [name, tensor] = *item;
    const std::size_t end = begin + tensor.bytes.size();
    std::string shape;
    for (const Index size : tensor.shape) shape += text(shape.empty() ? "" : ",", size);
    json += text(json.empty() ? "{" : ",", json_string(name), ":{\"dtype\":\"", unroll::name(tensor.dtype),
                 "\",\"shape\":[", shape, "],\"data_offsets\":[", begin, ",", end, "]}");
    begin = end;
  }
  json += json.empty() ? "{}" : "}";
  json.append((8 - json.size() % 8) % 8, ' ');  // aligns the data to 8 bytes
  return json;
}

}  // namespace detail

/// Content of a safetensors file. Throws FileError if the file is missing or is not a complete safetensors file with
/// the element types of DType and at most 8 dimensions. Gaps, overlaps, trailing bytes and duplicate names are errors.
inline SafeTensors read_safetensors(const std::filesystem::path& path) {
  detail::InputFile file(path);
  return detail::read_safetensors_from(file.size(), file.name(), [&](std::span<std::byte> to) { file.read(to); });
}

/// Content of a safetensors file in memory; `file` is its name in messages. Throws as `read_safetensors`.
inline SafeTensors parse_safetensors(std::span<const std::byte> bytes,
                                     const std::string& file = "safetensors in memory") {
  return detail::read_safetensors_from(bytes.size(), file, [rest = bytes](std::span<std::byte> to) mutable {
    std::ranges::copy(rest.first(to.size()), to.begin());
    rest = rest.subspan(to.size());
  });
}

/// Writes a safetensors file atomically, byte for byte as the reference package does; metadata entries, whose order the
/// package leaves open, are sorted. Throws ValueError for text that is not UTF-8, FileError if the file cannot be
/// written or `read_safetensors` would reject it.
inline void write_safetensors(const std::filesystem::path& path, const SafeTensors& content) {
  const auto order = detail::file_order(content);
  const std::string json = detail::header_json(content, order);
  const std::uint64_t length = json.size();
  std::uint64_t data_bytes = 0;
  for (const auto* item : order) data_bytes += item->second.bytes.size();
  require<FileError>(length <= detail::max_header_bytes, path.string(), ": the header must have at most ",
                     detail::max_header_bytes, " bytes, got ", length);
  require<ValueError>(!content.contains("__metadata__"), path.string(),
                      ": a tensor must have another name than '__metadata__'");
  detail::parse_header(json, data_bytes, path.string());

  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(std::as_bytes(std::span(json)));
  for (const auto* item : order) file.write(item->second.bytes);
  file.commit();
}

}  // namespace unroll
