#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <unroll/io/formats/npz.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_npy {

using namespace unroll;

namespace {

const std::filesystem::path golden = std::filesystem::path(UNROLL_TEST_DATA) / "golden/npy";

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// .npy file of version 1 with this dictionary and data.
std::string npy_with(const std::string& dictionary, const std::string& data) {
  std::string file("\x93NUMPY\1\0", 8);
  file += static_cast<char>(dictionary.size() & 0xff);
  file += static_cast<char>(dictionary.size() >> 8);
  return file + dictionary + data;
}
std::string dictionary_of(const std::string& descr, const std::string& shape) {
  return "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }\n";
}

/// Compares a number with JSON, where values that are not finite are strings.
void check_value(double got, const nlohmann::json& want) {
  if (want == "nan") {
    CHECK(std::isnan(got));
  } else {
    const double value =
        want.is_string() ? (want == "inf" ? 1 : -1) * std::numeric_limits<double>::infinity() : want.get<double>();
    CHECK(got == value);
    CHECK(std::signbit(got) == std::signbit(value));
  }
}

void check_array(const Tensor& got, const nlohmann::json& want) {
  CHECK(got.shape == want.at("shape").get<std::vector<Index>>());
  const auto values = got.to<double>();
  REQUIRE(values.size() == want.at("values_row_major").size());
  for (std::size_t i = 0; i < values.size(); ++i) check_value(values[i], want.at("values_row_major")[i]);
}

std::string from_hex(std::string_view digits) {
  std::string bytes;
  for (; !digits.empty(); digits.remove_prefix(2)) {
    bytes += static_cast<char>(std::stoi(std::string(digits.substr(0, 2)), nullptr, 16));
  }
  return bytes;
}

std::string inflated(std::string_view hex, std::size_t size) {
  const std::string packed = from_hex(hex);
  const auto bytes = detail::inflate(bytes_of(packed), size, "test");
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// Whether `read` accepts the bytes, or refuses them with a message of less than 1000 characters.
template <class Read>
bool sound(const std::string& bytes, Read read) {
  try {
    read(bytes);
  } catch (const Error& error) {
    return std::string_view(error.what()).size() < 1000;
  }
  return true;
}

}  // namespace

TEST_CASE("npy: reference files are read exactly or refused, as by NumPy") {
  const auto index = nlohmann::json::parse(detail::read_text(golden / "index.json"));
  int read = 0, refused = 0;
  for (const auto& entry : index.at("cases")) {
    const auto path = golden.parent_path() / entry.at("file").get<std::string>();
    INFO(path.filename() << ": " << entry.at("desc"));
    const bool several = path.extension() == ".npz";
    // Bytes after the data are refused, although NumPy ignores them: nothing describes their content.
    if (entry.at("valid") != "accept") {
      if (several) {
        CHECK_THROWS_MATCHES(read_npz(path), FileError, says(path.string()));
      } else {
        CHECK_THROWS_MATCHES(read_npy(path), FileError, says(path.string()));
      }
      ++refused;
    } else if (several) {
      const auto arrays = read_npz(path);
      REQUIRE(arrays.size() == entry.at("expect").size());
      for (const auto& [name, want] : entry.at("expect").items()) check_array(arrays.at(name), want);
      ++read;
    } else {
      const Tensor array = read_npy(path);
      if (entry.contains("expect")) check_array(array, entry.at("expect"));
      ++read;
    }
  }
  CHECK(read == 26);
  CHECK(refused == 16);
}

TEST_CASE("npy: reads a shape of one dimension") {
  CHECK(read_npy(golden / "one_dim.npy").shape == std::vector<Index>{7});
}

TEST_CASE("npy: unsigned numbers of 16 and 32 bits become the next larger signed type") {
  const std::string three("\xff\xff\0\0\1\0", 6);
  const Tensor small = parse_npy(bytes_of(npy_with(dictionary_of("<u2", "(3,)"), three)));
  CHECK(small.dtype == DType::I32);
  CHECK(small.to<int>() == std::vector<int>{65535, 0, 1});
  CHECK(read_npy(golden / "dtype_le_u4.npy").dtype == DType::I64);
  CHECK(read_npy(golden / "dtype_u1.npy").dtype == DType::U8);
  const std::string too_large("\0\0\0\0\0\0\0\x80", 8);
  CHECK_THROWS_MATCHES(parse_npy(bytes_of(npy_with(dictionary_of("<u8", "()"), too_large))), FileError,
                       says("element 0 must be at most 2^63 - 1, got 9223372036854775808"));
}

TEST_CASE("npy: elements may begin at any byte, as in old files") {
  for (std::size_t blanks = 0; blanks < 70; ++blanks) {
    const std::string dictionary =
        "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }" + std::string(blanks, ' ');
    CHECK(parse_npy(bytes_of(npy_with(dictionary + "\n", "\7\x9"))).to<int>() == std::vector<int>{7, 9});
  }
}

TEST_CASE("npy: reads Fortran order of three dimensions") {
  // Element (i, j, k) of shape (2, 3, 2) is 100 i + 10 j + k; the first index is the fastest in the file.
  std::string data;
  for (int k = 0; k < 2; ++k)
    for (int j = 0; j < 3; ++j)
      for (int i = 0; i < 2; ++i) data += static_cast<char>(100 * i + 10 * j + k);
  const Tensor tensor =
      parse_npy(bytes_of(npy_with("{'shape': (2, 3, 2), \"fortran_order\":True,'descr':'|i1'}", data)));
  CHECK(tensor.shape == std::vector<Index>{2, 3, 2});
  CHECK(tensor.to<int>() == std::vector<int>{0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121});
}

TEST_CASE("npy: refuses an invalid header with its defect") {
  const std::string eight(8, '\0');
  const auto refuses = [&](const std::string& dictionary, const std::string& words) {
    INFO(dictionary);
    CHECK_THROWS_MATCHES(parse_npy(bytes_of(npy_with(dictionary, eight)), "x.npy"), FileError, says(words));
  };
  refuses(dictionary_of("<f8", "(1)"), "a tuple such as (2, 3) for 'shape'");
  refuses(dictionary_of("<f8", "(1, 0x1)"), "a tuple such as (2, 3) for 'shape'");
  refuses(dictionary_of("<f8", "(-1,)"), "whole numbers from 0");
  refuses(dictionary_of("<f8", "(9223372036854775808,)"), "whole numbers from 0");
  refuses(dictionary_of("<f8", "(9223372036854775807, 2)"),
          "a shape that fits in memory, got [9223372036854775807, 2]");
  refuses(dictionary_of("<f8", "(1,) + (1,)"), "must have ',' or '}' after an entry");
  refuses(dictionary_of("<c8", "(1,)"), "f8 or b1, got '<c8'");
  refuses(dictionary_of("|f8", "(1,)"), "f8 or b1, got '|f8'");
  refuses(dictionary_of("f8", "(1,)"), "f8 or b1, got 'f8'");
  refuses(dictionary_of("", "(1,)"), "f8 or b1, got ''");
  refuses(dictionary_of("|O", "(1,)"), "Python objects");
  refuses("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,)}", "must describe one field");
  refuses("{'descr': '<f8', 'descr': '<f8'}", "must have 'descr' once, got it twice");
  refuses("{'descr': '<f8', 'shape': (1,)}", "must have the keys");
  refuses("{'descr': '<f8', 'fortran_order': 0, 'shape': (1,)}", "must have True or False for 'fortran_order'");
  refuses(dictionary_of("<f8", "(1,)") + "import os", "must end after the dictionary");
  refuses("{'descr': '<f8", "must have a closing quote");
  refuses(dictionary_of("<f8", "(2,)"), "the data must have 16 bytes for the shape [2], got 8");
  refuses(dictionary_of("<f4", "(1,)"), "the data must have 4 bytes for the shape [1], got 8");
  std::string deep = "(";
  for (int k = 0; k < 33; ++k) deep += "1,";
  refuses(dictionary_of("<f8", deep + ")"), "at most 32 dimensions");
}

TEST_CASE("npy: written arrays are restored") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "x.npy";
  const auto survives = [&](const Tensor& tensor) {
    write_npy(path, tensor);
    const Tensor again = read_npy(path);
    CHECK(again.dtype == tensor.dtype);
    CHECK(again.shape == tensor.shape);
    CHECK(again.bytes == tensor.bytes);
    CHECK((std::filesystem::file_size(path) - tensor.bytes.size()) % 64 == 0);
  };
  survives(Tensor::of(std::vector<float>{1, -2, NAN, 4, 5, 6}, {3, 2}));
  survives(Tensor::of(std::vector<double>{2.5}, {}));
  survives(Tensor::of(std::vector<std::int64_t>{1, 2, 3}, {3}));
  survives(Tensor::of(std::vector<std::int32_t>{}, {0, 3}));
  survives(Tensor::of(std::vector<std::int16_t>{-1, 1}, {1, 2, 1}));
  survives(Tensor::of(std::vector<std::int8_t>{-1, 1}, {2, 1}));
  survives(Tensor::of(std::vector<std::uint8_t>{255}, {1}));
  survives(Tensor{DType::BOOL, {2}, {std::byte{0}, std::byte{1}}});
  survives(Tensor::of(std::vector<Eigen::half>{Eigen::half(1.5f)}, {1}));
  std::vector<Index> shape{0};  // headers of every length
  for (Index n = 1; n < 100'000'000; n *= 10) survives(Tensor{DType::U8, {0, n}, {}});
  while (shape.size() < 32) shape.push_back(1), survives(Tensor{DType::F64, shape, {}});
  CHECK_THROWS_MATCHES(write_npy(path, Tensor::of(std::vector<Eigen::bfloat16>{Eigen::bfloat16(1.f)}, {1})), ValueError,
                       says("the element type must be one of the .npy format, got BF16"));
  CHECK_THROWS_MATCHES(write_npy(path, Tensor{DType::F32, {2}, {std::byte{0}}}), ShapeError,
                       says("the tensor must have 8 bytes for the shape [2], got 1"));
}

