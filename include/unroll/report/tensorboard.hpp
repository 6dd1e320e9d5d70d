#pragma once
// TensorBoard event files, written without TensorFlow. A file is a list of records (TFRecord): length of an event in 8
// bytes, checksum of the length, event, checksum of the event. An event is a protocol buffers message; the field
// numbers below are those of TensorBoard's event.proto and summary.proto.

#include <bit>
#include <fstream>
#include <limits>

#include "unroll/core/finite.hpp"
#include "unroll/io/atomic_file.hpp"
#include "unroll/io/detail/bytes.hpp"
#include "unroll/parameters/parameters.hpp"

namespace unroll {
namespace detail {

/// Encoder of a protocol buffers message, field by field.
class Message {
 public:
  Message& whole(int field, std::int64_t value) { return key(field, 0).varint(std::uint64_t(value)); }
  Message& real(int field, double value) {
    key(field, 1);
    append_word(bytes_, std::bit_cast<std::uint64_t>(value), 8);
    return *this;
  }
  Message& single(int field, float value) {
    key(field, 5);
    append_word(bytes_, std::bit_cast<std::uint32_t>(value), 4);
    return *this;
  }
  Message& bytes(int field, std::string_view value) {
    key(field, 2).varint(value.size());
    bytes_ += value;
    return *this;
  }
  Message& reals(int field, std::span<const double> values) {
    Message packed;
    for (const double value : values) append_word(packed.bytes_, std::bit_cast<std::uint64_t>(value), 8);
    return bytes(field, packed.bytes_);
  }

  const std::string& str() const { return bytes_; }

 private:
  Message& key(int field, int wire_type) { return varint(std::uint64_t(field) << 3 | std::uint64_t(wire_type)); }
  Message& varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>((value & 0x7f) | 0x80);
    bytes_ += static_cast<char>(value);
    return *this;
  }

  std::string bytes_;
};

/// CRC-32C (Castagnoli, RFC 3720), rotated and shifted as in TFRecord, because a checksum of data with checksums would
/// be weak.
inline std::uint32_t masked_crc(std::string_view bytes) {
  const std::uint32_t crc = crc32<0x82F63B78>(std::as_bytes(std::span(bytes)));
  return std::rotr(crc, 15) + 0xa282ead8u;
}

inline std::string record_of(std::string_view event) {
  std::string record;
  append_word(record, event.size(), 8);
  append_word(record, masked_crc(record), 4);
  record += event;
  append_word(record, masked_crc(event), 4);
  return record;
}

inline std::uint64_t word_at(std::string_view bytes, std::size_t place, int size) {
  std::uint64_t value = 0;
  for (int k = size; k-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes[place + std::size_t(k)]);
  return value;
}

/// Total length of the complete records at the beginning; an interrupted run may leave an incomplete last record.
inline std::size_t whole_records(std::string_view bytes) {
  std::size_t place = 0;
  while (bytes.size() - place >= 16) {
    const std::uint64_t length = word_at(bytes, place, 8);
    if (word_at(bytes, place + 8, 4) != masked_crc(bytes.substr(place, 8)) || length > bytes.size() - place - 16) break;
    if (word_at(bytes, place + 12 + length, 4) != masked_crc(bytes.substr(place + 12, length))) break;
    place += 16 + length;
  }
  return place;
}

/// Histogram with 40 bins of equal width between the smallest and the largest value, or one bin if they are equal.
/// Computes with halves, because the difference of two finite numbers may overflow.
inline std::string histogram_of(std::span<const double> values, double low, double high) {
  const double half = 0.5 * high - 0.5 * low;
  const std::size_t parts = half / 40 > 0 ? 40 : 1;
  std::vector<double> limits(parts, high), counts(parts, 0);
  double sum = 0, squares = 0;
  for (std::size_t k = 0; k + 1 < parts; ++k) limits[k] = low + 2 * (half * (double(k + 1) / double(parts)));
  for (const double value : values) {
    const double share = parts > 1 ? (0.5 * value - 0.5 * low) / half : 0;
    counts[std::min(std::size_t(share * double(parts)), parts - 1)] += 1;
    sum += value, squares += value * value;
  }
  return Message()
      .real(1, low)
      .real(2, high)
      .real(3, double(values.size()))
      .real(4, sum)
      .real(5, squares)
      .reals(6, limits)
      .reals(7, counts)
      .str();
}

}  // namespace detail

