#pragma once
// Unpacks deflated bytes: Deutsch 1996, RFC 1951.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "unroll/core/error.hpp"

namespace unroll::detail {

/// Bits from the least significant one of each byte on.
class BitReader {
 public:
  BitReader(std::span<const std::byte> bytes, std::string_view file) : bytes_(bytes), file_(file) {}

  std::string_view file() const { return file_; }

  /// The next bits, without taking them; zeros behind the end. At most 15.
  std::uint32_t peek(int count) {
    for (; have_ <= 56 && next_ < bytes_.size(); have_ += 8)
      buffer_ |= std::to_integer<std::uint64_t>(bytes_[next_++]) << have_;
    return static_cast<std::uint32_t>(buffer_ & ((std::uint64_t(1) << count) - 1));
  }
  void drop(int count) {
    require<FileError>(count <= have_, file_, ": the deflated data end too early");
    buffer_ >>= count;
    have_ -= count;
  }
  std::uint32_t take(int count) {
    const std::uint32_t bits = peek(count);
    drop(count);
    return bits;
  }
  void skip_to_byte() { drop(have_ % 8); }

 private:
  std::span<const std::byte> bytes_;
  std::string_view file_;
  std::size_t next_ = 0;
  std::uint64_t buffer_ = 0;
  int have_ = 0;  // bits in the buffer
};

/// A canonical Huffman code (section 3.2.2): all words are known from their lengths.
class HuffmanCode {
 public:
  /// A length for each symbol, 0 for one that does not occur.
  HuffmanCode(std::span<const std::uint8_t> lengths, std::string_view file) {
    std::array<std::uint32_t, 17> count{}, first{};
    for (const auto length : lengths) ++count[length], longest_ = std::max<int>(longest_, length);
    count[0] = 0;
    for (std::size_t length = 1; length <= 15; ++length) first[length + 1] = (first[length] + count[length]) << 1;
    table_.resize(std::size_t(1) << longest_);
    for (std::size_t symbol = 0; symbol < lengths.size(); ++symbol)
      if (const auto length = lengths[symbol]; length > 0) enter(symbol, length, first[length]++, file);
  }

  std::uint32_t decode(BitReader& bits) const {
    const Word word = table_[bits.peek(longest_)];
    require<FileError>(word.length > 0, bits.file(), ": the deflated data hold a word that their code does not have");
    bits.drop(word.length);
    return word.symbol;
  }

 private:
  struct Word {
    std::uint16_t symbol = 0;
    std::uint8_t length = 0;
  };

  /// Words come highest bit first, all other numbers lowest bit first.
  void enter(std::size_t symbol, int length, std::uint32_t code, std::string_view file) {
    require<FileError>(code >> length == 0, file, ": the deflated data have a code with too many words");
    std::size_t reversed = 0;
    for (int bit = 0; bit < length; ++bit) reversed |= std::size_t(code >> bit & 1) << (length - 1 - bit);
    for (std::size_t at = reversed; at < table_.size(); at += std::size_t(1) << length)
      table_[at] = {static_cast<std::uint16_t>(symbol), static_cast<std::uint8_t>(length)};
  }

  int longest_ = 0;
  std::vector<Word> table_;  // by the next bits, as many as the longest word has
};

class Inflater {
 public:
  Inflater(std::span<const std::byte> bytes, std::size_t size, std::string_view file)
      : bits_(bytes, file), size_(size), file_(file) {}

  std::vector<std::byte> run() {
    for (bool last = false; !last;) {
      last = bits_.take(1) != 0;
      block(bits_.take(2));
    }
    require<FileError>(out_.size() == size_, file_, ": the deflated data give ", out_.size(), " bytes, expected ",
                       size_);
    return std::move(out_);
  }

 private:
  void block(std::uint32_t kind) {
    require<FileError>(kind < 3, file_, ": the deflated data hold a block of an unknown kind");
    if (kind == 0) return stored();
    std::array<std::uint8_t, 320> lengths{};
    if (kind == 2) return dynamic(lengths);
    std::fill_n(lengths.begin(), 144, std::uint8_t(8)), std::fill_n(lengths.begin() + 144, 112, std::uint8_t(9));
    std::fill_n(lengths.begin() + 256, 24, std::uint8_t(7)), std::fill_n(lengths.begin() + 280, 8, std::uint8_t(8));
    std::fill_n(lengths.begin() + 288, 30, std::uint8_t(5));
    compressed({std::span(lengths).first(288), file_}, {std::span(lengths).subspan(288, 30), file_});
  }

