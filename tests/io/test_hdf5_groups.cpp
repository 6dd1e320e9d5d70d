#include <array>
#include <cstdint>
#include <limits>
#include <unroll/io/formats/hdf5_writer.hpp>
#include <unroll/io/input_file.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_hdf5_groups {

using namespace unroll;

namespace {

using Kind = Hdf5Member::Kind;

template <class T>
void add_values(Hdf5Writer& to, const std::string& name, const std::vector<T>& values,
                const std::vector<Index>& sizes) {
  to.add(name, std::span<const T>(values), sizes);
}

Hdf5Writer example() {
  Hdf5Writer to;
  add_values<float>(to, "layers/dense/vars/0", {1, 2, 3, 4, 5, 6}, {2, 3});
  add_values<double>(to, "layers/dense/vars/1", {0.1}, {});
  add_values<std::int64_t>(to, "numbers", {-1, 1ll << 60}, {2});
  add_values<std::uint8_t>(to, "empty", {}, {0, 4});
  to.add_group("vars");
  to.add_attribute("layers/dense", "name", "dense \xc3\xa9");
  to.add_attribute("/", "names", std::vector<std::string>{"a", "", "ccc"});
  const std::array<std::int32_t, 2> numbers{7, -300};
  to.add_attribute("numbers", "range", std::span<const std::int32_t>(numbers));
  return to;
}

Hdf5File opened(const Hdf5Writer& writer) { return {writer.bytes(), "memory"}; }

}  // namespace

TEST_CASE("hdf5: groups, datasets and attributes are read as written") {
  const Hdf5File file = opened(example());
  const auto members = file.members();
  REQUIRE(members.size() == 4);
  CHECK((members[0].name == "empty" && members[0].kind == Kind::dataset));
  CHECK((members[1].name == "layers" && members[1].kind == Kind::group));
  CHECK(file.members("layers/dense/vars").size() == 2);
  CHECK(file.members("vars").empty());
  CHECK(file.names() == std::vector<std::string>{"empty", "numbers"});
  CHECK(file.has("layers/dense/vars/1"));
  CHECK(file.matrix<float>("layers/dense/vars/0")(1, 0) == 4);
  CHECK(file.read<double>("layers/dense/vars/1") == std::vector<double>{0.1});
  CHECK(file.read<std::int64_t>("numbers") == std::vector<std::int64_t>{-1, 1ll << 60});
  CHECK(file.shape("empty").sizes == std::vector<Index>{0, 4});
  CHECK(file.text_attribute("layers/dense", "name") == std::vector<std::string>{"dense \xc3\xa9"});
  CHECK(file.text_attribute("/", "names") == std::vector<std::string>{"a", "", "ccc"});
  CHECK(file.number_attribute<int>("numbers", "range") == std::vector<int>{7, -300});
  CHECK(file.number_attribute<double>("numbers", "range") == std::vector<double>{7, -300});
  CHECK(file.has_attribute("/", "names"));
  CHECK_FALSE(file.has_attribute("layers", "name"));
  CHECK_FALSE(file.has_attribute("no such group", "name"));
}

TEST_CASE("hdf5: a file in memory and the file on the disk have equal bytes") {
  const support::TemporaryFolder folder;
  example().write(folder.path / "a.h5");
  const std::string bytes = detail::read_text(folder.path / "a.h5");
  const auto again = example().bytes();
  REQUIRE(bytes.size() == again.size());
  CHECK(std::ranges::equal(std::as_bytes(std::span(bytes)), again));
  CHECK(Hdf5File(folder.path / "a.h5").names() == opened(example()).names());
}

TEST_CASE("hdf5: several files in memory are independent") {
  Hdf5Writer a, b;
  add_values<float>(a, "x", {1}, {1});
  add_values<float>(b, "x", {2}, {1});
  const Hdf5File first(a.bytes(), "same"), second(b.bytes(), "same");
  CHECK(first.read<float>("x") == std::vector<float>{1});
  CHECK(second.read<float>("x") == std::vector<float>{2});
}

