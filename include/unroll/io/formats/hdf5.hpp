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
#include "unroll/io/formats/tensor.hpp"

namespace unroll {

/// Shape and element type of a dataset.
struct Hdf5Shape {
  std::vector<Index> sizes;  ///< empty for a scalar; number of arrays for a ragged dataset; 0 for an empty dataspace
  std::string type;          ///< "float16", "int64", "bool", "ragged float32", "text", ...
};

/// Object of a group: another group, a dataset, or something else, such as a type or a link without a target.
struct Hdf5Member {
  enum class Kind { group, dataset, other };
  std::string name;
  Kind kind;
};

/// HDF5 file opened for reading with libhdf5; link target unroll::hdf5. Names of datasets are "/pv" or "pv". Datasets
/// may be chunked, compressed with gzip, szip or h5py's LZF, and of any numeric type and byte order. libhdf5 is not
/// thread-safe: use one thread at a time.
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
    std::vector<std::byte> image(bytes.begin(), bytes.end());  // libhdf5 takes no const pointer
    H5Pset_file_image(access, image.data(), image.size());
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
    const detail::Hdf5Handle opened(H5Gopen2(file_, group.c_str(), H5P_DEFAULT), H5Gclose);
    require<FileError>(
        opened >= 0, [&] { return where(group); }, ": there is no such group");
    std::vector<Hdf5Member> all;
    hsize_t at = 0;
    const auto add = [](hid_t in, const char* name, const H5L_info_t*, void* list) -> herr_t {
      const detail::Hdf5Handle object(H5Oopen(in, name, H5P_DEFAULT), H5Oclose);
      const H5I_type_t type = object >= 0 ? H5Iget_type(object) : H5I_BADID;
      static_cast<std::vector<Hdf5Member>*>(list)->push_back({name, type == H5I_GROUP     ? Hdf5Member::Kind::group
                                                                    : type == H5I_DATASET ? Hdf5Member::Kind::dataset
                                                                                          : Hdf5Member::Kind::other});
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
    return detail::hdf5_has_attribute(file_, object, name);
  }
  /// Texts of an attribute; one for a scalar. Throws FileError for a missing attribute and for one that is not text.
  std::vector<std::string> text_attribute(const std::string& object, const std::string& name) const {
    const detail::Hdf5Silence silence;
    return detail::Hdf5Attribute(file_, object, name, where(object, name)).texts();
  }
  /// Numbers of an attribute, row-major. Throws as `read`.
  template <class T>
  std::vector<T> number_attribute(const std::string& object, const std::string& name) const {
    const detail::Hdf5Silence silence;
    return detail::Hdf5Attribute(file_, object, name, where(object, name)).template numbers<T>();
  }

  /// Whether there is a dataset or group of this name.
  bool has(const std::string& dataset) const {
    const detail::Hdf5Silence silence;
    return H5Oexists_by_name(file_, dataset.c_str(), H5P_DEFAULT) > 0;
  }

  /// Shape and type of a dataset. Throws FileError, with the existing names, if there is no such dataset.
  Hdf5Shape shape(const std::string& dataset) const {
    const detail::Hdf5Silence silence;
    const OpenDataset data = open(dataset);
    return {data.sizes, detail::hdf5_type_name(data.type)};
  }

  /// All numbers of a dataset, row-major. Booleans become 0 and 1, other enumerated values their numbers. Throws
  /// FileError if the dataset is missing, unreadable, not numeric, or larger than the file can hold; ValueError if `T`
  /// cannot represent a number.
  template <class T>
  std::vector<T> read(const std::string& dataset) const {
    const detail::Hdf5Silence silence;
    const OpenDataset data = open(dataset);
    return read_numbers<T>(data, data.sizes.empty() ? 1 : data.sizes[0], 0);
  }

