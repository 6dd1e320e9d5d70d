#pragma once
// Attributes of HDF5 objects: texts and numbers.

#include <algorithm>
#include <string>
#include <vector>

#include "unroll/core/types.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/detail/hdf5_handles.hpp"
#include "unroll/io/detail/hdf5_types.hpp"

namespace unroll::detail {

/// Attribute of an object, opened for reading. Every function throws FileError, beginning with `where`, for damaged or
/// too large content.
class Hdf5Attribute {
 public:
  Hdf5Attribute(hid_t file, hid_t object, const std::string& name, std::string where)
      : where_(std::move(where)),
        attribute_(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose),
        type_(-1, H5Tclose),
        space_(-1, H5Sclose) {
    require<FileError>(attribute_ >= 0, where_, ": there is no such attribute");
    type_ = {H5Aget_type(attribute_), H5Tclose};
    space_ = {H5Aget_space(attribute_), H5Sclose};
    const hssize_t count = H5Sget_simple_extent_npoints(space_);
    require<FileError>(type_ >= 0 && count >= 0, where_, ": the attribute is damaged");
    H5Fget_filesize(file, &file_bytes_);
    count_ = hsize_t(count);
    const hsize_t each = std::max<hsize_t>(H5Tget_size(type_), 1);
    require<FileError>(count_ <= file_bytes_ / each, where_, ": a file of ", file_bytes_, " bytes must have at most ",
                       file_bytes_ / each, " entries, got ", count_);
  }

  std::vector<std::string> texts() const {
    require<FileError>(H5Tget_class(type_) == H5T_STRING, where_, ": the attribute must be text, got ",
                       hdf5_type_name(type_));
    return H5Tis_variable_str(type_) > 0 ? texts_of_any_length() : texts_of_one_length();
  }

  /// Throws ValueError for a number that `T` cannot represent.
  template <class T>
  std::vector<T> numbers() const {
    const H5T_class_t kind = H5Tget_class(type_);
    require<FileError>(kind == H5T_FLOAT || kind == H5T_INTEGER || kind == H5T_ENUM, where_,
                       ": the attribute must have numbers, got ", hdf5_type_name(type_));
    std::vector<std::byte> bytes(std::size_t(count_) * std::max(H5Tget_size(type_), sizeof(T)));
    read(type_, bytes.data());
    convert(hdf5_type<T>(), bytes.data());
    std::vector<T> values(static_cast<std::size_t>(count_));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
    return values;
  }

 private:
  /// RAII object that frees the memory libhdf5 allocated for texts.
  struct TextMemory {
    hid_t type, space;
    std::vector<char*> texts;
    ~TextMemory() { H5Dvlen_reclaim(type, space, H5P_DEFAULT, texts.data()); }
  };

  void read(hid_t type, void* to) const {
    if (count_ > 0 && H5Aread(attribute_, type, to) < 0)
      throw FileError(text(where_, ": cannot be read; the file may be damaged (", hdf5_reason(), ")"));
  }

  void convert(hid_t type, void* bytes) const {
    bool lost = false;
    const Hdf5Handle how(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    H5Pset_type_conv_cb(how, stop_at_lost_number, &lost);
    const bool done = H5Tconvert(type_, type, std::size_t(count_), bytes, nullptr, how) >= 0;
    if (lost)
      throw ValueError(
          text(where_, ": every number must fit in ", hdf5_type_name(type), ", got another ", hdf5_type_name(type_)));
    require<FileError>(done, where_, ": the numbers cannot be converted");
  }

  /// Many entries may be the same bytes of the file. libhdf5 allocates every text, which the first check limits; the
  /// second limits the result.
  std::vector<std::string> texts_of_any_length() const {
    constexpr double most = double(1 << 30);
    require<FileError>(double(count_) * double(file_bytes_) <= most, where_, ": texts must be at most ", most,
                       " bytes if each is as long as the file, got ", count_, " in ", file_bytes_, " bytes");
    const Hdf5Handle type(H5Tcopy(type_), H5Tclose);
    TextMemory memory{type, space_, std::vector<char*>(static_cast<std::size_t>(count_), nullptr)};
    read(type, memory.texts.data());
    std::vector<std::string> all;
    std::size_t bytes = 0;
    for (const char* letters : memory.texts) {
      all.emplace_back(letters == nullptr ? "" : letters);
      bytes += all.back().size();
      require<FileError>(bytes <= file_bytes_, where_, ": texts must have at most the bytes of the file, ", file_bytes_,
                         ", got more");
    }
    return all;
  }

  std::vector<std::string> texts_of_one_length() const {
    const std::size_t size = H5Tget_size(type_);
    std::string letters(size * std::size_t(count_), '\0');
    read(type_, letters.data());
    std::vector<std::string> all;
    for (std::size_t k = 0; k < count_; ++k) {
      std::string one = letters.substr(k * size, size);
      one.resize(std::min(one.find('\0'), one.size()));
      if (H5Tget_strpad(type_) == H5T_STR_SPACEPAD) one.resize(one.find_last_not_of(' ') + 1);
      all.push_back(std::move(one));
    }
    return all;
  }

  std::string where_;
  Hdf5Handle attribute_, type_, space_;
  hsize_t count_ = 0, file_bytes_ = 0;
};

}  // namespace unroll::detail
