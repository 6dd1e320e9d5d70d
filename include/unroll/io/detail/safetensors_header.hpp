#pragma once
// JSON header of a safetensors file, parsed without recursion and validated.

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/tensor.hpp"
#include "unroll/io/json.hpp"

namespace unroll::detail {

// Limits of this reader; the first is defined by the format.
inline constexpr std::uint64_t max_header_bytes = 100'000'000;
inline constexpr std::size_t max_tensors = 1'000'000, max_name_bytes = 4096, max_rank = 8;

/// Description of a tensor; its data are the bytes [begin, end) of the data part.
struct HeaderEntry {
  DType dtype{};
  std::vector<Index> shape;
  std::uint64_t begin = 0, end = 0;
};

struct Header {
  std::map<std::string, HeaderEntry> entries;
  std::map<std::string, std::string> metadata;
};

/// SAX handler of the header. The parser keeps its stack on the heap and the handler does not recurse, so a header with
/// forty thousand brackets throws instead of overflowing the stack.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view file) : file_(file) {}

  Header take() { return std::move(header_); }

  bool null() { return other("null"); }
  bool boolean(bool) { return other("a truth value"); }
  bool number_integer(std::int64_t) { return other("a negative number"); }
  bool number_float(double, const std::string&) { return other("a number that is no whole number of at most 64 bits"); }
  bool binary(const std::vector<std::uint8_t>&) { return other("binary data"); }

  bool number_unsigned(std::uint64_t value) {
    if (!list_) return other("a number");
    const std::size_t longest = list_ == &shape_ ? max_rank : 2;
    expect((*list_)->size() < longest, "must have at most ", longest, " numbers, got more");
    (*list_)->push_back(value);
    return true;
  }

  bool string(const std::string& value) {
    if (depth_ == 2 && in_metadata_) {
      expect(header_.metadata.emplace(field_, value).second, "must occur once, got it twice");
    } else if (depth_ == 2 && field_ == "dtype") {
      read_dtype(value);
    } else {
      return other("text");
    }
    return true;
  }

  bool key(const std::string& key) {
    if (depth_ == 1) begin_entry(key);
    if (depth_ == 2) field_ = key;
    return true;
  }

  bool start_object(std::size_t) {
    if (depth_ >= 2) other("an object");
    return deeper();
  }

  bool end_object() {
    if (depth_ == 2 && !in_metadata_) finish_entry();
    --depth_;
    return true;
  }

  bool start_array(std::size_t) {
    if (depth_ == 2 && !in_metadata_ && (field_ == "shape" || field_ == "data_offsets")) {
      list_ = field_ == "shape" ? &shape_ : &offsets_;
      expect(!list_->has_value(), "must occur once, got it twice");
      list_->emplace();
    } else {
      other("a list");
    }
    return deeper();
  }

  bool end_array() {
    list_ = nullptr;
    --depth_;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) {
    throw FileError(text(file_, ": byte ", 7 + position, ": the header is not valid JSON: ", json_reason(error)));
  }

 private:
  using List = std::optional<std::vector<std::uint64_t>>;

