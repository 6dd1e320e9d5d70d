#pragma once
// Datasets of an HDF5 file: shapes, transfers, and the memory that a file may require.

#include <hdf5.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <new>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/hdf5_handles.hpp"
#include "unroll/io/detail/hdf5_types.hpp"
#include "unroll/io/formats/tensor.hpp"

namespace unroll::detail {

/// Dataset opened for reading. Every function throws FileError, beginning with the place, for damaged content.
class Hdf5Dataset {
 public:
  Hdf5Dataset(hid_t file, Hdf5Handle data, std::string place)
      : where(std::move(place)), data_(std::move(data)), space_(-1, H5Sclose), type_(-1, H5Tclose) {
    require<FileError>(H5Iget_type(data_) == H5I_DATASET, where, ": is not a dataset");
    const Hdf5Handle how(H5Dget_create_plist(data_), H5Pclose);
    require<FileError>(how >= 0 && H5Pget_external_count(how) == 0 && H5Pget_layout(how) != H5D_VIRTUAL, where,
                       ": the numbers must be in this file, got storage in other files, which are not read");
    space_ = {H5Dget_space(data_), H5Sclose}, type_ = {H5Dget_type(data_), H5Tclose};
    const int rank = H5Sget_simple_extent_ndims(space_);
    require<FileError>(rank >= 0 && type_ >= 0, where, ": the shape or type is damaged");
    require<FileError>(hdf5_lzf_fits(data_, type_), where,
                       ": the LZF filter must unpack to the bytes of a chunk, got another number");
    std::vector<hsize_t> extents(std::size_t(rank), 0);
    H5Sget_simple_extent_dims(space_, extents.data(), nullptr);
    if (H5Sget_simple_extent_type(space_) == H5S_NULL) extents = {0};  // a null dataspace has a type but no element
    for (const hsize_t extent : extents)
      require<FileError>(extent <= hsize_t(std::numeric_limits<Index>::max()), where,
                         ": the shape must fit in memory, got an extent of ", extent);
    sizes = {extents.begin(), extents.end()};
    find_limit(file, how);
  }

  hid_t type() const { return type_; }

  /// Numbers of `rows` entries of the first dimension, row-major. Throws ValueError for a number beyond T.
  template <class T>
  std::vector<T> numbers(Index rows, Index first) const {
    check_numbers(type_);
    std::vector<T> values = room<T>(count_numbers(rows));
    if (values.empty()) return values;
    if (sizes.empty()) return transfer(hdf5_type<T>(), H5S_ALL, H5S_ALL, values.data()), values;
    std::vector<hsize_t> from(sizes.size(), 0), count(sizes.begin(), sizes.end());
    from[0] = hsize_t(first), count[0] = hsize_t(rows);
    H5Sselect_hyperslab(space_, H5S_SELECT_SET, from.data(), nullptr, count.data(), nullptr);
    const Hdf5Handle memory(H5Screate_simple(int(count.size()), count.data(), nullptr), H5Sclose);
    transfer(hdf5_type<T>(), memory, space_, values.data());
    return values;
  }

  /// Arrays of a one-dimensional dataset of arrays. Throws ShapeError for another dataset.
  template <class T>
  std::vector<std::vector<T>> arrays() const {
    require<ShapeError>(H5Tget_class(type_) == H5T_VLEN && sizes.size() == 1, where,
                        ": the dataset must have arrays of different lengths, got ", hdf5_type_name(type_), " ",
                        [&] { return shape_text(sizes); });
    const Hdf5Handle element(H5Tget_super(type_), H5Tclose), type(H5Tvlen_create(hdf5_type<T>()), H5Tclose);
    check_numbers(element);
    std::vector<hvl_t> read = room<hvl_t>(std::size_t(sizes[0]));
    // Several arrays may be the same bytes of the file.
    const hsize_t stored = std::max<hsize_t>(H5Tget_size(element), 1);
    ArrayMemory memory(std::size_t(std::max(always, file_bytes_ / stored * sizeof(T))));
    transfer(type, H5S_ALL, H5S_ALL, read.data(), &memory);
    std::vector<std::vector<T>> rows;
    for (const hvl_t& array : read) {
      const T* const begin = static_cast<const T*>(array.p);
      rows.emplace_back(begin, begin + array.len);
      memory.free(array.p);
    }
    return rows;
  }

  std::string where;
  std::vector<Index> sizes;

 private:
  /// Memory of any dataset: elements that were never written need no space in the file and read as zeros.
  static constexpr hsize_t always = hsize_t(1) << 24;

