#pragma once
// What goes wrong is told in the words of the user's problem: what was expected, what came, and where.

#include <charconv>
#include <concepts>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "unroll/core/requirements.hpp"

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

/// A text or a number on its way into a message. Erasing the type here keeps what every check costs to compile small: a
/// literal of each length would otherwise have its own way of being joined.
class Part {
 public:
  template <class T>
  requires std::convertible_to<const T&, std::string_view> Part(const T& letters)
      : text_(letters) {}  // NOLINT: anything that can be told is a part
  template <std::integral T>
  Part(T number) : kind_(kind_of<T>), integer_(static_cast<unsigned long long>(number)) {}  // NOLINT
  Part(float number) : kind_(Kind::single), number_(double(number)) {}                      // NOLINT
  Part(double number) : kind_(Kind::real), number_(number) {}                               // NOLINT

  void append_to(std::string& out) const {
    switch (kind_) {
      case Kind::text:
        out += text_;
        break;
      case Kind::truth:
        out += integer_ != 0 ? "true" : "false";
        break;
      case Kind::negatable:
        append_digits(out, static_cast<long long>(integer_));
        break;
      case Kind::natural:
        append_digits(out, integer_);
        break;
      case Kind::single:
        append_digits(out, static_cast<float>(number_));
        break;
      case Kind::real:
        append_digits(out, number_);
        break;
    }
  }

 private:
  enum class Kind { text, truth, negatable, natural, single, real };
  template <class T>
  static constexpr Kind kind_of = std::same_as<T, bool>     ? Kind::truth
                                  : std::signed_integral<T> ? Kind::negatable
                                                            : Kind::natural;

  template <class Number>
  static void append_digits(std::string& out, Number number) {
    char digits[64];
    const auto end =
        std::to_chars(digits, digits + sizeof digits, number).ptr;  // the shortest text that reads back the same
    out.append(digits, end);
  }

  Kind kind_ = Kind::text;
  std::string_view text_;
  unsigned long long integer_ = 0;
  double number_ = 0;
};

[[gnu::cold]] inline std::string join(std::initializer_list<Part> parts) {
  std::string out;
  for (const Part& part : parts) part.append_to(out);
  return out;
}

/// A part as it is, or what a function without parameters returns.
template <class P>
decltype(auto) evaluated(const P& part) {
  if constexpr (std::invocable<const P&>)
    return part();
  else
    return (part);
}

/// Never inlined: what a check costs where it holds is the check alone.
template <class E>
[[noreturn, gnu::cold, gnu::noinline]] void fail(std::initializer_list<Part> parts) {
  throw E(join(parts));
}

}  // namespace detail

/// Joins texts and numbers: `text("expects ", 3, " features")`. A char counts as a number; write a string for a letter.
/// A function without parameters is called for its text.
template <class... Parts>
std::string text(const Parts&... parts) {
  return detail::join({detail::Part(detail::evaluated(parts))...});
}

/// Throws `E` with the joined message unless `condition` holds. The message is only made when it is needed, but
/// arguments are evaluated at every call: where a part takes work and the check is in a loop, give a function instead,
/// `[&] { return shape_text(shape); }`.
template <std::derived_from<Error> E, class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    detail::fail<E>({detail::Part(detail::evaluated(parts))...});
}

namespace detail {

/// Calls `take`, which does nothing but take memory. Throws `E` with the joined message where there is not that much.
template <std::derived_from<Error> E, class F, class... Parts>
void within_memory(F&& take, const Parts&... parts) try {
  take();
} catch (const std::bad_alloc&) {
  require<E>(false, parts...);
} catch (const std::length_error&) {
  require<E>(false, parts...);
}

}  // namespace detail
}  // namespace unroll
