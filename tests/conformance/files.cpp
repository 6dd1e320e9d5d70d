// Files of NumPy and safetensors, valid and broken.

#include "files.hpp"

#include <cmath>

#include "unroll/io/formats/npz.hpp"
#include "unroll/io/formats/safetensors.hpp"

namespace conformance {
namespace {

using namespace unroll;

std::map<std::string, Tensor> read(const std::filesystem::path& path, const nlohmann::json& entry) {
  if (path.extension() == ".npy") return {{"", read_npy(path)}};
  if (path.extension() == ".npz") return read_npz(path);
  SafeTensors file = read_safetensors(path);
  if (entry.contains("metadata") && entry["metadata"].is_object())
    require<ValueError>(entry["metadata"] == nlohmann::json(file.metadata), "other metadata");
  return std::move(file.tensors);
}

/// Equality of numbers; expected values that are not finite are strings.
bool same(double got, const nlohmann::json& want) {
  if (want == "nan") return std::isnan(got);
  if (want.is_string()) return got == (want == "inf" ? INFINITY : -INFINITY);
  return got == want.get<double>() && std::signbit(got) == std::signbit(want.get<double>());
}

std::string hex(const std::vector<std::byte>& bytes) {
  std::string digits;
  for (const std::byte b : bytes)
    for (const int shift : {4, 0}) digits += "0123456789abcdef"[(std::to_integer<unsigned>(b) >> shift) & 15u];
  return digits;
}

std::string complaint(const Tensor& got, const nlohmann::json& want) {
  if (got.shape != want.at("shape").get<std::vector<Index>>()) return "has another shape";
  if (want.contains("dtype") && want["dtype"] != name(got.dtype)) return "has another type";
  if (want.contains("hex") && want["hex"] != hex(got.bytes)) return "has other bytes";
  const auto& values = want.at(want.contains("values") ? "values" : "values_row_major");
  const auto own = got.to<double>();
  if (own.size() != values.size()) return "has another number of values";
  for (std::size_t k = 0; k < own.size(); ++k)
    if (!same(own[k], values[k])) return text("has another value at place ", k);
  return "";
}

}  // namespace

std::string complaint_about_file(const std::filesystem::path& path, const nlohmann::json& entry) {
  require<FileError>(exists(path), path.string(), ": there is no such file");
  const auto& valid = entry.at("valid");
  std::map<std::string, Tensor> arrays;
  try {
    arrays = read(path, entry);
  } catch (const Error& error) {
    return valid == "reject" || valid == "either" ? "" : text("refused: ", error.what());
  }
  if (valid == "reject") return "is read, although it is broken";
  if (!entry.contains("expect")) return "";
  const auto& expected = entry["expect"];
  if (path.extension() == ".npy") return complaint(arrays.at(""), expected);
  if (expected.size() != arrays.size()) return "has another number of arrays";
  for (const auto& [name, want] : expected.items()) {
    if (!arrays.contains(name)) return "lacks '" + name + "'";
    const std::string wrong = complaint(arrays.at(name), want);
    if (!wrong.empty()) return "'" + name + "' " + wrong;
  }
  return "";
}

}  // namespace conformance