TEST_CASE("npz: written arrays are restored") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "all.npz";
  const std::map<std::string, Tensor> arrays{{"a", Tensor::of(std::vector<float>{1, 2}, {2})},
                                             {"b/c", Tensor::of(std::vector<std::int64_t>{7}, {})},
                                             {"none", Tensor::of(std::vector<double>{}, {0})}};
  write_npz(path, arrays);
  const auto again = read_npz(path);
  REQUIRE(again.size() == arrays.size());
  for (const auto& [name, tensor] : arrays) {
    CHECK(again.at(name).shape == tensor.shape);
    CHECK(again.at(name).bytes == tensor.bytes);
  }
  write_npz(path, {});
  CHECK(read_npz(path).empty());
  CHECK_THROWS_MATCHES(write_npz(path, {{"", arrays.at("a")}}), ValueError, says("must have 1 to 59999 bytes, got 0"));
  CHECK(read_npz(path).empty());  // a refusal leaves the old file
}

TEST_CASE("npz: one array is read when another is not supported, and folders are skipped") {
  // As numpy.savez(path, x=..., names=...) stores strings: a .npy file of an unsupported element type.
  const auto of_bytes = [](const std::string& bytes) {
    return Tensor::of(std::vector<std::uint8_t>(bytes.begin(), bytes.end()), {Index(bytes.size())});
  };
  const support::TemporaryFolder folder;
  const auto path = folder.path / "x.npz";
  write_npz(path, {{"x", Tensor::of(std::vector<float>{1, 2.5f}, {2})}, {"names", of_bytes("ab")}});
  std::string bytes = detail::read_text(path);
  // The header of the other array changes and its checksum does not: the reader must not read it.
  bytes.replace(bytes.find("|u1"), 3, "<U9");
  std::ofstream(path, std::ios::binary) << bytes;
  CHECK(read_npz(path, "x").to<float>() == std::vector<float>{1, 2.5f});
  CHECK(npz_names(path) == std::vector<std::string>{"names", "x"});
  CHECK_THROWS_AS(read_npz(path), FileError);
  CHECK_THROWS_MATCHES(read_npz(path, "y"), FileError,
                       says("x.npz: no array 'y' among 2 members; the nearest: 'x.npy'"));

  // An empty member whose name ends with a slash, as zip programs store folders.
  const detail::ZipMember empty{"d/"};
  const std::string local = std::string("PK\3\4", 4) + detail::zip_fields(empty) + empty.name;
  const std::string directory = detail::zip_directory_entry(empty);
  const std::string archive = local + directory + detail::zip_end(1, directory.size(), local.size());
  CHECK(parse_npz(std::as_bytes(std::span(archive))).empty());
}