  /// Part of a dataset: `count` entries of the first dimension, from `first` on. For datasets that are too large for
  /// memory. Throws as above, and ShapeError for a range outside the dataset.
  template <class T>
  std::vector<T> read(const std::string& dataset, Index first, Index count) const {
    const detail::Hdf5Silence silence;
    const OpenDataset data = open(dataset);
    require<ShapeError>(!data.sizes.empty() && first >= 0 && count >= 0 && first <= data.sizes[0] - count, data.where,
                        ": the range must be within the first dimension of ", detail::shape_text(data.sizes), ", got ",
                        count, " entries from ", first);
    return read_numbers<T>(data, count, first);
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
    const OpenDataset data = open(dataset);
    require<ShapeError>(H5Tget_class(data.type) == H5T_VLEN && data.sizes.size() == 1, data.where,
                        ": the dataset must have arrays of different lengths, got ", detail::hdf5_type_name(data.type),
                        " ", detail::shape_text(data.sizes));
    check_numbers(data, detail::Hdf5Handle(H5Tget_super(data.type), H5Tclose));
    const detail::Hdf5Handle type(H5Tvlen_create(detail::hdf5_type<T>()), H5Tclose);
    std::vector<hvl_t> arrays = room<hvl_t>(data, std::size_t(data.sizes[0]));
    const RaggedMemory memory{type, data.space, arrays.data()};
    transfer(data, type, H5S_ALL, H5S_ALL, arrays.data());
    std::vector<std::vector<T>> rows;
    for (const hvl_t& array : arrays) {
      const T* begin = static_cast<const T*>(array.p);
      rows.emplace_back(begin, begin + array.len);
    }
    return rows;
  }

 private:
  struct OpenDataset {
    std::string where;
    detail::Hdf5Handle data, space, type;
    std::vector<Index> sizes;
  };

  /// RAII object that frees the memory libhdf5 allocated for ragged arrays.
  struct RaggedMemory {
    hid_t type, space;
    hvl_t* arrays;
    ~RaggedMemory() { H5Dvlen_reclaim(type, space, H5P_DEFAULT, arrays); }
  };

  std::string where(const std::string& dataset) const { return text(name_, ", ", detail::in_quotes(dataset)); }

  std::string where(const std::string& object, const std::string& attribute) const {
    return text(where(object), ", attribute ", detail::in_quotes(attribute));
  }

  std::string list_of_names() const {
    std::string list;
    for (const std::string& name : names()) list += text(list.empty() ? "" : ", ", detail::in_quotes(name));
    return list.empty() ? "the file has none" : "the file has " + list;
  }

  OpenDataset open(const std::string& dataset) const {
    if (!has(dataset)) throw FileError(text(name_, ": no dataset ", detail::in_quotes(dataset), "; ", list_of_names()));
    detail::Hdf5Handle data(H5Dopen2(file_, dataset.c_str(), H5P_DEFAULT), H5Dclose);
    if (data < 0) throw FileError(text(where(dataset), ": is not a dataset, or is damaged"));
    detail::Hdf5Handle space(H5Dget_space(data), H5Sclose), type(H5Dget_type(data), H5Tclose);
    const int rank = H5Sget_simple_extent_ndims(space);
    if (rank < 0 || type < 0) throw FileError(text(where(dataset), ": the shape or type is damaged"));
    require<FileError>(
        detail::hdf5_lzf_fits(data, type), [&] { return where(dataset); },
        ": the LZF filter must unpack to the bytes of a chunk, got another number");
    std::vector<hsize_t> extents(std::size_t(rank), 0);
    H5Sget_simple_extent_dims(space, extents.data(), nullptr);
    if (H5Sget_simple_extent_type(space) == H5S_NULL) extents = {0};  // a null dataspace has a type but no element
    for (const hsize_t extent : extents)
      require<FileError>(
          extent <= hsize_t(std::numeric_limits<Index>::max()), [&] { return where(dataset); },
          ": the shape must fit in memory, got an extent of ", extent);
    return {where(dataset), std::move(data), std::move(space), std::move(type), {extents.begin(), extents.end()}};
  }

