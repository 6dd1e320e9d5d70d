#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <unroll/io/formats/safetensors.hpp>

#include "support/catch.hpp"
#include "support/temporary.hpp"

namespace test_safetensors {

using namespace unroll;

namespace {

const std::filesystem::path golden = std::filesystem::path(UNROLL_TEST_DATA) / "golden";

std::vector<std::byte> bytes_of(const std::filesystem::path& path) {
  const std::string text = detail::read_text(path);
  const auto raw = std::as_bytes(std::span(text));
  return {raw.begin(), raw.end()};
}

std::string hex(const std::vector<std::byte>& bytes) {
  std::string digits;
  for (const std::byte b : bytes)
    for (const int nibble : {std::to_integer<int>(b) >> 4, std::to_integer<int>(b) & 15})
      digits += "0123456789abcdef"[nibble];
  return digits;
}

/// File with this header and `data` zero bytes.
std::vector<std::byte> file_with(const std::string& header, std::size_t data) {
  std::vector<std::byte> file(8 + header.size() + data);
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  std::memcpy(file.data() + 8, header.data(), header.size());
  return file;
}

using Folder = support::TemporaryFolder;

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

void check_content(const SafeTensors& got, const nlohmann::json& want) {
  REQUIRE(got.tensors.size() == want.at("expect").size());
  for (const auto& [name, expected] : want.at("expect").items()) {
    INFO("tensor " << name);
    const Tensor& tensor = got.at(name);
    CHECK(unroll::name(tensor.dtype) == expected.at("dtype").get<std::string>());
    CHECK(tensor.shape == expected.at("shape").get<std::vector<Index>>());
    CHECK(hex(tensor.bytes) == expected.at("hex").get<std::string>());
    const auto values = tensor.to<double>();
    REQUIRE(values.size() == expected.at("values").size());
    for (std::size_t i = 0; i < values.size(); ++i) check_value(values[i], expected.at("values")[i]);
  }
  CHECK(got.metadata == want.at("metadata").get<std::map<std::string, std::string>>());
}

}  // namespace

TEST_CASE("safetensors: reference files are read exactly or refused, as the format specifies") {
  // Where the format leaves a choice, this reader skips unknown fields and refuses sizes whose product overflows, even
  // if one is 0.
  const std::map<std::string, bool> our_choice{{"raw_extra_field", true}, {"raw_ok_zero_dim_overflow", false}};
  const auto index = nlohmann::json::parse(detail::read_text(golden / "index.json"));
  int read = 0, refused = 0;
  for (const auto& entry : index.at("cases")) {
    if (entry.at("group") != "safetensors") continue;
    const auto path = golden / entry.at("file").get<std::string>();
    INFO(path.filename() << ": " << entry.at("desc"));
    const bool accept = entry.at("valid") == "either" ? our_choice.at(path.stem().string())
                                                      : entry.at("valid") == true || entry.at("valid") == "accept";
    if (accept) {
      const SafeTensors content = read_safetensors(path);
      if (entry.contains("expect")) check_content(content, entry);
      ++read;
    } else {
      CHECK_THROWS_MATCHES(read_safetensors(path), FileError, says(path.string()));
      ++refused;
    }
  }
  CHECK(read == 11);
  CHECK(refused == 39);
}

TEST_CASE("safetensors: accepted hand-written files have the declared content") {
  const auto file = [](const char* name) {
    return read_safetensors(golden / "safetensors" / (std::string(name) + ".safetensors"));
  };
  CHECK(file("raw_ok_no_tensors").tensors.empty());
  CHECK(file("raw_ok_metadata_only").metadata.size() == 1);
  CHECK(file("raw_ok_escaped_name").tensors.begin()->first == "a\xC3\xA9\n\"\xF0\x9F\x98\x80");
  CHECK(file("raw_ok_scalar").tensors.begin()->second.shape.empty());
  CHECK(file("raw_ok_scalar").tensors.begin()->second.size() == 1);
  CHECK(file("raw_ok_zero_dim").tensors.begin()->second.size() == 0);
  // Listed z, a; stored a, z: values must follow the offsets.
  CHECK(file("raw_ok_unordered").at("a").to<float>() == std::vector<float>{1, 2});
  CHECK(file("raw_ok_unordered").at("z").to<float>() == std::vector<float>{3, 4});
}

TEST_CASE("safetensors: written bytes equal those of the reference package") {
  const Folder folder;
  for (const auto* name : {"good_mixed", "good_ints", "good_single"}) {
    const auto original = golden / "safetensors" / (std::string(name) + ".safetensors");
    const auto copy = folder.path / name;
    write_safetensors(copy, read_safetensors(original));
    CHECK(bytes_of(copy) == bytes_of(original));
    write_safetensors(copy, read_safetensors(original));  // over an existing file
    CHECK(bytes_of(copy) == bytes_of(original));
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 3);  // no temporary file is left
  write_safetensors(folder.path / "empty", {});
  CHECK(bytes_of(folder.path / "empty") == file_with("{}      ", 0));
}

TEST_CASE("safetensors: refuses a file truncated at any byte") {
  const auto whole = bytes_of(golden / "safetensors/good_mixed.safetensors");
  REQUIRE(parse_safetensors(whole).tensors.size() == 9);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    // A copy of exactly that size, so that a sanitizer detects reads past its end.
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    INFO(size << " bytes of " << whole.size());
    CHECK_THROWS_AS(parse_safetensors(part), FileError);
  }
}

