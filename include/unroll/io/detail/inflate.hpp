#pragma once
// Decompression of deflated data (Deutsch 1996, RFC 1951) with zlib.

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <new>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "unroll/core/error.hpp"

namespace unroll::detail {

/// Raw zlib stream over bytes in memory, without zlib or gzip headers.
class InflateStream {
 public:
  explicit InflateStream(std::span<const std::byte> deflated) : left_(deflated) {
    if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
  ~InflateStream() { inflateEnd(&stream_); }

  /// Decompresses into `piece`, which must not be empty. Returns zlib's status and the number of bytes. Z_BUF_ERROR:
  /// the deflated data are truncated.
  std::pair<int, std::size_t> next(std::span<std::byte> piece) {
    constexpr std::size_t most = std::numeric_limits<uInt>::max();
    if (stream_.avail_in == 0) {
      const auto input = left_.first(std::min(left_.size(), most));
      // zlib only reads through this pointer.
      stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));  // NOLINT
      stream_.avail_in = static_cast<uInt>(input.size());
      left_ = left_.subspan(input.size());
    }
    stream_.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream_.avail_out = static_cast<uInt>(std::min(piece.size(), most));
    const std::size_t room = stream_.avail_out;
    const int status = ::inflate(&stream_, Z_NO_FLUSH);
    if (status == Z_MEM_ERROR) throw std::bad_alloc();
    return {status, room - stream_.avail_out};
  }
  /// zlib's description of an error, such as "invalid block type".
  std::string_view problem() const { return stream_.msg == nullptr ? "unknown" : stream_.msg; }

 private:
  std::span<const std::byte> left_;
  z_stream stream_{};
};

/// Largest ratio of deflated data: a copy of 258 bytes needs 2 bits.
inline constexpr std::size_t best_deflate_ratio = 1032;

/// Decompressed data of expected length `size`. Throws FileError, naming `file`, for damaged data or another length;
/// for a length that deflated data of this size cannot have, before memory is allocated. Bytes after the end of the
/// deflated data are ignored.
inline std::vector<std::byte> inflate(std::span<const std::byte> deflated, std::size_t size, std::string_view file) {
  require<FileError>(size / best_deflate_ratio <= deflated.size(), file, ": deflated data of ", deflated.size(),
                     " bytes must be at most ", deflated.size() * best_deflate_ratio, " bytes, got a size of ", size);
  InflateStream stream(deflated);
  std::vector<std::byte> out;
  within_memory<FileError>([&] { out.reserve(size); }, file, ": there is no memory for ", size, " bytes");
  std::array<std::byte, 32768> piece;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    std::size_t count = 0;
    std::tie(status, count) = stream.next(piece);
    require<FileError>(count <= size - out.size(), file, ": the deflated data must have ", size, " bytes, got more");
    out.insert(out.end(), piece.begin(), piece.begin() + std::ptrdiff_t(count));
    require<FileError>(status != Z_BUF_ERROR, file, ": the deflated data must have ", size, " bytes, got only ",
                       out.size());
    require<FileError>(status == Z_OK || status == Z_STREAM_END, file, ": the deflated data are damaged after ",
                       out.size(), " of ", size, " bytes: ", stream.problem());
  }
  require<FileError>(out.size() == size, file, ": the deflated data must have ", size, " bytes, got only ", out.size());
  return out;
}

}  // namespace unroll::detail
