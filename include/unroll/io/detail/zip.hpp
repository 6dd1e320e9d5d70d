#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/io/atomic_file.hpp"
#include "unroll/io/detail/bytes.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/inflate.hpp"

namespace unroll::detail {

struct ZipMember {
  std::string name;
  std::uint32_t crc = 0;
  std::uint64_t method = 0;  ///< 0: stored, 8: deflated
  std::uint64_t packed = 0, size = 0;
  std::uint64_t offset = 0;  ///< position of the local header
};

/// Reader of a zip archive (PKWARE's APPNOTE 6.3), with stored and deflated members. Sizes and positions are taken from
/// the directory at the end, because NumPy does not write them before the members. `Bytes`: the archive in memory, or a
/// type that reads it from a file, whose subspan(begin, size) is valid until the next call.
template <class Bytes = std::span<const std::byte>>
class ZipReader {
 public:
  ZipReader(Bytes bytes, std::string_view file) : bytes_(std::move(bytes)), file_(file) {}

  std::vector<ZipMember> members() const {
    auto [at, count, directory_end] = directory();
    std::vector<ZipMember> all;
    std::set<std::string> names;
    std::uint64_t packed = 0;
    for (std::uint64_t k = 0; k < count; ++k) {
      all.push_back(member(at));
      const ZipMember& found = all.back();
      expect(
          names.insert(found.name).second, "member ", [&] { return in_quotes(found.name); },
          " must occur once, got it twice");
      // Overlapping members could decompress to any size.
      expect(found.packed <= bytes_.size() - packed, "the members must fit in the file, got more bytes");
      packed += found.packed;
    }
    expect(at <= directory_end, "the directory is longer than its stated size");
    return all;
  }

  /// Position of the content of a member in the archive.
  std::uint64_t content_begin(const ZipMember& member) const {
    expect(
        word(member.offset, 4) == 0x04034b50, "member ", [&] { return in_quotes(member.name); },
        " is not at its position in the directory");
    return member.offset + 30 + word(member.offset + 26, 2) + word(member.offset + 28, 2);
  }

  /// Bytes of a stored member, verified with its checksum.
  std::span<const std::byte> stored(const ZipMember& member) const {
    const auto bytes = packed(member);
    require<FileError>(
        member.packed == member.size, [&] { return where(member); }, ": a stored member must have one size, got ",
        member.packed, " and ", member.size, " bytes");
    check_sum(member, bytes);
    return bytes;
  }

  /// Result of `f(bytes)` for the decompressed content, verified with its checksum. Stored content is not copied.
  template <class F>
  auto read(const ZipMember& member, F&& f) const {
    require<FileError>(
        member.method == 0 || member.method == 8, [&] { return where(member); },
        ": the method must be stored (0) or deflated (8), got ", member.method);
    if (member.method == 0) return f(stored(member));
    const std::vector<std::byte> bytes = inflate(packed(member), member.size, where(member));
    check_sum(member, bytes);
    return f(std::span<const std::byte>(bytes));
  }

  /// Decompressed content of a member, verified with its checksum.
  std::vector<std::byte> content(const ZipMember& member) const {
    return read(member, [](std::span<const std::byte> bytes) { return std::vector(bytes.begin(), bytes.end()); });
  }

 private:
  struct Directory {
    std::uint64_t begin, count, end;
  };

  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    require<FileError>(condition, file_, ": not a valid zip archive: ", parts...);
  }

  std::string where(const ZipMember& member) const { return text(file_, ", member ", in_quotes(member.name)); }

  /// Bytes of a member in the archive.
  std::span<const std::byte> packed(const ZipMember& member) const {
    return part(content_begin(member), member.packed);
  }

  void check_sum(const ZipMember& member, std::span<const std::byte> content) const {
    require<FileError>(
        crc32(content) == member.crc, [&] { return where(member); },
        ": the checksum does not match; the file is damaged");
  }

  std::span<const std::byte> part(std::uint64_t begin, std::uint64_t size) const {
    expect(begin <= bytes_.size() && size <= bytes_.size() - begin, "it ends too early");
    return bytes_.subspan(begin, size);
  }

  /// Little-endian number of `size` bytes.
  std::uint64_t word(std::uint64_t begin, std::uint64_t size) const {
    std::uint64_t value = 0;
    const auto raw = part(begin, size);
    for (std::size_t k = raw.size(); k-- > 0;) value = value << 8 | std::to_integer<std::uint64_t>(raw[k]);
    return value;
  }

  /// Position of the end record, which a comment may follow.
  std::uint64_t end_record() const {
    constexpr std::uint64_t size = 22, longest_comment = 65535;
    expect(bytes_.size() >= size, "it must have at least ", size, " bytes, got ", bytes_.size());
    const std::uint64_t last = bytes_.size() - size, first = last - std::min(last, longest_comment);
    for (std::uint64_t at = last;; --at) {
      if (word(at, 4) == 0x06054b50 && at + size + word(at + 20, 2) == bytes_.size()) return at;
      expect(at > first, "it has no directory at its end; the file may be cut short");
    }
  }