  static void check_numbers(const OpenDataset& data, hid_t type) {
    const H5T_class_t kind = H5Tget_class(type);
    require<FileError>(kind == H5T_FLOAT || kind == H5T_INTEGER || kind == H5T_ENUM, data.where,
                       ": the dataset must have numbers, got ", detail::hdf5_type_name(data.type));
  }

  /// Number of elements in `rows` entries of the first dimension.
  static std::size_t count_numbers(const OpenDataset& data, Index rows) {
    constexpr auto most = std::size_t(std::numeric_limits<std::ptrdiff_t>::max()) / sizeof(double);
    std::size_t count = std::size_t(rows);
    for (std::size_t d = 1; d < data.sizes.size(); ++d) {
      const auto size = std::size_t(data.sizes[d]);
      require<FileError>(size == 0 || count <= most / size, data.where, ": the shape must fit in memory, got ",
                         detail::shape_text(data.sizes));
      count *= size;
    }
    return count;
  }

  /// Memory for `count` entries. Throws FileError if the file is too small for them: the best compression ratio of gzip
  /// is about 1000, relative to the size of stored elements, which may be smaller than T. Elements that were never
  /// written need no space in the file and read as zeros; up to 64 MiB of them are allowed.
  template <class T>
  std::vector<T> room(const OpenDataset& data, std::size_t count) const {
    constexpr hsize_t best = 1100, always = hsize_t(1) << 26;
    hsize_t bytes = 0;
    H5Fget_filesize(file_, &bytes);
    const hsize_t stored = std::max<hsize_t>(H5Tget_size(data.type), 1);
    const hsize_t most = std::max(always / sizeof(T), best * bytes / stored);
    require<FileError>(count <= most, data.where, ": a file of ", bytes, " bytes must have at most ", most,
                       " entries, got ", count);
    std::vector<T> values;
    detail::within_memory<FileError>([&] { values.resize(count); }, data.where, ": there is no memory for ", count,
                                     " numbers");
    return values;
  }

  template <class T>
  std::vector<T> read_numbers(const OpenDataset& data, Index rows, Index first) const {
    check_numbers(data, data.type);
    std::vector<T> values = room<T>(data, count_numbers(data, rows));
    if (values.empty()) return values;
    if (data.sizes.empty()) return transfer(data, detail::hdf5_type<T>(), H5S_ALL, H5S_ALL, values.data()), values;
    std::vector<hsize_t> from(data.sizes.size(), 0), sizes(data.sizes.begin(), data.sizes.end());
    from[0] = hsize_t(first), sizes[0] = hsize_t(rows);
    H5Sselect_hyperslab(data.space, H5S_SELECT_SET, from.data(), nullptr, sizes.data(), nullptr);
    const detail::Hdf5Handle space(H5Screate_simple(int(sizes.size()), sizes.data(), nullptr), H5Sclose);
    transfer(data, detail::hdf5_type<T>(), space, data.space, values.data());
    return values;
  }

  static void transfer(const OpenDataset& data, hid_t type, hid_t memory, hid_t selection, void* to) {
    bool lost = false;
    const detail::Hdf5Handle how(H5Pcreate(H5P_DATASET_XFER), H5Pclose);
    H5Pset_type_conv_cb(how, detail::stop_at_lost_number, &lost);
    const herr_t status = H5Dread(data.data, type, memory, selection, how, to);
    if (lost)
      throw ValueError(text(data.where, ": every number must fit in ", detail::hdf5_type_name(type),
                            ", got a larger or fractional ", detail::hdf5_type_name(data.type)));
    if (status < 0)
      throw FileError(text(data.where, ": cannot be read; the file may be damaged (", detail::hdf5_reason(), ")"));
  }

  std::string name_;
  detail::Hdf5Handle file_;
};

}  // namespace unroll