/// TensorBoard event file with scalars, histograms and images of a run, for `tensorboard --logdir FOLDER`. Events are
/// in the file when a call returns. Times are in seconds since 1970 and are passed by the caller, so that runs are
/// reproducible to the byte.
class EventFile {
 public:
  /// Opens or creates the file; appends to an existing one after its last complete record. Throws ValueError for a name
  /// without "tfevents", by which TensorBoard finds its files, and FileError if the file cannot be written or is not an
  /// event file.
  EventFile(const std::filesystem::path& path, double wall_time) : path_(path) {
    require<ValueError>(path.filename().string().find("tfevents") != std::string::npos, path.string(),
                        ": the file name must contain 'tfevents'; TensorBoard reads no other files");
    if (cut_to_whole_records() == 0)
      write_text(path_, detail::record_of(detail::Message().real(1, wall_time).bytes(3, "brain.Event:2").str()));
    stream_.open(path_, std::ios::binary | std::ios::app);
    require<FileError>(stream_.good(), path_.string(), ": cannot be written");
  }

  /// Adds a scalar, in single precision. NaN and infinity are allowed.
  void scalar(std::string_view tag, double value, std::int64_t step, double wall_time) {
    add(detail::Message().bytes(1, tag).single(2, float(value)), step, wall_time);
  }

  /// Adds a histogram of the finite values. Throws ValueError if there are none.
  template <class Derived>
  void histogram(std::string_view tag, const Eigen::DenseBase<Derived>& values, std::int64_t step, double wall_time) {
    std::vector<double> finite;
    for (Index k = 0; k < values.cols(); ++k)
      for (Index row = 0; row < values.rows(); ++row)
        if (const double value = double(values.derived().coeff(row, k)); is_finite(value)) finite.push_back(value);
    add_histogram(tag, finite, step, wall_time);
  }

  /// Adds a histogram for each block of parameters, or of their gradients, with its name as tag.
  template <class Scalar>
  void histograms(const Parameters<Scalar>& parameters, std::int64_t step, double wall_time) {
    for (const ParameterBlock& block : parameters.table().blocks())
      if (block.size() > 0) histogram(block.name, parameters.block(block), step, wall_time);
  }

  /// Adds an image. `png`: content of a PNG file; throws ValueError for other formats.
  void image(std::string_view tag, std::string_view png, std::int64_t step, double wall_time) {
    require<ValueError>(png.size() > 24 && png.starts_with("\x89PNG\r\n\x1a\n"), "image '", tag,
                        "': the content must be a PNG file, got another format");
    const auto size = [&](std::size_t at) {  // big-endian, unlike the rest of the file
      std::int64_t number = 0;
      for (const char c : png.substr(at, 4)) number = number << 8 | static_cast<unsigned char>(c);
      return number;
    };
    const auto image = detail::Message().whole(1, size(20)).whole(2, size(16)).whole(3, 4).bytes(4, png);
    add(detail::Message().bytes(1, tag).bytes(4, image.str()), step, wall_time);
  }

 private:
  /// Returns the size of the remaining file.
  std::size_t cut_to_whole_records() const {
    std::error_code error;
    if (!std::filesystem::exists(path_, error)) return 0;
    std::ifstream file(path_, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    const std::size_t whole = detail::whole_records(bytes);
    require<FileError>(whole > 0 || bytes.empty(), path_.string(),
                       ": an existing file must be an event file, got another format");
    if (whole < bytes.size()) std::filesystem::resize_file(path_, whole, error);
    require<FileError>(!error, path_.string(),
                       ": cannot be truncated after its last complete event: ", error.message());
    return whole;
  }

  void add_histogram(std::string_view tag, std::span<const double> values, std::int64_t step, double wall_time) {
    require<ValueError>(!values.empty(), "histogram '", tag, "': the values must have at least 1 finite number, got 0");
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    add(detail::Message().bytes(1, tag).bytes(5, detail::histogram_of(values, *low, *high)), step, wall_time);
  }

  void add(const detail::Message& value, std::int64_t step, double wall_time) {
    const auto summary = detail::Message().bytes(1, value.str());
    write(detail::Message().real(1, wall_time).whole(2, step).bytes(5, summary.str()));
  }

  /// Writes a record in one piece, so that readers see complete records. Removes a partially written record after a
  /// failure.
  void write(const detail::Message& event) {
    const std::string record = detail::record_of(event.str());
    stream_.write(record.data(), std::streamsize(record.size()));
    stream_.flush();
    if (stream_.good()) return;
    stream_ = {};
    cut_to_whole_records();
    stream_.open(path_, std::ios::binary | std::ios::app);
    throw FileError(path_.string() + ": cannot be written");
  }

  std::filesystem::path path_;
  std::ofstream stream_;
};

}  // namespace unroll
