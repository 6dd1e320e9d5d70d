#pragma once
// NumPy's .npz files: several named arrays, each a .npy file in a zip archive.

#include <map>

#include "unroll/io/detail/zip.hpp"
#include "unroll/io/formats/npy.hpp"

namespace unroll {
namespace detail {

inline constexpr std::string_view npy_suffix = ".npy";

}  // namespace detail

/// All arrays of a .npz file in memory by name, stored or deflated, in the form of read_npy; folders are ignored.
/// Throws FileError for a damaged archive and for members that are not numeric .npy files.
inline std::map<std::string, Tensor> parse_npz(std::span<const std::byte> bytes,
                                               const std::string& file = "npz in memory") {
  const detail::ZipReader zip(bytes, file);
  std::map<std::string, Tensor> arrays;
  for (const detail::ZipMember& member : zip.members()) {
    if (member.name.ends_with('/') && member.size == 0) continue;
    require<FileError>(member.name.ends_with(detail::npy_suffix), file, ": every member must be a .npy file, got ",
                       [&] { return detail::in_quotes(member.name); });
    const std::string name = member.name.substr(0, member.name.size() - detail::npy_suffix.size());
    arrays[name] = zip.read(member, [&](std::span<const std::byte> content) {
      return parse_npy(content, text(file, ", array ", detail::in_quotes(name)));
    });
  }
  return arrays;
}

namespace detail {

/// Content of the array `name`, and its name in messages, for `parse`.
template <class Parse>
auto parse_npz_array(std::span<const std::byte> bytes, const std::string& file, std::string_view name, Parse&& parse) {
  const ZipReader zip(bytes, file);
  const auto members = zip.members();
  const auto found = std::ranges::find(members, text(name, npy_suffix), &ZipMember::name);
  require<FileError>(found != members.end(), [&] {
    std::vector<std::string_view> names;
    for (const auto& member : members) names.push_back(member.name);
    return text(file, ": no array ", in_quotes(name), " among ", names.size(),
                " members; the nearest: ", nearest_names(name, names));
  });
  return zip.read(*found, [&](std::span<const std::byte> content) {
    return parse(content, text(file, ", array ", in_quotes(name)));
  });
}

}  // namespace detail

/// Array `name` of a .npz file in memory. Other members, such as arrays of text, are not read. Throws FileError as
/// above, and with the nearest names if there is no such array.
inline Tensor parse_npz(std::span<const std::byte> bytes, const std::string& file, std::string_view name) {
  return detail::parse_npz_array(
      bytes, file, name, [](const auto& content, const std::string& array) { return parse_npy(content, array); });
}

/// Texts of the array `name` of a .npz file, see read_npy_texts. Throws as parse_npz with a name.
inline std::vector<std::string> read_npz_texts(const std::filesystem::path& path, std::string_view name) {
  const std::string bytes = detail::read_text(path);
  return detail::parse_npz_array(
      std::as_bytes(std::span(bytes)), path.string(), name,
      [](const auto& content, const std::string& array) { return parse_npy_texts(content, array); });
}

/// Names of the arrays of a .npz file in the order of the file, including arrays of text and of Python objects, which
/// read_npz refuses. Throws FileError for a damaged archive.
inline std::vector<std::string> npz_names(const std::filesystem::path& path) {
  const std::string bytes = detail::read_text(path), file = path.string();
  std::vector<std::string> names;
  const detail::ZipReader zip(std::as_bytes(std::span(bytes)), file);
  for (const detail::ZipMember& member : zip.members())
    if (member.name.ends_with(detail::npy_suffix))
      names.push_back(member.name.substr(0, member.name.size() - detail::npy_suffix.size()));
  return names;
}

inline std::map<std::string, Tensor> read_npz(const std::filesystem::path& path) {
  const std::string bytes = detail::read_text(path);
  return parse_npz(std::as_bytes(std::span(bytes)), path.string());
}
inline Tensor read_npz(const std::filesystem::path& path, std::string_view name) {
  const std::string bytes = detail::read_text(path);
  return parse_npz(std::as_bytes(std::span(bytes)), path.string(), name);
}

/// Writes a .npz file atomically, with stored members. Throws as write_npy, and ValueError for more than 65534 arrays,
/// an empty or too long name, or 4 GiB in total: use .npy for large arrays.
inline void write_npz(const std::filesystem::path& path, const std::map<std::string, Tensor>& arrays) {
  detail::ZipWriter zip(path);
  for (const auto& [name, tensor] : arrays) {
    require<ValueError>(!name.empty(), path.string(), ": the name of an array must have 1 to 59999 bytes, got 0");
    const std::string header = detail::npy_header(tensor, path.string());
    zip.add(name + std::string(detail::npy_suffix), {std::as_bytes(std::span(header)), tensor.bytes});
  }
  zip.commit();
}

}  // namespace unroll
