#pragma once
// Content of an ONNX file: protobuf messages, and tensors inside and outside of the file.

#ifndef ONNX_ML  // as the targets of ONNX define it; selects the messages of the installed library
#define ONNX_ML 1
#endif
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/detail/file_kind.hpp"
#include "unroll/io/formats/tensor.hpp"
#include "unroll/io/input_file.hpp"

namespace unroll {

/// Content of an ONNX file. Copies share it.
struct OnnxFile {
  std::shared_ptr<const onnx::ModelProto> model;
  std::string file = "ONNX model in memory";  ///< its name for messages
  std::filesystem::path folder = {};          ///< of weights in other files; empty: there must be none
  std::uint64_t bytes = 0;                    ///< size of the file
};

namespace detail {

/// Largest size of a protobuf message.
inline constexpr std::uint64_t most_onnx_bytes = (std::uint64_t(1) << 31) - 1;

/// Largest number of dimensions, and of sizes in a list.
inline constexpr std::size_t most_onnx_sizes = 16;

/// Element type of a tensor, if the library has it.
inline std::optional<DType> dtype_of_onnx(int type) {
  using T = onnx::TensorProto;
  switch (type) {
    case T::FLOAT:
      return DType::F32;
    case T::DOUBLE:
      return DType::F64;
    case T::FLOAT16:
      return DType::F16;
    case T::BFLOAT16:
      return DType::BF16;
    case T::INT64:
      return DType::I64;
    case T::INT32:
      return DType::I32;
    case T::INT16:
      return DType::I16;
    case T::INT8:
      return DType::I8;
    case T::UINT8:
      return DType::U8;
    case T::BOOL:
      return DType::BOOL;
    default:
      return std::nullopt;
  }
}

inline bool is_integer(DType dtype) {
  return dtype != DType::F16 && dtype != DType::BF16 && dtype != DType::F32 && dtype != DType::F64;
}

/// Part of a file with the numbers of a tensor.
struct OnnxPart {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length = {};
};

/// Converter of the tensors of one file.
class OnnxTensors {
 public:
  /// `from` must outlive the converter.
  explicit OnnxTensors(const OnnxFile& from) : from_(from), files_(from.bytes) {}

  /// Counts the bytes of a new tensor. Throws FileError if all tensors have more than 16 times the bytes of the files.
  void count(std::uint64_t bytes) {
    made_ += bytes;
    require<FileError>(made_ <= 16 * (files_ + 4096), from_.file, ": tensors must have at most 16 times the ", files_,
                       " bytes of the files, got ", made_, " bytes");
  }

  /// Throws FileError, with the name of the tensor, unless its numbers fill its shape.
  Tensor operator()(const onnx::TensorProto& given) {
    const std::string where = text(from_.file, ": tensor ", in_quotes(given.name()), ": ");
    const std::optional<DType> dtype = dtype_of_onnx(given.data_type());
    require<FileError>(dtype.has_value(), where, "the element type must be one of numbers with 8 to 64 bits, got type ",
                       given.data_type());
    require<FileError>(std::size_t(given.dims_size()) <= most_onnx_sizes, where, "dimensions must be at most ",
                       most_onnx_sizes, ", got ", given.dims_size());
    Tensor to{*dtype, {given.dims().begin(), given.dims().end()}, {}};
    try {
      to.size();
    } catch (const ShapeError& error) {
      throw FileError(where + error.what());
    }
    if (given.data_location() == onnx::TensorProto::EXTERNAL)
      read_external(given, where, to);
    else if (given.has_raw_data())
      copy(given.raw_data().data(), given.raw_data().size(), to);
    else
      read_fields(given, to);
    const auto each = std::uint64_t(traits_of(*dtype).bytes);
    require<FileError>(
        to.bytes.size() % each == 0 && to.bytes.size() / each == std::uint64_t(to.size()), where, "the shape ",
        [&] { return shape_text(to.shape); }, " must have ", to.size(), " numbers, got ", to.bytes.size() / each);
    require<FileError>(to.size() > 0 || to.shape.size() < 2, where, "the shape must have at least 1 element, got ",
                       [&] { return shape_text(to.shape); });
    count(to.bytes.size());
    return to;
  }

 private:
  static void copy(const void* from, std::size_t bytes, Tensor& to) {
    to.bytes.resize(bytes);
    if (bytes > 0) std::memcpy(to.bytes.data(), from, bytes);
  }

