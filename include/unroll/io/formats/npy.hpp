#pragma once
// NumPy's .npy files: one array (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html). Layout: the
// magic "\x93NUMPY", two bytes of version, the length of the header (2 bytes in version 1, else 4, little-endian), the
// header as a Python dictionary of literals, the elements up to the end of the file.

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "unroll/core/utf8.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/detail/npy_header.hpp"
#include "unroll/io/input_file.hpp"

namespace unroll {

static_assert(std::endian::native == std::endian::little, "unroll: the machine must be little-endian, as tensors");

namespace detail {

inline void swap_bytes(std::span<std::byte> bytes, std::size_t element) {
  for (std::size_t i = 0; i < bytes.size(); i += element) std::ranges::reverse(bytes.subspan(i, element));
}

/// Converts column-major elements to row-major.
inline std::vector<std::byte> to_row_major(std::span<const std::byte> columns, const std::vector<Index>& shape,
                                           std::size_t element) {
  std::vector<std::byte> rows(columns.size());
  std::vector<Index> index(shape.size(), 0);
  for (std::size_t to = 0; to < rows.size(); to += element) {
    std::size_t from = 0;
    for (std::size_t d = shape.size(); d-- > 0;) from = from * std::size_t(shape[d]) + std::size_t(index[d]);
    std::memcpy(rows.data() + to, columns.data() + from * element, element);
    for (std::size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
  }
  return rows;
}

/// Converts unsigned integers to the next larger signed type. Throws FileError for values that do not fit.
template <class From, class To>
std::vector<std::byte> widened(std::span<const std::byte> bytes, std::string_view file) {
  std::vector<std::byte> wide(bytes.size() / sizeof(From) * sizeof(To));
  for (std::size_t i = 0; i < bytes.size() / sizeof(From); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof value, sizeof value);
    require<FileError>(std::in_range<To>(value), file, ": element ", i, " must be at most 2^63 - 1, got ", value);
    const To same = static_cast<To>(value);
    std::memcpy(wide.data() + i * sizeof same, &same, sizeof same);
  }
  return wide;
}

inline void widen_unsigned(Tensor& tensor, const NpyElements& elements, std::string_view file) {
  if (elements.code == "u2") tensor.bytes = widened<std::uint16_t, std::int32_t>(tensor.bytes, file);
  if (elements.code == "u4") tensor.bytes = widened<std::uint32_t, std::int64_t>(tensor.bytes, file);
  if (elements.code == "u8") tensor.bytes = widened<std::uint64_t, std::int64_t>(tensor.bytes, file);
}

/// Reads the header of a .npy file, up to the first element. `read(bytes)` fills the span with the next bytes of the
/// file; `file_bytes` becomes the number of bytes left.
template <class Read>
std::string read_npy_header(std::uint64_t& file_bytes, const std::string& file, Read& read) {
  std::array<std::byte, 12> prefix{};
  const auto little_endian = [&](std::size_t first, std::size_t last) {
    std::uint64_t value = 0;
    while (last > first) value = value << 8 | std::to_integer<std::uint64_t>(prefix[--last]);
    return value;
  };
  require<FileError>(file_bytes >= 10, file, ": a .npy file must have at least 10 bytes, got ", file_bytes);
  read(std::span(prefix).first(10));
  require<FileError>(std::memcmp(prefix.data(), npy_magic.data(), npy_magic.size()) == 0, file,
                     ": a .npy file must begin with the byte 0x93 and NUMPY, got other bytes");
  const auto version = little_endian(6, 7), minor = little_endian(7, 8);
  require<FileError>(version >= 1 && version <= 3 && minor == 0, file,
                     ": the version of the .npy format must be 1.0, 2.0 or 3.0, got ", version, ".", minor);
  const std::size_t begin = version == 1 ? 10 : 12;
  require<FileError>(file_bytes >= begin, file, ": a .npy file of this version must have at least ", begin,
                     " bytes, got ", file_bytes);
  read(std::span(prefix).subspan(10, begin - 10));
  const std::uint64_t length = little_endian(8, begin);
  require<FileError>(length <= file_bytes - begin, file, ": the header must have at most ", file_bytes - begin,
                     " bytes, the rest of the file, got ", length);
  std::string text(std::size_t(length), '\0');
  read(std::as_writable_bytes(std::span(text)));
  file_bytes -= begin + length;
  return text;
}

/// Throws FileError unless the rest of the file has the bytes of the elements.
inline void check_npy_bytes(std::uint64_t bytes, std::uint64_t rest, const std::vector<Index>& shape,
                            const std::string& file) {
  require<FileError>(
      bytes == rest, file, ": the data must have ", bytes, " bytes for the shape ", [&] { return shape_text(shape); },
      ", got ", rest);
}

/// Reads a .npy file sequentially. `read(bytes)` fills the span with the next bytes of the file.
template <class Read>
Tensor read_npy_from(std::uint64_t file_bytes, const std::string& file, Read read) {
  const std::string text = read_npy_header(file_bytes, file, read);
  NpyHeader header = NpyHeaderReader(text, file).read();
  check_npy_bytes(header.bytes, file_bytes, header.shape, file);
  Tensor tensor{header.elements.dtype, std::move(header.shape), {}};
  read_bytes(tensor.bytes, header.bytes, file, read);
  if (header.big_endian) swap_bytes(tensor.bytes, header.elements.bytes);
  if (header.fortran_order && tensor.shape.size() > 1)
    tensor.bytes = to_row_major(tensor.bytes, tensor.shape, header.elements.bytes);
  widen_unsigned(tensor, header.elements, file);
  return tensor;
}

/// Text of NumPy without the zeros at its end, in UTF-8. Throws FileError for an invalid letter.
inline std::string npy_text(std::span<const std::byte> bytes, bool wide, const std::string& file) {
  const std::string_view letters(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!wide) {
    const std::string_view some = letters.substr(0, letters.find_last_not_of('\0') + 1);
    require_utf8(some, file);
    return std::string(some);
  }
  std::vector<std::uint32_t> points(bytes.size() / 4);
  std::memcpy(points.data(), bytes.data(), bytes.size());
  while (!points.empty() && points.back() == 0) points.pop_back();
  std::string text;
  for (const std::uint32_t point : points) {
    require<FileError>(point < 0x110000 && (point < 0xD800 || point >= 0xE000), file,
                       ": a letter must be a code point of Unicode, got ", point);
    append_utf8(text, point);
  }
  return text;
}

/// Reads a .npy file of texts sequentially.
template <class Read>
std::vector<std::string> read_npy_texts_from(std::uint64_t file_bytes, const std::string& file, Read read) {
  const std::string text = read_npy_header(file_bytes, file, read);
  const NpyTextHeader header = NpyHeaderReader(text, file).read_texts();
  check_npy_bytes(header.bytes(), file_bytes, {Index(header.count)}, file);
  const std::uint64_t most = 500'000 + file_bytes / 16;  // each takes at least the 32 bytes of a std::string
  require<FileError>(header.count <= most, file, ": texts of ", header.text_bytes(), " bytes must be at most ", most,
                     ", got ", header.count);
  std::vector<std::byte> bytes;
  read_bytes(bytes, header.bytes(), file, read);
  if (header.wide && header.big_endian) swap_bytes(bytes, 4);
  std::vector<std::string> texts;
  within_memory<FileError>([&] { texts.resize(header.count); }, file, ": there is no memory for ", header.count,
                           " texts");
  for (std::size_t k = 0; k < texts.size(); ++k)
    texts[k] = npy_text(std::span(bytes).subspan(k * header.text_bytes(), header.text_bytes()), header.wide, file);
  return texts;
}

/// Reader of bytes in memory, in their order.
inline auto reader_of(std::span<const std::byte> bytes) {
  return [rest = bytes](std::span<std::byte> to) mutable {
    std::ranges::copy(rest.first(to.size()), to.begin());
    rest = rest.subspan(to.size());
  };
}

/// Header of a .npy file, up to the first element: version 1.0 in C order, as NumPy writes it.
inline std::string npy_header(const Tensor& tensor, const std::string& file) {
  const auto elements = std::ranges::find(npy_elements, tensor.dtype, &NpyElements::dtype);
  require<ValueError>(elements != npy_elements.end(), file, ": the element type must be one of the .npy format, got ",
                      name(tensor.dtype));
  require<ShapeError>(tensor.bytes.size() == std::size_t(tensor.size()) * elements->bytes, file,
                      ": the tensor must have ", std::size_t(tensor.size()) * elements->bytes, " bytes for the shape ",
                      shape_text(tensor.shape), ", got ", tensor.bytes.size());
  require<ShapeError>(tensor.shape.size() <= npy_most_dimensions, file, ": the tensor must have at most ",
                      npy_most_dimensions, " dimensions, got ", tensor.shape.size());
  std::string shape;
  for (const Index extent : tensor.shape) shape += text(shape.empty() ? "" : ", ", extent);
  if (tensor.shape.size() == 1) shape += ",";
  std::string dictionary = text("{'descr': '", elements->bytes == 1 ? "|" : "<", elements->code,
                                "', 'fortran_order': False, 'shape': (", shape, "), }");
  dictionary.append(63 - (10 + dictionary.size()) % 64, ' ');  // aligns the elements to 64 bytes
  dictionary += '\n';
  std::string header(npy_magic);
  header += {'\1', '\0', char(dictionary.size() & 0xff), char(dictionary.size() >> 8)};
  return header + dictionary;
}

}  // namespace detail

/// Array of a .npy file of version 1 to 3, big- or little-endian, in C or Fortran order; the result is row-major.
/// Unsigned integers of 2 bytes become I32, of 4 and 8 bytes I64. Throws FileError if the file is missing, truncated,
/// longer than its shape requires, or not numeric.
inline Tensor read_npy(const std::filesystem::path& path) {
  detail::InputFile file(path);
  return detail::read_npy_from(file.size(), file.name(), [&](std::span<std::byte> to) { file.read(to); });
}

/// Array of a .npy file in memory; `file` is its name in messages. Throws as `read_npy`.
inline Tensor parse_npy(std::span<const std::byte> bytes, const std::string& file = "npy in memory") {
  return detail::read_npy_from(bytes.size(), file, detail::reader_of(bytes));
}

/// Texts of a .npy file of one dimension, such as names of classes: NumPy's types U and S, without the zeros at their
/// ends, in UTF-8. Throws FileError as read_npy and for letters that are not Unicode.
inline std::vector<std::string> read_npy_texts(const std::filesystem::path& path) {
  detail::InputFile file(path);
  return detail::read_npy_texts_from(file.size(), file.name(), [&](std::span<std::byte> to) { file.read(to); });
}
inline std::vector<std::string> parse_npy_texts(std::span<const std::byte> bytes,
                                                const std::string& file = "npy in memory") {
  return detail::read_npy_texts_from(bytes.size(), file, detail::reader_of(bytes));
}

/// Writes a .npy file atomically, in version 1.0 and C order. Throws ValueError for bfloat16, which NumPy does not
/// have, ShapeError if the number of bytes does not match the shape, and FileError if the file cannot be written.
inline void write_npy(const std::filesystem::path& path, const Tensor& tensor) {
  const std::string header = detail::npy_header(tensor, path.string());
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(header)));
  file.write(tensor.bytes);
  file.commit();
}

}  // namespace unroll