TEST_CASE("npy: arrays of texts are read as UTF-8, in both byte orders") {
  const auto texts = [](const std::string& descr, const std::string& shape, const std::string& data) {
    return parse_npy_texts(bytes_of(npy_with(dictionary_of(descr, shape), data)), "t.npy");
  };
  const auto wide = [](std::u32string_view letters, bool big) {
    std::string bytes;
    for (const char32_t letter : letters)
      for (int k = 0; k < 4; ++k) bytes += static_cast<char>(letter >> 8 * (big ? 3 - k : k));
    return bytes;
  };
  const std::u32string_view letters(U"walkrun\0n\U000000e9\U0001F600\0", 12);
  const std::vector<std::string> words{"walk", "run", "n\xC3\xA9\xF0\x9F\x98\x80"};
  CHECK(texts("<U4", "(3,)", wide(letters, false)) == words);
  CHECK(texts(">U4", "(3,)", wide(letters, true)) == words);
  CHECK(texts("|S3", "(2,)", std::string("ab\0abc", 6)) == std::vector<std::string>{"ab", "abc"});
  CHECK(texts("<U2", "(0,)", "").empty());
  CHECK(texts("<U2", "(1,)", std::string(8, '\0')) == std::vector<std::string>{""});
  CHECK(texts("|S4", "(1,)", std::string("a\0b\0", 4)) == std::vector<std::string>{std::string("a\0b", 3)});

  const auto refused = [&](const std::string& descr, const std::string& shape, const std::string& data,
                           const std::string& message) {
    CHECK_THROWS_MATCHES(texts(descr, shape, data), FileError, says(message));
  };
  for (const char* descr : {"<f4", "|U2", "<S2", "<U", "<U0", "<U-1", "<U2x", "<U9999999999", "", "|O", "<M8[ns]"})
    refused(descr, "(1,)", std::string(8, 'a'), "must have an element type of texts, U or S with 1 to 1048576 letters");
  refused("<U1", "(1, 1)", std::string(4, '\0'), "must have one dimension for texts, got [1, 1]");
  refused("<U1", "()", std::string(4, '\0'), "must have one dimension for texts, got []");
  refused("<U1", "(9223372036854775807,)", "", "must have one dimension for texts, got [9223372036854775807]");
  refused("<U1", "(2000000000000,)", "", "t.npy: the data must have 8000000000000 bytes for the shape [2000000000000]");
  refused("<U2", "(2,)", std::string(15, 'a'), "the data must have 16 bytes for the shape [2], got 15");
  refused("<U1", "(1,)", wide(U"\U0000FFFF", false).substr(0, 2) + std::string("\x11\0", 2), "must be a code point");
  refused("<U1", "(1,)", std::string("\0\xD8\0\0", 4), "t.npy: a letter must be a code point of Unicode, got 55296");
  refused("|S1", "(1,)", "\xFF", "byte 0 must be UTF-8");
  CHECK_THROWS_MATCHES(parse_npy(bytes_of(npy_with(dictionary_of("<U1", "(1,)"), std::string(4, 'a')))), FileError,
                       says("got '<U1'; use read_npy_texts or read_npz_texts"));
}

