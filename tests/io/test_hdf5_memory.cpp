// Memory that HDF5 files may require.

#include <array>
#include <fstream>
#include <unroll/io/formats/hdf5.hpp>
#include <unroll/io/input_file.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_hdf5_memory {

using namespace unroll;

namespace {

using Handle = detail::Hdf5Handle;

Handle new_file(const std::filesystem::path& path) {
  return {H5Fcreate(path.string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose};
}

/// Dataset of `size` floats that were never written, in chunks; chunk 0: contiguous.
void add_unwritten(hid_t file, const char* name, hsize_t size, hsize_t chunk, bool packed) {
  const Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose), how(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (chunk > 0) H5Pset_chunk(how, 1, &chunk);
  if (packed) H5Pset_deflate(how, 9);
  const Handle made(H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, how, H5P_DEFAULT), H5Dclose);
  REQUIRE(made >= 0);
}

}  // namespace

TEST_CASE("hdf5: memory of datasets that were never written is limited") {
  const support::TemporaryFolder folder;
  {
    const Handle file = new_file(folder.path / "a.h5");
    add_unwritten(file, "small", 1 << 20, 1000, true);
    for (const bool packed : {false, true}) {
      add_unwritten(file, packed ? "packed" : "plain", 100'000'000, 1000, packed);
      add_unwritten(file, packed ? "packed chunk" : "plain chunk", 100'000'000, 90'000'000, packed);
    }
    add_unwritten(file, "contiguous", 100'000'000, 0, false);
  }
  const Hdf5File file(folder.path / "a.h5");
  CHECK(file.read<float>("small") == std::vector<float>(1 << 20));
  const support::MemoryPeak peak;
  for (const char* name : {"plain", "packed", "contiguous"})
    CHECK_THROWS_MATCHES(file.read<double>(name), FileError,
                         says("bytes must have at most 2097152 entries, got 100000000"));
  for (const char* name : {"plain chunk", "packed chunk"})
    CHECK_THROWS_MATCHES(file.read<float>(name), FileError,
                         says("a chunk must have at most 4194304 entries, got more"));
  CHECK(peak.bytes() < 1'000'000);
  CHECK(file.read<float>("plain", 99'000'000, 10) == std::vector<float>(10));
}

TEST_CASE("hdf5: compressed datasets are read up to the ratio of deflate") {
  const support::TemporaryFolder folder;
  constexpr hsize_t size = 8'000'000, chunk = 1'000'000;
  {
    const Handle file = new_file(folder.path / "a.h5");
    add_unwritten(file, "x", size, chunk, true);
    const Handle data(H5Dopen2(file, "x", H5P_DEFAULT), H5Dclose);
    const std::vector<float> values(size, 0.5f);
    REQUIRE(H5Dwrite(data, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
  }
  CHECK(std::filesystem::file_size(folder.path / "a.h5") < 100'000);
  CHECK(Hdf5File(folder.path / "a.h5").read<float>("x") == std::vector<float>(size, 0.5f));
}

TEST_CASE("hdf5: arrays that are the same bytes of the file do not multiply the memory") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "a.h5";
  constexpr hsize_t count = 4000;
  constexpr std::size_t longest = 50'000;
  haddr_t place = 0;
  {
    const Handle file = new_file(path), type(H5Tvlen_create(H5T_IEEE_F32LE), H5Tclose);
    const Handle space(H5Screate_simple(1, &count, nullptr), H5Sclose);
    const Handle data(H5Dcreate2(file, "x", type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), H5Dclose);
    std::vector<float> values(longest, 1);
    std::vector<hvl_t> arrays(count, hvl_t{1, values.data()});
    arrays[0].len = longest;
    REQUIRE(H5Dwrite(data, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, arrays.data()) >= 0);
    place = H5Dget_offset(data);
  }
  const auto rows = Hdf5File(path).ragged<float>("x");
  CHECK((rows.size() == count && rows[0].size() == longest && rows[count - 1].size() == 1));
  std::string bytes = detail::read_text(path);
  for (std::size_t k = 1; k < count; ++k) bytes.replace(std::size_t(place) + 16 * k, 16, bytes, std::size_t(place), 16);
  std::ofstream(path, std::ios::binary) << bytes;
  const Hdf5File file(path);
  const support::MemoryPeak peak;
  CHECK_THROWS_MATCHES(file.ragged<float>("x"), FileError, says("'x': cannot be read; the file may be damaged"));
  CHECK(peak.bytes() < 64'000'000);
}

}  // namespace test_hdf5_memory
