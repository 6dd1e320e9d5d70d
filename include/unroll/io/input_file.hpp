#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ios>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

#include "unroll/core/error.hpp"
#include "unroll/io/large_pages.hpp"

namespace unroll::detail {

/// Regular file opened for reading, with errors that name it. Its size is available before memory is allocated.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path) : name_(path.string()) {
    std::error_code error;
    const auto status = std::filesystem::status(path, error);
    require<FileError>(std::filesystem::exists(status), name_, ": no such file");
    // On some systems a folder can be opened and fails, or reports a wrong size, only later.
    require<FileError>(std::filesystem::is_regular_file(status), name_, ": must be a file, got a folder or a device");
    size_ = std::filesystem::file_size(path, error);
    if (!error) stream_.open(path, std::ios::binary);
    require<FileError>(!error && stream_.is_open(), name_, ": cannot be opened for reading");
  }

  std::uint64_t size() const { return size_; }
  const std::string& name() const { return name_; }

  /// Continues reading at byte `at`, which must be in the file or its end.
  void seek(std::uint64_t at) {
    require<FileError>(at <= size_, name_, ": byte must be at most ", size_, ", the end of the file, got ", at);
    stream_.seekg(static_cast<std::streamoff>(at));
  }

  /// Fills `bytes` with the next bytes of the file. Throws FileError if there are fewer.
  void read(std::span<std::byte> bytes) {
    stream_.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    require<FileError>(static_cast<std::size_t>(stream_.gcount()) == bytes.size(), name_, ": the file must have ",
                       bytes.size(), " more bytes, got ", stream_.gcount(), "; it may have changed during reading");
  }

 private:
  std::string name_;
  std::ifstream stream_;
  std::uint64_t size_ = 0;
};

/// Allocates memory for `size` bytes, which is about to be filled. Throws FileError if there is not enough.
template <class Bytes>
void reserve_room(Bytes& bytes, std::uint64_t size, std::string_view file) {
  within_memory<FileError>([&] { bytes.reserve(static_cast<std::size_t>(size)); }, file, ": there is no memory for ",
                           size, " bytes");
  prefer_large_pages(bytes.data(), bytes.capacity());
}

/// Resizes `bytes` to `size`. Throws FileError if there is not enough memory.
template <class Bytes>
void make_room(Bytes& bytes, std::uint64_t size, std::string_view file) {
  reserve_room(bytes, size, file);
  bytes.resize(static_cast<std::size_t>(size));
}

/// Replaces `bytes` by the next `size` bytes of a file, which `read(span)` reads in order. A container zeroes new
/// bytes, so it grows by pieces that are still in the cache when they are read. Throws FileError if there is not enough
/// memory, and what `read` throws.
template <class Bytes, class Read>
void read_bytes(Bytes& bytes, std::uint64_t size, std::string_view file, Read&& read) {
  constexpr std::uint64_t piece = std::uint64_t(128) << 10;
  bytes.clear();
  reserve_room(bytes, size, file);
  for (std::uint64_t done = 0; done < size; done = bytes.size()) {
    bytes.resize(static_cast<std::size_t>(std::min(size, done + piece)));
    read(std::as_writable_bytes(std::span(bytes)).subspan(static_cast<std::size_t>(done)));
  }
}

/// Whole content of a file, byte for byte.
inline std::string read_text(const std::filesystem::path& path) {
  InputFile file(path);
  std::string text;
  read_bytes(text, file.size(), file.name(), [&](std::span<std::byte> to) { file.read(to); });
  return text;
}

}  // namespace unroll::detail