TEST_CASE("safetensors: a single flipped bit is refused or changes only a value") {
  auto file = bytes_of(golden / "safetensors/good_mixed.safetensors");
  const auto original = parse_safetensors(file);
  std::size_t data_begin = 0;
  std::memcpy(&data_begin, file.data(), 8);
  data_begin += 8;
  int refused = 0;
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    const auto flip = std::byte{1} << (bit % 8);
    file[bit / 8] ^= flip;
    bool read = false;
    try {
      const auto content = parse_safetensors(file);
      read = true;
      if (content.tensors.size() != original.tensors.size()) FAIL("bit " << bit << " lost a tensor");
      for (const auto& item : content.tensors) (void)item.second.to<double>();
    } catch (const Error&) {
      ++refused;
    }
    if (!read && bit / 8 >= data_begin) FAIL("bit " << bit << " of the data was refused");
    file[bit / 8] ^= flip;
  }
  CHECK(refused > 2000);
}

TEST_CASE("safetensors: tensors of several pieces of memory are read whole, and nothing behind the file") {
  const Folder folder;
  SafeTensors content;
  for (const Index size : {0, 1, 131071, 131072, 131073, 5'000'000}) {
    std::vector<std::uint8_t> values(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
    content.tensors[std::to_string(size)] = Tensor::of(values, {size});
  }
  write_safetensors(folder.path / "large", content);
  const SafeTensors got = read_safetensors(folder.path / "large");
  REQUIRE(got.tensors.size() == content.tensors.size());
  for (const auto& [name, tensor] : content.tensors) CHECK(got.at(name).bytes == tensor.bytes);

  detail::InputFile file(folder.path / "large");  // opened before it is cut
  std::filesystem::resize_file(folder.path / "large", 200'000);
  std::vector<std::byte> bytes;
  CHECK_THROWS_MATCHES(
      detail::read_bytes(bytes, file.size(), file.name(), [&](std::span<std::byte> to) { file.read(to); }), FileError,
      says("it may have changed during reading"));
}

TEST_CASE("safetensors: an error message names the defect and its place") {
  const auto refuse = [](const std::string& header, std::size_t data, const std::string& message) {
    INFO(header);
    CHECK_THROWS_MATCHES(parse_safetensors(file_with(header, data), "model.st"), FileError,
                         says("model.st: " + message));
  };
  refuse(R"({"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}})", 1,
         "tensor 'a', field 'dtype' must be BOOL, U8, I8, I16, I32, I64, F16, BF16, F32 or F64, got 'F8_E4M3'");
  refuse(R"({"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]}})", 20,
         "tensor 'a' must have 24 bytes for F32 [2, 3], got 20");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
         3, "tensor 'b' must begin at byte 1 of the data, after the tensors before it, got 2");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 4,
         "the data must have 1 bytes, as the tensors, got 4");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
         "tensor 'a' must have ascending data_offsets, got 1 and 0");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1,
         "tensor 'a' must have 2 numbers in data_offsets, got 1");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})", 1,
         "tensor 'a', field 'data_offsets' must have at most 2 numbers, got more");
  refuse(R"({"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}})", 1,
         "tensor 'a', field 'shape' must have at most 8 numbers, got more");
  refuse(R"({"a":{"dtype":"U8","shape":[[1]],"data_offsets":[0,1]}})", 1,
         "tensor 'a', field 'shape' must be a list of whole numbers");
  refuse(R"({"a":{"dtype":"U8","shape":1,"data_offsets":[0,1]}})", 1,
         "tensor 'a', field 'shape' must be a list of whole numbers");
  refuse(R"({"a":{"dtype":3,"shape":[1],"data_offsets":[0,1]}})", 1,
         "tensor 'a', field 'dtype' must be text, got a number");
  refuse(R"({"a":{"dtype":["U8"],"shape":[1],"data_offsets":[0,1]}})", 1,
         "tensor 'a', field 'dtype' must be text, got a list");
  refuse(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 1,
         "tensor 'a', field 'dtype' must occur once, got it twice");
  refuse(R"({"a":{"dtype":"U8","shape":[1],"shape":[1],"data_offsets":[0,1]}})", 1,
         "tensor 'a', field 'shape' must occur once, got it twice");
  refuse(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1,
         "tensor 'a' must have the fields dtype, shape and data_offsets");
  refuse(R"({"a":7})", 0, "tensor 'a' must be an object, got a number");
  refuse(R"({"a":null})", 0, "tensor 'a' must be an object, got null");
  refuse(R"({"a":{"x":[[1]]}})", 0, "tensor 'a', field 'x' must have at most 3 levels, got more");
  refuse(R"({"a":{"x":{"y":{}}}})", 0, "tensor 'a', field 'x' must have at most 3 levels, got more");
  refuse(R"({"__metadata__":{"k":{}}})", 0, "the metadata, field 'k' must be text, got an object");
  refuse(R"({"__metadata__":{"k":"1","k":"2"}})", 0, "the metadata, field 'k' must occur once, got it twice");
  refuse(R"({"__metadata__":{},"__metadata__":{}})", 0, "the metadata must occur once, got it twice");
  refuse(R"({"__metadata__":[]})", 0, "the metadata must be an object, got a list");
  refuse(R"({"a":tru})", 0, "byte 16: the header is not valid JSON");
  refuse(R"({"a":{"x":1e999}})", 0, "byte 22: the header is not valid JSON");
  refuse("{}\n{}", 0, "byte 11: the header is not valid JSON");
  refuse(std::string("{}\0{}", 5), 0, "byte 10: the header must have no NUL byte");
  refuse("\xEF\xBB\xBF{}", 0, "byte 8: the header must begin with '{'");
  refuse("{\"" + std::string(5000, 'n') + "\":{}}", 0,
         "tensor '" + std::string(80, 'n') + "...' must have a name of at most 4096 bytes, got 5000");
  refuse("{\"a\x1b[2J\":{}}", 0, "byte 11: the header is not valid JSON");
  refuse(R"({"a\u001b[2J":{}})", 0, "tensor 'a?[2J' must have the fields");
  refuse("{\"a\":" + std::string(100'000, '['), 0, "tensor 'a' must be an object, got a list");
  // Even if both entries are equal: the reference package accepts this, the format does not.
  const std::string same = R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]})";
  refuse("{" + same + "," + same + "}", 1, "tensor 'a' must occur once, got it twice");
  auto too_long = file_with("{}", 0);
  too_long[0] = std::byte{3};
  CHECK_THROWS_MATCHES(parse_safetensors(too_long, "model.st"), FileError,
                       says("model.st: byte 0: the header must have at most 2 bytes, the rest of the file, got 3"));
  // The message must not contain the file's content, however long the invalid token is.
  try {
    parse_safetensors(file_with("{\"" + std::string(1'000'000, 'n'), 0));
    FAIL("accepted");
  } catch (const FileError& error) {
    CHECK(std::string(error.what()).size() < 300);
  }
}

