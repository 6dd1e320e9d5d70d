#pragma once

#include <algorithm>
#include <filesystem>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "unroll/io/formats/detail/hdf5_attributes.hpp"
#include "unroll/io/formats/detail/hdf5_dataset.hpp"
#include "unroll/io/formats/tensor.hpp"

namespace unroll {

/// Shape and element type of a dataset.
struct Hdf5Shape {
  std::vector<Index> sizes;  ///< empty for a scalar; number of arrays for a ragged dataset; 0 for an empty dataspace
  std::string type;          ///< "float16", "int64", "bool", "ragged float32", "text", ...
};

/// Object of a group: another group, a dataset, or something else, such as a type, a link without a target or
/// one to another file.
struct Hdf5Member {
  enum class Kind { group, dataset, other };
  std::string name;
  Kind kind;
};

/// HDF5 file opened for reading with libhdf5; link target unroll::hdf5. Names of datasets are "/pv" or "pv". Datasets
/// may be chunked, compressed with gzip, szip or h5py's LZF, and of any numeric type and byte order. libhdf5 is not
/// thread-safe: use one thread at a time. Links to other files, and storage in them, throw FileError where they are
/// used.
class Hdf5File {
 public:
  /// Throws FileError if the file is missing, truncated or not in HDF5 format.
  explicit Hdf5File(const std::filesystem::path& path) : name_(path.string()), file_(-1, H5Fclose) {
    std::error_code error;
    require<FileError>(std::filesystem::exists(path, error), name_, ": no such file");
    require<FileError>(std::filesystem::is_regular_file(path, error), name_,
                       ": must be a file, got a folder or a device");
    const detail::Hdf5Silence silence;
    detail::register_hdf5_lzf();
    require<FileError>(H5Fis_hdf5(name_.c_str()) > 0, name_, ": must be an HDF5 file, got another format");
    file_ = {H5Fopen(name_.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose};
    require<FileError>(file_ >= 0, name_, ": is cut short or damaged (", file_ >= 0 ? "" : detail::hdf5_reason(), ")");
  }

  /// The same for the content of a file in memory, which is copied; `name` is its name in messages.
  Hdf5File(std::span<const std::byte> bytes, std::string name) : name_(std::move(name)), file_(-1, H5Fclose) {
    const detail::Hdf5Silence silence;
    detail::register_hdf5_lzf();
    const detail::Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_core(access, 1 << 16, false);
    // libhdf5 copies the bytes.
    H5Pset_file_image(access, const_cast<std::byte*>(bytes.data()), bytes.size());  // NOLINT
    file_ = {H5Fopen(detail::hdf5_memory_name().c_str(), H5F_ACC_RDONLY, access), H5Fclose};
    require<FileError>(file_ >= 0, name_, ": must be a complete HDF5 file, got another content");
  }

  const std::string& path() const { return name_; }
  /// Size of the file.
  std::uint64_t bytes() const {
    hsize_t size = 0;
    return H5Fget_filesize(file_, &size) < 0 ? 0 : size;
  }

  /// Objects in a group, in alphabetical order. Throws FileError if there is no such group.
  std::vector<Hdf5Member> members(const std::string& group = "/") const {
    const detail::Hdf5Silence silence;
    const detail::Hdf5Handle opened = object(group);
    require<FileError>(
        opened >= 0 && H5Iget_type(opened) == H5I_GROUP, [&] { return where(group); }, ": there is no such group");
    std::vector<Hdf5Member> all;
    hsize_t at = 0;
    const auto add = [](hid_t in, const char* name, const H5L_info_t*, void* list) -> herr_t {
      static_cast<std::vector<Hdf5Member>*>(list)->push_back({name, kind_of(in, name)});
      return 0;
    };
    require<FileError>(
        H5Literate(opened, H5_INDEX_NAME, H5_ITER_INC, &at, add, &all) >= 0, [&] { return where(group); },
        ": the list of objects is damaged");
    return all;
  }

  /// Names of the datasets in the root group, in alphabetical order.
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (Hdf5Member& member : members())
      if (member.kind == Hdf5Member::Kind::dataset) names.push_back(std::move(member.name));
    return names;
  }

  /// Whether a group or dataset has an attribute. The object "/" is the file itself.
  bool has_attribute(const std::string& object, const std::string& name) const {
    const detail::Hdf5Silence silence;
    const detail::Hdf5Handle of = this->object(object);
    return of >= 0 && H5Aexists(of, name.c_str()) > 0;
  }
  /// Texts of an attribute; one for a scalar. Throws FileError for a missing attribute and for one that is not text.
  std::vector<std::string> text_attribute(const std::string& object, const std::string& name) const {
    const detail::Hdf5Silence silence;
    return detail::Hdf5Attribute(file_, this->object(object), name, where(object, name)).texts();
  }
  /// Numbers of an attribute, row-major. Throws as `read`.
  template <class T>
  std::vector<T> number_attribute(const std::string& object, const std::string& name) const {
    const detail::Hdf5Silence silence;
    return detail::Hdf5Attribute(file_, this->object(object), name, where(object, name)).template numbers<T>();
  }