TEST_CASE("npz: an array of texts is read by name") {
  const support::TemporaryFolder folder;
  const auto path = folder.path / "x.npz";
  const std::string file = npy_with(dictionary_of("|S4", "(2,)"), std::string("walkrun\0", 8));
  detail::ZipMember member{"classes.npy", detail::crc32(bytes_of(file))};
  member.size = file.size();
  const std::string local = std::string("PK\3\4", 4) + detail::zip_fields(member) + member.name + file;
  const std::string directory = detail::zip_directory_entry(member);
  std::ofstream(path, std::ios::binary) << local << directory << detail::zip_end(1, directory.size(), local.size());
  CHECK(read_npz_texts(path, "classes") == std::vector<std::string>{"walk", "run"});
  CHECK(npz_names(path) == std::vector<std::string>{"classes"});
  CHECK_THROWS_MATCHES(read_npz_texts(path, "class"), FileError, says("no array 'class' among 1 members"));
  std::ofstream(folder.path / "t.npy", std::ios::binary) << file;
  CHECK(read_npy_texts(folder.path / "t.npy") == std::vector<std::string>{"walk", "run"});
}

TEST_CASE("npz: sizes beyond 32 bits are read from the extra field, the unpacked size first") {
  const std::string array = detail::read_text(golden / "one_dim.npy");
  std::string deflated("\1");  // one stored block
  detail::append_word(deflated, array.size(), 2), detail::append_word(deflated, array.size() ^ 0xffff, 2);
  deflated += array;
  detail::ZipMember member{"a.npy", detail::crc32(bytes_of(array))};
  member.size = 0xffffffff;
  std::string local = std::string("PK\3\4", 4) + detail::zip_fields(member) + member.name;
  std::string entry = detail::zip_directory_entry(member);
  local[8] = entry[10] = 8;  // deflated
  entry[30] = 20;            // size of the extra field
  detail::append_word(entry, 1, 2), detail::append_word(entry, 16, 2);
  detail::append_word(entry, array.size(), 8), detail::append_word(entry, deflated.size(), 8);
  const std::string archive =
      local + deflated + entry + detail::zip_end(1, entry.size(), local.size() + deflated.size());
  const auto arrays = parse_npz(bytes_of(archive));
  REQUIRE(arrays.size() == 1);
  CHECK(arrays.at("a").bytes == read_npy(golden / "one_dim.npy").bytes);
}