TEST_CASE("safetensors: unknown fields are skipped with their content") {
  const auto content =
      parse_safetensors(file_with(R"({"a":{"note":{"dtype":"F64","shape":null},"extra":[1,-1,"x",null,true,0.5],)"
                                  R"("dtype":"U8","flag":false,"shape":[2],"data_offsets":[0,2]}})",
                                  2));
  CHECK(content.at("a").dtype == DType::U8);
  CHECK(content.at("a").shape == std::vector<Index>{2});
}

TEST_CASE("safetensors: missing files, folders and unknown names have different messages") {
  CHECK_THROWS_MATCHES(read_safetensors(golden / "nothing.safetensors"), FileError, says("no such file"));
  CHECK_THROWS_MATCHES(read_safetensors(golden), FileError, says("got a folder or a device"));
  SafeTensors content;
  for (const auto* name : {"weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"}) content.tensors[name] = {};
  content.file = "model.safetensors";
  CHECK_THROWS_MATCHES(
      content.at("weight_hh_10"), FileError,
      says("model.safetensors: no tensor 'weight_hh_10' among 4; the nearest: 'weight_hh_l0', 'weight_ih_l0'"));
  CHECK_THROWS_MATCHES(SafeTensors{}.at("x"), FileError, says("no tensor 'x' among 0"));
}