  /// Whether there is a dataset or group of this name.
  bool has(const std::string& dataset) const {
    const detail::Hdf5Silence silence;
    return object(dataset) >= 0;
  }

  /// Shape and type of a dataset. Throws FileError, with the existing names, if there is no such dataset.
  Hdf5Shape shape(const std::string& dataset) const {
    const detail::Hdf5Silence silence;
    const detail::Hdf5Dataset data = open(dataset);
    return {data.sizes, detail::hdf5_type_name(data.type())};
  }

  /// All numbers of a dataset, row-major. Booleans become 0 and 1, other enumerated values their numbers. Throws
  /// FileError if the dataset is missing, unreadable, not numeric, or larger than the file can hold; ValueError if `T`
  /// cannot represent a number.
  template <class T>
  std::vector<T> read(const std::string& dataset) const {
    const detail::Hdf5Silence silence;
    const detail::Hdf5Dataset data = open(dataset);
    return data.numbers<T>(data.sizes.empty() ? 1 : data.sizes[0], 0);
  }

  /// Part of a dataset: `count` entries of the first dimension, from `first` on. For datasets that are too large for
  /// memory. Throws as above, and ShapeError for a range outside the dataset.
  template <class T>
  std::vector<T> read(const std::string& dataset, Index first, Index count) const {
    const detail::Hdf5Silence silence;
    const detail::Hdf5Dataset data = open(dataset);
    require<ShapeError>(!data.sizes.empty() && first >= 0 && count >= 0 && first <= data.sizes[0] - count, data.where,
                        ": the range must be within the first dimension of ", detail::shape_text(data.sizes), ", got ",
                        count, " entries from ", first);
    return data.numbers<T>(count, first);
  }

  /// Two-dimensional dataset as [rows x columns]. Throws as `read`, and ShapeError for another number of dimensions.
  template <class T>
  MatrixX<T> matrix(const std::string& dataset) const {
    const std::vector<Index> sizes = shape(dataset).sizes;
    require<ShapeError>(sizes.size() == 2, where(dataset), ": the dataset must have 2 dimensions, got ",
                        detail::shape_text(sizes));
    const std::vector<T> values = read<T>(dataset);
    using RowMajor = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const RowMajor>(values.data(), sizes[0], sizes[1]);
  }

  /// One-dimensional ragged dataset: arrays of different lengths. Throws as `read`, and ShapeError for another dataset.
  template <class T>
  std::vector<std::vector<T>> ragged(const std::string& dataset) const {
    const detail::Hdf5Silence silence;
    return open(dataset).arrays<T>();
  }

 private:
  /// Group or dataset; see hdf5_object.
  detail::Hdf5Handle object(const std::string& name) const {
    return detail::hdf5_object(file_, name, [&] { return where(name); });
  }

  static Hdf5Member::Kind kind_of(hid_t group, const char* member) try {
    const detail::Hdf5Handle object = detail::hdf5_object(group, member, [] { return ""; });
    const H5I_type_t type = object >= 0 ? H5Iget_type(object) : H5I_BADID;
    if (type == H5I_GROUP) return Hdf5Member::Kind::group;
    return type == H5I_DATASET ? Hdf5Member::Kind::dataset : Hdf5Member::Kind::other;
  } catch (const FileError&) {
    return Hdf5Member::Kind::other;
  }

  std::string where(const std::string& dataset) const { return text(name_, ", ", detail::in_quotes(dataset)); }

  std::string where(const std::string& object, const std::string& attribute) const {
    return text(where(object), ", attribute ", detail::in_quotes(attribute));
  }

  std::string list_of_names() const {
    std::string list;
    for (const std::string& name : names()) list += text(list.empty() ? "" : ", ", detail::in_quotes(name));
    return list.empty() ? "the file has none" : "the file has " + list;
  }

  detail::Hdf5Dataset open(const std::string& dataset) const {
    detail::Hdf5Handle data = object(dataset);
    if (data < 0) throw FileError(text(name_, ": no dataset ", detail::in_quotes(dataset), "; ", list_of_names()));
    return {file_, std::move(data), where(dataset)};
  }

  std::string name_;
  detail::Hdf5Handle file_;
};

}  // namespace unroll