  /// Numbers in fields by type; those of at most 32 bits are in int32_data, half precision as bits.
  static void read_fields(const onnx::TensorProto& given, Tensor& to) {
    if (to.dtype == DType::F32) return copy(given.float_data().data(), 4 * std::size_t(given.float_data_size()), to);
    if (to.dtype == DType::F64) return copy(given.double_data().data(), 8 * std::size_t(given.double_data_size()), to);
    if (to.dtype == DType::I64) return copy(given.int64_data().data(), 8 * std::size_t(given.int64_data_size()), to);
    const auto each = std::size_t(traits_of(to.dtype).bytes);
    to.bytes.resize(each * std::size_t(given.int32_data_size()));
    for (int k = 0; k < given.int32_data_size(); ++k) {
      const std::int32_t number = given.int32_data(k);
      std::memcpy(to.bytes.data() + std::size_t(k) * each, &number, each);
    }
  }

  static std::uint64_t number(const onnx::StringStringEntryProto& entry, const std::string& where) {
    std::uint64_t to = 0;
    const std::string& digits = entry.value();
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), to);
    require<FileError>(error == std::errc() && end == digits.data() + digits.size(), where, entry.key(),
                       " of the external data must be an integer of at least 0, got ", in_quotes(digits));
    return to;
  }

  void read_external(const onnx::TensorProto& given, const std::string& where, Tensor& to) {
    OnnxPart part;
    for (const auto& entry : given.external_data()) {
      if (entry.key() == "location") part.location = entry.value();
      if (entry.key() == "offset") part.offset = number(entry, where);
      if (entry.key() == "length") part.length = number(entry, where);
    }
    const std::uint64_t each = std::uint64_t(traits_of(to.dtype).bytes), size = std::uint64_t(to.size());
    const std::filesystem::path path = external_path(part.location, where);
    InputFile file(path);
    if (external_.insert(path).second) files_ += file.size();
    const std::uint64_t rest = part.offset <= file.size() ? file.size() - part.offset : 0;
    require<FileError>(size <= rest / each && part.length.value_or(size * each) == size * each, where,
                       "the external data must have ", size, " numbers of ", each, " bytes, got ",
                       std::min(part.length.value_or(rest), rest), " bytes at byte ", part.offset);
    file.seek(part.offset);
    make_room(to.bytes, size * each, file.name());
    file.read(to.bytes);
  }

  /// Path of external data. Throws FileError for a file that is not in the folder of the model, links followed.
  std::filesystem::path external_path(const std::string& location, const std::string& where) const {
    namespace fs = std::filesystem;
    require<FileError>(!from_.folder.empty(), where, "the numbers are in another file, ", in_quotes(location),
                       ", which a model in memory cannot have; open its path");
    const fs::path relative(location);
    const bool plain = !location.empty() && location.find('\0') == location.npos && relative.is_relative() &&
                       std::ranges::find(relative, fs::path("..")) == relative.end();
    std::error_code error;
    const fs::path folder = fs::canonical(from_.folder, error);
    const fs::path path = plain && !error ? fs::weakly_canonical(folder / relative, error) : fs::path();
    const bool inside =
        !error && std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
    require<FileError>(plain && inside, where, "the external data must be in the folder of the model, got ",
                       in_quotes(location));
    return path;
  }

  const OnnxFile& from_;
  std::uint64_t files_, made_ = 0;
  std::set<std::filesystem::path> external_;
};

}  // namespace detail

/// Parses the bytes of an ONNX file; `file` is its name for messages. The messages in memory take up to 100 times the
/// bytes. Throws FileError for bytes that are no protobuf message of a model.
inline OnnxFile parse_onnx(std::string_view bytes, std::string file = "ONNX model in memory") {
  require<FileError>(bytes.size() <= detail::most_onnx_bytes, file, ": the size must be at most ",
                     detail::most_onnx_bytes, " bytes, got ", bytes.size());
  auto model = std::make_shared<onnx::ModelProto>();
  const bool parsed = model->ParseFromArray(bytes.data(), int(bytes.size()));
  if (!parsed || !model->has_graph()) {
    const auto kind = detail::kind_of_file(std::as_bytes(std::span(bytes.substr(0, 256))));
    const bool other = kind != detail::FileKind::unknown && kind != detail::FileKind::onnx;
    throw FileError(text(file, ": the file must be an ONNX model, got ",
                         other    ? detail::kind_and_reader(kind)
                         : parsed ? "a message without a graph"
                                  : "other bytes"));
  }
  return {std::move(model), std::move(file), {}, bytes.size()};
}

/// Reads an ONNX file. Weights in other files are read when the model is opened; they must be in the same folder.
/// Throws as parse_onnx.
inline OnnxFile read_onnx(const std::filesystem::path& path) {
  const detail::InputFile file(path);
  require<FileError>(file.size() <= detail::most_onnx_bytes, file.name(), ": the size must be at most ",
                     detail::most_onnx_bytes, " bytes, got ", file.size());
  OnnxFile to = parse_onnx(detail::read_text(path), path.string());
  to.folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  return to;
}

}  // namespace unroll
