#pragma once
// What goes wrong is told in the words of the user's problem: what was expected, what came, and where.

#include <charconv>
#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>

namespace unroll {

/// Root of every exception that the library throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Sizes that do not fit together: features, units, columns, lengths.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A value outside its range: a label, an option, a learning rate.
class ValueError : public Error {
 public:
  using Error::Error;
};

/// A file that cannot be read, is not what it says it is, or cannot be written.
class FileError : public Error {
 public:
  using Error::Error;
};

/// A NaN or an infinity where a number must be; the message says where it arose first.
class NonFiniteError : public Error {
 public:
  using Error::Error;
};

namespace detail {

inline void append(std::string& out, std::string_view text) { out += text; }

template <class Number>
requires std::integral<Number> || std::floating_point<Number>
void append(std::string& out, Number number) {
  if constexpr (std::same_as<Number, bool>) {
    out += number ? "true" : "false";
  } else {
    char digits[64];
    const auto end =
        std::to_chars(digits, digits + sizeof digits, number).ptr;  // the shortest text that reads back the same
    out.append(digits, end);
  }
}

}  // namespace detail

/// Joins texts and numbers: `text("expects ", 3, " features")`. A char counts as a number; write a string for a letter.
template <class... Parts>
std::string text(const Parts&... parts) {
  std::string out;
  (detail::append(out, parts), ...);
  return out;
}

/// Throws `E` with the joined message unless `condition` holds; the message is only made when it is needed.
template <std::derived_from<Error> E, class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) throw E(text(parts...));
}

}  // namespace unroll
