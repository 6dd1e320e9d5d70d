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
    arrays[name] = parse_npy(zip.content(member), text(file, ", array ", detail::in_quotes(name)));
  }
  return arrays;
}

/// Array `name` of a .npz file in memory. Other members, such as arrays of text, are not read. Throws FileError as
/// above, and with the nearest names if there is no such array.
inline Tensor parse_npz(std::span<const std::byte> bytes, const std::string& file, std::string_view name) {
  const detail::ZipReader zip(bytes, file);
  const auto members = zip.members();
  const auto found = std::ranges::find(members, text(name, detail::npy_suffix), &detail::ZipMember::name);
  require<FileError>(found != members.end(), [&] {
    std::vector<std::string_view> names;
    for (const auto& member : members) names.push_back(member.name);
    return text(file, ": no array ", detail::in_quotes(name), " among ", names.size(),
                " members; the nearest: ", detail::nearest_names(name, names));
  });
  return parse_npy(zip.content(*found), text(file, ", array ", detail::in_quotes(name)));
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
  AtomicFile file(path);
  detail::ZipWriter zip(file, path.string());
  for (const auto& [name, tensor] : arrays) {
    require<ValueError>(!name.empty() && name.size() < 60000, path.string(),
                        ": the name of an array must have 1 to 59999 bytes, got ", name.size());
    const std::string header = detail::npy_header(tensor, path.string());
    zip.add(text(name, detail::npy_suffix), {std::as_bytes(std::span(header)), tensor.bytes});
  }
  zip.finish();
  file.commit();
}

}  // namespace unroll
