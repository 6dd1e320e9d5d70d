#pragma once
// Writer of files of torch.save, operation by operation, for tests of their reader.

#include <string>
#include <string_view>
#include <unroll/io/formats/npz.hpp>
#include <utility>
#include <vector>

namespace pickles {

inline std::string word(std::uint64_t value, int size) {
  std::string bytes;
  unroll::detail::append_word(bytes, value, size);
  return bytes;
}

inline std::string text(std::string_view letters) { return "X" + word(letters.size(), 4) + std::string(letters); }
inline std::string integer(std::int64_t number) { return "\x8a\x08" + word(std::uint64_t(number), 8); }
inline std::string global(const std::string& module, const std::string& name) {
  return "c" + module + "\n" + name + "\n";
}
inline std::string tuple(const std::vector<std::int64_t>& numbers) {
  std::string items;
  for (const std::int64_t number : numbers) items += integer(number);
  return "(" + items + "t";
}
inline std::string storage(const std::string& type, std::string_view key, std::int64_t elements) {
  return "(" + text("storage") + global("torch", type) + text(key) + text("cpu") + integer(elements) + "tQ";
}
inline std::string tensor(const std::string& of_storage, std::int64_t offset, const std::vector<std::int64_t>& sizes,
                          const std::vector<std::int64_t>& strides) {
  return global("torch._utils", "_rebuild_tensor_v2") + "(" + of_storage + integer(offset) + tuple(sizes) +
         tuple(strides) + "\x89" + global("collections", "OrderedDict") + ")RtR";
}
inline std::string dictionary(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string items;
  for (const auto& [key, value] : entries) items += text(key) + value;
  return "}(" + items + "u";
}
inline std::string pickle(const std::string& value) { return "\x80\x02" + value + "."; }

/// Zip archive of stored members.
inline std::string archive(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string file, directory;
  for (const auto& [name, content] : members) {
    unroll::detail::ZipMember member{name, unroll::detail::crc32(std::as_bytes(std::span(content)))};
    member.size = content.size(), member.offset = file.size();
    directory += unroll::detail::zip_directory_entry(member);
    file += std::string("PK\3\4", 4) + unroll::detail::zip_fields(member) + name + content;
  }
  return file + directory + unroll::detail::zip_end(members.size(), directory.size(), file.size());
}

/// File of torch.save with a value and the storage "0".
inline std::string file(const std::string& value, const std::string& numbers = {}) {
  return archive({{"x/data.pkl", pickle(value)}, {"x/byteorder", "little"}, {"x/data/0", numbers}});
}

}  // namespace pickles
