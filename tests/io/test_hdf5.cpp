#include <cmath>
#include <cstdint>
#include <fstream>
#include <unroll/io/formats/hdf5.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_hdf5 {

using namespace unroll;

namespace {

const std::filesystem::path by_h5py = std::filesystem::path(UNROLL_TEST_DATA) / "io/h5py_lzf.h5";

/// Writer of files of any element type, contiguous or in compressed chunks.
class Writer {
 public:
  explicit Writer(const std::filesystem::path& path)
      : file_(H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose) {}

  template <class T>
  void write(const char* name, std::vector<hsize_t> sizes, const std::vector<T>& values, hid_t stored,
             bool packed = false) {
    const Handle space(H5Screate_simple(int(sizes.size()), sizes.data(), nullptr), H5Sclose);
    const Handle how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    if (packed) {
      std::vector<hsize_t> chunk(sizes.size(), 2);
      H5Pset_chunk(how, int(chunk.size()), chunk.data());
      H5Pset_deflate(how, 6);
    }
    const Handle data(H5Dcreate2(file_, name, stored, space, H5P_DEFAULT, how, H5P_DEFAULT), H5Dclose);
    H5Dwrite(data, detail::hdf5_type<T>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }
  /// One compressed chunk of `count` bytes; the filter's parameters declare a size of `said`.
  void write_lzf(const char* name, hsize_t count, const std::vector<std::byte>& packed, unsigned said) {
    write_lzf(name, count, packed, {4, 0x106, said});
  }
  void write_lzf(const char* name, hsize_t count, const std::vector<std::byte>& packed,
                 const std::vector<unsigned>& values) {
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose), how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    const H5Z_class2_t filter{H5Z_CLASS_T_VERS, 32000, 1, 1, "lzf", nullptr, nullptr, detail::hdf5_lzf};
    H5Zregister(&filter);  // a dataset needs a filter that can also compress
    H5Pset_chunk(how, 1, &count);
    H5Pset_filter(how, 32000, H5Z_FLAG_OPTIONAL, values.size(), values.data());
    const Handle data(H5Dcreate2(file_, name, H5T_STD_I8LE, space, H5P_DEFAULT, how, H5P_DEFAULT), H5Dclose);
    const hsize_t first = 0;
    H5Dwrite_chunk(data, H5P_DEFAULT, 0, &first, packed.size(), packed.data());
  }
  void write_text(const char* name) {
    const Handle space(H5Screate(H5S_SCALAR), H5Sclose);
    H5Dclose(H5Dcreate2(file_, name, H5T_C_S1, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  /// An extent without values, which takes no space in the file.
  void declare(const char* name, hid_t type, hsize_t extent) {
    const Handle space(H5Screate_simple(1, &extent, nullptr), H5Sclose), how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    const hsize_t chunk = 1;
    H5Pset_chunk(how, 1, &chunk);
    H5Dclose(H5Dcreate2(file_, name, type, space, H5P_DEFAULT, how, H5P_DEFAULT));
  }
  /// Zeros of type uint8, compressed by gzip.
  void write_zeros(const char* name, hsize_t extent, hsize_t chunk) {
    const Handle space(H5Screate_simple(1, &extent, nullptr), H5Sclose), how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_chunk(how, 1, &chunk);
    H5Pset_deflate(how, 6);
    const Handle data(H5Dcreate2(file_, name, H5T_STD_U8LE, space, H5P_DEFAULT, how, H5P_DEFAULT), H5Dclose);
    const std::vector<unsigned char> zeros(extent, 0);
    H5Dwrite(data, H5T_NATIVE_UINT8, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data());
  }
  /// A type without a value, as h5py.Empty.
  void write_nothing(const char* name) {
    const Handle space(H5Screate(H5S_NULL), H5Sclose);
    H5Dclose(H5Dcreate2(file_, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  }
  void write_enumerated(const char* name, std::vector<std::pair<const char*, signed char>> members,
                        std::vector<signed char> values) {
    const Handle type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
    for (const auto& [word, value] : members) H5Tenum_insert(type, word, &value);
    const hsize_t count = values.size();
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
    const Handle data(H5Dcreate2(file_, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose);
    H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
  }
  void group(const char* name) { H5Gclose(H5Gcreate2(file_, name, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT)); }

 private:
  using Handle = detail::Hdf5Handle;
  Handle file_;
};

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_bytes(const std::filesystem::path& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary) << bytes;
}

std::vector<std::byte> stream_of(std::initializer_list<int> bytes) {
  std::vector<std::byte> all;
  for (const int byte : bytes) all.push_back(std::byte(byte));
  return all;
}

}  // namespace

TEST_CASE("hdf5: numbers of any type and byte order are read as the requested type", "[hdf5]") {
  const support::TemporaryFolder folder;
  {
    Writer writer(folder.path / "x.h5");
    writer.write("floats", {2, 3}, std::vector<double>{1, 2.5, -3, 4, 5, 6}, H5T_IEEE_F64BE);
    writer.write("whole", {3}, std::vector<int>{1, -2, 70000}, H5T_STD_I32BE, true);
    writer.write("cube", {2, 2, 2}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7}, H5T_IEEE_F32LE, true);
    writer.write("none", {0, 3}, std::vector<float>{}, H5T_IEEE_F32LE);
  }
  const Hdf5File file(folder.path / "x.h5");
  CHECK(file.names() == std::vector<std::string>{"cube", "floats", "none", "whole"});
  CHECK(file.read<float>("floats") == std::vector<float>{1, 2.5, -3, 4, 5, 6});
  CHECK(file.matrix<double>("/floats") == (MatrixX<double>(2, 3) << 1, 2.5, -3, 4, 5, 6).finished());
  CHECK(file.read<std::int64_t>("whole") == std::vector<std::int64_t>{1, -2, 70000});
  CHECK(file.read<int>("cube") == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7});
  CHECK(file.read<float>("cube", 1, 1) == std::vector<float>{4, 5, 6, 7});
  CHECK(file.read<float>("none").empty());
  CHECK(file.shape("cube").sizes == std::vector<Index>{2, 2, 2});
  CHECK(file.shape("floats").type == "float64");
  CHECK(file.has("cube"));
  CHECK_FALSE(file.has("cub"));
}

TEST_CASE("hdf5: refuses numbers that the requested type cannot hold", "[hdf5]") {
  const support::TemporaryFolder folder;
  Writer(folder.path / "x.h5").write("x", {2}, std::vector<double>{1, 70000.5}, H5T_IEEE_F64LE);
  const Hdf5File file(folder.path / "x.h5");
  CHECK_THROWS_MATCHES(file.read<int>("x"), ValueError,
                       says("'x': every number must fit in int32, got a larger or fractional float64"));
  CHECK(file.read<float>("x")[1] == 70000.5f);
}

TEST_CASE("hdf5: refuses numbers above the largest of a smaller type, but reads infinity", "[hdf5]") {
  const support::TemporaryFolder folder;
  {
    Writer writer(folder.path / "x.h5");
    writer.write("large", {2}, std::vector<double>{1, -1e300}, H5T_IEEE_F64LE);
    writer.write("infinite", {3}, std::vector<double>{HUGE_VAL, 1, -HUGE_VAL}, H5T_IEEE_F64LE);
    writer.write("other order", {3}, std::vector<double>{HUGE_VAL, 1, -HUGE_VAL}, H5T_IEEE_F64BE);
  }
  const Hdf5File file(folder.path / "x.h5");
  CHECK_THROWS_MATCHES(file.read<float>("large"), ValueError,
                       says("'large': every number must fit in float32, got a larger or fractional float64"));
  CHECK(file.read<double>("large")[1] == -1e300);
  for (const char* name : {"infinite", "other order"})
    CHECK(file.read<float>(name) == std::vector<float>{HUGE_VALF, 1, -HUGE_VALF});
}

TEST_CASE("hdf5: numbers that are compressed by a factor of 1000 are read as a wider type", "[hdf5]") {
  const support::TemporaryFolder folder;
  Writer(folder.path / "x.h5").write_zeros("x", 9'000'000, 1'000'000);
  const Hdf5File file(folder.path / "x.h5");
  const auto numbers = file.read<double>("x");  // 72 MB from a file of about 10 kB
  CHECK(numbers.size() == 9'000'000);
  CHECK(numbers.back() == 0);
}

TEST_CASE("hdf5: refuses integers that a floating-point type would round", "[hdf5]") {
  const support::TemporaryFolder folder;
  const std::int64_t exact = std::int64_t(1) << 53, odd = exact + 1;
  Writer(folder.path / "x.h5").write("x", {2}, std::vector<std::int64_t>{exact, odd}, H5T_STD_I64LE);
  const Hdf5File file(folder.path / "x.h5");
  CHECK(file.read<double>("x", 0, 1) == std::vector<double>{double(exact)});
  CHECK(file.read<std::int64_t>("x")[1] == odd);
  CHECK_THROWS_MATCHES(file.read<double>("x"), ValueError,
                       says("every number must fit in float64, got a larger or fractional int64"));
}

TEST_CASE("hdf5: booleans and enumerations are read as numbers, an empty dataset as none", "[hdf5]") {
  const support::TemporaryFolder folder;
  {
    Writer writer(folder.path / "x.h5");
    writer.write_enumerated("truth", {{"FALSE", 0}, {"TRUE", 1}}, {1, 0, 1});
    writer.write_enumerated("activity", {{"walk", 3}, {"run", 7}}, {7, 3});
    writer.write_enumerated("answer", {{"FALSE", 0}, {"TRUE", 1}, {"UNKNOWN", 2}}, {2, 0});
    writer.write_nothing("nothing");
  }
  const Hdf5File file(folder.path / "x.h5");
  CHECK(file.shape("truth").type == "bool");
  CHECK(file.read<float>("truth") == std::vector<float>{1, 0, 1});
  CHECK(file.read<int>("truth") == std::vector<int>{1, 0, 1});
  CHECK(file.shape("activity").type == "enumerated int8");
  CHECK(file.read<double>("activity") == std::vector<double>{7, 3});
  CHECK(file.shape("answer").type == "enumerated int8");  // three values are not a bool
  CHECK(file.read<double>("answer") == std::vector<double>{2, 0});
  CHECK(file.shape("nothing").sizes == std::vector<Index>{0});
  CHECK(file.read<float>("nothing").empty());
  CHECK_THROWS_AS(file.matrix<float>("nothing"), ShapeError);
}

TEST_CASE("hdf5: refuses sizes that the file cannot hold before memory is allocated", "[hdf5]") {
  const support::TemporaryFolder folder;
  {
    Writer writer(folder.path / "x.h5");
    const detail::Hdf5Handle ragged(H5Tvlen_create(H5T_IEEE_F32LE), H5Tclose);
    writer.declare("ragged", ragged, 2'000'000'000);
    writer.declare("more ragged", ragged, hsize_t(1) << 62);
    writer.declare("numbers", H5T_IEEE_F32LE, hsize_t(1) << 40);
    writer.declare("few", H5T_IEEE_F32LE, 1000);
  }
  const Hdf5File file(folder.path / "x.h5");
  CHECK_THROWS_MATCHES(file.ragged<float>("ragged"), FileError, says("entries, got 2000000000"));
  CHECK_THROWS_MATCHES(file.ragged<float>("more ragged"), FileError, says("bytes must have at most "));
  CHECK_THROWS_MATCHES(file.read<float>("numbers"), FileError, says("entries, got 1099511627776"));
  CHECK(file.read<float>("few") == std::vector<float>(1000, 0.f));
}

TEST_CASE("hdf5: reads datasets that h5py compressed with LZF", "[hdf5]") {
  const Hdf5File file(by_h5py);
  CHECK(file.names() == std::vector<std::string>{"kernel", "pv_loc", "shuffled"});
  CHECK(file.shape("kernel").type == "float16");
  const MatrixX<float> kernel = file.matrix<float>("kernel");
  CHECK(kernel(1, 6) == 1.25f);
  CHECK(std::isinf(kernel(1, 8)));
  CHECK(std::isnan(kernel(0, 3)));
  for (Index k = 0; k < 40; ++k) CHECK(kernel(2, k) == float(k % 7));
  const auto shuffled = file.read<int>("shuffled");
  for (int k = 0; k < 40; ++k) CHECK(shuffled[std::size_t(k)] == k);
}

TEST_CASE("hdf5: reads arrays of different lengths", "[hdf5]") {
  const Hdf5File file(by_h5py);
  CHECK(file.shape("pv_loc").type == "ragged float32");
  CHECK(file.ragged<double>("pv_loc") == std::vector<std::vector<double>>{{1.5, 2.5}, {}, {7}});
  CHECK_THROWS_MATCHES(file.ragged<float>("kernel"), ShapeError, says("different lengths, got float16 [3, 40]"));
  CHECK_THROWS_MATCHES(file.read<float>("pv_loc"), FileError,
                       says("the dataset must have numbers, got ragged float32"));
}

TEST_CASE("hdf5: an error message names the file, the dataset and the defect", "[hdf5]") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "x.h5";
  {
    Writer writer(path);
    writer.write("kernel", {4, 8}, std::vector<float>(32, 1.f), H5T_IEEE_F32LE, true);
    writer.write_text("title");
    writer.group("more");
  }
  const Hdf5File file(path);
  CHECK_THROWS_MATCHES(file.read<float>("pv"), FileError,
                       says("x.h5: no dataset 'pv'; the file has 'kernel', 'title'"));
  CHECK_THROWS_MATCHES(file.read<float>("more"), FileError, says("'more': is not a dataset"));
  CHECK_THROWS_MATCHES(file.read<float>("title"), FileError, says("'title': the dataset must have numbers, got text"));
  CHECK_THROWS_MATCHES(file.read<float>("kernel", 3, 2), ShapeError, says("got 2 entries from 3"));
  CHECK_THROWS_MATCHES(Hdf5File(folder.path / "y.h5"), FileError, says("y.h5: no such file"));
  CHECK_THROWS_MATCHES(Hdf5File(folder.path), FileError, says("must be a file, got a folder"));
  write_bytes(folder.path / "text.h5", "not at all");
  CHECK_THROWS_MATCHES(Hdf5File(folder.path / "text.h5"), FileError, says("text.h5: must be an HDF5 file"));
}

TEST_CASE("hdf5: refuses truncated files", "[hdf5]") {
  const support::TemporaryFolder folder;
  const std::string whole = bytes_of(by_h5py);
  const auto path = folder.path / "cut.h5";
  for (std::size_t size = 0; size < whole.size(); size += 97) {
    write_bytes(path, whole.substr(0, size));
    CHECK_THROWS_AS(Hdf5File(path), FileError);
  }
}

TEST_CASE("hdf5: refuses a damaged LZF chunk with the name of its dataset", "[hdf5]") {
  const support::TemporaryFolder folder;
  const std::vector<std::byte> good = stream_of({3, 1, 2, 3, 4, 0x40, 3}), bad = stream_of({3, 1, 2, 3, 4, 0x40, 9});
  {
    Writer writer(folder.path / "x.h5");
    writer.write_lzf("good", 8, good, 8);
    writer.write_lzf("bad", 8, bad, 8);
    writer.write_lzf("huge", 4000, good, 4000);
  }
  const Hdf5File file(folder.path / "x.h5");
  CHECK(file.read<int>("good") == std::vector<int>{1, 2, 3, 4, 1, 2, 3, 4});
  CHECK_THROWS_MATCHES(file.read<int>("bad"), FileError, says("'bad': cannot be read; the file may be damaged ("));
  CHECK_THROWS_MATCHES(file.read<int>("huge"), FileError, says("'huge': cannot be read"));
}

TEST_CASE("hdf5: refuses LZF chunks that unpack to another size than that of a chunk", "[hdf5]") {
  const support::TemporaryFolder folder;
  const std::vector<std::byte> four = stream_of({3, 1, 2, 3, 4});
  {
    Writer writer(folder.path / "x.h5");
    writer.write_lzf("whole", 4, four, 4);
    writer.write_lzf("short", 8, four, 8);    // the rest would be uninitialised memory
    writer.write_lzf("small", 400, four, 4);  // libhdf5 would read 400 bytes of 4
    writer.write_lzf("large", 4, four, 8);
    writer.write_lzf("silent", 400, four, std::vector<unsigned>{4, 0x106});
  }
  const Hdf5File file(folder.path / "x.h5");
  CHECK(file.read<int>("whole") == std::vector<int>{1, 2, 3, 4});
  CHECK_THROWS_MATCHES(file.read<int>("short"), FileError, says("'short': cannot be read; the file may be damaged ("));
  for (const char* name : {"small", "large", "silent"})
    CHECK_THROWS_MATCHES(file.read<int>(name), FileError, says("the LZF filter must unpack to the bytes of a chunk"));
}

TEST_CASE("lzf: refuses a stream that refers to bytes outside its buffers", "[hdf5]") {
  std::vector<std::byte> out(8);
  CHECK(detail::unpack_lzf(stream_of({1, 7, 8, 0x40, 1}), out) == 6);  // two literal bytes, then four from distance 2
  CHECK(std::to_integer<int>(out[4]) == 7);
  CHECK(std::to_integer<int>(out[5]) == 8);
  CHECK_FALSE(detail::unpack_lzf(stream_of({1, 7}), out));                 // fewer literal bytes than declared
  CHECK_FALSE(detail::unpack_lzf(stream_of({0x40}), out));                 // no distance
  CHECK_FALSE(detail::unpack_lzf(stream_of({0xe0, 1}), out));              // no distance after a long length
  CHECK_FALSE(detail::unpack_lzf(stream_of({1, 7, 8, 0x40, 2}), out));     // before the start of the output
  CHECK_FALSE(detail::unpack_lzf(stream_of({1, 7, 8, 0xe0, 9, 0}), out));  // exceeds the output
  CHECK_FALSE(detail::unpack_lzf(stream_of({1, 7, 8, 5, 1, 2, 3, 4, 5, 6, 1, 9, 9}), out));
}

}  // namespace test_hdf5
