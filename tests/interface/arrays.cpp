// Arrays in files: round trips keep all bits, truncated files are refused, and damaged files are refused or read
// without harm.

#include <unroll/io/formats/csv.hpp>
#include <unroll/io/formats/npy.hpp>
#include <unroll/io/formats/npz.hpp>
#include <unroll/io/formats/safetensors.hpp>
#include <unroll/io/input_file.hpp>

#include "interface/random_model.hpp"

namespace interface {
namespace {

using Bytes = std::vector<std::byte>;

Bytes array_bytes(const std::filesystem::path& path) {
  const std::string content = detail::read_text(path);
  const auto bytes = std::as_bytes(std::span(content));
  return {bytes.begin(), bytes.end()};
}

/// Tensor of any type and of up to 4 dimensions, sometimes empty.
Tensor random_tensor(Choices& choose) {
  constexpr DType types[] = {DType::BOOL, DType::U8,  DType::I8,   DType::I16, DType::I32,
                             DType::I64,  DType::F16, DType::BF16, DType::F32, DType::F64};
  Tensor tensor{.dtype = types[choose.below(Index(std::size(types)))], .shape = {}, .bytes = {}};
  for (Index k = choose.below(5); k > 0; --k) tensor.shape.push_back(choose.below(choose.one_in(6) ? 1 : 5));
  tensor.bytes.resize(std::size_t(tensor.size() * detail::traits_of(tensor.dtype).bytes));
  for (std::byte& byte : tensor.bytes) byte = std::byte(choose.below(tensor.dtype == DType::BOOL ? 2 : 256));
  return tensor;
}

bool same_array(const Tensor& a, const Tensor& b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.bytes == b.bytes;
}

/// Converts an accepted array to numbers, which may be refused.
void use(Report& report, const Tensor& tensor) {
  report.attempt("numbers of an array", [&] { (void)tensor.to<float>(); });
  report.attempt("numbers of an array", [&] { (void)tensor.to<std::int32_t>(); });
}

/// Damages a file: `parse(bytes)` must refuse a truncated file, and may refuse one with a single changed bit.
template <class Parse>
void damage(const char* what, Choices& choose, Report& report, const Bytes& whole, Parse&& parse) {
  for (int k = 0; k < 3; ++k) {
    Bytes bytes = whole;
    bytes.resize(std::size_t(choose.below(Index(whole.size()))));
    report.refused(text("cut ", what).c_str(), [&] { parse(bytes); });
    bytes = whole;
    // Most of the structure is near the start and the end.
    const Index size = Index(bytes.size()), near = choose.below(std::min<Index>(size, 200));
    bytes[std::size_t(choose.coin() ? near : size - 1 - near)] ^= std::byte(1 << choose.below(8));
    report.attempt(text("changed ", what).c_str(), [&] { parse(bytes); });
  }
}

void try_npy(Choices& choose, Report& report) {
  const Tensor tensor = random_tensor(choose);
  const auto path = scratch_folder() / "array.npy";
  if (!report.attempt("npy", [&] { write_npy(path, tensor); }))
    return report.expect(tensor.dtype == DType::BF16, "an array is refused by npy");
  report.attempt("npy read",
                 [&] { report.expect(same_array(read_npy(path), tensor), "npy: an array has other bits"); });
  damage("npy", choose, report, array_bytes(path), [&](const Bytes& bytes) { use(report, parse_npy(bytes)); });
}

void try_npz(Choices& choose, Report& report) {
  std::map<std::string, Tensor> arrays;
  for (Index k = choose.below(4); k >= 0; --k) {
    Tensor tensor = random_tensor(choose);
    if (tensor.dtype != DType::BF16) arrays[text("array ", k)] = std::move(tensor);
  }
  const auto path = scratch_folder() / "arrays.npz";
  if (!report.attempt("npz", [&] { write_npz(path, arrays); })) return report.fault("arrays are refused by npz");
  report.attempt("npz read", [&] {
    const auto read = read_npz(path);
    bool good = read.size() == arrays.size();
    for (const auto& [name, tensor] : arrays) good = good && read.contains(name) && same_array(read.at(name), tensor);
    report.expect(good, "npz: arrays have other bits");
  });
  damage("npz", choose, report, array_bytes(path), [&](const Bytes& bytes) {
    for (const auto& [name, tensor] : parse_npz(bytes, "npz in memory")) use(report, tensor);
  });
}

void try_safetensors(Choices& choose, Report& report) {
  SafeTensors content;
  for (Index k = choose.below(5); k > 0; --k) content.tensors[text("tensor ", choose.below(9))] = random_tensor(choose);
  if (choose.coin()) content.metadata["note \"\\"] = text("\n\t", choose.seed());
  const auto path = scratch_folder() / "tensors.safetensors";
  if (!report.attempt("safetensors", [&] { write_safetensors(path, content); }))
    return report.fault("tensors are refused by safetensors");
  report.attempt("safetensors read", [&] {
    const SafeTensors read = read_safetensors(path);
    bool good = read.tensors.size() == content.tensors.size() && read.metadata == content.metadata;
    for (const auto& [name, tensor] : content.tensors)
      good = good && read.contains(name) && same_array(read.at(name), tensor);
    report.expect(good, "safetensors: tensors have other bits");
  });
  damage("safetensors", choose, report, array_bytes(path), [&](const Bytes& bytes) {
    for (const auto& [name, tensor] : parse_safetensors(bytes).tensors) use(report, tensor);
  });
}

void try_csv(Choices& choose, Report& report) {
  const MatrixX<S> numbers = choose.matrix(choose.size(), choose.size());
  const bool names = choose.coin();
  const std::string comma = choose.one_of<const char*>({",", ";", "\t", " "});
  const std::string end = choose.one_of<const char*>({"\n", "\r\n", "\r"});
  std::string content;
  const auto line = [&](auto&& field) {
    for (Index r = 0; r < numbers.rows(); ++r) content += (r == 0 ? "" : comma) + field(r);
    content += end;
  };
  if (names) line([&](Index r) { return choose.coin() ? text("\"name", r, "\"") : text("name", r); });
  for (Index c = 0; c < numbers.cols(); ++c) line([&](Index r) { return text(numbers(r, c)); });
  const CsvOptions options{.separator = comma.front()};
  if (!report.attempt("csv", [&] {
        const auto read = parse_csv<S>(content, options);
        report.expect(same_bits(read.values, numbers), "csv: numbers have other bits");
        report.expect(Index(read.names.size()) == (names ? numbers.rows() : 0), "csv: other names");
      }))
    report.fault("a table is refused by csv");
  for (int k = 0; k < 3; ++k) {
    std::string other = content;
    char& changed = other[std::size_t(choose.below(Index(other.size())))];
    changed = char(changed ^ (1 << choose.below(8)));
    report.attempt("changed csv", [&] { (void)parse_csv<S>(other, options); });
    other = content.substr(0, std::size_t(choose.below(Index(content.size()))));
    report.attempt("cut csv", [&] { (void)parse_csv<S>(other, options); });
  }
}

}  // namespace

void try_arrays(Choices& choose, Report& report) {
  report.now(text("seed ", choose.seed(), ": arrays"));
  switch (choose.below(4)) {
    case 0:
      return try_npy(choose, report);
    case 1:
      return try_npz(choose, report);
    case 2:
      return try_safetensors(choose, report);
    default:
      return try_csv(choose, report);
  }
}

}  // namespace interface