TEST_CASE("npz: refuses damaged archives with their defect") {
  const std::string stored = detail::read_text(golden / "stored.npz");
  const auto with = [&](const std::string& from, const std::string& to, std::size_t occurrence) {
    std::string changed = stored;
    std::size_t at = changed.find(from);
    for (; occurrence > 0; --occurrence) at = changed.find(from, at + 1);
    REQUIRE(at != changed.npos);
    return changed.replace(at, from.size(), to);
  };
  const auto refuses = [&](const std::string& bytes, const std::string& words) {
    CHECK_THROWS_MATCHES(parse_npz(bytes_of(bytes), "x.npz"), FileError, says(words));
  };
  CHECK(parse_npz(bytes_of(stored)).size() == 4);
  std::string comment = stored + "words of a person";
  comment[stored.size() - 2] = 17;
  CHECK(parse_npz(bytes_of(comment)).size() == 4);

  refuses("", "it must have at least 22 bytes, got 0");
  refuses(stored + "x", "no directory at its end");
  refuses(with("PK\1\2", "PK\1\3", 1), "the directory is damaged");
  refuses(with("PK\3\4", "PK\3\5", 1), "is not at its position in the directory");
  refuses(with("y.npy", "x.npy", 1), "member 'x.npy' must occur once, got it twice");
  refuses(with("y.npy", "y.txt", 1), "every member must be a .npy file, got 'y.txt'");
  const std::size_t entry = stored.find("PK\1\2");
  const auto with_byte = [&](std::size_t place, char value) {
    std::string changed = stored;
    changed[entry + place] = value;
    return changed;
  };
  refuses(with_byte(8, 1), "'x.npy' is encrypted");
  refuses(with_byte(10, 12), "the method must be stored (0) or deflated (8), got 12");
  refuses(with_byte(10, 8), "deflated data");  // stored bytes are not deflated data
  refuses(with_byte(24, 1), "a stored member must have one size");
  refuses(with_byte(16, char(stored[entry + 16] ^ 1)), "the checksum does not match");
  refuses(with_byte(45, 1), "it ends too early");
  refuses(with_byte(22, 1), "the members must fit in the file");
}

