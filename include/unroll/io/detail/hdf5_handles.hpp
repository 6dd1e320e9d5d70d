#pragma once
// Handles and error messages of libhdf5, and the LZF filter of h5py.

#include <hdf5.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>

#include "unroll/core/error.hpp"
#include "unroll/io/detail/lzf.hpp"

namespace unroll::detail {

/// RAII handle of a libhdf5 object, closed with the function given to the constructor. A negative id is empty.
class Hdf5Handle {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Handle(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Handle(Hdf5Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Hdf5Handle& operator=(Hdf5Handle&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Hdf5Handle() {
    if (id_ >= 0) close_(id_);
  }
  operator hid_t() const { return id_; }  // a handle is an id

 private:
  hid_t id_;
  Close close_;
};

/// RAII object that disables libhdf5's own error messages.
class Hdf5Silence {
 public:
  Hdf5Silence() {
    H5Eget_auto2(H5E_DEFAULT, &function_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  Hdf5Silence(const Hdf5Silence&) = delete;
  Hdf5Silence& operator=(const Hdf5Silence&) = delete;
  ~Hdf5Silence() { H5Eset_auto2(H5E_DEFAULT, function_, data_); }

 private:
  H5E_auto2_t function_ = nullptr;
  void* data_ = nullptr;
};

/// Description of the last error, from the function that failed.
inline std::string hdf5_reason() {
  std::string reason = "libhdf5 gives no reason";
  H5Ewalk2(
      H5E_DEFAULT, H5E_WALK_UPWARD,
      [](unsigned depth, const H5E_error2_t* error, void* words) -> herr_t {
        if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(words) = error->desc;
        return 0;
      },
      &reason);
  return reason;
}

/// Object of a file by its path: a group, a dataset or a type. The handle is empty if there is no such object. Throws
/// FileError, beginning with `where()`, for a path through an external link, which could lead to any file.
template <class F>
Hdf5Handle hdf5_object(hid_t file, const std::string& path, F&& where) {
  bool external = false;
  const Hdf5Handle access(H5Pcreate(H5P_LINK_ACCESS), H5Pclose);
  const auto refuse = [](const char*, const char*, const char*, const char*, unsigned*, hid_t, void* seen) -> herr_t {
    return *static_cast<bool*>(seen) = true, -1;
  };
  H5Pset_elink_cb(access, refuse, &external);
  Hdf5Handle object(H5Oopen(file, path.c_str(), access), H5Oclose);
  require<FileError>(!external, where, ": must be in this file, got a link to another file, which is not followed");
  return object;
}

/// New name for a file in memory: libhdf5 takes two open files of one name for the same file.
inline std::string hdf5_memory_name() {
  static std::atomic<unsigned> files = 0;
  return text("unroll: file in memory ", ++files);
}

/// Registered number of h5py's LZF filter.
inline constexpr H5Z_filter_t hdf5_lzf_filter = 32000;

/// Decompression-only LZF filter in libhdf5's calling convention: replaces the buffer and returns its size, or 0 on
/// failure. values[2], from the file, is the size of a chunk in bytes; libhdf5 reads as many bytes regardless of the
/// returned size, so a shorter result must fail.
inline std::size_t hdf5_lzf(unsigned flags, std::size_t count, const unsigned values[], std::size_t packed,
                            std::size_t* size, void** buffer) {
  constexpr std::size_t most = 88;  // largest compression ratio: a copy of 264 bytes needs 3
  if ((flags & H5Z_FLAG_REVERSE) == 0) return 0;
  const std::size_t room = count >= 3 ? values[2] : 0;
  if (room == 0 || room / most > packed) return 0;
  auto* unpacked = static_cast<std::byte*>(std::malloc(room));
  if (unpacked == nullptr) return 0;
  const bool whole = unpack_lzf({static_cast<const std::byte*>(*buffer), packed}, {unpacked, room}) == room;
  std::free(whole ? *buffer : unpacked);
  if (!whole) return 0;
  *buffer = unpacked;
  return *size = room;
}

/// Whether the unpacked size that an LZF filter declares equals the size of a chunk.
inline bool hdf5_lzf_fits(hid_t data, hid_t type) {
  const Hdf5Handle how(H5Dget_create_plist(data), H5Pclose);
  if (how < 0 || H5Pget_layout(how) != H5D_CHUNKED) return true;
  std::array<hsize_t, H5S_MAX_RANK> chunk{};
  const int rank = H5Pget_chunk(how, int(chunk.size()), chunk.data());
  hsize_t bytes = H5Tget_size(type);
  for (int d = 0; d < rank; ++d) bytes *= chunk[std::size_t(d)];
  for (int k = 0, filters = H5Pget_nfilters(how); k < filters; ++k) {
    std::array<unsigned, 3> values{};
    std::size_t count = values.size();
    unsigned flags = 0, configuration = 0;
    const auto filter = H5Pget_filter2(how, unsigned(k), &flags, &count, values.data(), 0, nullptr, &configuration);
    if (filter == hdf5_lzf_filter && (count < 3 || values[2] != bytes)) return false;
  }
  return true;
}

/// Registers the LZF filter, which is not part of libhdf5, once per program.
inline void register_hdf5_lzf() {
  static const H5Z_class2_t filter{H5Z_CLASS_T_VERS, hdf5_lzf_filter, 0, 1, "lzf", nullptr, nullptr, hdf5_lzf};
  static const bool done = H5Zfilter_avail(hdf5_lzf_filter) > 0 || H5Zregister(&filter) >= 0;
  static_cast<void>(done);
}

}  // namespace unroll::detail
