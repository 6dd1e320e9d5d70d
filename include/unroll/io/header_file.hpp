#pragma once
// Models as C++ headers, for programs on devices without files.

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "unroll/io/atomic_file.hpp"
#include "unroll/io/detail/diagnostics.hpp"
#include "unroll/models/constant_parameters.hpp"
#include "unroll/parameters/finite.hpp"

namespace unroll {

/// Options of write_header.
struct HeaderOptions {
  std::string name = "weights";  ///< of the constant; names before "::" are its namespaces
};

namespace detail {

/// Keywords and alternative tokens of C++20.
inline constexpr auto cpp_keywords = std::to_array<std::string_view>(
    {"alignas",     "alignof",  "and",        "and_eq",    "asm",       "auto",         "bitand",
     "bitor",       "bool",     "break",      "case",      "catch",     "char",         "char16_t",
     "char32_t",    "char8_t",  "class",      "co_await",  "co_return", "co_yield",     "compl",
     "concept",     "const",    "const_cast", "consteval", "constexpr", "constinit",    "continue",
     "decltype",    "default",  "delete",     "do",        "double",    "dynamic_cast", "else",
     "enum",        "explicit", "export",     "extern",    "false",     "float",        "for",
     "friend",      "goto",     "if",         "inline",    "int",       "long",         "mutable",
     "namespace",   "new",      "noexcept",   "not",       "not_eq",    "nullptr",      "operator",
     "or",          "or_eq",    "private",    "protected", "public",    "register",     "reinterpret_cast",
     "requires",    "return",   "short",      "signed",    "sizeof",    "static",       "static_assert",
     "static_cast", "struct",   "switch",     "template",  "this",      "thread_local", "throw",
     "true",        "try",      "typedef",    "typeid",    "typename",  "union",        "unsigned",
     "using",       "virtual",  "void",       "volatile",  "wchar_t",   "while",        "xor",
     "xor_eq"});

/// Throws ValueError unless `part`, one of the names in `name`, is an identifier that a program may define. `global`:
/// it is defined in the global namespace.
inline void check_identifier(std::string_view part, bool global, const std::string& name) {
  const auto expect = [&](bool condition, std::string_view what) {
    require<ValueError>(condition, "write_header: name must ", what, ", got ", [&] { return in_quotes(name); });
  };
  const auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool letters = std::ranges::all_of(
      part, [&](char c) { return (c >= 'a' && c <= 'z') || is_capital(c) || c == '_' || is_digit(c); });
  expect(!part.empty() && letters && !is_digit(part[0]), "be identifiers separated by '::'");
  expect(!std::ranges::count(cpp_keywords, part), "not contain a keyword of C++");
  const bool reserved =
      part.find("__") != part.npos || (part[0] == '_' && (global || (part.size() > 1 && is_capital(part[1]))));
  expect(!reserved, "not contain an identifier that C++ reserves, with '__' or a '_' at its beginning");
}

/// Throws ValueError unless a header may define a constant of this name: identifiers separated by "::".
inline void check_constant_name(const std::string& name) {
  for (std::size_t begin = 0, end = 0; begin <= name.size(); begin = end + 2) {
    end = std::min(name.find("::", begin), name.size());
    check_identifier(std::string_view(name).substr(begin, end - begin), begin == 0, name);
  }
  require<ValueError>(name != "main" && name != "unroll" && name != "std" && !name.starts_with("std::"),
                      "write_header: name must not be 'main', 'unroll', 'std' or a name in std, got ",
                      [&] { return in_quotes(name); });
}

/// Text as a literal in quotes. Bytes other than printable ASCII are octal escapes.
inline std::string cpp_text(std::string_view letters) {
  std::string literal = "\"";
  for (const char c : letters) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n')
      literal += "\\n";
    else if (c == '"' || c == '\\')
      literal += {'\\', c};
    else if (byte < 0x20 || byte > 0x7e)
      literal += {'\\', char('0' + (byte >> 6)), char('0' + (byte >> 3 & 7)), char('0' + (byte & 7))};
    else
      literal += c;
  }
  return literal + '"';
}

/// Number as a hexadecimal literal, which has the same bits.
template <std::floating_point S>
std::string cpp_number(S number) {
  std::array<char, 40> digits;
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), std::abs(number), std::chars_format::hex);
  return text(std::signbit(number) ? "-0x" : "0x", std::string_view(digits.data(), end.ptr),
              std::is_same_v<S, float> ? "f" : "");
}

}  // namespace detail

/// Header that defines the parameters of a model, a Sequential or Stack, as `inline constexpr ConstantParameters`.
/// Throws ValueError for a name that is not made of identifiers, or that C++ reserves, NonFiniteError for parameters
/// that are not finite.
template <class Model>
std::string header_text(const Model& model, const HeaderOptions& options = {}) {
  using S = typename Model::Scalar;
  detail::check_constant_name(options.name);
  check_finite("write_header", model.parameters());
  const auto& values = model.parameters().values();
  const auto last = options.name.rfind("::");
  const bool in_namespace = last != options.name.npos;
  std::string header =
      text("#pragma once\n// Parameters of a model, by write_header. Use: unroll::set_parameters(model, ", options.name,
           ");\n// clang-format off\n\n#include <unroll/models/constant_parameters.hpp>\n\n");
  if (in_namespace) header += text("namespace ", options.name.substr(0, last), " {\n\n");
  header += text("inline constexpr ::unroll::ConstantParameters<", std::is_same_v<S, float> ? "float" : "double", ", ",
                 values.size(), "> ", options.name.substr(in_namespace ? last + 2 : 0), "{\n");
  const std::string identity = detail::model_identity(model);
  for (const std::string& line : detail::lines_of(identity)) header += "    " + detail::cpp_text(line + "\n") + "\n";
  header += "    , {{";
  std::string row;
  for (Index k = 0; k < values.size(); ++k) {
    const std::string number = detail::cpp_number(values[k]) + (k + 1 < values.size() ? "," : "");
    if (row.empty() || row.size() + 1 + number.size() > 120) header += std::exchange(row, "\n   ");
    row += " " + number;
  }
  header += row + "}}};\n";
  if (in_namespace) header += "\n}\n";
  return header;
}

/// Writes the header atomically. Throws as header_text, and FileError.
template <class Model>
void write_header(const Model& model, const std::filesystem::path& path, const HeaderOptions& options = {}) {
  write_text(path, header_text(model, options));
}

}  // namespace unroll
