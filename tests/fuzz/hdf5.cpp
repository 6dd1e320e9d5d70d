// Fuzz target: HDF5. libhdf5 itself can fail on damaged files, so the input describes a valid file: datasets of any
// type, shape and packing, with any bytes as values, and attributes of the file. One line per object: kind, type,
// sizes. The values follow after the lines.

#include "unroll/io/formats/hdf5.hpp"

#include <sstream>

#include "fuzz.hpp"

using namespace unroll;

namespace {

using Handle = detail::Hdf5Handle;

hid_t type_of(const std::string& word) {
  static const std::pair<const char*, hid_t> types[] = {
      {"f4", H5T_IEEE_F32LE}, {"F4", H5T_IEEE_F32BE}, {"f8", H5T_IEEE_F64LE}, {"F8", H5T_IEEE_F64BE},
      {"i1", H5T_STD_I8LE},   {"u1", H5T_STD_U8LE},   {"i2", H5T_STD_I16LE},  {"I4", H5T_STD_I32BE},
      {"u4", H5T_STD_U32LE},  {"i8", H5T_STD_I64LE},  {"u8", H5T_STD_U64LE},  {"U8", H5T_STD_U64BE},
      {"b8", H5T_STD_B8LE},   {"t", H5T_C_S1},        {"o", H5T_STD_REF_OBJ}};
  for (const auto& [name, type] : types)
    if (word == name) return type;
  return H5T_IEEE_F32LE;
}

class Maker {
 public:
  Maker(const std::filesystem::path& path, std::string_view values)
      : values_(values), file_(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose) {}