TEST_CASE("hdf5: text attributes of one length are cut at their padding") {
  const support::TemporaryFolder folder;
  {
    const detail::Hdf5Handle file(
        H5Fcreate((folder.path / "a.h5").string().c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    const hsize_t two = 2;
    const detail::Hdf5Handle space(H5Screate_simple(1, &two, nullptr), H5Sclose);
    for (const auto& [name, pad] : {std::pair("zeros", H5T_STR_NULLPAD), std::pair("blanks", H5T_STR_SPACEPAD)}) {
      const detail::Hdf5Handle type(H5Tcopy(H5T_C_S1), H5Tclose);
      H5Tset_size(type, 4);
      H5Tset_strpad(type, pad);
      const detail::Hdf5Handle attribute(H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
      H5Awrite(attribute, type, pad == H5T_STR_NULLPAD ? "ab\0\0cdef" : "ab  cdef");
    }
  }
  const Hdf5File file(folder.path / "a.h5");
  CHECK(file.text_attribute("/", "zeros") == std::vector<std::string>{"ab", "cdef"});
  CHECK(file.text_attribute("/", "blanks") == std::vector<std::string>{"ab", "cdef"});
}

TEST_CASE("hdf5: missing objects and wrong types are refused with their names") {
  const Hdf5File file = opened(example());
  CHECK_THROWS_MATCHES(file.members("nowhere"), FileError, says("memory, 'nowhere': there is no such group"));
  CHECK_THROWS_AS(file.members("numbers"), FileError);
  CHECK_THROWS_MATCHES(file.text_attribute("layers", "name"), FileError,
                       says("memory, 'layers', attribute 'name': there is no such attribute"));
  CHECK_THROWS_MATCHES(file.text_attribute("numbers", "range"), FileError, says("must be text, got int32"));
  CHECK_THROWS_MATCHES(file.number_attribute<float>("/", "names"), FileError, says("must have numbers, got text"));
  CHECK_THROWS_MATCHES(file.number_attribute<std::uint8_t>("numbers", "range"), ValueError,
                       says("every number must fit in uint8"));
  CHECK_THROWS_MATCHES(file.read<float>("layers"), FileError, says("is not a dataset"));
}

TEST_CASE("hdf5: damaged content in memory is refused") {
  const auto bytes = example().bytes();
  CHECK_THROWS_MATCHES(Hdf5File({}, "x"), FileError, says("x: must be a complete HDF5 file"));
  const std::array<std::byte, 40> zeros{};
  CHECK_THROWS_AS(Hdf5File(zeros, "x"), FileError);
  CHECK_THROWS_AS(Hdf5File(std::span(bytes).first(bytes.size() / 2), "x"), FileError);
}

TEST_CASE("hdf5: the writer refuses names in use and wrong numbers of values") {
  Hdf5Writer to = example();
  CHECK_THROWS_MATCHES(to.add_group("vars"), ValueError, says("HDF5: the name 'vars' must be new, got it twice"));
  CHECK_THROWS_MATCHES(to.add_group(""), ValueError, says("must have letters, got none"));
  CHECK_THROWS_MATCHES(add_values<float>(to, "new", {1, 2}, {3}), ShapeError,
                       says("'new' must have 3 values for its sizes, got 2"));
  CHECK_THROWS_MATCHES(add_values<float>(to, "numbers/inside", {1}, {1}), FileError, says("cannot be written"));
  CHECK_THROWS_MATCHES(to.add_attribute("nowhere", "a", "b"), ValueError, says("there is no 'nowhere'"));
  CHECK_THROWS_MATCHES(to.add_attribute("/", "names", "b"), ValueError, says("must be new, got it twice"));
  CHECK(opened(to).members().size() == 4);
}

}  // namespace test_hdf5_groups
