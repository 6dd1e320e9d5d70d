#pragma once
// Parser for JSON from files, with the library's error types.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "unroll/core/error.hpp"

namespace unroll::detail {

/// Reason in a message "[number] parse error at ... - reason; last read: ..." of the JSON library, limited in length.
/// The last part is dropped, because it quotes any amount of the file.
inline std::string json_reason(const nlohmann::json::exception& error) {
  std::string_view reason = error.what();
  reason = reason.substr(0, reason.find("; last read"));
  return std::string(reason.substr(reason.find("] ") + 2).substr(0, 200));
}

/// SAX handler that throws at the first error and for values that would take too much memory.
class JsonCheck {
 public:
  /// `bytes`: size of the text.
  JsonCheck(std::string_view file, std::size_t bytes) : file_(file), most_(always + per_byte * bytes) {}

  bool null() { return add(0); }
  bool boolean(bool) { return add(0); }
  bool number_integer(std::int64_t) { return add(0); }
  bool number_unsigned(std::uint64_t) { return add(0); }
  bool number_float(double, const std::string&) { return add(0); }
  bool string(const std::string& value) { return add(sizeof(std::string) + value.size()); }
  bool binary(const std::vector<std::uint8_t>&) { return add(0); }
  bool key(const std::string& key) { return add(member + key.size()); }
  bool start_object(std::size_t) { return add(container) && deeper(); }
  bool start_array(std::size_t) { return add(container) && deeper(); }
  bool end_object() { return --depth_ >= 0; }
  bool end_array() { return --depth_ >= 0; }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::json::exception& error) const {
    throw FileError(unroll::text(file_, ": not valid JSON at byte ", position, ": ", json_reason(error)));
  }

 private:
  // Memory of parsed values in bytes, estimated for arrays that grow by doubling and for maps.
  static constexpr std::size_t each = 32, member = 112, container = 64;
  static constexpr std::size_t always = 32'000'000, per_byte = 2;  // limit

  bool add(std::size_t bytes) {
    memory_ += each + bytes;
    require<FileError>(memory_ <= most_, file_, ": the values of the JSON text must take at most ", most_,
                       " bytes of memory, got more");
    return true;
  }

  /// Deeper values would be written and released recursively and could overflow the stack.
  bool deeper() {
    constexpr int most = 100;
    require<FileError>(++depth_ <= most, file_, ": JSON must have at most ", most, " levels, got more");
    return true;
  }

  std::string_view file_;
  std::size_t most_, memory_ = 0;
  int depth_ = 0;
};

/// Parses JSON into `Json`, nlohmann::json or nlohmann::ordered_json. Throws FileError, with `file` and the byte, for
/// invalid JSON, including numbers outside the range of double (1e999), bytes 0, more than 100 levels, and values that
/// would take more than 32 MB and 2 times the text.
template <class Json = nlohmann::json>
Json parse_json(std::string_view text, std::string_view file) {
  // The JSON library treats a byte 0 as the end of the text.
  const auto zero = text.find('\0');
  require<FileError>(zero == text.npos, file, ": not valid JSON: byte ", zero, " is 0");
  JsonCheck check(file, text.size());
  nlohmann::json::sax_parse(text.begin(), text.end(), &check);
  return Json::parse(text.begin(), text.end());
}

}  // namespace unroll::detail
