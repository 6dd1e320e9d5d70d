#pragma once
// Header of a .npy file: a Python dictionary of literals, parsed without Python and validated.

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/io/formats/tensor.hpp"

namespace unroll::detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";
inline constexpr std::size_t npy_most_dimensions = 32;

/// Element type of a .npy file and its type in memory. Tensors have no unsigned types of more than 8 bits, so these
/// become the next larger signed type, and 8-byte unsigned numbers become I64.
struct NpyElements {
  std::string_view code;  ///< type code without the byte order
  std::size_t bytes;      ///< size of an element in the file
  DType dtype;
};

inline constexpr std::array<NpyElements, 12> npy_elements{{{"b1", 1, DType::BOOL},
                                                           {"u1", 1, DType::U8},
                                                           {"i1", 1, DType::I8},
                                                           {"i2", 2, DType::I16},
                                                           {"f2", 2, DType::F16},
                                                           {"i4", 4, DType::I32},
                                                           {"f4", 4, DType::F32},
                                                           {"f8", 8, DType::F64},
                                                           {"i8", 8, DType::I64},
                                                           {"u2", 2, DType::I32},
                                                           {"u4", 4, DType::I64},
                                                           {"u8", 8, DType::I64}}};

struct NpyHeader {
  NpyElements elements = {};
  bool big_endian = false;
  bool fortran_order = false;  ///< whether the first index varies fastest
  std::vector<Index> shape;
  std::size_t bytes = 0;  ///< total size of the elements in the file
};

/// Header of an array of texts of equal length, which end with zeros.
struct NpyTextHeader {
  bool wide = false;  ///< 4 bytes per letter, its code point; otherwise bytes
  bool big_endian = false;
  std::size_t length = 0;  ///< letters of a text
  std::size_t count = 0;   ///< number of texts
  std::size_t bytes() const { return count * text_bytes(); }
  std::size_t text_bytes() const { return length * (wide ? 4 : 1); }
};

/// Parser of the header dictionary. It accepts only the literals needed and throws for other Python syntax.
class NpyHeaderReader {
 public:
  NpyHeaderReader(std::string_view text, std::string_view file) : rest_(text), file_(file) {}

  NpyHeader read() {
    parse();
    return finish();
  }
  NpyTextHeader read_texts() {
    parse();
    return finish_texts();
  }

 private:
  void parse() {
    expect(take('{'), "must begin with '{'");
    while (!take('}')) {
      entry();
      if (take(',')) continue;
      expect(take('}'), "must have ',' or '}' after an entry");
      break;
    }
    skip_blanks();
    expect(rest_.empty(), "must end after the dictionary");
    expect(descr_ && fortran_order_ && shape_, "must have the keys 'descr', 'fortran_order' and 'shape'");
  }

  template <class... Parts>
  void expect(bool condition, const Parts&... parts) const {
    require<FileError>(condition, file_, ": the header of a .npy file ", parts...);
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\n\r"), rest_.size())); }

  bool take(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  bool take_word(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::string_view take_string() {
    skip_blanks();
    expect(rest_.starts_with('\'') || rest_.starts_with('"'), "must have text in quotes, got ",
           [&] { return in_quotes(rest_); });
    const auto end = rest_.find(rest_.front(), 1);
    expect(end != rest_.npos, "must have a closing quote for every text");
    const auto text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  void entry() {
    const auto key = take_string();
    expect(take(':'), "must have ':' after ", [&] { return in_quotes(key); });
    if (key == "descr") {
      expect(!descr_, "must have 'descr' once, got it twice");
      skip_blanks();
      expect(!rest_.starts_with('['), "must describe one field, got records of several");
      descr_ = take_string();
    } else if (key == "fortran_order") {
      expect(!fortran_order_, "must have 'fortran_order' once, got it twice");
      fortran_order_ = take_word("True");
      expect(*fortran_order_ || take_word("False"), "must have True or False for 'fortran_order'");
    } else {
      expect(key == "shape", "must have only the keys 'descr', 'fortran_order' and 'shape', got ",
             [&] { return in_quotes(key); });
      expect(!shape_, "must have 'shape' once, got it twice");
      take_shape();
    }
  }

  void take_shape() {
    shape_.emplace();
    expect(take('('), "must have a tuple such as (2, 3) for 'shape'");
    while (!take(')')) {
      expect(shape_->size() < npy_most_dimensions, "must have at most ", npy_most_dimensions,
             " dimensions for 'shape', got more");
      shape_->push_back(take_extent());
      if (take(',')) continue;
      expect(take(')') && shape_->size() > 1, "must have a tuple such as (2, 3) for 'shape'");
      break;
    }
  }

  Index take_extent() {
    skip_blanks();
    Index extent = -1;
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), extent);
    expect(error == std::errc{} && extent >= 0, "must have whole numbers from 0 to 2^63 - 1 for 'shape'");
    rest_.remove_prefix(std::size_t(end - rest_.data()));
    return extent;
  }

  NpyHeader finish() const {
    const std::string_view order = descr_->substr(0, 1),
                           code = descr_->substr(std::min<std::size_t>(1, descr_->size()));
    expect(!code.starts_with('O'), "must have a numeric element type, got Python objects");
    const auto found = std::ranges::find(npy_elements, code, &NpyElements::code);
    const bool known = found != npy_elements.end() && (order == "<" || order == "|" || order == ">") &&
                       (order != "|" || found->bytes == 1);
    expect(
        known, "must have an element type of whole numbers of 1 to 8 bytes, f2, f4, f8 or b1, got ",
        [&] { return in_quotes(*descr_); },
        code.starts_with('U') || code.starts_with('S') ? "; use read_npy_texts or read_npz_texts" : "");
    NpyHeader header{*found, order == ">", *fortran_order_, *shape_, found->bytes};
    // All partial products must be below 2^63, because a size that wraps around could match any file.
    constexpr auto largest = std::size_t(std::numeric_limits<Index>::max());
    for (const Index extent : header.shape) {
      expect(header.bytes == 0 || std::size_t(extent) <= largest / header.bytes,
             "must have a shape that fits in memory, got ", [&] { return shape_text(header.shape); });
      header.bytes *= std::size_t(extent);
    }
    return header;
  }

  NpyTextHeader finish_texts() const {
    const std::string_view order = descr_->substr(0, 1),
                           kind = descr_->substr(std::min<std::size_t>(1, descr_->size()), 1);
    NpyTextHeader header{.wide = kind == "U", .big_endian = order == ">"};
    const char *const first = descr_->data() + std::min<std::size_t>(2, descr_->size()), *const last = descr_->data() +
                                                                                                       descr_->size();
    const auto [end, error] = std::from_chars(first, last, header.length);
    const bool right = (kind == "U" && (order == "<" || order == ">")) || (kind == "S" && order == "|");
    constexpr std::size_t longest = 1 << 20;
    expect(right && error == std::errc{} && end == last && header.length > 0 && header.length <= longest,
           "must have an element type of texts, U or S with 1 to ", longest, " letters, got ",
           [&] { return in_quotes(*descr_); });
    expect(shape_->size() == 1 && shape_->front() <= std::numeric_limits<Index>::max() / Index(4 * longest),
           "must have one dimension for texts, got ", [&] { return shape_text(*shape_); });
    header.count = std::size_t(shape_->front());
    return header;
  }

  std::string_view rest_, file_;
  std::optional<std::string_view> descr_;
  std::optional<bool> fortran_order_;
  std::optional<std::vector<Index>> shape_;
};

}  // namespace unroll::detail