TEST_CASE("safetensors: refuses sizes that need more numbers than all tensors have") {
  SafeTensors content;
  content.file = "m";
  content.require_numbers(0);
  CHECK_THROWS_MATCHES(
      content.require_numbers(65536. * 65536), FileError,
      says("m: the tensors must have at least 4294967296 numbers for the sizes in the metadata, got 0"));
  content.tensors["a"] = Tensor::of(std::vector<float>(6), {2, 3});
  content.tensors["b"] = Tensor::of(std::vector<float>(1), {});
  content.require_numbers(7);
  CHECK_THROWS_MATCHES(content.require_numbers(8), FileError,
                       says("at least 8 numbers for the sizes in the metadata, got 7"));
}

TEST_CASE("safetensors: refuses to write content that cannot be read") {
  const Folder folder;
  const auto path = folder.path / "out.safetensors";
  const auto refuse = [&](const std::string& name, Tensor tensor, const std::string& message) {
    SafeTensors content;
    content.tensors[name] = std::move(tensor);
    CHECK_THROWS_MATCHES(write_safetensors(path, content), Error, says(message));
    CHECK(std::filesystem::is_empty(folder.path));
  };
  refuse("__metadata__", Tensor::of(std::vector<float>{1}, {1}), "a tensor must have another name than '__metadata__'");
  refuse("\xff", Tensor::of(std::vector<float>{1}, {1}), "must be UTF-8");
  refuse("a", Tensor{DType::F32, {2}, std::vector<std::byte>(7)}, "tensor 'a' must have 8 bytes for F32 [2], got 7");
  refuse("a", Tensor{DType::F32, {-1}, {}},
         "tensor 'a', field 'shape' must be a list of whole numbers from 0, got a negative");
  refuse("a", Tensor::of(std::vector<float>{1}, {1, 1, 1, 1, 1, 1, 1, 1, 1}), "must have at most 8 numbers");
  SafeTensors content;
  content.metadata["note"] = "\xc3";
  CHECK_THROWS_MATCHES(write_safetensors(path, content), ValueError, says("must be UTF-8"));
  CHECK_THROWS_MATCHES(write_safetensors(folder.path / "no" / "such" / "folder", {}), FileError,
                       says("No such file or directory"));
}

TEST_CASE("safetensors: names and metadata with any characters are restored") {
  const Folder folder;
  SafeTensors content;
  std::string awkward =
      "quote \" backslash \\ slash / tab \t newline \n delete \x7f umlaut \xC3\xA4 emoji \xF0\x9F\x98\x80";
  for (char c = 1; c < 32; ++c) awkward += c;
  content.tensors[awkward] = Tensor::of(std::vector<std::int8_t>{-1}, {1});
  content.tensors[""] = Tensor::of(std::vector<std::int8_t>{2}, {1});
  content.tensors[std::string("a\0b", 3)] = Tensor::of(std::vector<std::int8_t>{3}, {1});
  content.metadata = {{awkward, awkward}, {"", ""}, {"config", R"({"units": 4})"}};
  write_safetensors(folder.path / "x", content);
  const auto back = read_safetensors(folder.path / "x");
  CHECK(back.metadata == content.metadata);
  REQUIRE(back.tensors.size() == 3);
  for (const auto& [name, tensor] : content.tensors) CHECK(back.at(name).bytes == tensor.bytes);
}

}  // namespace test_safetensors