  Directory directory() const {
    const std::uint64_t end = end_record();
    const bool large =
        word(end + 10, 2) == 0xffff || word(end + 12, 4) == 0xffffffff || word(end + 16, 4) == 0xffffffff;
    if (!large) return checked({word(end + 16, 4), word(end + 10, 2), word(end + 16, 4) + word(end + 12, 4)}, end);
    expect(end >= 20 && word(end - 20, 4) == 0x07064b50, "the 64-bit directory is missing");
    const std::uint64_t record = word(end - 12, 8);
    expect(record < end && word(record, 4) == 0x06064b50, "the 64-bit directory is missing");
    const std::uint64_t begin = word(record + 48, 8), size = word(record + 40, 8);
    expect(size <= end && begin <= end - size, "the directory must fit in the file");
    return checked({begin, word(record + 32, 8), begin + size}, end);
  }

  Directory checked(Directory found, std::uint64_t end) const {
    constexpr std::uint64_t smallest_entry = 46;
    expect(found.end <= end && found.count <= (found.end - found.begin) / smallest_entry,
           "the directory must fit in the file");
    return found;
  }

  /// Directory entry at position `at`, which is moved to the next entry.
  ZipMember member(std::uint64_t& at) const {
    expect(word(at, 4) == 0x02014b50, "the directory is damaged");
    const std::uint64_t name = word(at + 28, 2), extra = word(at + 30, 2), comment = word(at + 32, 2);
    const auto letters = part(at + 46, name);
    ZipMember found{{reinterpret_cast<const char*>(letters.data()), letters.size()},
                    static_cast<std::uint32_t>(word(at + 16, 4)),
                    word(at + 10, 2),
                    word(at + 20, 4),
                    word(at + 24, 4),
                    word(at + 42, 4)};
    expect((word(at + 8, 2) & 1) == 0, "member ", [&] { return in_quotes(found.name); }, " is encrypted");
    take_large_sizes(found, at + 46 + name, extra);
    at += 46 + name + extra + comment;
    return found;
  }

  /// Numbers that exceed 32 bits are stored in an extra field, in this order.
  void take_large_sizes(ZipMember& found, std::uint64_t at, std::uint64_t extra) const {
    for (const std::uint64_t end = at + extra; at + 4 <= end;) {
      const std::uint64_t kind = word(at, 2), field_end = at + 4 + word(at + 2, 2);
      at += 4;
      expect(field_end <= end, "the directory is damaged");
      for (std::uint64_t* number : {&found.size, &found.packed, &found.offset})
        if (kind == 1 && *number == 0xffffffff && at + 8 <= field_end) *number = word(at, 8), at += 8;
      at = field_end;
    }
  }

  Bytes bytes_;
  std::string_view file_;
};
template <class Bytes>
ZipReader(Bytes, std::string_view) -> ZipReader<std::span<const std::byte>>;

/// Common fields of local headers and directory entries: from the required version to the length of the name.
inline std::string zip_fields(const ZipMember& member) {
  std::string fields;
  append_word(fields, 20, 2), append_word(fields, 0, 2), append_word(fields, 0, 2);  // version, flags, stored
  append_word(fields, 0, 2), append_word(fields, 0x21, 2);                           // midnight of 1 January 1980
  append_word(fields, member.crc, 4), append_word(fields, member.size, 4), append_word(fields, member.size, 4);
  append_word(fields, member.name.size(), 2), append_word(fields, 0, 2);
  return fields;
}

inline std::string zip_directory_entry(const ZipMember& member) {
  std::string entry("PK\1\2\24\0", 6);
  entry += zip_fields(member);
  entry.append(10, '\0');
  append_word(entry, member.offset, 4);
  return entry + member.name;
}

inline std::string zip_end(std::uint64_t members, std::uint64_t size, std::uint64_t offset) {
  std::string end("PK\5\6\0\0\0\0", 8);
  append_word(end, members, 2), append_word(end, members, 2);
  append_word(end, size, 4), append_word(end, offset, 4), append_word(end, 0, 2);
  return end;
}

/// Writer of a zip archive with stored members, of less than 4 GiB. The file appears with `commit`, atomically. Throws
/// as AtomicFile, and ValueError for a name of 60000 bytes or more, more than 65534 members, or 4 GiB.
class ZipWriter {
 public:
  explicit ZipWriter(const std::filesystem::path& path) : file_(path), name_(path.string()) {}

  /// Adds a member with the content of all parts, one after the other.
  void add(std::string name, std::initializer_list<std::span<const std::byte>> parts) {
    require<ValueError>(name.size() < 60000, name_, ": the name of a member must have at most 59999 bytes, got ",
                        name.size());
    require<ValueError>(++members_ < 0xffff, name_, ": a zip archive must have at most 65534 members, got more");
    ZipMember member{.name = std::move(name), .offset = offset_};
    for (const auto part : parts) member.crc = crc32(part, member.crc), member.size += part.size();
    require<ValueError>(offset_ + member.size + directory_.size() < 0xfff00000, name_,
                        ": a zip archive must be smaller than 4 GiB, got more");
    directory_ += zip_directory_entry(member);
    const std::string local = std::string("PK\3\4", 4) + zip_fields(member) + member.name;
    write(std::as_bytes(std::span(local)));
    for (const auto part : parts) write(part);
  }

  void commit() {
    const std::string end = directory_ + zip_end(members_, directory_.size(), offset_);
    write(std::as_bytes(std::span(end)));
    file_.commit();
  }

 private:
  void write(std::span<const std::byte> bytes) { file_.write(bytes), offset_ += bytes.size(); }

  AtomicFile file_;
  std::string name_;
  std::uint64_t offset_ = 0, members_ = 0;
  std::string directory_;
};

}  // namespace unroll::detail