  void make(const std::string& name, const std::string& kind, const std::string& type_word,
            std::vector<hsize_t> sizes) {
    if (kind == "group") {
      H5Gclose(H5Gcreate2(file_, name.c_str(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
      return;
    }
    hsize_t count = 1;
    for (const hsize_t size : sizes)
      count = size == 0 ? 0 : std::min<hsize_t>(count * std::min<hsize_t>(size, 1 << 20), 1 << 20);
    const bool declared = kind == "declared", ragged = kind == "ragged" && sizes.size() == 1 && count <= 64;
    if (!declared && count > 4096) return;
    const hid_t of = type_of(type_word);
    const Handle type(ragged ? H5Tvlen_create(of) : H5Tcopy(of), H5Tclose);
    const Handle space(kind == "null"  ? H5Screate(H5S_NULL)
                       : sizes.empty() ? H5Screate(H5S_SCALAR)
                                       : H5Screate_simple(int(sizes.size()), sizes.data(), nullptr),
                       H5Sclose);
    if (kind == "attribute") return add_attribute(name, type, space);
    const Handle how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    const bool lzf = kind == "lzf" || kind == "lie";  // "lie" declares wrong chunk sizes
    const bool packed = (kind == "gzip" || lzf || declared) && !sizes.empty() && count > 0;
    if (packed) {
      std::vector<hsize_t> chunk(sizes.size(), declared ? 64 : 2);
      if (lzf) chunk = sizes;
      H5Pset_chunk(how, int(chunk.size()), chunk.data());
      if (kind == "gzip") H5Pset_deflate(how, 1);
      if (lzf) set_lzf(how, unsigned(count * H5Tget_size(type) / (kind == "lie" ? 2 : 1)));
    }
    const Handle data(H5Dcreate2(file_, name.c_str(), type, space, H5P_DEFAULT, how, H5P_DEFAULT), H5Dclose);
    if (data < 0 || declared || kind == "null" || type_word == "o") return;
    if (lzf && packed) {
      const std::vector<hsize_t> first(sizes.size(), 0);
      const std::string bytes(values_.substr(0, 512));
      if (!bytes.empty()) H5Dwrite_chunk(data, H5P_DEFAULT, 0, first.data(), bytes.size(), bytes.data());
    } else if (ragged) {
      write_ragged(data, type, H5Tget_size(of), count);
    } else {
      const std::string bytes = values(count * H5Tget_size(type));
      H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data());
    }
  }

 private:
  static void set_lzf(hid_t how, unsigned bytes) {
    static const bool registered = [] {
      const H5Z_class2_t filter{H5Z_CLASS_T_VERS, 32000, 1, 1, "lzf", nullptr, nullptr, detail::hdf5_lzf};
      return H5Zregister(&filter) >= 0;
    }();
    const unsigned numbers[] = {4, 0x106, bytes};
    if (registered) H5Pset_filter(how, 32000, H5Z_FLAG_OPTIONAL, 3, numbers);
  }

  void add_attribute(const std::string& name, hid_t type, hid_t space) const {
    const bool letters = H5Tget_class(type) == H5T_STRING;
    if (letters) H5Tset_size(type, 5);
    const Handle attribute(H5Acreate2(file_, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    const hssize_t count = H5Sget_simple_extent_npoints(space);
    if (attribute < 0 || count < 0 || H5Tget_class(type) == H5T_REFERENCE) return;
    const std::string bytes = values(std::size_t(count) * H5Tget_size(type));
    H5Awrite(attribute, type, bytes.data());
  }

  /// `bytes` bytes of the values, repeated if there are too few.
  std::string values(std::size_t bytes) const {
    std::string all;
    while (all.size() < bytes) all += values_.empty() ? std::string(bytes, '\0') : std::string(values_);
    return all.substr(0, bytes);
  }

  void write_ragged(hid_t data, hid_t type, std::size_t each, hsize_t count) const {
    std::string bytes = values(64 * each);
    std::vector<hvl_t> rows;
    for (hsize_t k = 0; k < count; ++k) rows.push_back({std::size_t(k * 7 % 5), bytes.data()});
    H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, rows.data());
  }

  std::string_view values_;
  Handle file_;
};

template <class T>
void read_all(const Hdf5File& file, const std::string& name) {
  fuzz::accepted([&] {
    const auto values = file.read<T>(name);
    std::size_t count = 1;
    for (const Index size : file.shape(name).sizes) count *= std::size_t(size);
    fuzz::expect(values.size() == count, "another number of values than the shape says");
    if (count > 0 && !file.shape(name).sizes.empty()) {
      const auto last = file.read<T>(name, file.shape(name).sizes[0] - 1, 1);
      fuzz::expect(fuzz::same_numbers(last, std::vector<T>(values.end() - std::ptrdiff_t(last.size()), values.end())),
                   "a part has other values");
    }
  });
}

}  // namespace

std::vector<fuzz::Bytes> fuzz::seeds() {
  return {"lie i1 8\n\n\x03\x01\x02\x03\x04",  // the filter returns fewer bytes than libhdf5 expects
          "attribute t 2\nattribute I4\nattribute f8 3\nattribute u8 0\nattribute b8 2\n\nab\xff\x01",
          "plain f4 2 3\ngzip F8 3 2\nnull i1\ngroup\n\n\x01\x02\x03\x04\x05\x06\x07\x08",
          "lzf i1 6\nragged i4 3\nlie i1 8\nplain t 2\nplain b8 2\n\n\x02"
          "abc\x20\x02",
          "plain u8\nplain i8 0 3\ndeclared f8 1000000000\ndeclared U8 9223372036854775807 9\nplain o "
          "1\n\n\xff\xff\xff\xff\xff\xff\xff\x7f"};
}

void fuzz::read(const Bytes& input) {
  const auto end = input.find("\n\n");
  const std::string lines = input.substr(0, end), values = end == Bytes::npos ? "" : input.substr(end + 2);
  const auto out = path("x.h5");
  {
    const detail::Hdf5Silence silence;
    Maker maker(out, values);
    std::istringstream all(lines);
    int number = 0;
    for (std::string line; std::getline(all, line) && number < 6;) {
      std::istringstream words(line);
      std::string kind, type;
      words >> kind >> type;
      std::vector<hsize_t> sizes;
      for (hsize_t size = 0; sizes.size() < 4 && words >> size;) sizes.push_back(size);
      maker.make(text("d", number++), kind, type, sizes);
    }
  }
  const Hdf5File file(out);
  for (const std::string& name : file.names()) {
    accepted([&] { (void)file.shape(name); });
    read_all<float>(file, name);
    read_all<double>(file, name);
    read_all<std::int32_t>(file, name);
    read_all<std::uint64_t>(file, name);
    accepted([&] { (void)file.matrix<float>(name); });
    accepted([&] { (void)file.ragged<float>(name); });
    accepted([&] { (void)file.ragged<std::int64_t>(name); });
  }
  for (int number = 0; number < 6; ++number) {
    const std::string name = text("d", number);
    if (!file.has_attribute("/", name)) continue;
    accepted([&] { (void)file.text_attribute("/", name); });
    accepted([&] { (void)file.number_attribute<float>("/", name); });
    accepted([&] { (void)file.number_attribute<std::uint16_t>("/", name); });
  }
  (void)file.members();
  (void)file.read<float>("nowhere");
}