  /// Memory that libhdf5 may allocate for arrays of different lengths. The destructor frees what is left: libhdf5 loses
  /// the arrays of a read that fails.
  class ArrayMemory {
   public:
    explicit ArrayMemory(std::size_t bytes) : left_(bytes) {}
    ArrayMemory(const ArrayMemory&) = delete;
    ArrayMemory& operator=(const ArrayMemory&) = delete;
    ~ArrayMemory() {
      for (void* block : blocks_) std::free(block);  // NOLINT
    }
    void free(void* block) {
      if (blocks_.erase(block) != 0) std::free(block);  // NOLINT
    }
    static void* allocate(std::size_t bytes, void* memory) {
      auto& self = *static_cast<ArrayMemory*>(memory);
      if (bytes > self.left_) return nullptr;
      void* const block = std::malloc(bytes);  // NOLINT
      try {
        if (block != nullptr) self.blocks_.insert(block);
      } catch (const std::bad_alloc&) {
        std::free(block);  // NOLINT
        return nullptr;
      }
      self.left_ -= bytes;
      return block;
    }
    static void release(void* block, void* memory) { static_cast<ArrayMemory*>(memory)->free(block); }

   private:
    std::size_t left_;
    std::unordered_set<void*> blocks_;
  };

  /// Elements that the file can hold. Compressed ones take at most 1100 times their space, about the best ratio of
  /// gzip, all others their size. Throws FileError for larger chunks, which libhdf5 would allocate.
  void find_limit(hid_t file, hid_t how) {
    constexpr hsize_t best = 1100;
    H5Fget_filesize(file, &file_bytes_);
    const bool packed = H5Pget_layout(how) == H5D_CHUNKED && H5Pget_nfilters(how) > 0;
    const hsize_t stored = std::max<hsize_t>(H5Tget_size(type_), 1);
    most_ = (packed ? best * std::min(H5Dget_storage_size(data_), file_bytes_) : file_bytes_) / stored;
    std::array<hsize_t, H5S_MAX_RANK> chunk{};
    const int rank = H5Pget_layout(how) == H5D_CHUNKED ? H5Pget_chunk(how, int(chunk.size()), chunk.data()) : 0;
    const hsize_t most_in_chunk = std::max(always / stored, most_);
    hsize_t in_chunk = 1;
    for (int d = 0; d < rank; ++d) {
      const hsize_t size = std::max<hsize_t>(chunk[std::size_t(d)], 1);
      require<FileError>(in_chunk <= most_in_chunk / size, where, ": a chunk must have at most ", most_in_chunk,
                         " entries, got more");
      in_chunk *= size;
    }
  }

  void check_numbers(hid_t type) const {
    const H5T_class_t kind = H5Tget_class(type);
    require<FileError>(kind == H5T_FLOAT || kind == H5T_INTEGER || kind == H5T_ENUM, where,
                       ": the dataset must have numbers, got ", hdf5_type_name(type_));
  }

  /// Number of elements in `rows` entries of the first dimension.
  std::size_t count_numbers(Index rows) const {
    constexpr auto most = std::size_t(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(double);
    auto count = std::size_t(rows);
    for (std::size_t d = 1; d < sizes.size(); ++d) {
      const auto size = std::size_t(sizes[d]);
      require<FileError>(size == 0 || count <= most / size, where, ": the shape must fit in memory, got ",
                         [&] { return shape_text(sizes); });
      count *= size;
    }
    return count;
  }

  /// Memory for `count` entries. Throws FileError if the file is too small for them.
  template <class T>
  std::vector<T> room(std::size_t count) const {
    const hsize_t most = std::max(always / sizeof(T), most_);
    require<FileError>(count <= most, where, ": a file of ", file_bytes_, " bytes must have at most ", most,
                       " entries, got ", count);
    std::vector<T> values;
    within_memory<FileError>([&] { values.resize(count); }, where, ": there is no memory for ", count, " numbers");
    return values;
  }

  void transfer(hid_t type, hid_t memory, hid_t selection, void* to, ArrayMemory* arrays = nullptr) const {
    bool lost = false;
    const Hdf5Handle how(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    H5Pset_type_conv_cb(how, stop_at_lost_number, &lost);
    if (arrays != nullptr) H5Pset_vlen_mem_manager(how, ArrayMemory::allocate, arrays, ArrayMemory::release, arrays);
    const herr_t status = H5Dread(data_, type, memory, selection, how, to);
    if (lost)
      throw ValueError(text(where, ": every number must fit in ", hdf5_type_name(type), ", got a larger or fractional ",
                            hdf5_type_name(type_)));
    if (status < 0) throw FileError(text(where, ": cannot be read; the file may be damaged (", hdf5_reason(), ")"));
  }

  Hdf5Handle data_, space_, type_;
  hsize_t file_bytes_ = 0, most_ = 0;
};

}  // namespace unroll::detail
