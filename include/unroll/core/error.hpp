#pragma once
// Exceptions, and checks that throw them. A message gives the expected value, the actual value and the location.

#include <charconv>
#include <concepts>
#include <initializer_list>
#include <new>
#include <stdexcept>
#include <string>
#include <string_view>

#include "unroll/core/requirements.hpp"

namespace unroll {

/// Base class of all exceptions that the library throws deliberately.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Mismatched sizes: features, units, columns, lengths.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// Value out of range: a label, an option, a learning rate.
class ValueError : public Error {
 public:
  using Error::Error;
};

/// File that cannot be read or written, or whose content does not match its format.
class FileError : public Error {
 public:
  using Error::Error;
};

/// NaN or infinity where a finite number is required. The message gives the place where it occurred first.
class NonFiniteError : public Error {
 public:
  using Error::Error;
};

namespace detail {

/// Text or number of a message, type-erased. Without the erasure, each length of a string literal would instantiate its
/// own join function, and every check would be slower to compile.
class Part {
 public:
  template <class T>
  requires std::convertible_to<const T&, std::string_view> Part(const T& letters)  // NOLINT: implicit, for messages
      : Part(std::string_view(letters)) {}
  Part(std::string_view letters) : text_(letters.data()), size_(letters.size()) {}  // NOLINT
  template <std::integral T>
  Part(T number) : integer_(static_cast<unsigned long long>(number)), kind_(kind_of<T>) {}  // NOLINT
  Part(float number) : number_(double(number)), kind_(Kind::single) {}                      // NOLINT
  Part(double number) : number_(number), kind_(Kind::real) {}                               // NOLINT

  void append_to(std::string& out) const {
    switch (kind_) {
      case Kind::text:
        out.append(text_, size_);
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
    const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;  // shortest text that round-trips
    out.append(digits, end);
  }

  union {
    const char* text_;
    unsigned long long integer_;
    double number_;
  };
  std::size_t size_ = 0;  // of the text
  Kind kind_ = Kind::text;
};

/// Default argument of a function that would need no template parameter. As a template it is compiled by each program
/// that calls it, or once if the program links the component `compiled`, which declares it extern.
using Once = void;

template <class = Once>
[[gnu::cold]] std::string join(std::initializer_list<Part> parts) {
  std::string out;
  for (const Part& part : parts) part.append_to(out);
  return out;
}

/// The part itself, or its result if it is a function without parameters.
template <class P>
decltype(auto) evaluated(const P& part) {
  if constexpr (std::invocable<const P&>)
    return part();
  else
    return (part);
}

/// Throwing part of `require`, never inlined: a check that holds costs only the comparison.
template <class E>
[[noreturn, gnu::cold, gnu::noinline]] void fail(std::initializer_list<Part> parts) {
  throw E(join(parts));
}

}  // namespace detail

/// Concatenation of texts and numbers: `text("features must be ", 3)`. A char counts as a number; use a string for
/// a letter. A function without parameters is called, and its result is inserted.
template <class... Parts>
std::string text(const Parts&... parts) {
  return detail::join({detail::Part(detail::evaluated(parts))...});
}

/// Check: throws `E` with the joined message unless `condition` holds. The message is built only on failure, but the
/// arguments are evaluated at every call. For an expensive part in a loop pass a function: `[&] { return f(x); }`.
template <std::derived_from<Error> E, class... Parts>
void require(bool condition, const Parts&... parts) {
  if (!condition) [[unlikely]]
    detail::fail<E>({detail::Part(detail::evaluated(parts))...});
}

namespace detail {

/// Calls `take`, which only allocates memory. Throws `E` with the joined message if the allocation fails.
template <std::derived_from<Error> E, class F, class... Parts>
void within_memory(F&& take, const Parts&... parts) try {
  take();
} catch (const std::bad_alloc&) {
  require<E>(false, parts...);
} catch (const std::length_error&) {
  require<E>(false, parts...);
}

/// Throws the present error of the library again with `place` in front of its message. It keeps its type.
template <class = Once>
[[noreturn, gnu::cold]] void rethrow_at(const std::string& place) try {
  throw;
} catch (const ShapeError& error) {
  throw ShapeError(place + error.what());
} catch (const ValueError& error) {
  throw ValueError(place + error.what());
} catch (const FileError& error) {
  throw FileError(place + error.what());
} catch (const NonFiniteError& error) {
  throw NonFiniteError(place + error.what());
} catch (const Error& error) {
  throw Error(place + error.what());
}

/// Calls f() and adds `place`, a text or a function that returns one, in front of the messages of its errors, which
/// keep their types.
template <class Place, class F>
decltype(auto) with_place(const Place& place, F&& f) try {
  return f();
} catch (const Error&) {
  rethrow_at(text(place));
}

}  // namespace detail
}  // namespace unroll