  void stored() {
    bits_.skip_to_byte();
    const std::uint32_t low = bits_.take(8), length = low | bits_.take(8) << 8;
    const std::uint32_t check_low = bits_.take(8), check = check_low | bits_.take(8) << 8;
    require<FileError>((length ^ check) == 0xffff, file_, ": the deflated data hold a block of unsure length");
    for (std::uint32_t i = 0; i < length; ++i) put(std::byte(bits_.take(8)));
  }

  /// Section 3.2.7: the lengths of both codes are written in a third code.
  void dynamic(std::span<std::uint8_t> lengths) {
    const std::size_t literals = 257 + bits_.take(5), distances = 1 + bits_.take(5), words = 4 + bits_.take(4);
    static constexpr std::array<std::uint8_t, 19> order{16, 17, 18, 0, 8,  7, 9,  6, 10, 5,
                                                        11, 4,  12, 3, 13, 2, 14, 1, 15};
    std::array<std::uint8_t, 19> of_lengths{};
    for (std::size_t k = 0; k < words; ++k) of_lengths[order[k]] = static_cast<std::uint8_t>(bits_.take(3));
    const HuffmanCode code(of_lengths, file_);
    for (std::size_t k = 0; k < literals + distances;) {
      const std::uint32_t symbol = code.decode(bits_);
      std::uint8_t value = static_cast<std::uint8_t>(symbol < 16 ? symbol : 0);
      std::uint32_t repeats = 1;
      if (symbol == 16) {
        require<FileError>(k > 0, file_, ": the deflated data repeat a length before the first");
        value = lengths[k - 1];
      }
      if (symbol >= 16)
        repeats = symbol == 18 ? 11 + bits_.take(7) : symbol == 17 ? 3 + bits_.take(3) : 3 + bits_.take(2);
      require<FileError>(k + repeats <= literals + distances, file_, ": the deflated data have too many lengths");
      std::fill_n(lengths.begin() + std::ptrdiff_t(k), repeats, value);
      k += repeats;
    }
    compressed({lengths.first(literals), file_}, {lengths.subspan(literals, distances), file_});
  }

  void compressed(const HuffmanCode& literals, const HuffmanCode& distances) {
    for (std::uint32_t symbol = 0; (symbol = literals.decode(bits_)) != 256;) {
      if (symbol < 256) {
        put(std::byte(symbol));
      } else {
        const std::uint32_t length = match_length(symbol);
        copy(length, match_distance(distances.decode(bits_)));
      }
    }
  }

  std::uint32_t match_length(std::uint32_t symbol) {
    require<FileError>(symbol <= 285, file_, ": the deflated data hold an unknown length");
    if (symbol == 285) return 258;
    const std::uint32_t k = symbol - 257;
    const int extra = k < 4 ? 0 : int(k / 4) - 1;
    return k < 8 ? k + 3 : 3 + ((4 + k % 4) << extra) + bits_.take(extra);
  }

  std::uint32_t match_distance(std::uint32_t symbol) {
    require<FileError>(symbol < 30, file_, ": the deflated data hold an unknown distance");
    const int extra = symbol < 2 ? 0 : int(symbol / 2) - 1;
    return symbol < 4 ? symbol + 1 : 1 + ((2 + symbol % 2) << extra) + bits_.take(extra);
  }

  void put(std::byte byte) {
    require<FileError>(out_.size() < size_, file_, ": the deflated data give more than the ", size_,
                       " bytes that were announced");
    out_.push_back(byte);
  }

  /// Byte by byte, because what is copied may be what this copy writes.
  void copy(std::uint32_t length, std::size_t distance) {
    require<FileError>(distance <= out_.size(), file_, ": the deflated data refer to bytes before their first");
    for (; length > 0; --length) put(out_[out_.size() - distance]);
  }

  BitReader bits_;
  std::size_t size_;
  std::string_view file_;
  std::vector<std::byte> out_;
};

/// The bytes behind `deflated`, whose number was announced as `size`. Throws FileError, naming `file`, for anything
/// else.
inline std::vector<std::byte> inflate(std::span<const std::byte> deflated, std::size_t size, std::string_view file) {
  return Inflater(deflated, size, file).run();
}

}  // namespace unroll::detail