  /// Throws FileError, naming the tensor and its field, unless `condition` holds.
  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    if (condition) return;
    std::string where = in_metadata_ ? "the metadata" : name_.empty() ? "the header" : "tensor " + in_quotes(name_);
    if (!field_.empty()) where += ", field " + in_quotes(field_);
    throw FileError(text(file_, ": ", where, " ", parts...));
  }

  /// Handles a value of unexpected type: ignores it in an unknown field, throws otherwise.
  bool other(std::string_view what) const {
    const bool known = field_ == "dtype" || field_ == "shape" || field_ == "data_offsets";
    const std::string_view expected = depth_ < 2                          ? "an object"
                                      : in_metadata_ || field_ == "dtype" ? "text"
                                                                          : "a list of whole numbers from 0";
    expect(depth_ >= 2 && !in_metadata_ && !known, "must be ", expected, ", got ", what);
    return true;
  }

  bool deeper() {
    expect(depth_ < 3, "must have at most 3 levels, got more");
    ++depth_;
    return true;
  }

  void begin_entry(const std::string& key) {
    name_ = key;
    field_.clear();
    in_metadata_ = key == "__metadata__";
    expect(key.size() <= max_name_bytes, "must have a name of at most ", max_name_bytes, " bytes, got ", key.size());
    expect(!in_metadata_ || !std::exchange(has_metadata_, true), "must occur once, got it twice");
    expect(in_metadata_ || !header_.entries.contains(key), "must occur once, got it twice");
    expect(header_.entries.size() < max_tensors, "must be one of at most ", max_tensors, " tensors, got more");
    dtype_.reset(), shape_.reset(), offsets_.reset();
  }

  void read_dtype(const std::string& value) {
    expect(!dtype_, "must occur once, got it twice");
    for (std::size_t i = 0; i < dtype_traits.size(); ++i)
      if (dtype_traits[i].name == value) dtype_ = static_cast<DType>(i);
    expect(dtype_.has_value(), "must be BOOL, U8, I8, I16, I32, I64, F16, BF16, F32 or F64, got ",
           [&] { return in_quotes(value); });
  }

  void finish_entry() {
    field_.clear();
    expect(dtype_ && shape_ && offsets_, "must have the fields dtype, shape and data_offsets");
    expect(offsets_->size() == 2, "must have 2 numbers in data_offsets, got ", offsets_->size());
    HeaderEntry entry{*dtype_, {}, (*offsets_)[0], (*offsets_)[1]};
    expect(entry.begin <= entry.end, "must have ascending data_offsets, got ", entry.begin, " and ", entry.end);
    const std::uint64_t bytes = checked_bytes(entry);
    expect(
        bytes == entry.end - entry.begin, "must have ", bytes, " bytes for ", name(entry.dtype), " ",
        [&] { return shape_text(entry.shape); }, ", got ", entry.end - entry.begin);
    header_.entries.emplace(name_, std::move(entry));
  }

  /// Copies the shape and returns the size of the tensor in bytes. All partial products must be below 2^63, because a
  /// size that wraps around could match any file.
  std::uint64_t checked_bytes(HeaderEntry& entry) const {
    constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<Index>::max());
    auto bytes = static_cast<std::uint64_t>(dtype_traits[static_cast<std::size_t>(entry.dtype)].bytes);
    for (const std::uint64_t extent : *shape_) {
      expect(extent <= largest && (bytes == 0 || extent <= largest / bytes),
             "must have a shape that fits in memory, got an extent of ", extent);
      bytes *= extent;
      entry.shape.push_back(static_cast<Index>(extent));
    }
    return bytes;
  }

  std::string_view file_;
  Header header_;
  int depth_ = 0;             // number of open brackets
  std::string name_, field_;  // keys at depth 1 and 2
  bool in_metadata_ = false, has_metadata_ = false;
  std::optional<DType> dtype_;              // of the current entry
  List shape_, offsets_, *list_ = nullptr;  // list_: destination of the next numbers
};

/// Throws FileError unless the tensors cover each byte of the data part exactly once. Bytes without a description could
/// hide any content.
inline void check_coverage(const Header& header, std::uint64_t data_bytes, std::string_view file) {
  std::vector<std::tuple<std::uint64_t, std::uint64_t, std::string_view>> parts;
  for (const auto& [name, entry] : header.entries) parts.emplace_back(entry.begin, entry.end, name);
  std::sort(parts.begin(), parts.end());
  std::uint64_t covered = 0;
  for (const auto& [begin, end, name] : parts) {
    require<FileError>(
        begin == covered, file, ": tensor ", [n = name] { return in_quotes(n); }, " must begin at byte ", covered,
        " of the data, after the tensors before it, got ", begin);
    covered = end;
  }
  require<FileError>(covered == data_bytes, file, ": the data must have ", covered, " bytes, as the tensors, got ",
                     data_bytes);
}

/// Parses the header `json`, which is followed by `data_bytes` bytes of data. Throws FileError for headers that the
/// format forbids.
inline Header parse_header(std::string_view json, std::uint64_t data_bytes, std::string_view file) {
  require<FileError>(json.starts_with('{'), file, ": byte 8: the header must begin with '{'");
  // The JSON library treats a NUL as the end of the text and would ignore the rest.
  const auto nul = json.find('\0');
  require<FileError>(nul == json.npos, file, ": byte ", 8 + nul, ": the header must have no NUL byte");
  HeaderReader reader(file);
  nlohmann::json::sax_parse(json.begin(), json.end(), &reader);
  Header header = reader.take();
  check_coverage(header, data_bytes, file);
  return header;
}

}  // namespace unroll::detail