TEST_CASE("inflate: decodes all kinds of blocks and overlapping copies") {
  std::string words;
  for (int k = 0; k < 20; ++k) words += "abracadabra ";
  words += "!";
  CHECK(inflated("4b4c2a4a4c4e4c4904520a892380ad0800", words.size()) == words);
  CHECK(inflated("4b4c1c05a360140c770000", 1000) == std::string(1000, 'a'));
  CHECK(inflated("0300", 0).empty());
  CHECK(inflated("010500faff68656c6c6f", 5) == "hello");  // stored
  std::string numbers;
  for (int k = 0; k < 120; ++k) numbers += std::to_string(k * 7919 % 1000) + ":";
  CHECK(
      inflated(
          "15d1c911c0300cc3c096ac5b62ff8505f9e5e16816c3a7b3d3c66a6ad4d3aa2b95a53242512e1f93dd93bd93af2e47dbadd9d2bc547"
          "ba8d2956d8a7df2e399ad2c46d5ba29eda5d64213ae2e53cd53ee29df2a7ce4d9b2e65d2a74ee7c98a61f9c83b370064ec3293809276"
          "4e"
          "60ad3d58373702878143805597038b6143c0a9c827c9c82b37028300aa2e0249c501e05464150900787775c83f3bb124ea817ffc3eff"
          "8e3"
          "e02c9c8183df4a917082ff5c731418054e412e9c8143c1a3c02948ceb96e297814b0c1b041b341b141b241b241b081b381cdff4ef859"
          "605"
          "96058a059a059a05820592058e003",
          numbers.size()) == numbers);
}

TEST_CASE("inflate: refuses damaged data") {
  const auto refuses = [](std::string_view hex, std::size_t size, const std::string& words) {
    INFO(hex);
    CHECK_THROWS_MATCHES(inflated(hex, size), FileError, says(words));
  };
  refuses("", 0, "must have 0 bytes, got only 0");
  refuses("4b4c1c05", 1000, "must have 1000 bytes, got only ");
  refuses("4b4c1c05a360140c770000", 999, "must have 999 bytes, got more");
  refuses("4b4c1c05a360140c770000", 1001, "must have 1001 bytes, got only 1000");
  refuses("07", 0, "damaged after 0 of 0 bytes: invalid block type");
  refuses("010500faee68656c6c6f", 5, "invalid stored block lengths");
  refuses("030200", 1000, "invalid distance too far back");
  refuses("ffffffffffff", 10, "invalid block type");
}

TEST_CASE("npy and npz: changed and truncated files are read or refused with an error of the library") {
  const auto npy = [](const std::string& bytes) { parse_npy(bytes_of(bytes)).to<double>(); };
  const auto npz = [](const std::string& bytes) {
    for (const auto& item : parse_npz(bytes_of(bytes))) item.second.to<double>();
  };
  const auto attack = [](const std::string& whole, const auto& read) {
    for (std::size_t k = 0; k < whole.size(); ++k) {
      if (!sound(whole.substr(0, k), read)) FAIL("cut at " << k);
      for (const int change : {1, 0x80, 0xff, 0x10}) {
        std::string changed = whole;
        changed[k] = static_cast<char>(changed[k] ^ change);
        if (!sound(changed, read)) FAIL("byte " << k << " xor " << change);
      }
    }
  };
  attack(detail::read_text(golden / "fortran_f4.npy"), npy);
  attack(detail::read_text(golden / "header_v3.npy"), npy);
  attack(detail::read_text(golden / "stored.npz"), npz);
  attack(detail::read_text(golden / "deflated.npz"), npz);
}

}  // namespace test_npy
