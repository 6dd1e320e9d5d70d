// Links to other files and storage in them, made by libhdf5.

#include <array>
#include <fstream>
#include <string>
#include <unroll/io/formats/hdf5_writer.hpp>
#include <unroll/io/keras/keras.hpp>
#include <vector>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_hdf5_links {

using namespace unroll;

namespace {

using Handle = detail::Hdf5Handle;
using Kind = Hdf5Member::Kind;
constexpr const char* refused_link = "must be in this file, got a link to another file, which is not followed";
constexpr const char* refused_storage = "the numbers must be in this file, got storage in other files";

Handle file_at(const std::filesystem::path& path, bool create) {
  const std::string name = path.string();
  return {create ? H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT)
                 : H5Fopen(name.c_str(), H5F_ACC_RDWR, H5P_DEFAULT),
          H5Fclose};
}

/// File with a group "g", a dataset "g/x" and an attribute "g/a".
void write_secret(const std::filesystem::path& path) {
  Hdf5Writer to;
  const std::vector<float> values{7, 8};
  to.add("g/x", std::span<const float>(values), {2});
  to.add_attribute("g", "a", "secret");
  to.write(path);
}

Handle dataset(hid_t file, const char* name, hid_t how) {
  const hsize_t two = 2;
  const Handle space(H5Screate_simple(1, &two, nullptr), H5Sclose);
  return {H5Dcreate2(file, name, H5T_IEEE_F32LE, space, H5P_DEFAULT, how, H5P_DEFAULT), H5Dclose};
}

}  // namespace

TEST_CASE("hdf5: links to other files are refused and not followed") {
  const support::TemporaryFolder folder;
  const std::string secret = (folder.path / "secret.h5").string();
  write_secret(secret);
  {
    const Handle file = file_at(folder.path / "a.h5", true);
    H5Lcreate_external(secret.c_str(), "/g/x", file, "x", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external(secret.c_str(), "/g", file, "g", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_external("nowhere.h5", "/", file, "nowhere", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/g/x", file, "soft", H5P_DEFAULT, H5P_DEFAULT);
    H5Lcreate_soft("/own", file, "inside", H5P_DEFAULT, H5P_DEFAULT);
    const Handle own = dataset(file, "own", H5P_DEFAULT);
    const std::array<float, 2> values{1, 2};
    H5Dwrite(own, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data());
    REQUIRE(H5Oexists_by_name(file, "soft", H5P_DEFAULT) > 0);  // libhdf5 follows them
  }
  const Hdf5File file(folder.path / "a.h5");
  CHECK(file.names() == std::vector<std::string>{"inside", "own"});
  for (const Hdf5Member& member : file.members())
    CHECK(member.kind == (member.name == "own" || member.name == "inside" ? Kind::dataset : Kind::other));
  CHECK(file.read<float>("inside") == std::vector<float>{1, 2});
  for (const char* name : {"x", "g/x", "soft", "nowhere"}) {
    INFO(name);
    CHECK_THROWS_MATCHES(file.read<float>(name), FileError, says(text(", '", name, "': ", refused_link)));
    CHECK_THROWS_MATCHES(file.shape(name), FileError, says(refused_link));
    CHECK_THROWS_MATCHES(file.has(name), FileError, says(refused_link));
    CHECK_THROWS_MATCHES(file.members(name), FileError, says(refused_link));
  }
  CHECK_THROWS_MATCHES(file.has_attribute("g", "a"), FileError, says(refused_link));
  CHECK_THROWS_MATCHES(file.text_attribute("g", "a"), FileError, says(refused_link));
  CHECK_THROWS_MATCHES(file.number_attribute<int>("g", "a"), FileError, says(refused_link));
}

TEST_CASE("hdf5: storage in other files is refused") {
  const support::TemporaryFolder folder;
  write_secret(folder.path / "secret.h5");
  const std::string raw = (folder.path / "raw").string(), secret = (folder.path / "secret.h5").string();
  std::ofstream(raw) << "01234567";
  {
    const Handle file = file_at(folder.path / "a.h5", true);
    const Handle external(H5Pcreate(H5P_DATASET_CREATE), H5Pclose), virtually(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    H5Pset_external(external, raw.c_str(), 0, 8);
    const hsize_t two = 2;
    const Handle space(H5Screate_simple(1, &two, nullptr), H5Sclose);
    H5Pset_virtual(virtually, space, secret.c_str(), "/g/x", space);
    const Handle first = dataset(file, "external", external), second = dataset(file, "virtual", virtually);
    std::array<float, 2> values{};
    REQUIRE(H5Dread(second, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) >= 0);
    REQUIRE(values[1] == 8);
  }
  const Hdf5File file(folder.path / "a.h5");
  for (const char* name : {"external", "virtual"}) {
    CHECK_THROWS_MATCHES(file.read<float>(name), FileError, says(text(", '", name, "': ", refused_storage)));
    CHECK_THROWS_MATCHES(file.shape(name), FileError, says(refused_storage));
  }
}

TEST_CASE("keras: weights in other files are refused") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "model.h5", whole = folder.path / "whole.h5";
  const auto source = std::filesystem::path(UNROLL_TEST_DATA) / "io/data/keras";
  std::filesystem::path found;
  for (const auto& entry : std::filesystem::directory_iterator(source))
    if (entry.path().extension() == ".h5" && (found.empty() || entry.path() < found)) found = entry.path();
  REQUIRE(!found.empty());
  std::filesystem::copy_file(found, path);
  std::filesystem::copy_file(found, whole);
  CHECK_NOTHROW(open_keras<float>(path));
  {
    const Handle file = file_at(path, false);
    const char* const group = H5Lexists(file, "model_weights", H5P_DEFAULT) > 0 ? "model_weights" : "layers";
    REQUIRE(H5Ldelete(file, group, H5P_DEFAULT) >= 0);
    H5Lcreate_external(whole.string().c_str(), group, file, group, H5P_DEFAULT, H5P_DEFAULT);
  }
  CHECK_THROWS_MATCHES(open_keras<float>(path), FileError, says(refused_link));
}

}  // namespace test_hdf5_links
