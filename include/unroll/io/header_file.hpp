#pragma once
// Models as C++ headers, for programs on devices without files.

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

/// Throws ValueError unless the name consists of identifiers separated by "::".
inline void check_constant_name(const std::string& name) {
  bool good = true, begins = true;
  for (std::size_t k = 0; k < name.size(); ++k) {
    const char c = name[k];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_', digit = c >= '0' && c <= '9';
    if (c == ':' && !begins && name.substr(k, 2) == "::") {
      begins = true, ++k;
      continue;
    }
    good = good && (letter || (digit && !begins));
    begins = false;
  }
  require<ValueError>(good && !begins, "write_header: name must be identifiers separated by '::', got ",
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
/// Throws ValueError for a name that is not made of identifiers (keywords are not detected), NonFiniteError for
/// parameters that are not finite.
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
