#pragma once
// Writer of HDF5 files; link target unroll::hdf5.

#include <span>

#include "unroll/core/checked.hpp"
#include "unroll/core/option_checks.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/formats/hdf5.hpp"

namespace unroll {

/// HDF5 file in memory, to which groups, datasets and attributes are added. Names are paths such as "a/b/values";
/// groups in a path are created. Equal content gives equal bytes. All functions throw ValueError for a name that is
/// empty or already used, FileError if libhdf5 fails. libhdf5 is not thread-safe: use one thread at a time.
class Hdf5Writer {
 public:
  Hdf5Writer() : file_(-1, H5Fclose) {
    constexpr std::size_t growth = 1 << 16;
    const detail::Hdf5Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    H5Pset_fapl_core(access, growth, false);
    file_ = {H5Fcreate(detail::hdf5_memory_name().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose};
    check(file_ >= 0, "file");
  }

  void add_group(const std::string& name) {
    const detail::Hdf5Silence silence;
    check_new(name);
    const detail::Hdf5Handle parents = with_parents();
    const detail::Hdf5Handle group(H5Gcreate2(file_, name.c_str(), parents, H5P_DEFAULT, H5P_DEFAULT), H5Gclose);
    check(group >= 0, name);
  }

  /// Dataset of float, double or integers, row-major; a scalar if `sizes` is empty. Throws ShapeError unless there are
  /// as many values as the sizes require.
  template <class T>
  void add(const std::string& name, std::span<const T> values, const std::vector<Index>& sizes) {
    const detail::Hdf5Silence silence;
    check_new(name);
    const detail::Hdf5Handle space = space_of(name, values.size(), sizes), parents = with_parents();
    const detail::Hdf5Handle how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_obj_track_times(how, false);
    const hid_t type = detail::hdf5_type<T>();
    const detail::Hdf5Handle data(H5Dcreate2(file_, name.c_str(), type, space, parents, how, H5P_DEFAULT), H5Dclose);
    check(data >= 0 && (values.empty() || H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0),
          name);
  }

  /// Attribute of a group or dataset, "/" for the file, with one text.
  void add_attribute(const std::string& object, const std::string& name, const std::string& value) {
    check_letters(value);
    const char* letters = value.c_str();
    add_attribute(object, name, text_type(), detail::Hdf5Handle(H5Screate(H5S_SCALAR), H5Sclose), &letters);
  }
  /// Attribute with a list of texts.
  void add_attribute(const std::string& object, const std::string& name, const std::vector<std::string>& values) {
    std::vector<const char*> letters;
    for (const std::string& value : values) check_letters(value), letters.push_back(value.c_str());
    add_attribute(object, name, text_type(), list_of(letters.size()), letters.data());
  }
  /// Attribute with a list of numbers.
  template <class T>
  void add_attribute(const std::string& object, const std::string& name, std::span<const T> values) {
    const detail::Hdf5Handle type(H5Tcopy(detail::hdf5_type<T>()), H5Tclose);
    add_attribute(object, name, type, list_of(values.size()), values.data());
  }

  /// Content of the file.
  std::vector<std::byte> bytes() const {
    const detail::Hdf5Silence silence;
    H5Fflush(file_, H5F_SCOPE_LOCAL);
    const ssize_t size = H5Fget_file_image(file_, nullptr, 0);
    check(size > 0, "file");
    std::vector<std::byte> content(static_cast<std::size_t>(size));
    check(H5Fget_file_image(file_, content.data(), content.size()) == size, "file");
    return content;
  }

  /// Writes the file atomically. Throws FileError.
  void write(const std::filesystem::path& path) const {
    AtomicFile file(path);
    file.write(bytes());
    file.commit();
  }

 private:
  static void check(bool good, std::string_view what) {
    require<FileError>(
        good, "HDF5: ", what, " cannot be written (", [] { return detail::hdf5_reason(); }, ")");
  }
  static void check_letters(const std::string& letters) {
    require<ValueError>(letters.find('\0') == letters.npos, "HDF5: names and texts must have no byte 0, got ",
                        [&] { return detail::in_quotes(letters); });
  }
  void check_new(const std::string& name) const {
    check_letters(name);
    require<ValueError>(!name.empty(), "HDF5: a name must have letters, got none");
    require<ValueError>(
        !exists(name), "HDF5: the name ", [&] { return detail::in_quotes(name); }, " must be new, got it twice");
  }
  bool exists(const std::string& name) const { return H5Oexists_by_name(file_, name.c_str(), H5P_DEFAULT) > 0; }

  static detail::Hdf5Handle with_parents() {
    detail::Hdf5Handle how(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
    H5Pset_create_intermediate_group(how, 1);
    return how;
  }
  static detail::Hdf5Handle list_of(std::size_t count) {
    const hsize_t size = count;
    return {H5Screate_simple(1, &size, nullptr), H5Sclose};
  }
  static detail::Hdf5Handle space_of(const std::string& name, std::size_t count, const std::vector<Index>& sizes) {
    Index all = 1;
    for (const Index size : sizes) {
      detail::check_least<ShapeError>("HDF5", "sizes", size, 0);
      all = checked_multiply(all, size, "HDF5: number of values");
    }
    require<ShapeError>(
        std::size_t(all) == count, "HDF5: ", [&] { return detail::in_quotes(name); }, " must have ", all,
        " values for its sizes, got ", count);
    if (sizes.empty()) return {H5Screate(H5S_SCALAR), H5Sclose};
    const std::vector<hsize_t> extents(sizes.begin(), sizes.end());
    return {H5Screate_simple(int(extents.size()), extents.data(), nullptr), H5Sclose};
  }
  static detail::Hdf5Handle text_type() {
    detail::Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
    H5Tset_size(type, H5T_VARIABLE);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
  }

  void add_attribute(const std::string& object, const std::string& name, const detail::Hdf5Handle& type,
                     const detail::Hdf5Handle& space, const void* values) {
    const detail::Hdf5Silence silence;
    check_letters(name);
    require<ValueError>(
        object == "/" || exists(object), "HDF5: there is no ", [&] { return detail::in_quotes(object); },
        " for an attribute");
    require<ValueError>(
        !name.empty() && H5Aexists_by_name(file_, object.c_str(), name.c_str(), H5P_DEFAULT) <= 0,
        "HDF5: the attribute ", [&] { return detail::in_quotes(name); }, " must be new, got it twice");
    const detail::Hdf5Handle attribute(
        H5Acreate_by_name(file_, object.c_str(), name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT),
        H5Aclose);
    const bool empty = H5Sget_simple_extent_npoints(space) == 0;
    check(attribute >= 0 && (empty || H5Awrite(attribute, type, values) >= 0), name);
  }

  detail::Hdf5Handle file_;
};

}  // namespace unroll
